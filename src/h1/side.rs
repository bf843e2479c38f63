//! Which end of a connection sent a message.

/// The kind of a message. It decides how strictly the message is read.
///
/// Requests are read strictly: where two recipients on one path read a request differently, one of
/// them can be made to see a request that the other does not. Nobody stands behind a client, so
/// responses are read leniently. [The module](crate::h1#strict-and-lenient) lists the differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::h1) enum Side {
    Request,
    Response,
}
