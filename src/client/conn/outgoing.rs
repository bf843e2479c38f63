//! A request as the upper layers hand it to a connection.

use std::time::Duration;

use http::Method;

use crate::body::Body;
use crate::sync::channel::Sender;

/// A request that is ready to be written.
pub(in crate::client) struct Outgoing {
    pub(in crate::client) method: Method,
    /// The request line and the header section, as they go out.
    pub(in crate::client) head: Vec<u8>,
    pub(in crate::client) body: Body,
    pub(in crate::client) framing: OutgoingFraming,
    /// The request asks for the connection to be closed.
    pub(in crate::client) closes: bool,
    /// Withholds the body until a 100 arrives. Boxed, since it is rare and requests are moved about.
    pub(in crate::client) expect: Option<Box<Withhold>>,
}

/// How a request's body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum OutgoingFraming {
    /// There is no body, and the head has no field about it.
    Unsaid,
    /// The body has the length that the head declares.
    Length(u64),
    /// The body is sent in chunks, followed by its trailers.
    Chunked,
}

/// The limit and the way back of a body that waits for a 100.
pub(in crate::client) struct Withhold {
    /// The longest wait for the 100. After it the body is sent anyway.
    pub(in crate::client) limit: Duration,
    /// Returns the body if it is not sent. Dropped before the first byte is read from the body.
    pub(in crate::client) give_back: Sender<Body>,
}
