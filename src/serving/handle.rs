//! A handle that shuts a server down.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::accept;
use super::core::ServerCore;
use super::linger::after;
use super::stats::snapshot::Snapshot;
use crate::net::{Addr, Stream};

/// A handle with which any thread can shut a server down. Clones are handles to the same server.
///
/// Dropping it does not affect the server.
#[derive(Clone)]
pub struct ServerHandle {
    core: Arc<ServerCore>,
}

impl ServerHandle {
    pub(super) fn new(core: Arc<ServerCore>) -> Self {
        Self { core }
    }

    /// Serves one existing connection.
    pub(crate) fn of_stream(core: Arc<ServerCore>, stream: Stream) -> Self {
        let remote = stream.peer_addr().unwrap_or(Addr::Unknown);
        accept::start(&core, stream, remote);
        Self { core }
    }

    /// Serves one more connection.
    #[cfg(all(test, hangup_shuttle))]
    pub(crate) fn enter(&self, stream: Stream) {
        accept::start(&self.core, stream, Addr::Memory);
    }

    pub(super) fn core(&self) -> &Arc<ServerCore> {
        &self.core
    }

    /// Shuts the server down gracefully: no request that has arrived is lost.
    ///
    /// * The listener is closed after the connections that the system has queued are accepted.
    /// * The requests that have arrived get their responses. The last response on each connection has
    ///   `Connection: close`.
    /// * A connection that waits for its next request is closed within 100 ms.
    /// * A new connection has 5 s for its first request, or `grace` if that is shorter.
    /// * Each connection is half-closed and then read for up to 500 ms, so that no response is cut off.
    ///
    /// Returns `true` if all connections ended within `grace`; `None` is no limit. Otherwise the
    /// connections that are left continue, and [`close`](Self::close) ends them. Hijacked connections are
    /// not waited for.
    ///
    /// It may be called several times, and after `close`. The longest grace period counts.
    ///
    /// # Blocking
    ///
    /// Until no connection is left or `grace` is over, and in any case until the port is free. A handler
    /// that calls this blocks for the whole of `grace`, since its own request has not ended.
    pub fn shutdown(&self, grace: impl Into<Option<Duration>>) -> bool {
        Self::shutdown_all(std::slice::from_ref(self), grace.into())
    }

    /// Shuts several servers down gracefully, with one grace for all of them.
    pub(super) fn shutdown_all(handles: &[Self], grace: Option<Duration>) -> bool {
        let grace_ends = after(grace);
        let registries = || handles.iter().map(|handle| &handle.core.registry);
        registries().for_each(|registry| registry.stop(grace_ends));
        registries().for_each(|registry| registry.wait_for_listener());
        let mut all_ended = true;
        for registry in registries() {
            let ended = registry.wait(grace_ends);
            if !ended {
                registry.end_grace();
            }
            all_ended &= ended;
        }
        all_ended
    }

    /// Shuts the server down at once: closes the listener and all connections.
    ///
    /// The contexts of running requests end, and the reads and writes of their handlers fail. Responses
    /// that were written before are still delivered.
    ///
    /// # Blocking
    ///
    /// Until the port is free. Handlers may still be running when it returns.
    pub fn close(&self) {
        self.core.close();
        self.core.registry.wait_for_listener();
    }

    /// Closes all current connections, even during a request. The server continues to accept new ones.
    pub fn close_connections(&self) {
        self.core.registry.close_all();
    }

    /// Returns the numbers of this moment: connections, requests, bytes, times. They include those of
    /// other servers with the same [collector](crate::Server::stats).
    #[must_use]
    pub fn stats(&self) -> Snapshot {
        self.core.stats.snapshot()
    }

    /// Returns the number of open connections. Hijacked and refused ones are not counted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.core.registry.count()
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").field("connections", &self.connections()).finish()
    }
}
