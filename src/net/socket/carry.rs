//! A socket that carries another stream: see [`super::super::stream`]'s `carry`.

use std::io;
use std::time::{Duration, Instant};

use super::{Socket, blocked_is_timed_out};
use crate::net::stream::{Interest, Parked};
use crate::net::wake::{self, PollFlags};

impl Socket {
    pub(in crate::net) fn admit(&self, place: Parked, limit: Option<Instant>) -> io::Result<()> {
        self.gate(place).admit(limit)
    }

    pub(in crate::net) fn wait_ready(
        &self,
        place: Parked,
        interest: Interest,
        limit: Option<Instant>,
    ) -> io::Result<()> {
        let mut flags = PollFlags::empty();
        flags.set(wake::READ, interest.read);
        flags.set(wake::WRITE, interest.write);
        self.gate(place).park(self.fd(), flags, limit).map(drop)
    }

    pub(in crate::net) fn wait_plainly(&self, patience: Option<Duration>) -> io::Result<()> {
        self.set_receive_timeout(patience)?;
        let outcome = self.read.plainly(|| wake::blocking_peek(self.fd()))?;
        self.received(outcome).map(drop).map_err(blocked_is_timed_out)
    }

    pub(in crate::net) fn poke(&self, place: Parked) {
        self.gate(place).poke();
    }
}
