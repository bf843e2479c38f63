//! Where a redirect leads, and what of the request goes along. Pure functions.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_TYPE, COOKIE, EXPECT, HOST, LOCATION, PROXY_AUTHORIZATION, TRAILER,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, StatusCode};

use super::url::Url;
use crate::error::Result;

/// What a client does about redirects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectPolicy {
    /// Follow at most so many, and fail with
    /// [`ErrorKind::TooManyRedirects`](crate::ErrorKind::TooManyRedirects) beyond.
    Follow(u32),
    /// Hand the redirecting response to the caller.
    Stop,
}

impl Default for RedirectPolicy {
    /// Follow at most 10.
    fn default() -> Self {
        Self::Follow(10)
    }
}

/// How a redirect changes the method (RFC 9110 section 15.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// The same method and body.
    Same,
    /// As GET (or HEAD), without a body.
    AsGet,
}

/// How `status` wants a request of `method` to be repeated; `None` if it is no redirect to follow.
pub(super) fn repeat(status: StatusCode, method: &Method) -> Option<Repeat> {
    match status.as_u16() {
        // A tunnel leads to the host that was asked for, or to none.
        _ if *method == Method::CONNECT => None,
        303 if *method == Method::HEAD => Some(Repeat::Same),
        303 => Some(Repeat::AsGet),
        301 | 302 if *method == Method::POST => Some(Repeat::AsGet),
        301 | 302 | 307 | 308 => Some(Repeat::Same),
        _ => None,
    }
}

/// Finds out where the response to a request for `base` redirects to; `None` if it does not say.
pub(super) fn location(base: &Url, headers: &HeaderMap) -> Option<Result<Url>> {
    let location = headers.get(LOCATION)?.as_bytes();
    Some(base.resolve(location).map_err(|fault| fault.of_location(location)))
}

/// Turns the request for `from` into the one that follows the redirect to `to`.
pub(super) fn follow(parts: &mut Parts, from: &Url, to: &Url, repeat: Repeat) {
    let headers = &mut parts.headers;
    headers.remove(HOST);
    if !from.is_same_origin(to) {
        for name in secrets(headers) {
            headers.remove(name);
        }
    }
    if repeat == Repeat::AsGet {
        parts.method = Method::GET;
        for name in [
            CONTENT_ENCODING,
            CONTENT_LANGUAGE,
            CONTENT_LENGTH,
            CONTENT_LOCATION,
            CONTENT_TYPE,
            EXPECT,
            TRAILER,
        ] {
            headers.remove(name);
        }
    }
    parts.uri = to.uri().clone();
}

/// Removes the secrets that are as they were in `before`: the request goes to another origin than they
/// were meant for.
pub(super) fn remove_unchanged_secrets(headers: &mut HeaderMap, before: &HeaderMap) {
    for name in secrets(before) {
        if headers.get_all(&name) == before.get_all(&name) {
            headers.remove(name);
        }
    }
}

/// The fields that must not go to another origin: those that hold credentials, and those that the caller
/// marked as sensitive.
fn secrets(headers: &HeaderMap) -> Vec<HeaderName> {
    let marked = headers.iter().filter(|(_, value)| value.is_sensitive()).map(|(name, _)| name);
    [&AUTHORIZATION, &COOKIE, &COOKIE2, &PROXY_AUTHORIZATION]
        .into_iter()
        .chain(marked)
        .cloned()
        .collect()
}

const COOKIE2: HeaderName = HeaderName::from_static("cookie2");

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn t16_which_redirects_become_get() {
        use Repeat::{AsGet, Same};
        for (status, method, expected) in [
            (301, Method::GET, Some(Same)),
            (301, Method::POST, Some(AsGet)),
            (302, Method::POST, Some(AsGet)),
            (302, Method::PUT, Some(Same)),
            (303, Method::PUT, Some(AsGet)),
            (303, Method::HEAD, Some(Same)),
            (307, Method::POST, Some(Same)),
            (308, Method::DELETE, Some(Same)),
            (300, Method::GET, None),
            (304, Method::GET, None),
            (200, Method::GET, None),
            (307, Method::CONNECT, None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(repeat(status, &method), expected, "{status} {method}");
        }
    }

    fn request_to(uri: &str) -> http::request::Builder {
        http::Request::builder().uri(uri)
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn t16_secrets_stay_with_their_origin() {
        let from = "https://a.example/";
        let mut marked = http::HeaderValue::from_static("secret");
        marked.set_sensitive(true);
        let left = |to: &str| {
            let request = request_to(from)
                .header(AUTHORIZATION, "secret")
                .header(COOKIE, "secret")
                .header("x-token", "also")
                .header("x-token", &marked)
                .header("x-other", "kept");
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            follow(&mut parts, &url(from), &url(to), Repeat::Same);
            assert!(parts.headers.contains_key("x-other"));
            parts.headers.len()
        };
        assert_eq!(left("https://a.example/x"), 5);
        assert_eq!(left("https://A.example:443/x"), 5);
        for other in [
            "http://a.example/",
            "https://b.example/",
            "https://a.example:8443/",
            "http://a.example:443/",
            "https://a.example./",
            "https://x.a.example/",
        ] {
            assert_eq!(left(other), 1, "{other}");
        }
    }

    #[test]
    fn t16_only_new_secrets_go_where_a_callback_leads() {
        let mut before = HeaderMap::new();
        before.insert(AUTHORIZATION, http::HeaderValue::from_static("old"));
        before.insert(COOKIE, http::HeaderValue::from_static("old"));
        let mut headers = before.clone();
        headers.insert(AUTHORIZATION, http::HeaderValue::from_static("new"));
        remove_unchanged_secrets(&mut headers, &before);
        assert_eq!(headers.get(AUTHORIZATION).unwrap(), "new");
        assert!(!headers.contains_key(COOKIE));
    }

    #[test]
    fn t16_a_get_carries_nothing_of_the_body_along() {
        let request = request_to("http://a/").method(Method::POST).header(CONTENT_TYPE, "x/y");
        let (mut parts, ()) = request.header(CONTENT_LENGTH, 5).body(()).unwrap().into_parts();
        follow(&mut parts, &url("http://a/"), &url("http://a/b"), Repeat::AsGet);
        assert_eq!(parts.method, Method::GET);
        assert!(parts.headers.is_empty());
    }
}
