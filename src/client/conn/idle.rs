//! Input that no request asked for: on an idle connection, or behind a response.
//!
//! A peer that hangs up or sends something between two exchanges has ended the connection. Such input
//! is looked for without reading it, so it still stands in the socket when the next caller looks before
//! it writes, and is never taken for a response.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::state::{Holder, StateKind};
use crate::error::{Error, ErrorKind};
use crate::h1::CloseReason;
use crate::logging as log;
use crate::net::Buffer;
use crate::sync;

/// How often the idle watch checks whether its limit has changed, if the peer announces limits.
const LIMIT_CHECK: Duration = Duration::from_secs(1);

/// The shortest time between two such checks of a connection that its caller may give back at any time.
const SHORTEST_CHECK: Duration = Duration::from_millis(50);

/// How many of the unexpected bytes are logged.
const LOGGED_BYTES: usize = 16;

impl Shared {
    /// Returns `true` if the peer has sent something, its end of stream included.
    pub(super) fn has_input(&self) -> bool {
        let now = self.stream.readiness();
        now.readable || now.peer_closed || now.broken
    }

    /// Closes the connection if it is idle and has input. Returns `false` if it has not.
    ///
    /// The look at the stream, which does not block, is under the lock: otherwise it could see the
    /// response to an exchange that has just begun.
    pub(super) fn close_with_input(self: &Arc<Self>) -> bool {
        let cause = Error::new(ErrorKind::EmptyReply);
        {
            let mut lifecycle = self.lifecycle.lock();
            if lifecycle.kind() != StateKind::Idle || !self.has_input() {
                return false;
            }
            lifecycle.condemn(cause.clone());
        }
        self.close(cause, self.read_unexpected());
        true
    }

    /// Reads the input of a connection without an exchange, and returns why it ends the connection. The
    /// caller has made sure that no exchange begins.
    pub(super) fn read_unexpected(&self) -> CloseReason {
        let mut bytes = [0; 64];
        match self.stream.try_read(&mut bytes) {
            Ok(0) | Err(_) => CloseReason::EndOfStream,
            // A server may announce its idle timeout by this response (RFC 9110 section 15.5.9).
            Ok(count) if is_request_timeout(&bytes[..count]) => CloseReason::EndOfStream,
            Ok(count) => self.unexpected(&bytes[..count]),
        }
    }

    /// Returns an error if bytes are left behind a response.
    pub(super) fn check_nothing_left(&self, buffer: &Buffer) -> Result<(), CloseReason> {
        if buffer.is_empty() { Ok(()) } else { Err(self.unexpected(buffer.data())) }
    }

    fn unexpected(&self, bytes: &[u8]) -> CloseReason {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LOGGED_BYTES)]);
        log::warn!("{}: unexpected data outside a response: {text:?}", self.route);
        CloseReason::BytesLeftOver
    }

    /// Returns how long the connection may be idle: the client's limit or the peer's, whichever is
    /// shorter.
    pub(super) fn idle_limit(&self) -> Option<Duration> {
        let lifecycle = self.lifecycle.lock();
        let of_pool = self.idle_timeout.filter(|_| lifecycle.holder() == Holder::Pool);
        of_pool.into_iter().chain(lifecycle.idle_limit()).min()
    }

    /// Returns when the idle watch checks its limit next.
    ///
    /// That is `limit`, unless the peer announces limits: it can announce a shorter one in a response
    /// that the watch does not notice. Nor does the watch notice that a caller gives the connection to the
    /// pool, whose limit holds from then on.
    pub(super) fn next_check(&self, limit: Option<Instant>) -> Option<Instant> {
        let lifecycle = self.lifecycle.lock();
        let of_pool = self.idle_timeout.filter(|_| lifecycle.holder() == Holder::Caller);
        let often = of_pool.map(|limit| limit.clamp(SHORTEST_CHECK, LIMIT_CHECK));
        let check = often.or_else(|| lifecycle.idle_limit().map(|_| LIMIT_CHECK));
        match check {
            Some(check) => limit.into_iter().chain(sync::now().checked_add(check)).min(),
            None => limit,
        }
    }
}

fn is_request_timeout(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.1 408") || bytes.starts_with(b"HTTP/1.0 408")
}
