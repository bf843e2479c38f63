//! The hosts of patterns and requests.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use http::header::HOST;

use crate::Request;

/// Returns the host of a pattern in the form in which hosts are compared, or what is wrong with it.
pub(super) fn parse(written: &str) -> Result<Box<str>, &'static str> {
    if written.contains(['{', '}']) {
        return Err("the host has a wildcard; a path begins with a slash");
    }
    let name = match written.strip_prefix('[') {
        Some(address) => {
            let Some((address, port)) = address.split_once(']') else {
                return Err("the IPv6 address has no closing bracket");
            };
            if !port.is_empty() {
                return Err("the host has a port, which does not count");
            }
            return match address.parse::<Ipv6Addr>() {
                Ok(address) => Ok(format!("[{address}]").into()),
                Err(_) => Err("the host is not an IPv6 address"),
            };
        }
        None => written.strip_suffix('.').unwrap_or(written),
    };
    if name.contains(':') {
        return Err("the host has a port, which does not count");
    }
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&byte);
    match !name.is_empty() && name.bytes().all(is_valid) {
        true => Ok(name.to_ascii_lowercase().into()),
        false if !name.is_ascii() => Err("the host is not in ASCII; write its Punycode"),
        false => Err("the host has a character that no host has"),
    }
}

/// Returns the host that a request is for, in the form in which hosts are compared. A target in absolute
/// form decides before the `Host` header (RFC 9112 section 3.2.2).
pub(super) fn of(request: &Request) -> Cow<'_, str> {
    let header = || request.headers().get(HOST).and_then(|value| value.to_str().ok());
    let written = request.uri().authority().map(http::uri::Authority::as_str).or_else(header);
    normal(written.unwrap_or_default())
}

/// Removes the port, and a dot at the end. An IPv6 address is written as short as possible.
fn normal(written: &str) -> Cow<'_, str> {
    let written = written.rsplit_once('@').map_or(written, |(_, host)| host);
    if let Some((address, _)) = written.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return match address.parse::<Ipv6Addr>() {
            Ok(address) => Cow::Owned(format!("[{address}]")),
            Err(_) => Cow::Borrowed(written),
        };
    }
    let name = written.split_once(':').map_or(written, |(name, _)| name);
    let name = name.strip_suffix('.').unwrap_or(name);
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    }
}
