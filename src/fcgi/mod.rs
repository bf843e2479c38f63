//! FastCGI on both sides: a server, whose handlers run behind any web server, and a client, the
//! [`Upstream`], which forwards requests to an application such as PHP.
//!
//! # The server
//!
//! The same handlers serve HTTP and FastCGI. The server implements version 1.0 of the protocol in the
//! responder role.
//!
//! ```no_run
//! use hangup::fcgi;
//! use std::io::Write;
//!
//! fcgi::Server::new(|w, r| {
//!     writeln!(w, "hello {}", r.uri().path())?;
//!     Ok(())
//! })
//! .listen_unix("/run/app.sock")?
//! .serve()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A handler works as it does over HTTP, with these differences:
//!
//! * The connection cannot be [hijacked](crate::ResponseWriter::hijack).
//! * Interim responses and trailers are not sent.
//! * [`RequestExt::variables`](crate::RequestExt::variables) returns the web server's variables, and
//!   [`RequestExt::error_stream`](crate::RequestExt::error_stream) writes to its error log.
//!
//! The request's context ends when the web server aborts the request, or when the connection to it is lost.
//!
//! `docs/deploy/README.md` in the crate's sources shows how to configure nginx, lighttpd, Apache and
//! systemd, and what each of them supports.
//!
//! # Bodies that a handler does not read
//!
//! One thread reads all requests of a connection. The part of a request's body that has arrived and was not
//! read is buffered: up to [`max_held_back`](Server::max_held_back) bytes, 1 MiB by default. When this
//! buffer is full, the connection decides what happens:
//!
//! * If the web server has several requests in progress on the connection, or has asked if it may, the rest
//!   of the body is discarded. Reading it fails with [`TooLarge`](crate::ErrorKind::TooLarge). The other
//!   requests continue.
//! * Otherwise the connection is not read until the handler reads, as over HTTP. After
//!   [`body_patience`](Server::body_patience), 5 s by default, the rest of the body is discarded as well.

// In reading order:
//
// | file | content |
// | --- | --- |
// | `mod.rs` `options.rs` | the server and its options |
// | `record.rs` `params.rs` `batch.rs` | the wire format |
// | `reader.rs` `limits.rs` | the thread that reads a connection, and its time limits |
// | `conn.rs` `closing.rs` | a connection with its requests, and its end |
// | `request.rs` `inbox.rs` `body.rs` | a request, and its body |
// | `handling.rs` | running a request's handler |
// | `response.rs` `record_writer.rs` | a response as records, and the one writer of a connection |
// | `workers.rs` | the threads that run handlers |
// | `client/` | the other side: forwarding requests to an application |

mod batch;
mod body;
mod client;
mod closing;
mod conn;
mod handling;
mod inbox;
mod limits;
#[cfg(all(test, hangup_shuttle))]
mod model;
mod options;
mod params;
mod reader;
mod record;
mod record_writer;
mod request;
mod response;
mod workers;

use std::env;
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::error::{Error, Result};
use crate::handler::{Handler, IntoResponse, Request, ResponseWriter};
use crate::logging as log;
use crate::net::{Addr, Listener, Stream};
use crate::serving::{ConnGuard, CoreOptions, Protocol, ServerCore, Service, Stats, Wake};
use conn::Conn;
use options::{Options, Shared};
use reader::Reader;
use workers::Workers;

pub use client::Upstream;

// Defined once for both servers. `server` is their home in the documentation.
#[doc(no_inline)]
pub use crate::serving::{Listening, ServerHandle};

/// The stack of the threads that read connections, in bytes. They run no code of the user's.
const READER_STACK: usize = 256 * 1024;

/// A configured FastCGI server that is not listening yet.
///
/// Each method sets one option. [`listen`](Self::listen) and the other `listen_…` methods bind it to an
/// address.
///
/// ```no_run
/// use hangup::{RequestExt, Router, fcgi};
///
/// let app = Router::new()
///     .respond("GET /items/{id}", |r| Ok(format!("item {}\n", r.parse_path_value::<u32>("id")?)));
/// fcgi::Server::with_handler(app).listen_unix("/run/app/app.sock")?.serve()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a server does nothing until it listens"]
pub struct Server {
    service: Service,
    options: Options,
    max_threads: Option<usize>,
    stack_size: Option<usize>,
    web_servers: Option<Vec<IpAddr>>,
    stats: Option<Stats>,
}

impl Server {
    /// Creates a server that responds with `handler`, a function or closure. The types of a closure's
    /// parameters are inferred. [`with_handler`](Self::with_handler) takes any other [`Handler`].
    ///
    /// If the environment variable `FCGI_WEB_SERVER_ADDRS` is set (FastCGI 1.0 section 3.2), only
    /// connections from the IP addresses in it are accepted.
    pub fn new<F>(handler: F) -> Self
    where
        F: Fn(&mut ResponseWriter, &mut Request) -> Result<()> + Send + Sync + 'static,
    {
        Self::with_handler(handler)
    }

    /// Creates a server that responds with any [`Handler`]. Otherwise it is like [`new`](Self::new).
    pub fn with_handler(handler: impl Handler) -> Self {
        Self {
            stats: None,
            service: Service::new(handler),
            options: Options::default(),
            max_threads: None,
            stack_size: None,
            web_servers: env::var("FCGI_WEB_SERVER_ADDRS").ok().map(|list| addresses(&list)),
        }
    }

    /// Sets how long a web server may take to send a request's parameters, measured from the beginning of
    /// the request. The default is 10 s; `None` is no limit.
    ///
    /// A request that takes longer gets a 408 response. A record that takes longer closes the connection,
    /// unless another request is in progress on it.
    pub fn read_header_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.read_header_timeout = limit.into();
        self
    }

    /// Sets how long sending a response may take, measured from the start of its handler. The default is no
    /// limit.
    ///
    /// A handler can move the deadline with
    /// [`ResponseWriter::set_write_deadline`](crate::ResponseWriter::set_write_deadline). The deadline also
    /// applies to the error stream and to the record that ends the request. If it passes within a record,
    /// the connection is closed, since the rest of the record is missing.
    pub fn write_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.write_timeout = limit.into();
        self
    }

    /// Sets the function that creates the response to an error that a handler returns, and to a request
    /// whose body failed. See [`Server::on_error`](crate::Server::on_error). Requests with invalid or too
    /// many variables are refused with a line of text, without this function.
    pub fn on_error<T: IntoResponse>(
        mut self,
        hook: impl Fn(&Error, StatusCode, &Request) -> T + Send + Sync + 'static,
    ) -> Self {
        self.service.set_on_error(hook);
        self
    }

    /// Sets how long a write may wait while the web server takes no byte of a response. The default is
    /// 60 s; `None` is no limit. Every byte that the web server takes restarts the limit.
    ///
    /// The write then fails with a [`Timeout`](crate::ErrorKind::Timeout) of
    /// [`TimeLimit::WriteIdle`](crate::TimeLimit::WriteIdle), and the connection is closed. Records outside
    /// a response's body always have a limit of at most 60 s.
    pub fn write_idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.write_idle_timeout = limit.into();
        self
    }

    /// Sets how long a read of a request's body may wait for more of it. The default is 60 s; `None` is no
    /// limit. Every byte that arrives restarts the limit.
    ///
    /// The read then fails with a [`Timeout`](crate::ErrorKind::Timeout) of
    /// [`TimeLimit::BodyIdle`](crate::TimeLimit::BodyIdle). If the handler then returns an error and has
    /// sent nothing, the response is a 408.
    pub fn body_idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.body_idle_timeout = limit.into();
        self
    }

    /// Sets how long a connection may wait for a request, including the first one. The default is no limit,
    /// since the web server decides how many connections it keeps, and does not expect this side to close
    /// one.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.idle_timeout = limit.into();
        self
    }

    /// Sets how many bytes the variables of a request may have. The default is 1 MiB. A request with more
    /// gets a 431 response, as does one with more than 2000 variables.
    pub fn max_params_bytes(mut self, bytes: usize) -> Self {
        self.options.max_params_bytes = bytes;
        self
    }

    /// Sets how many bytes of a body are buffered for a handler that does not read it. The default is
    /// 1 MiB. The [module's documentation](self) describes what happens beyond that.
    pub fn max_held_back(mut self, bytes: usize) -> Self {
        self.options.max_held_back = bytes;
        self
    }

    /// Sets how long a connection waits for a handler to read once the buffer of
    /// [`max_held_back`](Self::max_held_back) is full. The default is 5 s; `None` is no limit. See the
    /// [module's documentation](self).
    pub fn body_patience(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.body_patience = limit.into();
        self
    }

    /// Sets how many requests a connection may have in progress at once. The default is 100; `None` is no
    /// limit. Further requests are refused. With 1, a web server that asks learns that it must not
    /// multiplex.
    pub fn max_requests_per_connection(mut self, most: impl Into<Option<usize>>) -> Self {
        self.options.max_requests = most.into();
        self
    }

    /// Sets how many connections are served at the same time. The default is no limit.
    ///
    /// For a further connection, the one that has been idle longest is closed. If none is idle, the requests
    /// on the new connection are refused as overloaded.
    pub fn max_connections(mut self, most: impl Into<Option<usize>>) -> Self {
        self.options.max_connections = most.into();
        self
    }

    /// Sets how many handlers may run at the same time, each on a separate thread. The default is no limit.
    /// Further requests are refused as overloaded.
    pub fn max_threads(mut self, most: impl Into<Option<usize>>) -> Self {
        self.max_threads = most.into();
        self
    }

    /// Sets the stack size of the threads that run handlers, in bytes. The default is the standard
    /// library's for new threads, 2 MiB. Memory of a stack that is never used is not allocated.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Sets the IP addresses from which web servers may connect, in place of those in
    /// `FCGI_WEB_SERVER_ADDRS`. `None` allows every address. It has no effect on a Unix socket.
    pub fn web_servers(mut self, addresses: impl Into<Option<Vec<IpAddr>>>) -> Self {
        self.web_servers = addresses.into();
        self
    }

    /// Counts in `stats`, which a handler can show, and which several servers can share. By default the
    /// server counts on its own, for [`ServerHandle::stats`], and does not measure the time of handlers.
    pub fn stats(mut self, stats: &Stats) -> Self {
        self.stats = Some(stats.clone());
        self
    }

    /// Listens on a TCP address.
    ///
    /// Every program that can connect to this address can make requests in the name of the web server. Use
    /// an address of the loopback interface, or one that only the web server reaches.
    ///
    /// # Errors
    ///
    /// The operating system's: for example, if the address is in use or does not belong to this machine.
    pub fn listen(self, addr: impl ToSocketAddrs) -> io::Result<Listening> {
        Ok(self.listen_on(Listener::bind_tcp(addr)?))
    }

    /// Listens on a Unix socket. Replaces a socket file on which no process listens.
    ///
    /// # Errors
    ///
    /// The operating system's: for example, if another process listens on the socket, or the path is
    /// invalid.
    #[cfg(unix)]
    pub fn listen_unix(self, path: impl AsRef<Path>) -> io::Result<Listening> {
        Ok(self.listen_on(Listener::bind_unix(path)?))
    }

    /// Listens on the socket that is the standard input of the process. Web servers and process managers
    /// start FastCGI programs with it (FastCGI 1.0 section 2.2).
    ///
    /// # Errors
    ///
    /// `InvalidInput` if standard input is not a listening socket, since the program was started in another
    /// way.
    #[cfg(unix)]
    pub fn listen_inherited(self) -> io::Result<Listening> {
        Ok(self.listen_on(Listener::from_stdin()?))
    }

    /// Serves the connections of an existing listener: one of the standard library, or a [`Listener`],
    /// which can also use inherited sockets.
    ///
    /// If a listener of the standard library cannot be used, [`serve`](Listening::serve) returns the error.
    pub fn listen_on(self, listener: impl Into<Listener>) -> Listening {
        Listening::new(self.into_core(), listener.into())
    }

    /// Serves one existing connection on a separate thread: for example, one end of
    /// [`testing::stream_pair`](crate::testing::stream_pair).
    #[must_use = "the handle is the way to close the connection"]
    pub fn serve_stream(self, stream: Stream) -> ServerHandle {
        ServerHandle::of_stream(self.into_core(), stream)
    }

    fn into_core(self) -> Arc<ServerCore> {
        let Self { service, options, max_threads, stack_size, web_servers, stats } = self;
        let workers = Workers::new(max_threads, stack_size);
        let core = CoreOptions {
            max_connections: options.max_connections,
            stack_size: Some(READER_STACK),
            on_state: None,
            stats,
        };
        let shared = Arc::new(Shared { service, options, workers });
        ServerCore::new(Arc::new(FastCgi { shared, web_servers }), core)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

/// The FastCGI protocol of one server.
struct FastCgi {
    shared: Arc<Shared>,
    web_servers: Option<Vec<IpAddr>>,
}

impl Protocol for FastCgi {
    fn thread_name(&self) -> &'static str {
        "hangup-fcgi"
    }

    fn scheme(&self) -> &'static str {
        "fcgi"
    }

    fn prepare(&self, stream: Stream, remote: &Addr) -> Option<Stream> {
        let known = match (&self.web_servers, remote.ip()) {
            (Some(known), Some(remote)) => known.contains(&remote.ip().to_canonical()),
            _ => true,
        };
        if !known {
            log::warn!("{remote}: connection refused: address not in FCGI_WEB_SERVER_ADDRS");
        }
        known.then_some(stream)
    }

    fn serve(&self, stream: Stream, remote: Addr, guard: Arc<ConnGuard>) {
        Reader::new(Conn::new(Arc::clone(&self.shared), stream, remote, guard)).run();
    }

    fn wake(&self) -> Wake {
        Stream::interrupt_read
    }

    /// Sends nothing: a FastCGI response needs a request.
    fn reject(&self, _stream: &Stream) {}
}

/// Parses a list of addresses, separated by commas. Invalid entries are logged and allow no connection.
fn addresses(list: &str) -> Vec<IpAddr> {
    let addresses = list.split(',').map(str::trim).filter(|address| !address.is_empty());
    let parsed = addresses.filter_map(|address| match address.parse::<IpAddr>() {
        Ok(address) => Some(address.to_canonical()),
        Err(_) => {
            log::warn!("invalid IP address in FCGI_WEB_SERVER_ADDRS: {address:?}");
            None
        }
    });
    parsed.collect()
}
