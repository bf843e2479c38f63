//! The target of a request: its path without a prefix, without dot segments, and below an upstream's URL.

use std::borrow::Cow;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

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
        let target = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        let path = target.path().trim_end_matches('/').to_owned();
        Ok(Self { scheme, authority, path, query: target.query().map(str::to_owned) })
    }

    /// Returns host and port, for log lines.
    pub(super) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Returns the URL of a target, which is `*` or begins with a slash.
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
                PathAndQuery::try_from(joined).map_err(Error::other)?
            }
        };
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(joined);
        Uri::from_parts(parts).map_err(Error::other)
    }
}

/// Returns the path and query of a request's target as they are forwarded: without `prefix`, and without
/// dot segments, which could lead out of the path of an upstream's URL. Returns `None` if the path does not
/// begin with the prefix.
pub(super) fn forwarded(target: &Uri, prefix: &str) -> Option<PathAndQuery> {
    let Some(whole) = target.path_and_query() else { return Some(PathAndQuery::from_static("/")) };
    if whole.path() == "*" {
        return Some(whole.clone());
    }
    let path = without_dots(whole.path());
    let rest = path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    if rest == whole.path() {
        return Some(whole.clone());
    }
    let path = if rest.is_empty() { "/" } else { rest };
    let target = match whole.query() {
        Some(query) => [path, "?", query].concat(),
        None => path.to_owned(),
    };
    PathAndQuery::try_from(target).ok()
}

/// Removes dot segments from a path (RFC 3986 section 5.2.4), also those with encoded dots.
fn without_dots(path: &str) -> Cow<'_, str> {
    if !path.split('/').any(|segment| dots(segment) > 0) {
        return Cow::Borrowed(path);
    }
    let mut out: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let dots = dots(segment);
        if dots == 2 {
            out.pop();
        }
        match (dots, segments.peek()) {
            (0, _) => out.push(segment),
            (_, None) => out.push(""),
            (_, Some(_)) => {}
        }
    }
    Cow::Owned(out.iter().flat_map(|segment| ["/", segment]).collect())
}

/// Returns how many dots a segment of one or two dots has; 0 for any other.
fn dots(segment: &str) -> usize {
    let mut rest = segment;
    let mut count = 0;
    while !rest.is_empty() {
        let encoded = || rest.get(..3).filter(|start| start.eq_ignore_ascii_case("%2e"));
        rest = match rest.strip_prefix('.') {
            Some(rest) => rest,
            None if encoded().is_some() => &rest[3..],
            None => return 0,
        };
        count += 1;
    }
    if count > 2 { 0 } else { count }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h11_dot_segments_do_not_lead_out_of_a_prefix() {
        for (target, prefix, expected) in [
            ("/", "", Some("/")),
            ("/a//b?x=/../", "", Some("/a//b?x=/../")),
            ("/a/./b/../c", "", Some("/a/c")),
            ("/a/..", "", Some("/")),
            ("/a/.", "", Some("/a/")),
            ("/../../a", "", Some("/a")),
            ("/%2e%2E/.%2e/a", "", Some("/a")),
            ("/a/.../b", "", Some("/a/.../b")),
            ("/a%2f..%2fb", "", Some("/a%2f..%2fb")),
            ("/api/x?q", "/api", Some("/x?q")),
            ("/api?q", "/api", Some("/?q")),
            ("/apix", "/api", None),
            ("/api/../x", "/api", None),
            ("/x/../api/y", "/api", Some("/y")),
            ("*", "/api", Some("*")),
            ("http://a/b?c", "", Some("/b?c")),
            ("http://a", "", Some("/")),
        ] {
            let uri: Uri = target.parse().unwrap();
            let rest = forwarded(&uri, prefix);
            assert_eq!(rest.as_ref().map(PathAndQuery::as_str), expected, "{target} {prefix}");
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
        for url in ["a:80", "/x", "ftp://a/", "http://u:p@a/", "http:///x", "http://a b/"] {
            assert!(Base::parse(url).is_err(), "{url}");
        }
    }
}
