//! The parts that every server has: the accept loop, the registry of connections, the shutdown, and the
//! code that runs a handler and responds to its errors.
//!
//! ```text
//!   Listening ─ serve ─▶ accept ─ a thread each ─▶ Protocol::serve      server/  fcgi/
//!       │                  │         ThreadCache               │
//!   ServerHandle ──▶ ServerCore: Registry ◀── ConnGuard ────────┘  Active, Idle, Closed
//! ```
//!
//! From the top down. Each file imports only from files below it.
//!
//! | file | content |
//! | --- | --- |
//! | `group.rs` | several servers that are one service |
//! | `listening.rs` | a server that listens: `serve`, `serve_until` |
//! | `handle.rs` | shutting down from any thread |
//! | `accept.rs` | the accept loop |
//! | `core.rs` | the shared state of a server, and the protocol that it serves |
//! | `conn_guard.rs` | a connection's place in the registry, and what its thread reports |
//! | `registry.rs` | all connections, to count, close and wait for |
//! | `evict.rs` | the idle connection that makes room for a new one |
//! | `entry.rs` | a connection in the registry, and the races for its end |
//! | `lifecycle.rs` | the stages of a server, and a shutdown |
//! | `thread_cache.rs` | threads that are reused for the next connection |
//! | `conn_state.rs` | the states of a connection that are reported |
//! | `linger.rs` | the last half second of a connection |
//! | `stats.rs` `stats/` | the numbers of a server |
//! | `run.rs` `panics.rs` | running a handler, and the response to its error |
//! | `signals.rs` | a request's context and close-notify channel |

mod accept;
mod conn_guard;
mod conn_state;
mod core;
mod entry;
mod evict;
mod group;
mod handle;
mod lifecycle;
mod linger;
mod listening;
#[cfg(all(test, hangup_shuttle))]
mod model;
mod panics;
mod registry;
mod run;
mod signals;
mod stats;
mod thread_cache;

pub(crate) use self::core::{CoreOptions, Protocol, ServerCore};
pub(crate) use conn_guard::ConnGuard;
pub use conn_state::{ConnState, Connection};
pub(crate) use entry::Wake;
pub use group::{Group, GroupHandle};
pub use handle::ServerHandle;
pub(crate) use linger::{LINGER, after, discard_rest};
pub use listening::Listening;
pub(crate) use run::{Outcome, Runner, Service};
pub(crate) use signals::{Disconnect, Signals};
pub use stats::Stats;
pub(crate) use stats::counters::{Counting, Limit};
pub use stats::snapshot::{Connections, Histogram, Requests, Snapshot, Timeouts};
