//! Reads in one blocking system call, for threads that only a close has to wake.
//!
//! A read that waits in `poll` takes two system calls. A blocking `recv` takes one, and the socket's
//! receive time-out limits it. A deadline cannot: on Linux, changing the time-out does not end a `recv`
//! that is already blocked. `shutdown` does.

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Socket;
use crate::net::latch::{CHECK_INTERVAL, Latch, Woken};
use crate::net::wake;

/// The receive time-out that a socket has, so that only a change takes a system call. The socket itself
/// stays in blocking mode.
pub(super) struct Mode(AtomicU64);

/// No limit, in microseconds.
const NO_TIMEOUT: u64 = 0;

/// The time-out of a socket that the user may have configured.
const UNKNOWN_TIMEOUT: u64 = u64::MAX;

impl Mode {
    pub(super) fn fresh() -> Self {
        Self(AtomicU64::new(NO_TIMEOUT))
    }

    pub(super) fn unknown() -> Self {
        Self(AtomicU64::new(UNKNOWN_TIMEOUT))
    }

    fn is(&self, limit: Option<Duration>) -> bool {
        self.0.load(Ordering::Relaxed) == in_micros(limit)
    }
}

impl Socket {
    /// Receives once without blocking.
    pub(super) fn receive(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.with(|socket| wake::try_recv(wake::pollable(socket), buf))
    }

    /// Sends once without blocking.
    pub(super) fn send(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.with(|socket| wake::try_send(wake::pollable(socket), slices))
    }

    /// Sends once without blocking, and tells the system that more follows.
    pub(super) fn send_ahead(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.with(|socket| wake::try_send_ahead(wake::pollable(socket), slices))
    }

    pub(in crate::net) fn read_for(
        &self,
        buf: &mut [u8],
        limit: Option<Duration>,
    ) -> io::Result<usize> {
        if limit == Some(Duration::ZERO) {
            return self.try_read(buf).map_err(blocked_is_timed_out);
        }
        if !self.mode.is(limit) {
            // Data that has arrived, such as a new connection's first request, needs no time-out.
            match self.try_read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            self.set_receive_timeout(limit)?;
        }
        let outcome = self.read.blocking(|| {
            self.socket.with(|socket| wake::blocking_recv(wake::pollable(socket), buf))
        })?;
        self.received(outcome).map_err(blocked_is_timed_out)
    }

    pub(in crate::net) fn wait_idle(
        &self,
        latch: &Latch,
        limit: Option<Instant>,
    ) -> io::Result<Woken> {
        let woken = self.read.blocking(|| {
            self.socket.with(|socket| wait_for(wake::pollable(socket), latch, limit))
        })?;
        self.read.check_open()?;
        woken
    }

    /// Removes the time-out of a socket that is handed out.
    pub(super) fn hand_out(&self) -> io::Result<()> {
        self.set_receive_timeout(None)
    }

    fn set_receive_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        if !self.mode.is(limit) {
            let micros = in_micros(limit);
            let limit = (micros != NO_TIMEOUT).then(|| Duration::from_micros(micros));
            self.socket.with(|socket| socket.set_read_timeout(limit))?;
            self.mode.0.store(micros, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Waits until `socket` is readable or the latch is set.
///
/// # Errors
///
/// `TimedOut` at `limit`.
fn wait_for(
    socket: wake::Pollable<'_>,
    latch: &Latch,
    limit: Option<Instant>,
) -> io::Result<Woken> {
    loop {
        let readable = match latch.waker() {
            Some(waker) => !wake::wait_for(socket, wake::READ, waker, limit)?.0.is_empty(),
            None => {
                let check = Instant::now() + CHECK_INTERVAL;
                let until = limit.map_or(check, |limit| limit.min(check));
                !wake::wait_one(socket, wake::READ, until)?.is_empty()
            }
        };
        if readable {
            return Ok(Woken::Readable);
        }
        if latch.is_set() {
            return Ok(Woken::Latched);
        }
        if limit.is_some_and(|limit| limit <= Instant::now()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

/// Converts to microseconds, rounded up, and never [`UNKNOWN_TIMEOUT`].
fn in_micros(limit: Option<Duration>) -> u64 {
    let Some(limit) = limit else { return NO_TIMEOUT };
    let micros = limit.as_nanos().div_ceil(1000);
    u64::try_from(micros).unwrap_or(UNKNOWN_TIMEOUT).min(UNKNOWN_TIMEOUT - 1)
}

pub(super) fn blocked_is_timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
