//! The conditions of a request on an entity tag (RFC 9110 sections 13.1.1 and 13.1.2).

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};

/// The result of the conditions, if it is not the response itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Instead {
    NotModified,
    PreconditionFailed,
}

/// A request's If-Match and If-None-Match.
pub(super) struct Conditions {
    matches: Vec<HeaderValue>,
    none_matches: Vec<HeaderValue>,
}

impl Conditions {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let all = |name: HeaderName| headers.get_all(name).iter().cloned().collect();
        Self { matches: all(IF_MATCH), none_matches: all(IF_NONE_MATCH) }
    }

    /// Returns what is sent instead of a response with this tag (RFC 9110 section 13.2.2).
    pub(super) fn instead(&self, tag: &HeaderValue) -> Option<Instead> {
        let tag = tag.as_bytes();
        // If-Match compares strongly: a weak tag equals none.
        let is_strong = !tag.starts_with(b"W/");
        if !self.matches.is_empty() && !lists(&self.matches, |other| is_strong && other == tag) {
            return Some(Instead::PreconditionFailed);
        }
        lists(&self.none_matches, |other| opaque(other) == opaque(tag))
            .then_some(Instead::NotModified)
    }
}

/// Returns the tag without its mark of weakness.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// Returns `true` if one of the listed tags is the right one, or the list is `*`.
fn lists(values: &[HeaderValue], is_right: impl Fn(&[u8]) -> bool) -> bool {
    values.iter().any(|value| {
        let mut rest = value.as_bytes().trim_ascii();
        if rest == b"*" {
            return true;
        }
        while let Some((tag, behind)) = next_tag(rest) {
            if is_right(tag) {
                return true;
            }
            rest = behind;
        }
        false
    })
}

/// Splits the first tag off. A tag may contain commas. Returns `None` at the end, and where the list is
/// malformed.
fn next_tag(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let begin = list.iter().position(|byte| !b", \t".contains(byte))?;
    let list = &list[begin..];
    let quote = if list.starts_with(b"W/") { 2 } else { 0 };
    if list.get(quote) != Some(&b'"') {
        return None;
    }
    let end = quote + 1 + list[quote + 1..].iter().position(|byte| *byte == b'"')? + 1;
    Some(list.split_at(end))
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h09_the_conditions_of_a_request() {
        use Instead::{NotModified, PreconditionFailed};
        for (matches, none_matches, tag, expected) in [
            (&[][..], &[][..], "\"a\"", None),
            (&[], &["\"a\""], "\"a\"", Some(NotModified)),
            (&[], &["W/\"a\""], "\"a\"", Some(NotModified)),
            (&[], &["\"a\""], "W/\"a\"", Some(NotModified)),
            (&[], &["\"b\""], "\"a\"", None),
            (&[], &["\"b\", \"a\""], "\"a\"", Some(NotModified)),
            (&[], &["\"b\"", " W/\"c\",\"a\""], "\"a\"", Some(NotModified)),
            (&[], &["*"], "\"a\"", Some(NotModified)),
            (&[], &["\"*\""], "\"a\"", None),
            (&[], &["a"], "\"a\"", None),
            (&[], &["\"a"], "\"a\"", None),
            (&[], &["\"x, \"a\""], "\"a\"", None),
            (&[], &["\"a,b\""], "\"a,b\"", Some(NotModified)),
            (&[], &["w/\"a\""], "\"a\"", None),
            (&[], &[""], "\"a\"", None),
            (&["\"a\""], &[], "\"a\"", None),
            (&["*"], &[], "\"a\"", None),
            (&["\"b\""], &[], "\"a\"", Some(PreconditionFailed)),
            (&["W/\"a\""], &[], "\"a\"", Some(PreconditionFailed)),
            (&["W/\"a\""], &[], "W/\"a\"", Some(PreconditionFailed)),
            (&["*"], &[], "W/\"a\"", None),
            (&["\"a\""], &["\"a\""], "\"a\"", Some(NotModified)),
            (&["\"b\""], &["\"a\""], "\"a\"", Some(PreconditionFailed)),
        ] {
            let mut headers = HeaderMap::new();
            for (name, values) in [(IF_MATCH, matches), (IF_NONE_MATCH, none_matches)] {
                values.iter().for_each(|value: &&str| {
                    headers.append(&name, value.parse().unwrap());
                });
            }
            let instead = Conditions::of(&headers).instead(&tag.parse().unwrap());
            assert_eq!(instead, expected, "{matches:?} {none_matches:?} {tag}");
        }
    }
}
