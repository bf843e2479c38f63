//! A stream over the operating system's sockets, TCP or Unix.

#[cfg_attr(
    any(not(any(target_os = "linux", target_os = "android")), hangup_portable),
    path = "socket/waiting.rs"
)]
mod blocking;
mod send_file;
#[cfg(feature = "tls")]
mod under_tls;

use std::io::{self, IoSlice};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use self::blocking::{Mode, blocked_is_timed_out};
use self::send_file::SendTimeout;
use super::addr::Addr;
use super::readiness::{Hangup, Parked, Readiness, Until};
use super::wait_point::WaitPoint;
use super::wake::{self, NextLook, PollFlags};

/// A connected socket, and a [`WaitPoint`] for each thing that a thread can wait for.
pub(super) struct Socket {
    socket: wake::Handle,
    family: Family,
    mode: Mode,
    send_timeout: SendTimeout,
    read: WaitPoint,
    write: WaitPoint,
    hangup: WaitPoint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Tcp,
    #[cfg_attr(windows, allow(dead_code, reason = "there are no Unix sockets"))]
    Unix,
}

/// The most input that [`Socket::discard_input`] reads, in bytes. A client that keeps sending must not
/// delay the end of the process.
const MOST_DISCARDED: usize = 1 << 20;

impl Socket {
    /// Takes over a socket that this crate has made and `wake::adopt` has prepared, without time-outs.
    pub(super) fn fresh(socket: socket2::Socket, family: Family) -> Self {
        Self {
            socket: wake::Handle::new(socket),
            family,
            mode: Mode::fresh(),
            send_timeout: SendTimeout::default(),
            read: WaitPoint::new(io::ErrorKind::ConnectionAborted),
            write: WaitPoint::new(io::ErrorKind::BrokenPipe),
            hangup: WaitPoint::new(io::ErrorKind::ConnectionAborted),
        }
    }

    /// Takes over a socket that the user may have configured.
    pub(super) fn foreign(socket: socket2::Socket, family: Family) -> Self {
        // A socket that refuses is broken, which its first read or write reports.
        let _ = wake::adopt(&socket);
        Self { mode: Mode::unknown(), ..Self::fresh(socket, family) }
    }

    /// Parks the thread at `place` until the socket is ready for `interest`. See [`WaitPoint::park`].
    fn park(&self, place: &WaitPoint, interest: PollFlags, until: Until) -> io::Result<PollFlags> {
        let parked = self.socket.with(|socket| place.park(wake::pollable(socket), interest, until));
        // A reset takes the socket away from a thread that is about to wait.
        place.unless_closed(parked)
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

    pub(super) fn set_write_idle_timeout(&self, limit: Option<Duration>) {
        self.write.set_idle_limit(limit);
    }

    pub(super) fn write_deadline(&self) -> Option<Instant> {
        self.write.deadline()
    }

    pub(super) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            self.read.check(Until::Deadline(None))?;
            match self.received(self.receive(buf)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            self.park(&self.read, wake::READ, Until::Deadline(None))?;
        }
    }

    pub(super) fn has_unread(&self) -> bool {
        let ready = self.socket.with(|socket| wake::look(wake::pollable(socket), wake::READ));
        ready.is_ok_and(|ready| !ready.is_empty())
    }

    pub(super) fn interrupt_read(&self) {
        self.read.interrupt();
    }

    /// Does nothing: [`wait_idle`](Self::wait_idle) waits for the latch itself.
    pub(super) fn look_again(&self) {}

    pub(super) fn halt(&self) {
        if self.close_wait_points() {
            let _ = self.shutdown(Shutdown::Write);
        }
    }

    pub(super) fn resume(&self) {
        self.read.reopen();
        self.write.reopen();
    }

    pub(super) fn discard_input(&self) {
        let mut waste = [0; 4096];
        for _ in 0..MOST_DISCARDED / waste.len() {
            if !matches!(self.receive(&mut waste), Ok(1..)) {
                return;
            }
        }
    }

    pub(super) fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read.check_open()?;
        self.received(self.receive(buf))
    }

    /// Turns an end of stream or an error into that of a close, if this side has closed the stream.
    fn received(&self, outcome: io::Result<usize>) -> io::Result<usize> {
        if matches!(outcome, Ok(0)) {
            self.read.check_open()?;
        }
        self.read.unless_closed(outcome)
    }

    pub(super) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_by(|| self.send(slices))
    }

    pub(super) fn write_ahead(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_by(|| self.send_ahead(slices))
    }

    fn write_by(&self, send: impl Fn() -> io::Result<usize>) -> io::Result<usize> {
        loop {
            self.write.check(Until::Deadline(None))?;
            match send() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return self.write.unless_closed(outcome),
            }
            match self.park(&self.write, wake::WRITE, Until::Deadline(None)) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    self.write.check(Until::Deadline(None))?;
                    // The system reports a socket as writable only when much of its buffer is free (on
                    // Linux a third). Any room at all shows that the peer reads.
                    return send().map_err(blocked_is_timed_out);
                }
                parked => drop(parked?),
            }
        }
    }

    pub(super) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write.check_open()?;
        self.write.unless_closed(self.send(slices))
    }

    /// Does nothing: a write leaves nothing unsent.
    pub(super) fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// Does nothing: a write leaves nothing unsent.
    pub(super) fn try_flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// Does nothing: a socket holds no memory of the process.
    pub(super) fn release(&self) {}

    pub(super) fn wait_readable(&self, limit: Option<Instant>) -> io::Result<()> {
        let until = Until::Deadline(limit);
        while self.park(&self.read, wake::READ, until)?.is_empty() {}
        self.read.check_open()
    }

    pub(super) fn readiness(&self) -> Readiness {
        let unknown = Readiness { readable: true, peer_closed: false, broken: true };
        let ready = self.socket.with(|socket| wake::readiness(wake::pollable(socket)));
        ready.unwrap_or(unknown)
    }

    pub(super) fn wait_hangup(&self, least: Hangup) -> io::Result<Hangup> {
        loop {
            let now = self.readiness();
            self.hangup.check_open()?;
            if let Some(hangup) = now.hangup(least) {
                return Ok(hangup);
            }
            match wake::next_look(least, now) {
                NextLook::When(ready) => {
                    self.park(&self.hangup, ready, Until::Deadline(None))?;
                }
                NextLook::After(pause) => self.hangup.pause(pause)?,
            }
        }
    }

    pub(super) fn wake_hangup(&self) {
        self.hangup.interrupt();
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.with(|socket| socket.shutdown(how))
    }

    pub(super) fn close(&self) {
        if self.close_wait_points() {
            // Fails for a connection that is already gone, which needs no shutdown.
            let _ = self.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn reset(&self) {
        self.close_wait_points();
        let dropped = match self.family {
            Family::Tcp => self.socket.reset(),
            Family::Unix => Err(io::ErrorKind::Unsupported.into()),
        };
        if dropped.is_err() {
            let _ = self.shutdown(Shutdown::Both);
        }
    }

    /// Fails all later calls. Returns `true` if the stream was open before.
    fn close_wait_points(&self) -> bool {
        let first = self.read.close();
        self.write.close();
        self.hangup.close();
        first
    }

    pub(super) fn is_closed(&self) -> bool {
        self.read.is_closed()
    }

    pub(super) fn peer_addr(&self) -> io::Result<Addr> {
        self.socket.with(|socket| Ok(Addr::from_socket(&socket.peer_addr()?)))
    }

    pub(super) fn local_addr(&self) -> io::Result<Addr> {
        self.socket.with(|socket| Ok(Addr::from_socket(&socket.local_addr()?)))
    }

    pub(super) fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        match self.family {
            Family::Tcp => self.socket.with(|socket| socket.set_tcp_nodelay(nodelay)),
            Family::Unix => Ok(()),
        }
    }

    pub(super) fn set_keepalive(&self, period: Option<Duration>) -> io::Result<()> {
        match self.family {
            Family::Tcp => self.socket.with(|socket| wake::set_keepalive(socket, period)),
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

    /// Returns another descriptor of the socket, which is in blocking mode and without time-outs.
    pub(super) fn duplicate(&self) -> io::Result<socket2::Socket> {
        self.hand_out()?;
        self.clear_send_timeout()?;
        self.socket.with(socket2::Socket::try_clone)
    }

    /// Returns the socket, in blocking mode and without time-outs. Returns itself if it was reset and the
    /// system's socket is closed.
    pub(super) fn into_inner(self) -> Result<socket2::Socket, Box<Self>> {
        // Fails only for a broken socket, whose first read or write reports it.
        let _ = self.hand_out();
        let _ = self.clear_send_timeout();
        self.socket.into_inner().map_err(|socket| Box::new(Self { socket, ..self }))
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
