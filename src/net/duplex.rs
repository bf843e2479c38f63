//! A connection after HTTP.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};

use bytes::{Buf, Bytes};

use super::Stream;
use crate::context::{Context, HookGuard};

/// A connection that has left HTTP: hijacked by a handler, or switched to another protocol by a 101 or a
/// successful response to CONNECT.
///
/// Reads return first the bytes that arrived behind the HTTP message, and then the connection's.
/// [`into_parts`](Self::into_parts) separates the two, and [`Stream::into_tcp`] returns the socket.
///
/// A library that speaks another protocol over [`Read`] and [`Write`], such as tungstenite, takes a duplex as
/// it is. Over TLS, both ends see what the application sends.
///
/// # Two threads, deadlines, ending it
///
/// [`stream`](Self::stream) returns a handle that any thread can clone and use meanwhile: to write while this
/// one reads, to set deadlines, to half-close, or to [close](Stream::close) the connection under a blocked
/// read. A [deadline](Stream::set_read_deadline) ends a read with `TimedOut` and loses no byte. So another
/// thread can wake a reader that has something to send:
///
/// ```
/// # use hangup::{Client, ResponseExt, testing::Script};
/// use std::io::{ErrorKind, Read, Write};
/// use std::time::Instant;
///
/// # let script = Script::new().connection(|peer| {
/// #     peer.expect("GET /");
/// #     peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n").stay_silent()
/// # });
/// # let request = Client::new().get(script.url("/")).header("connection", "upgrade");
/// # let mut response = request.header("upgrade", "echo").send()?;
/// let mut duplex = response.take_duplex().expect("a 101");
/// let wake = duplex.stream().clone();
/// let other = std::thread::spawn(move || wake.set_read_deadline(Some(Instant::now())));
/// let error = duplex.read(&mut [0; 100]).unwrap_err(); // waits for the other thread
/// assert_eq!(error.kind(), ErrorKind::TimedOut);
/// duplex.stream().set_read_deadline(None); // the connection can be used as before
/// duplex.write_all(b"a message of the other thread")?;
/// # other.join().unwrap();
/// # drop(duplex);
/// # script.finish();
/// # Ok::<(), hangup::Error>(())
/// ```
#[must_use = "dropping it closes the connection"]
pub struct Duplex {
    stream: Stream,
    received: Bytes,
    /// Closes the connection when the context ends that [`close_with`](Self::close_with) was given.
    context: Option<HookGuard>,
}

impl Duplex {
    pub(crate) fn new(stream: Stream, received: Bytes) -> Self {
        Self { stream, received, context: None }
    }

    /// Returns the connection, for its deadlines, addresses and half-close. Reading from it skips the
    /// bytes that arrived before.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Closes the connection when `context` ends, or at once if it has ended. Reads fail with
    /// `ConnectionAborted` then, and writes with `BrokenPipe`, also those that are blocked.
    ///
    /// Replaces a context that was given before. [`into_parts`](Self::into_parts) ends the effect. The
    /// context of the client's call has none on a duplex, unless it is given here.
    pub fn close_with(&mut self, context: &Context) {
        let stream = self.stream.clone();
        self.context = Some(context.on_done(move |_| stream.close()));
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

    /// Waits until what earlier writes have left unsent is sent: see [`Stream`].
    fn flush(&mut self) -> io::Result<()> {
        (&self.stream).flush()
    }
}

impl fmt::Debug for Duplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Duplex")
            .field("stream", &self.stream)
            .field("received", &self.received.len())
            .finish_non_exhaustive()
    }
}
