//! The states of a connection that a server reports.

use crate::net::Addr;

/// A callback that is called with each state of each connection.
pub(crate) type OnState = Box<dyn Fn(&Connection, ConnState) + Send + Sync>;

/// The connection whose state is reported.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(super) id: u64,
    pub(super) remote: Addr,
}

impl Connection {
    /// Returns a number that identifies the connection within its server.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Returns the client's address.
    #[must_use]
    pub fn remote_addr(&self) -> &Addr {
        &self.remote
    }
}

/// The state of a connection. The last one is `Closed` or `Hijacked`.
///
/// ```text
/// New ──▶ Active ◀──▶ Idle
///  │        │  │        │
///  │        │  └─▶ Hijacked
///  └────────┴──▶ Closed ◀┘
/// ```
///
/// [`Server::on_connection_state`](crate::Server::on_connection_state) sets the function that is called
/// with these states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnState {
    /// The connection was accepted. Nothing has been read from it.
    New,
    /// The first byte of a request has been read.
    Active,
    /// The response has been sent. The next request has not begun.
    Idle,
    /// A handler has taken over the connection.
    Hijacked,
    /// The connection is closed.
    Closed,
}
