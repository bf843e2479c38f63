//! Splitting a head into lines.

use std::ops::Range;

/// Splits a growing buffer into lines, and examines each byte once.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The offset up to which line ends have been searched.
    looked: usize,
    /// The start of the current line.
    start: usize,
    /// The number of lines found.
    count: usize,
}

/// A complete line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The range of the line, without its end.
    pub(super) text: Range<usize>,
    pub(super) end: LineEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnd {
    CrLf,
    /// LF alone. A recipient may accept it as a line end (RFC 9112 section 2.2). This crate accepts it in
    /// responses only: see [`Side`](crate::h1::side::Side).
    Lf,
}

impl Lines {
    /// Returns the next complete line, or `None` if its end has not arrived yet.
    pub(super) fn next(&mut self, buf: &[u8]) -> Option<Line> {
        debug_assert!(buf.len() >= self.looked, "Invariant: the buffer of one message only grows");
        let fresh = buf.get(self.looked..).unwrap_or_default();
        let Some(lf) = find_lf(fresh).map(|offset| self.looked + offset) else {
            self.looked += fresh.len();
            return None;
        };
        let start = self.start;
        self.looked = lf + 1;
        self.start = lf + 1;
        self.count += 1;
        Some(match buf[start..lf].last() {
            Some(b'\r') => Line { text: start..lf - 1, end: LineEnd::CrLf },
            _ => Line { text: start..lf, end: LineEnd::Lf },
        })
    }

    /// Returns the number of the last complete line, counted from one.
    pub(super) fn number(&self) -> usize {
        self.count
    }

    /// Returns the start of the line after the last complete one.
    pub(super) fn next_start(&self) -> usize {
        self.start
    }
}

/// Returns the offset of the first LF. Searches whole blocks first, without an early exit, so that the
/// compiler vectorises the loop.
fn find_lf(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    let mut offset = 0;
    for block in bytes.chunks_exact(BLOCK) {
        if block.iter().fold(false, |found, byte| found | (*byte == b'\n')) {
            break;
        }
        offset += BLOCK;
    }
    bytes[offset..].iter().position(|byte| *byte == b'\n').map(|i| offset + i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_feeds_are_found_wherever_they_stand() {
        for len in 0..100 {
            let mut bytes = vec![b'x'; len];
            assert_eq!(find_lf(&bytes), None, "{len}");
            for at in (0..len).rev() {
                bytes[at] = b'\n';
                assert_eq!(find_lf(&bytes), Some(at), "{at} of {len}");
            }
        }
    }

    #[test]
    fn lines_come_without_their_ends() {
        let crlf = |text| Some(Line { text, end: LineEnd::CrLf });
        let mut lines = Lines::default();
        let buf = b"ab\r\n\r\nc";
        assert_eq!(lines.next(buf), crlf(0..2));
        assert_eq!(lines.next(buf), crlf(4..4));
        assert_eq!(lines.next(buf), None);
        assert_eq!((lines.next_start(), lines.number()), (6, 2));
        assert_eq!(lines.next(b"ab\r\n\r\nc\r\n"), crlf(6..7));
    }

    #[test]
    fn a_lone_lf_is_told_from_crlf() {
        for (buf, text, number) in
            [("\n", 0..0, 1), ("ab\n", 0..2, 1), ("a\r\nb\n", 3..4, 2), ("a\r\n\n", 3..3, 2)]
        {
            let mut lines = Lines::default();
            let last = std::iter::from_fn(|| lines.next(buf.as_bytes())).last();
            assert_eq!(last, Some(Line { text, end: LineEnd::Lf }), "{buf:?}");
            assert_eq!(lines.number(), number, "{buf:?}");
        }
    }

    #[test]
    fn no_byte_is_looked_at_twice() {
        // Bytes that were looked at become line feeds, which a second look would find.
        // The one byte kept is the possible CR of a CRLF that is cut in two.
        let text = [b'x'; 1000];
        let mut lines = Lines::default();
        for end in 1..text.len() {
            let mut seen = text[..end].to_vec();
            seen[..end.saturating_sub(2)].fill(b'\n');
            assert_eq!(lines.next(&seen), None, "at {end}");
        }
    }
}
