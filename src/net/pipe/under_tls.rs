//! The operations that a TLS stream needs of an end in memory. See `stream/under_tls.rs`.

use std::io;

use super::End;
use super::state::{Half, Pipe};
use crate::net::readiness::{Interest, Parked, Until};
use crate::sync::now;

impl End {
    pub(in crate::net) fn check(&self, place: Parked, until: Until) -> io::Result<()> {
        let state = self.lock();
        state.alive(self.side, after_close(place))?;
        let until = until.time(state.sides[self.side].deadline(place));
        match until.is_some_and(|until| until <= now()) {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(()),
        }
    }

    pub(in crate::net) fn wait_ready(
        &self,
        place: Parked,
        interest: Interest,
        until: Until,
        seen: u64,
    ) -> io::Result<()> {
        self.wait(place, until, |state| {
            let notified = state.sides[self.side].notices[place as usize] != seen;
            state.alive(self.side, after_close(place))?;
            let ready = (interest.read && state.readiness(self.side).readable)
                || (interest.write && state.pipes[self.side].is_writable());
            if notified || ready { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
        })
    }

    pub(in crate::net) fn notices(&self, place: Parked) -> u64 {
        self.lock().sides[self.side].notices[place as usize]
    }

    pub(in crate::net) fn notify(&self, place: Parked) {
        self.change(|state| state.sides[self.side].notices[place as usize] += 1);
    }
}

fn after_close(place: Parked) -> io::ErrorKind {
    match place {
        Parked::Write => io::ErrorKind::BrokenPipe,
        Parked::Read | Parked::Hangup => io::ErrorKind::ConnectionAborted,
    }
}

impl Pipe {
    /// Returns `true` if a write would not block.
    fn is_writable(&self) -> bool {
        let gone = self.writer == Half::Shut || self.reader == Half::Shut;
        gone || self.bytes.len() < self.capacity
    }
}
