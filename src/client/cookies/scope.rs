//! Where a cookie came from, and where it is sent (RFC 6265bis sections 5.1.3 and 5.1.4).

use std::net::IpAddr;

use http::Uri;

use crate::client::loopback::is_loopback;

/// The parts of a URL that concern cookies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    /// In lower case, an IPv6 address without its brackets.
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    /// Cookies with the attribute Secure can come from there and go there.
    pub(super) is_secure: bool,
}

impl<'a> Origin<'a> {
    /// Returns the parts of a URL. `https` and this machine are secure, as in browsers and curl.
    pub(super) fn of(url: &'a Uri) -> Self {
        let host = without_brackets(url.host().unwrap_or_default());
        let is_secure = url.scheme_str() == Some("https") || is_loopback(host);
        Self { host, path: url.path(), is_secure }
    }

    /// Returns the path of a cookie that names none: the folder of the URL, without its last slash.
    pub(super) fn default_path(self) -> &'a str {
        match self.path.rfind('/') {
            Some(slash @ 1..) if self.path.starts_with('/') => &self.path[..slash],
            _ => "/",
        }
    }
}

pub(super) fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Returns `true` if `host` is an IP address, below which there are no domains.
pub(super) fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

/// Returns `true` if `host` can be the host of a URL, an IPv6 address without its brackets.
pub(super) fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte);
    is_address(host) || host.bytes().all(allowed)
}

/// Returns `true` if `host` is `domain` or below it.
pub(super) fn domain_matches(host: &str, domain: &str) -> bool {
    host == domain || (is_below(host, domain) && !is_address(host))
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|front| front.ends_with('.'))
}

/// Returns the domains whose cookies `host` may get: itself, and those above it.
pub(super) fn domains_of(host: &str) -> impl Iterator<Item = &str> {
    let above = match is_address(host) {
        true => "",
        false => host,
    };
    let dots = above.match_indices('.');
    std::iter::once(host).chain(dots.map(move |(dot, _)| &above[dot + 1..]))
}

/// Returns `true` if a cookie of the path `own` is sent with a request for `path`.
pub(super) fn path_matches(path: &[u8], own: &[u8]) -> bool {
    match path.strip_prefix(own) {
        Some([]) => true,
        Some([next, ..]) => own.ends_with(b"/") || *next == b'/',
        None => false,
    }
}
