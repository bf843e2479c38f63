//! A handler is run, and whatever comes of it is an outcome.
//!
//! ```text
//!   handler ── Ok ───────────────────────────────▶ finish ──▶ Ended
//!      │ Err
//!      ▼                        head not sent
//!   Blame: own body failed? ──── Client(4xx) ──┐
//!          Error::status?   ──── Client / Server(status) ──▶ on_error hook, or a line of text ──▶ Ended
//!          anything else    ──── Server(500) ──┘
//!          client gone      ──── Gone ───────────────────────▶ nothing is sent
//!   head sent, or a panic   ─────────────────────────────────▶ Failed: the answer breaks off
//! ```

use std::fmt::Display;
use std::sync::Arc;

use http::header::{CONNECTION, HeaderValue};
use http::{Method, StatusCode, Uri};

use super::panics;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::h1::BodyError;
use crate::handler::{Handler, Request, Response, ResponseEnd, ResponseWriter, clear_extensions};
use crate::logging as log;
use crate::net::Addr;
use crate::unwind;

/// Turns an error, and the status it is answered with, into the answer.
pub(crate) type ErrorHook = Box<dyn Fn(&Error, StatusCode, &Request) -> Response + Send + Sync>;

/// What a handler left behind.
pub(crate) enum Outcome {
    Ended(ResponseEnd),
    /// It failed when part of its answer was out, or it panicked.
    Failed,
    /// The client went away within its request. Nothing was sent.
    Gone,
}

/// A server's handler, and how its errors are answered.
pub(crate) struct Service {
    handler: Arc<dyn Handler>,
    runner: Runner,
}

impl Service {
    pub(crate) fn new(handler: impl Handler) -> Self {
        Self { handler: Arc::new(handler), runner: Runner::default() }
    }

    /// Sets what turns errors into answers.
    pub(crate) fn set_on_error<B: Into<Body>>(
        &mut self,
        hook: impl Fn(&Error, StatusCode, &Request) -> http::Response<B> + Send + Sync + 'static,
    ) {
        let hook: ErrorHook =
            Box::new(move |error, status, request| hook(error, status, request).map(Into::into));
        self.runner.on_error = Some(hook);
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

    /// Answers a request that the server refuses, as [`Runner::refuse`] does.
    #[cold]
    pub(crate) fn refuse(
        &self,
        writer: &mut ResponseWriter,
        error: &Error,
        request: &Request,
        remote: &Addr,
    ) -> Outcome {
        self.runner.refuse(writer, error, request, remote)
    }
}

/// Runs handlers, and turns their errors into responses.
#[derive(Default)]
pub(crate) struct Runner {
    on_error: Option<ErrorHook>,
}

impl Runner {
    /// Runs `handle` on the request and finishes its answer. An error that it returns before it
    /// has sent anything is answered by whose fault it is, and logged with `remote`.
    ///
    /// Nothing is left in the request but memory for another one.
    pub(crate) fn run(
        &self,
        handle: impl FnOnce(&mut ResponseWriter, &mut Request) -> Result<()>,
        writer: &mut ResponseWriter,
        request: &mut Request,
        remote: &Addr,
    ) -> Outcome {
        // Errors and hooks are the user's as well: whatever of them panics does it in here.
        let call = || {
            let outcome = self.attempt(handle, writer, request, remote);
            writer.drop_filters();
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
        match respond(handle, writer, request).and_then(|()| writer.finish()) {
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
            return Outcome::Failed;
        }
        let Some(status) = blame.status() else { return Outcome::Gone };
        let (error, closes) = (body.as_ref().unwrap_or(error), body.is_some());
        let shown = Shown { error, status, text: error.status_text(), closes };
        self.answer(writer, &shown, request, remote)
    }

    /// Answers a request that the server refuses, with an error made by [`Error::status`]. The
    /// response must have begun.
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
        let shown = Shown { error, status, text: Some(&text), closes: true };
        let call = || self.answer(writer, &shown, request, remote);
        unwind::contain(call, |payload| panics::log(remote, payload)).unwrap_or(Outcome::Failed)
    }

    fn answer(
        &self,
        writer: &mut ResponseWriter,
        shown: &Shown<'_>,
        request: &Request,
        remote: &Addr,
    ) -> Outcome {
        let answered = self.answer_by_hook(writer, shown, request);
        let finished = answered.and_then(|()| writer.finish());
        finished.map_or_else(|error| last_resort(writer, &error, remote), Outcome::Ended)
    }

    fn answer_by_hook(
        &self,
        writer: &mut ResponseWriter,
        shown: &Shown<'_>,
        request: &Request,
    ) -> Result<()> {
        let Shown { error, status, text, closes } = *shown;
        let Some(hook) = &self.on_error else {
            match text {
                Some(text) => writer.replace_with_text(status, text),
                None => writer.replace_with(status),
            };
            if closes {
                writer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            return Ok(());
        };
        let mut response = hook(error, status, request);
        if closes {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        writer.replace_with_response(response)
    }
}

/// Runs the handler, but answers `OPTIONS *` itself: that asks about the server, not about anything
/// that a handler has (RFC 9110 section 9.3.7). There is no Allow, which lists the methods of one
/// resource, and no Content-Length, which a 204 must not have (section 8.6).
fn respond(
    handle: impl FnOnce(&mut ResponseWriter, &mut Request) -> Result<()>,
    writer: &mut ResponseWriter,
    request: &mut Request,
) -> Result<()> {
    if *request.method() == Method::OPTIONS && request.uri().path() == "*" {
        writer.set_status(StatusCode::NO_CONTENT);
        return Ok(());
    }
    handle(writer, request)
}

/// An error that is answered.
struct Shown<'a> {
    error: &'a Error,
    status: StatusCode,
    /// A line for the client, if there is no hook; the status by itself if this is `None`.
    text: Option<&'a str>,
    /// The connection cannot be used again: the request's end is not known.
    closes: bool,
}

/// The answer to an error could not be sent as it was put together.
#[cold]
fn last_resort(writer: &mut ResponseWriter, error: &Error, remote: &Addr) -> Outcome {
    match writer.is_broken() {
        true => log::debug!("{remote}: an error could not be answered: {error}"),
        false => log::warn!("{remote}: an error could not be answered: {error}"),
    }
    match writer.replace_with(StatusCode::INTERNAL_SERVER_ERROR) {
        true => writer.finish().map_or(Outcome::Failed, Outcome::Ended),
        false => Outcome::Failed,
    }
}

/// Whose fault a handler's error is, and the answer that follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    Client(StatusCode),
    Server(StatusCode),
    /// The client's, and it is not there any more.
    Gone,
}

impl Blame {
    /// `body`: how the request's own body failed, which decides whatever the handler made of it. An
    /// error's kind alone says nothing: it may be that of a call which the handler made.
    fn new(error: &Error, body: Option<&Error>, broken: bool) -> Self {
        if let Some(body) = body {
            return body_status(body).map_or(Self::Gone, Self::Client);
        }
        // A trailer that cannot be sent breaks the answer as well, but is no fault of the client's.
        if broken && error.kind() != ErrorKind::InvalidMessage {
            return Self::Gone;
        }
        match error.status_code().filter(|status| !status.is_informational()) {
            Some(status) if !status.is_server_error() => Self::Client(status),
            Some(status) => Self::Server(status),
            None => Self::Server(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    fn status(self) -> Option<StatusCode> {
        match self {
            Self::Client(status) | Self::Server(status) => Some(status),
            Self::Gone => None,
        }
    }

    fn log(self, remote: &Addr, line: &str, error: &dyn Display) {
        match self {
            Self::Client(status) => log::debug!("{remote}: {line} answered with {status}: {error}"),
            Self::Gone => log::debug!("{remote}: client gone during {line}: {error}"),
            Self::Server(_) => log::warn!("{remote}: handler of {line} failed: {error}"),
        }
    }
}

/// The answer to a request whose own body failed like this; `None` if the client has gone.
fn body_status(error: &Error) -> Option<StatusCode> {
    match error.kind() {
        ErrorKind::TooLarge => Some(StatusCode::PAYLOAD_TOO_LARGE),
        ErrorKind::Timeout(_) => Some(StatusCode::REQUEST_TIMEOUT),
        ErrorKind::MalformedMessage => {
            let body = error.cause().and_then(|cause| cause.downcast_ref::<BodyError>());
            Some(body.map_or(StatusCode::BAD_REQUEST, BodyError::status))
        }
        _ => None,
    }
}

#[cold]
fn panicked(writer: &mut ResponseWriter, request: &mut Request, remote: &Addr) -> Outcome {
    let _ = unwind::contain(|| writer.drop_filters(), |payload| panics::log(remote, payload));
    let _ = unwind::contain(|| empty(request), |payload| panics::log(remote, payload));
    if writer.is_hijacked() { Outcome::Ended(ResponseEnd::Hijacked) } else { Outcome::Failed }
}

/// Drops what is in the request, but for what costs nothing to keep.
fn empty(request: &mut Request) {
    clear_extensions(request);
    *request.body_mut() = Body::empty();
    *request.uri_mut() = Uri::default();
    request.headers_mut().clear();
}

/// What a log line calls a request: nothing that could be a secret, so not the query.
fn request_line(request: &Request) -> String {
    format!("{} {}", request.method(), request.uri().path())
}
