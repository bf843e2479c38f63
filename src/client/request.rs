//! A request as it is put together, and sent.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};

use super::call::{Call, OnRedirect, Progress};
use super::conn::{OnInformational, OnRawHead, Patience};
use super::fields::{IntoHeaderName, read_field};
use super::raw_head::RawHead;
use super::redirect::RedirectPolicy;
use super::url::Url;
use super::{Shared, Timeouts};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::net::tls::Connector;

/// A request of a [`Client`](super::Client). [`send`](Self::send) reports invalid parts.
#[must_use = "nothing is sent before `send`"]
pub struct RequestBuilder<'a> {
    shared: &'a Shared,
    parts: Parts,
    /// As given, or why it is none.
    url: Result<Url>,
    body: Body,
    context: Option<Context>,
    timeouts: Timeouts,
    redirects: RedirectPolicy,
    /// In place of the client's.
    connector: Option<Connector>,
    on_informational: Option<OnInformational>,
    on_raw_head: Option<OnRawHead>,
    on_redirect: Option<OnRedirect<'a>>,
    /// The first thing that was wrong with the other parts.
    error: Option<Error>,
}

impl fmt::Debug for RequestBuilder<'_> {
    /// Omits the headers, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder")
            .field("method", &self.parts.method)
            .field("url", &self.url.as_ref().map(Url::uri))
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl<'a> RequestBuilder<'a> {
    pub(super) fn new(shared: &'a Shared, method: Method, url: Result<Url>) -> Self {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.method = method;
        Self::from_parts(shared, parts, url, Body::empty())
    }

    /// A request from elsewhere, whose extensions may hold a context.
    pub(super) fn from_request(shared: &'a Shared, request: http::Request<Body>) -> Self {
        let (mut parts, body) = request.into_parts();
        let url = Url::of_uri(std::mem::take(&mut parts.uri));
        let context = parts.extensions.remove();
        Self { context, ..Self::from_parts(shared, parts, url, body) }
    }

    fn from_parts(shared: &'a Shared, parts: Parts, url: Result<Url>, body: Body) -> Self {
        Self {
            shared,
            parts,
            url,
            body,
            context: None,
            timeouts: shared.defaults.timeouts,
            redirects: shared.defaults.redirects,
            connector: None,
            on_informational: None,
            on_raw_head: None,
            on_redirect: None,
            error: None,
        }
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
        self.context = Some(context.clone());
        self
    }

    /// How long this call may take in all, to the end of the response's body.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeouts.call = limit.into();
        self
    }

    /// How long writing this request may take.
    pub fn send_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeouts.send = limit.into();
        self
    }

    /// How long the peer may take from this request's last byte to the head of its answer.
    pub fn response_head_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeouts.response_head = limit.into();
        self
    }

    /// How long the peer may be silent within the body of this request's answer.
    pub fn idle_read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeouts.idle_read = limit.into();
        self
    }

    /// What makes this request's connection if its URL is `https`, in place of the
    /// [client's](super::ClientBuilder::tls). It shares connections only with requests of the same
    /// connector.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, connector: &Connector) -> Self {
        self.connector = Some(connector.clone());
        self
    }

    /// Sets the redirect policy of this request, overriding the client's.
    pub fn redirects(mut self, policy: RedirectPolicy) -> Self {
        self.redirects = policy;
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
        self.on_informational = Some(Arc::new(callback));
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
    /// [`on_informational`](Self::on_informational) and [`on_redirect`](Self::on_redirect). It delays the
    /// response, so it should be quick. A panic on the thread that calls `send` passes through it; on
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
        self.on_raw_head = Some(Arc::new(callback));
        self
    }

    /// Calls `callback` with each redirect before it is followed. It gets the redirecting response, without
    /// its body, and the next request.
    ///
    /// The callback may change the next request. A new URI is read as one that a caller gives, with its
    /// user and password, or those of the redirect within its origin. If it leads to another origin, the credentials that the callback left as
    /// they were are removed.
    ///
    /// ```no_run
    /// # let client = hangup::Client::new();
    /// let mut passed = Vec::new();
    /// let request = client.get("http://example.com/").on_redirect(|_, next| {
    ///     passed.push(next.uri.clone());
    /// });
    /// request.send()?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn on_redirect(
        mut self,
        callback: impl FnMut(&http::Response<Body>, &mut Parts) + Send + 'a,
    ) -> Self {
        self.on_redirect = Some(Box::new(callback));
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
        let Self { shared, parts, url, body, context, timeouts, connector, .. } = self;
        let url = url?;
        let defaults = &shared.defaults;
        if let Some(error) = self.error.or_else(|| defaults.error.clone()) {
            return Err(error);
        }
        let patience = Patience {
            context: within(context, timeouts.call),
            send: timeouts.send,
            response_head: timeouts.response_head,
            idle_read: timeouts.idle_read,
            on_informational: self.on_informational,
            on_raw_head: self.on_raw_head,
        };
        let call = Call {
            shared,
            parts,
            url,
            patience,
            redirects: self.redirects,
            connector: connector.as_ref().or(defaults.connector.as_ref()),
            on_redirect: self.on_redirect,
            progress: Progress::begin(&defaults.fields),
        };
        call.make(body)
    }
}

/// The call's context, ended by the call's time limit as well.
fn within(context: Option<Context>, limit: Option<Duration>) -> Option<Context> {
    match (context, limit) {
        (Some(context), Some(limit)) => Some(context.child_with_timeout(limit)),
        (None, Some(limit)) => Some(Context::with_timeout(limit)),
        (context, None) => context,
    }
}
