//! The refusals of proxies.

use http::StatusCode;

/// Why a proxy opens no tunnel.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::client) struct Refusal {
    pub(in crate::client) reason: Reason,
    pub(in crate::client) text: String,
}

/// The kind of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Reason {
    /// The status of an HTTP proxy's response.
    Status(StatusCode),
    /// A SOCKS proxy cannot connect to this address. It may be able to connect to another.
    Address,
    Other,
}

impl Refusal {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { reason: Reason::Other, text: text.into() }
    }
}
