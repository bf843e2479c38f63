//! The kind of a message: request or response.

/// The kind of a message. It decides how strictly the message is read.
///
/// Requests are read strictly: if two recipients on one path read a request differently, an attacker can
/// hide a request from one of them. No recipient follows a client, so responses are read leniently.
/// [The module](crate::h1#strict-and-lenient) lists the differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::h1) enum Side {
    Request,
    Response,
}
