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
//! | `request.rs` | a request as it is put together, and sent |
//! | `response.rs` | what a response knows of how it came |
//! | `raw_head.rs` | a response's head as the server sent it |
//! | `redirect.rs` | where redirects lead: pure functions |
//! | `target.rs` | what a URL says of the connection and the request |
//! | `fields.rs` | a request's own header fields over the client's defaults |
//! | `outgoing.rs` | a request as it goes out: its framing, and its head, written |
//! | `transport.rs` | one request, one answer: connection, exchange, retry |
//! | `retry.rs` | may a request be sent again: a pure function |
//! | `pool.rs`, `want.rs` | idle connections, limits, who waits: plain data; a wish with one outcome |
//! | `conn/` | a connection's three parties: caller, reader loop, writer loop |

mod conn;
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
mod want;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::body::Body;
use crate::error::Result;
use crate::net::tls::Connector;
use crate::net::{DialOptions, Resolver};
use fields::DefaultFields;
use transport::{Transport, TransportOptions};

pub use raw_head::RawHead;
pub use redirect::RedirectPolicy;
pub use request::RequestBuilder;
pub use response::{ResponseExt, Timings};

/// The User-Agent of requests that set none.
const USER_AGENT: &str = concat!("hangup/", env!("CARGO_PKG_VERSION"));

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
    /// A client with the defaults that [`ClientBuilder`] tells.
    #[must_use]
    pub fn new() -> Self {
        ClientBuilder::default().build()
    }

    /// A client with options of its own.
    #[must_use]
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A request by `method` to `url`. What is wrong with the URL is told by
    /// [`send`](RequestBuilder::send).
    pub fn request<U>(&self, method: Method, url: U) -> RequestBuilder<'_>
    where
        U: TryInto<http::Uri>,
        U::Error: Into<http::Error>,
    {
        RequestBuilder::new(&self.shared, method, url.try_into().map_err(Into::into))
    }

    /// A GET request.
    pub fn get<U>(&self, url: U) -> RequestBuilder<'_>
    where
        U: TryInto<http::Uri>,
        U::Error: Into<http::Error>,
    {
        self.request(Method::GET, url)
    }

    /// A HEAD request: the answer has no body.
    pub fn head<U>(&self, url: U) -> RequestBuilder<'_>
    where
        U: TryInto<http::Uri>,
        U::Error: Into<http::Error>,
    {
        self.request(Method::HEAD, url)
    }

    /// A POST request.
    pub fn post<U>(&self, url: U) -> RequestBuilder<'_>
    where
        U: TryInto<http::Uri>,
        U::Error: Into<http::Error>,
    {
        self.request(Method::POST, url)
    }

    /// A PUT request.
    pub fn put<U>(&self, url: U) -> RequestBuilder<'_>
    where
        U: TryInto<http::Uri>,
        U::Error: Into<http::Error>,
    {
        self.request(Method::PUT, url)
    }

    /// A PATCH request.
    pub fn patch<U>(&self, url: U) -> RequestBuilder<'_>
    where
        U: TryInto<http::Uri>,
        U::Error: Into<http::Error>,
    {
        self.request(Method::PATCH, url)
    }

    /// A DELETE request.
    pub fn delete<U>(&self, url: U) -> RequestBuilder<'_>
    where
        U: TryInto<http::Uri>,
        U::Error: Into<http::Error>,
    {
        self.request(Method::DELETE, url)
    }

    /// Sends a request that was put together elsewhere, with the client's defaults.
    ///
    /// # Errors
    ///
    /// As [`RequestBuilder::send`].
    pub fn execute(&self, request: http::Request<impl Into<Body>>) -> Result<http::Response<Body>> {
        let (parts, body) = request.into_parts();
        RequestBuilder::from_parts(&self.shared, parts, body.into()).send()
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
pub struct ClientBuilder {
    headers: HeaderMap,
    defaults: Defaults,
    limits: pool::Limits,
    dial: DialOptions,
    tls_timeout: Option<Duration>,
    unix: Option<Arc<Path>>,
    max_response_head: usize,
    expect_timeout: Duration,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(http::header::ACCEPT, HeaderValue::from_static("*/*"));
        Self {
            headers,
            defaults: Defaults {
                fields: DefaultFields::default(),
                redirects: RedirectPolicy::default(),
                timeouts: Timeouts::default(),
                connector: Connector::of_default(),
            },
            limits: pool::Limits::default(),
            dial: DialOptions::default(),
            tls_timeout: Some(Duration::from_secs(10)),
            unix: None,
            max_response_head: 1 << 20,
            expect_timeout: Duration::from_secs(1),
        }
    }
}

impl ClientBuilder {
    /// A header that requests have unless they set it themselves. By default `User-Agent:
    /// hangup/VERSION` and `Accept: */*`; [`no_default_headers`](Self::no_default_headers) removes
    /// them.
    #[must_use]
    pub fn default_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Removes all default headers.
    #[must_use]
    pub fn no_default_headers(mut self) -> Self {
        self.headers.clear();
        self
    }

    /// What is done about redirects: by default, at most 10 are followed.
    #[must_use]
    pub fn redirects(mut self, policy: RedirectPolicy) -> Self {
        self.defaults.redirects = policy;
        self
    }

    /// How long a whole call may take, from `send` to the end of the response's body. No limit by
    /// default.
    #[must_use]
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.defaults.timeouts.call = limit.into();
        self
    }

    /// How long resolving the host and connecting may take together. 30 s by default.
    #[must_use]
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.dial.connect_timeout = limit.into();
        self
    }

    /// What makes the connections of `https` URLs: whom it trusts, and who it says it is. By default a
    /// [`Connector`] that trusts what the platform does. A request can have [another
    /// one](RequestBuilder::tls).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, connector: Connector) -> Self {
        self.defaults.connector = Some(connector);
        self
    }

    /// How long the TLS handshake may take, beyond connecting. 10 s by default.
    #[must_use]
    pub fn tls_handshake_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.tls_timeout = limit.into();
        self
    }

    /// How long writing a request may take. No limit by default.
    #[must_use]
    pub fn send_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.defaults.timeouts.send = limit.into();
        self
    }

    /// How long the peer may take from the request's last byte to the head of its answer. No limit
    /// by default.
    #[must_use]
    pub fn response_head_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.defaults.timeouts.response_head = limit.into();
        self
    }

    /// How long the peer may be silent within a response's body. No limit by default.
    #[must_use]
    pub fn idle_read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.defaults.timeouts.idle_read = limit.into();
        self
    }

    /// How long a request with `Expect: 100-continue` waits for the 100 before it sends its body
    /// anyway. 1 s by default.
    #[must_use]
    pub fn expect_continue_timeout(mut self, limit: Duration) -> Self {
        self.expect_timeout = limit;
        self
    }

    /// How many connections may be idle in all: 100 by default. Beyond, the one that has been idle
    /// longest is closed. With 0 none is kept.
    #[must_use]
    pub fn max_idle_connections(mut self, most: usize) -> Self {
        self.limits.idle = most;
        self
    }

    /// How many connections to one host may be idle: 16 by default.
    #[must_use]
    pub fn max_idle_connections_per_host(mut self, most: usize) -> Self {
        self.limits.idle_per_host = most;
        self
    }

    /// How many connections to one host there may be, idle or in use. No limit by default. At the
    /// limit, calls wait in the order in which they came.
    #[must_use]
    pub fn max_connections_per_host(mut self, most: impl Into<Option<usize>>) -> Self {
        self.limits.per_host = most.into();
        self
    }

    /// How long a connection may be idle before it is closed. 90 s by default.
    #[must_use]
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.limits.idle_timeout = limit.into();
        self
    }

    /// How many bytes the head of a response may have, and its interim responses in all: 1 MiB by
    /// default. Beyond, the call fails with [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge).
    #[must_use]
    pub fn max_response_head(mut self, bytes: usize) -> Self {
        self.max_response_head = bytes;
        self
    }

    /// Connects to this Unix socket, whatever the URL's host is.
    #[must_use]
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.unix = Some(Arc::from(path.into()));
        self
    }

    /// Has host names resolved by `resolver`, in place of the system's. It is given the host and the
    /// port, and may block.
    #[must_use]
    pub fn resolver(
        mut self,
        resolver: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        self.dial.resolver = Resolver::new(resolver);
        self
    }

    /// The client.
    #[must_use]
    pub fn build(self) -> Client {
        let Self {
            headers,
            defaults,
            limits,
            dial,
            tls_timeout,
            unix,
            max_response_head,
            expect_timeout,
        } = self;
        let options =
            TransportOptions { limits, dial, tls_timeout, unix, max_response_head, expect_timeout };
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
