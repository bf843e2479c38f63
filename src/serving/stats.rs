//! The numbers of a server.
//!
//! Each connection counts in one of several shards, so that connections on different cores do not write to
//! the same memory. A snapshot adds the shards up. Only the connections by state are counted in the
//! registry, under its lock.
//!
//! | file | content |
//! | --- | --- |
//! | `stats.rs` | the collector that users share |
//! | `stats/counters.rs` | the numbers as connections count them |
//! | `stats/snapshot.rs` | the numbers of one moment |

pub(super) mod counters;
pub(super) mod snapshot;

use std::fmt;
use std::sync::{Arc, Weak};

use super::registry::Registry;
use crate::sync::Mutex;
use counters::Counters;
use snapshot::Snapshot;

/// Collects the numbers of one or more servers.
///
/// A server counts its requests and connections in any case. With a collector that is given to
/// [`Server::stats`](crate::Server::stats), it also measures the time of handlers. The collector makes the
/// numbers available to a handler of the same server, or adds up those of several servers. Clones share the
/// numbers.
///
/// ```
/// use hangup::{Server, respond, server::Stats};
///
/// let stats = Stats::new();
/// let shown = stats.clone();
/// let server = Server::new(respond(move |_| {
///     let now = shown.snapshot();
///     Ok(format!("{} connections\n", now.connections.open()))
/// }))
/// .stats(&stats);
/// # drop(server);
/// ```
///
/// [`metrics`](crate::metrics) renders them as OpenMetrics text.
#[derive(Clone)]
pub struct Stats {
    shared: Arc<Shared>,
}

struct Shared {
    counters: Arc<Counters>,
    registries: Mutex<Vec<Weak<Registry>>>,
}

impl Stats {
    /// Creates a collector that no server counts in.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Counters::new(true))
    }

    /// Creates the collector of a server that was given none. The time of handlers is not measured, since
    /// that takes longer than all counting.
    pub(super) fn untimed() -> Self {
        Self::of(Counters::new(false))
    }

    fn of(counters: Counters) -> Self {
        let (counters, registries) = (Arc::new(counters), Mutex::default());
        Self { shared: Arc::new(Shared { counters, registries }) }
    }

    /// Returns the numbers of this moment. They are not of exactly the same moment: requests go on
    /// meanwhile.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = self.shared.counters.snapshot();
        self.shared.registries.lock().retain(|registry| match registry.upgrade() {
            Some(registry) => {
                registry.count_states(&mut snapshot.connections);
                true
            }
            None => false,
        });
        snapshot
    }

    pub(super) fn counters(&self) -> &Arc<Counters> {
        &self.shared.counters
    }

    pub(super) fn add(&self, registry: &Arc<Registry>) {
        self.shared.registries.lock().push(Arc::downgrade(registry));
    }
}

impl Default for Stats {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stats").field("snapshot", &self.snapshot()).finish()
    }
}
