//! The operations that a TLS stream needs of the stream below it.

use std::io;

use super::{Carrier, Kind, Stream};
use crate::net::readiness::{Interest, Parked, Until};

impl Stream {
    /// Fails if a call of the kind `place` must not go on: after a close, or after `until`.
    pub(in crate::net) fn check(&self, place: Parked, until: Until) -> io::Result<()> {
        carrier!(self, carrier => carrier.check(place, until))
    }

    /// Waits until the stream is ready for `interest`, or there are more [`notices`](Self::notices) than
    /// the `seen` ones. May return early, so the caller has to check again.
    ///
    /// # Errors
    ///
    /// As a read or a write: the thread counts as parked at `place`.
    pub(in crate::net) fn wait_ready(
        &self,
        place: Parked,
        interest: Interest,
        until: Until,
        seen: u64,
    ) -> io::Result<()> {
        each!(self, kind => kind.wait_ready(place, interest, until, seen))
    }

    /// Returns the number of calls of [`notify`](Self::notify) at `place` so far. A caller that takes it
    /// under the lock of what it checks, and waits with it, misses no change.
    pub(in crate::net) fn notices(&self, place: Parked) -> u64 {
        carrier!(self, carrier => carrier.notices(place))
    }

    /// Ends each [`wait_ready`](Self::wait_ready) at `place` that has not seen this notice.
    pub(in crate::net) fn notify(&self, place: Parked) {
        carrier!(self, carrier => carrier.notify(place));
    }
}
