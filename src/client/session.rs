//! The session step: what a client adds to each hop, and what is bound to one origin.
//!
//! Credentials belong to the origin that they were given for. This file is the only place that adds
//! those of a URL, and the only one that removes secrets from a request that goes to another origin.

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};

use super::hop::HopRequest;
use super::url::Url;
use crate::body::Body;
use crate::error::Result;

const COOKIE2: HeaderName = HeaderName::from_static("cookie2");

/// Sends a hop by `next`, with the credentials of its URL unless it has its own. They are taken back
/// afterwards: each hop's are derived from its own URL.
///
/// The hop offers `codings` as its Accept-Encoding, unless its own fields decide on that.
#[inline]
pub(super) fn run<'a>(
    hop: &mut HopRequest<'a>,
    codings: Option<&'a HeaderValue>,
    next: impl FnOnce(&mut HopRequest<'a>) -> Result<Response<Body>>,
) -> Result<Response<Body>> {
    hop.offer = codings.filter(|_| !hop.fields().choose_coding());
    let authorized = authorize(hop);
    let response = next(hop);
    if authorized {
        deauthorize(hop);
    }
    response
}

/// Adds the credentials of the URL, unless the request has an Authorization field. Returns `true` if it
/// added them.
pub(super) fn authorize(hop: &mut HopRequest<'_>) -> bool {
    let Some(value) = hop.url.credentials() else { return false };
    if hop.fields().contains(&AUTHORIZATION) {
        return false;
    }
    hop.parts.headers.insert(AUTHORIZATION, value);
    true
}

/// Removes the credentials that [`authorize`] added.
pub(super) fn deauthorize(hop: &mut HopRequest<'_>) {
    hop.parts.headers.remove(AUTHORIZATION);
}

/// Returns the URL of a request that the user's code has passed on, with `uri` and `headers`. Before, it
/// had the URL `from` and the headers `before`.
///
/// A changed URI is read as one that a caller gives. If it leads to another origin, the secrets that the
/// code left as they were are removed. Credentials that were derived from `from` are removed in any case,
/// since they are derived anew from the URL that is returned.
pub(super) fn rebind(
    headers: &mut HeaderMap,
    uri: &Uri,
    from: &Url,
    before: &HeaderMap,
) -> Result<Url> {
    let mut to = from.clone();
    if uri != from.uri() {
        to = Url::of_uri(uri.clone())?;
        to.inherit(from);
    }
    if !from.is_same_origin(&to) {
        remove_unchanged_secrets(headers, before);
        return Ok(to);
    }
    let Some(derived) = from.credentials() else { return Ok(to) };
    match headers.get(AUTHORIZATION) {
        Some(value) if *value == derived => {
            headers.remove(AUTHORIZATION);
        }
        // The code has removed them.
        None if before.contains_key(AUTHORIZATION) && to.credentials() == Some(derived) => {
            to.forget_credentials();
        }
        _ => {}
    }
    Ok(to)
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
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn headers<const N: usize>(fields: [(HeaderName, &'static str); N]) -> HeaderMap {
        fields.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
    }

    /// Passes on a request for `http://u:p@a/x` by way of `to`.
    fn rebound(to: &'static str, before: &HeaderMap, mut after: HeaderMap) -> (Url, HeaderMap) {
        let from = url("http://u:p@a/x");
        let url = rebind(&mut after, &Uri::from_static(to), &from, before).unwrap();
        (url, after)
    }

    #[test]
    fn t16_only_changed_secrets_go_to_another_origin() {
        let before = headers([(AUTHORIZATION, "old"), (COOKIE, "old")]);
        let mut after = before.clone();
        after.insert(AUTHORIZATION, HeaderValue::from_static("new"));
        let (url, after) = rebound("http://b/", &before, after);
        assert_eq!(after.get(AUTHORIZATION).unwrap(), "new");
        assert!(!after.contains_key(COOKIE) && url.credentials().is_none());
    }

    #[test]
    fn t16_a_value_that_is_appended_leaves_the_old_one_behind() {
        let before = headers([(COOKIE, "session=a")]);
        let mut after = before.clone();
        after.append(COOKIE, HeaderValue::from_static("x=1"));
        let (_, after) = rebound("http://b/", &before, after);
        assert_eq!(after, headers([(COOKIE, "x=1")]));
    }

    #[test]
    fn t16_credentials_of_a_changed_url_replace_those_that_were_removed() {
        let derived = url("http://u:p@a/").credentials().unwrap();
        let before: HeaderMap = [(AUTHORIZATION, derived)].into_iter().collect();
        let (url, _) = rebound("http://v:q@a/", &before, HeaderMap::new());
        assert_eq!(url.credentials(), self::url("http://v:q@a/").credentials());
    }

    #[test]
    fn t16_within_the_origin_secrets_stay() {
        let before = headers([(AUTHORIZATION, "own"), (COOKIE, "own")]);
        let (url, after) = rebound("http://a/y", &before, before.clone());
        assert_eq!(after, before);
        assert_eq!(url.credentials(), self::url("http://u:p@a/").credentials());
    }

    #[test]
    fn t16_derived_credentials_are_derived_anew() {
        let derived = url("http://u:p@a/").credentials().unwrap();
        let before: HeaderMap = [(AUTHORIZATION, derived.clone())].into_iter().collect();
        for (to, expected) in [
            ("http://a/x", Some(derived.clone())),
            ("http://a/y", Some(derived)),
            ("http://v:q@a/", url("http://v:q@a/").credentials()),
            ("http://b/", None),
        ] {
            let (url, after) = rebound(to, &before, before.clone());
            assert_eq!((after.get(AUTHORIZATION), url.credentials()), (None, expected), "{to}");
        }
        let (url, _) = rebound("http://a/x", &before, HeaderMap::new());
        assert!(url.credentials().is_none(), "removed on purpose");
    }
}
