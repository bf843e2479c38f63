//! A look at a short body before it is read.

use std::time::Instant;

use super::Body;
use super::ahead::AHEAD;
use super::source::Source;

impl Body {
    /// Returns the rest of the body if it is short, at most 8 KiB, and arrives before `until`. It can be read
    /// afterwards as if this had not been called.
    ///
    /// # Blocking
    ///
    /// At most until `until`, and only for a body from a connection that may be short. The end of the call's
    /// context ends the wait.
    pub(crate) fn peek_short(&mut self, until: Instant) -> Option<&[u8]> {
        if !self.arrives(until) {
            return None;
        }
        match (&self.source, &self.ahead) {
            (Source::Bytes(bytes), _) => Some(bytes),
            (_, Some(ahead)) => Some(ahead.data()),
            (_, None) => Some(&[]),
        }
    }

    /// Buffers the rest of the body if it is short and arrives before `until`. Returns `true` if it did. A
    /// failure counts as the end.
    pub(super) fn arrives(&mut self, until: Instant) -> bool {
        if self.len().is_some_and(|length| length > AHEAD as u64) {
            return false;
        }
        if self.source.is_in_memory() {
            return true;
        }
        let ahead = self.ahead.get_or_insert_default();
        while self.source.remaining() != Some(0) && !ahead.fails_later() {
            if !ahead.has_room() || !self.source.wait_ready(until) {
                return false;
            }
            match ahead.fill(|buf| self.source.read(buf)) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => ahead.fail_later(error),
            }
        }
        true
    }
}

impl Source {
    /// Waits, at most until `until`, until a read would not wait.
    fn wait_ready(&mut self, until: Instant) -> bool {
        match self {
            Self::Empty | Self::Bytes(_) => true,
            // Only what a connection delivers is worth a wait.
            Self::File(_) | Self::Reader { .. } => false,
            Self::Incoming(incoming) => incoming.wait_ready(until),
            Self::Adapted(adapter) => adapter.arrives(until),
        }
    }
}
