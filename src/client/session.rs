//! The session step: what a client adds to each hop, and what is bound to one origin.
//!
//! Credentials belong to the origin that they were given for. This file is the only place that adds those of
//! a URL, of a netrc file and of a cookie store. It is also the only one that removes secrets from a request
//! that goes to another origin.
//!
//! | file | contents |
//! | --- | --- |
//! | `session.rs` | the step, and the rules for origins |
//! | `session/sources.rs` | [`SessionSources`]: the cookie store and the netrc file |
//! | `session/state.rs` | [`HopState`]: the fields that were added to a hop |
//! | `session/cookies.rs` | the Cookie and Set-Cookie fields |
//! | `session/options.rs` | the builders' methods |

mod cookies;
mod options;
pub(super) mod sources;
pub(super) mod state;

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};

use self::sources::SessionSources;
use self::state::{Added, HopState, Origin};
use super::auth;
use super::hop::HopRequest;
use super::loopback::is_loopback;
use super::url::{Scheme, Url};
use crate::body::Body;
use crate::error::Result;

const COOKIE2: HeaderName = HeaderName::from_static("cookie2");

/// Sends a hop by `next`, with the credentials and cookies of its URL, and stores the cookies of the
/// response. The added fields are removed afterwards: each hop's is derived from its own URL.
#[inline]
pub(super) fn run(
    hop: &mut HopRequest<'_>,
    sources: Option<&SessionSources>,
    next: impl FnOnce(&mut HopRequest<'_>) -> Result<Response<Body>>,
) -> Result<Response<Body>> {
    if is_plain(hop, sources) {
        return next(hop);
    }
    add(hop, sources);
    let url = hop.url.uri().clone();
    let response = next(hop);
    if let Ok(response) = &response {
        if let Some(store) = sources.and_then(|sources| sources.cookies.as_deref()) {
            if hop.parts.method != Method::CONNECT {
                cookies::store(store, &url, response);
            }
        }
    }
    remove(hop);
    response
}

/// Shows a hop to the user's code in `next` as [`run`] will send it.
pub(super) fn show<'a>(
    hop: &mut HopRequest<'a>,
    sources: Option<&SessionSources>,
    next: impl FnOnce(&mut HopRequest<'a>) -> Result<Response<Body>>,
) -> Result<Response<Body>> {
    add(hop, sources);
    let response = next(hop);
    remove(hop);
    response
}

/// Returns `true` if there is nothing to add to a hop, and no store for its response's cookies.
#[inline]
fn is_plain(hop: &HopRequest<'_>, sources: Option<&SessionSources>) -> bool {
    sources.is_none_or(SessionSources::is_empty) && !hop.url.has_credentials()
}

/// Adds the credentials of the hop's URL, unless the request has an Authorization field, and its cookies.
pub(super) fn add(hop: &mut HopRequest<'_>, sources: Option<&SessionSources>) {
    if is_plain(hop, sources) {
        return;
    }
    let nothing = SessionSources::default();
    let sources = sources.unwrap_or(&nothing);
    let authorization = credentials(hop, sources);
    let cookie = match sources.cookies.as_deref() {
        Some(store) if !hop.state.withholds(&COOKIE) && hop.parts.method != Method::CONNECT => {
            // A default Cookie field must not hide behind the merged one.
            hop.merge_defaults();
            cookies::merged(store, hop.url.uri(), &hop.parts.headers)
        }
        _ => None,
    };
    if authorization.is_some() || cookie.is_some() {
        hop.state.add(Added { authorization, cookie }, &mut hop.parts.headers);
    }
}

/// Removes what [`add`] added.
pub(super) fn remove(hop: &mut HopRequest<'_>) {
    hop.state.remove_added(&mut hop.parts.headers);
}

/// Returns the credentials that a request without an Authorization field gets: those of its URL, else those
/// of its host in the netrc file.
fn credentials(hop: &HopRequest<'_>, sources: &SessionSources) -> Option<HeaderValue> {
    if hop.state.withholds(&AUTHORIZATION) || hop.fields().contains(&AUTHORIZATION) {
        return None;
    }
    if hop.url.has_password() {
        return hop.url.credentials();
    }
    from_netrc(hop, sources).or_else(|| hop.url.credentials())
}

/// Returns the netrc file's credentials for a hop. A redirect to another origin must not choose who gets the
/// default password, nor have any password sent in the clear.
fn from_netrc(hop: &HopRequest<'_>, sources: &SessionSources) -> Option<HeaderValue> {
    let (netrc, url) = (sources.netrc.as_deref()?, &hop.url);
    let is_given = hop.state.origin() == Origin::Given;
    let is_private = url.scheme() == Scheme::Https || is_loopback(url.host());
    if hop.parts.method == Method::CONNECT || !(is_given || is_private) {
        return None;
    }
    let user = url.user();
    let login = match is_given {
        true => netrc.find(url.host(), user.as_deref()),
        false => netrc.find_machine(url.host(), user.as_deref()),
    }?;
    Some(auth::basic(login.user, login.password))
}

/// Returns the URL of a request that the user's code has passed on, with `uri` and `headers`, and its state.
/// Before, it had the URL `from`, the headers `before` and `state`.
///
/// A changed URI is read as one that a caller gives. If it leads to another origin, the secrets that the
/// code left as they were are removed. The fields that the session had added are removed in any case, since
/// they are derived anew from the URL that is returned.
pub(super) fn rebind(
    headers: &mut HeaderMap,
    uri: &Uri,
    from: &Url,
    before: &HeaderMap,
    state: &HopState,
) -> Result<(Url, HopState)> {
    let mut to = from.clone();
    if uri != from.uri() {
        to = Url::of_uri(uri.clone())?;
        to.inherit(from);
    }
    if !from.is_same_origin(&to) {
        remove_unchanged_secrets(headers, before);
        return Ok((to, state.elsewhere()));
    }
    let was_removed = before.contains_key(AUTHORIZATION) && !headers.contains_key(AUTHORIZATION);
    let mut state = state.passed_on(headers);
    if was_removed {
        state.withhold(AUTHORIZATION);
    }
    if !to.has_credentials_of(from) {
        state.allow(&AUTHORIZATION);
    }
    Ok((to, state))
}

/// Removes the secrets of a request that leaves its origin.
pub(super) fn remove_secrets(headers: &mut HeaderMap) {
    for name in secrets(headers) {
        headers.remove(name);
    }
}

/// Removes the secrets of a request that a middleware passes on to another origin, as far as it
/// left them as it `received` them.
pub(super) fn keep_to_origin(
    request: &mut Request<Body>,
    (uri, headers): &(Uri, HeaderMap),
) -> Result<()> {
    if request.uri() != uri {
        let (from, to) = (Url::of_uri(uri.clone())?, Url::of_uri(request.uri().clone())?);
        if !from.is_same_origin(&to) {
            remove_unchanged_secrets(request.headers_mut(), headers);
        }
    }
    Ok(())
}

/// Removes the values of secrets that are in `before` as well.
fn remove_unchanged_secrets(headers: &mut HeaderMap, before: &HeaderMap) {
    for name in secrets(before) {
        let is_new = |value: &&HeaderValue| before.get_all(&name).iter().all(|old| old != *value);
        let new: Vec<_> = headers.get_all(&name).iter().filter(is_new).cloned().collect();
        headers.remove(&name);
        for value in new {
            headers.append(&name, value);
        }
    }
}

/// Returns the fields that must not go to another origin: those that hold credentials, and those that
/// the caller marked as sensitive.
fn secrets(headers: &HeaderMap) -> Vec<HeaderName> {
    let marked = headers.iter().filter(|(_, value)| value.is_sensitive()).map(|(name, _)| name);
    [&AUTHORIZATION, &COOKIE, &COOKIE2, &PROXY_AUTHORIZATION]
        .into_iter()
        .chain(marked)
        .cloned()
        .collect()
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
