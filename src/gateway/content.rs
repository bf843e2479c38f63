//! The body of a program's response, as its head announces it.

use http::Method;

use super::program_head::ProgramHead;
use crate::error::Result;
use crate::h1;

/// The part of a body that arrived with the head, and the length of the body.
pub(crate) struct Content {
    /// The start of the body, which arrived with the head.
    start: Vec<u8>,
    /// How much of `start` was read.
    used: usize,
    /// How much of the body is unread, if its length is known.
    left: Option<u64>,
    /// The response to a HEAD request, for which the length that a GET would have is unknown.
    is_head: bool,
}

impl Content {
    /// `start` arrived with `head`, in response to a request with `method`.
    pub(crate) fn new(start: Vec<u8>, method: &Method, head: &ProgramHead) -> Self {
        let bodiless = h1::is_bodiless(method, head.status);
        let length = if bodiless { Some(0) } else { head.length };
        Self { start, used: 0, left: length, is_head: *method == Method::HEAD }
    }

    /// Reads the start of the body, and then by `read`, which returns 0 at the end of the program's output.
    /// Returns `None` at that end, and 0 once the announced length was read.
    pub(crate) fn read(
        &mut self,
        buf: &mut [u8],
        read: impl FnOnce(&mut [u8]) -> Result<usize>,
    ) -> Result<Option<usize>> {
        let left = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let most = left.min(buf.len());
        if most == 0 {
            return Ok(Some(0));
        }
        let count = match &self.start[self.used..] {
            [] => read(&mut buf[..most])?,
            here => {
                let count = here.len().min(most);
                buf[..count].copy_from_slice(&here[..count]);
                self.used += count;
                count
            }
        };
        self.left = self.left.map(|left| left - count as u64);
        Ok((count > 0).then_some(count))
    }

    /// Returns how much of the body is unread, if its length is known.
    pub(crate) fn left(&self) -> Option<u64> {
        self.left
    }

    /// Returns how much the reader still gets, if that is known.
    pub(crate) fn remaining(&self) -> Option<u64> {
        self.left.filter(|_| !self.is_head)
    }

    /// Returns `true` if a read needs no output of the program.
    pub(crate) fn is_here(&self) -> bool {
        self.used < self.start.len() || self.left == Some(0)
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h12_a_body_is_read_up_to_its_length() {
        for (length, expected) in [
            (None, "start, more"),
            (Some(11), "start, more"),
            (Some(8), "start, m"),
            (Some(3), "sta"),
        ] {
            let start = b"start, ".to_vec();
            let mut content = Content { start, used: 0, left: length, is_head: false };
            let (mut output, mut body, mut buf) = (&b"more"[..], Vec::new(), [0; 4]);
            let ended = loop {
                let read = content.read(&mut buf, |buf| {
                    Ok(std::io::Read::read(&mut output, buf).expect("memory"))
                });
                match read.unwrap() {
                    Some(count @ 1..) => body.extend_from_slice(&buf[..count]),
                    end => break end,
                }
            };
            assert_eq!(String::from_utf8(body).unwrap(), expected, "{length:?}");
            // Only without a length the output's end is the body's.
            assert_eq!(ended, length.map(|_| 0), "{length:?}");
            assert_eq!(content.remaining(), length.map(|_| 0));
        }
        let mut short = Content { start: b"st".to_vec(), used: 0, left: Some(9), is_head: true };
        assert!(short.is_here());
        assert_eq!(short.read(&mut [0; 4], |_| unreachable!()).unwrap(), Some(2));
        assert_eq!(short.read(&mut [0; 4], |_| Ok(0)).unwrap(), None);
        assert_eq!((short.left(), short.remaining(), short.is_here()), (Some(7), None, false));
    }
}
