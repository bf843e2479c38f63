//! FastCGI: the same handlers under any web server (the protocol's version 1.0, as a responder).
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
//! A handler cannot tell the difference, but that there is no connection to
//! [hijack](crate::ResponseWriter::hijack), that interim responses and trailers go nowhere, and that
//! [`RequestExt::variables`](crate::RequestExt::variables) has what the web server tells beyond the
//! request. The request's context ends when the web server gives the request up, or its connection is
//! lost.
//!
//! How nginx, lighttpd, Apache and systemd are told of such a program, and what each of them does and does
//! not, is in `docs/deploy/README.md` among the crate's sources.
//!
//! # Bodies that their handler does not read
//!
//! All requests of a connection come through one thread. So what has come of a request's body, and has
//! not been read, is held back: [`max_held_back`](Server::max_held_back) bytes of it, 1 MiB by default.
//! At that bound
//!
//! * on a connection whose web server has several requests in progress at once, or has asked whether it
//!   may, the rest of that body is thrown away, and reading it fails with
//!   [`TooLarge`](crate::ErrorKind::TooLarge): the other requests go on;
//! * on any other, reading the connection waits for the handler, as over HTTP: for as long as
//!   [`body_patience`](Server::body_patience) says, 5 s by default. After it the same happens.
//!
//! In reading order:
//!
//! | file | what it holds |
//! | --- | --- |
//! | `mod.rs` | the server and its options |
//! | `record.rs` `params.rs` | the wire format |
//! | `reader.rs` `limits.rs` | the thread that takes a connection's records apart, and its time limits |
//! | `conn.rs` `closing.rs` | a connection, which requests it has, and how it ends |
//! | `request.rs` `inbox.rs` | a request, and what has come of its body |
//! | `handling.rs` | a request on the thread of its handler |
//! | `response.rs` `outlet.rs` | a response in records, of which one is written at a time |
//! | `workers.rs` | the threads on which handlers run |

mod closing;
mod conn;
mod handling;
mod inbox;
mod limits;
#[cfg(all(test, hangup_shuttle))]
mod model;
mod outlet;
mod params;
mod reader;
mod record;
mod request;
mod response;
mod workers;

use std::env;
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::handler::{Handler, Request, ResponseWriter};
use crate::logging as log;
use crate::net::{Addr, Listener, Stream};
use crate::serving::{ConnGuard, CoreOptions, Protocol, ServerCore, Service};
use closing::after;
use conn::Conn;
use outlet::Limits;
use reader::Reader;
use workers::Workers;

use crate::serving::{Listening, ServerHandle};

/// How many variables may describe a request.
const MAX_VARIABLES: usize = 2000;

/// What a web server that asks is told where there is no limit: more than it will ever have.
const NO_LIMIT: usize = 1_000_000;

/// How long the write of a record may take that is no part of a body, if no limit says less: a web server
/// that never reads must not keep a thread.
const RECORD_LIMIT: Duration = Duration::from_secs(60);

/// The stack of the threads that read connections, in bytes: they call nothing of the user's.
const READER_STACK: usize = 256 * 1024;

/// A FastCGI server that has its handler and its options, and nowhere to listen yet.
#[must_use = "nothing is served before `listen`"]
pub struct Server {
    service: Service,
    options: Options,
    max_threads: Option<usize>,
    stack_size: Option<usize>,
    web_servers: Option<Vec<IpAddr>>,
}

struct Options {
    read_header_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    body_idle_timeout: Option<Duration>,
    write_idle_timeout: Option<Duration>,
    body_patience: Option<Duration>,
    max_params_bytes: usize,
    max_held_back: usize,
    max_requests: Option<usize>,
    max_connections: Option<usize>,
}

impl Options {
    fn told_connections(&self) -> usize {
        self.max_connections.unwrap_or(NO_LIMIT)
    }

    /// How many requests in all: a connection's, for each that there may be.
    fn told_requests(&self) -> usize {
        let each = self.max_requests.unwrap_or(NO_LIMIT);
        self.max_connections.map_or(NO_LIMIT, |most| most.saturating_mul(each).min(NO_LIMIT))
    }

    fn write_limits(&self) -> Limits {
        let given = self.write_timeout.into_iter().chain(self.write_idle_timeout).min();
        let queue = given.map_or(RECORD_LIMIT, |given| given.min(RECORD_LIMIT));
        Limits { idle: self.write_idle_timeout, queue }
    }

    /// The moment at which the write of a small record ends. It has one, whatever the limits for
    /// responses.
    fn record_deadline(&self, deadline: Option<Instant>) -> Option<Instant> {
        match (deadline, self.write_idle_timeout) {
            (None, None) => after(Some(RECORD_LIMIT)),
            _ => deadline,
        }
    }

    fn may_multiplex(&self) -> bool {
        self.max_requests.is_none_or(|most| most > 1)
    }
}

/// What the threads of one server share.
struct Shared {
    service: Service,
    options: Options,
    workers: Workers,
}

impl Server {
    /// Creates a server that answers with `handler`, a function or closure. A closure needs no types.
    /// For any other [`Handler`] there is [`with_handler`](Self::with_handler).
    ///
    /// If the environment has FCGI_WEB_SERVER_ADDRS (FastCGI 1.0 section 2.2), only connections from the
    /// IP addresses there are taken.
    pub fn new<F>(handler: F) -> Self
    where
        F: Fn(&mut ResponseWriter, &mut Request) -> Result<()> + Send + Sync + 'static,
    {
        Self::with_handler(handler)
    }

    /// Creates a server that answers with `handler`: any [`Handler`], and a function as well. Otherwise
    /// as [`new`](Self::new).
    pub fn with_handler(handler: impl Handler) -> Self {
        Self {
            service: Service::new(handler),
            options: Options {
                read_header_timeout: Some(Duration::from_secs(10)),
                write_timeout: None,
                idle_timeout: None,
                body_idle_timeout: Some(Duration::from_secs(60)),
                write_idle_timeout: Some(Duration::from_secs(60)),
                body_patience: Some(Duration::from_secs(5)),
                max_params_bytes: 1 << 20,
                max_held_back: 1 << 20,
                max_requests: Some(100),
                max_connections: None,
            },
            max_threads: None,
            stack_size: None,
            web_servers: env::var("FCGI_WEB_SERVER_ADDRS").ok().map(|list| addresses(&list)),
        }
    }

    /// Sets how long a web server may take to send a request's parameters, from the request's begin on. The
    /// default is 10 s; `None` removes the limit.
    ///
    /// A request that takes longer is answered with 408. A record that takes longer closes a connection
    /// that has no other request in progress.
    pub fn read_header_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.read_header_timeout = limit.into();
        self
    }

    /// Sets how long sending a response may take, from the start of its handler on. There is no limit by
    /// default.
    ///
    /// A handler can move the deadline with
    /// [`ResponseWriter::set_write_deadline`](crate::ResponseWriter::set_write_deadline). It holds for the
    /// error stream and for the record that ends the request as well. A write that it ends within a record
    /// closes the connection: half a record cannot be taken back.
    pub fn write_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.write_timeout = limit.into();
        self
    }

    /// Has `hook` write the responses to errors that handlers return, and to requests whose body failed: see
    /// [`Server::on_error`](crate::Server::on_error). Requests that no handler sees, since their variables
    /// are invalid or too long, are refused with a line of text.
    pub fn on_error<B: Into<Body>>(
        mut self,
        hook: impl Fn(&Error, StatusCode, &Request) -> http::Response<B> + Send + Sync + 'static,
    ) -> Self {
        self.service.set_on_error(hook);
        self
    }

    /// Sets how long a write may wait for the web server to take anything of a response. The default is
    /// 60 s; `None` removes the limit. Every byte that is taken restarts it.
    ///
    /// The write then fails with a [`Timeout`](crate::ErrorKind::Timeout) of
    /// [`TimeLimit::WriteIdle`](crate::TimeLimit::WriteIdle), and the connection is closed. Records that
    /// are no part of a response's body have a limit of 60 s in any case.
    pub fn write_idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.write_idle_timeout = limit.into();
        self
    }

    /// Sets how long a handler that reads its request's body waits for more of it. The default is 60 s;
    /// `None` removes the limit. Every byte that arrives restarts it.
    ///
    /// The read then fails with a [`Timeout`](crate::ErrorKind::Timeout) of
    /// [`TimeLimit::BodyIdle`](crate::TimeLimit::BodyIdle). If the handler returns an error, and has sent
    /// nothing, the request is answered with 408.
    pub fn body_idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.body_idle_timeout = limit.into();
        self
    }

    /// Sets how long a connection may wait for a request, the first one included. There is no limit by
    /// default: the web server decides how many connections it keeps, and does not expect us to close one.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.idle_timeout = limit.into();
        self
    }

    /// How many bytes the variables of a request may have: 1 MiB by default. A request with more is
    /// answered with 431.
    pub fn max_params_bytes(mut self, bytes: usize) -> Self {
        self.options.max_params_bytes = bytes;
        self
    }

    /// How many bytes of a body are held back for a handler that does not read it: 1 MiB by default. See
    /// [the module](self) for what happens then.
    pub fn max_held_back(mut self, bytes: usize) -> Self {
        self.options.max_held_back = bytes;
        self
    }

    /// How long a connection waits for a handler to read, when it may not hold back more: 5 s by default;
    /// `None` for ever. See [the module](self).
    pub fn body_patience(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.body_patience = limit.into();
        self
    }

    /// How many requests a connection may have in progress at once: 100 by default. With 1, web servers
    /// that ask are told not to multiplex. One more is refused.
    pub fn max_requests_per_connection(mut self, most: impl Into<Option<usize>>) -> Self {
        self.options.max_requests = most.into();
        self
    }

    /// How many connections are served at the same time. For one more, the connection that has waited
    /// longest for its next request is closed; if there is none, every request on the new one is
    /// refused as overloading us. No limit by default but the operating system's.
    pub fn max_connections(mut self, most: impl Into<Option<usize>>) -> Self {
        self.options.max_connections = most.into();
        self
    }

    /// How many handlers may run at the same time, each on a thread of its own; one request more is refused
    /// as overloading us. No limit by default but the operating system's.
    pub fn max_threads(mut self, most: impl Into<Option<usize>>) -> Self {
        self.max_threads = most.into();
        self
    }

    /// The stack of the threads on which handlers run, in bytes. The platform's default for new threads
    /// (2 MiB) by default; memory that is never touched costs nothing.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// The IP addresses from which web servers may connect, in place of those that
    /// FCGI_WEB_SERVER_ADDRS names; `None` for any. Of no effect on a Unix socket.
    pub fn web_servers(mut self, addresses: impl Into<Option<Vec<IpAddr>>>) -> Self {
        self.web_servers = addresses.into();
        self
    }

    /// Listens on a TCP address. Who can connect there can make requests as if it were the web server:
    /// it should be the loopback interface's, or one that only the web server reaches.
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

    /// Listens on the socket that the process got as its standard input, as a program does that a web
    /// server, or a process manager, starts (FastCGI 1.0 section 2.2).
    ///
    /// # Errors
    ///
    /// `InvalidInput` if standard input is not a listening socket: the program was started otherwise.
    #[cfg(unix)]
    pub fn listen_inherited(self) -> io::Result<Listening> {
        Ok(self.listen_on(Listener::from_stdin()?))
    }

    /// Serves the connections of a listener that exists already: one of the standard library's, or a
    /// [`Listener`], which also takes over inherited sockets.
    ///
    /// If a socket of the standard library's cannot be taken over, [`serve`](Listening::serve) reports
    /// that.
    pub fn listen_on(self, listener: impl Into<Listener>) -> Listening {
        Listening::new(self.into_core(), listener.into())
    }

    /// Serves one connection that exists already, on a thread of its own: one end of
    /// [`testing::stream_pair`](crate::testing::stream_pair), say.
    #[must_use = "the handle is the way to close the connection"]
    pub fn serve_stream(self, stream: Stream) -> ServerHandle {
        ServerHandle::of_stream(self.into_core(), stream)
    }

    fn into_core(self) -> Arc<ServerCore> {
        let Self { service, options, max_threads, stack_size, web_servers } = self;
        let workers = Workers::new(max_threads, stack_size);
        let of_house = CoreOptions {
            max_connections: options.max_connections,
            stack_size: Some(READER_STACK),
            on_state: None,
        };
        let shared = Arc::new(Shared { service, options, workers });
        ServerCore::new(Arc::new(FastCgi { shared, web_servers }), of_house)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

/// FastCGI, as it is served.
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

    fn admit(&self, stream: Stream, remote: &Addr) -> Option<Stream> {
        let known = match (&self.web_servers, remote.ip()) {
            (Some(known), Some(remote)) => known.contains(&remote.ip().to_canonical()),
            _ => true,
        };
        if !known {
            log::warn!("{remote}: refused: it is not one of FCGI_WEB_SERVER_ADDRS");
        }
        known.then_some(stream)
    }

    fn serve(&self, stream: Stream, remote: Addr, guard: Arc<ConnGuard>) {
        Reader::new(Conn::new(Arc::clone(&self.shared), stream, remote, guard)).run();
    }

    fn wake(&self, stream: &Stream) {
        stream.interrupt_read();
    }

    /// There is no request yet that could be answered.
    fn no_room(&self, _stream: &Stream) {}
}

/// The addresses in a list with commas. What is none admits nobody.
fn addresses(list: &str) -> Vec<IpAddr> {
    let addresses = list.split(',').map(str::trim).filter(|address| !address.is_empty());
    let parsed = addresses.filter_map(|address| match address.parse::<IpAddr>() {
        Ok(address) => Some(address.to_canonical()),
        Err(_) => {
            log::warn!("FCGI_WEB_SERVER_ADDRS: {address:?} is no IP address");
            None
        }
    });
    parsed.collect()
}
