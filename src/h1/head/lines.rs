//! Where the lines of a head end.

use std::ops::Range;

/// Cuts a growing buffer into lines that end in CRLF, and never looks at a byte twice.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Everything before this offset is known to hold no further line end.
    looked: usize,
    /// Where the current line starts.
    start: usize,
    /// How many lines were found.
    count: usize,
}

/// A line that ends in LF alone; the value is its number, counted from one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BareLf(pub(super) usize);

impl Lines {
    /// The next complete line without its CRLF, or `None` if its end has not come yet.
    ///
    /// A recipient may take a lone LF for a line end (RFC 9112 section 2.2), but where two
    /// recipients differ about that, one of them can be made to see a request that the other
    /// does not. So it is an error here.
    pub(super) fn next(&mut self, buf: &[u8]) -> Result<Option<Range<usize>>, BareLf> {
        debug_assert!(buf.len() >= self.looked, "Invariant: the buffer of one message only grows");
        let fresh = buf.get(self.looked..).unwrap_or_default();
        let Some(lf) = find_lf(fresh).map(|offset| self.looked + offset) else {
            self.looked += fresh.len();
            return Ok(None);
        };
        let line = self.start..lf;
        self.looked = lf + 1;
        self.start = lf + 1;
        self.count += 1;
        match buf[line.clone()].last() {
            Some(b'\r') => Ok(Some(line.start..lf - 1)),
            _ => Err(BareLf(self.count)),
        }
    }

    /// Where the line after the last complete one starts.
    pub(super) fn next_start(&self) -> usize {
        self.start
    }
}

/// Looks at blocks first: comparing a whole block without an early exit is what compilers turn
/// into vector instructions.
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
        let mut lines = Lines::default();
        let buf = b"ab\r\n\r\nc";
        assert_eq!(lines.next(buf), Ok(Some(0..2)));
        assert_eq!(lines.next(buf), Ok(Some(4..4)));
        assert_eq!(lines.next(buf), Ok(None));
        assert_eq!(lines.next_start(), 6);
        assert_eq!(lines.next(b"ab\r\n\r\nc\r\n"), Ok(Some(6..7)));
    }

    #[test]
    fn a_lone_lf_is_refused_with_its_line() {
        for (buf, line) in [("\n", 1), ("ab\n", 1), ("a\r\nb\n", 2), ("a\r\n\n", 2)] {
            let mut lines = Lines::default();
            let error = loop {
                match lines.next(buf.as_bytes()) {
                    Ok(Some(_)) => {}
                    other => break other,
                }
            };
            assert_eq!(error, Err(BareLf(line)), "{buf:?}");
        }
    }

    #[test]
    fn no_byte_is_looked_at_twice() {
        // What was looked at becomes line feeds, which would be found if it were looked at again.
        // The one byte kept is the possible CR of a CRLF that is cut in two.
        let text = [b'x'; 1000];
        let mut lines = Lines::default();
        for end in 1..text.len() {
            let mut seen = text[..end].to_vec();
            seen[..end.saturating_sub(2)].fill(b'\n');
            assert_eq!(lines.next(&seen), Ok(None), "at {end}");
        }
    }
}
