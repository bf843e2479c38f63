//! Paths of requests: whether they are clean, and their percent-encoding.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Returns `true` if a path begins with a slash and has no segment that is `.` or `..`, and no empty one
/// but the last.
pub(super) fn is_clean(path: &[u8]) -> bool {
    let mut rest = path;
    while let [b'/', after @ ..] = rest {
        match after {
            [b'/', ..] | [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..] => {
                return false;
            }
            _ => {}
        }
        let length = after.iter().position(|byte| *byte == b'/').unwrap_or(after.len());
        rest = &after[length..];
    }
    rest.is_empty() && !path.is_empty()
}

/// Returns a clean path to the same place (RFC 3986 section 5.2.4). Encoded dots and slashes stay.
pub(super) fn clean(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut last = "";
    for segment in path.split('/') {
        last = segment;
        match segment {
            "" | "." => {}
            ".." => _ = kept.pop(),
            _ => kept.push(segment),
        }
    }
    let mut clean = String::with_capacity(path.len() + 1);
    for segment in &kept {
        clean.extend(["/", segment]);
    }
    if kept.is_empty() || ["", ".", ".."].contains(&last) {
        clean.push('/');
    }
    clean
}

/// Returns the place of a percent sign that two hexadecimal digits do not follow.
pub(super) fn invalid_encoding(path: &[u8]) -> Option<usize> {
    let digit = |at: usize| path.get(at).is_some_and(u8::is_ascii_hexdigit);
    let is_invalid = |at: &usize| path[*at] == b'%' && !(digit(at + 1) && digit(at + 2));
    (0..path.len()).find(is_invalid)
}

/// Returns a segment without its percent-encoding.
pub(super) fn decoded(segment: &[u8]) -> Cow<'_, [u8]> {
    percent_decode(segment).into()
}

/// Splits the first segment off a path that begins with a slash. The rest is empty or begins with one.
pub(super) fn split_first(path: &[u8]) -> (&[u8], &[u8]) {
    let path = path.get(1..).unwrap_or_default();
    let length = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
    path.split_at(length)
}
