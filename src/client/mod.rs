//! The client: blocking calls that any thread can give up.
//!
//! ```no_run
//! use hangup::{Client, Context};
//! use std::{fs::File, io, time::Duration};
//!
//! let client = Client::new();
//! let call = Context::with_timeout(Duration::from_secs(5));
//! let url = "http://example.com/big.iso";
//! let mut response = client.put(url).context(&call).body(File::open("big.iso")?).send()?;
//! io::copy(response.body_mut(), &mut io::stdout())?;
//! # Ok::<(), hangup::Error>(())
//! ```
//!
//! In reading order:
//!
//! | file | what it holds |
//! | --- | --- |
//! | `mod.rs` | the client and its options |
//! | `request.rs` | a request as it is put together |
//! | `call.rs` | a call: a request, and those that follow its redirects |
//! | `response.rs` | what a response knows of how it came |
//! | `raw_head.rs` | a response's head as the server sent it |
//! | `redirect.rs` | which redirects are followed, and what goes along: pure functions |
//! | `url.rs`, `url/` | a URL, read once: everything derived from it comes from here |
//! | `target.rs` | what connections are pooled by, and where they lead |
//! | `fields.rs` | a request's own header fields over the client's defaults |
//! | `outgoing.rs` | a request as it goes out: its framing, and its head, written |
//! | `transport.rs` | one request, one answer: connection, exchange, retry |
//! | `retry.rs` | may a request be sent again: a pure function |
//! | `connect.rs` | what runs on a dialling thread: dial, TLS handshake, the report |
//! | `pool.rs`, `want.rs` | idle connections, dials, limits, waiting calls: plain data; a pending request for a connection |
//! | `conn/` | a connection's three parties: caller, reader loop, writer loop |

mod call;
mod conn;
mod connect;
mod fields;
mod outgoing;
mod pool;
mod raw_head;
mod redirect;
mod request;
mod response;
mod retry;
mod target;
mod transport;
mod url;
mod want;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, TRANSFER_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};

use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::h1;
use crate::net::tls::Connector;
use crate::net::{DialOptions, Resolver};
use fields::{DefaultFields, read_field, transfer_encoding};
use transport::{Transport, TransportOptions};

pub use fields::IntoHeaderName;
pub use raw_head::RawHead;
pub use redirect::RedirectPolicy;
pub use request::RequestBuilder;
pub use response::{ResponseExt, Timings};
pub use url::IntoUrl;

/// The User-Agent of requests that set none.
const OUR_NAME: &str = concat!("hangup/", env!("CARGO_PKG_VERSION"));

/// How many header fields a response may have by default: some servers send thousands of
/// `Set-Cookie`.
const MAX_RESPONSE_HEADERS: usize = 5000;

/// Sends requests, over connections that it keeps.
///
/// Cloning is cheap, and clones share their connections; so does every thread that borrows one. When
/// the last clone is dropped, idle connections are closed; responses that are still being read are
/// read to their end.
///
/// # Threads
///
/// Each connection has a thread that reads from it; one that streams a request body has another that
/// writes. Both end within milliseconds of the connection.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    transport: Transport,
    defaults: Defaults,
}

/// What a request starts out with.
#[derive(Clone)]
struct Defaults {
    fields: DefaultFields,
    redirects: RedirectPolicy,
    timeouts: Timeouts,
    /// What makes encrypted connections, where there is TLS.
    connector: Option<Connector>,
    /// The first thing that was wrong with the options.
    error: Option<Error>,
}

/// The time limits of a call.
#[derive(Clone, Copy, Debug, Default)]
struct Timeouts {
    call: Option<Duration>,
    send: Option<Duration>,
    response_head: Option<Duration>,
    idle_read: Option<Duration>,
}

impl Client {
    /// Creates a client with the default options.
    pub fn new() -> Self {
        ClientBuilder::default().build()
    }

    /// Returns a builder with the default options.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Creates a request. [`send`](RequestBuilder::send) reports an invalid URL.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder<'_> {
        RequestBuilder::new(&self.shared, method, url.into_url())
    }

    /// Creates a GET request.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::GET, url)
    }

    /// Creates a HEAD request. The response has no body.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::HEAD, url)
    }

    /// Creates a POST request.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::POST, url)
    }

    /// Creates a PUT request.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::PUT, url)
    }

    /// Creates a PATCH request.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::PATCH, url)
    }

    /// Creates a DELETE request.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder<'_> {
        self.request(Method::DELETE, url)
    }

    /// Creates a request from one that was built elsewhere, so that it can be given a context, time
    /// limits and other options of a call.
    ///
    /// ```no_run
    /// # use hangup::{Client, Context, http::Request};
    /// # use std::time::Duration;
    /// let client = Client::new();
    /// let context = Context::with_timeout(Duration::from_secs(5));
    /// let request = Request::put("http://example.com/").body("text").unwrap();
    /// let response = client.prepare(request).context(&context).send()?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn prepare(&self, request: http::Request<impl Into<Body>>) -> RequestBuilder<'_> {
        RequestBuilder::from_request(&self.shared, request.map(Into::into))
    }

    /// Sends a request that was built elsewhere, with the client's defaults.
    ///
    /// A [`Context`](crate::Context) in the request's extensions ends the call. [`prepare`](Self::prepare)
    /// takes further options.
    ///
    /// # Errors
    ///
    /// As [`RequestBuilder::send`].
    ///
    /// # Blocking
    ///
    /// As [`RequestBuilder::send`].
    pub fn execute(&self, request: http::Request<impl Into<Body>>) -> Result<http::Response<Body>> {
        self.prepare(request).send()
    }

    /// Closes the connections that wait for their next use. Those in use are not touched.
    pub fn close_idle_connections(&self) {
        self.shared.transport.close_idle();
    }

    /// How many calls wait for a connection: for one to be made, or to come free.
    #[must_use]
    pub fn waiting_calls(&self) -> usize {
        self.shared.transport.waiting()
    }

    /// How many connections wait for their next use.
    #[must_use]
    pub fn idle_connections(&self) -> usize {
        self.shared.transport.idle()
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("idle_connections", &self.idle_connections()).finish()
    }
}

/// The options of a [`Client`]. Each method tells its default.
#[must_use = "nothing is made before `build`"]
pub struct ClientBuilder {
    headers: HeaderMap,
    defaults: Defaults,
    limits: pool::Limits,
    dial: DialOptions,
    tls_timeout: Option<Duration>,
    unix: Option<Arc<Path>>,
    response_limits: h1::Limits,
    expect_timeout: Duration,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(OUR_NAME));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        Self {
            headers,
            defaults: Defaults {
                fields: DefaultFields::default(),
                redirects: RedirectPolicy::default(),
                timeouts: Timeouts::default(),
                connector: Connector::of_default(),
                error: None,
            },
            limits: pool::Limits::default(),
            dial: DialOptions::default(),
            tls_timeout: Some(Duration::from_secs(10)),
            unix: None,
            response_limits: h1::Limits { max_bytes: 1 << 20, max_fields: MAX_RESPONSE_HEADERS },
            expect_timeout: Duration::from_secs(1),
        }
    }
}

impl ClientBuilder {
    /// Adds a header that requests have unless they set it themselves, replacing a default of the same
    /// name. The defaults are `User-Agent: hangup/VERSION` and `Accept: */*`;
    /// [`no_default_headers`](Self::no_default_headers) removes them.
    ///
    /// A name or a value that is not allowed is reported by every [`send`](RequestBuilder::send).
    pub fn default_header<V>(mut self, name: impl IntoHeaderName, value: V) -> Self
    where
        V: TryInto<HeaderValue>,
    {
        let field =
            read_field(name, value).and_then(|(name, value)| match name == TRANSFER_ENCODING {
                true => Err(transfer_encoding()),
                false => Ok((name, value)),
            });
        match field {
            Ok((name, value)) => {
                self.headers.insert(name, value);
            }
            Err(error) => {
                self.defaults.error.get_or_insert(error);
            }
        }
        self
    }

    /// Sets the `User-Agent` of requests that set none themselves. `hangup/VERSION` by default.
    ///
    /// A value that is not allowed is reported by every [`send`](RequestBuilder::send).
    pub fn user_agent<V>(self, value: V) -> Self
    where
        V: TryInto<HeaderValue>,
    {
        self.default_header(USER_AGENT, value)
    }

    /// Removes all default headers.
    pub fn no_default_headers(mut self) -> Self {
        self.headers.clear();
        self
    }

    /// Sets the redirect policy. The default follows up to 10.
    pub fn redirects(mut self, policy: RedirectPolicy) -> Self {
        self.defaults.redirects = policy;
        self
    }

    /// How long a whole call may take, from `send` to the end of the response's body. No limit by
    /// default.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.defaults.timeouts.call = limit.into();
        self
    }

    /// How long resolving the host and connecting may take together. 30 s by default.
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.dial.connect_timeout = limit.into();
        self
    }

    /// What makes the connections of `https` URLs: whom it trusts, and who it says it is. By default a
    /// [`Connector`] that trusts what the platform does. A request can have [another
    /// one](RequestBuilder::tls).
    #[cfg(feature = "tls")]
    pub fn tls(mut self, connector: Connector) -> Self {
        self.defaults.connector = Some(connector);
        self
    }

    /// How long the TLS handshake may take, beyond connecting. 10 s by default.
    pub fn tls_handshake_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.tls_timeout = limit.into();
        self
    }

    /// How long writing a request may take. No limit by default.
    pub fn send_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.defaults.timeouts.send = limit.into();
        self
    }

    /// How long the peer may take from the request's last byte to the head of its answer. No limit
    /// by default.
    pub fn response_head_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.defaults.timeouts.response_head = limit.into();
        self
    }

    /// How long the peer may be silent within a response's body. No limit by default.
    pub fn idle_read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.defaults.timeouts.idle_read = limit.into();
        self
    }

    /// How long a request with `Expect: 100-continue` waits for the 100 before it sends its body
    /// anyway. 1 s by default.
    pub fn expect_continue_timeout(mut self, limit: Duration) -> Self {
        self.expect_timeout = limit;
        self
    }

    /// How many connections may be idle in all: 100 by default. Beyond, the one that has been idle
    /// longest is closed. With 0 none is kept.
    pub fn max_idle_connections(mut self, most: usize) -> Self {
        self.limits.idle = most;
        self
    }

    /// How many connections to one host may be idle: 16 by default.
    pub fn max_idle_connections_per_host(mut self, most: usize) -> Self {
        self.limits.idle_per_host = most;
        self
    }

    /// Sets how many connections to one host there may be, idle or in use. No limit by default. At the
    /// limit, calls wait in the order in which they came. [`build`](Self::build) refuses a limit of 0.
    pub fn max_connections_per_host(mut self, most: impl Into<Option<usize>>) -> Self {
        self.limits.per_host = most.into();
        self
    }

    /// Sets how long a connection may be idle before it is closed. 90 s by default. A server that
    /// announces a shorter time (`Keep-Alive: timeout=N`) shortens it for its connection.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.limits.idle_timeout = limit.into();
        self
    }

    /// How many bytes the head of a response may have, and its interim responses in all: 1 MiB by
    /// default. Beyond, the call fails with [`ErrorKind::TooLarge`].
    pub fn max_response_head(mut self, bytes: usize) -> Self {
        self.response_limits.max_bytes = bytes;
        self
    }

    /// Sets how many header fields the head of a response may have: 5000 by default. Beyond, the call
    /// fails with [`ErrorKind::TooLarge`]. No response can have more than
    /// 24576 different ones.
    pub fn max_response_headers(mut self, fields: usize) -> Self {
        self.response_limits.max_fields = fields;
        self
    }

    /// Connects to this Unix socket, whatever the URL's host is.
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.unix = Some(Arc::from(path.into()));
        self
    }

    /// Has host names resolved by `resolver`, in place of the system's. It is given the host and the
    /// port, and may block.
    pub fn resolver(
        mut self,
        resolver: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        self.dial.resolver =
            Resolver::new(move |host: &str, port: u16, _: &crate::Context| resolver(host, port));
        self
    }

    /// Returns the client.
    ///
    /// # Panics
    ///
    /// If an option is one with which no call could ever end: see [`try_build`](Self::try_build).
    #[must_use]
    pub fn build(self) -> Client {
        match self.try_build() {
            Ok(client) => client,
            Err(error) => panic!("{error}"),
        }
    }

    /// Returns the client, or an error if its options are invalid.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misuse`] if
    /// [`max_connections_per_host`](Self::max_connections_per_host) is 0: every call would wait for
    /// ever.
    pub fn try_build(self) -> Result<Client> {
        if self.limits.per_host == Some(0) {
            let message = "max_connections_per_host is 0, so no call could have a connection";
            return Err(Error::message(ErrorKind::Misuse, message));
        }
        Ok(self.make())
    }

    fn make(self) -> Client {
        let Self {
            headers,
            defaults,
            limits,
            dial,
            tls_timeout,
            unix,
            response_limits,
            expect_timeout,
        } = self;
        let options =
            TransportOptions { limits, dial, tls_timeout, unix, response_limits, expect_timeout };
        let transport = Transport::new(options);
        let defaults = Defaults { fields: DefaultFields::new(headers), ..defaults };
        Client { shared: Arc::new(Shared { transport, defaults }) }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}
