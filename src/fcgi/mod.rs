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
//! | `reader.rs` | the thread that takes a connection's records apart |
//! | `conn.rs` | a connection, and which requests it has |
//! | `request.rs` `inbox.rs` | a request, and what has come of its body |
//! | `response.rs` `outlet.rs` | a response in records, of which one is written at a time |
//! | `workers.rs` | the threads on which handlers run |

mod conn;
mod inbox;
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
use std::time::Duration;

use crate::error::Result;
use crate::handler::{Handler, Request, ResponseWriter};
use crate::logging as log;
use crate::net::{Addr, Listener, Stream};
use crate::serving::{House, HouseOptions, Protocol, Ticket};
use conn::Conn;
use reader::Reader;
use workers::Workers;

pub use crate::serving::{Listening, ServerHandle};

/// How many variables may describe a request.
const MAX_VARIABLES: usize = 2000;

/// What a web server that asks is told where there is no limit: more than it will ever have.
const NO_LIMIT: usize = 1_000_000;

/// The stack of the threads that read connections, in bytes: they call nothing of the user's.
const READER_STACK: usize = 256 * 1024;

/// A FastCGI server that has its handler and its options, and nowhere to listen yet.
pub struct Server {
    handler: Arc<dyn Handler>,
    options: Options,
    max_threads: Option<usize>,
    stack_size: Option<usize>,
    web_servers: Option<Vec<IpAddr>>,
}

struct Options {
    read_header_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
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

    fn may_multiplex(&self) -> bool {
        self.max_requests.is_none_or(|most| most > 1)
    }
}

/// What the threads of one server share.
struct Shared {
    handler: Arc<dyn Handler>,
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
            handler: Arc::new(handler),
            options: Options {
                read_header_timeout: Some(Duration::from_secs(10)),
                write_timeout: None,
                idle_timeout: None,
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

    /// How long a web server may take over a request's parameters, from its begin on. 10 s by default;
    /// `None` for no limit. A connection that runs over is closed.
    #[must_use]
    pub fn read_header_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.read_header_timeout = limit.into();
        self
    }

    /// How long sending a response may take, from the start of its handler on. No limit by default. A
    /// handler can move the moment with
    /// [`ResponseWriter::set_write_deadline`](crate::ResponseWriter::set_write_deadline). A connection on
    /// which a write runs over is closed: half a record cannot be taken back.
    #[must_use]
    pub fn write_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.write_timeout = limit.into();
        self
    }

    /// How long a connection may wait for its next request. No limit by default: how many it keeps, and
    /// how long, is the web server's to say, and it does not expect us to close one.
    #[must_use]
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.idle_timeout = limit.into();
        self
    }

    /// How many bytes the variables of a request may have: 1 MiB by default. A request with more is
    /// answered with 431.
    #[must_use]
    pub fn max_params_bytes(mut self, bytes: usize) -> Self {
        self.options.max_params_bytes = bytes;
        self
    }

    /// How many bytes of a body are held back for a handler that does not read it: 1 MiB by default. See
    /// [the module](self) for what happens then.
    #[must_use]
    pub fn max_held_back(mut self, bytes: usize) -> Self {
        self.options.max_held_back = bytes;
        self
    }

    /// How long a connection waits for a handler to read, when it may not hold back more: 5 s by default;
    /// `None` for ever. See [the module](self).
    #[must_use]
    pub fn body_patience(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.body_patience = limit.into();
        self
    }

    /// How many requests a connection may have in progress at once: 100 by default. With 1, web servers
    /// that ask are told not to multiplex. One more is refused.
    #[must_use]
    pub fn max_requests_per_connection(mut self, most: impl Into<Option<usize>>) -> Self {
        self.options.max_requests = most.into();
        self
    }

    /// How many connections are served at the same time; on one more every request is refused as
    /// overloading us. No limit by default but the operating system's.
    #[must_use]
    pub fn max_connections(mut self, most: impl Into<Option<usize>>) -> Self {
        self.options.max_connections = most.into();
        self
    }

    /// How many handlers may run at the same time, each on a thread of its own; one request more is refused
    /// as overloading us. No limit by default but the operating system's.
    #[must_use]
    pub fn max_threads(mut self, most: impl Into<Option<usize>>) -> Self {
        self.max_threads = most.into();
        self
    }

    /// The stack of the threads on which handlers run, in bytes. The platform's default for new threads
    /// (2 MiB) by default; memory that is never touched costs nothing.
    #[must_use]
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// The IP addresses from which web servers may connect, in place of those that
    /// FCGI_WEB_SERVER_ADDRS names; `None` for any. Of no effect on a Unix socket.
    #[must_use]
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

    /// Serves the connections of a listener that exists already.
    pub fn listen_on(self, listener: Listener) -> Listening {
        Listening::new(self.into_house(), listener)
    }

    /// Serves one connection that exists already, on a thread of its own: one end of
    /// [`testing::stream_pair`](crate::testing::stream_pair), say.
    #[must_use = "the handle is the way to close the connection"]
    pub fn serve_stream(self, stream: Stream) -> ServerHandle {
        ServerHandle::of_stream(self.into_house(), stream)
    }

    fn into_house(self) -> Arc<House> {
        let Self { handler, options, max_threads, stack_size, web_servers } = self;
        let workers = Workers::new(max_threads, stack_size);
        let of_house = HouseOptions {
            max_connections: options.max_connections,
            stack_size: Some(READER_STACK),
            on_state: None,
        };
        let shared = Arc::new(Shared { handler, options, workers });
        House::new(Arc::new(FastCgi { shared, web_servers }), of_house)
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

    fn serve(&self, stream: Stream, remote: Addr, ticket: Arc<Ticket>) {
        Reader::new(Conn::new(Arc::clone(&self.shared), stream, remote, ticket)).run();
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
