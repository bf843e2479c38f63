//! The reads of `blocking.rs` on a system where closing a socket does not end a blocked `recv`: they wait
//! as all others do.

use std::io;
use std::time::{Duration, Instant};

use super::Socket;
use crate::net::latch::{Latch, Woken};
use crate::net::readiness::Until;
use crate::net::wake;

/// Whether the user may have set a receive time-out. No read here needs one.
pub(super) struct ReceiveTimeout {
    is_unknown: bool,
}

impl ReceiveTimeout {
    pub(super) fn none() -> Self {
        Self { is_unknown: false }
    }

    pub(super) fn unknown() -> Self {
        Self { is_unknown: true }
    }
}

impl Socket {
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
            self.read.park(self.pollable(), wake::READ, until)?;
        }
    }

    pub(in crate::net) fn wait_idle(
        &self,
        latch: &Latch,
        limit: Option<Instant>,
    ) -> io::Result<Woken> {
        let woken = self.read.blocking(|| latch.wait(self.pollable(), limit))?;
        self.read.check_open()?;
        woken
    }

    /// Sets the time-out of a socket that is handed out.
    pub(super) fn set_receive_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        match self.receive_timeout.is_unknown {
            true => self.socket.set_read_timeout(limit),
            false => Ok(()),
        }
    }
}

pub(super) fn blocked_is_timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
