//! A handler that forwards requests to other servers.
//!
//! [`ReverseProxy::new`] takes the URL of an HTTP server. [`ReverseProxy::with_upstream`] takes an
//! [`Upstream`] of any kind: a function, or a FastCGI application.

// In reading order:
//
// | file | contents |
// | --- | --- |
// | `mod.rs` `options.rs` | `ReverseProxy` and its options |
// | `forward.rs` | one request and its response |
// | `prepare.rs` | the request as it is forwarded, the response as it is passed on |
// | `hop_by_hop.rs` | fields that belong to one connection |
// | `target.rs` | the path below an upstream's URL |
// | `forwarded.rs` `via.rs` | fields about the client, and about the way of a message |
// | `lend.rs` | a body that several upstreams may get in turn |
// | `upgrade.rs` | a connection that has switched protocols |
// | `balance.rs` | the choice of an upstream, and its health |
// | `upstream.rs` `http_upstream.rs` | `Upstream`, and the one that speaks HTTP |

mod balance;
#[cfg(feature = "fcgi")]
mod fastcgi;
mod forward;
mod forwarded;
mod hop_by_hop;
mod http_upstream;
mod lend;
mod options;
mod prepare;
mod target;
mod upgrade;
mod upstream;
mod via;

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use self::balance::{Backends, HealthRule};
use self::http_upstream::{Destination, ProxyClient};
use self::options::Options;
use self::target::Base;
use self::via::Pseudonym;
use crate::client::Client;
use crate::{Error, Handler, Request, Response, ResponseWriter, Result};

pub use balance::Balance;
pub use forwarded::ForwardedFields;
pub use upstream::{Call, Upstream};

/// How long connecting to an upstream may take by default.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A handler that forwards requests to other servers.
///
/// ```no_run
/// use hangup::{ReverseProxy, Server};
///
/// let proxy = ReverseProxy::new("http://127.0.0.1:9000");
/// Server::with_handler(proxy).listen("127.0.0.1:8080")?.serve()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Requests and responses stream in both directions at once, with bounded buffers. A response that comes
/// early reaches the client while it still uploads. Each message is framed anew, so only well-formed
/// requests reach an upstream.
///
/// # The request
///
/// | part | is forwarded |
/// | --- | --- |
/// | path and query | below the path of the upstream's URL; see [`strip_prefix`](Self::strip_prefix) |
/// | `Host` | replaced by the URL's; see [`preserve_host`](Self::preserve_host) |
/// | fields of the connection, and those that `Connection` names (RFC 9110 section 7.6.1) | no |
/// | `TE: trailers`, trailers | yes |
/// | `Expect: 100-continue` | yes; the client gets its 100 when the upstream has sent one, or after 1 s |
/// | `Upgrade` | yes, except for versions of HTTP, and if the request has no body |
/// | `X-Forwarded-For`, `-Host`, `-Proto` | set; see [`forwarded`](Self::forwarded) and [`trust`](Self::trust) |
/// | `Via` | appended; see [`pseudonym`](Self::pseudonym) |
/// | `Max-Forwards` of TRACE and OPTIONS | decremented; at 0 the proxy responds itself |
/// | CONNECT | no: 501 |
///
/// A path with a segment that a server may read as two dots is refused with 400. It would lead an upstream out
/// of the path of the upstream's URL. This includes encoded dots, and dots beside an encoded slash, a
/// backslash or a semicolon: `/a/%2e%2e/b`, `/a/..%2fb`, `/a/..\b`, `/a/..;/b`. Other paths are forwarded as they
/// are.
///
/// # The response
///
/// Interim responses (1xx), trailers and content codings pass through. Redirects are not followed, and
/// cookies are not stored. After a 101, bytes pass in both directions until both sides have ended. If the
/// upstream breaks off, so does the client's connection.
///
/// # Failures
///
/// | failure | response |
/// | --- | --- |
/// | the upstream cannot be reached, breaks off before its response, or its response is malformed | 502 |
/// | a time limit runs out | 504 |
/// | every upstream is [left out](Self::max_failures) | 503 |
/// | the request has passed this proxy before | 508 |
/// | the path does not begin with the [prefix](Self::strip_prefix) | 404 |
///
/// [`on_error`](Self::on_error) makes other responses of the first three. The error itself is logged at
/// `debug`. If the client goes away, the call to the upstream ends within milliseconds, and nothing is sent. A
/// client that closes only its sending side counts as gone as well, unless the server has
/// [`cancel_on_half_close(false)`](crate::Server::cancel_on_half_close): then it gets its response.
///
/// A request is sent again only where [the client](crate::client::RequestBuilder::send) does, or to another
/// upstream if no connection was made to the first.
pub struct ReverseProxy {
    options: Options,
    backends: Backends,
    client: ProxyClient,
}

impl ReverseProxy {
    /// Creates a proxy for the server at `url`, such as `http://127.0.0.1:9000` or `https://example.com/app`.
    ///
    /// # Panics
    ///
    /// If the URL is invalid: see [`try_new`](Self::try_new).
    #[must_use]
    pub fn new(url: impl AsRef<str>) -> Self {
        Self::try_new(url).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Creates a proxy for the server at `url`.
    ///
    /// # Errors
    ///
    /// If the URL has no host, has a user, or its scheme is not `http` or `https`.
    pub fn try_new(url: impl AsRef<str>) -> Result<Self> {
        Self::empty().try_upstream(url)
    }

    /// Creates a proxy for an upstream of any kind. It gets the `Host` of the client, unless
    /// [`preserve_host`](Self::preserve_host) is set to `false`.
    ///
    /// ```
    /// use hangup::{Request, Response, ReverseProxy, reverse_proxy::Call, testing};
    ///
    /// let proxy = ReverseProxy::with_upstream(|request: Request, _: &Call<'_>| {
    ///     Ok(Response::new(format!("{} with {}", request.uri(), request.headers()["via"].len()).into()))
    /// })
    /// .pseudonym("edge");
    /// let mut response = testing::call(&proxy, Request::get("/a?b").body("")?)?;
    /// assert_eq!(response.body_mut().read_text(100)?, "/a?b with 8");
    /// # Ok::<(), hangup::Error>(())
    /// ```
    #[must_use]
    pub fn with_upstream(upstream: impl Upstream) -> Self {
        let mut this = Self::empty();
        this.backends.add(Destination::Other(Box::new(upstream)));
        this.preserve_host(true)
    }

    fn empty() -> Self {
        let client = ProxyClient::new(Some(CONNECT_TIMEOUT));
        Self { options: Options::default(), backends: Backends::new(), client }
    }

    /// Adds another server, which serves a part of the requests: see [`balance`](Self::balance).
    ///
    /// # Panics
    ///
    /// If the URL is invalid: see [`try_new`](Self::try_new).
    #[must_use]
    pub fn upstream(self, url: impl AsRef<str>) -> Self {
        self.try_upstream(url).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Adds another server as [`upstream`](Self::upstream) does.
    ///
    /// # Errors
    ///
    /// As [`try_new`](Self::try_new).
    pub fn try_upstream(mut self, url: impl AsRef<str>) -> Result<Self> {
        let base = Base::parse(url.as_ref())
            .map_err(|why| Error::other(format!("invalid URL of an upstream: {why}")))?;
        self.backends.add(Destination::Url(base));
        Ok(self)
    }

    /// Adds another upstream of any kind, as [`upstream`](Self::upstream) adds a server.
    #[must_use]
    pub fn add_upstream(mut self, upstream: impl Upstream) -> Self {
        self.backends.add(Destination::Other(Box::new(upstream)));
        self
    }

    /// Sets how one of several upstreams is chosen. Each in turn by default.
    #[must_use]
    pub fn balance(mut self, balance: Balance) -> Self {
        self.backends.balance = balance;
        self
    }

    /// Sets after how many failures to connect in a row one of several upstreams is left out, and for how
    /// long. 1 and 10 s by default. Then one request tries whether it can be reached again.
    ///
    /// A proxy with one upstream always tries it.
    #[must_use]
    pub fn max_failures(mut self, failures: u32, pause: Duration) -> Self {
        self.backends.rule = HealthRule { failures, pause };
        self
    }

    /// Sets the client that reaches the upstreams, for TLS, Unix sockets or a limit on connections. It
    /// replaces [`connect_timeout`](Self::connect_timeout).
    ///
    /// The proxy never follows redirects, decodes bodies or turns a status into an error. Default headers
    /// of the client are added: [`no_default_headers`](crate::client::ClientBuilder::no_default_headers)
    /// removes them. The client uses the proxies of the environment unless
    /// [told otherwise](crate::client::ClientBuilder::proxy).
    #[must_use]
    pub fn client(mut self, client: &Client) -> Self {
        self.client = ProxyClient::Given(client.clone());
        self
    }

    /// Sets the limit of resolving an upstream's host and connecting. 10 s by default. It replaces the
    /// [client](Self::client).
    #[must_use]
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.client = ProxyClient::new(limit.into());
        self
    }

    /// Sets how long an upstream may take from a request's last byte to the head of its response. 60 s by
    /// default; `None` for no limit.
    #[must_use]
    pub fn head_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.head_timeout = limit.into();
        self
    }

    /// Sets how long an upstream may send no more of a response's body, and how long a write of a request may
    /// wait without progress. 60 s by default; `None` for no limit.
    #[must_use]
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.idle_timeout = limit.into();
        self
    }

    /// Sets how long a connection that has switched protocols may carry nothing in either direction. After this
    /// time both connections are closed. 1 h by default, `None` for no limit. A side that accepts no data for
    /// this time also ends the tunnel.
    #[must_use]
    pub fn tunnel_idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.tunnel_idle_timeout = limit.into();
        self
    }

    /// Removes `prefix` from the beginning of each path: with `/api`, the upstream gets `/items` for
    /// `/api/items`. The response to any other path is a 404. Nothing is removed by default.
    #[must_use]
    pub fn strip_prefix(mut self, prefix: impl AsRef<str>) -> Self {
        self.options.prefix = prefix.as_ref().trim_end_matches('/').to_owned();
        self
    }

    /// Sets whether the upstream gets the client's `Host` in place of the URL's. `false` by default for a
    /// URL.
    #[must_use]
    pub fn preserve_host(mut self, preserve: bool) -> Self {
        self.options.preserve_host = preserve;
        self
    }

    /// Sets the fields that tell the upstream about the client. `X-Forwarded-*` by default.
    ///
    /// Those that the client has sent are removed with every choice, unless it is [trusted](Self::trust):
    /// `Forwarded`, `X-Forwarded-*` and `X-Real-IP`.
    #[must_use]
    pub fn forwarded(mut self, fields: ForwardedFields) -> Self {
        self.options.forwarded = fields;
        self
    }

    /// Sets which peers are trusted to tell about their clients, since they are proxies themselves. None by
    /// default.
    ///
    /// The fields of a trusted peer are kept. The proxy appends to `Forwarded` and `X-Forwarded-For`, and
    /// adds the others only if they are missing.
    ///
    /// ```
    /// use hangup::{RequestExt, ReverseProxy};
    ///
    /// let proxy = ReverseProxy::new("http://127.0.0.1:9000")
    ///     .trust(|r| r.remote_socket_addr().is_some_and(|addr| addr.ip().is_loopback()));
    /// # let _ = proxy;
    /// ```
    #[must_use]
    pub fn trust(mut self, trust: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        self.options.trust = Some(Box::new(trust));
        self
    }

    /// Sets the name of the proxy in `Via` (RFC 9110 section 7.6.3). A random one by default.
    ///
    /// A request that has this name in its `Via` has passed before: the response is a 508. So no two
    /// proxies on the way of a request may have the same name.
    ///
    /// # Panics
    ///
    /// If the name is not a token (RFC 9110 section 5.6.2).
    #[must_use]
    pub fn pseudonym(mut self, name: &str) -> Self {
        let pseudonym = Pseudonym::new(name);
        assert!(pseudonym.is_some(), "{name:?} is not a token");
        self.options.pseudonym = pseudonym;
        self
    }

    /// Adds no `Via`, and detects no loops. Some servers do not compress responses to requests with `Via`.
    #[must_use]
    pub fn without_via(mut self) -> Self {
        self.options.pseudonym = None;
        self
    }

    /// Sets a function that changes each request before it is forwarded. It gets the request that is
    /// forwarded, and the received one without its body.
    ///
    /// An error that it returns is the handler's: [`Error::status`] responds to the client.
    ///
    /// ```
    /// use hangup::{ReverseProxy, http::HeaderValue};
    ///
    /// let proxy = ReverseProxy::new("http://127.0.0.1:9000").on_request(|request, _| {
    ///     request.headers_mut().insert("x-key", HeaderValue::from_static("secret"));
    ///     Ok(())
    /// });
    /// # let _ = proxy;
    /// ```
    #[must_use]
    pub fn on_request(
        mut self,
        rewrite: impl Fn(&mut Request, &Request) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.options.on_request = Some(Box::new(rewrite));
        self
    }

    /// Sets a function that changes each response before it is passed on. It also gets the received
    /// request, without its body. Interim responses are not changed.
    ///
    /// An error that it returns is the handler's: [`Error::status`] responds to the client.
    #[must_use]
    pub fn on_response(
        mut self,
        rewrite: impl Fn(&mut Response, &Request) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.options.on_response = Some(Box::new(rewrite));
        self
    }

    /// Sets a function that makes the response to a failure of the upstream, from the error, the status (502,
    /// 503 or 504) and the received request. By default the response is a line of text, or that of the
    /// server's [`on_error`](crate::Server::on_error).
    ///
    /// It is not called if the client has gone away or its request's body is at fault.
    ///
    /// ```
    /// use hangup::{Response, ReverseProxy};
    ///
    /// let proxy = ReverseProxy::new("http://127.0.0.1:9000").on_error(|error, status, _| {
    ///     eprintln!("{error}");
    ///     let mut response = Response::new("Please try again later.\n".into());
    ///     *response.status_mut() = status;
    ///     response
    /// });
    /// # let _ = proxy;
    /// ```
    #[must_use]
    pub fn on_error(
        mut self,
        respond: impl Fn(&Error, StatusCode, &Request) -> Response + Send + Sync + 'static,
    ) -> Self {
        self.options.on_error = Some(Box::new(respond));
        self
    }
}

impl Handler for ReverseProxy {
    fn handle(&self, response: &mut ResponseWriter, request: &mut Request) -> Result<()> {
        forward::run(&self.options, (&self.backends, &self.client), response, request)
    }
}

impl fmt::Debug for ReverseProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let upstreams: Vec<&str> = self.backends.all().map(Destination::name).collect();
        f.debug_struct("ReverseProxy").field("upstreams", &upstreams).finish_non_exhaustive()
    }
}
