//! The buffer of received bytes.

use std::io;

use crate::h1::{HeadError, HeadScanner, Limits, ResponseHead};

/// The first size of a buffer, in bytes. Most heads fit.
const FIRST_SIZE: usize = 2048;

/// The size, in bytes, above which memory is freed in two steps: half the size from which glibc maps memory
/// separately by default.
const LARGE: usize = 64 * 1024;

/// Bytes received from a connection, with room behind them.
///
/// A buffer that was [released](Self::release) owns no memory.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// Invariant: `start <= end <= bytes.len()`. The bytes between them are the unused input.
    start: usize,
    end: usize,
    /// The scanner for heads, which reuses its memory.
    scanner: Option<Box<HeadScanner>>,
}

impl Buffer {
    pub(crate) fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Removes the first `count` bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.end - self.start);
        self.start += count;
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Returns the head of a response and its length in bytes, once it is complete. The caller
    /// [consumes](Self::consume) it. Until then, bytes may only be added between two calls.
    pub(crate) fn next_response(
        &mut self,
        limits: &Limits,
    ) -> Result<Option<(ResponseHead, usize)>, HeadError> {
        if self.is_empty() {
            return Ok(None);
        }
        let scanner = self.scanner.get_or_insert_default();
        scanner.response(&self.bytes[self.start..self.end], limits)
    }

    /// Appends bytes that `read` returns. Returns their number, or 0 at the end of the stream.
    pub(crate) fn fill(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.make_room();
        let count = read(&mut self.bytes[self.end..])?;
        self.end += count;
        Ok(count)
    }

    /// Appends `bytes`, without allocating more memory than they need.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let end = self.end + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[self.end..end].copy_from_slice(bytes);
        self.end = end;
    }

    /// Makes the next [`fill`](Self::fill) of an empty buffer read up to at least `size` bytes.
    #[cfg(feature = "tls")]
    pub(crate) fn reserve(&mut self, size: usize) {
        if self.bytes.len() < size {
            self.bytes.resize(size, 0);
        }
    }

    /// Returns `true` if there is no room behind the unused bytes.
    #[cfg(feature = "tls")]
    pub(crate) fn is_full(&self) -> bool {
        self.end == self.bytes.len()
    }

    /// Makes room for at least one byte: moves the unused bytes to the front, or else doubles the size.
    /// Below the first size, grows to that.
    fn make_room(&mut self) {
        if self.bytes.len() < FIRST_SIZE {
            self.bytes.resize(FIRST_SIZE, 0);
        }
        if self.end < self.bytes.len() {
            return;
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.bytes.len() {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
    }

    /// Returns the unused bytes, and frees the memory.
    pub(crate) fn take(&mut self) -> bytes::Bytes {
        let taken = bytes::Bytes::copy_from_slice(self.data());
        self.release();
        taken
    }

    /// Returns `true` if it owns more than `most` bytes of memory and the unused bytes fill less than half
    /// of `most`. Then [`trim`](Self::trim) is worth its copy.
    pub(crate) fn is_oversized(&self, most: usize) -> bool {
        self.bytes.capacity() > most && self.data().len() < most / 2
    }

    /// Frees all memory but that of the unused bytes.
    pub(crate) fn trim(&mut self) {
        let unused = self.data().to_vec();
        (self.start, self.end) = (0, unused.len());
        free(std::mem::replace(&mut self.bytes, unused));
    }

    /// Returns the memory that it owns, in bytes.
    #[cfg(all(test, not(hangup_shuttle)))]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Frees the memory and drops the unused bytes.
    pub(crate) fn release(&mut self) {
        *self = Self::default();
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        free(std::mem::take(&mut self.bytes));
    }
}

/// Frees memory. A large allocation is shrunk first: when glibc frees one at its full size, it takes that
/// size as usual, and keeps as much in the heap of every thread.
fn free(mut bytes: Vec<u8>) {
    if bytes.capacity() > LARGE {
        bytes.clear();
        bytes.shrink_to(LARGE);
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    /// Fills the buffer with `text`, in as many steps as needed.
    fn put(buffer: &mut Buffer, mut text: &[u8]) {
        while !text.is_empty() {
            let count = buffer.fill(|room| {
                let count = room.len().min(text.len());
                room[..count].copy_from_slice(&text[..count]);
                Ok(count)
            });
            text = &text[count.unwrap()..];
        }
    }

    #[test]
    fn no_byte_is_lost_while_the_buffer_grows_and_moves() {
        let all: Vec<u8> = (0..50_000_u32).map(|n| n as u8).collect();
        let (mut buffer, mut seen) = (Buffer::default(), Vec::new());
        for piece in all.chunks(700) {
            put(&mut buffer, piece);
            let used = buffer.data().len() / 2;
            seen.extend_from_slice(&buffer.data()[..used]);
            buffer.consume(used);
        }
        seen.extend_from_slice(buffer.data());
        assert_eq!(seen, all);
        assert!(buffer.bytes.len() <= 4 * FIRST_SIZE, "{} bytes", buffer.bytes.len());
    }

    #[test]
    fn put_allocates_no_more_than_needed() {
        let mut buffer = Buffer::default();
        buffer.put(&[b'x'; 100]);
        assert_eq!((buffer.data(), buffer.capacity()), (&[b'x'; 100][..], 100));
        buffer.consume(99);
        buffer.put(b"yz");
        assert_eq!(buffer.data(), b"xyz");
        // A later read has room as usual.
        buffer.fill(|room| Ok(room.len())).unwrap();
        assert_eq!(buffer.data().len(), FIRST_SIZE - 99);
    }

    #[test]
    fn a_failed_read_keeps_the_unused_bytes() {
        let mut buffer = Buffer::default();
        put(&mut buffer, b"kept");
        buffer.fill(|_| Err(io::ErrorKind::TimedOut.into())).unwrap_err();
        assert_eq!(buffer.take(), "kept");
        assert!(buffer.is_empty());
        assert_eq!(buffer.bytes.capacity(), 0);
    }
}
