//! What every server has, whatever it speaks: a listener and its accept loop, the connections that it
//! counts and closes, handlers that may fail or panic, and what they hear of their clients.
//!
//! ```text
//!   Listening ─ serve ─▶ accept ─ a thread each ─▶ Protocol::serve      server/  fcgi/
//!       │                  │         ThreadCache               │
//!   ServerHandle ──▶ ServerCore: Registry ◀── ConnGuard ────────┘  Active, Idle, Closed
//! ```
//!
//! | file | what it holds |
//! | --- | --- |
//! | `mod.rs` | listening, serving and shutting down |
//! | `accept.rs` | the accept loop |
//! | `thread_cache.rs` | the threads that serve connections, and are kept for the next |
//! | `registry.rs` | all connections, for counting, closing and waiting |
//! | `conn_guard.rs` | one of them, and the races for its end |
//! | `room.rs` | an idle connection makes room for a new one |
//! | `run.rs` `panics.rs` | a handler is run, its errors are answered; panics end there, and leave a line in the log |
//! | `signals.rs` | what a handler hears of its client |

mod accept;
mod conn_guard;
#[cfg(all(test, hangup_shuttle))]
mod model;
mod panics;
mod registry;
mod room;
mod run;
mod signals;
mod thread_cache;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::logging as log;
use crate::net::{Addr, Listener, Stream};
use crate::sync::{Mutex, now};
use crate::text::counted;
use registry::Registry;
use thread_cache::ThreadCache;

pub(crate) use crate::unwind::contain;
pub(crate) use conn_guard::ConnGuard;
pub(crate) use run::{Outcome, Runner, Service};
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

    /// Serves a connection on its thread, or [turns it away](ConnGuard::is_refused). Whatever comes of it,
    /// the guard is given up.
    fn serve(&self, stream: Stream, remote: Addr, guard: Arc<ConnGuard>);

    /// Has the thread of an idle connection look whether it is to end, if it does not wait in
    /// [`ConnGuard::await_request`].
    fn wake(&self, stream: &Stream);

    /// Tells a client that there is no room for it, and closes. On the accepting thread: it must not
    /// wait.
    fn no_room(&self, stream: &Stream);
}

pub(crate) type OnState = Box<dyn Fn(&Connection, ConnState) + Send + Sync>;

/// The options that every server has.
#[derive(Default)]
pub(crate) struct CoreOptions {
    pub(crate) max_connections: Option<usize>,
    pub(crate) stack_size: Option<usize>,
    pub(crate) on_state: Option<OnState>,
}

/// What the threads of one server share.
pub(crate) struct ServerCore {
    protocol: Arc<dyn Protocol>,
    options: CoreOptions,
    registry: Registry,
    threads: ThreadCache,
    /// From which connections count how long they are idle.
    epoch: Instant,
    /// Ends when the server stops to accept.
    closed: Context,
    /// Until the server stops to accept.
    listener: Mutex<Option<Arc<Listener>>>,
}

impl ServerCore {
    pub(crate) fn new(protocol: Arc<dyn Protocol>, options: CoreOptions) -> Arc<Self> {
        Arc::new(Self {
            protocol,
            options,
            registry: Registry::new(),
            threads: ThreadCache::default(),
            epoch: now(),
            closed: Context::new(),
            listener: Mutex::new(None),
        })
    }

    /// Runs an accept loop to its end, unless the server is shutting down.
    fn accepting<T>(&self, accept: impl FnOnce() -> T) -> Option<T> {
        if !self.registry.begin_accepting() {
            return None;
        }
        self.threads.keep();
        let _end = Accepting(self);
        Some(accept())
    }

    /// Has the accept loop empty its queue and end. Running requests have until `grace_ends`. Does
    /// not block.
    fn begin_shutdown(&self, grace_ends: Option<Instant>) {
        self.registry.stop(grace_ends);
        let listener = self.listener.lock().take();
        if let Some(listener) = listener {
            match self.registry.is_accepting() {
                true => listener.stop(),
                false => listener.close(),
            }
        }
        self.closed.cancel();
    }

    /// Ends the accepting and all connections. Does not block.
    fn close(&self) {
        self.registry.refuse_all();
        self.begin_shutdown(Some(now() + registry::LAST_WORDS));
        self.registry.close_all();
    }

    /// Blocks until no connection is left, or the grace is over.
    fn await_end(&self) {
        if !self.registry.wait_for_grace() {
            self.registry.discard_input();
        }
    }

    fn report(&self, connection: &Connection, state: ConnState) {
        let Some(callback) = &self.options.on_state else { return };
        // It also runs on the accepting thread, which must outlive it.
        contain(
            || callback(connection, state),
            |_| log::error!("{}: the state callback panicked at {state:?}", connection.remote),
        );
    }
}

/// An accept loop that runs.
struct Accepting<'a>(&'a ServerCore);

impl Drop for Accepting<'_> {
    fn drop(&mut self) {
        self.0.threads.stop();
        self.0.registry.end_accepting();
    }
}

/// A server that listens.
#[must_use = "no request is served before `serve`"]
#[derive(Debug)]
pub struct Listening {
    handle: ServerHandle,
    listener: Arc<Listener>,
    local: Addr,
}

impl Listening {
    /// Has the core's connections come from `listener`.
    pub(crate) fn new(core: Arc<ServerCore>, listener: Listener) -> Self {
        let local = listener.local_addr().unwrap_or(Addr::Unknown);
        let listener = Arc::new(listener);
        *core.listener.lock() = Some(Arc::clone(&listener));
        Self { handle: ServerHandle { core }, listener, local }
    }

    /// The address it listens on: with the port that was chosen, if port 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> &Addr {
        &self.local
    }

    /// The scheme of its URLs: `https` with TLS, else `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        self.handle.core.protocol.scheme()
    }

    /// A handle with which any thread can shut the server down.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Accepts connections and serves each on its thread, until the server is shut down.
    ///
    /// It returns when the shutdown is complete, so a program may end behind it: after
    /// [`shutdown`](ServerHandle::shutdown), when the running requests have ended or the grace is
    /// over; after [`close`](ServerHandle::close), when the connections have ended, at most half a
    /// second later. Connections that are left then go on until the process ends.
    ///
    /// # Blocking
    ///
    /// Until [`ServerHandle::shutdown`] or [`ServerHandle::close`] is called, and as said above.
    ///
    /// # Errors
    ///
    /// Those after which no connection can be accepted: the socket does not listen (any more). The
    /// connections that are there go on. Errors that concern single connections are logged, and
    /// during a shortage of descriptors or memory accepting is tried again.
    pub fn serve(self) -> io::Result<()> {
        let Self { handle: ServerHandle { core }, listener, .. } = self;
        let accepted = core.accepting(|| {
            // Closed before the loop counts as ended.
            let listener = Closing(listener);
            accept::run(&core, &listener.0)
        });
        accepted.transpose()?;
        core.await_end();
        Ok(())
    }

    /// Serves until `context` ends, and then shuts down gracefully: running requests have `grace`
    /// (`None`: however long it takes), after which the connections that are left are closed within half
    /// a second.
    ///
    /// ```no_run
    /// # use hangup::{Context, Request, ResponseWriter, Server};
    /// # use std::time::Duration;
    /// let stop = Context::new();
    /// let on_signal = stop.clone(); // its `cancel` is called by a signal handler's thread
    /// Server::new(|_: &mut ResponseWriter, _: &mut Request| Ok(()))
    ///     .listen("127.0.0.1:8080")?
    ///     .serve_until(&stop, Duration::from_secs(10))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Blocking
    ///
    /// Until the context has ended and the shutdown is complete. A call of
    /// [`ServerHandle::shutdown`] or [`ServerHandle::close`] ends it as well.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub fn serve_until(
        self,
        context: &Context,
        grace: impl Into<Option<Duration>>,
    ) -> io::Result<()> {
        let core = Arc::clone(&self.handle.core);
        let grace = grace.into();
        let _hook = {
            let core = Arc::clone(&core);
            context.on_done(move |_| core.begin_shutdown(after(grace)))
        };
        self.serve()?;
        match core.registry.count() {
            0 => {}
            left => {
                let left = counted(left, "connection");
                log::warn!("closing {left}: the grace of the shutdown is over");
                core.close();
                core.await_end();
            }
        }
        Ok(())
    }
}

/// A listener that is closed when its accept loop ends.
struct Closing(Arc<Listener>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The moment `grace` from now: `None` if there is none, or if it is beyond what the clock can tell.
fn after(grace: Option<Duration>) -> Option<Instant> {
    grace.and_then(|grace| now().checked_add(grace))
}

/// Shuts a server down, from any thread.
#[derive(Clone)]
pub struct ServerHandle {
    core: Arc<ServerCore>,
}

impl ServerHandle {
    /// Serves one connection that exists already.
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

    /// Shuts down gracefully: no request that has arrived is lost.
    ///
    /// Connections that the system has queued are still accepted. On each connection the requests
    /// that have arrived are answered, the last with `Connection: close`. A connection that waits for
    /// its next request is closed, at the latest when it has waited for 100 ms. A new connection has
    /// 5 s for its first request, and never longer than `grace`. Connections are half-closed and read
    /// out for up to 500 ms, so that no answer is cut.
    ///
    /// Returns whether all connections ended within `grace` (`None`: however long it takes). If
    /// not, the others go on; [`close`](Self::close) ends them. Hijacked connections are not waited
    /// for. Of several calls the longest grace counts. Calling it again, or after `close`, does no
    /// harm.
    ///
    /// # Blocking
    ///
    /// Until no connection is left, or `grace` is over; and in any case until the port is free.
    /// A handler that calls this waits for itself.
    pub fn shutdown(&self, grace: impl Into<Option<Duration>>) -> bool {
        let grace_ends = after(grace.into());
        self.core.begin_shutdown(grace_ends);
        self.core.registry.wait_for_listener();
        let ended = self.core.registry.wait(grace_ends);
        if !ended {
            self.core.registry.end_grace();
        }
        ended
    }

    /// Shuts down at once: accepts no more connections and ends all that are there, so that
    /// handlers see their clients gone and fail in what they read and write. Answers that were
    /// written before are still delivered.
    ///
    /// # Blocking
    ///
    /// Until the port is free. Handlers may still be running when it returns.
    pub fn close(&self) {
        self.core.close();
        self.core.registry.wait_for_listener();
    }

    /// Closes the connections that are there, whatever they are at, and goes on accepting.
    pub fn close_connections(&self) {
        self.core.registry.close_all();
    }

    /// How many connections are served. Those that were hijacked or refused are not counted.
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
#[non_exhaustive]
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
