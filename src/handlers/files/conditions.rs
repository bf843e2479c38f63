//! Preconditions (RFC 9110 section 13).
//!
//! | step of section 13.2.2 | field | if it is false |
//! | --- | --- | --- |
//! | 1 | `If-Match` | 412 |
//! | 2, without `If-Match` | `If-Unmodified-Since` | 412 |
//! | 3 | `If-None-Match` | 304 to GET and HEAD, otherwise 412 |
//! | 4, without `If-None-Match` | `If-Modified-Since`, for GET and HEAD | 304 |
//! | 5 | `If-Range`, for GET with `Range` | the whole representation |

use std::time::SystemTime;

use http::header::{
    HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderMap, Method};

use super::date;

/// The validators of a representation (RFC 9110 section 8.8).
#[derive(Debug, Clone, Copy)]
pub(super) struct Validators<'a> {
    /// With its quotes. A weak one begins with `W/`.
    pub(super) etag: Option<&'a str>,
    /// In whole seconds.
    pub(super) last_modified: Option<SystemTime>,
}

/// The outcome of a request's preconditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The method is performed. `ranges`: the Range field applies.
    Proceed {
        ranges: bool,
    },
    NotModified,
    Failed,
}

/// Evaluates the preconditions in the order of RFC 9110 section 13.2.2.
pub(super) fn evaluate(method: &Method, headers: &HeaderMap, current: Validators<'_>) -> Verdict {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if headers.contains_key(IF_MATCH) {
        if !matches_any(headers, IF_MATCH, current.etag, is_strong_match) {
            return Verdict::Failed;
        }
    } else if is_modified_since(headers, IF_UNMODIFIED_SINCE, current) == Some(true) {
        return Verdict::Failed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        if matches_any(headers, IF_NONE_MATCH, current.etag, is_weak_match) {
            return if reads { Verdict::NotModified } else { Verdict::Failed };
        }
    } else if reads && is_modified_since(headers, IF_MODIFIED_SINCE, current) == Some(false) {
        return Verdict::NotModified;
    }
    let ranges = *method == Method::GET && headers.contains_key(RANGE);
    Verdict::Proceed { ranges: ranges && is_range_current(headers, current) }
}

/// Compares the time of the current representation with that of the field `name`, if both are known.
fn is_modified_since(
    headers: &HeaderMap,
    name: HeaderName,
    current: Validators<'_>,
) -> Option<bool> {
    Some(current.last_modified? > moment(headers, name)?)
}

/// Returns `false` if an If-Range field does not name the current representation (RFC 9110 section 13.1.5).
fn is_range_current(headers: &HeaderMap, current: Validators<'_>) -> bool {
    let mut fields = headers.get_all(IF_RANGE).iter();
    let Some(field) = fields.next() else { return true };
    let value = field.as_bytes().trim_ascii();
    if fields.next().is_some() {
        return false;
    }
    if value.starts_with(b"\"") || value.starts_with(b"W/") {
        return current.etag.is_some_and(|etag| is_strong_match(value, etag.as_bytes()));
    }
    let date = std::str::from_utf8(value).ok().and_then(date::parse);
    date.is_some() && date == current.last_modified
}

/// Returns the date of a field. A malformed one, and one that stands twice, is ignored.
fn moment(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    let mut fields = headers.get_all(name).iter();
    let (field, more) = (fields.next()?, fields.next());
    more.is_none().then(|| field.to_str().ok().and_then(|text| date::parse(text.trim())))?
}

/// Returns `true` if the list of a field is `*`, or has an entity tag that matches `current`. Tags behind
/// a malformed one do not count.
fn matches_any(
    headers: &HeaderMap,
    name: HeaderName,
    current: Option<&str>,
    matches: fn(&[u8], &[u8]) -> bool,
) -> bool {
    headers.get_all(name).iter().any(|field| {
        let field = field.as_bytes().trim_ascii();
        if field == b"*" {
            return true;
        }
        let Some(current) = current else { return false };
        EntityTags(field).any(|tag| matches(tag, current.as_bytes()))
    })
}

/// Compares as RFC 9110 section 8.8.3.2 defines: neither is weak.
fn is_strong_match(one: &[u8], other: &[u8]) -> bool {
    one == other && !one.starts_with(b"W/")
}

fn is_weak_match(one: &[u8], other: &[u8]) -> bool {
    opaque(one) == opaque(other)
}

/// Returns an entity tag without the mark of weakness.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// The entity tags of a list. It ends at a malformed one.
struct EntityTags<'a>(&'a [u8]);

impl<'a> Iterator for EntityTags<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let is_separator = |byte: &u8| matches!(byte, b',' | b' ' | b'\t');
        let start = self.0.iter().position(|byte| !is_separator(byte))?;
        let rest = &self.0[start..];
        let prefix = if rest.starts_with(b"W/") { 2 } else { 0 };
        let inner = rest[prefix..].strip_prefix(b"\"")?;
        let length = inner.iter().position(|byte| *byte == b'"')?;
        // `etagc` of RFC 9110 section 8.8.3.
        let is_valid = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..);
        if !inner[..length].iter().all(is_valid) {
            return None;
        }
        let (tag, rest) = rest.split_at(prefix + length + 2);
        self.0 = rest;
        // Two tags without a comma between them are malformed.
        let next = rest.trim_ascii_start().first();
        if next.is_some_and(|byte| *byte != b',') {
            self.0 = &[];
        }
        Some(tag)
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
