//! The reads of `blocking.rs` on a system where closing a socket does not end a blocked `recv`: they wait
//! as all others do.

use std::io;
use std::time::{Duration, Instant};

use super::Socket;
use crate::net::latch::{Latch, Woken};
use crate::net::readiness::Until;
use crate::net::wake;

/// Nothing: no read blocks in the system, so no socket has a receive time-out.
pub(super) struct ReceiveTimeout;

impl ReceiveTimeout {
    pub(super) fn none() -> Self {
        Self
    }

    pub(super) fn unknown() -> Self {
        Self
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

    /// Does nothing: no read blocks in the system.
    pub(super) fn set_receive_timeout(&self, _limit: Option<Duration>) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn blocked_is_timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
