//! The way of a request through a router.

use std::borrow::Cow;

use http::header::{ALLOW, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Uri};

use super::nest::Nested;
use super::pattern::{Pattern, Segment};
use super::tree::Wanted;
use super::{Action, Route, Router, host, path};
use crate::{Error, Handler, Redirect, Request, RequestExt, ResponseWriter, Result};

/// The result of a look-up.
enum Decision<'a> {
    Route(&'a Route),
    /// Redirects to this path, below the prefixes of outer routers.
    Redirect(String),
    /// No pattern matches, but some would match with these methods.
    Allowed(Vec<Method>),
    NotFound,
}

impl Handler for Router {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
        match self.decide(r)? {
            Decision::Route(route) => self.run(route, w, r),
            Decision::Redirect(path) => w.send(redirect(r, &path)),
            Decision::Allowed(methods) => disallow(w, r, methods),
            Decision::NotFound => self.run_not_found(w, r),
        }
    }
}

impl Router {
    fn decide(&self, r: &Request) -> Result<Decision<'_>> {
        let host = if self.tree.has_hosts() { host::of(r) } else { Cow::Borrowed("") };
        let (method, asked) = (r.method(), r.uri().path());
        let is_encoded = asked.contains('%');
        if is_encoded {
            if let Some(at) = path::invalid_encoding(asked.as_bytes()) {
                let text = format!("invalid percent-encoding in the path at byte {at}");
                return Err(Error::status(StatusCode::BAD_REQUEST, text));
            }
        }
        let path = match *method == Method::CONNECT {
            // Its target has no path (RFC 9112 section 3.2.3). One that was made by hand is not changed.
            true if asked.is_empty() => Cow::Borrowed("/"),
            true => Cow::Borrowed(asked),
            false if path::is_clean(asked.as_bytes()) => Cow::Borrowed(asked),
            false => Cow::Owned(path::clean(asked)),
        };
        let wanted = Wanted { host: &host, method, path: &path, is_encoded, with_slash: false };
        let decision = self.look_up(&wanted);
        Ok(match decision {
            Decision::Route(_) if matches!(path, Cow::Owned(_)) => {
                Decision::Redirect(path.into_owned())
            }
            decision => decision,
        })
    }

    fn look_up(&self, wanted: &Wanted<'_>) -> Decision<'_> {
        let found = self.tree.find(wanted);
        let takes_slash = *wanted.method != Method::CONNECT && !wanted.path.ends_with('/');
        let slashed = Wanted { with_slash: true, ..*wanted };
        if takes_slash
            && !found.is_some_and(|found| found.is_exact)
            && self.tree.find(&slashed).is_some_and(|found| found.is_exact)
        {
            return Decision::Redirect(format!("{}/", wanted.path));
        }
        if let Some(found) = found {
            return Decision::Route(&self.routes[found.route]);
        }
        let mut methods = self.tree.methods(wanted);
        if takes_slash {
            methods.extend(self.tree.methods(&slashed));
        }
        match methods.is_empty() {
            true => Decision::NotFound,
            false => Decision::Allowed(methods),
        }
    }

    fn run(&self, route: &Route, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
        take_values(&route.pattern, r)?;
        let nested = r.extensions().get::<Nested>();
        let inner = match &route.action {
            Action::Handle(_) => None,
            Action::Nest(_) => Some(Nested::new(nested, &route.pattern, self.not_found.as_ref())),
        };
        match nested.map(|nested| route.pattern.below(nested.prefix())) {
            Some(whole) => r.set_matched_pattern(&whole),
            None => r.set_matched_pattern(&route.pattern.text),
        }
        match (&route.action, inner) {
            (Action::Nest(handler), Some(inner)) => {
                run_nested(&**handler, inner, &route.pattern, w, r)
            }
            (Action::Handle(handler) | Action::Nest(handler), _) => handler.handle(w, r),
        }
    }

    fn run_not_found(&self, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
        if let Some(handler) = &self.not_found {
            w.set_status(StatusCode::NOT_FOUND);
            return handler.handle(w, r);
        }
        let nested = r.extensions().get::<Nested>();
        let Some(outer) = nested.and_then(|nested| nested.not_found().cloned()) else {
            return Err(StatusCode::NOT_FOUND.into());
        };
        let whole = r.original_uri().clone();
        let inner = std::mem::replace(r.uri_mut(), whole);
        w.set_status(StatusCode::NOT_FOUND);
        let outcome = outer.handle(w, r);
        *r.uri_mut() = inner;
        outcome
    }
}

/// Sets the values of the pattern's wildcards.
fn take_values(pattern: &Pattern, r: &mut Request) -> Result<()> {
    if pattern.names().next().is_none() {
        return Ok(());
    }
    let uri = std::mem::take(r.uri_mut());
    let mut rest = uri.path().as_bytes();
    let mut outcome = Ok(());
    for segment in &pattern.segments {
        let (value, after) = path::split_first(rest);
        let (name, value) = match segment {
            Segment::Wild(name) => (name, value),
            Segment::Rest(Some(name)) => (name, rest.get(1..).unwrap_or_default()),
            Segment::Literal(_) | Segment::Rest(None) | Segment::End => {
                rest = after;
                continue;
            }
        };
        rest = after;
        match std::str::from_utf8(&path::decoded(value)) {
            Ok(value) => r.set_path_value(name, value),
            Err(_) => {
                let text = format!("the path's value {name:?} is not in UTF-8");
                outcome = Err(Error::status(StatusCode::BAD_REQUEST, text));
            }
        }
    }
    *r.uri_mut() = uri;
    outcome
}

/// Runs a handler without the prefix in the path.
fn run_nested(
    handler: &dyn Handler,
    nested: Nested,
    prefix: &Pattern,
    w: &mut ResponseWriter,
    r: &mut Request,
) -> Result<()> {
    let (uri, stripped) = strip(r.uri(), prefix)?;
    let whole = std::mem::replace(r.uri_mut(), uri);
    let outer = r.extensions_mut().insert(nested.with_stripped(stripped));
    if outer.is_none() {
        r.set_original_uri(whole.clone());
    }
    let outcome = handler.handle(w, r);
    // Layers around the router see the whole path again.
    *r.uri_mut() = whole;
    match outer {
        Some(outer) => _ = r.extensions_mut().insert(outer),
        None => _ = r.extensions_mut().remove::<Nested>(),
    }
    outcome
}

/// Removes the prefix from a path that it matches. Returns how many bytes that are.
fn strip(uri: &Uri, prefix: &Pattern) -> Result<(Uri, usize)> {
    if uri.path_and_query().is_none() {
        // The target of CONNECT has no path, and must not get one.
        return Ok((uri.clone(), 0));
    }
    let path = uri.path();
    let mut rest = path.as_bytes();
    for segment in &prefix.segments {
        if let Segment::Literal(_) | Segment::Wild(_) = segment {
            rest = path::split_first(rest).1;
        }
    }
    let stripped = path.len() - rest.len();
    let mut inner =
        String::with_capacity(uri.path_and_query().map_or(0, |it| it.as_str().len()) + 1);
    inner.push_str(if rest.is_empty() { "/" } else { &path[stripped..] });
    if let Some(query) = uri.query() {
        inner.extend(["?", query]);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(inner).map_err(http::Error::from)?);
    Ok((Uri::from_parts(parts).map_err(http::Error::from)?, stripped))
}

/// Redirects to a path of this router, with the query that the request has.
fn redirect(r: &Request, path: &str) -> Redirect {
    let mut target = String::new();
    if let Some(nested) = r.extensions().get::<Nested>() {
        target.push_str(r.original_uri().path().get(..nested.stripped()).unwrap_or_default());
    }
    target.push_str(path);
    // Browsers read a backslash as a slash, and two slashes as the start of a host.
    if target.contains('\\') {
        target = target.replace('\\', "%5C");
    }
    if let Some(query) = r.uri().query() {
        target.extend(["?", query]);
    }
    Redirect::permanent(target)
}

/// Responds to OPTIONS with the methods of the path, and to any other method with 405 (RFC 9110 sections
/// 9.3.7 and 15.5.6).
fn disallow(w: &mut ResponseWriter, r: &Request, mut methods: Vec<Method>) -> Result<()> {
    if methods.contains(&Method::GET) {
        methods.push(Method::HEAD);
    }
    methods.push(Method::OPTIONS);
    methods.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    methods.dedup();
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    let allow = HeaderValue::try_from(names.join(", "))?;
    if *r.method() == Method::OPTIONS {
        return w.send((StatusCode::NO_CONTENT, HeaderMap::from_iter([(ALLOW, allow)]), ()));
    }
    Err(Error::from(StatusCode::METHOD_NOT_ALLOWED).with_header(ALLOW, allow))
}
