//! The server: one thread per connection, and handlers that notice when their client goes away.
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

mod body;
mod conn;
mod continues;
mod date;
mod info;
mod interim;
#[cfg(all(test, hangup_shuttle))]
mod model;
mod options;
mod reader;
mod response;
mod slot;

use std::fmt;
use std::io::{self, IoSlice};
use std::net::ToSocketAddrs;
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::error::{Error, Result};
use crate::handler::{Handler, IntoResponse, Request, ResponseOutcome, ResponseWriter};
use crate::logging as log;
use crate::net::{Addr, Listener, Network, Stream};
use crate::serving::{ConnGuard, CoreOptions, Protocol, ServerCore, Service, Wake};
use conn::Conn;
use info::ConnInfo;
use options::{Options, Shared};
use response::write_refusal;

pub use crate::serving::{
    ConnState, Connection, Connections, Group, GroupHandle, Histogram, Listening, Requests,
    ServerHandle, Snapshot, Stats, Timeouts,
};

/// The name of the threads that serve connections.
const CONN_THREAD: &str = "hangup-conn";

/// A configured server that is not listening yet.
///
/// [`new`](Self::new) and [`with_handler`](Self::with_handler) create it. The other methods set options, and
/// [`listen`](Self::listen) binds an address. [`Listening::serve`] then accepts connections and runs the
/// handler on a thread per connection.
///
/// ```no_run
/// use hangup::Server;
/// use std::io::Write;
/// use std::time::Duration;
///
/// let listening = Server::new(|w, r| Ok(writeln!(w, "hello {}", r.uri().path())?))
///     .idle_timeout(Duration::from_secs(60))
///     .max_connections(1000)
///     .listen("127.0.0.1:8080")?;
/// let handle = listening.handle(); // shuts the server down from any thread
/// listening.serve()?;
/// # drop(handle);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "nothing is served before `listen`"]
pub struct Server {
    shared: Shared,
    core: CoreOptions,
}

impl Server {
    /// Creates a server with a handler that is a function or closure. The compiler infers a closure's
    /// parameter types: `Server::new(|w, r| …)`. [`with_handler`](Self::with_handler) takes any other
    /// [`Handler`].
    ///
    /// The handler runs on the connection's thread, which may have served other connections before. A
    /// thread-local variable keeps the value that the last handler on the thread has left.
    pub fn new<F>(handler: F) -> Self
    where
        F: Fn(&mut ResponseWriter, &mut Request) -> Result<()> + Send + Sync + 'static,
    {
        Self::with_handler(handler)
    }

    /// Creates a server with any [`Handler`]: a struct, an `Arc`, or a handler with
    /// [layers](crate::HandlerExt) around it.
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
        let shared = Shared { service: Service::new(handler), options: Options::default() };
        Self { shared, core: CoreOptions::default() }
    }

    /// Sets how long a client may take to send a request's head, from its first byte. On a new connection,
    /// the wait for the first byte has the same limit. 10 s by default; `None` for no limit. The server
    /// closes a connection that takes longer, without a response.
    pub fn read_header_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shared.options.read_header_timeout = limit.into();
        self
    }

    /// Sets how long a client may take to send a whole request, head and body, from its first byte. No
    /// limit by default. The server closes a connection whose head takes longer, without a response. A
    /// handler that reads the body after the limit gets
    /// [`TimeLimit::Request`](crate::TimeLimit::Request). It can set another deadline with
    /// [`ResponseWriter::set_read_deadline`](crate::ResponseWriter::set_read_deadline).
    pub fn read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shared.options.read_timeout = limit.into();
        self
    }

    /// Sets how long a read of a request's body may wait for the client. 60 s by default; `None` for no
    /// limit. Each read has the whole time, so a client that keeps sending is not cut off. A read that
    /// takes longer fails with [`TimeLimit::BodyIdle`](crate::TimeLimit::BodyIdle). The client gets a 408
    /// if the handler returns that error. [`read_timeout`](Self::read_timeout) and a handler's own deadline
    /// apply as well: the earliest counts.
    pub fn body_idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shared.options.body_idle_timeout = limit.into();
        self
    }

    /// Sets how long a response may wait for a client that reads nothing of it. 60 s by default; `None` for
    /// no limit. The time restarts whenever the client has made room for more. A write that takes longer
    /// fails with [`TimeLimit::WriteIdle`](crate::TimeLimit::WriteIdle), and the connection is closed.
    /// [`write_timeout`](Self::write_timeout) and a handler's own deadline apply as well: the earliest
    /// counts.
    pub fn write_idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shared.options.write_idle_timeout = limit.into();
        self
    }

    /// Sets how long sending a response may take, from the end of its request's head. No limit by default.
    /// A handler can set another deadline with
    /// [`ResponseWriter::set_write_deadline`](crate::ResponseWriter::set_write_deadline).
    pub fn write_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shared.options.write_timeout = limit.into();
        self
    }

    /// Sets how long a connection may wait for its next request. 120 s by default; `None` for no limit.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shared.options.idle_timeout = limit.into();
        self
    }

    /// Encrypts every connection with TLS (RFC 8446). No TLS by default.
    ///
    /// A client that speaks plain HTTP gets a 400. [`Acceptor::replace`](crate::tls::Acceptor::replace) on
    /// a clone of the acceptor renews the certificates.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, acceptor: crate::net::tls::Acceptor) -> Self {
        self.shared.options.acceptor = Some(acceptor);
        self
    }

    /// Sets how long the TLS handshake may take, which runs on the connection's thread. 10 s by default;
    /// `None` for no limit.
    pub fn tls_handshake_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.shared.options.tls_handshake_timeout = limit.into();
        self
    }

    /// Expects the header of the PROXY protocol, version 1 or 2, on each connection from these networks. No
    /// network by default.
    ///
    /// A load balancer that does not speak HTTP passes on the client's address with it. The addresses in
    /// the header become the request's [`remote_addr`](crate::RequestExt::remote_addr) and
    /// [`local_addr`](crate::RequestExt::local_addr). If the client spoke TLS with the load balancer,
    /// [`is_https`](crate::RequestExt::is_https) returns `true`.
    ///
    /// The header stands before everything else, also before TLS, and has
    /// [`read_header_timeout`](Self::read_header_timeout) to arrive. A connection from these networks
    /// without a valid header is closed. On connections from other networks a header is not expected, and
    /// is malformed HTTP.
    ///
    /// ```
    /// # use hangup::{Request, ResponseWriter, Server};
    /// # let handler = |_: &mut ResponseWriter, _: &mut Request| Ok(());
    /// let balancers = ["10.0.0.0/8".parse()?, "fd00::/8".parse()?];
    /// let server = Server::new(handler).proxy_protocol(balancers);
    /// # drop(server);
    /// # Ok::<(), hangup::net::NetworkError>(())
    /// ```
    pub fn proxy_protocol(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.shared.options.proxies = networks.into_iter().collect();
        self
    }

    /// Sets how many bytes a request's head may have: 1 MiB by default. The server adds 4 KiB to the limit.
    /// The response to a larger head is a 431 (Request Header Fields Too Large).
    pub fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.shared.options.max_header_bytes = bytes;
        self
    }

    /// Sets how many header fields a request may have: 1000 by default. The response to a request with
    /// more fields is a 431 (Request Header Fields Too Large). No request can have more than 24576
    /// different fields.
    pub fn max_headers(mut self, fields: usize) -> Self {
        self.shared.options.max_headers = fields;
        self
    }

    /// Limits the number of connections. By default only the operating system limits it.
    ///
    /// For a connection beyond the limit, the server closes the one that has been idle longest. A new
    /// connection that has sent no request counts as idle after 1 s. If none is idle, the connection beyond
    /// the limit gets a 503 (Service Unavailable) and is closed.
    pub fn max_connections(mut self, most: impl Into<Option<usize>>) -> Self {
        self.core.max_connections = most.into();
        self
    }

    /// Sets whether a request's context ends when its client closes its sending side while it waits for the
    /// response. `true` by default, since most clients that are gone look like that. The response is sent
    /// in both cases.
    pub fn cancel_on_half_close(mut self, is: bool) -> Self {
        self.shared.options.cancel_on_half_close = is;
        self
    }

    /// Sets the stack size of a connection's thread, in bytes. The handler runs on it. By default that is
    /// the platform's default for new threads (2 MiB). Memory that is never touched costs nothing.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.core.stack_size = Some(bytes);
        self
    }

    /// Sets a callback for each state that a connection enters. It runs on the connection's thread, for
    /// [`ConnState::New`] on the accepting thread. A panic in it is logged.
    pub fn on_connection_state(
        mut self,
        callback: impl Fn(&Connection, ConnState) + Send + Sync + 'static,
    ) -> Self {
        self.core.on_state = Some(Box::new(callback));
        self
    }

    /// Counts in `stats`, which a handler can show, and which several servers can share. By default the
    /// server counts on its own, for [`ServerHandle::stats`], and does not measure the time of handlers.
    pub fn stats(mut self, stats: &Stats) -> Self {
        self.core.stats = Some(stats.clone());
        self
    }

    /// Sets the function that turns an error into a response, with JSON problem details or a page for
    /// example.
    ///
    /// It is called with the error, the status of the response, and the request:
    ///
    /// | error | status |
    /// | --- | --- |
    /// | the request's own body failed | 400, 408, 413 or 431; not called if the client has gone away |
    /// | made by [`Error::status`], or from a `StatusCode` | that status |
    /// | any other error that the handler returned | 500 |
    /// | the server refuses the request | 400, 417, 431, 501, 503, 505 and others |
    ///
    /// The function returns anything that is a [response](IntoResponse). Its status is sent, so it may choose
    /// another. Only errors made by
    /// [`Error::status`] are meant for the client: the texts of others may contain secrets. A refused
    /// request has no body. If its head was not read, it has no headers, its method is `-`, and its URI is `-`,
    /// whose path is empty. No request whose head was read has both: a path is empty only with CONNECT.
    /// Without this function, the response to an error is a line of text.
    ///
    /// The function is not called once the response's head was sent, nor for a panic. If it panics, the
    /// connection is closed without a response.
    ///
    /// # Blocking
    ///
    /// The function runs on the connection's thread. The response waits until it has returned.
    ///
    /// ```
    /// use hangup::{Error, Request, Server};
    /// use http::StatusCode;
    ///
    /// let server = Server::new(|_, _| Err(StatusCode::NOT_FOUND.into())).on_error(
    ///     |_: &Error, status: StatusCode, _: &Request| {
    ///         let problem = format!(r#"{{"status": {}}}"#, status.as_u16());
    ///         (status, [("content-type", "application/problem+json")], problem)
    ///     },
    /// );
    /// # drop(server);
    /// ```
    pub fn on_error<T: IntoResponse>(
        mut self,
        hook: impl Fn(&Error, StatusCode, &Request) -> T + Send + Sync + 'static,
    ) -> Self {
        self.shared.service.set_on_error(hook);
        self
    }

    /// Sets a function that is called after each response that the server makes without the handler: to a
    /// request that it refuses, and to `OPTIONS *`. It gets the outcome and the client's address.
    /// [`AccessLog::refusals`](crate::layers::AccessLog::refusals) is such a function.
    ///
    /// A request whose head was not read has no headers, the method `-`, and the URI `-`, whose path is empty.
    /// No request whose head was read has both: a path is empty only with CONNECT. A panic of the function is
    /// logged.
    ///
    /// # Blocking
    ///
    /// The function runs on the connection's thread. The connection is not closed, and its next request not
    /// read, until the function has returned.
    pub fn on_refused(
        mut self,
        hook: impl Fn(&ResponseOutcome<'_>, &Addr) + Send + Sync + 'static,
    ) -> Self {
        self.shared.service.set_on_refused(hook);
        self
    }

    /// Listens on a TCP address. Clients can connect from now on. They are served once
    /// [`serve`](Listening::serve) runs.
    ///
    /// # Errors
    ///
    /// The operating system's error, for example if the address is in use or belongs to another machine.
    pub fn listen(self, addr: impl ToSocketAddrs) -> io::Result<Listening> {
        Ok(self.listen_on(Listener::bind_tcp(addr)?))
    }

    /// Listens on a Unix socket. Replaces a socket file on which no process listens.
    ///
    /// # Errors
    ///
    /// The operating system's error, for example if another process listens on the socket.
    #[cfg(unix)]
    pub fn listen_unix(self, path: impl AsRef<Path>) -> io::Result<Listening> {
        Ok(self.listen_on(Listener::bind_unix(path)?))
    }

    /// Uses an existing listener: one of the standard library, or a [`Listener`], which also takes over
    /// inherited sockets.
    ///
    /// [`serve`](Listening::serve) reports an error if a socket of the standard library cannot be used.
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

    /// Serves one existing connection on a separate thread, such as one end of
    /// [`testing::stream_pair`](crate::testing::stream_pair).
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

/// HTTP/1.1 as the protocol of a server.
struct Http(Arc<Shared>);

impl Protocol for Http {
    fn thread_name(&self) -> &'static str {
        CONN_THREAD
    }

    fn scheme(&self) -> &'static str {
        if self.0.options.acceptor.is_some() { "https" } else { "http" }
    }

    /// Wraps the connection in TLS, if the server uses TLS. The connection's thread makes the handshake.
    fn prepare(&self, stream: Stream, remote: &Addr) -> Option<Stream> {
        let Some(acceptor) = &self.0.options.acceptor else { return Some(stream) };
        let encrypted = acceptor.begin(stream);
        encrypted.inspect_err(|error| log::error!("{remote}: {error}")).ok()
    }

    fn serve(&self, stream: Stream, remote: Addr, guard: Arc<ConnGuard>) {
        let info = ConnInfo { remote, local: None, tls: None, behind_tls: false };
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
        let mut response = Vec::new();
        let text = "no room for another connection\n";
        write_refusal(&mut response, StatusCode::SERVICE_UNAVAILABLE, text, false);
        let _ = stream.try_write_vectored(&[IoSlice::new(&response)]);
        // Unread input would turn the close into a reset.
        let _ = stream.try_read(&mut [0; 4096]);
    }
}
