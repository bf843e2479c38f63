//! A connection after HTTP.

use std::io::{self, IoSlice, Read, Write};

use bytes::{Buf, Bytes};

use super::Stream;

/// A connection that has left HTTP: hijacked by a handler, or switched to another protocol by a 101 or a
/// successful response to CONNECT.
///
/// Reads return first the bytes that arrived behind the HTTP message, and then the connection's.
/// [`into_parts`](Self::into_parts) separates the two, and [`Stream::into_tcp`] returns the socket.
#[must_use = "dropping it closes the connection"]
#[derive(Debug)]
pub struct Duplex {
    stream: Stream,
    received: Bytes,
}

impl Duplex {
    pub(crate) fn new(stream: Stream, received: Bytes) -> Self {
        Self { stream, received }
    }

    /// Returns the connection, for its deadlines, addresses and half-close. Reading from it skips the
    /// bytes that arrived before.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Returns the connection, and the bytes that were received from it but not read.
    #[must_use]
    pub fn into_parts(self) -> (Stream, Bytes) {
        (self.stream, self.received)
    }
}

impl Read for Duplex {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.received.is_empty() {
            return (&self.stream).read(buf);
        }
        let count = self.received.len().min(buf.len());
        self.received.copy_to_slice(&mut buf[..count]);
        Ok(count)
    }
}

impl Write for Duplex {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&self.stream).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.stream).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
