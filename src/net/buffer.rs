//! What has been received and not yet been used.

use std::io;

use crate::h1::{HeadError, HeadScanner, Limits, ResponseHead};

/// The first size of a buffer that holds anything, in bytes: most heads fit.
const FIRST_SIZE: usize = 2048;

/// More than this, in bytes, is freed in two steps: half of what glibc maps by itself at first.
const LARGE: usize = 64 * 1024;

/// Bytes that came off a connection, in order, with room behind them.
///
/// An empty buffer that was [`release`](Self::release)d owns no memory.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// Invariant: `start <= end <= bytes.len()`; what lies between them is unused input.
    start: usize,
    end: usize,
    /// What looks for heads in it, with memory for them that is used again.
    scanner: Option<Box<HeadScanner>>,
}

impl Buffer {
    pub(crate) fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Uses up the first `count` bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.end - self.start);
        self.start += count;
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Finds the head of a response once it is whole, with its length in bytes; it is to be
    /// [consumed](Self::consume). Until then the bytes may only grow in number from call to call.
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

    /// Lets `read` put more behind the unused bytes; returns how many came (0: end of stream).
    pub(crate) fn fill(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.make_room();
        let count = read(&mut self.bytes[self.end..])?;
        self.end += count;
        Ok(count)
    }

    /// Puts `bytes` behind the unused ones, and takes no more memory for them than they need.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let end = self.end + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[self.end..end].copy_from_slice(bytes);
        self.end = end;
    }

    /// Makes the next [`fill`](Self::fill) of an empty buffer ask for at least `size` bytes.
    #[cfg(feature = "tls")]
    pub(crate) fn reserve(&mut self, size: usize) {
        if self.bytes.len() < size {
            self.bytes.resize(size, 0);
        }
    }

    /// Whether there is no room behind the unused bytes.
    #[cfg(feature = "tls")]
    pub(crate) fn is_full(&self) -> bool {
        self.end == self.bytes.len()
    }

    /// Leaves room for at least one byte: by moving up what is there, or else by doubling. A buffer that
    /// is smaller than the first size grows to that first.
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

    /// Moves the unused bytes out.
    pub(crate) fn take(&mut self) -> bytes::Bytes {
        let taken = bytes::Bytes::copy_from_slice(self.data());
        self.release();
        taken
    }

    /// Returns whether it owns more than `most` bytes of memory, and what is unused fills less than half
    /// of that: then [`trim`](Self::trim) is worth its copy.
    pub(crate) fn is_oversized(&self, most: usize) -> bool {
        self.bytes.capacity() > most && self.data().len() < most / 2
    }

    /// Gives memory back, but for that of the unused bytes.
    pub(crate) fn trim(&mut self) {
        let unused = self.data().to_vec();
        (self.start, self.end) = (0, unused.len());
        free(std::mem::replace(&mut self.bytes, unused));
    }

    /// How much memory it owns, in bytes.
    #[cfg(all(test, not(hangup_shuttle)))]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives the memory back. What was unused is lost.
    pub(crate) fn release(&mut self) {
        *self = Self::default();
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        free(std::mem::take(&mut self.bytes));
    }
}

/// Frees memory, a large piece in two steps: first it shrinks. The allocator of glibc takes the size of a
/// large piece that is freed whole as usual from then on, and keeps as much in the heap of every thread.
fn free(mut bytes: Vec<u8>) {
    if bytes.capacity() > LARGE {
        bytes.clear();
        bytes.shrink_to(LARGE);
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    /// Puts `text` into the buffer, in as many steps as it takes.
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
    fn nothing_is_lost_while_it_grows_and_moves_up() {
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
    fn what_is_put_takes_no_more_than_it_needs() {
        let mut buffer = Buffer::default();
        buffer.put(&[b'x'; 100]);
        assert_eq!((buffer.data(), buffer.capacity()), (&[b'x'; 100][..], 100));
        buffer.consume(99);
        buffer.put(b"yz");
        assert_eq!(buffer.data(), b"xyz");
        // What is read behind it has room as ever.
        buffer.fill(|room| Ok(room.len())).unwrap();
        assert_eq!(buffer.data().len(), FIRST_SIZE - 99);
    }

    #[test]
    fn a_failed_read_leaves_what_was_there() {
        let mut buffer = Buffer::default();
        put(&mut buffer, b"kept");
        buffer.fill(|_| Err(io::ErrorKind::TimedOut.into())).unwrap_err();
        assert_eq!(buffer.take(), "kept");
        assert!(buffer.is_empty());
        assert_eq!(buffer.bytes.capacity(), 0);
    }
}
