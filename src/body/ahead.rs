//! The buffer for small reads of a body, and for bodies that are looked at before they are read.

use std::io;

/// The size of the buffer, in bytes: that of the standard library's `BufReader`.
pub(super) const AHEAD: usize = 8 * 1024;

/// Bytes that were read from the source of a body, and not yet from the body.
#[derive(Default)]
pub(super) struct Ahead {
    /// Invariant: `start <= end <= bytes.len()`.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// The error of the source that follows the bytes.
    failure: Option<io::Error>,
}

impl Ahead {
    pub(super) fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Returns `true` if more bytes fit behind those that are there.
    pub(super) fn has_room(&self) -> bool {
        self.len() < AHEAD
    }

    /// Appends bytes by one `read`, and returns their number.
    pub(super) fn fill(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        debug_assert!(self.has_room());
        if self.bytes.is_empty() {
            self.bytes = vec![0; AHEAD];
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.len());
        }
        let room = &mut self.bytes[self.end..];
        let most = room.len();
        // A faulty source may return more than the length of the buffer.
        let count = read(room)?.min(most);
        self.end += count;
        Ok(count)
    }

    /// Keeps an error for the read that follows the bytes.
    pub(super) fn fail_later(&mut self, error: io::Error) {
        self.failure = Some(error);
    }

    /// Returns `true` if an error follows the bytes.
    pub(super) fn fails_later(&self) -> bool {
        self.failure.is_some()
    }

    /// Takes the error that follows the bytes, which were all taken.
    pub(super) fn take_failure(&mut self) -> io::Result<()> {
        debug_assert!(self.len() == 0);
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Moves as many bytes into `buf` as are available and fit.
    #[inline]
    pub(super) fn take(&mut self, buf: &mut [u8]) -> usize {
        let data = &self.bytes[self.start..self.end];
        // Parsers read single bytes. A call to `memcpy` would dominate their cost.
        if let ([byte], [first, ..]) = (&mut *buf, data) {
            *byte = *first;
            self.start += 1;
            return 1;
        }
        let count = data.len().min(buf.len());
        buf[..count].copy_from_slice(&data[..count]);
        self.start += count;
        count
    }

    pub(super) fn consume(&mut self, count: usize) {
        assert!(count <= self.len(), "more is consumed than was read ahead");
        self.start += count;
    }
}
