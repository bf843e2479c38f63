//! A connection to an application.

use crate::net::{Buffer, Stream};

/// A connection to an application, and what was received from it and not used.
pub(super) struct Connection {
    pub(super) stream: Stream,
    pub(super) buffer: Buffer,
}

impl Connection {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, buffer: Buffer::default() }
    }

    /// Returns `true` if an idle connection cannot be used: the application has closed it, or has sent bytes
    /// that belong to no request.
    pub(super) fn is_stale(&self) -> bool {
        let readiness = self.stream.readiness();
        readiness.readable || readiness.peer_closed || readiness.broken
    }
}
