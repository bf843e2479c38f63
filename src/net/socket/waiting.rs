//! Reads and writes on a system without a flag that keeps each call from blocking: sockets are in
//! non-blocking mode, and every wait is one for readiness.
//!
//! A socket that is handed out must block, and the mode belongs to the connection, not to one of its
//! handles. A handle that is left here then looks before each call.

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Socket;
use crate::net::latch::{CHECK_INTERVAL, Latch, Woken};
use crate::net::readiness::Until;
use crate::net::wake::{self, PollFd, PollFlags, Waker};

/// The most bytes of one write to a socket in blocking mode, which waits until all are in its buffer. A
/// socket that is ready for writing has room for them.
const MOST_AT_ONCE: usize = 4096;

pub(super) struct Mode {
    /// The user may have set a receive time-out. No read here needs one.
    may_have_timeout: bool,
    /// `true` once the socket is in blocking mode. Never reset.
    is_blocking: AtomicBool,
}

impl Mode {
    pub(super) fn fresh() -> Self {
        Self { may_have_timeout: false, is_blocking: AtomicBool::new(false) }
    }

    pub(super) fn unknown() -> Self {
        Self { may_have_timeout: true, ..Self::fresh() }
    }
}

impl Socket {
    /// Receives once without blocking. In blocking mode it can wait for more input if another handle's
    /// read takes the input at the same time.
    pub(super) fn receive(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.with(|socket| {
            self.look_first(socket, wake::READ)?;
            wake::try_recv(wake::pollable(socket), buf)
        })
    }

    /// Sends once without blocking.
    pub(super) fn send(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.with(|socket| match self.look_first(socket, wake::WRITE)? {
            false => wake::try_send(wake::pollable(socket), slices),
            true => {
                let first = slices.iter().find(|slice| !slice.is_empty());
                let piece = first.map_or(&[][..], |slice| &slice[..slice.len().min(MOST_AT_ONCE)]);
                wake::try_send(wake::pollable(socket), &[IoSlice::new(piece)])
            }
        })
    }

    /// Sends as [`send`](Self::send) does: the system cannot be told that more follows.
    pub(super) fn send_ahead(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send(slices)
    }

    /// Fails with `WouldBlock` if the socket is in blocking mode and not ready. Returns whether it is in
    /// blocking mode.
    fn look_first(&self, socket: &socket2::Socket, interest: PollFlags) -> io::Result<bool> {
        let is_blocking = self.mode.is_blocking.load(Ordering::Acquire);
        if is_blocking && wake::look(wake::pollable(socket), interest)?.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(is_blocking)
    }

    pub(in crate::net) fn read_for(
        &self,
        buf: &mut [u8],
        limit: Option<Duration>,
    ) -> io::Result<usize> {
        let until = Until::Only(limit.and_then(|limit| Instant::now().checked_add(limit)));
        loop {
            match self.try_read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            self.park(&self.read, wake::READ, until)?;
        }
    }

    pub(in crate::net) fn wait_idle(
        &self,
        latch: &Latch,
        limit: Option<Instant>,
    ) -> io::Result<Woken> {
        loop {
            let ready = self.socket.with(|socket| {
                self.read.park_by(Until::Only(limit), None, |waker, until| {
                    wait_once(wake::pollable(socket), latch, waker, until)
                })
            });
            self.read.check_open()?;
            match ready {
                Ok(ready) if !ready.is_empty() => return Ok(Woken::Readable),
                Err(error) if error.kind() != io::ErrorKind::TimedOut => return Err(error),
                _ if latch.is_set() => return Ok(Woken::Latched),
                Err(timed_out) => return Err(timed_out),
                Ok(_) => {}
            }
        }
    }

    /// Puts a socket that is handed out into blocking mode, without a time-out.
    pub(super) fn hand_out(&self) -> io::Result<()> {
        self.mode.is_blocking.store(true, Ordering::Release);
        self.socket.with(|socket| {
            if self.mode.may_have_timeout {
                socket.set_read_timeout(None)?;
            }
            socket.set_nonblocking(false)
        })
    }
}

/// Waits until `socket` is readable, the latch is set, `waker` is signalled or `until` has come. May return
/// earlier. Returns what the socket is ready for and whether the waker was signalled.
fn wait_once(
    socket: wake::Pollable<'_>,
    latch: &Latch,
    waker: &Waker,
    until: Option<Instant>,
) -> io::Result<(PollFlags, bool)> {
    let mut fds = vec![PollFd::from_borrowed_fd(socket, wake::READ), waker.poll_fd()];
    fds.extend(latch.waker().map(Waker::poll_fd));
    let check = latch.waker().is_none().then(|| Instant::now() + CHECK_INTERVAL);
    wake::wait(&mut fds, until.into_iter().chain(check).min())?;
    Ok((fds[0].revents(), !fds[1].revents().is_empty()))
}

pub(super) fn blocked_is_timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
