//! The `Range` field (RFC 9110 section 14).
//!
//! The number of bytes sent never exceeds the length of the representation, however often a request names
//! them: ranges that overlap, or that lie near each other, become one.

use std::ops::Range;

/// The most ranges of a request. A field with more is ignored, as RFC 9110 section 14.2 allows.
const MOST_RANGES: usize = 16;

/// Ranges with a smaller gap, in bytes, become one: the head of another part would be larger.
const NEAR: u64 = 256;

/// The bytes that a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// The field is malformed, has another unit, or asks for everything: the whole representation.
    Whole,
    /// Ranges in the order of the request. None is empty, and no two overlap.
    Parts(Vec<Range<u64>>),
    /// None of the ranges has a byte of the representation.
    Unsatisfiable,
}

/// Selects bytes of a representation of `length` bytes. An empty one is sent whole: some clients ask for
/// `bytes=0-` of everything.
pub(super) fn select(field: &[u8], length: u64) -> Selection {
    let Some(specs) = parse(field) else { return Selection::Whole };
    if length == 0 {
        return Selection::Whole;
    }
    let mut parts: Vec<Range<u64>> = Vec::new();
    for spec in specs {
        if let Some(range) = spec.resolve(length) {
            add(&mut parts, range);
        }
    }
    match parts.is_empty() {
        true => Selection::Unsatisfiable,
        false => Selection::Parts(parts),
    }
}

/// Adds a range, and merges all that it overlaps or is near to. It takes the place of the first of them.
fn add(parts: &mut Vec<Range<u64>>, mut range: Range<u64>) {
    let mut place = parts.len();
    while let Some(index) = parts.iter().position(|part| is_near(part, &range)) {
        let part = parts.remove(index);
        range = part.start.min(range.start)..part.end.max(range.end);
        place = place.min(index);
    }
    parts.insert(place.min(parts.len()), range);
}

fn is_near(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start <= other.end.saturating_add(NEAR) && other.start <= one.end.saturating_add(NEAR)
}

/// One range as the request has it.
#[derive(Clone, Copy)]
enum Spec {
    /// `first-` or `first-last`, both included.
    From(u64, Option<u64>),
    /// `-count`: the last bytes.
    Last(u64),
}

impl Spec {
    /// Returns the bytes of a representation of `length` bytes, or `None` if it has none of them.
    fn resolve(self, length: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(first, last) => {
                first..last.map_or(length, |last| last.saturating_add(1).min(length))
            }
            Self::Last(count) => length.saturating_sub(count)..length,
        };
        (range.start < range.end).then_some(range)
    }
}

/// Parses `bytes=` and a list of ranges. Returns `None` if the field is to be ignored.
fn parse(field: &[u8]) -> Option<Vec<Spec>> {
    let at = field.iter().position(|byte| *byte == b'=')?;
    let (unit, set) = (&field[..at], &field[at + 1..]);
    if !unit.trim_ascii().eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let mut specs = Vec::new();
    // A list may have empty elements (RFC 9110 section 5.6.1).
    for spec in set.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if spec.is_empty() {
            continue;
        }
        if specs.len() == MOST_RANGES {
            return None;
        }
        specs.push(parse_spec(spec)?);
    }
    (!specs.is_empty()).then_some(specs)
}

fn parse_spec(spec: &[u8]) -> Option<Spec> {
    let at = spec.iter().position(|byte| *byte == b'-')?;
    match (&spec[..at], &spec[at + 1..]) {
        (b"", count) => Some(Spec::Last(number(count)?)),
        (first, b"") => Some(Spec::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Spec::From(first, Some(last)))
        }
    }
}

/// Parses decimal digits. A number that does not fit is beyond every representation.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let push =
        |number: u64, digit: &u8| number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(digits.iter().fold(0, push))
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
