//! An end in memory that carries another stream: see [`super::super::stream`]'s `carry`.

use std::io;
use std::time::{Duration, Instant};

use super::{End, Half, Lane, Limit};
use crate::net::stream::{Interest, Parked};
use crate::sync::now;

impl End {
    pub(in crate::net) fn admit(&self, place: Parked, limit: Option<Instant>) -> io::Result<()> {
        let state = self.lock();
        state.alive(self.side, after_close(place))?;
        let until = state.until(self.side, deadline_of(place, limit));
        match until.is_some_and(|until| until <= now()) {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(()),
        }
    }

    pub(in crate::net) fn wait_ready(
        &self,
        place: Parked,
        interest: Interest,
        limit: Option<Instant>,
    ) -> io::Result<()> {
        self.wait(place, deadline_of(place, limit), |state| {
            let poked = std::mem::take(&mut state.sides[self.side].poked[place as usize]);
            state.alive(self.side, after_close(place))?;
            let ready = (interest.read && state.readiness(self.side).readable)
                || (interest.write && state.lanes[self.side].is_writable());
            if poked || ready { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) }
        })
    }

    pub(in crate::net) fn wait_plainly(&self, patience: Option<Duration>) -> io::Result<()> {
        let until = patience.and_then(|patience| now().checked_add(patience));
        self.wait(Parked::Read, Limit::Moment(until), |state| state.readable(self.side))
    }

    pub(in crate::net) fn poke(&self, place: Parked) {
        self.change(|state| state.sides[self.side].poked[place as usize] = true);
    }
}

fn after_close(place: Parked) -> io::ErrorKind {
    match place {
        Parked::Write => io::ErrorKind::BrokenPipe,
        Parked::Read | Parked::Hangup => io::ErrorKind::ConnectionAborted,
    }
}

fn deadline_of(place: Parked, limit: Option<Instant>) -> Limit {
    match place {
        Parked::Read => Limit::ReadDeadline(limit),
        Parked::Write => Limit::WriteDeadline,
        Parked::Hangup => Limit::Moment(limit),
    }
}

impl Lane {
    /// Whether a write would not block.
    fn is_writable(&self) -> bool {
        let gone = self.writer == Half::Shut || self.reader == Half::Shut;
        gone || self.bytes.len() < self.capacity
    }
}
