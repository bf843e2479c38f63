//! A request, and the options of its call, as they are put together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};

use super::auth;
use super::call::Call;
use super::core::ClientCore;
use super::fields::{IntoHeaderName, read_field};
use super::hop::HopRequest;
use super::layers::Layers;
use super::options::CallOptions;
use super::policy::RedirectPolicy;
use super::raw_head::RawHead;
use super::url::Url;
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, Result};
#[cfg(feature = "tls")]
use crate::net::tls::Connector;

/// A request of a [`Client`](super::Client), and the options of its call.
///
/// A method that is given something invalid reports it by [`send`](Self::send), which is the only one
/// that fails. The time limits, the redirect policy and the connector of the client apply unless a method
/// here overrides them.
///
/// ```no_run
/// use hangup::{Client, Context};
/// use std::time::Duration;
///
/// let client = Client::new();
/// let context = Context::new(); // context.cancel() on any thread ends the call
/// let response = client
///     .post("http://example.com/rows")
///     .header("content-type", "application/json")
///     .bearer_auth("token")
///     .timeout(Duration::from_secs(10))
///     .context(&context)
///     .body(r#"{"name":"one"}"#)
///     .send()?;
/// # let _ = response;
/// # Ok::<(), hangup::Error>(())
/// ```
#[must_use = "nothing is sent before `send`"]
pub struct RequestBuilder {
    pub(super) core: Arc<ClientCore>,
    pub(super) parts: Parts,
    pub(super) body: Body,
    /// The URL, or why it is invalid.
    pub(super) url: Result<Url>,
    pub(super) options: CallOptions,
    /// The middlewares of this call. `None` if there are none, so that a plain call pays for none.
    layers: Option<Box<Layers>>,
    /// The first invalid part, besides the URL.
    error: Option<Error>,
}

impl fmt::Debug for RequestBuilder {
    /// Omits the headers, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder")
            .field("method", &self.parts.method)
            .field("url", &self.url.as_ref().map(Url::uri))
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl RequestBuilder {
    pub(super) fn new(core: &Arc<ClientCore>, method: Method, url: Result<Url>) -> Self {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.method = method;
        Self::from_parts(core, parts, url, Body::empty())
    }

    /// Creates a request from one of the `http` crate, whose extensions may hold a context.
    pub(super) fn from_request(core: &Arc<ClientCore>, request: http::Request<Body>) -> Self {
        let (mut parts, body) = request.into_parts();
        let url = Url::of_uri(std::mem::take(&mut parts.uri));
        let context = parts.extensions.remove();
        let mut this = Self::from_parts(core, parts, url, body);
        this.options.context = context;
        this
    }

    fn from_parts(core: &Arc<ClientCore>, parts: Parts, url: Result<Url>, body: Body) -> Self {
        let options = core.defaults.options.clone();
        Self { core: Arc::clone(core), parts, body, url, options, layers: None, error: None }
    }

    /// Adds a header field, beside others of the same name.
    ///
    /// [`send`](Self::send) reports an invalid name or value. It also refuses a `Transfer-Encoding`,
    /// because the body decides on it.
    pub fn header<V>(mut self, name: impl IntoHeaderName, value: V) -> Self
    where
        V: TryInto<HeaderValue>,
    {
        match read_field(name, value) {
            Ok((name, value)) => {
                self.parts.headers.append(name, value);
            }
            Err(error) => self.fail(error),
        }
        self
    }

    /// Sets the header fields of `headers`, in place of those of the same names.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.parts.headers.extend(headers);
        self
    }

    /// Sets HTTP Basic credentials (RFC 7617), as an `Authorization` header.
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        let credentials = auth::basic(user.as_bytes(), password.as_bytes());
        self.parts.headers.insert(AUTHORIZATION, credentials);
        self
    }

    /// Sets a bearer token (RFC 6750), as an `Authorization` header.
    pub fn bearer_auth(mut self, token: &str) -> Self {
        self.authorize(&format!("Bearer {token}"));
        self
    }

    fn authorize(&mut self, text: &str) {
        match read_field(AUTHORIZATION, text) {
            Ok((name, mut value)) => {
                value.set_sensitive(true);
                self.parts.headers.insert(name, value);
            }
            Err(error) => self.fail(error),
        }
    }

    /// Sets the body. A body of known length is sent with a `Content-Length`, any other in chunks. Without
    /// this method the request has no body.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the HTTP version of the request: HTTP/1.0 or HTTP/1.1. HTTP/1.1 by default.
    pub fn version(mut self, version: Version) -> Self {
        self.parts.version = version;
        self
    }

    /// Has the body wait for the server's 100 (Continue), so that the server can refuse the body before it
    /// is sent (RFC 9110 section 10.1.1).
    ///
    /// Has no effect on a request without a body, or on HTTP/1.0. After a 417 (Expectation Failed) the
    /// request is sent once more without the expectation, if the body can still be sent.
    pub fn expect_continue(self) -> Self {
        self.header(http::header::EXPECT, "100-continue")
    }

    /// Sets the context of the call. When it ends, the call ends, at whatever stage it is, and so does the
    /// reading of its response's body.
    pub fn context(mut self, context: &Context) -> Self {
        self.options.context = Some(context.clone());
        self
    }

    /// Sets the limit of the whole call, to the end of the response's body, overriding the client's.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.timeout = limit.into();
        self
    }

    /// Sets the limit of writing the request, its body included, overriding the client's.
    pub fn send_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.send = limit.into();
        self
    }

    /// Sets the limit from the request's last byte to the head of its response, overriding the client's.
    pub fn response_head_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.response_head = limit.into();
        self
    }

    /// Sets how long the server may be silent within the response's body, overriding the client's limit.
    pub fn idle_read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.idle_read = limit.into();
        self
    }

    /// Sets how long a write of the request may wait without progress, overriding the
    /// [client's](super::ClientBuilder::idle_write_timeout) limit.
    pub fn idle_write_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.idle_write = limit.into();
        self
    }

    /// Sets the TLS connector for this request, overriding the [client's](super::ClientBuilder::tls).
    /// Connections are shared only with requests of the same connector.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, connector: &Connector) -> Self {
        self.options.connector = Some(connector.clone());
        self
    }

    /// Sets the redirect policy of this request, overriding the client's.
    pub fn redirects(mut self, policy: RedirectPolicy) -> Self {
        self.options.redirects = policy;
        self
    }

    /// Makes a response of 4xx or 5xx an error of the kind [`Status`](crate::ErrorKind::Status), overriding
    /// the client's setting. [`Error::take_response`] returns the response.
    pub fn status_as_error(mut self, is_error: bool) -> Self {
        self.options.extras_mut().status_as_error = is_error;
        self
    }

    /// Calls `callback` with each interim response (1xx except 101).
    ///
    /// It runs on the thread that reads the response: the thread that called [`send`](Self::send), or
    /// the connection's thread if the body waits for a 100, has a [limit for
    /// sending](Self::send_timeout) and cannot be sent at once, or could not be sent. It delays the
    /// response, so it should be quick.
    ///
    /// # Panics
    ///
    /// A panic of `callback` on the calling thread passes through `send`. On the connection's thread
    /// it makes `send` fail with [`ErrorKind::Other`](crate::ErrorKind::Other). Either way the connection is closed.
    pub fn on_informational(
        mut self,
        callback: impl Fn(StatusCode, &HeaderMap) + Send + Sync + 'static,
    ) -> Self {
        self.options.on_informational = Some(Arc::new(callback));
        self
    }

    /// Calls `callback` with the head of each response of this call, as the server sent it.
    ///
    /// These are the heads of interim responses, of responses that redirect, and of the final one, in the
    /// order in which they came. A head that is cut off or malformed is shown as far as its lines came,
    /// before the call fails; see [`RawHead::is_complete`]. A request that is sent again on another
    /// connection may show heads of both.
    ///
    /// The callback runs on the thread that reads the response, before
    /// [`on_informational`](Self::on_informational). It delays the response, so it should be quick. A panic on the thread that calls `send` passes through it; on
    /// another thread the call fails with [`ErrorKind::Other`](crate::ErrorKind::Other).
    ///
    /// ```no_run
    /// use std::io::Write;
    ///
    /// # let client = hangup::Client::new();
    /// let request = client.get("http://example.com/").on_raw_head(|head| {
    ///     let _ = std::io::stderr().write_all(head.as_bytes());
    /// });
    /// request.send()?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn on_raw_head(mut self, callback: impl Fn(&RawHead<'_>) + Send + Sync + 'static) -> Self {
        self.options.on_raw_head = Some(Arc::new(callback));
        self
    }

    /// Returns the middlewares of this call, to add one.
    pub(super) fn layers_mut(&mut self) -> &mut Layers {
        self.layers.get_or_insert_default()
    }

    /// Returns the request, unless an option of it or of its client is invalid.
    pub(super) fn checked(mut self) -> Result<Self> {
        match self.error.take().or_else(|| self.core.defaults.error.clone()) {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// Sends the request, follows its redirects, and returns the response once its head has come,
    /// whatever its status is. The body is read through the response.
    ///
    /// A response that arrives before the whole request has been read is returned while the body is still
    /// being sent. Sending ends when the response has been read or dropped.
    ///
    /// A redirect that cannot be followed is returned as the response:
    /// [`redirect_error`](super::ResponseExt::redirect_error) says why. Credentials and headers whose value
    /// is [marked as sensitive](HeaderValue::set_sensitive) never go to another scheme, host or port.
    ///
    /// # Errors
    ///
    /// * An invalid URL, header or body, or an unsupported scheme.
    /// * No connection was made, or it failed, or the response was not HTTP.
    /// * A time limit ran out, or the context ended.
    /// * An error of a [middleware](super::Middleware) or a [redirect policy](super::RedirectAction::fail).
    /// * [`TooManyRedirects`](crate::ErrorKind::TooManyRedirects); [`Error::take_response`] returns the last
    ///   response.
    ///
    /// A request that failed on a connection which had been used before is sent again on another, until a
    /// new connection was tried. That happens only if nothing of it had been written or its method makes it
    /// safe.
    ///
    /// # Blocking
    ///
    /// Blocks until the response's head has come. The call's [context](Self::context) ends it from any
    /// thread within milliseconds, and so does each time limit.
    pub fn send(self) -> Result<http::Response<Body>> {
        let Self { core, parts, body, url, mut options, layers, error } = self;
        let url = url?;
        if let Some(error) = error.or_else(|| core.defaults.error.clone()) {
            return Err(error);
        }
        options.begin();
        let call = Call { core: &core, options: &options, layers: layers.as_deref() };
        call.run(HopRequest::new(parts, url, body, &core.defaults.fields))
    }
}
