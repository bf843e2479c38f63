//! A socket that carries another stream: see `stream/under_tls.rs`.

use std::io;

use super::Socket;
use crate::net::stream::{Interest, Parked, Until};
use crate::net::wake::{self, PollFlags};

impl Socket {
    pub(in crate::net) fn admit(&self, place: Parked, until: Until) -> io::Result<()> {
        self.wait_point(place).admit(until)
    }

    pub(in crate::net) fn wait_ready(
        &self,
        place: Parked,
        interest: Interest,
        until: Until,
    ) -> io::Result<()> {
        let mut flags = PollFlags::empty();
        flags.set(wake::READ, interest.read);
        flags.set(wake::WRITE, interest.write);
        self.wait_point(place).park(self.fd(), flags, until).map(drop)
    }

    pub(in crate::net) fn notify(&self, place: Parked) {
        self.wait_point(place).notify();
    }
}
