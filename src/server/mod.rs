//! The server: one thread a connection, and a handler that learns when its client has gone.
//!
//! ```no_run
//! use hangup::{Request, ResponseWriter, Server};
//! use std::io::Write;
//! use std::time::Duration;
//!
//! Server::new(|w: &mut ResponseWriter, r: &mut Request| {
//!     writeln!(w, "hello {}", r.uri().path())?;
//!     Ok(())
//! })
//! .idle_timeout(Duration::from_secs(60))
//! .listen("127.0.0.1:8080")?
//! .serve()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! In reading order:
//!
//! | file | what it holds |
//! | --- | --- |
//! | `mod.rs` | the server, its options, serving and shutting down |
//! | `accept.rs` | the accept loop |
//! | `conn.rs` | one connection: a machine with named states |
//! | `conn/serve.rs` | one request: the handler runs, and what follows is settled |
//! | `reader.rs` | its input: the background read, its abort, the held byte |
//! | `signals.rs` `scope.rs` | what a handler hears of its client, and how it asks |
//! | `body.rs` | the request body, lent and taken back |
//! | `response.rs` | the response on the wire, the hijack |
//! | `registry.rs` | all connections, for counting, closing and waiting |
//! | `panics.rs` | what a panicking handler leaves in the log |

mod accept;
mod body;
mod conn;
#[cfg(all(test, hangup_shuttle))]
mod model;
mod panics;
mod reader;
mod registry;
mod response;
mod scope;
mod signals;

use std::fmt;
use std::io;
use std::net::ToSocketAddrs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::h1::Limits;
use crate::handler::Handler;
use crate::net::tls::Acceptor;
use crate::net::{Addr, Listener, Stream};
use crate::sync::Mutex;
use registry::Registry;

/// The name of the threads that serve connections.
const CONN_THREAD: &str = "hangup-conn";

/// Added to the limit on a request's head, in bytes: a client that keeps to the limit as it counts
/// may count a little less than the server.
const HEAD_SLOP: usize = 4096;

/// How many header fields a request may have.
const MAX_FIELDS: usize = 1000;

/// A server that has its handler and its options, and nowhere to listen yet.
pub struct Server {
    handler: Arc<dyn Handler>,
    options: Options,
}

type OnState = Box<dyn Fn(&Connection, ConnState) + Send + Sync>;

struct Options {
    read_header_timeout: Option<Duration>,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    max_header_bytes: usize,
    max_connections: Option<usize>,
    half_close_is_hangup: bool,
    stack_size: Option<usize>,
    on_state: Option<OnState>,
    acceptor: Option<Acceptor>,
    tls_handshake_timeout: Option<Duration>,
}

impl Options {
    fn head_limits(&self) -> Limits {
        Limits {
            max_bytes: self.max_header_bytes.saturating_add(HEAD_SLOP),
            max_fields: MAX_FIELDS,
        }
    }
}

impl Server {
    /// A server that answers with `handler`.
    pub fn new(handler: impl Handler) -> Self {
        Self {
            handler: Arc::new(handler),
            options: Options {
                read_header_timeout: Some(Duration::from_secs(10)),
                read_timeout: None,
                write_timeout: None,
                idle_timeout: Some(Duration::from_secs(120)),
                max_header_bytes: 1 << 20,
                max_connections: None,
                half_close_is_hangup: true,
                stack_size: None,
                on_state: None,
                acceptor: None,
                tls_handshake_timeout: Some(Duration::from_secs(10)),
            },
        }
    }

    /// How long a client may take over a request's head, from its first byte on; on a new connection
    /// also over that first byte. 10 s by default; `None` for no limit. A connection that runs over
    /// is closed without an answer.
    #[must_use]
    pub fn read_header_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.read_header_timeout = limit.into();
        self
    }

    /// How long a client may take over a whole request with its body, from its first byte on. No
    /// limit by default. A handler that reads on after it gets
    /// [`TimeLimit::Request`](crate::TimeLimit::Request), and can move the moment with
    /// [`ResponseWriter::set_read_deadline`](crate::ResponseWriter::set_read_deadline).
    #[must_use]
    pub fn read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.read_timeout = limit.into();
        self
    }

    /// How long sending a response may take, from the end of its request's head on. No limit by
    /// default. A handler can move the moment with
    /// [`ResponseWriter::set_write_deadline`](crate::ResponseWriter::set_write_deadline).
    #[must_use]
    pub fn write_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.write_timeout = limit.into();
        self
    }

    /// How long a connection may wait for its next request. 120 s by default; `None` for no limit.
    #[must_use]
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.idle_timeout = limit.into();
        self
    }

    /// Encrypts every connection with TLS (RFC 8446), and answers a client that speaks plain HTTP with
    /// 400. Certificates are renewed by [`Acceptor::replace`](crate::tls::Acceptor::replace), on a
    /// clone of the acceptor. No TLS by default.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, acceptor: Acceptor) -> Self {
        self.options.acceptor = Some(acceptor);
        self
    }

    /// How long a client may take over the TLS handshake, which is made on its connection's thread.
    /// 10 s by default; `None` for no limit.
    #[must_use]
    pub fn tls_handshake_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.tls_handshake_timeout = limit.into();
        self
    }

    /// How many bytes a request's head may have: 1 MiB by default, to which 4 KiB are added. A
    /// larger one is answered with 431.
    #[must_use]
    pub fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.options.max_header_bytes = bytes;
        self
    }

    /// How many connections are served at the same time; one more is answered with 503 and closed.
    /// No limit by default but the operating system's.
    #[must_use]
    pub fn max_connections(mut self, most: impl Into<Option<usize>>) -> Self {
        self.options.max_connections = most.into();
        self
    }

    /// Whether a client that closes its sending side while it waits for the answer has gone away, so
    /// that the request's context ends. It does by default, since most clients that are gone look
    /// like that; the answer is sent to it either way.
    #[must_use]
    pub fn half_close_is_hangup(mut self, is: bool) -> Self {
        self.options.half_close_is_hangup = is;
        self
    }

    /// The stack of a connection's thread, in bytes, on which the handler runs. The platform's
    /// default for new threads (2 MiB) by default; memory that is never touched costs nothing.
    #[must_use]
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.options.stack_size = Some(bytes);
        self
    }

    /// Has `callback` called with each state that a connection enters, on that connection's thread
    /// ([`ConnState::New`] on the accepting one). If it panics, that is logged.
    #[must_use]
    pub fn on_connection_state(
        mut self,
        callback: impl Fn(&Connection, ConnState) + Send + Sync + 'static,
    ) -> Self {
        self.options.on_state = Some(Box::new(callback));
        self
    }

    /// Listens on a TCP address. Clients can connect from now on, and are served once
    /// [`serve`](Listening::serve) runs.
    ///
    /// # Errors
    ///
    /// The operating system's: the address is in use, or not one of this machine's.
    pub fn listen(self, addr: impl ToSocketAddrs) -> io::Result<Listening> {
        Ok(self.listen_on(Listener::bind_tcp(addr)?))
    }

    /// Listens on a Unix socket. A socket file that nobody listens on any more is replaced.
    ///
    /// # Errors
    ///
    /// The operating system's: somebody listens on it, or the path is no place for a socket.
    #[cfg(unix)]
    pub fn listen_unix(self, path: impl AsRef<Path>) -> io::Result<Listening> {
        Ok(self.listen_on(Listener::bind_unix(path)?))
    }

    /// Serves the connections of a listener that exists already.
    pub fn listen_on(self, listener: Listener) -> Listening {
        let local = listener.local_addr().unwrap_or(Addr::Unknown);
        let handle = self.into_handle();
        let listener = Arc::new(listener);
        *handle.shared.listener.lock() = Some(Arc::clone(&listener));
        Listening { handle, listener, local }
    }

    /// Serves one connection that exists already, on a thread of its own: one end of
    /// [`testing::stream_pair`](crate::testing::stream_pair), say.
    #[must_use = "the handle is the way to close the connection"]
    pub fn serve_stream(self, stream: Stream) -> ServerHandle {
        let handle = self.into_handle();
        let remote = stream.peer_addr().unwrap_or(Addr::Unknown);
        accept::start(&handle.shared, stream, remote);
        handle
    }

    fn into_handle(self) -> ServerHandle {
        ServerHandle {
            shared: Arc::new(Shared {
                handler: self.handler,
                options: self.options,
                registry: Registry::new(),
                closed: Context::new(),
                listener: Mutex::new(None),
            }),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

/// What the threads of one server share.
struct Shared {
    handler: Arc<dyn Handler>,
    options: Options,
    registry: Registry,
    /// Ends when the server stops to accept.
    closed: Context,
    /// Until the server stops to accept.
    listener: Mutex<Option<Arc<Listener>>>,
}

impl Shared {
    fn is_stopping(&self) -> bool {
        self.closed.is_done()
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
    /// The address it listens on: with the port that was chosen, if port 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> &Addr {
        &self.local
    }

    /// The scheme of its URLs: `https` with TLS, else `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.handle.shared.options.acceptor.is_some() { "https" } else { "http" }
    }

    /// A handle with which any thread can shut the server down.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Accepts connections and serves each on a thread of its own.
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
        let Self { handle: ServerHandle { shared }, listener, .. } = self;
        if shared.registry.begin_accepting() {
            accept::run(&shared, &listener);
            drop(listener);
            shared.registry.end_accepting();
        }
        Ok(())
    }
}

/// Shuts a server down, from any thread.
#[derive(Clone)]
pub struct ServerHandle {
    shared: Arc<Shared>,
}

impl ServerHandle {
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
        self.shared.registry.wait(deadline)
    }

    /// Shuts down at once: accepts no more connections and closes all that are there, so that
    /// handlers see their clients gone and fail in what they read and write.
    ///
    /// # Blocking
    ///
    /// Until the port is free. Handlers may still be running when it returns.
    pub fn close(&self) {
        self.stop_accepting();
        self.shared.registry.close_all();
    }

    /// Closes the connections that are there, whatever they are at, and goes on accepting.
    pub fn close_connections(&self) {
        self.shared.registry.close_all();
    }

    /// How many connections are served. Those that were hijacked or refused are not counted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.registry.count()
    }

    fn stop_accepting(&self) {
        {
            // Under the lock, so that a second caller does not return before the port is free.
            let mut listener = self.shared.listener.lock();
            if let Some(listener) = listener.take() {
                listener.close();
            }
        }
        self.shared.closed.cancel();
        self.shared.registry.stop();
        self.shared.registry.wait_for_listener();
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
