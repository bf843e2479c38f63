//! Where a redirect leads, and what of the request goes along. Pure functions.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_TYPE, COOKIE, EXPECT, HOST, LOCATION, PROXY_AUTHORIZATION, TRAILER, TRANSFER_ENCODING,
};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri};
use iri_string::types::{UriReferenceStr, UriStr};
use percent_encoding::utf8_percent_encode;

use super::target::STRAY;
use crate::error::{Error, ErrorKind, Result};

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
        303 if *method == Method::HEAD => Some(Repeat::Same),
        303 => Some(Repeat::AsGet),
        301 | 302 if *method == Method::POST => Some(Repeat::AsGet),
        301 | 302 | 307 | 308 => Some(Repeat::Same),
        _ => None,
    }
}

/// Where the response to a request for `base` redirects to; `None` if it does not say.
pub(super) fn location(base: &Uri, headers: &HeaderMap) -> Result<Option<Uri>> {
    let Some(location) = headers.get(LOCATION) else { return Ok(None) };
    let bad = |what: &str| {
        let message = format!("Location {location:?}: {what}");
        Error::message(ErrorKind::MalformedMessage, message)
    };
    let text = std::str::from_utf8(location.as_bytes()).map_err(|_| bad("not UTF-8"))?;
    let text = utf8_percent_encode(text, STRAY).to_string();
    let reference = UriReferenceStr::new(&text).map_err(|_| bad("not a URI reference"))?;
    let base = base.to_string();
    let base = UriStr::new(&base).map_err(|_| bad("relative to no URL"))?;
    let resolved = reference.resolve_against(base.to_absolute()).to_string();
    resolved.parse().map(Some).map_err(|_| bad("not a URL"))
}

/// Turns the request into the one that follows the redirect to `to`. Nothing secret goes to another
/// host, nor from https to http.
pub(super) fn follow(parts: &mut Parts, to: Uri, repeat: Repeat) {
    let headers = &mut parts.headers;
    headers.remove(HOST);
    if !is_same_origin(&parts.uri, &to) {
        for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
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
            TRANSFER_ENCODING,
        ] {
            headers.remove(name);
        }
    }
    parts.uri = to;
}

/// Whether two URLs have the same scheme, host and port. A port is a host of its own here: who may
/// listen on another need not be who listens on this.
fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let host = |url: &Uri| url.host().map(str::to_ascii_lowercase);
    let port = |url: &Uri| {
        url.port_u16().or(match url.scheme_str() {
            Some("https") => Some(443),
            _ => Some(80),
        })
    };
    one.scheme() == other.scheme() && host(one) == host(other) && port(one) == port(other)
}

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
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(repeat(status, &method), expected, "{status} {method}");
        }
    }

    #[test]
    fn t16_references_are_resolved() {
        let base: Uri = "http://a.example/b/c?d=e".parse().unwrap();
        for (reference, expected) in [
            ("/x", "http://a.example/x"),
            ("x", "http://a.example/b/x"),
            ("../x", "http://a.example/x"),
            ("?y=z", "http://a.example/b/c?y=z"),
            ("//other.example/x", "http://other.example/x"),
            ("https://other.example", "https://other.example/"),
            ("/x#fragment", "http://a.example/x"),
            ("/with space/ü", "http://a.example/with%20space/%C3%BC"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, http::HeaderValue::from_bytes(reference.as_bytes()).unwrap());
            let found = location(&base, &headers).unwrap().unwrap();
            assert_eq!(found.to_string(), expected, "{reference}");
        }
        assert!(location(&base, &HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn t16_secrets_stay_with_their_origin() {
        let request = |to: &str| {
            let request = http::Request::builder()
                .uri("https://a.example/")
                .header(AUTHORIZATION, "secret")
                .header(COOKIE, "secret")
                .header("x-other", "kept");
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            follow(&mut parts, to.parse().unwrap(), Repeat::Same);
            assert!(parts.headers.contains_key("x-other"));
            parts.headers.contains_key(AUTHORIZATION) && parts.headers.contains_key(COOKIE)
        };
        assert!(request("https://a.example/x"));
        assert!(request("https://A.example:443/x"));
        for other in ["http://a.example/", "https://b.example/", "https://a.example:8443/"] {
            assert!(!request(other), "{other}");
        }
    }

    #[test]
    fn t16_a_get_carries_nothing_of_the_body_along() {
        let request = http::Request::post("http://a/").header(CONTENT_TYPE, "x/y");
        let (mut parts, ()) = request.header(CONTENT_LENGTH, 5).body(()).unwrap().into_parts();
        follow(&mut parts, "http://a/b".parse().unwrap(), Repeat::AsGet);
        assert_eq!(parts.method, Method::GET);
        assert!(parts.headers.is_empty());
    }
}
