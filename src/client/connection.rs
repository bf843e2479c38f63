//! One connection, managed by hand.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, Uri};

use super::Client;
use super::conn::Conn;
use super::core::ClientCore;
use super::hop::HopRequest;
use super::observe::CallEvent;
use super::options::CallOptions;
use super::request::RequestBuilder;
use super::session;
use super::url::{IntoUrl, Url};
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::h1::CloseReason;
use crate::net::{Addr, TlsInfo};

/// One connection that its owner manages: made, looked at, used, and given back or closed.
///
/// [`Client::connect`] makes one with the options of the client, and [`RequestBuilder::connect`] with those
/// of a call: its proxies, connector, resolver, dialer and observers.
///
/// ```no_run
/// use hangup::{Client, ResponseExt, http::Request};
///
/// let client = Client::new();
/// let connection = client.connect("https://example.com")?;
/// println!("connected to {}", connection.remote_addr());
/// let mut response = connection.send(Request::get("/").body("")?)?;
/// println!("{}: {}", response.status(), response.text()?);
/// if connection.is_open() {
///     connection.give_back();
/// }
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Round trips
///
/// [`send`](Self::send) makes one exchange. It follows no redirect, keeps no cookies, retries nothing, and
/// runs no middleware. The client's default headers and time limits apply. One exchange takes place at a
/// time: the response has to be read to its end, or dropped, before the next request. A response that is
/// dropped with much of its body unread closes the connection.
///
/// # The pool
///
/// The connection is new, and no other call uses it. It does not count as one of
/// [`max_connections_per_host`](super::ClientBuilder::max_connections_per_host), and
/// [`idle_timeout`](super::ClientBuilder::idle_timeout) does not close it. A timeout that the server
/// announces does. After [`give_back`](Self::give_back) it is one of the client's connections.
///
/// Dropping the value closes the connection. A response that is still being read stays readable; the
/// connection is closed at its end.
pub struct Connection {
    core: Arc<ClientCore>,
    conn: Conn,
    /// The URL that the connection was made for.
    base: Url,
    options: CallOptions,
}

impl Client {
    /// Makes a new connection to the host of `url`, to be managed by hand.
    ///
    /// # Errors
    ///
    /// As [`RequestBuilder::connect`].
    ///
    /// # Blocking
    ///
    /// As [`RequestBuilder::connect`].
    pub fn connect(&self, url: impl IntoUrl) -> Result<Connection> {
        self.get(url).connect()
    }
}

impl RequestBuilder {
    /// Makes a new connection for this request, to be managed by hand. Nothing is sent. The options of this
    /// builder become those of each [`send`](Connection::send). Its method, headers and body are not used.
    ///
    /// # Errors
    ///
    /// * An invalid URL, option, or an unsupported scheme.
    /// * No connection was made.
    /// * A time limit ran out, or the context ended.
    ///
    /// # Blocking
    ///
    /// Until the connection is made, its TLS handshake and its tunnel included. The [context](Self::context)
    /// ends it, and so do the time limits.
    pub fn connect(self) -> Result<Connection> {
        let Self { core, parts, url, options, .. } = self.checked()?;
        let base = url?;
        let mut call = options.clone();
        call.begin();
        let hop = HopRequest::new(parts, base, Body::empty(), &core.defaults.fields);
        let trace = call.trace();
        if let Some(trace) = trace {
            trace.show(&CallEvent::Begun { method: &hop.parts.method, url: hop.url.uri() });
        }
        let conn = core.transport.connect(&hop, &call).inspect_err(|error| {
            if let Some(trace) = trace {
                trace.show(&CallEvent::Failed { error });
            }
        })?;
        let base = hop.url;
        Ok(Connection { core, conn, base, options })
    }
}

impl Connection {
    /// Sends a request and returns the response once its head has come, whatever its status is.
    ///
    /// The URI may be a path, as in `Request::get("/x")`, or a URL of the connection's host. A
    /// [`Context`](crate::Context) in the request's extensions becomes the context of the call.
    ///
    /// # Errors
    ///
    /// * [`Misuse`](ErrorKind::Misuse): the URI is of another host, the earlier response has not been read
    ///   to its end, or the connection has left HTTP (after a 101).
    /// * [`Send`](ErrorKind::Send): the connection is closed. Nothing was sent.
    /// * As [`RequestBuilder::send`]. The connection is closed then, unless the request was invalid.
    ///
    /// # Blocking
    ///
    /// As [`RequestBuilder::send`].
    pub fn send(&self, request: Request<impl Into<Body>>) -> Result<Response<Body>> {
        let (mut parts, body) = request.into_parts();
        let url = self.resolve(std::mem::take(&mut parts.uri))?;
        let mut call = self.options.clone();
        if let Some(context) = parts.extensions.remove() {
            call.context = Some(context);
        }
        call.begin();
        let mut hop = HopRequest::new(parts, url, body.into(), &self.core.defaults.fields);
        session::run(&mut hop, None, |hop| self.core.transport.send_over(&self.conn, hop, &call))
    }

    /// Returns the URL of a request's URI.
    fn resolve(&self, uri: Uri) -> Result<Url> {
        let uri = match uri.authority() {
            Some(_) => uri,
            None => {
                let path = uri.path_and_query().map_or("/", |path| path.as_str());
                let mut parts = self.base.uri().clone().into_parts();
                parts.path_and_query = Some(path.parse()?);
                Uri::from_parts(parts).map_err(http::Error::from)?
            }
        };
        let mut url = Url::of_uri(uri)?;
        url.inherit(&self.base);
        match url.is_same_origin(&self.base) {
            true => Ok(url),
            false => {
                let message =
                    format!("{} is not a URL of the connection to {}", url.uri(), self.base.uri());
                Err(Error::message(ErrorKind::Misuse, message))
            }
        }
    }

    /// Returns `true` if the connection is open as far as can be known: neither side has closed it, and
    /// while it is idle nothing unexpected has arrived. The server may close it at any time.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.conn.is_open()
    }

    /// Returns `true` if the connection is open and the response to the last request has been read.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.conn.is_ready() && self.conn.is_open()
    }

    /// Returns how long the connection has been idle, to within 20 ms; `None` while a response is unread
    /// and once the connection is closed.
    #[must_use]
    pub fn idle_for(&self) -> Option<Duration> {
        self.conn.idle_for()
    }

    /// Returns the number of requests that were begun on the connection.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.conn.exchanges()
    }

    /// Returns the address that the connection leads to: the server's or its proxy's.
    #[must_use]
    pub fn remote_addr(&self) -> &Addr {
        &self.conn.facts().remote
    }

    /// Returns the client's address.
    #[must_use]
    pub fn local_addr(&self) -> &Addr {
        &self.conn.facts().local
    }

    /// Returns the facts of the TLS session with the server; `None` without TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.conn.facts().tls.as_ref()
    }

    /// Gives the connection to the client, for any of its calls. If a response is still being read, the
    /// client has it after that. It is closed if it cannot be used again, or if the client has as many
    /// connections as it may.
    pub fn give_back(self) {
        self.core.transport.give_back(&self.conn);
    }

    /// Closes the connection, also if a response is still being read.
    pub fn close(self) {
        self.conn.close(Error::new(ErrorKind::Closed), CloseReason::Cancelled);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.conn.leave();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("url", self.base.uri())
            .field("remote", self.remote_addr())
            .field("open", &self.is_open())
            .field("requests", &self.requests())
            .finish_non_exhaustive()
    }
}
