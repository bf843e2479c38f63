//! Running a handler without a socket.

use std::any::Any;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, StatusCode};

use crate::body::{Body, Incoming};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::h1::chunked;
use crate::handler::{
    CloseNotify, FinalHead, Handler, InterimSender, Length, Request, RequestInfo, Response,
    ResponseEnd, ResponseState, ResponseWriter, SendInterim, Sink, set_info,
};
use crate::net::{Addr, Duplex, TlsInfo};
use crate::serving::{Outcome, Runner, Signals};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Runs `handler` on `request` and returns its response, as a client would receive it.
///
/// Nothing is sent over a socket. The response is collected in memory: its body, with trailers if the
/// handler has set any, has arrived in full. Layers and filters run as in a server. `Content-Length` and a
/// sniffed `Content-Type` are among the headers. `Date` is there only if the handler sets it. `Connection`
/// and `Transfer-Encoding` belong to a connection and are left out. A response to a HEAD request has no body.
///
/// An error that the handler returns becomes the response that a [`Server`](crate::Server) without
/// `on_error` would send: see [`Handler`]. [`informational`] returns the interim responses.
///
/// The request reaches the handler as it is. Its context ends when the handler has returned, unless
/// [`set_context`](crate::RequestExt::set_context) has set another. Its address is [`Addr::Memory`].
///
/// # Errors
///
/// There is no response if a server would break off the connection. That is the case if the handler
/// panics or its response cannot be ended ([`ErrorKind::Other`]), if it fails after a part of the
/// response was sent (its error), if it writes less than its `Content-Length` ([`ErrorKind::Misuse`]), or
/// if reading `request`'s body fails (that error).
///
/// # Blocking
///
/// Until the handler has returned.
///
/// # Examples
///
/// ```
/// use hangup::{Request, ResponseWriter, Result, testing};
/// use http::StatusCode;
///
/// fn upload(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
///     let text = r.body_mut().read_text(10)?;
///     w.set_status(StatusCode::CREATED).set_header("x-length", text.len())?;
///     Ok(())
/// }
///
/// let response = testing::call(&upload, Request::put("/").body("hello")?)?;
/// assert_eq!(response.status(), StatusCode::CREATED);
/// assert_eq!(response.headers()["x-length"], "5");
///
/// let response = testing::call(&upload, Request::put("/").body("much too long")?)?;
/// assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
/// # Ok::<(), hangup::Error>(())
/// ```
pub fn call<B: Into<Body>>(handler: &dyn Handler, request: http::Request<B>) -> Result<Response> {
    call_from(Addr::Memory, handler, request)
}

/// Runs `handler` as [`call`] does, on a request from the address `remote`.
///
/// ```
/// use hangup::{Request, RequestExt, ResponseWriter, net::Addr, testing};
/// use std::io::Write;
/// use std::net::SocketAddr;
///
/// let handler = |w: &mut ResponseWriter, r: &mut Request| Ok(write!(w, "{:?}", r.client_ip())?);
/// let remote = SocketAddr::from(([192, 0, 2, 1], 1234));
/// let mut response = testing::call_from(remote.into(), &handler, Request::new(()))?;
/// assert_eq!(response.body_mut().read_text(100)?, "Some(192.0.2.1)");
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Errors
///
/// As [`call`].
///
/// # Blocking
///
/// As [`call`].
pub fn call_from<B: Into<Body>>(
    remote: Addr,
    handler: &dyn Handler,
    request: http::Request<B>,
) -> Result<Response> {
    let failure = BodyFailure::default();
    let mut request = request.map(|body| received(body.into(), &failure));
    let info = Arc::new(CallInfo { signals: Signals::default(), remote });
    set_info(&mut request, Arc::clone(&info) as Arc<dyn RequestInfo>);

    let mut recorder = Recorder { failure, ..Recorder::default() };
    let mut state = ResponseState::default();
    state.begin(request.method() == Method::HEAD);
    let mut writer = ResponseWriter::new(&mut state, &mut recorder);
    let mut failed = None;
    let handle = |writer: &mut ResponseWriter, request: &mut Request| {
        handler.handle(writer, request).inspect_err(|error| failed = Some(error.clone()))
    };
    let outcome = Runner::default().run(handle, &mut writer, &mut request, &info.remote);
    info.signals.finish();
    match outcome {
        Outcome::Ended(ResponseEnd::Whole) => Ok(recorder.into_response()),
        Outcome::Ended(ResponseEnd::Short) => {
            let message = "handler wrote less than the declared Content-Length";
            Err(Error::message(ErrorKind::Misuse, message))
        }
        Outcome::ClientGone => Err(recorder.body_failure().or(failed).unwrap_or_else(panicked)),
        Outcome::Ended(_) | Outcome::Failed => Err(failed.unwrap_or_else(panicked)),
    }
}

/// Returns the interim responses that a handler sent before `response`, which [`call`] has returned.
///
/// ```
/// use hangup::{Request, ResponseWriter, testing};
/// use http::{HeaderMap, StatusCode};
///
/// let handler = |w: &mut ResponseWriter, _: &mut Request| {
///     w.informational(StatusCode::EARLY_HINTS, &HeaderMap::new())
/// };
/// let response = testing::call(&handler, Request::new(()))?;
/// assert_eq!(testing::informational(&response)[0].status(), 103);
/// # Ok::<(), hangup::Error>(())
/// ```
#[must_use]
pub fn informational(response: &Response) -> &[http::Response<()>] {
    response.extensions().get::<Informational>().map_or(&[], |Informational(all)| all)
}

#[derive(Clone)]
struct Informational(Arc<[http::Response<()>]>);

#[cold]
fn panicked() -> Error {
    Error::message(ErrorKind::Other, "handler panicked, or its response could not be ended")
}

/// The information on a request that came from no connection.
struct CallInfo {
    signals: Signals,
    remote: Addr,
}

impl RequestInfo for CallInfo {
    fn context(&self) -> Context {
        self.signals.context().0
    }

    fn close_notify(&self) -> CloseNotify {
        self.signals.close_notify().0
    }

    fn remote_addr(&self) -> Addr {
        self.remote.clone()
    }

    fn local_addr(&self) -> Addr {
        Addr::Memory
    }

    fn tls(&self) -> Option<TlsInfo> {
        None
    }

    fn is_https(&self) -> bool {
        false
    }

    fn is_client_gone(&self) -> bool {
        self.signals.is_disconnected()
    }
}

/// The first failure of the request's body.
#[derive(Clone, Default)]
struct BodyFailure(Arc<Mutex<Option<Error>>>);

impl BodyFailure {
    fn report(&self, error: &Error) {
        self.0.lock().get_or_insert_with(|| error.clone());
    }
}

/// Makes a body whose failures decide the response, as those of a body from a connection.
fn received(body: Body, failure: &BodyFailure) -> Body {
    match body.is_empty() {
        true => body,
        false => {
            let failure = failure.clone();
            Body::incoming(Box::new(ReceivedBody { body, failure, context: None }))
        }
    }
}

struct ReceivedBody {
    body: Body,
    failure: BodyFailure,
    /// The context that the handler has set.
    context: Option<Context>,
}

impl Read for ReceivedBody {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // A body that was read to its end stays so.
        if self.body.len() != Some(0) {
            if let Some(error) = self.context.as_ref().and_then(Context::err) {
                return Err(Error::from(error).into());
            }
        }
        self.body.read(buf).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => {
                let error = Error::with_source(ErrorKind::Receive, error);
                self.failure.report(&error);
                error.into()
            }
        })
    }
}

impl Incoming for ReceivedBody {
    fn remaining(&self) -> Option<u64> {
        self.body.len()
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.body.take_trailers()
    }

    fn is_ready(&mut self) -> bool {
        !self.body.may_wait()
    }

    fn reject(&mut self, reason: &Error) {
        self.failure.report(reason);
    }

    fn set_context(&mut self, context: &Context) {
        self.context = Some(context.clone());
    }
}

/// The interim responses that a handler or another thread has sent.
#[derive(Default)]
struct InterimRecord {
    sent: Mutex<Vec<http::Response<()>>>,
    /// The final head was sent.
    is_closed: AtomicBool,
}

impl InterimRecord {
    fn push(&self, status: StatusCode, headers: &HeaderMap) {
        let mut response = http::Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = headers.clone();
        self.sent.lock().push(response);
    }
}

impl SendInterim for InterimRecord {
    fn send(&self, status: StatusCode, headers: &HeaderMap) -> io::Result<bool> {
        let is_open = !self.is_closed.load(Ordering::Acquire);
        if is_open {
            self.push(status, headers);
        }
        Ok(is_open)
    }
}

/// A response that is collected in memory.
#[derive(Default)]
struct Recorder {
    informational: Arc<InterimRecord>,
    response: http::Response<()>,
    body: Vec<u8>,
    /// The body would be sent in chunks, so trailers could follow it.
    is_chunked: bool,
    trailers: Option<HeaderMap>,
    failure: BodyFailure,
}

impl Recorder {
    fn into_response(self) -> Response {
        let mut body = Body::from(self.body);
        if let Some(trailers) = self.trailers {
            body = body.with_trailers(|| trailers);
        }
        let mut response = self.response.map(|()| body);
        let informational = std::mem::take(&mut *self.informational.sent.lock());
        response.extensions_mut().insert(Informational(informational.into()));
        response
    }
}

impl Sink for Recorder {
    fn informational(&mut self, status: StatusCode, headers: &HeaderMap) -> io::Result<()> {
        self.informational.push(status, headers);
        Ok(())
    }

    fn interim_sender(&mut self) -> io::Result<InterimSender> {
        Ok(InterimSender::new(Arc::clone(&self.informational) as Arc<dyn SendInterim>))
    }

    fn head(&mut self, head: &FinalHead<'_>) -> io::Result<()> {
        self.informational.is_closed.store(true, Ordering::Release);
        *self.response.status_mut() = head.status;
        let headers = self.response.headers_mut();
        headers.clone_from(head.headers);
        headers.remove(CONNECTION);
        if let Some(kind) = head.sniffed {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        match head.length {
            Length::Known(length) => {
                headers.insert(CONTENT_LENGTH, length.into());
            }
            Length::Unknown => self.is_chunked = !head.head_only,
            Length::NoBody | Length::Unsaid => {}
        }
        Ok(())
    }

    fn body(&mut self, data: &[u8]) -> io::Result<()> {
        self.body.extend_from_slice(data);
        Ok(())
    }

    /// As on the wire, only a body of unknown length has trailers, and not every field is allowed there.
    fn end(&mut self, trailers: Option<&HeaderMap>) -> io::Result<()> {
        if self.is_chunked {
            chunked::write_end(&mut Vec::new(), trailers).map_err(io::Error::other)?;
            self.trailers = trailers.cloned();
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn hijack(&mut self) -> Result<Duplex> {
        Err(Error::message(ErrorKind::Misuse, "no connection to hijack in testing::call"))
    }

    fn body_failure(&self) -> Option<Error> {
        self.failure.0.lock().clone()
    }

    /// Memory has no deadlines.
    fn set_read_deadline(&mut self, _deadline: Option<Instant>) {}

    /// Memory has no deadlines.
    fn set_write_deadline(&mut self, _deadline: Option<Instant>) {}

    fn detach(&mut self) -> Box<dyn Sink> {
        Box::new(std::mem::take(self))
    }

    fn attach(&mut self, sink: Box<dyn Any>) {
        if let Ok(recorder) = sink.downcast::<Self>() {
            *self = *recorder;
        }
    }
}
