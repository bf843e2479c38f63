//! Paths and queries as they are sent: stray characters encoded, dot segments removed.

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

/// Characters that no request target can hold, beside those beyond ASCII. Everything else goes out as it stands, also
/// what RFC 3986 does not allow: `[ ] { } | ^ \` and a `%` that begins no escape.
const STRAY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// The treatment of `.` and `..` in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dots {
    Removed,
    Kept,
}

/// Appends path and query, which begin with `/`.
pub(super) fn push_target(out: &mut String, target: &[u8], dots: Dots) {
    match dots {
        Dots::Kept => push_encoded(out, target),
        Dots::Removed => {
            let query = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
            push_path(out, &target[..query]);
            push_encoded(out, &target[query..]);
        }
    }
}

/// Appends a path without its dot segments (RFC 3986 section 5.2.4).
fn push_path(out: &mut String, path: &[u8]) {
    let start = out.len();
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_dots = matches!(segment, b"." | b"..");
        if segment == b".." {
            let parent = out[start..].rfind('/').map_or(start, |slash| start + slash);
            out.truncate(parent);
        }
        if !is_dots || segments.peek().is_none() {
            out.push('/');
        }
        if !is_dots {
            push_encoded(out, segment);
        }
    }
    if out.len() == start {
        out.push('/');
    }
}

fn push_encoded(out: &mut String, text: &[u8]) {
    out.extend(percent_encode(text, STRAY));
}

/// Returns `true` if path and query can be sent unchanged. They begin with `/`, or are empty.
pub(super) fn is_plain(target: &[u8], dots: Dots) -> bool {
    let mut before = 0;
    for byte in target {
        let is_dot_segment = before == b'/' && *byte == b'.' && dots == Dots::Removed;
        if !PLAIN[usize::from(*byte)] || is_dot_segment {
            return false;
        }
        before = *byte;
    }
    matches!(target, [] | [b'/', ..])
}

/// The bytes that go out as they stand. `#` never does: it ends the query.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        plain[byte as usize] = !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'`');
        byte += 1;
    }
    plain
};
