//! The stream of a connection, whatever carries its bytes.

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::addr::Addr;
use super::pipe::End;
use super::readiness::{Hangup, Parked, Readiness};
use super::socket::Socket;
#[cfg(feature = "tls")]
use super::tls::TlsStream;
use super::tls_info::TlsInfo;

/// The bytes of a connection in both directions: TCP, Unix, in memory, or TLS over one of these.
///
/// Cloning is cheap and returns another handle on the same connection. Dropping the last handle closes
/// the connection. Every method takes `&self`: one thread may read while a second writes and a third
/// waits for the peer to hang up. Any thread can end the waits of the others:
///
/// | a thread is blocked in | the connection ends it with | another thread ends it with |
/// | --- | --- | --- |
/// | `read`, [`wait_readable`](Self::wait_readable) | data, end of stream, error | [`set_read_deadline`](Self::set_read_deadline), [`close`](Self::close) |
/// | `write` | room, error | [`set_write_deadline`](Self::set_write_deadline), [`close`](Self::close) |
/// | [`read_for`](Self::read_for) | data, end of stream, error | [`close`](Self::close) |
/// | [`wait_hangup`](Self::wait_hangup) | the peer's end of stream, error | [`wake_hangup`](Self::wake_hangup), [`close`](Self::close) |
///
/// A deadline is a point in time, not a duration: a partial read or write does not restart it. A call
/// that runs into it fails with [`TimedOut`](io::ErrorKind::TimedOut). No byte is lost. With a later
/// deadline, or none, the stream can be used as before.
///
/// After [`close`](Self::close), reads fail with [`ConnectionAborted`](io::ErrorKind::ConnectionAborted)
/// and writes with [`BrokenPipe`](io::ErrorKind::BrokenPipe). So a stream that was closed on this side
/// never looks like one that the peer has ended.
///
/// Over TLS the bytes are the application's, and the peer's end of stream is its `close_notify`. If the
/// connection ends without one, reads fail with [`UnexpectedEof`](io::ErrorKind::UnexpectedEof). The
/// module `tls` has the details.
///
/// ```
/// use std::io::{ErrorKind, Read, Write};
/// use std::time::Instant;
///
/// let (one, other) = hangup::testing::stream_pair();
/// let mut buf = [0; 5];
///
/// one.set_read_deadline(Some(Instant::now()));
/// assert_eq!((&one).read(&mut buf).unwrap_err().kind(), ErrorKind::TimedOut);
///
/// one.set_read_deadline(None);
/// (&other).write_all(b"hello")?;
/// (&one).read_exact(&mut buf)?;
/// assert_eq!(&buf, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Stream(Arc<Kind>);

#[allow(clippy::large_enum_variant, reason = "sockets are the usual case, and all live in an Arc")]
enum Kind {
    Carrier(Carrier),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
}

/// The innermost layer, which has the deadlines and the addresses.
#[allow(clippy::large_enum_variant, reason = "sockets are the usual case, and all live in an Arc")]
enum Carrier {
    Socket(Socket),
    Memory(End),
}

/// Calls the outermost layer of a stream.
macro_rules! each {
    ($stream:expr, $kind:ident => $call:expr) => {
        match &*$stream.0 {
            Kind::Carrier(Carrier::Socket($kind)) => $call,
            Kind::Carrier(Carrier::Memory($kind)) => $call,
            #[cfg(feature = "tls")]
            Kind::Tls($kind) => $call,
        }
    };
}

/// Calls the innermost layer of a stream: TLS changes nothing about it.
macro_rules! carrier {
    ($stream:expr, $carrier:ident => $call:expr) => {
        match $stream.carrier() {
            Carrier::Socket($carrier) => $call,
            Carrier::Memory($carrier) => $call,
        }
    };
}

mod control;
mod convert;
mod io_impls;
#[cfg(feature = "tls")]
mod under_tls;

/// The most that [`Stream::wait_until_parked`] waits. No test runs for a day.
const LONGEST_PROBE: Duration = Duration::from_secs(24 * 60 * 60);

impl Stream {
    pub(super) fn from_socket(socket: Socket) -> Self {
        Self(Arc::new(Kind::Carrier(Carrier::Socket(socket))))
    }

    pub(super) fn from_memory(end: End) -> Self {
        Self(Arc::new(Kind::Carrier(Carrier::Memory(end))))
    }

    #[cfg(feature = "tls")]
    pub(super) fn from_tls(stream: TlsStream) -> Self {
        Self(Arc::new(Kind::Tls(Box::new(stream))))
    }

    #[cfg(feature = "tls")]
    pub(super) fn as_tls(&self) -> Option<&TlsStream> {
        match &*self.0 {
            Kind::Tls(stream) => Some(stream),
            Kind::Carrier(_) => None,
        }
    }

    fn carrier(&self) -> &Carrier {
        match &*self.0 {
            Kind::Carrier(carrier) => carrier,
            #[cfg(feature = "tls")]
            Kind::Tls(stream) => stream.below().carrier(),
        }
    }

    /// Returns the outcome of the TLS handshake, or `None` if there was none.
    #[must_use]
    pub fn tls(&self) -> Option<TlsInfo> {
        #[cfg(feature = "tls")]
        return self.as_tls().and_then(TlsStream::info);
        #[cfg(not(feature = "tls"))]
        None
    }

    /// Returns the number of encrypted bytes that TLS has sent; `None` without TLS.
    pub(crate) fn encrypted_sent(&self) -> Option<u64> {
        #[cfg(feature = "tls")]
        return self.as_tls().map(TlsStream::sent);
        #[cfg(not(feature = "tls"))]
        None
    }

    /// Sets the time from which reads and [`wait_readable`](Self::wait_readable) fail with `TimedOut`.
    /// That includes calls that are already blocked, and calls that would find data. `None`, the
    /// default, is no limit.
    ///
    /// Any thread may call it at any time. It makes no system call while no thread is blocked.
    pub fn set_read_deadline(&self, deadline: Option<Instant>) {
        carrier!(self, carrier => carrier.set_read_deadline(deadline))
    }

    /// Returns the current deadline for reads.
    #[must_use]
    pub fn read_deadline(&self) -> Option<Instant> {
        carrier!(self, carrier => carrier.read_deadline())
    }

    /// Sets the time from which writes fail with `TimedOut`. That includes calls that are already
    /// blocked, and calls that would find room. `None`, the default, is no limit.
    ///
    /// Any thread may call it at any time. It makes no system call while no thread is blocked.
    pub fn set_write_deadline(&self, deadline: Option<Instant>) {
        carrier!(self, carrier => carrier.set_write_deadline(deadline))
    }

    /// Returns the current deadline for writes.
    #[must_use]
    pub fn write_deadline(&self) -> Option<Instant> {
        carrier!(self, carrier => carrier.write_deadline())
    }

    /// Waits until a read would not block: until there is data, the end of the stream, or an error. Reads
    /// nothing.
    ///
    /// # Errors
    ///
    /// `TimedOut` at the read deadline, `ConnectionAborted` after [`close`](Self::close).
    ///
    /// # Blocking
    ///
    /// Until the stream is readable. The read deadline and [`close`](Self::close) end it.
    pub fn wait_readable(&self) -> io::Result<()> {
        self.wait_readable_until(None)
    }

    /// Waits as [`wait_readable`](Self::wait_readable) does, but at most until `limit`, if that is
    /// earlier than the read deadline.
    ///
    /// # Errors
    ///
    /// `TimedOut` at the earlier of the two, `ConnectionAborted` after [`close`](Self::close).
    ///
    /// # Blocking
    ///
    /// Until the stream is readable. The earlier of the two times and [`close`](Self::close) end it.
    pub fn wait_readable_until(&self, limit: Option<Instant>) -> io::Result<()> {
        each!(self, kind => kind.wait_readable(limit))
    }

    /// Returns the state of the stream. Does not block, reads nothing, and ignores the deadlines.
    ///
    /// A stream whose state cannot be found out is readable and broken: a read reports the error.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        each!(self, kind => kind.readiness())
    }

    /// Waits until the peer has ended its stream or the connection is broken, however much is still
    /// unread. Reads nothing, so another thread may read at the same time. Deadlines do not apply. If
    /// `least` is [`Hangup::Broken`], the end of the peer's stream alone does not end the wait.
    ///
    /// A peer that has closed a TCP connection has ended its stream, and looks like one that still
    /// reads. A Unix or memory peer that has closed is [`Hangup::Broken`] at once. So is any connection
    /// that has ended in both directions.
    ///
    /// Linux, Android and FreeBSD report the end of the peer's stream at once. Elsewhere it is noticed at
    /// once if all data is read. Behind unread data, Apple's systems report it within 100 ms. Others,
    /// such as NetBSD and Windows, report it within 100 ms after the data has been read. Over TLS a
    /// `close_notify` counts as data.
    ///
    /// # Errors
    ///
    /// `Interrupted` after [`wake_hangup`](Self::wake_hangup), `ConnectionAborted` after
    /// [`close`](Self::close).
    ///
    /// # Blocking
    ///
    /// Until the peer hangs up. [`wake_hangup`](Self::wake_hangup) and [`close`](Self::close) end it.
    pub fn wait_hangup(&self, least: Hangup) -> io::Result<Hangup> {
        each!(self, kind => kind.wait_hangup(least))
    }

    /// Ends one [`wait_hangup`](Self::wait_hangup): the one that is blocked now, or the next one.
    pub fn wake_hangup(&self) {
        carrier!(self, carrier => carrier.wake_hangup())
    }

    /// Ends one direction or both. The handles stay usable. `Write` ends the stream that the peer
    /// reads. After `Read`, reads on this side see the end of the stream.
    ///
    /// Over TLS, `Write` sends a `close_notify` first. Does not block: if there is no room for the
    /// `close_notify`, the next read or flush sends it.
    ///
    /// # Errors
    ///
    /// The system's, for example if the connection is already gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        each!(self, kind => kind.shutdown(how))
    }

    /// Ends both directions and wakes every thread that is blocked on this stream. Data that was
    /// written is still delivered. Over TLS a `close_notify` is sent if there is room for it. A second
    /// call does nothing.
    ///
    /// The descriptor is released with the last handle.
    pub fn close(&self) {
        each!(self, kind => kind.close())
    }

    /// Closes the stream as [`close`](Self::close) does, but resets the connection and drops data that
    /// was not delivered.
    ///
    /// A Unix socket has no reset: its peer sees the end of the stream, and errors when it writes.
    /// Outside Linux and Android, a copy of the socket that [`into_tcp`](Self::into_tcp) has returned
    /// delays the reset.
    pub fn reset(&self) {
        carrier!(self, carrier => carrier.reset())
    }

    /// Returns `true` if this side has closed the stream, with [`close`](Self::close) or
    /// [`reset`](Self::reset).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        carrier!(self, carrier => carrier.is_closed())
    }

    /// Returns the peer's address.
    ///
    /// # Errors
    ///
    /// The system's: it may have forgotten the peer of a broken connection.
    pub fn peer_addr(&self) -> io::Result<Addr> {
        carrier!(self, carrier => carrier.peer_addr())
    }

    /// Returns this end's address.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<Addr> {
        carrier!(self, carrier => carrier.local_addr())
    }

    /// Sets `TCP_NODELAY`: if `true`, small writes are sent at once instead of being collected. Has no
    /// effect on streams other than TCP.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        carrier!(self, carrier => carrier.set_nodelay(nodelay))
    }

    /// Sets how long the connection may be silent before the peer's host is probed, and the time between
    /// two probes. `None` turns the probes off. Counted in whole seconds, at least one. Has no effect on
    /// streams other than TCP.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_keepalive(&self, period: Option<Duration>) -> io::Result<()> {
        carrier!(self, carrier => carrier.set_keepalive(period))
    }

    /// Waits until a thread is blocked on this stream (not on its peer) in a call of the kind `place`,
    /// at most for `timeout`. Returns `true` if one is. Tests use it in place of sleeping.
    ///
    /// A thread that another thread has woken does not count. A thread in [`read_for`](Self::read_for)
    /// on a socket counts from just before its system call, even if data keeps that call from blocking.
    #[must_use]
    pub fn wait_until_parked(&self, place: Parked, timeout: Duration) -> bool {
        let until = Instant::now() + timeout.min(LONGEST_PROBE);
        carrier!(self, carrier => carrier.wait_until_parked(place, until))
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("local", &self.local_addr().ok())
            .field("peer", &self.peer_addr().ok())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
pub(super) mod tests;
