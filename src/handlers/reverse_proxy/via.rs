//! The field `Via`, which names the proxies on the way of a message (RFC 9110 section 7.6.3).

use http::Version;
use http::header::{HeaderMap, HeaderValue, VIA};

use super::hop_by_hop::elements;
use crate::random;

/// The name of a proxy in `Via`.
#[derive(Clone, Debug)]
pub(super) struct Pseudonym(String);

impl Pseudonym {
    /// Creates a name that no other proxy has.
    pub(super) fn unique() -> Self {
        Self(format!("hangup-{:016x}", random::bits()))
    }

    /// Returns the name, or `None` if it is no token (RFC 9110 section 5.6.2).
    pub(super) fn new(name: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let is_token = !name.is_empty() && name.bytes().all(allowed);
        is_token.then(|| Self(name.to_owned()))
    }

    /// Returns `true` if a message has passed this proxy before.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut passed = headers.get_all(VIA).iter().flat_map(elements);
        passed.any(|element| {
            // The protocol, the name, and perhaps a comment.
            let mut words = element.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            words.nth(1).is_some_and(|name| name.eq_ignore_ascii_case(self.0.as_bytes()))
        })
    }

    /// Adds the name to a message that was received in `version`.
    pub(super) fn add_to(&self, headers: &mut HeaderMap, version: Version) {
        let number = if version == Version::HTTP_10 { "1.0" } else { "1.1" };
        if let Ok(value) = HeaderValue::try_from([number, " ", &self.0].concat()) {
            headers.append(VIA, value);
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h11_a_loop_is_seen_in_via() {
        let edge = Pseudonym::new("edge").unwrap();
        for (via, is_loop) in [
            ("1.1 edge", true),
            ("1.0 fred, HTTP/1.1  Edge (comment, more)", true),
            ("1.1 edge2, 1.1 other.edge", false),
            ("edge 1.1", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(VIA, via.parse().unwrap());
            assert_eq!(edge.is_in(&headers), is_loop, "{via}");
        }
        let mut headers = HeaderMap::new();
        let unique = Pseudonym::unique();
        unique.add_to(&mut headers, Version::HTTP_10);
        edge.add_to(&mut headers, Version::HTTP_11);
        assert!(unique.is_in(&headers) && edge.is_in(&headers));
        assert_eq!(headers.get_all(VIA).iter().nth(1).unwrap(), "1.1 edge");
        assert!(!Pseudonym::unique().is_in(&headers));
        assert!(Pseudonym::new("a b").is_none() && Pseudonym::new("").is_none());
    }
}
