//! The buffer for small reads of a body.

/// The size of the buffer, in bytes: that of the standard library's `BufReader`.
const AHEAD: usize = 8 * 1024;

/// Bytes that were read from the source of a body, and not yet from the body.
#[derive(Default)]
pub(super) struct Ahead {
    /// Invariant: `start <= end <= bytes.len()`.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Ahead {
    pub(super) fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Fills the buffer, which is empty, with one `read`.
    pub(super) fn fill<E>(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        debug_assert!(self.len() == 0);
        if self.bytes.is_empty() {
            self.bytes = vec![0; AHEAD];
        }
        (self.start, self.end) = (0, 0);
        // A faulty source may return more than the length of the buffer.
        self.end = read(&mut self.bytes)?.min(AHEAD);
        Ok(())
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
