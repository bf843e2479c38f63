//! The user's code around a call or a hop.

use http::{HeaderMap, Request, Response, Uri};

use super::hop::HopRequest;
use super::options::CallOptions;
use super::session;
use crate::body::Body;
use crate::context::Context;
use crate::error::Result;

/// Code that runs around a request: it may change the request, look at the response, send the request
/// several times, or respond by itself.
///
/// [`ClientBuilder::wrap`](super::ClientBuilder::wrap) adds one that runs once for each call, around
/// all redirects. [`ClientBuilder::wrap_hop`](super::ClientBuilder::wrap_hop) adds one that runs once for
/// each hop: for the first request of a call, and for each that follows a redirect.
///
/// Every closure `Fn(Request, Next<'_>) -> Result<Response>` is a middleware. The types of its parameters
/// have to be written out.
///
/// ```no_run
/// use hangup::client::Next;
/// use hangup::{Client, Request, http::HeaderValue};
///
/// let client = Client::builder()
///     .wrap(|mut request: Request, next: Next<'_>| {
///         let mut key = HeaderValue::from_static("k1");
///         key.set_sensitive(true); // never sent to another origin after a redirect
///         request.headers_mut().insert("x-api-key", key);
///         next.run(request)
///     })
///     .build();
/// # let _ = client;
/// ```
///
/// # The request
///
/// A middleware sees the request with the client's default headers. One of
/// [`wrap_hop`](super::ClientBuilder::wrap_hop) also sees the credentials that the client adds, as an
/// `Authorization` header, and the cookies of its [store](super::ClientBuilder::cookies), as a `Cookie`
/// header. If it removes or changes one of them, the client adds none.
///
/// The method, the URI, the headers and the body can be changed. A changed URI is read as one that a caller
/// gives, with its user and password. If it has another origin, those credentials are removed that the
/// middleware left as they were: the headers `Authorization`, `Cookie` and `Proxy-Authorization`, and all
/// whose value is [marked as sensitive](http::HeaderValue::set_sensitive).
///
/// # Time limits
///
/// The time limit and the context of the call cover its middlewares as well: [`Next::run`] fails once
/// they have ended. A middleware that waits should do so on the [context](CallOptions::context).
///
/// # Sending again
///
/// [`Next::run`] may be called several times. [`Retry`](super::Retry) does so for most programs. This
/// middleware sends a request again, twice at most, while the server is overloaded:
///
/// ```no_run
/// use hangup::client::{Middleware, Next};
/// use hangup::{Request, Response, Result, http::StatusCode};
/// use std::time::Duration;
///
/// struct Overload;
///
/// impl Middleware for Overload {
///     fn handle(&self, request: Request, next: Next<'_>) -> Result<Response> {
///         let (parts, mut body) = request.into_parts();
///         for pause in [100, 200] {
///             let again = body.try_clone();
///             let response = next.run(Request::from_parts(parts.clone(), body))?;
///             match again {
///                 Some(again) if response.status() == StatusCode::SERVICE_UNAVAILABLE => body = again,
///                 _ => return Ok(response),
///             }
///             drop(response); // gives its connection back
///             let pause = Duration::from_millis(pause);
///             match next.options().context() {
///                 Some(context) => _ = context.wait_timeout(pause),
///                 None => std::thread::sleep(pause),
///             }
///         }
///         next.run(Request::from_parts(parts, body))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a middleware",
    note = "a middleware is a function `fn(Request, client::Next<'_>) -> hangup::Result<Response>`, or a type that implements `Middleware`"
)]
pub trait Middleware: Send + Sync {
    /// Returns the response to `request`, which [`next`](Next::run) sends.
    ///
    /// # Errors
    ///
    /// Any error: it is the result of the call, unless a middleware further out handles it.
    fn handle(&self, request: Request<Body>, next: Next<'_>) -> Result<Response<Body>>;
}

impl<F> Middleware for F
where
    F: Fn(Request<Body>, Next<'_>) -> Result<Response<Body>> + Send + Sync,
{
    fn handle(&self, request: Request<Body>, next: Next<'_>) -> Result<Response<Body>> {
        self(request, next)
    }
}

/// The middlewares of one kind, the outermost first.
pub(super) type Chain = [Box<dyn Middleware>];

/// The rest of the way of a request: the middlewares further in, and what follows them.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    rest: &'a Chain,
    last: &'a (dyn Fn(Request<Body>) -> Result<Response<Body>> + Sync),
    options: &'a CallOptions,
    /// The URI and the headers with which the middleware received its request.
    received: &'a (Uri, HeaderMap),
}

impl Next<'_> {
    /// Sends the request and returns the response once its head has come. May be called several times.
    ///
    /// A response whose body was not read keeps its connection. Drop it before sending again: at
    /// [`max_connections_per_host`](super::ClientBuilder::max_connections_per_host), the next request would
    /// wait for that connection.
    ///
    /// # Errors
    ///
    /// As [`RequestBuilder::send`](super::RequestBuilder::send), and each error of a middleware further
    /// in.
    ///
    /// # Blocking
    ///
    /// As [`RequestBuilder::send`](super::RequestBuilder::send).
    pub fn run(&self, mut request: Request<Body>) -> Result<Response<Body>> {
        if let Some(ended) = self.options.context().and_then(Context::err) {
            return Err(ended.into());
        }
        session::keep_to_origin(&mut request, self.received)?;
        match self.rest.split_first() {
            Some((first, rest)) => {
                let received = &(request.uri().clone(), request.headers().clone());
                first.handle(request, Next { rest, received, ..*self })
            }
            None => (self.last)(request),
        }
    }

    /// Returns the options of the call: its context, time limits and redirect policy.
    #[must_use]
    pub fn options(&self) -> &CallOptions {
        self.options
    }
}

impl std::fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Runs the middlewares of `chain` around a request. `last` sends each request that the innermost of
/// them passes on.
pub(super) fn run<'a>(
    chain: &Chain,
    mut hop: HopRequest<'_>,
    options: &CallOptions,
    last: impl Fn(HopRequest<'a>) -> Result<Response<Body>> + Sync,
) -> Result<Response<Body>> {
    hop.merge_defaults();
    let HopRequest { mut parts, url, body, begun, state, .. } = hop;
    parts.uri = url.uri().clone();
    let before = parts.headers.clone();
    let last = |request: Request<Body>| {
        let (mut parts, body) = request.into_parts();
        let (url, state) = session::rebind(&mut parts.headers, &parts.uri, &url, &before, &state)?;
        last(HopRequest::complete(parts, url, body, begun, state))
    };
    let received = &(parts.uri.clone(), before.clone());
    let next = Next { rest: chain, last: &last, options, received };
    next.run(Request::from_parts(parts, body))
}
