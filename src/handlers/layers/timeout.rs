//! A limit on the time that a handler takes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::RETRY_AFTER;
use http::{Method, StatusCode, Uri};

use super::refusal::whole_seconds;
use crate::logging as log;
use crate::{Body, Handler, Layer, Request, RequestExt, Response, ResponseWriter, Result};

/// A limit on the time that a handler takes for a request.
///
/// If the handler has not begun its response in time, the client gets a 503 at that moment, also if the
/// handler ignores its context. [`respond_with`](Self::respond_with) sets another response.
///
/// ```
/// use hangup::layers::Timeout;
/// use hangup::{HandlerExt, Request, RequestExt, ResponseWriter, Result, testing};
/// use std::time::Duration;
///
/// fn slow(_: &mut ResponseWriter, r: &mut Request) -> Result<()> {
///     Err(r.context().wait().into()) // waits for something that does not come
/// }
///
/// let handler = slow.layer(Timeout::new(Duration::from_millis(5)).retry_after(Duration::from_secs(30)));
/// let response = testing::call(&handler, Request::new(()))?;
/// assert_eq!(response.status(), 503);
/// assert_eq!(response.headers()["retry-after"], "30");
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # At the limit
///
/// | handler | client | handler's calls from then on |
/// | --- | --- | --- |
/// | waits for its [context](RequestExt::context), or for a call with it | 503 at once | the context has ended |
/// | reads the request's body | 503 at once | the read returns, and each later one fails |
/// | computes, or blocks in code that does not look at the context | 503 at once | it runs on |
/// | has flushed, or has written more than 2 KiB | an incomplete response, at the handler's next write or return | each write fails, and a blocked one returns |
/// | has hijacked the connection | nothing | the context has ended |
///
/// A thread cannot be interrupted, so a handler that ignores its context runs to its end. It keeps the thread
/// of its connection until then, and its place in a [`ConcurrencyLimit`](super::ConcurrencyLimit). The 503
/// closes an HTTP connection for writing, so the client does not wait for it. Over FastCGI it ends the
/// request, so the web server is free as well. Writes of the handler fail with
/// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) once they leave the 2 KiB that the
/// [`ResponseWriter`] holds back. Its error is logged at `debug`, and the time limit at `warn`.
///
/// The headers and filters of the layers outside apply to the 503. A server's
/// [`on_error`](crate::Server::on_error) does not see it.
///
/// # Other limits for some requests
///
/// The earliest limit counts: that of an outer `Timeout`, and a
/// [deadline](RequestExt::set_deadline) that the context had before. [`by`](Self::by) chooses the limit by
/// the request, such as none for an upload. A handler that streams for longer sets its own deadline with
/// [`ResponseWriter::set_write_deadline`]: the limit then applies to the beginning of its response only,
/// and to its context.
///
/// # Cost
///
/// No thread is started for a request that ends in time. The context's watch of the connection starts only
/// if the handler asks for the context.
#[derive(Clone)]
pub struct Timeout {
    limit: Arc<Limit>,
    respond: Arc<Respond>,
}

type Limit = dyn Fn(&Request) -> Option<Duration> + Send + Sync;
type Respond = dyn Fn() -> Response + Send + Sync;

impl Timeout {
    /// Creates a limit of `limit` for each request.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self::by(move |_| Some(limit))
    }

    /// Creates a limit that `limit` returns for each request. `None` is no limit.
    ///
    /// ```
    /// use hangup::layers::Timeout;
    /// use std::time::Duration;
    ///
    /// let timeout = Timeout::by(|r| match r.uri().path() {
    ///     "/export" => None,
    ///     _ => Some(Duration::from_secs(10)),
    /// });
    /// ```
    #[must_use]
    pub fn by(limit: impl Fn(&Request) -> Option<Duration> + Send + Sync + 'static) -> Self {
        Self { limit: Arc::new(limit), respond: Arc::new(|| unavailable(None)) }
    }

    /// Adds a `Retry-After` header to the response (RFC 9110 section 10.2.3), in whole seconds, rounded up.
    /// There is none by default. Replaces the function of [`respond_with`](Self::respond_with).
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        self.respond_with(move || unavailable(Some(after)))
    }

    /// Sets the function that creates the response. By default it is a 503 with a line of text.
    ///
    /// The function runs on another thread, while the handler may still be running.
    #[must_use]
    pub fn respond_with<B: Into<Body>>(
        self,
        respond: impl Fn() -> http::Response<B> + Send + Sync + 'static,
    ) -> Self {
        Self { respond: Arc::new(move || respond().map(Into::into)), ..self }
    }
}

fn unavailable(retry_after: Option<Duration>) -> Response {
    let mut response = Response::new("503 Service Unavailable: time limit exceeded\n".into());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    if let Some(after) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, whole_seconds(after).into());
    }
    response
}

impl Layer for Timeout {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        let own = (self.limit)(r).and_then(|limit| Instant::now().checked_add(limit));
        let Some(deadline) = own.map(|own| r.deadline().map_or(own, |earlier| own.min(earlier)))
        else {
            return next.handle(w, r);
        };
        r.set_deadline(deadline);
        let (respond, begun) = (Arc::clone(&self.respond), Instant::now());
        let line = RequestLine(r.method().clone(), r.uri().clone());
        w.handle_until(r, next, deadline, move |w| {
            log::warn!("handler of {line} has not responded after {:?}", begun.elapsed());
            w.send(respond())
        })
        .map(drop)
    }
}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").finish_non_exhaustive()
    }
}

/// A request for the log. The query is left out, since it may contain secrets.
struct RequestLine(Method, Uri);

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.1.path())
    }
}
