//! Bytes that a body has read ahead of its reader.

/// How much is read ahead at most, in bytes: as the standard library's `BufReader`.
const AHEAD: usize = 8 * 1024;

/// Bytes that were read from a body's source and not yet from the body.
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

    /// Fills it with one `read`; it is empty before.
    pub(super) fn fill<E>(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        debug_assert!(self.len() == 0);
        if self.bytes.is_empty() {
            self.bytes = vec![0; AHEAD];
        }
        (self.start, self.end) = (0, 0);
        // A source of the user's may claim more than it was given room for.
        self.end = read(&mut self.bytes)?.min(AHEAD);
        Ok(())
    }

    /// Takes as many bytes as are there and fit into `buf`.
    #[inline]
    pub(super) fn take(&mut self, buf: &mut [u8]) -> usize {
        let data = &self.bytes[self.start..self.end];
        // Parsers read single bytes, for which a call to `memcpy` would cost more than all the rest.
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
