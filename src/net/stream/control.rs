//! Operations of a stream for the crate's own connections.

use std::io;
use std::time::{Duration, Instant};

use super::{Carrier, Kind, Stream};
use crate::net::latch::{Latch, Woken};

impl Stream {
    /// Sets how long one write may wait without progress, whatever the deadline. A write that waits
    /// longer fails with `TimedOut`. `None`, the default, is no limit. Applies to waits that begin later.
    ///
    /// A [hijacked](crate::ResponseWriter::hijack) connection has no limit until one is set here.
    pub fn set_write_idle_timeout(&self, limit: Option<Duration>) {
        carrier!(self, carrier => carrier.set_write_idle_timeout(limit))
    }

    /// Waits until a read would not block, or until `latch` is set. Reads nothing. The read deadline does
    /// not apply.
    ///
    /// # Errors
    ///
    /// `TimedOut` at `limit`, `ConnectionAborted` after [`close`](Self::close).
    pub(crate) fn wait_idle(&self, latch: &Latch, limit: Option<Instant>) -> io::Result<Woken> {
        each!(self, kind => kind.wait_idle(latch, limit))
    }

    /// Wakes a thread in [`wait_idle`](Self::wait_idle) so that it checks its latch, if the latch itself
    /// does not wake it.
    pub(crate) fn look_again(&self) {
        carrier!(self, carrier => carrier.look_again());
    }

    /// Returns `true` if unread input has arrived. Unlike [`readiness`](Self::readiness) it takes in no
    /// TLS records, so another thread may be waiting for them.
    pub(crate) fn has_unread(&self) -> bool {
        each!(self, kind => kind.has_unread())
    }

    /// Ends one read that has to wait with `Interrupted`: the one that is blocked now, or the next one.
    pub(crate) fn interrupt_read(&self) {
        carrier!(self, carrier => carrier.interrupt_read());
    }

    /// Closes the stream as [`close`](Self::close) does, but leaves the peer's direction open:
    /// [`resume`](Self::resume) reopens the stream to read that out. Does not wake a thread in
    /// [`read_for`](Self::read_for).
    pub(crate) fn halt(&self) {
        each!(self, kind => kind.halt());
    }

    /// Reverts a [`halt`](Self::halt). No other thread may be using the stream.
    pub(crate) fn resume(&self) {
        carrier!(self, carrier => carrier.resume());
    }

    /// Discards input that has arrived, at most 1 MiB and without blocking. Works on a stream that was
    /// [halted](Self::halt).
    pub(crate) fn discard_input(&self) {
        carrier!(self, carrier => carrier.discard_input());
    }

    /// Frees memory that only a busy connection needs. Nothing is lost. The next read allocates it
    /// again.
    pub(crate) fn release(&self) {
        each!(self, kind => kind.release());
    }
}
