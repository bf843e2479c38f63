//! The outcome of a response, as callbacks at its end see it.

use std::time::Instant;

use http::{HeaderMap, StatusCode};

use super::Request;

/// How a response has ended. [`ResponseWriter::on_end`](crate::ResponseWriter::on_end) passes it to its
/// callback.
#[derive(Debug)]
pub struct ResponseOutcome<'a> {
    pub(super) kind: OutcomeKind,
    pub(super) status: Option<StatusCode>,
    pub(super) headers: &'a HeaderMap,
    pub(super) bytes_sent: u64,
    pub(super) first_byte: Option<Instant>,
    pub(super) request: &'a Request,
}

impl<'a> ResponseOutcome<'a> {
    /// Returns the way in which the response has ended.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        self.kind
    }

    /// Returns the status that was sent, or `None` if no head was sent. It is 101 for a WebSocket or a proxied
    /// upgrade, and `None` for another hijacked connection.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Returns the headers that were sent. The headers that the server adds are not among them:
    /// `Date`, `Content-Length`, `Transfer-Encoding` and `Connection`.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// Returns the number of body bytes sent, without chunk framing. If the client has left, not all of
    /// them have reached it.
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.bytes_sent
    }

    /// Returns the time at which the head was complete, or `None` if no head was sent. A short response
    /// is sent as a whole when the handler has returned.
    #[must_use]
    pub fn first_byte(&self) -> Option<Instant> {
        self.first_byte
    }

    /// Returns the request, as the handler has left it.
    #[must_use]
    pub fn request(&self) -> &'a Request {
        self.request
    }
}

/// The way in which a response has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutcomeKind {
    /// The whole response was written to the connection. It may be an error response.
    ///
    /// The system may still discard written bytes if the client goes away later.
    Complete,
    /// The client went away during its request or before the end of the response, or it stopped reading
    /// until a time limit ran out.
    ClientLeft,
    /// The handler failed after a part of the response was sent, or wrote less than it declared.
    Failed,
    /// The handler panicked, or a filter or callback did.
    Panicked,
    /// The handler has taken over the connection.
    Hijacked,
}
