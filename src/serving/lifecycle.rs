//! The stages of a server's life, and the shutdown that ends it.
//!
//! ```text
//!   Idle ── serve ──▶ Accepting ── shutdown, close ──▶ Stopping
//!    ▲ │                  │                               ▲
//!    │ └──────────────────┼── shutdown, close ────────────┘
//!    └── accept failed ───┘
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::linger::LINGER;
use crate::net::Listener;
use crate::sync::now;

/// How long a graceful shutdown waits for the first request of a new connection, as Go's server does.
const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(5);

/// The stage of a server.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    /// No accept loop runs: none was started, or it has failed.
    Idle,
    /// The accept loop runs, and no shutdown has begun.
    Accepting,
    /// A shutdown has begun.
    Stopping,
}

/// The life of a server. The registry's lock protects it.
#[derive(Default)]
pub(super) struct Lifecycle {
    /// `None` once the first shutdown has taken it.
    listener: Option<Arc<Listener>>,
    /// The accept loop runs. During a shutdown it empties the queue of the system.
    accepting: bool,
    /// Set by the first shutdown.
    stop: Option<Stop>,
}

/// A shutdown that has begun.
struct Stop {
    /// The deadline for the first request of a new connection.
    first_request: Instant,
    /// The deadline for running requests: the latest of all calls, unless `at_once` is set. `None` is no
    /// deadline.
    grace_ends: Option<Instant>,
    /// Connections are closed, and no more are admitted.
    at_once: bool,
}

impl Lifecycle {
    pub(super) fn listen_on(&mut self, listener: Arc<Listener>) {
        self.listener = Some(listener);
    }

    pub(super) fn stage(&self) -> Stage {
        match self {
            Self { stop: Some(_), .. } => Stage::Stopping,
            Self { accepting: true, .. } => Stage::Accepting,
            Self { .. } => Stage::Idle,
        }
    }

    /// Returns `true` while the accept loop runs.
    pub(super) fn is_accepting(&self) -> bool {
        self.accepting
    }

    /// Enters [`Stage::Accepting`]. Returns `false` if a shutdown has begun.
    pub(super) fn begin_accepting(&mut self) -> bool {
        self.accepting = self.stop.is_none();
        self.accepting
    }

    /// Records that the accept loop has ended and its listener is closed.
    pub(super) fn end_accepting(&mut self) {
        self.accepting = false;
    }

    /// Returns `true` if new connections are served. During a graceful shutdown these are the ones that the
    /// accept loop finds in the system's queue.
    pub(super) fn admits(&self) -> bool {
        self.stop.as_ref().is_none_or(|stop| self.accepting && !stop.at_once)
    }

    /// Enters [`Stage::Stopping`]. Running requests have until `grace_ends`: the latest of all calls
    /// counts. Returns the deadline for the first request of a new connection.
    pub(super) fn stop(&mut self, grace_ends: Option<Instant>) -> Instant {
        self.begin_stop(grace_ends).first_request
    }

    fn begin_stop(&mut self, grace_ends: Option<Instant>) -> &mut Stop {
        let first_request = now() + FIRST_REQUEST_GRACE;
        let stop = self.stop.get_or_insert(Stop { first_request, grace_ends, at_once: false });
        if !stop.at_once {
            stop.grace_ends = stop.grace_ends.zip(grace_ends).map(|(one, other)| one.max(other));
        }
        stop
    }

    /// Enters [`Stage::Stopping`] and admits no more connections. The grace ends after [`LINGER`], even if
    /// an earlier call has set a longer one.
    pub(super) fn stop_at_once(&mut self) {
        let stop = self.begin_stop(None);
        if !stop.at_once {
            stop.at_once = true;
            stop.grace_ends = Some(now() + LINGER);
        }
    }

    /// Ends the wait for first requests if the grace is over. Returns `true` if it is.
    pub(super) fn end_grace(&mut self) -> bool {
        let now = now();
        let Some(stop) = &mut self.stop else { return false };
        let over = stop.grace_ends.is_some_and(|ends| ends <= now);
        if over {
            stop.first_request = stop.first_request.min(now);
        }
        over
    }

    /// Returns the listener, the first time it is called.
    pub(super) fn take_listener(&mut self) -> Option<Arc<Listener>> {
        self.listener.take()
    }

    /// Returns the deadline for the first request of a new connection. `None` without a shutdown.
    pub(super) fn first_request_deadline(&self) -> Option<Instant> {
        self.stop.as_ref().map(|stop| stop.first_request)
    }

    /// Returns the deadline for running requests. `None` if they have none.
    pub(super) fn grace_ends(&self) -> Option<Instant> {
        self.stop.as_ref().and_then(|stop| stop.grace_ends)
    }
}
