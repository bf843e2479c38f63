//! What a stream that carries another offers it, beside what it offers everybody.

use std::io;

use super::{Interest, Kind, Parked, Stream, Until, each};

impl Stream {
    /// May a call at `place` go on? Not after a close, nor after `until`.
    pub(in crate::net) fn admit(&self, place: Parked, until: Until) -> io::Result<()> {
        each!(self, kind => kind.admit(place, until))
    }

    /// Blocks until the stream is ready for `interest`, or somebody [`notify`](Self::notify)s, and may
    /// return without a reason: the caller looks again.
    ///
    /// # Errors
    ///
    /// As a read or a write at `place`, which is where the thread counts as parked.
    pub(in crate::net) fn wait_ready(
        &self,
        place: Parked,
        interest: Interest,
        until: Until,
    ) -> io::Result<()> {
        each!(self, kind => kind.wait_ready(place, interest, until))
    }

    /// Has one thread in [`wait_ready`](Self::wait_ready) at `place` look again: the one that is
    /// blocked now, or the next.
    pub(in crate::net) fn notify(&self, place: Parked) {
        each!(self, kind => kind.notify(place));
    }
}
