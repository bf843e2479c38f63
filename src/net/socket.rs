//! A stream over the operating system's sockets, TCP or Unix.

#[cfg(feature = "tls")]
mod under_tls;

use std::io::{self, IoSlice};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::fd::{AsFd, BorrowedFd};

use super::addr::Addr;
use super::bell::{Bell, Woken};
use super::stream::{Hangup, Parked, Readiness, Until};
use super::wait_point::WaitPoint;
use super::wake::{self, PollFlags};

/// A connected socket in blocking mode, and a [`WaitPoint`] for each thing one can wait for.
pub(super) struct Socket {
    socket: socket2::Socket,
    family: Family,
    /// The receive time-out the socket has now, in microseconds, [`NO_TIMEOUT`] or
    /// [`UNKNOWN_TIMEOUT`]: so that only a change costs a system call.
    receive_timeout: AtomicU64,
    read: WaitPoint,
    write: WaitPoint,
    hangup: WaitPoint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Tcp,
    Unix,
}

/// How much input is thrown away at the end of the process, in bytes: a client that goes on sending must not
/// hold it up.
const MOST_DISCARDED: usize = 1 << 20;

const NO_TIMEOUT: u64 = 0;
const UNKNOWN_TIMEOUT: u64 = u64::MAX;

impl Socket {
    /// Takes a socket that this crate has made: in blocking mode, without time-outs.
    pub(super) fn fresh(socket: socket2::Socket, family: Family) -> Self {
        Self {
            socket,
            family,
            receive_timeout: AtomicU64::new(NO_TIMEOUT),
            read: WaitPoint::new(io::ErrorKind::ConnectionAborted),
            write: WaitPoint::new(io::ErrorKind::BrokenPipe),
            hangup: WaitPoint::new(io::ErrorKind::ConnectionAborted),
        }
    }

    /// Takes a socket that may have been configured by others.
    pub(super) fn foreign(socket: socket2::Socket, family: Family) -> Self {
        // A socket that refuses is broken, which its first read or write will tell.
        let _ = socket.set_nonblocking(false);
        Self { receive_timeout: AtomicU64::new(UNKNOWN_TIMEOUT), ..Self::fresh(socket, family) }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(super) fn set_read_deadline(&self, deadline: Option<Instant>) {
        self.read.set_deadline(deadline);
    }

    pub(super) fn read_deadline(&self) -> Option<Instant> {
        self.read.deadline()
    }

    pub(super) fn set_write_deadline(&self, deadline: Option<Instant>) {
        self.write.set_deadline(deadline);
    }

    pub(super) fn set_write_patience(&self, patience: Option<Duration>) {
        self.write.set_patience(patience);
    }

    pub(super) fn write_deadline(&self) -> Option<Instant> {
        self.write.deadline()
    }

    pub(super) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            self.read.admit(Until::Deadline(None))?;
            match self.received(wake::try_recv(self.fd(), buf)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            self.read.park(self.fd(), wake::READ, Until::Deadline(None))?;
        }
    }

    pub(super) fn read_for(&self, buf: &mut [u8], patience: Option<Duration>) -> io::Result<usize> {
        if patience == Some(Duration::ZERO) {
            return self.try_read(buf).map_err(blocked_is_timed_out);
        }
        if !self.has_receive_timeout(patience) {
            // What is there already is read without: a new connection's first request, mostly.
            match self.try_read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            self.set_receive_timeout(patience)?;
        }
        let outcome = self.read.plainly(|| wake::blocking_recv(self.fd(), buf))?;
        self.received(outcome).map_err(blocked_is_timed_out)
    }

    pub(super) fn wait_idle(&self, bell: &Bell, limit: Option<Instant>) -> io::Result<Woken> {
        let woken = self.read.plainly(|| bell.wait(self.fd(), limit))?;
        self.read.admit_if_open()?;
        woken
    }

    pub(super) fn has_unread(&self) -> bool {
        wake::look(self.fd(), wake::READ).is_ok_and(|ready| !ready.is_empty())
    }

    pub(super) fn interrupt_read(&self) {
        self.read.interrupt();
    }

    /// It waits with the bell.
    pub(super) fn look_again(&self) {}

    pub(super) fn halt(&self) {
        if self.close_gates() {
            let _ = self.socket.shutdown(Shutdown::Write);
        }
    }

    pub(super) fn resume(&self) {
        self.read.reopen();
        self.write.reopen();
    }

    pub(super) fn discard_input(&self) {
        let mut waste = [0; 4096];
        for _ in 0..MOST_DISCARDED / waste.len() {
            if !matches!(wake::try_recv(self.fd(), &mut waste), Ok(1..)) {
                return;
            }
        }
    }

    pub(super) fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read.admit_if_open()?;
        self.received(wake::try_recv(self.fd(), buf))
    }

    /// An end of stream that our own close has made is not the peer's.
    fn received(&self, outcome: io::Result<usize>) -> io::Result<usize> {
        if !matches!(outcome, Ok(count) if count > 0) {
            self.read.admit_if_open()?;
        }
        outcome
    }

    fn has_receive_timeout(&self, patience: Option<Duration>) -> bool {
        self.receive_timeout.load(Ordering::Relaxed) == in_micros(patience)
    }

    fn set_receive_timeout(&self, patience: Option<Duration>) -> io::Result<()> {
        if !self.has_receive_timeout(patience) {
            let micros = in_micros(patience);
            let patience = (micros != NO_TIMEOUT).then(|| Duration::from_micros(micros));
            self.socket.set_read_timeout(patience)?;
            self.receive_timeout.store(micros, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(super) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_by(|| wake::try_send(self.fd(), slices))
    }

    pub(super) fn write_ahead(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_by(|| wake::try_send_ahead(self.fd(), slices))
    }

    fn write_by(&self, send: impl Fn() -> io::Result<usize>) -> io::Result<usize> {
        loop {
            self.write.admit(Until::Deadline(None))?;
            match send() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            match self.write.park(self.fd(), wake::WRITE, Until::Deadline(None)) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    self.write.admit(Until::Deadline(None))?;
                    // A socket is not called writable before much of its buffer is free (on Linux a
                    // third): any room at all shows that the peer reads.
                    return send().map_err(blocked_is_timed_out);
                }
                parked => drop(parked?),
            }
        }
    }

    pub(super) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write.admit_if_open()?;
        wake::try_send(self.fd(), slices)
    }

    /// A write leaves nothing behind.
    pub(super) fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// A write leaves nothing behind.
    pub(super) fn try_flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// It holds no memory of its own.
    pub(super) fn release(&self) {}

    pub(super) fn wait_readable(&self, limit: Option<Instant>) -> io::Result<()> {
        while self.read.park(self.fd(), wake::READ, Until::Deadline(limit))?.is_empty() {}
        self.read.admit_if_open()
    }

    pub(super) fn readiness(&self) -> Readiness {
        match wake::look(self.fd(), wake::READ | wake::PEER_DONE) {
            Ok(ready) => Readiness {
                readable: !ready.is_empty(),
                peer_closed: ready.intersects(wake::PEER_DONE | PollFlags::HUP),
                broken: ready.intersects(wake::BROKEN),
            },
            Err(_) => Readiness { readable: true, peer_closed: false, broken: true },
        }
    }

    pub(super) fn wait_hangup(&self, least: Hangup) -> io::Result<Hangup> {
        // That a connection is broken is told unasked.
        let interest = match least {
            Hangup::EndOfStream => wake::PEER_DONE,
            Hangup::Broken => PollFlags::empty(),
        };
        loop {
            let ready = self.hangup.park(self.fd(), interest, Until::Deadline(None))?;
            if ready.is_empty() {
                continue;
            }
            self.hangup.admit_if_open()?;
            return Ok(match ready.intersects(wake::BROKEN) {
                true => Hangup::Broken,
                false => Hangup::EndOfStream,
            });
        }
    }

    pub(super) fn wake_hangup(&self) {
        self.hangup.interrupt();
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.shutdown(how)
    }

    pub(super) fn close(&self) {
        if self.close_gates() {
            // A connection that is gone already has nothing to shut down.
            let _ = self.socket.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn reset(&self) {
        self.close_gates();
        let dropped = match self.family {
            Family::Tcp => wake::reset(&self.socket),
            Family::Unix => Err(io::ErrorKind::Unsupported.into()),
        };
        if dropped.is_err() {
            let _ = self.socket.shutdown(Shutdown::Both);
        }
    }

    /// Whether the stream was open before. What happens from now on is our own doing.
    fn close_gates(&self) -> bool {
        let first = self.read.close();
        self.write.close();
        self.hangup.close();
        first
    }

    pub(super) fn is_closed(&self) -> bool {
        self.read.is_closed()
    }

    pub(super) fn peer_addr(&self) -> io::Result<Addr> {
        self.socket.peer_addr().map(|address| Addr::from_socket(&address))
    }

    pub(super) fn local_addr(&self) -> io::Result<Addr> {
        self.socket.local_addr().map(|address| Addr::from_socket(&address))
    }

    pub(super) fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        match self.family {
            Family::Tcp => self.socket.set_tcp_nodelay(nodelay),
            Family::Unix => Ok(()),
        }
    }

    pub(super) fn set_keepalive(&self, period: Option<Duration>) -> io::Result<()> {
        match self.family {
            Family::Tcp => wake::set_keepalive(&self.socket, period),
            Family::Unix => Ok(()),
        }
    }

    pub(super) fn wait_until_parked(&self, place: Parked, until: Instant) -> bool {
        self.wait_point(place).wait_until_parked(until)
    }

    fn wait_point(&self, place: Parked) -> &WaitPoint {
        match place {
            Parked::Read => &self.read,
            Parked::Write => &self.write,
            Parked::Hangup => &self.hangup,
        }
    }

    pub(super) fn family(&self) -> Family {
        self.family
    }

    /// The socket as others expect one: blocking, without time-outs. Another descriptor of it.
    pub(super) fn duplicate(&self) -> io::Result<socket2::Socket> {
        self.set_receive_timeout(None)?;
        self.socket.try_clone()
    }

    /// The socket itself, as others expect one: blocking, without time-outs.
    pub(super) fn into_inner(self) -> socket2::Socket {
        // Fails only for a socket that is broken, which its new owner will be told.
        let _ = self.set_receive_timeout(None);
        self.socket
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::foreign(stream.into(), Family::Tcp)
    }
}

#[cfg(unix)]
impl From<std::os::unix::net::UnixStream> for Socket {
    fn from(stream: std::os::unix::net::UnixStream) -> Self {
        Self::foreign(stream.into(), Family::Unix)
    }
}

/// As a socket's time-out is kept: rounded up, and never unknown.
fn in_micros(patience: Option<Duration>) -> u64 {
    let Some(patience) = patience else { return NO_TIMEOUT };
    let micros = patience.as_nanos().div_ceil(1000);
    u64::try_from(micros).unwrap_or(UNKNOWN_TIMEOUT).min(UNKNOWN_TIMEOUT - 1)
}

fn blocked_is_timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
