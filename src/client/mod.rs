//! The client: blocking calls that any thread can end.
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
//! * [`Client`] keeps connections and sends requests. [`ClientBuilder`] has its options.
//! * [`RequestBuilder`] is one request and the options of its call. Its body may be a
//!   [`Multipart`](crate::Multipart) form.
//! * [`ResponseExt`] reads a response's body as text, bytes or JSON, and has its facts: its URL, redirects,
//!   peer, TLS session, timings. [`Encoded`] says how its body was encoded, and [`Progress`] how much of it
//!   has come.
//! * [`ProxyPolicy`] decides which [`Proxy`] a request takes: by default that of the environment.
//! * [`RedirectPolicy`] decides which redirects are followed.
//! * [`CookieStore`] keeps cookies between calls: a `CookieJar`, with the feature `cookies`. [`Netrc`] has
//!   passwords by host.
//! * [`Middleware`] is code of yours around each call, or around each hop of it.
//! * [`Retry`] sends requests again after failures that may pass.
//! * [`Connection`] is one connection that is managed by hand.
//! * [`EventSource`] reads server-sent events, also across connections.
//! * [`Observe`] sees the steps of a call as they happen.

// In reading order.
mod auth;
mod builder;
mod call;
mod conn;
mod connect;
mod connection;
mod content_type;
mod contents;
mod cookie_store;
#[cfg(feature = "cookies")]
mod cookies;
mod core;
mod decode;
mod events;
mod exchanges;
mod extras;
mod fields;
mod hop;
#[cfg(feature = "json")]
mod json;
mod layers;
mod loopback;
mod middleware;
mod multipart;
mod netrc;
mod observe;
mod options;
mod outgoing;
mod policy;
mod pool;
mod progress;
mod proxy;
mod raw_head;
mod redirect;
mod request;
mod resend;
mod response;
mod retry;
mod route;
mod seams;
mod session;
mod speed;
mod steps;
mod transport;
mod tunnel;
mod url;
mod waiter;

use std::fmt;
use std::sync::Arc;

use http::Method;

use self::core::ClientCore;
use crate::body::Body;
use crate::error::Result;

pub use builder::ClientBuilder;
pub use connection::Connection;
pub use cookie_store::CookieStore;
#[cfg(feature = "cookies")]
pub use cookies::{Cookie, CookieJar, LoadedCookies, SameSite};
pub use decode::Encoded;
pub use events::{EventSource, EventStream, ServerEvent};
pub use fields::IntoHeaderName;
pub use middleware::{Middleware, Next};
pub use netrc::Netrc;
pub use observe::{CallEvent, CallId, Observe};
pub use options::CallOptions;
pub use policy::{Hop, RedirectAction, RedirectPolicy, Redirected};
pub use progress::Progress;
pub use proxy::{Proxy, ProxyFailure, ProxyPolicy};
pub use raw_head::RawHead;
pub use request::RequestBuilder;
pub use response::{DEFAULT_READ_LIMIT, ResponseExt, Timings};
pub use retry::{Attempt, Jitter, Retry};
pub use url::IntoUrl;

/// Sends requests, over connections that it keeps.
///
/// Cloning is cheap, and clones share their connections and options. A client can be used from any number
/// of threads at a time.
///
/// When the last clone is dropped, idle connections are closed. Responses that are still being read stay
/// readable to their end.
///
/// ```no_run
/// use hangup::{Client, ResponseExt};
///
/// let client = Client::new();
/// let text = client.get("http://example.com/").send()?.text()?;
/// println!("{text}");
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Threads
///
/// Each connection has a thread that reads from it. One that streams a request body has another that
/// writes. Both end within milliseconds of the connection. Making a connection takes a thread until it is
/// made or has failed.
#[derive(Clone)]
pub struct Client {
    core: Arc<ClientCore>,
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

    fn new_with(core: ClientCore) -> Self {
        Self { core: Arc::new(core) }
    }

    /// Creates a request. [`send`](RequestBuilder::send) reports an invalid URL.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(&self.core, method, url.into_url())
    }

    /// Creates a GET request.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Creates a HEAD request. The response has no body.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Creates a POST request.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Creates a PUT request.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Creates a PATCH request.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// Creates a DELETE request.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Creates a request from one of the `http` crate, to which the options of a call can be added: a
    /// context, time limits and so on.
    ///
    /// A [`Context`](crate::Context) in the request's extensions becomes the context of the call.
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
    pub fn prepare(&self, request: http::Request<impl Into<Body>>) -> RequestBuilder {
        RequestBuilder::from_request(&self.core, request.map(Into::into))
    }

    /// Sends a request of the `http` crate, with the client's default options.
    ///
    /// A [`Context`](crate::Context) in the request's extensions becomes the context of the call.
    /// [`prepare`](Self::prepare) takes further options.
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

    /// Closes the idle connections. Connections in use are not touched.
    pub fn close_idle_connections(&self) {
        self.core.transport.close_idle();
    }

    /// Returns the number of calls that are waiting for a connection.
    #[must_use]
    pub fn waiting_calls(&self) -> usize {
        self.core.transport.waiting()
    }

    /// Returns the number of idle connections.
    #[must_use]
    pub fn idle_connections(&self) -> usize {
        self.core.transport.idle()
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
