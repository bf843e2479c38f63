//! The options of a client.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, TRANSFER_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderValue};

use super::Client;
use super::core::{ClientCore, Defaults};
use super::decode::Offer;
use super::fields::{DefaultFields, IntoHeaderName, read_field, transfer_encoding};
use super::layers::Layers;
use super::policy::RedirectPolicy;
use super::pool::Limits;
use super::route::Via;
use super::transport::{ProxyOptions, Transport, TransportOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::h1;
use crate::net::tls::Connector;
use crate::net::{Dial, DialOptions, Resolve, Resolver};

/// The User-Agent of requests that set none.
const OUR_NAME: &str = concat!("hangup/", env!("CARGO_PKG_VERSION"));

/// The most bytes in the head of a response by default, its interim responses included.
const MAX_RESPONSE_HEAD: usize = 1 << 20;

/// The most header fields of a response by default. Some servers send thousands of `Set-Cookie`.
const MAX_RESPONSE_HEADERS: usize = 5000;

/// How long a TLS handshake may take by default.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a body waits by default for a 100. Servers that do not know the expectation send none.
const EXPECT_CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

/// The options of a [`Client`]. Each method names its default.
///
/// ```
/// use hangup::Client;
/// use std::time::Duration;
///
/// let client = Client::builder()
///     .user_agent("backup/1.0")
///     .connect_timeout(Duration::from_secs(5))
///     .response_head_timeout(Duration::from_secs(20))
///     .build();
/// # let _ = client;
/// ```
#[must_use = "no client is made before `build`"]
pub struct ClientBuilder {
    headers: HeaderMap,
    pub(super) defaults: Defaults,
    pub(super) transport: TransportOptions,
    pub(super) layers: Layers,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(OUR_NAME));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let mut defaults = Defaults::default();
        defaults.options.decode = true;
        Self {
            headers,
            defaults,
            transport: TransportOptions {
                limits: Limits::default(),
                dial: DialOptions::new(),
                dialer: None,
                tls_timeout: Some(TLS_HANDSHAKE_TIMEOUT),
                connector: Connector::of_default(),
                via: Via::Direct,
                proxy: ProxyOptions::default(),
                response_limits: h1::Limits {
                    max_bytes: MAX_RESPONSE_HEAD,
                    max_fields: MAX_RESPONSE_HEADERS,
                },
                expect_timeout: EXPECT_CONTINUE_TIMEOUT,
            },
            layers: Layers::default(),
        }
    }
}

impl ClientBuilder {
    /// Sets a header of requests that do not set it themselves. It replaces a default of the same name.
    /// The defaults are `User-Agent: hangup/VERSION` and `Accept: */*`;
    /// [`no_default_headers`](Self::no_default_headers) removes them.
    ///
    /// Every [`send`](super::RequestBuilder::send) reports an invalid name or value.
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
    /// Every [`send`](super::RequestBuilder::send) reports an invalid value.
    pub fn user_agent<V>(self, value: V) -> Self
    where
        V: TryInto<HeaderValue>,
    {
        self.default_header(USER_AGENT, value)
    }

    /// Removes all default headers, also the `Accept-Encoding` of [`decode`](Self::decode), which is set to
    /// `false`.
    pub fn no_default_headers(mut self) -> Self {
        self.headers.clear();
        self.defaults.options.decode = false;
        self
    }

    /// Sets the redirect policy. The default follows up to 10.
    pub fn redirects(mut self, policy: RedirectPolicy) -> Self {
        self.defaults.options.redirects = policy;
        self
    }

    /// Makes a response of 4xx or 5xx an error of the kind [`Status`](ErrorKind::Status).
    /// [`Error::take_response`] returns the response. Off by default.
    pub fn status_as_error(mut self, is_error: bool) -> Self {
        self.defaults.options.extras_mut().status_as_error = is_error;
        self
    }

    /// Sets the limit of a whole call, from `send` to the end of the response's body, redirects and
    /// middlewares included. No limit by default.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.defaults.options.timeout = limit.into();
        self
    }

    /// Sets the limit of resolving the host and connecting, both together. 30 s by default.
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.transport.dial.connect_timeout = limit.into();
        self
    }

    /// Sets the TLS configuration for `https` URLs: trusted roots and client certificate. The default
    /// trusts the platform's roots. [`RequestBuilder::tls`](super::RequestBuilder::tls) overrides it.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, connector: Connector) -> Self {
        self.transport.connector = Some(connector);
        self
    }

    /// Sets the limit of the TLS handshake, which begins after connecting. 10 s by default.
    pub fn tls_handshake_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.transport.tls_timeout = limit.into();
        self
    }

    /// Sets the limit of writing a request, its body included. No limit by default.
    pub fn send_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.defaults.options.send = limit.into();
        self
    }

    /// Sets the limit from the request's last byte to the head of its response. No limit by default.
    pub fn response_head_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.defaults.options.response_head = limit.into();
        self
    }

    /// Sets how long the server may be silent within a response's body. The limit restarts with each byte
    /// that arrives. No limit by default.
    pub fn idle_read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.defaults.options.idle_read = limit.into();
        self
    }

    /// Sets how long a write of the request may wait without progress. No limit by default.
    ///
    /// The time restarts whenever the server has accepted more of the request. After this time the call fails
    /// with [`TimeLimit::WriteIdle`](crate::TimeLimit::WriteIdle), unless the head of the response has arrived.
    /// Unlike [`send_timeout`](Self::send_timeout), it does not limit an upload that makes progress. A call with
    /// a [minimum speed](Self::min_speed) has that limit instead.
    pub fn idle_write_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.defaults.options.idle_write = limit.into();
        self
    }

    /// Sets how long a request with `Expect: 100-continue` waits for the 100 before it sends its body
    /// anyway (RFC 9110 section 10.1.1). 1 s by default.
    pub fn expect_continue_timeout(mut self, limit: Duration) -> Self {
        self.transport.expect_timeout = limit;
        self
    }

    /// Sets how many connections may be idle in all. 100 by default. Beyond that, the connection that
    /// has been idle longest is closed. With 0, no connection is kept.
    pub fn max_idle_connections(mut self, most: usize) -> Self {
        self.transport.limits.idle = most;
        self
    }

    /// Sets how many connections to one host may be idle. 16 by default.
    pub fn max_idle_connections_per_host(mut self, most: usize) -> Self {
        self.transport.limits.idle_per_host = most;
        self
    }

    /// Sets how many connections to one host may exist, idle or in use. No limit by default. At the
    /// limit, calls wait in the order in which they came. [`build`](Self::build) panics if it is 0.
    pub fn max_connections_per_host(mut self, most: impl Into<Option<usize>>) -> Self {
        self.transport.limits.per_host = most.into();
        self
    }

    /// Sets how long a connection may be idle before it is closed. 90 s by default. A server that
    /// announces a shorter time (`Keep-Alive: timeout=N`) shortens it for its connection.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.transport.limits.idle_timeout = limit.into();
        self
    }

    /// Sets how many bytes the head of a response may have, and all of its interim responses together.
    /// 1 MiB by default. Beyond that, the call fails with [`ErrorKind::TooLarge`].
    pub fn max_response_head(mut self, bytes: usize) -> Self {
        self.transport.response_limits.max_bytes = bytes;
        self
    }

    /// Sets how many header fields a response may have. 5000 by default. Beyond that, the call fails with
    /// [`ErrorKind::TooLarge`]. No response can have more than 24576 different fields.
    pub fn max_response_headers(mut self, fields: usize) -> Self {
        self.transport.response_limits.max_fields = fields;
        self
    }

    /// Sets a Unix socket that every connection leads to, whatever the URL's host is.
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.transport.via = Via::Unix(Arc::from(path.into()));
        self
    }

    /// Sets the resolver of host names. The system's by default.
    ///
    /// It runs on a separate thread and may block: a call that has ended does not wait for it. It does not
    /// run for literal IP addresses, nor if there is a [`dialer`](Self::dialer), which resolves by itself.
    ///
    /// ```
    /// use hangup::{Client, Context};
    ///
    /// let client = Client::builder()
    ///     .resolver(|_host: &str, port: u16, _: &Context| Ok(vec![([127, 0, 0, 1], port).into()]))
    ///     .build();
    /// # let _ = client;
    /// ```
    pub fn resolver(mut self, resolver: impl Resolve + 'static) -> Self {
        self.transport.dial = self.transport.dial.resolver(Resolver::new(resolver));
        self
    }

    /// Sets the dialer, which makes the connections in place of the client's own.
    ///
    /// It runs on a separate thread, `hangup-dial`. The client still adds TLS for `https` URLs. The
    /// context that the dialer gets ends with the call that needs the connection, and when the [limit for
    /// connecting](Self::connect_timeout) runs out. A panic of the dialer fails the call with
    /// [`ErrorKind::Connect`].
    ///
    /// ```
    /// use hangup::net::{Dial, DialError, DialOptions, Dialed, Target};
    /// use hangup::{Client, Context};
    ///
    /// let own = DialOptions::new().nodelay(false);
    /// let client = Client::builder()
    ///     .dialer(move |target: &Target, context: &Context| -> Result<Dialed, DialError> {
    ///         println!("dialling {target}");
    ///         own.dial(target, context)
    ///     })
    ///     .build();
    /// # let _ = client;
    /// ```
    pub fn dialer(mut self, dialer: impl Dial + 'static) -> Self {
        self.transport.dialer = Some(Arc::new(dialer));
        self
    }

    /// Returns the client.
    ///
    /// # Panics
    ///
    /// Panics if an option is invalid: see [`try_build`](Self::try_build).
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
    /// [`max_connections_per_host`](Self::max_connections_per_host) is 0, since every call would wait
    /// forever.
    pub fn try_build(self) -> Result<Client> {
        if self.transport.limits.per_host == Some(0) {
            let message = "max_connections_per_host is 0, so no call could have a connection";
            return Err(Error::message(ErrorKind::Misuse, message));
        }
        let Self { headers, defaults, mut transport, layers } = self;
        let proxy = &mut transport.proxy;
        proxy.policy = proxy.policy.take().unwrap_or_default().if_any();
        proxy.user_agent = headers.get(USER_AGENT).cloned();
        let fields = DefaultFields::new(headers);
        Ok(Client::new_with(ClientCore {
            transport: Transport::new(transport),
            defaults: Defaults { fields, offer: Offer::of_this_build(), ..defaults },
            layers,
        }))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}
