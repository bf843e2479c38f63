//! A client connection and the three parties that work on it.
//!
//! ```text
//!                 job ┌─────────────┐ bytes
//!             ┌──────▶│ writer loop │──────────┐
//!  ┌────────┐ │       └─────────────┘          ▼
//!  │ caller │─┤ result ◀─┘                  ┌──────┐
//!  └────────┘ │                             │ peer │
//!    ▲        │ expectation ┌─────────────┐ └──────┘
//!    │        └────────────▶│ reader loop │◀───┘
//!    └──────────────────────└─────────────┘
//!              response, with the body and the buffer it is read from
//! ```
//!
//! | party | owns | ends when |
//! | --- | --- | --- |
//! | caller | the call: its context, its time limits; the buffer while it reads a response or its body | it has the response, or gives up |
//! | reader loop, `hangup-read` | the buffer while it reads a response; the watch over the idle connection | the connection is closed or handed over |
//! | writer loop, `hangup-write` | the body that it streams; started with the first one | the connection is closed or handed over |
//!
//! The picture shows the full way of a request. A caller that can write the whole request without
//! blocking also reads the response, and wakes no other thread. A caller that leaves the writing to the
//! writer loop usually reads the response beside it. [`exchange`] has the three ways.
//!
//! The connection itself is [`Shared`](shared::Shared), guarded by the [lifecycle](state): fresh, busy
//! with a numbered exchange, idle, ended. It is given back in one place, `Shared::give_back`, by the
//! thread that has read the response to its end. It is closed in one place, `Shared::close_if`, once:
//! the first cause is kept, the stream is closed, and the channels disconnect on which the parties wait.
//!
//! The files, from the lowest floor up:
//!
//! | file | |
//! | --- | --- |
//! | `keep_alive` | the limits that a peer announces |
//! | `watch` | the parties that watch an exchange: callbacks, observers, the measure of its speed |
//! | `messages`, `outgoing` | the values that cross threads; the request as the caller hands it in |
//! | `state` | the lifecycle: plain data under the lock |
//! | `shared`, `idle` | closing, giving back, waiting for the writer loop; input that no request asked for |
//! | `failure` | where an exchange failed, and what was at fault |
//! | `head`, `body`, `response` | reading a response |
//! | `send`, `writer` | writing a request: without blocking, and on the writer loop |
//! | `reader` | the reader loop |
//! | `wait`, `exchange` | the caller's side of an exchange |

mod body;
mod exchange;
mod failure;
mod head;
mod idle;
mod keep_alive;
mod messages;
#[cfg(all(test, hangup_shuttle))]
mod model;
mod outgoing;
mod reader;
mod response;
mod send;
mod shared;
mod state;
mod wait;
mod watch;
mod writer;

use std::fmt;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

pub(super) use failure::{Blame, FailedAt, Failure};
pub(super) use messages::{ExchangeId, ReceivedBody, ReceivedResponse};
pub(super) use outgoing::{Outgoing, OutgoingFraming, Withhold};
pub(super) use shared::{Conn, ConnFacts, Owner};
pub(super) use state::Holder;

use self::shared::{LOOP_STACK, Shared};
use self::state::{Lifecycle, StateKind};
use super::observe::{Trace, WeakTrace};
use super::route::Route;
use crate::error::{Error, ErrorKind};
use crate::h1::{CloseReason, Limits};
use crate::net::{Addr, Dialed};
use crate::sync::channel::bounded;
use crate::sync::{self, Condvar, Mutex};

/// The options of a new connection.
pub(super) struct ConnConfig {
    pub(super) route: Route,
    /// How long the TLS handshake took.
    pub(super) secured_in: Duration,
    /// How long it took to open the tunnel through a proxy.
    pub(super) tunnelled_in: Duration,
    pub(super) owner: Weak<dyn Owner>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) response_limits: Limits,
}

impl Conn {
    /// Starts the reader loop on a fresh connection.
    ///
    /// # Errors
    ///
    /// If no thread could be started.
    pub(super) fn start(dialed: Dialed, config: ConnConfig) -> io::Result<Self> {
        let Dialed { stream, remote, resolved_in, connected_in, .. } = dialed;
        let facts = ConnFacts {
            remote,
            local: stream.local_addr().unwrap_or(Addr::Unknown),
            // Without TLS to the origin it is that of a proxy.
            tls: config.route.tls.as_ref().and_then(|_| stream.tls()),
            proxy: config.route.proxy().cloned(),
            resolved_in,
            connected_in,
            secured_in: config.secured_in,
            tunnelled_in: config.tunnelled_in,
        };
        let (closer, closed) = bounded(0);
        let (expectations, expected) = bounded(1);
        let (wake_ups, woken) = bounded(1);
        let shared = Arc::new(Shared {
            stream,
            route: config.route,
            owner: config.owner,
            idle_timeout: config.idle_timeout,
            response_limits: config.response_limits,
            closed,
            lifecycle: Mutex::new(Lifecycle::new(closer)),
            sent: Condvar::new(),
            expectations,
            wake_ups,
            facts: Arc::new(facts),
        });
        let of_reader = Arc::clone(&shared);
        sync::spawn("hangup-read", Some(LOOP_STACK), move || {
            of_reader.run_loop(|| reader::run(&of_reader, &expected, &woken));
        })?;
        Ok(Self(shared))
    }

    pub(super) fn route(&self) -> &Route {
        &self.0.route
    }

    pub(super) fn facts(&self) -> &Arc<ConnFacts> {
        &self.0.facts
    }

    /// Takes the connection into use.
    ///
    /// Returns `None`, and closes the connection, if it was idle and cannot be used: the peer has hung
    /// up, or has sent something that no request asked for.
    pub(super) fn begin(&self) -> Option<ExchangeId> {
        let (id, was_idle) = {
            let mut lifecycle = self.0.lifecycle.lock();
            let was_idle = lifecycle.kind() == StateKind::Idle;
            (lifecycle.begin()?, was_idle)
        };
        // The reader loop reads nothing before it has an expectation, so the input is still there.
        if was_idle && self.0.has_input() {
            self.close(Error::new(ErrorKind::EmptyReply), self.0.read_unexpected());
            return None;
        }
        Some(id)
    }

    /// Leaves the connection to a caller, or to the pool, which has counted it. Returns `None` if it has
    /// ended, and otherwise whether an exchange can begin.
    pub(super) fn pass_to(&self, holder: Holder) -> Option<bool> {
        self.0.lifecycle.lock().pass_to(holder)
    }

    /// Returns `true` if an exchange can begin: none is in progress, and the connection has not ended.
    pub(super) fn is_ready(&self) -> bool {
        self.0.lifecycle.lock().is_ready()
    }

    /// Returns `true` if the connection has not ended, as far as can be known without writing to it. The
    /// peer may be about to close it.
    pub(super) fn is_open(&self) -> bool {
        let lifecycle = self.0.lifecycle.lock();
        match lifecycle.kind() {
            StateKind::Ended => false,
            StateKind::Idle => !self.0.has_input(),
            StateKind::InUse => true,
        }
    }

    /// Returns the number of exchanges that have begun.
    pub(super) fn exchanges(&self) -> u64 {
        self.0.lifecycle.lock().latest().number()
    }

    /// Returns why the connection was closed.
    pub(super) fn cause(&self) -> Option<Error> {
        self.0.cause()
    }

    /// Closes the connection, if a caller holds it: at once, or at the end of its exchange.
    pub(super) fn leave(&self) {
        {
            let mut lifecycle = self.0.lifecycle.lock();
            if lifecycle.holder() != Holder::Caller {
                return;
            }
            lifecycle.pass_to(Holder::None);
        }
        let is_unused = |lifecycle: &Lifecycle| lifecycle.is_ready();
        self.0.close_if(is_unused, Error::new(ErrorKind::Closed), CloseReason::Cancelled);
    }

    /// Returns how long the connection has been idle, to within the reader loop's pause; `None` if it is
    /// not idle.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        self.0.lifecycle.lock().idle_for(sync::now())
    }

    /// Shows the end of an exchange to the observers of its call.
    pub(super) fn watch(&self, id: ExchangeId, trace: &Trace) {
        self.0.lifecycle.lock().watch(id, WeakTrace::new(Some(trace)));
    }

    /// Makes a fresh connection idle, since its caller does not take it.
    pub(super) fn park(&self) {
        let was_fresh = self.0.lifecycle.lock().park();
        // The reader loop has left the input until now to the first exchange.
        if was_fresh && self.0.has_input() {
            self.close(Error::new(ErrorKind::EmptyReply), CloseReason::EndOfStream);
        }
        if self.0.lifecycle.lock().wake() {
            self.0.wake_reader();
        }
    }

    pub(super) fn close(&self, cause: Error, reason: CloseReason) {
        self.0.close(cause, reason);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

impl PartialEq for Conn {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conn({})", self.0.route)
    }
}
