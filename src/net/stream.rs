//! Blocking bytes that any thread can call back.

#[cfg(feature = "tls")]
mod under_tls;

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::addr::Addr;
use super::bell::{Bell, Woken};
use super::memory::End;
use super::socket::{Family, Socket};
#[cfg(feature = "tls")]
use super::tls::TlsStream;
use super::tls_info::TlsInfo;

/// A connection's bytes in both directions: TCP, Unix, in memory, or TLS over one of these.
///
/// Cloning is cheap and gives another handle on the same connection; the last one closes it. Every
/// method takes `&self`: one thread may read while another writes and a third waits for the peer
/// to hang up, and any thread can end the others' waiting:
///
/// | blocked in | ended by the stream | ended by another thread |
/// | --- | --- | --- |
/// | `read`, [`wait_readable`](Self::wait_readable) | data, end of stream, error | [`set_read_deadline`](Self::set_read_deadline), [`close`](Self::close) |
/// | `write` | room, error | [`set_write_deadline`](Self::set_write_deadline), [`close`](Self::close) |
/// | [`read_for`](Self::read_for) | data, end of stream, error | [`close`](Self::close) |
/// | [`wait_hangup`](Self::wait_hangup) | the peer's end of stream, error | [`wake_hangup`](Self::wake_hangup), [`close`](Self::close) |
///
/// A deadline is a moment, not a duration: a partial read or write does not restart it. A call
/// that it ends fails with [`TimedOut`](io::ErrorKind::TimedOut); no byte is lost, and with a later
/// deadline, or none, the stream goes on as if nothing had happened.
///
/// After [`close`](Self::close) reads fail with [`ConnectionAborted`](io::ErrorKind::ConnectionAborted)
/// and writes with [`BrokenPipe`](io::ErrorKind::BrokenPipe): what this side has cut short never
/// looks like the end of what the peer had to say.
///
/// Over TLS the bytes are those of the application, and the peer's end of stream is its
/// `close_notify`: a connection that ends without one has been cut, and reads fail with
/// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof). See the module `tls` for the rest.
///
/// ```
/// use std::io::{ErrorKind, Read, Write};
/// use std::time::Instant;
///
/// let (one, other) = hangup::net::memory::pair();
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

/// What carries the bytes. That one which decrypts them is readable is not the same as that its
/// socket is, so each kind answers every question by itself.
#[allow(clippy::large_enum_variant, reason = "the small ones are rare, and all live in an Arc")]
enum Kind {
    Socket(Socket),
    Memory(End),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
}

/// When a wait ends that nothing else ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// At the deadline of the place where the thread waits, or at this moment if that is earlier.
    Deadline(Option<Instant>),
    /// At this moment, whatever the deadline.
    Only(Option<Instant>),
}

impl Until {
    /// The moment, with the place's `deadline`.
    pub(super) fn moment(self, deadline: Option<Instant>) -> Option<Instant> {
        match self {
            Self::Deadline(own) => own.into_iter().chain(deadline).min(),
            Self::Only(own) => own,
        }
    }
}

/// Asks whichever kind it is.
macro_rules! each {
    ($stream:expr, $kind:ident => $answer:expr) => {
        match &*$stream.0 {
            Kind::Socket($kind) => $answer,
            Kind::Memory($kind) => $answer,
            #[cfg(feature = "tls")]
            Kind::Tls($kind) => $answer,
        }
    };
}
#[cfg(feature = "tls")]
use each;

/// What a thread that waits on a stream's carrier wants of it.
#[cfg(feature = "tls")]
#[derive(Clone, Copy, Debug)]
pub(super) struct Interest {
    pub(super) read: bool,
    pub(super) write: bool,
}

/// What a stream can do at this moment, from [`Stream::readiness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// A read would not block: there is data, the end of the stream, or an error.
    pub readable: bool,
    /// The peer will send no more, though some of what it sent may still be unread. Outside Linux,
    /// Android and FreeBSD this is seen only when both directions are gone.
    pub peer_closed: bool,
    /// Nothing can be sent to the peer any more, or the connection has failed.
    pub broken: bool,
}

/// How the peer went away, from [`Stream::wait_hangup`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hangup {
    /// It will send no more. It may still read what it is sent: over TCP one cannot tell.
    EndOfStream,
    /// It reset the connection, or it neither sends nor reads any more.
    Broken,
}

/// A place where a thread can be blocked on a stream, for [`Stream::wait_until_parked`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parked {
    /// `read`, `read_for`, `wait_readable`.
    Read,
    /// `write`.
    Write,
    /// `wait_hangup`.
    Hangup,
}

/// What [`Stream::wait_until_parked`] waits at most: a day, which no test outlives.
const LONGEST_PROBE: Duration = Duration::from_secs(24 * 60 * 60);

impl Stream {
    pub(super) fn from_socket(socket: Socket) -> Self {
        Self(Arc::new(Kind::Socket(socket)))
    }

    pub(super) fn from_memory(end: End) -> Self {
        Self(Arc::new(Kind::Memory(end)))
    }

    #[cfg(feature = "tls")]
    pub(super) fn from_tls(stream: TlsStream) -> Self {
        Self(Arc::new(Kind::Tls(Box::new(stream))))
    }

    #[cfg(feature = "tls")]
    pub(super) fn as_tls(&self) -> Option<&TlsStream> {
        match &*self.0 {
            Kind::Tls(stream) => Some(stream),
            Kind::Socket(_) | Kind::Memory(_) => None,
        }
    }

    /// What was agreed on in the TLS handshake; `None` if there was none.
    #[must_use]
    pub fn tls(&self) -> Option<TlsInfo> {
        #[cfg(feature = "tls")]
        return self.as_tls().and_then(TlsStream::info);
        #[cfg(not(feature = "tls"))]
        None
    }

    /// Sets the moment from which reads and [`wait_readable`](Self::wait_readable) fail with
    /// `TimedOut`, also those that are blocked already and those that would find data. `None`, the
    /// default, lets them wait for ever.
    ///
    /// From any thread, any number of times. Costs no system call while nobody is blocked.
    pub fn set_read_deadline(&self, deadline: Option<Instant>) {
        each!(self, kind => kind.set_read_deadline(deadline))
    }

    /// The deadline last set for reads.
    #[must_use]
    pub fn read_deadline(&self) -> Option<Instant> {
        each!(self, kind => kind.read_deadline())
    }

    /// Sets the moment from which writes fail with `TimedOut`, also those that are blocked already
    /// and those that would find room. `None`, the default, lets them wait for ever.
    ///
    /// From any thread, any number of times. Costs no system call while nobody is blocked.
    pub fn set_write_deadline(&self, deadline: Option<Instant>) {
        each!(self, kind => kind.set_write_deadline(deadline))
    }

    /// Sets how long a write may wait without any progress, whatever the deadline. Such a write fails with
    /// `TimedOut`. `None`, the default, is no limit. Applies to waits that begin later.
    pub(crate) fn set_write_patience(&self, patience: Option<Duration>) {
        each!(self, kind => kind.set_write_patience(patience))
    }

    /// The deadline last set for writes.
    #[must_use]
    pub fn write_deadline(&self) -> Option<Instant> {
        each!(self, kind => kind.write_deadline())
    }

    /// Blocks until a read would not: until there is data, the end of the stream, or an error.
    /// Takes nothing from the stream.
    ///
    /// # Errors
    ///
    /// `TimedOut` at the read deadline, `ConnectionAborted` after [`close`](Self::close).
    pub fn wait_readable(&self) -> io::Result<()> {
        self.wait_readable_until(None)
    }

    /// As [`wait_readable`](Self::wait_readable), but at most until `limit`, if that is earlier
    /// than the read deadline.
    ///
    /// # Errors
    ///
    /// `TimedOut` at the earlier of the two, `ConnectionAborted` after [`close`](Self::close).
    pub fn wait_readable_until(&self, limit: Option<Instant>) -> io::Result<()> {
        each!(self, kind => kind.wait_readable(limit))
    }

    /// Reads, waiting at most for `patience` (`None`: for ever), mostly in one system call.
    ///
    /// For threads that nobody else needs to call back: the read deadline does not apply, and only
    /// [`close`](Self::close) and [`shutdown`](Self::shutdown) end the wait. A patience that
    /// differs from that of the call before costs two more if it has to wait; the system may round it
    /// up by some milliseconds.
    ///
    /// # Errors
    ///
    /// `TimedOut` when there was nothing to read for so long, `ConnectionAborted` after
    /// [`close`](Self::close), or the connection's own.
    pub fn read_for(&self, buf: &mut [u8], patience: Option<Duration>) -> io::Result<usize> {
        each!(self, kind => kind.read_for(buf, patience))
    }

    /// Blocks until a read would not, or until `bell` is rung. Takes nothing from the stream. The
    /// read deadline does not apply.
    ///
    /// # Errors
    ///
    /// `TimedOut` at `limit`, `ConnectionAborted` after [`close`](Self::close).
    pub(crate) fn wait_idle(&self, bell: &Bell, limit: Option<Instant>) -> io::Result<Woken> {
        each!(self, kind => kind.wait_idle(bell, limit))
    }

    /// Has a thread in [`wait_idle`](Self::wait_idle) look at its bell, where the bell itself does
    /// not wake it.
    pub(crate) fn look_again(&self) {
        each!(self, kind => kind.look_again());
    }

    /// Returns `true` if unread input has arrived. Unlike
    /// [`readiness`](Self::readiness) it takes nothing in, so that another thread may wait meanwhile.
    pub(crate) fn has_unread(&self) -> bool {
        each!(self, kind => kind.has_unread())
    }

    /// Ends one read that has to wait with `Interrupted`: the one that is blocked now, or the next.
    pub(crate) fn interrupt_read(&self) {
        each!(self, kind => kind.interrupt_read());
    }

    /// As [`close`](Self::close), but the peer may go on sending: the connection is only
    /// half-closed, and [`resume`](Self::resume) opens the stream again to read that out. A thread
    /// in [`read_for`](Self::read_for) is not woken.
    pub(crate) fn halt(&self) {
        each!(self, kind => kind.halt());
    }

    /// Takes a [`halt`](Self::halt) back. No other thread may be using the stream.
    pub(crate) fn resume(&self) {
        each!(self, kind => kind.resume());
    }

    /// Throws away what has arrived, at most 1 MiB and without blocking, also on a stream that was
    /// [halted](Self::halt).
    pub(crate) fn discard_input(&self) {
        each!(self, kind => kind.discard_input());
    }

    /// Reads what there is, without blocking and whatever the deadline.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is nothing, `ConnectionAborted` after [`close`](Self::close), or the
    /// connection's own.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        each!(self, kind => kind.try_read(buf))
    }

    /// Writes as much as there is room for, without blocking and whatever the deadline.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room at all, `BrokenPipe` after [`close`](Self::close), or the
    /// connection's own.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        each!(self, kind => kind.try_write(slices))
    }

    /// Sends what earlier writes have left behind, without blocking and whatever the deadline.
    ///
    /// Only over TLS is anything ever left behind: what a write took can be larger, once encrypted,
    /// than the room there was for it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if not everything could be sent, `BrokenPipe` after [`close`](Self::close), or the
    /// connection's own.
    pub fn try_flush(&self) -> io::Result<()> {
        each!(self, kind => kind.try_flush())
    }

    /// Gives back memory that only a busy connection needs. Nothing is lost, and the next read takes
    /// it again.
    pub(crate) fn release(&self) {
        each!(self, kind => kind.release());
    }

    /// Writes all of `slices`, in as few system calls as it takes, and sees them sent.
    pub(crate) fn send_all(&self, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        let mut stream = self;
        // Empty slices are none: a write of nothing would look like the end of all room.
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match stream.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => IoSlice::advance_slices(&mut slices, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        stream.flush()
    }

    /// As a write of what more follows on at once: a TCP socket may hold it back for a moment (on Linux
    /// 200 ms at most), so that both go out together and the peer wakes once.
    pub(crate) fn write_ahead(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &*self.0 {
            Kind::Socket(socket) => socket.write_ahead(slices),
            _ => self.write_slices(slices),
        }
    }

    #[inline]
    fn write_slices(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        each!(self, kind => kind.write(slices))
    }

    /// What the stream can do now. Does not block, takes nothing from the stream, and looks at no
    /// deadline.
    ///
    /// A stream that cannot even be asked counts as readable and broken: a read will tell more.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        each!(self, kind => kind.readiness())
    }

    /// Blocks until the peer has ended its stream or the connection is broken, however much is
    /// still unread, and without taking any of it. Another thread may read meanwhile. Deadlines do
    /// not apply. With [`Hangup::Broken`] as the `least` that counts, a mere end of the stream is
    /// passed over.
    ///
    /// A peer that has closed a TCP connection has ended its stream, and cannot be told from one
    /// that still reads; a Unix or memory peer that has closed is [`Hangup::Broken`] at once. So is
    /// any connection that has ended in both directions.
    ///
    /// Outside Linux, Android and FreeBSD no platform tells of a mere end of stream: there only
    /// [`Hangup::Broken`] is seen, and an end of stream has to be found by reading.
    ///
    /// # Errors
    ///
    /// `Interrupted` after [`wake_hangup`](Self::wake_hangup), `ConnectionAborted` after
    /// [`close`](Self::close).
    pub fn wait_hangup(&self, least: Hangup) -> io::Result<Hangup> {
        each!(self, kind => kind.wait_hangup(least))
    }

    /// Ends one [`wait_hangup`](Self::wait_hangup): the one that is blocked now, or the next.
    pub fn wake_hangup(&self) {
        each!(self, kind => kind.wake_hangup())
    }

    /// Ends one direction, or both, and lets the handles live on. `Write` tells the peer that
    /// nothing more will come; after `Read`, reads here see the end of the stream.
    ///
    /// Over TLS `Write` sends a close_notify first. Does not block: if there is no room for it, it is
    /// sent by whoever reads or flushes next.
    ///
    /// # Errors
    ///
    /// The system's, for example when the connection is gone already.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        each!(self, kind => kind.shutdown(how))
    }

    /// Ends both directions now and wakes every thread that is blocked on this stream. What has
    /// been written is still delivered. The second time it does nothing. Over TLS the peer is told
    /// with a close_notify, if there is room for one.
    ///
    /// The descriptor itself is released with the last handle.
    pub fn close(&self) {
        each!(self, kind => kind.close())
    }

    /// As [`close`](Self::close), but the peer sees the connection reset, and what has not been
    /// delivered is dropped.
    ///
    /// A Unix socket knows no reset: its peer sees the end of the stream, and errors when it
    /// writes. Outside Linux the peer sees the reset once the last handle is gone.
    pub fn reset(&self) {
        each!(self, kind => kind.reset())
    }

    /// Whether this side has closed the stream, with [`close`](Self::close) or
    /// [`reset`](Self::reset).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        each!(self, kind => kind.is_closed())
    }

    /// The other end's address.
    ///
    /// # Errors
    ///
    /// The system's: the peer of a broken connection may not be known any more.
    pub fn peer_addr(&self) -> io::Result<Addr> {
        each!(self, kind => kind.peer_addr())
    }

    /// This end's address.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn local_addr(&self) -> io::Result<Addr> {
        each!(self, kind => kind.local_addr())
    }

    /// Whether small writes are sent at once instead of being collected (TCP_NODELAY). Without
    /// effect on anything but TCP.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        each!(self, kind => kind.set_nodelay(nodelay))
    }

    /// After how long an idle connection is probed, and how often from then on; `None` turns the
    /// probes off. In whole seconds, at least one. Without effect on anything but TCP.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn set_keepalive(&self, period: Option<Duration>) -> io::Result<()> {
        each!(self, kind => kind.set_keepalive(period))
    }

    /// Blocks until some thread is blocked at `place` of this very stream (not of its peer), at
    /// most for `timeout`: whether one is. For tests, which then need not sleep.
    ///
    /// A thread whose wait has been ended from outside no longer counts. A thread in
    /// [`read_for`](Self::read_for) on a socket counts from just before its system call, and also
    /// if data keeps that call from blocking.
    #[must_use]
    pub fn wait_until_parked(&self, place: Parked, timeout: Duration) -> bool {
        let until = Instant::now() + timeout.min(LONGEST_PROBE);
        each!(self, kind => kind.wait_until_parked(place, until))
    }

    /// The TCP connection as the standard library's type, in blocking mode and without time-outs:
    /// the very socket if this is the last handle, otherwise another descriptor of it.
    ///
    /// # Errors
    ///
    /// The stream itself, if it is not TCP, or if there was no descriptor left for a copy.
    pub fn into_tcp(self) -> Result<TcpStream, Self> {
        self.into_std(Family::Tcp).map(TcpStream::from)
    }

    /// The Unix connection as the standard library's type; see [`into_tcp`](Self::into_tcp).
    ///
    /// # Errors
    ///
    /// The stream itself, if it is not a Unix socket, or if there was no descriptor left for a
    /// copy.
    #[cfg(unix)]
    pub fn into_unix(self) -> Result<UnixStream, Self> {
        self.into_std(Family::Unix).map(UnixStream::from)
    }

    fn into_std(self, family: Family) -> Result<socket2::Socket, Self> {
        match &*self.0 {
            Kind::Socket(socket) if socket.family() == family => {}
            _ => return Err(self),
        }
        match Arc::try_unwrap(self.0) {
            Ok(Kind::Socket(socket)) => Ok(socket.into_inner()),
            Ok(_) => unreachable!("only sockets have a family"),
            Err(shared) => match &*shared {
                Kind::Socket(socket) => socket.duplicate().map_err(|_| Self(Arc::clone(&shared))),
                _ => unreachable!("only sockets have a family"),
            },
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::from_socket(stream.into())
    }
}

#[cfg(unix)]
impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::from_socket(stream.into())
    }
}

impl Read for &Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        each!(self, kind => kind.read(buf))
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }
}

impl Write for &Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_slices(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_slices(slices)
    }

    /// Blocks until what earlier writes have left behind is sent: over TLS, what a write had taken
    /// when its deadline came. Ended as a write is.
    fn flush(&mut self) -> io::Result<()> {
        each!(self, kind => kind.flush())
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
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
mod tests;
