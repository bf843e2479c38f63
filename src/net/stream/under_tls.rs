//! The operations that a TLS stream needs of the stream below it.

use std::io;

use super::{Carrier, Kind, Stream};
use crate::net::readiness::{Interest, Parked, Until};

impl Stream {
    /// Fails if a call of the kind `place` must not go on: after a close, or after `until`.
    pub(in crate::net) fn check(&self, place: Parked, until: Until) -> io::Result<()> {
        carrier!(self, carrier => carrier.check(place, until))
    }

    /// Waits until the stream is ready for `interest`, or [`notify`](Self::notify) is called. May return
    /// early, so the caller has to check again.
    ///
    /// # Errors
    ///
    /// As a read or a write: the thread counts as parked at `place`.
    pub(in crate::net) fn wait_ready(
        &self,
        place: Parked,
        interest: Interest,
        until: Until,
    ) -> io::Result<()> {
        each!(self, kind => kind.wait_ready(place, interest, until))
    }

    /// Ends one [`wait_ready`](Self::wait_ready) at `place`: the one that is blocked now, or the next
    /// one.
    pub(in crate::net) fn notify(&self, place: Parked) {
        carrier!(self, carrier => carrier.notify(place));
    }
}
