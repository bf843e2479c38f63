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
//! | `mod.rs` | the server and its options |
//! | `conn.rs` | one connection: a machine with named states |
//! | `conn/serve.rs` | one request: the handler runs, and what follows is settled |
//! | `reader.rs` | its input: the background read, its abort, the held byte |
//! | `info.rs` | how a handler asks for what it hears of its client |
//! | `body.rs` | the request body, lent and taken back |
//! | `response.rs` | the response on the wire, the hijack |

mod body;
mod conn;
mod continues;
mod info;
#[cfg(all(test, hangup_shuttle))]
mod model;
mod reader;
mod response;
mod slot;

use std::fmt;
use std::io::{self, IoSlice};
use std::net::ToSocketAddrs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::h1::Limits;
use crate::handler::{Handler, Request, ResponseWriter};
use crate::logging as log;
use crate::net::tls::Acceptor;
use crate::net::{Addr, Listener, Stream};
use crate::serving::{ConnGuard, CoreOptions, Protocol, ServerCore, Service, Wake};
use conn::Conn;
use info::ConnInfo;
use response::write_refusal;

pub use crate::serving::{ConnState, Connection, Listening, ServerHandle};

/// The name of the threads that serve connections.
const CONN_THREAD: &str = "hangup-conn";

/// How long nothing may come of a request's body that is waited for, by default, as in nginx: a client
/// that is still there has sent something by then.
const BODY_IDLE: Duration = Duration::from_secs(60);

/// How long a client may take nothing of a response that waits for it, by default, as in nginx.
const WRITE_IDLE: Duration = Duration::from_secs(60);

/// Added to the limit on a request's head, in bytes: a client that keeps to the limit as it counts
/// may count a little less than the server.
const HEAD_SLOP: usize = 4096;

/// How many header fields a request may have by default.
const MAX_HEADERS: usize = 1000;

/// A server that has its handler and its options, and nowhere to listen yet.
pub struct Server {
    shared: Shared,
    core: CoreOptions,
}

/// What the connections of one server share.
struct Shared {
    service: Service,
    options: Options,
}

struct Options {
    read_header_timeout: Option<Duration>,
    read_timeout: Option<Duration>,
    body_idle_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    write_idle_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    max_header_bytes: usize,
    max_headers: usize,
    cancel_on_half_close: bool,
    acceptor: Option<Acceptor>,
    tls_handshake_timeout: Option<Duration>,
}

impl Options {
    fn head_limits(&self) -> Limits {
        Limits {
            max_bytes: self.max_header_bytes.saturating_add(HEAD_SLOP),
            max_fields: self.max_headers,
        }
    }
}

impl Server {
    /// Creates a server that answers with `handler`, a function or closure. A closure needs no types:
    /// `Server::new(|w, r| …)`. For any other [`Handler`] there is [`with_handler`](Self::with_handler).
    ///
    /// The handler runs on the connection's thread, which may have served other connections before: a
    /// thread-local variable is as the last handler there has left it.
    pub fn new<F>(handler: F) -> Self
    where
        F: Fn(&mut ResponseWriter, &mut Request) -> Result<()> + Send + Sync + 'static,
    {
        Self::with_handler(handler)
    }

    /// Creates a server that answers with `handler`: any [`Handler`], and a function as well.
    ///
    /// ```no_run
    /// use hangup::{Handler, Request, ResponseWriter, Result, Server};
    /// use std::io::Write;
    ///
    /// struct Greeter(String);
    ///
    /// impl Handler for Greeter {
    ///     fn handle(&self, w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    ///         Ok(w.write_all(self.0.as_bytes())?)
    ///     }
    /// }
    ///
    /// Server::with_handler(Greeter("hello".into())).listen("127.0.0.1:8080")?.serve()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with_handler(handler: impl Handler) -> Self {
        let options = Options {
            read_header_timeout: Some(Duration::from_secs(10)),
            read_timeout: None,
            body_idle_timeout: Some(BODY_IDLE),
            write_timeout: None,
            write_idle_timeout: Some(WRITE_IDLE),
            idle_timeout: Some(Duration::from_secs(120)),
            max_header_bytes: 1 << 20,
            max_headers: MAX_HEADERS,
            cancel_on_half_close: true,
            acceptor: None,
            tls_handshake_timeout: Some(Duration::from_secs(10)),
        };
        let shared = Shared { service: Service::new(handler), options };
        Self { shared, core: CoreOptions::default() }
    }

    /// How long a client may take over a request's head, from its first byte on; on a new connection
    /// also over that first byte. 10 s by default; `None` for no limit. A connection that runs over
    /// is closed without an answer.
    #[must_use]
    pub fn read_header_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shared.options.read_header_timeout = limit.into();
        self
    }

    /// Sets how long a client may take over a whole request, head and body, from its first byte on. No
    /// limit by default. A connection whose head runs over is closed without an answer. A handler that
    /// reads the body after the limit gets [`TimeLimit::Request`](crate::TimeLimit::Request). It can
    /// move the moment with
    /// [`ResponseWriter::set_read_deadline`](crate::ResponseWriter::set_read_deadline).
    #[must_use]
    pub fn read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shared.options.read_timeout = limit.into();
        self
    }

    /// Sets how long a read of a request's body may wait for the client. 60 s by default; `None` for no
    /// limit. Each read has the whole time, so a client that goes on sending is not cut off. A read
    /// that runs over fails with [`TimeLimit::BodyIdle`](crate::TimeLimit::BodyIdle), and the client
    /// gets a 408 if the handler returns that error. The limit holds beside
    /// [`read_timeout`](Self::read_timeout) and a handler's own deadline: the earliest counts.
    #[must_use]
    pub fn body_idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shared.options.body_idle_timeout = limit.into();
        self
    }

    /// Sets how long a response may wait for a client that takes nothing of it. 60 s by default; `None`
    /// for no limit. Whenever the client has made room for more, the time begins anew. A write that
    /// runs over fails with [`TimeLimit::WriteIdle`](crate::TimeLimit::WriteIdle), and the connection
    /// is closed. The limit holds beside [`write_timeout`](Self::write_timeout) and a handler's own
    /// deadline: the earliest counts.
    #[must_use]
    pub fn write_idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shared.options.write_idle_timeout = limit.into();
        self
    }

    /// How long sending a response may take, from the end of its request's head on. No limit by
    /// default. A handler can move the moment with
    /// [`ResponseWriter::set_write_deadline`](crate::ResponseWriter::set_write_deadline).
    #[must_use]
    pub fn write_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shared.options.write_timeout = limit.into();
        self
    }

    /// How long a connection may wait for its next request. 120 s by default; `None` for no limit.
    #[must_use]
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shared.options.idle_timeout = limit.into();
        self
    }

    /// Encrypts every connection with TLS (RFC 8446), and answers a client that speaks plain HTTP with
    /// 400. Certificates are renewed by [`Acceptor::replace`](crate::tls::Acceptor::replace), on a
    /// clone of the acceptor. No TLS by default.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, acceptor: Acceptor) -> Self {
        self.shared.options.acceptor = Some(acceptor);
        self
    }

    /// How long a client may take over the TLS handshake, which is made on its connection's thread.
    /// 10 s by default; `None` for no limit.
    #[must_use]
    pub fn tls_handshake_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shared.options.tls_handshake_timeout = limit.into();
        self
    }

    /// How many bytes a request's head may have: 1 MiB by default, to which 4 KiB are added. A
    /// larger one is answered with 431.
    #[must_use]
    pub fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.shared.options.max_header_bytes = bytes;
        self
    }

    /// Sets how many header fields a request may have: 1000 by default. A request with more is
    /// answered with 431. No request can have more than 24576 different ones.
    #[must_use]
    pub fn max_headers(mut self, fields: usize) -> Self {
        self.shared.options.max_headers = fields;
        self
    }

    /// Limits how many connections are served at the same time. For one more, the connection that has
    /// waited longest for its next request is closed. A new connection without a request counts as
    /// waiting after one second. If none waits, the new connection is answered with 503 and closed. By
    /// default only the operating system limits them.
    #[must_use]
    pub fn max_connections(mut self, most: impl Into<Option<usize>>) -> Self {
        self.core.max_connections = most.into();
        self
    }

    /// Whether a client that closes its sending side while it waits for the answer has gone away, so
    /// that the request's context ends. It does by default, since most clients that are gone look
    /// like that; the answer is sent to it either way.
    #[must_use]
    pub fn cancel_on_half_close(mut self, is: bool) -> Self {
        self.shared.options.cancel_on_half_close = is;
        self
    }

    /// The stack of a connection's thread, in bytes, on which the handler runs. The platform's
    /// default for new threads (2 MiB) by default; memory that is never touched costs nothing.
    #[must_use]
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.core.stack_size = Some(bytes);
        self
    }

    /// Has `callback` called with each state that a connection enters, on that connection's thread
    /// ([`ConnState::New`] on the accepting one). If it panics, that is logged.
    #[must_use]
    pub fn on_connection_state(
        mut self,
        callback: impl Fn(&Connection, ConnState) + Send + Sync + 'static,
    ) -> Self {
        self.core.on_state = Some(Box::new(callback));
        self
    }

    /// Sets the function that turns an error into the answer: JSON problem details, say, or a page.
    ///
    /// It is called with the error, the status that the error is answered with, and the request:
    ///
    /// | error | status |
    /// | --- | --- |
    /// | the request's own body failed | 400, 408, 413 or 431; not called if the client has gone |
    /// | made by [`Error::status`] or of a bare `StatusCode` | that one |
    /// | any other that the handler returned | 500 |
    /// | the server refuses the request | the one it refuses with: 400, 417, 431, 501, 503, 505 … |
    ///
    /// The response's own status is sent, so the function may choose another. Only errors made by
    /// [`Error::status`] are meant for the client: the texts of others may tell secrets. A request
    /// that was refused may be empty, if its head could not be read, and has no body. Without this,
    /// an error is answered with a line of text.
    ///
    /// The function is not called once the response's head was sent, nor for a panic. If it panics,
    /// the connection is closed without an answer.
    ///
    /// ```
    /// use hangup::{Error, Request, Server};
    /// use http::StatusCode;
    ///
    /// let server = Server::new(hangup::respond(|_| Err(StatusCode::NOT_FOUND.into()))).on_error(
    ///     |_: &Error, status: StatusCode, _: &Request| {
    ///         let problem = format!(r#"{{"status": {}}}"#, status.as_u16());
    ///         let response = http::Response::builder().status(status);
    ///         response.header("content-type", "application/problem+json").body(problem).unwrap()
    ///     },
    /// );
    /// # drop(server);
    /// ```
    #[must_use]
    pub fn on_error<B: Into<Body>>(
        mut self,
        hook: impl Fn(&Error, StatusCode, &Request) -> http::Response<B> + Send + Sync + 'static,
    ) -> Self {
        self.shared.service.set_on_error(hook);
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

    /// Serves the connections of a listener that exists already: one of the standard library's, or a
    /// [`Listener`], which also takes over inherited sockets.
    ///
    /// If a socket of the standard library's cannot be taken over, [`serve`](Listening::serve) reports
    /// that.
    ///
    /// ```no_run
    /// # use hangup::{Request, ResponseWriter, Server, net::Listener};
    /// # let handler = |_: &mut ResponseWriter, _: &mut Request| Ok(());
    /// let listener = std::net::TcpListener::bind("127.0.0.1:8080")?;
    /// Server::new(handler).listen_on(listener).serve()?;
    ///
    /// // A socket that the process was started with.
    /// Server::new(handler).listen_on(Listener::inherited(3)?).serve()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
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
        ServerCore::new(Arc::new(Http(Arc::new(self.shared))), self.core)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

/// HTTP/1.1, as it is served.
struct Http(Arc<Shared>);

impl Protocol for Http {
    fn thread_name(&self) -> &'static str {
        CONN_THREAD
    }

    fn scheme(&self) -> &'static str {
        if self.0.options.acceptor.is_some() { "https" } else { "http" }
    }

    /// Adds TLS, if the server has it. The handshake is left to the connection's thread.
    fn prepare(&self, stream: Stream, remote: &Addr) -> Option<Stream> {
        let Some(acceptor) = &self.0.options.acceptor else { return Some(stream) };
        let encrypted = acceptor.begin(stream);
        encrypted.inspect_err(|error| log::error!("{remote}: {error}")).ok()
    }

    fn serve(&self, stream: Stream, remote: Addr, guard: Arc<ConnGuard>) {
        let info = ConnInfo { remote, tls: None };
        let refused = guard.is_refused();
        let conn = Conn::new(Arc::clone(&self.0), stream, info, guard);
        match refused {
            true => conn.turn_away(),
            false => conn.run(),
        }
    }

    fn wake(&self) -> Wake {
        Stream::look_again
    }

    fn reject(&self, stream: &Stream) {
        let mut answer = Vec::new();
        let text = "no room for another connection\n";
        write_refusal(&mut answer, StatusCode::SERVICE_UNAVAILABLE, text, false);
        let _ = stream.try_write_vectored(&[IoSlice::new(&answer)]);
        // What the client has sent already must not turn the close into a reset.
        let _ = stream.try_read(&mut [0; 4096]);
    }
}
