//! A request, and the options of its call, as they are put together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};

use super::call::Call;
use super::core::ClientCore;
use super::fields::{IntoHeaderName, read_field};
use super::hop::HopRequest;
use super::options::CallOptions;
use super::policy::RedirectPolicy;
use super::raw_head::RawHead;
use super::url::Url;
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, Result};
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
    core: Arc<ClientCore>,
    parts: Parts,
    body: Body,
    /// The URL, or why it is invalid.
    url: Result<Url>,
    options: CallOptions,
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
        Self { core: Arc::clone(core), parts, body, url, options, error: None }
    }

    /// Adds a header field, beside others of the same name.
    ///
    /// [`send`](Self::send) reports a name or a value that is not allowed. A `Transfer-Encoding` is
    /// refused as well, because the body decides on it.
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

    /// Adds the header fields of `headers`, in place of those of the same names.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.parts.headers.extend(headers);
        self
    }

    /// Identifies by user name and password (RFC 7617).
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        let token = STANDARD.encode(format!("{user}:{password}"));
        self.authorize(&format!("Basic {token}"));
        self
    }

    /// Identifies by a token (RFC 6750).
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

    /// Sends this body. One that knows its length is sent with it, any other in chunks.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the request as HTTP/1.0 or HTTP/1.1 (the default).
    pub fn version(mut self, version: Version) -> Self {
        self.parts.version = version;
        self
    }

    /// Waits for the peer's 100 (Continue) before the body is sent, so that a peer that refuses it
    /// can say so before it is sent (RFC 9110 section 10.1.1).
    ///
    /// Has no effect on a request without content, or of HTTP/1.0. A peer that answers 417 (Expectation
    /// Failed) gets the request once more without the expectation, if the body can still be sent.
    pub fn expect_continue(self) -> Self {
        self.header(http::header::EXPECT, "100-continue")
    }

    /// Ends the call when `context` ends, at whatever stage it is: the body of its response included.
    pub fn context(mut self, context: &Context) -> Self {
        self.options.context = Some(context.clone());
        self
    }

    /// How long this call may take in all, to the end of the response's body.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.timeout = limit.into();
        self
    }

    /// How long writing this request may take.
    pub fn send_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.send = limit.into();
        self
    }

    /// How long the peer may take from this request's last byte to the head of its answer.
    pub fn response_head_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.response_head = limit.into();
        self
    }

    /// How long the peer may be silent within the body of this request's answer.
    pub fn idle_read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.idle_read = limit.into();
        self
    }

    /// What makes this request's connection if its URL is `https`, in place of the
    /// [client's](super::ClientBuilder::tls). It shares connections only with requests of the same
    /// connector.
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

    /// Calls `callback` with each interim response (1xx but 101).
    ///
    /// It runs on the thread that reads the response: the thread that called [`send`](Self::send), or
    /// the connection's thread if the body waits for a 100, or has a [limit for
    /// sending](Self::send_timeout) and cannot be sent at once. It delays the response, so it should be
    /// quick.
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

    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// Sends the request, follows its redirects, and returns the response once its head is there,
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
    /// * An invalid URL, header or body, an unsupported scheme.
    /// * No connection, or one that failed; a response that is not HTTP.
    /// * A time limit, or the end of the context.
    /// * [`TooManyRedirects`](crate::ErrorKind::TooManyRedirects); [`Error::take_response`] returns the last
    ///   response.
    ///
    /// A request that failed on a connection which had been used before is sent once more on another, if
    /// nothing of it had been written or its method makes that safe.
    ///
    /// # Blocking
    ///
    /// Blocks until the response's head is there. The call's [context](Self::context) ends it from any
    /// thread within milliseconds, and so does each time limit.
    pub fn send(self) -> Result<http::Response<Body>> {
        let Self { core, parts, body, url, mut options, error } = self;
        let url = url?;
        if let Some(error) = error.or_else(|| core.defaults.error.clone()) {
            return Err(error);
        }
        options.begin();
        let call = Call { core: &core, options: &options };
        call.run(HopRequest::new(parts, url, body, &core.defaults.fields))
    }
}
