//! Fields that belong to one connection and are not forwarded (RFC 9110 section 7.6.1).

use std::collections::HashSet;

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, MAX_FORWARDS,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::{HeaderMap, Version};

use crate::h1::has_token;

/// The fields that always belong to the connection, besides those that `Connection` names.
///
/// `HTTP2-Settings` goes with an upgrade to HTTP/2 (RFC 7540 section 3.2.1), which is never forwarded.
const HOP_BY_HOP: [HeaderName; 10] = [
    CONNECTION,
    TRANSFER_ENCODING,
    TE,
    UPGRADE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authentication-info"),
    HeaderName::from_static("http2-settings"),
];

/// The fields that `Connection` cannot remove: they frame the message, route it, or detect loops.
const PROTECTED: [HeaderName; 6] = [CONTENT_LENGTH, EXPECT, HOST, MAX_FORWARDS, TRAILER, VIA];

/// The fields of a message that are not forwarded.
pub(super) struct HopByHop {
    /// The fields that `Connection` names. A set, since a client may name thousands.
    named: Option<HashSet<HeaderName>>,
}

impl HopByHop {
    /// Finds them in the header of a message.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut named = HashSet::new();
        for option in headers.get_all(CONNECTION).iter().flat_map(elements) {
            // The usual ones name no field, or one that is removed anyway.
            if is_usual(option) {
                continue;
            }
            if let Ok(name) = HeaderName::from_bytes(option) {
                if !PROTECTED.contains(&name) {
                    named.insert(name);
                }
            }
        }
        Self { named: Some(named).filter(|named| !named.is_empty()) }
    }

    /// Returns `true` if a field is not forwarded.
    pub(super) fn contains(&self, name: &HeaderName) -> bool {
        HOP_BY_HOP.contains(name) || self.named.as_ref().is_some_and(|named| named.contains(name))
    }

    /// Removes the fields of the connection from the header of a response.
    pub(super) fn remove_from(headers: &mut HeaderMap) {
        let this = Self::of(headers);
        for name in HOP_BY_HOP.iter().chain(this.named.iter().flatten()) {
            headers.remove(name);
        }
    }
}

fn is_usual(option: &[u8]) -> bool {
    let usual: [&[u8]; 5] = [b"", b"keep-alive", b"close", b"upgrade", b"te"];
    usual.iter().any(|usual| option.eq_ignore_ascii_case(usual))
}

/// Returns the elements of one line of a list (RFC 9110 section 5.6.1).
pub(super) fn elements(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Returns the protocols that a request may switch to, as its `Upgrade` is forwarded. `None` if there are
/// none.
///
/// HTTP/1.0 has no upgrades (RFC 9110 section 7.8). An upgrade to HTTP/2 is left out: behind it, the proxy
/// would forward requests that it cannot see.
pub(super) fn upgrade(headers: &HeaderMap, version: Version) -> Option<HeaderValue> {
    if version < Version::HTTP_11 || !headers.contains_key(UPGRADE) {
        return None;
    }
    if !has_token(headers, CONNECTION, "upgrade") {
        return None;
    }
    let offered = headers.get_all(UPGRADE).iter().flat_map(elements);
    let allowed: Vec<&[u8]> = offered.filter(|protocol| !is_http(protocol)).collect();
    let joined = allowed.join(&b", "[..]);
    HeaderValue::from_bytes(&joined).ok().filter(|value| !value.is_empty())
}

/// Returns `true` for an empty element, and for a version of HTTP.
fn is_http(protocol: &[u8]) -> bool {
    let name = protocol.split(|byte| *byte == b'/').next().unwrap_or_default();
    let names: [&[u8]; 4] = [b"", b"h2c", b"h2", b"http"];
    names.iter().any(|http| name.eq_ignore_ascii_case(http))
}

/// Returns `true` if `offered`, the `Upgrade` of a request, has all protocols of a response's `Upgrade`.
pub(super) fn was_offered(offered: &HeaderValue, response: &HeaderMap) -> bool {
    let mut chosen = response.get_all(UPGRADE).iter().flat_map(elements).peekable();
    chosen.peek().is_some()
        && chosen.all(|chosen| elements(offered).any(|one| one.eq_ignore_ascii_case(chosen)))
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&str, &str)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap())
        };
        fields.iter().map(field).fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
    }

    #[test]
    fn h11_fields_of_the_connection_are_found() {
        let headers = map(&[
            ("connection", "close, X-One ,, content-length"),
            ("connection", "x-two, host, via, not a name"),
        ]);
        let hops = HopByHop::of(&headers);
        for (name, contained) in [
            ("connection", true),
            ("keep-alive", true),
            ("te", true),
            ("transfer-encoding", true),
            ("upgrade", true),
            ("proxy-authorization", true),
            ("x-one", true),
            ("x-two", true),
            ("x-three", false),
            ("content-length", false),
            ("host", false),
            ("via", false),
            ("close", false),
        ] {
            let name = HeaderName::from_static(name);
            assert_eq!(hops.contains(&name), contained, "{name}");
        }
    }

    #[test]
    fn h11_an_upgrade_is_forwarded_if_it_is_one() {
        let http_11 = Version::HTTP_11;
        for (fields, version, expected) in [
            (
                &[("connection", "Upgrade"), ("upgrade", "websocket")][..],
                http_11,
                Some("websocket"),
            ),
            (
                &[("connection", "keep-alive, upgrade"), ("upgrade", "a/1, b")],
                http_11,
                Some("a/1, b"),
            ),
            (&[("connection", "upgrade"), ("upgrade", "websocket")], Version::HTTP_10, None),
            (&[("upgrade", "websocket")], http_11, None),
            (&[("connection", "upgrade")], http_11, None),
            (&[("connection", "upgrade"), ("upgrade", "h2c")], http_11, None),
            (&[("connection", "upgrade"), ("upgrade", "HTTP/2.0, ,x")], http_11, Some("x")),
            (&[("connection", "upgrade"), ("upgrade", "")], http_11, None),
        ] {
            let upgrade = upgrade(&map(fields), version);
            assert_eq!(
                upgrade.as_ref().map(|value| value.to_str().unwrap()),
                expected,
                "{fields:?}"
            );
        }
    }

    #[test]
    fn h11_only_an_offered_protocol_can_be_chosen() {
        let offered = HeaderValue::from_static("websocket, a/1");
        for (chosen, allowed) in [("WebSocket", true), ("a/1", true), ("a", false), ("", false)] {
            assert_eq!(was_offered(&offered, &map(&[("upgrade", chosen)])), allowed, "{chosen}");
        }
        assert!(!was_offered(&offered, &HeaderMap::new()));
    }
}
