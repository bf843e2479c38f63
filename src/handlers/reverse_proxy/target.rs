//! The target of a request: its path without a prefix, and below an upstream's URL.

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{StatusCode, Uri};
use percent_encoding::percent_decode_str;

use crate::{Error, Result};

/// The URL of an upstream, below which the targets of requests are.
#[derive(Clone, Debug)]
pub(super) struct Base {
    scheme: Scheme,
    authority: Authority,
    /// Without the slash at its end.
    path: String,
    query: Option<String>,
}

impl Base {
    /// Reads a URL. The error says what is wrong with it, and does not show a password.
    pub(super) fn parse(url: &str) -> std::result::Result<Self, &'static str> {
        let uri: Uri = url.parse().map_err(|_| "not a URL")?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.filter(|scheme| ["http", "https"].contains(&scheme.as_str()));
        let scheme = scheme.ok_or("its scheme is not http or https")?;
        let authority = parts.authority.filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or("host missing")?;
        if authority.as_str().contains('@') {
            return Err("it has a user or password; set the Authorization header instead");
        }
        // The type accepts more digits than a port has.
        let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        if port.len() > 1 && authority.port_u16().is_none() {
            return Err("its port is not a number up to 65535");
        }
        let target = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        let path = target.path().trim_end_matches('/').to_owned();
        Ok(Self { scheme, authority, path, query: target.query().map(str::to_owned) })
    }

    /// Returns host and port, for log lines.
    pub(super) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Returns the URL of a target, which is `*` or begins with a slash.
    ///
    /// # Errors
    ///
    /// 414 for a target that is too long below this URL.
    pub(super) fn join(&self, target: &Uri) -> Result<Uri> {
        let whole = target.path_and_query();
        let joined = match whole {
            Some(whole) if self.path.is_empty() && self.query.is_none() => whole.clone(),
            _ => {
                let path = if target.path() == "*" { "" } else { target.path() };
                let queries: Vec<&str> =
                    self.query.as_deref().into_iter().chain(target.query()).collect();
                let mark = if queries.is_empty() { "" } else { "?" };
                let joined = [&self.path, path, mark, &queries.join("&")].concat();
                // Both parts are valid, so the whole is too long.
                PathAndQuery::try_from(joined).map_err(|_| {
                    let text = "the target is too long to be forwarded";
                    Error::status(StatusCode::URI_TOO_LONG, text)
                })?
            }
        };
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(joined);
        Uri::from_parts(parts).map_err(Error::other)
    }
}

/// Returns the path and query of a request's target as they are forwarded: without `prefix`.
///
/// # Errors
///
/// 400 for a path that [climbs](climbs), and 404 for one that does not begin with the prefix.
pub(super) fn forwarded(target: &Uri, prefix: &str) -> Result<PathAndQuery> {
    let Some(whole) = target.path_and_query() else { return Ok(PathAndQuery::from_static("/")) };
    if whole.path() == "*" {
        return Ok(whole.clone());
    }
    if climbs(whole.path()) {
        let text = "path: two dots as a segment are not forwarded";
        return Err(Error::status(StatusCode::BAD_REQUEST, text));
    }
    if prefix.is_empty() {
        return Ok(whole.clone());
    }
    let rest = whole.path().strip_prefix(prefix);
    let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let path = match rest.ok_or_else(|| Error::from(StatusCode::NOT_FOUND))? {
        "" => "/",
        path => path,
    };
    let target = match whole.query() {
        Some(query) => [path, "?", query].concat(),
        None => path.to_owned(),
    };
    PathAndQuery::try_from(target).map_err(Error::other)
}

/// Returns `true` if some server reads a segment of the path as two dots, and so leaves the path of the
/// upstream's URL. Percent-encoded dots and slashes count, since some servers decode before they resolve dots.
/// So do backslashes, which are slashes to servers on Windows, and dots with a parameter, which servlets remove.
fn climbs(path: &str) -> bool {
    // The dots of the segment so far. `None` if it has other characters.
    let mut dots = Some(0_usize);
    for byte in percent_decode_str(path) {
        dots = match byte {
            b'/' | b'\\' | b';' if dots == Some(2) => return true,
            b'/' | b'\\' => Some(0),
            b'.' => dots.map(|dots| dots + 1),
            _ => None,
        };
    }
    dots == Some(2)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h11_a_prefix_is_removed() {
        for (target, prefix, expected) in [
            ("/", "", Some("/")),
            ("/a//b?x=/../", "", Some("/a//b?x=/../")),
            ("/a/./b", "", Some("/a/./b")),
            ("/api/x?q", "/api", Some("/x?q")),
            ("/api?q", "/api", Some("/?q")),
            ("/api//x", "/api", Some("//x")),
            ("/apix", "/api", None),
            ("/api%2Fx", "/api", None),
            ("/./api/x", "/api", None),
            ("*", "/api", Some("*")),
            ("http://a/b?c", "", Some("/b?c")),
            ("http://a", "", Some("/")),
        ] {
            let uri: Uri = target.parse().unwrap();
            let rest = forwarded(&uri, prefix);
            let rest = rest.as_ref().map(PathAndQuery::as_str);
            match expected {
                Some(expected) => assert_eq!(rest.unwrap(), expected, "{target} {prefix}"),
                None => assert_eq!(rest.unwrap_err().status_code(), Some(StatusCode::NOT_FOUND)),
            }
        }
    }

    #[test]
    fn h11_no_spelling_of_two_dots_is_forwarded() {
        for path in [
            "/..",
            "/../",
            "/a/../b",
            "/a/..",
            "/%2e%2e/a",
            "/%2E./a",
            "/.%2e",
            "/a/..%2f",
            "/a/..%2Fb",
            "/a%2f..%2fb",
            "/a%2f..",
            "/..%5cb",
            "/..\\b",
            "/a\\..\\b",
            "/a%5C%2e%2e",
            "/a/..;/b",
            "/a/..;x=y/b",
            "/a/..%3b/b",
            "/a/..;",
        ] {
            let uri: Uri = path.parse().unwrap();
            for prefix in ["", "/a"] {
                let refused = forwarded(&uri, prefix).unwrap_err();
                assert_eq!(refused.status_code(), Some(StatusCode::BAD_REQUEST), "{path}");
            }
        }
        for path in [
            "/...",
            "/a/.../b",
            "/..a",
            "/a..",
            "/a..b/",
            "/.",
            "/a/./b",
            "/%2e/",
            "/.;/..a",
            "/a%2Fb",
            "/a%5Cb",
            "/a;..",
            "/a;../",
            "/.%2f.",
            "/%252e%252e/",
            "/..%252f",
            "/.%00.",
            "/?/../",
            "/.;./",
        ] {
            let uri: Uri = path.parse().unwrap();
            assert_eq!(forwarded(&uri, "").unwrap(), path);
        }
    }

    #[test]
    fn h11_a_target_is_joined_to_the_url_of_an_upstream() {
        for (base, target, expected) in [
            ("http://a", "/", "http://a/"),
            ("http://a/", "/b?c", "http://a/b?c"),
            ("http://a:1/x/", "/b", "http://a:1/x/b"),
            ("https://a/x", "/", "https://a/x/"),
            ("http://a/x?k=1", "/b?c", "http://a/x/b?k=1&c"),
            ("http://a/?k", "/b", "http://a/b?k"),
            ("http://a/x", "*", "http://a/x"),
        ] {
            let base = Base::parse(base).unwrap();
            assert_eq!(base.join(&target.parse().unwrap()).unwrap(), expected, "{base:?}");
        }
        let base = Base::parse("http://a/base").unwrap();
        let long = format!("/{}", "x".repeat(65_530)).parse().unwrap();
        assert_eq!(base.join(&long).unwrap_err().status_code(), Some(StatusCode::URI_TOO_LONG));
        for url in [
            "a:80",
            "/x",
            "ftp://a/",
            "http://u:p@a/",
            "http:///x",
            "http://a b/",
            "http://a:65536/",
            "http://[::1]:99999",
        ] {
            assert!(Base::parse(url).is_err(), "{url}");
        }
    }
}
