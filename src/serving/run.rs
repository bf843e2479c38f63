//! Running a handler, and the response to its error.
//!
//! ```text
//!   handler ── Ok ───────────────────────────────▶ finish ──▶ Ended
//!      │ Err
//!      ▼                        head not sent
//!   Blame: own body failed? ──── Client(4xx) ──┐
//!          Error::status?   ──── Client / Server(status) ──▶ on_error hook, or a line of text ──▶ Ended
//!          anything else    ──── Server(500) ──┘
//!          client gone, 499 ──── ClientGone ─────────────────▶ nothing is sent
//!   head sent, or a panic   ─────────────────────────────────▶ Failed: the response breaks off
//! ```

use std::sync::Arc;

use http::header::{CONNECTION, HeaderValue};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Method, StatusCode, Uri};

use super::panics;
use super::stats::counters::{Counting, Outcome as Counted};
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::h1::BodyError;
use crate::handler::{
    Handler, IntoResponse, OutcomeKind, Request, Response, ResponseEnd, ResponseOutcome,
    ResponseWriter, clear_extensions, is_client_gone,
};
use crate::logging as log;
use crate::net::Addr;
use crate::unwind;

/// A function that creates the response to an error. Its second argument is the status of the default
/// response.
pub(crate) type ErrorHook =
    Box<dyn Fn(&Error, StatusCode, &Request) -> Result<Response> + Send + Sync>;

/// A function that sees each response that is made without the handler, and the client's address.
pub(crate) type RefusalHook = Arc<dyn Fn(&ResponseOutcome<'_>, &Addr) + Send + Sync>;

/// The result of running a handler.
pub(crate) enum Outcome {
    /// The response has ended in this way.
    Ended(ResponseEnd),
    /// The handler panicked, or failed after a part of its response was sent.
    Failed,
    /// The client went away during its request. Nothing was sent.
    ClientGone,
}

impl Outcome {
    fn kind(&self) -> OutcomeKind {
        match self {
            Self::Ended(ResponseEnd::Whole) => OutcomeKind::Complete,
            Self::Ended(ResponseEnd::Hijacked) => OutcomeKind::Hijacked,
            Self::Ended(ResponseEnd::Broken) | Self::ClientGone => OutcomeKind::ClientLeft,
            Self::Ended(ResponseEnd::Short) | Self::Failed => OutcomeKind::Failed,
        }
    }
}

/// A server's handler, and the runner that responds to its errors.
pub(crate) struct Service {
    handler: Arc<dyn Handler>,
    runner: Runner,
}

impl Service {
    pub(crate) fn new(handler: impl Handler) -> Self {
        Self { handler: Arc::new(handler), runner: Runner::default() }
    }

    /// Sets the function that creates the responses to errors.
    pub(crate) fn set_on_error<T: IntoResponse>(
        &mut self,
        hook: impl Fn(&Error, StatusCode, &Request) -> T + Send + Sync + 'static,
    ) {
        let hook: ErrorHook =
            Box::new(move |error, status, request| hook(error, status, request).into_response());
        self.runner.on_error = Some(hook);
    }

    /// Sets the function that is called after each response that is made without the handler.
    pub(crate) fn set_on_refused(
        &mut self,
        hook: impl Fn(&ResponseOutcome<'_>, &Addr) + Send + Sync + 'static,
    ) {
        self.runner.on_refused = Some(Arc::new(hook));
    }

    /// Runs the handler as [`Runner::run`] does, and counts the request.
    pub(crate) fn run_counted(
        &self,
        writer: &mut ResponseWriter,
        request: &mut Request,
        remote: &Addr,
        counting: &Counting,
    ) -> Outcome {
        let begun = counting.begin();
        let outcome = self.run(writer, request, remote);
        counting.ended(counted(&outcome, writer), begun);
        outcome
    }

    /// Runs the handler as [`Runner::run`] does.
    pub(crate) fn run(
        &self,
        writer: &mut ResponseWriter,
        request: &mut Request,
        remote: &Addr,
    ) -> Outcome {
        let handle = |writer: &mut ResponseWriter, request: &mut Request| {
            self.handler.handle(writer, request)
        };
        self.runner.run(handle, writer, request, remote)
    }

    /// Refuses a request as [`Runner::refuse`] does.
    #[cold]
    pub(crate) fn refuse(
        &self,
        writer: &mut ResponseWriter,
        error: &Error,
        request: &Request,
        remote: &Addr,
        counting: &Counting,
    ) -> Outcome {
        let outcome = self.runner.refuse(writer, error, request, remote);
        counting.refused(counted(&outcome, writer));
        outcome
    }
}

/// Returns the outcome of a request as the server's numbers show it.
fn counted(outcome: &Outcome, writer: &ResponseWriter) -> Counted {
    match outcome {
        Outcome::Ended(ResponseEnd::Whole) => Counted::of(writer.status()),
        Outcome::Ended(ResponseEnd::Hijacked) => Counted::Hijacked,
        Outcome::Ended(ResponseEnd::Broken) | Outcome::ClientGone => Counted::Aborted,
        Outcome::Failed if writer.is_broken() => Counted::Aborted,
        Outcome::Ended(ResponseEnd::Short) | Outcome::Failed => Counted::Failed,
    }
}

/// Runs handlers, and turns their errors into responses.
#[derive(Default)]
pub(crate) struct Runner {
    on_error: Option<ErrorHook>,
    on_refused: Option<RefusalHook>,
}

impl Runner {
    /// Runs `handle` on the request and finishes the response. An error that it returns is logged with
    /// `remote`. If nothing was sent before, the response depends on who caused the error.
    ///
    /// Empties the request, whose memory the next one can use.
    pub(crate) fn run(
        &self,
        handle: impl FnOnce(&mut ResponseWriter, &mut Request) -> Result<()>,
        writer: &mut ResponseWriter,
        request: &mut Request,
        remote: &Addr,
    ) -> Outcome {
        // Errors, hooks and extensions are user code as well, so this contains their panics.
        let call = || {
            let outcome = self.attempt(handle, writer, request, remote);
            writer.drop_filters();
            end_hooks(writer, request, remote, outcome.kind());
            empty(request);
            outcome
        };
        let outcome = unwind::contain(call, |payload| panics::log(remote, payload));
        outcome.unwrap_or_else(|| panicked(writer, request, remote))
    }

    fn attempt(
        &self,
        handle: impl FnOnce(&mut ResponseWriter, &mut Request) -> Result<()>,
        writer: &mut ResponseWriter,
        request: &mut Request,
        remote: &Addr,
    ) -> Outcome {
        let handled = match asks_about_the_server(request) {
            false => handle(writer, request),
            true => {
                self.show_end(writer, remote);
                writer.set_status(StatusCode::NO_CONTENT);
                Ok(())
            }
        };
        if writer.has_end_hooks() {
            writer.before_finish(is_client_gone(request));
        }
        match handled.and_then(|()| writer.finish()) {
            Ok(ending) => Outcome::Ended(ending),
            Err(error) => self.failed(writer, &error, request, remote),
        }
    }

    #[cold]
    fn failed(
        &self,
        writer: &mut ResponseWriter,
        error: &Error,
        request: &Request,
        remote: &Addr,
    ) -> Outcome {
        let body = writer.body_failure();
        let blame = Blame::new(error, body.as_ref(), writer.is_broken());
        blame.log(remote, &request_line(request), body.as_ref().unwrap_or(error));
        if writer.is_hijacked() {
            return writer.finish().map_or(Outcome::Failed, Outcome::Ended);
        }
        if writer.is_on_wire() {
            return match blame {
                Blame::ClientGone => Outcome::Ended(ResponseEnd::Broken),
                Blame::Client(_) | Blame::Server(_) => Outcome::Failed,
            };
        }
        let Some(status) = blame.status() else { return Outcome::ClientGone };
        // An error made with the same status tells the client more.
        let tells = error.own_status() == Some(status);
        let (error, closes) = (body.as_ref().filter(|_| !tells).unwrap_or(error), body.is_some());
        let shown = ErrorResponse { error, status, text: error.status_text(), closes };
        self.send_error(writer, &shown, request, remote)
    }

    /// Refuses a request without running a handler. `error` was created by [`Error::status`]. The response
    /// must have begun.
    #[cold]
    pub(crate) fn refuse(
        &self,
        writer: &mut ResponseWriter,
        error: &Error,
        request: &Request,
        remote: &Addr,
    ) -> Outcome {
        let status = error.status_code().unwrap_or(StatusCode::BAD_REQUEST);
        let text = error.to_string();
        let shown = ErrorResponse { error, status, text: Some(&text), closes: true };
        self.show_end(writer, remote);
        let call = || self.send_error(writer, &shown, request, remote);
        let outcome = unwind::contain(call, |payload| panics::log(remote, payload));
        let outcome = outcome.unwrap_or(Outcome::Failed);
        end_hooks(writer, request, remote, outcome.kind());
        outcome
    }

    /// Has the hook called at the end of a response that is made without the handler.
    fn show_end(&self, writer: &mut ResponseWriter, remote: &Addr) {
        if let Some(hook) = &self.on_refused {
            let (hook, remote) = (Arc::clone(hook), remote.clone());
            writer.on_end(move |outcome| hook(outcome, &remote));
        }
    }

    fn send_error(
        &self,
        writer: &mut ResponseWriter,
        shown: &ErrorResponse<'_>,
        request: &Request,
        remote: &Addr,
    ) -> Outcome {
        let written = self.write_error(writer, shown, request);
        let finished = written.and_then(|()| writer.finish());
        finished.map_or_else(|error| last_resort(writer, &error, remote), Outcome::Ended)
    }

    fn write_error(
        &self,
        writer: &mut ResponseWriter,
        shown: &ErrorResponse<'_>,
        request: &Request,
    ) -> Result<()> {
        let ErrorResponse { error, status, text, closes } = *shown;
        let Some(hook) = &self.on_error else {
            match text {
                Some(text) => writer.replace_with_text(status, text),
                None => writer.replace_with(status),
            };
            add_headers(writer.headers_mut(), error);
            if closes {
                writer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            return Ok(());
        };
        let mut response = hook(error, status, request)?;
        add_headers(response.headers_mut(), error);
        if closes {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        writer.replace_with_response(response)
    }
}

/// Returns `true` for `OPTIONS *`, which asks about the server and not about a resource (RFC 9110 section
/// 9.3.7). The response is a 204 without the handler. It has no Allow, which lists the methods of one resource,
/// and no Content-Length, which a 204 must not have (section 8.6).
fn asks_about_the_server(request: &Request) -> bool {
    *request.method() == Method::OPTIONS && request.uri().path() == "*"
}

/// Adds the headers of [`Error::with_header`] to the response to `error`.
fn add_headers(headers: &mut HeaderMap, error: &Error) {
    headers.extend(error.response_headers().cloned().unwrap_or_default());
}

/// The response to an error.
struct ErrorResponse<'a> {
    error: &'a Error,
    status: StatusCode,
    /// The line of text that is sent without a hook. `None` sends the status and its reason.
    text: Option<&'a str>,
    /// The response closes the connection, since the request's end is unknown.
    closes: bool,
}

/// Responds with a plain 500 if the response to an error could not be sent.
#[cold]
fn last_resort(writer: &mut ResponseWriter, error: &Error, remote: &Addr) -> Outcome {
    match writer.is_broken() {
        true => log::debug!("{remote}: cannot send the response to an error: {error}"),
        false => log::warn!("{remote}: cannot send the response to an error: {error}"),
    }
    match writer.replace_with(StatusCode::INTERNAL_SERVER_ERROR) {
        true => writer.finish().map_or(Outcome::Failed, Outcome::Ended),
        false => Outcome::Failed,
    }
}

/// The status of an error that says that the client has gone: nginx logs it. It is never sent, since a client
/// that has only closed its sending side would see it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// The side that caused a handler's error, and the status of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    Client(StatusCode),
    Server(StatusCode),
    /// The client, which has gone away.
    ClientGone,
}

impl Blame {
    /// `body`: the error of the request's own body. It decides, whatever error the handler returns. The
    /// kind of the handler's error does not decide, since it may come from a call that the handler made.
    fn new(error: &Error, body: Option<&Error>, broken: bool) -> Self {
        if let Some(body) = body {
            return body_status(body).map_or(Self::ClientGone, Self::Client);
        }
        // An invalid trailer breaks the response as well, but the client has not caused it.
        if broken && error.kind() != ErrorKind::InvalidMessage {
            return Self::ClientGone;
        }
        match error.own_status().filter(|status| !status.is_informational()) {
            Some(status) if status.as_u16() == CLIENT_CLOSED_REQUEST => Self::ClientGone,
            // The client has asked for a method or a protocol that is not there. Nothing is broken.
            Some(status) if status == StatusCode::NOT_IMPLEMENTED => Self::Client(status),
            Some(status) if !status.is_server_error() => Self::Client(status),
            Some(status) => Self::Server(status),
            None => Self::Server(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    fn status(self) -> Option<StatusCode> {
        match self {
            Self::Client(status) | Self::Server(status) => Some(status),
            Self::ClientGone => None,
        }
    }

    /// Logs an error with its whole chain of sources. The client sees less of it.
    fn log(self, remote: &Addr, line: &str, error: &Error) {
        match self {
            Self::Client(status) => {
                log::debug!("{remote}: {line} answered with {status}: {error:#}")
            }
            Self::ClientGone => log::debug!("{remote}: client went away during {line}: {error:#}"),
            Self::Server(_) => log::warn!("{remote}: handler of {line} failed: {error:#}"),
        }
    }
}

/// Returns the status for a request whose body failed with `error`. `None` if the client has gone away.
fn body_status(error: &Error) -> Option<StatusCode> {
    match error.kind() {
        ErrorKind::TooLarge => Some(StatusCode::PAYLOAD_TOO_LARGE),
        ErrorKind::Timeout(_) => Some(StatusCode::REQUEST_TIMEOUT),
        ErrorKind::MalformedMessage => {
            let body = error.cause().and_then(|cause| cause.downcast_ref::<BodyError>());
            Some(body.map_or(StatusCode::BAD_REQUEST, BodyError::status))
        }
        ErrorKind::Decode => Some(StatusCode::BAD_REQUEST),
        _ => None,
    }
}

#[cold]
fn panicked(writer: &mut ResponseWriter, request: &mut Request, remote: &Addr) -> Outcome {
    let _ = unwind::contain(|| writer.drop_filters(), |payload| panics::log(remote, payload));
    end_hooks(writer, request, remote, OutcomeKind::Panicked);
    let _ = unwind::contain(|| empty(request), |payload| panics::log(remote, payload));
    if writer.is_hijacked() { Outcome::Ended(ResponseEnd::Hijacked) } else { Outcome::Failed }
}

/// Calls the hooks that wait for the end of the response.
fn end_hooks(writer: &mut ResponseWriter, request: &Request, remote: &Addr, kind: OutcomeKind) {
    if writer.has_end_hooks() {
        writer.run_end_hooks(kind, request, |hook| {
            let _ = unwind::contain(hook, |payload| panics::log(remote, payload));
        });
    }
}

/// Drops the contents of the request, and keeps its memory.
fn empty(request: &mut Request) {
    clear_extensions(request);
    *request.body_mut() = Body::empty();
    *request.uri_mut() = Uri::default();
    request.headers_mut().clear();
}

/// Returns the request for a log line. The query is left out, since it may contain secrets.
fn request_line(request: &Request) -> String {
    let uri = request.uri();
    // The target of CONNECT has no path.
    let target = uri.path_and_query().map(PathAndQuery::path);
    let target = target.or_else(|| uri.authority().map(Authority::as_str)).unwrap_or_default();
    format!("{} {target}", request.method())
}
