//! The fields that tell an upstream about the client: `Forwarded` (RFC 7239) and `X-Forwarded-*`.

use std::net::IpAddr;

use http::header::{FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue};

use crate::{Request, RequestExt};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The fields that tell an upstream about the client of a request.
///
/// [`ReverseProxy::forwarded`](super::ReverseProxy::forwarded) chooses them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardedFields {
    /// `X-Forwarded-For`, `X-Forwarded-Host` and `X-Forwarded-Proto`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Standard,
    /// Both.
    Both,
    /// None.
    None,
}

impl ForwardedFields {
    /// Adds the fields to the header of a request. It has those of the client only if the client is
    /// trusted; then the others are appended.
    pub(super) fn add_to(self, headers: &mut HeaderMap, received: &Request) {
        let client = received.remote_socket_addr().map(|addr| addr.ip());
        let host = received.headers().get(HOST);
        let proto = if received.is_https() { "https" } else { "http" };
        if matches!(self, Self::XForwarded | Self::Both) {
            if let Some(client) = client {
                append(headers, X_FORWARDED_FOR, &client.to_string());
            }
            if let Some(host) = host {
                headers.entry(X_FORWARDED_HOST).or_insert_with(|| host.clone());
            }
            let proto = HeaderValue::from_static(proto);
            headers.entry(X_FORWARDED_PROTO).or_insert(proto);
        }
        if matches!(self, Self::Standard | Self::Both) {
            append(headers, FORWARDED, &element(client, host, proto));
        }
    }
}

/// Returns `true` if a field is about the client of a request. Only a trusted peer may send it.
///
/// An underscore counts as a hyphen: gateways such as FastCGI make the same variable of both.
pub(super) fn is_about_the_client(name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    let is = |expected: &[u8]| {
        name.len() >= expected.len()
            && name.iter().zip(expected).all(|(byte, expected)| match byte {
                b'_' => *expected == b'-',
                byte => byte == expected,
            })
    };
    match name.first() {
        Some(b'x') => is(b"x-forwarded-") || (is(b"x-real-ip") && name.len() == 9),
        Some(b'f') => name == b"forwarded",
        _ => false,
    }
}

/// Appends an element to a list, on one line.
fn append(headers: &mut HeaderMap, name: HeaderName, element: &str) {
    let lines = headers.get_all(&name).iter().map(HeaderValue::as_bytes);
    let list = lines.chain([element.as_bytes()]).collect::<Vec<_>>().join(&b", "[..]);
    if let Ok(value) = HeaderValue::from_bytes(&list) {
        headers.insert(name, value);
    }
}

/// Returns the element of `Forwarded` for a request (RFC 7239 section 4).
fn element(client: Option<IpAddr>, host: Option<&HeaderValue>, proto: &str) -> String {
    let client = match client {
        Some(IpAddr::V4(addr)) => addr.to_string(),
        Some(IpAddr::V6(addr)) => format!("\"[{addr}]\""),
        None => "unknown".to_owned(),
    };
    let host = host.and_then(|host| host.to_str().ok());
    // A host that the server has accepted has neither a quote nor a backslash.
    let host = host.filter(|host| !host.contains(['"', '\\']));
    match host {
        Some(host) => format!("for={client};host=\"{host}\";proto={proto}"),
        None => format!("for={client};proto={proto}"),
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h11_fields_about_the_client_are_known() {
        for (name, known) in [
            ("x-forwarded-for", true),
            ("x-forwarded-port", true),
            ("x_forwarded_for", true),
            ("x-forwarded_proto", true),
            ("x-real-ip", true),
            ("x_real_ip", true),
            ("forwarded", true),
            ("x-real-ips", false),
            ("x-forwarded", false),
            ("forwarded-by", false),
            ("x", false),
        ] {
            assert_eq!(is_about_the_client(&HeaderName::from_static(name)), known, "{name}");
        }
    }

    #[test]
    fn h11_an_element_of_forwarded_is_quoted() {
        let host = HeaderValue::from_static("a:80");
        for (client, host, expected) in [
            (Some("192.0.2.1"), Some(&host), "for=192.0.2.1;host=\"a:80\";proto=http"),
            (Some("2001:db8::1"), None, "for=\"[2001:db8::1]\";proto=http"),
            (None, None, "for=unknown;proto=http"),
        ] {
            let client = client.map(|client| client.parse().unwrap());
            assert_eq!(element(client, host, "http"), expected);
        }
    }
}
