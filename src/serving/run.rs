//! A handler is run, and whatever comes of it is an outcome.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use http::{Method, StatusCode, Uri};

use super::panics;
use crate::body::Body;
use crate::error::Error;
use crate::handler::{Ending, Handler, Request, ResponseWriter, clear_extensions};
use crate::net::Addr;

/// What a handler left behind.
pub(crate) enum Outcome {
    Ended(Ending),
    /// It failed when part of its answer was out, or it panicked.
    Failed,
}

/// Runs `handler` on the request and finishes its answer. A handler that fails before it has sent
/// anything is answered for with a 500; how it failed is logged, with `remote`.
///
/// Nothing is left in the request but memory for another one.
pub(crate) fn run(
    handler: &dyn Handler,
    writer: &mut ResponseWriter,
    request: &mut Request,
    remote: &Addr,
) -> Outcome {
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let result = handle(handler, writer, request).and_then(|()| writer.finish());
        let line = result.as_ref().err().map(|_| request_line(request));
        empty(request);
        (result, line)
    }));
    match ran {
        Ok((Ok(ending), _)) => Outcome::Ended(ending),
        Ok((Err(error), line)) => failed(writer, &error, &line.unwrap_or_default(), remote),
        Err(payload) => panicked(writer, request, &*payload, remote),
    }
}

/// Runs the handler, but answers `OPTIONS *` itself: that asks about the server, not about anything
/// that a handler has (RFC 9110 section 9.3.7). There is no Allow, which lists the methods of one
/// resource, and no Content-Length, which a 204 must not have (section 8.6).
fn handle(
    handler: &dyn Handler,
    writer: &mut ResponseWriter,
    request: &mut Request,
) -> Result<(), Error> {
    if *request.method() == Method::OPTIONS && request.uri().path() == "*" {
        writer.set_status(StatusCode::NO_CONTENT);
        return Ok(());
    }
    handler.handle(writer, request)
}

#[cold]
fn failed(writer: &mut ResponseWriter, error: &Error, line: &str, remote: &Addr) -> Outcome {
    log::warn!("{remote}: handler of {line} failed: {error}");
    let replaced = writer.replace_with(StatusCode::INTERNAL_SERVER_ERROR);
    match replaced || writer.is_hijacked() {
        true => writer.finish().map_or(Outcome::Failed, Outcome::Ended),
        false => Outcome::Failed,
    }
}

#[cold]
fn panicked(
    writer: &ResponseWriter,
    request: &mut Request,
    payload: &(dyn Any + Send),
    remote: &Addr,
) -> Outcome {
    panics::log(remote, payload);
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| empty(request))) {
        panics::log(remote, &*payload);
    }
    if writer.is_hijacked() { Outcome::Ended(Ending::Hijacked) } else { Outcome::Failed }
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
