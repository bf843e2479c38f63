//! The operations that a TLS stream needs of the socket below it. See `stream/under_tls.rs`.

use std::io;

use super::Socket;
use crate::net::readiness::{Interest, Parked, Until};
use crate::net::wake::{self, PollFlags};

impl Socket {
    pub(in crate::net) fn check(&self, place: Parked, until: Until) -> io::Result<()> {
        self.wait_point(place).check(until)
    }

    pub(in crate::net) fn wait_ready(
        &self,
        place: Parked,
        interest: Interest,
        until: Until,
        seen: u64,
    ) -> io::Result<()> {
        let mut flags = PollFlags::empty();
        flags.set(wake::READ, interest.read);
        flags.set(wake::WRITE, interest.write);
        let place = self.wait_point(place);
        self.socket
            .with(|socket| place.park_after(wake::pollable(socket), flags, until, Some(seen)))
            .map(drop)
    }

    pub(in crate::net) fn notices(&self, place: Parked) -> u64 {
        self.wait_point(place).notices()
    }

    pub(in crate::net) fn notify(&self, place: Parked) {
        self.wait_point(place).notify();
    }
}
