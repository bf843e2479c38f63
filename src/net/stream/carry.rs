//! What a stream that carries another offers it, beside what it offers everybody.

use std::io;
use std::time::{Duration, Instant};

use super::{Interest, Kind, Parked, Stream, each};

impl Stream {
    /// May a call at `place` go on? Not after a close, and not after its deadline or `limit`.
    pub(in crate::net) fn admit(&self, place: Parked, limit: Option<Instant>) -> io::Result<()> {
        each!(self, kind => kind.admit(place, limit))
    }

    /// Blocks until the stream is ready for `interest`, or somebody [`poke`](Self::poke)s, and may
    /// return without a reason: the caller looks again.
    ///
    /// # Errors
    ///
    /// As a read or a write at `place`, which is where the thread counts as parked.
    pub(in crate::net) fn wait_ready(
        &self,
        place: Parked,
        interest: Interest,
        limit: Option<Instant>,
    ) -> io::Result<()> {
        each!(self, kind => kind.wait_ready(place, interest, limit))
    }

    /// As [`read_for`](Self::read_for), and takes nothing.
    pub(in crate::net) fn wait_plainly(&self, patience: Option<Duration>) -> io::Result<()> {
        each!(self, kind => kind.wait_plainly(patience))
    }

    /// Has one thread in [`wait_ready`](Self::wait_ready) at `place` look again: the one that is
    /// blocked now, or the next.
    pub(in crate::net) fn poke(&self, place: Parked) {
        each!(self, kind => kind.poke(place));
    }
}
