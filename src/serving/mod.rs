//! What every server has, whatever it speaks: a listener and its accept loop, the connections that it
//! counts and closes, handlers that may fail or panic, and what they hear of their clients.
//!
//! ```text
//!   Listening ─ serve ─▶ accept ─ a thread each ─▶ Protocol::serve      server/  fcgi/
//!       │                  │         Crew               │
//!   ServerHandle ──▶ House: Registry ◀── Ticket ────────┘  Active, Idle, Closed
//! ```
//!
//! | file | what it holds |
//! | --- | --- |
//! | `mod.rs` | listening, serving and shutting down |
//! | `accept.rs` | the accept loop |
//! | `crew.rs` | the threads that serve connections, and are kept for the next |
//! | `registry.rs` | all connections, for counting, closing and waiting |
//! | `run.rs` `panics.rs` | a handler is run; what a panicking one leaves in the log |
//! | `signals.rs` | what a handler hears of its client |

mod accept;
mod crew;
#[cfg(all(test, hangup_shuttle))]
mod model;
mod panics;
mod registry;
mod run;
mod signals;

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::logging as log;
use crate::net::{Addr, Listener, Stream};
use crate::sync::Mutex;
use crew::Crew;
use registry::Registry;

pub(crate) use panics::remember as remember_panics;
pub(crate) use registry::Ticket;
pub(crate) use run::{Outcome, run};
pub(crate) use signals::{Gone, Signals};

/// What is spoken on the connections of one server.
pub(crate) trait Protocol: Send + Sync {
    /// The name of the threads that serve connections.
    fn thread_name(&self) -> &'static str;

    /// The scheme of the server's URLs.
    fn scheme(&self) -> &'static str;

    /// What is served of a connection that was accepted; `None` if it is not to be. On the accepting
    /// thread: it must not wait.
    fn admit(&self, stream: Stream, remote: &Addr) -> Option<Stream>;

    /// Serves a connection on its thread, or [turns it away](Ticket::is_refused). Whatever comes of it,
    /// the ticket is given up.
    fn serve(&self, stream: Stream, remote: Addr, ticket: Arc<Ticket>);

    /// Tells a client that there is no room for it, and closes. On the accepting thread: it must not
    /// wait.
    fn no_room(&self, stream: &Stream);
}

pub(crate) type OnState = Box<dyn Fn(&Connection, ConnState) + Send + Sync>;

/// The options that every server has.
#[derive(Default)]
pub(crate) struct HouseOptions {
    pub(crate) max_connections: Option<usize>,
    pub(crate) stack_size: Option<usize>,
    pub(crate) on_state: Option<OnState>,
}

/// What the threads of one server share.
pub(crate) struct House {
    protocol: Arc<dyn Protocol>,
    options: HouseOptions,
    registry: Registry,
    crew: Crew,
    /// Ends when the server stops to accept.
    closed: Context,
    /// Until the server stops to accept.
    listener: Mutex<Option<Arc<Listener>>>,
}

impl House {
    pub(crate) fn new(protocol: Arc<dyn Protocol>, options: HouseOptions) -> Arc<Self> {
        Arc::new(Self {
            protocol,
            options,
            registry: Registry::new(),
            crew: Crew::default(),
            closed: Context::new(),
            listener: Mutex::new(None),
        })
    }

    /// Runs an accept loop to its end, unless the server is shutting down.
    fn accepting(&self, accept: impl FnOnce()) {
        if self.registry.begin_accepting() {
            self.crew.keep();
            accept();
            self.crew.dismiss();
            self.registry.end_accepting();
        }
    }

    fn report(&self, connection: &Connection, state: ConnState) {
        let Some(callback) = &self.options.on_state else { return };
        // It also runs on the accepting thread, which must outlive it.
        if catch_unwind(AssertUnwindSafe(|| callback(connection, state))).is_err() {
            log::error!("{}: the state callback panicked at {state:?}", connection.remote);
        }
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Listening {
    handle: ServerHandle,
    listener: Arc<Listener>,
    local: Addr,
}

impl Listening {
    /// Has the house's connections come from `listener`.
    pub(crate) fn new(house: Arc<House>, listener: Listener) -> Self {
        let local = listener.local_addr().unwrap_or(Addr::Unknown);
        let listener = Arc::new(listener);
        *house.listener.lock() = Some(Arc::clone(&listener));
        Self { handle: ServerHandle { house }, listener, local }
    }

    /// The address it listens on: with the port that was chosen, if port 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> &Addr {
        &self.local
    }

    /// The scheme of its URLs: `https` with TLS, else `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        self.handle.house.protocol.scheme()
    }

    /// A handle with which any thread can shut the server down.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Accepts connections and serves each on a thread: a new one, or one whose connection has ended.
    ///
    /// # Blocking
    ///
    /// Until [`ServerHandle::shutdown`] or [`ServerHandle::close`] is called. It returns as soon as
    /// no more connections are accepted; those that are there may still be served.
    ///
    /// # Errors
    ///
    /// None at present: what goes wrong with single connections is logged, and accepting is tried
    /// again.
    pub fn serve(self) -> io::Result<()> {
        let Self { handle: ServerHandle { house }, listener, .. } = self;
        house.accepting(|| {
            let listener = listener;
            accept::run(&house, &listener);
        });
        Ok(())
    }
}

/// Shuts a server down, from any thread.
#[derive(Clone)]
pub struct ServerHandle {
    house: Arc<House>,
}

impl ServerHandle {
    /// Serves one connection that exists already.
    pub(crate) fn of_stream(house: Arc<House>, stream: Stream) -> Self {
        let remote = stream.peer_addr().unwrap_or(Addr::Unknown);
        accept::start(&house, stream, remote);
        Self { house }
    }

    /// Shuts down gracefully: accepts no more connections, closes those that wait for a next
    /// request, and lets those that are in one finish it.
    ///
    /// Returns whether all connections ended within `grace` (`None`: however long it takes). If
    /// not, the others go on; [`close`](Self::close) ends them. Hijacked connections are not waited
    /// for. Calling it again, or after `close`, does no harm.
    ///
    /// # Blocking
    ///
    /// Until no connection is left, or `grace` is over; and in any case until the port is free.
    /// A handler that calls this waits for itself.
    pub fn shutdown(&self, grace: impl Into<Option<Duration>>) -> bool {
        let deadline = grace.into().and_then(|grace| Instant::now().checked_add(grace));
        self.stop_accepting();
        self.house.registry.wait(deadline)
    }

    /// Shuts down at once: accepts no more connections and closes all that are there, so that
    /// handlers see their clients gone and fail in what they read and write.
    ///
    /// # Blocking
    ///
    /// Until the port is free. Handlers may still be running when it returns.
    pub fn close(&self) {
        self.stop_accepting();
        self.house.registry.close_all();
    }

    /// Closes the connections that are there, whatever they are at, and goes on accepting.
    pub fn close_connections(&self) {
        self.house.registry.close_all();
    }

    /// How many connections are served. Those that were hijacked or refused are not counted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.house.registry.count()
    }

    fn stop_accepting(&self) {
        {
            // Under the lock, so that a second caller does not return before the port is free.
            let mut listener = self.house.listener.lock();
            if let Some(listener) = listener.take() {
                listener.close();
            }
        }
        self.house.closed.cancel();
        self.house.registry.stop();
        self.house.registry.wait_for_listener();
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").field("connections", &self.connections()).finish()
    }
}

/// Which connection a state is reported of.
#[derive(Clone, Debug)]
pub struct Connection {
    id: u64,
    remote: Addr,
}

impl Connection {
    /// A number that no other connection of the same server has.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The client's address.
    #[must_use]
    pub fn remote_addr(&self) -> &Addr {
        &self.remote
    }
}

/// The states of a connection. Each is entered from another; the last is `Closed` or `Hijacked`.
///
/// ```text
/// New ──▶ Active ◀──▶ Idle
///  │        │  │        │
///  │        │  └─▶ Hijacked
///  └────────┴──▶ Closed ◀┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnState {
    /// It has been accepted, and has sent nothing yet.
    New,
    /// The first byte of a request has been read.
    Active,
    /// A request has been answered, and the next has not begun.
    Idle,
    /// A handler has taken it over.
    Hijacked,
    /// It is closed.
    Closed,
}
