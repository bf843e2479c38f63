//! CGI on both sides (RFC 3875): programs that a web server starts for each request, and a handler that
//! starts such programs, the [`Script`].
//!
//! # Programs
//!
//! The same handler serves HTTP and one request in a separate program:
//!
//! ```no_run
//! use hangup::cgi;
//! use std::io::Write;
//!
//! fn main() -> Result<(), hangup::Error> {
//!     cgi::serve(|w, r| {
//!         writeln!(w, "hello {}", r.uri().path())?;
//!         Ok(())
//!     })
//! }
//! ```
//!
//! | CGI | handler |
//! | --- | --- |
//! | environment variables | the request's head, and [`RequestExt::variables`] |
//! | standard input | the request's body |
//! | standard output | the response |
//! | standard error | [`RequestExt::error_stream`] |
//!
//! A web server that aborts a request closes the program's standard output, or kills the program. The
//! request's context ends when a write to standard output fails.

mod input;
mod output;
#[cfg(unix)]
#[path = "cgi/process/unix.rs"]
mod process;
#[cfg(not(unix))]
#[path = "cgi/process/other.rs"]
mod process;
mod script;

use std::any::Any;
use std::env;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, Method, StatusCode};

use crate::body::{Body, Incoming};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::{self, GatewayRequestInfo};
use crate::handler::{
    ErrorStream, FinalHead, Handler, Request, RequestExt, ResponseEnd, ResponseState,
    ResponseWriter, Sink, Variables, set_info,
};
use crate::net::{Addr, Duplex};
use crate::serving::{Disconnect, Outcome, Service, Signals};
use crate::sync::{Exclusive, Mutex};
use crate::text::counted;

pub use script::Script;

/// The size, in bytes, at which the encoded output is written.
const FULL: usize = 16 * 1024;

/// Serves the request of this process with `handler`, a function or closure.
///
/// The types of a closure's parameters are inferred. [`serve_handler`] takes any other [`Handler`]. The
/// request comes from the environment and standard input. The response goes to standard output, so nothing
/// else may write there.
///
/// If the handler fails before it has sent anything, the response is the one of [`Handler`]: for example, a
/// 413 for a body that exceeds a limit, and none for a body that was cut off. If it panics, the response is
/// a 500.
///
/// # Errors
///
/// * [`Misuse`](ErrorKind::Misuse) if the environment does not describe a request, since the program was
///   not started by a web server.
/// * [`IncompleteBody`](ErrorKind::IncompleteBody) if the handler failed because the body was cut off, or
///   the error of reading standard input.
/// * [`Send`](ErrorKind::Send) if the response could not be written.
/// * [`Other`](ErrorKind::Other) if the handler panicked, or failed after a part of the response was sent.
///
/// # Blocking
///
/// Until the handler has returned and the response is written.
pub fn serve<F>(handler: F) -> Result<()>
where
    F: Fn(&mut ResponseWriter, &mut Request) -> Result<()> + Send + Sync + 'static,
{
    serve_handler(handler)
}

/// Serves the request of this process with any [`Handler`]. Otherwise it is like [`serve`].
///
/// # Errors
///
/// As [`serve`].
pub fn serve_handler(handler: impl Handler) -> Result<()> {
    let pairs =
        env::vars_os().map(|(name, value)| (process::os_bytes(name), process::os_bytes(value)));
    serve_with(handler, pairs, io::stdin(), io::stdout(), io::stderr())
}

/// Serves a request that the arguments describe, for tests. Otherwise it is like [`serve`].
///
/// ```
/// use hangup::{Request, ResponseWriter, cgi};
/// use std::io::{Read, Write};
///
/// let handler = |w: &mut ResponseWriter, r: &mut Request| {
///     let body = r.body_mut().read_text(100)?;
///     Ok(write!(w, "{} said {body}", r.uri().path())?)
/// };
/// let variables = [("REQUEST_METHOD", "POST"), ("PATH_INFO", "/you"), ("CONTENT_LENGTH", "2")];
/// let (near, mut far) = hangup::testing::stream_pair();
/// cgi::serve_with(handler, variables, &b"hi"[..], near, std::io::sink())?;
/// let mut response = String::new();
/// far.read_to_string(&mut response)?;
/// assert!(response.starts_with("Status: 200 OK\r\n") && response.ends_with("/you said hi"));
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Errors
///
/// As [`serve`].
pub fn serve_with<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    handler: impl Handler,
    variables: impl IntoIterator<Item = (N, V)>,
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
    errors: impl Write + Send + 'static,
) -> Result<()> {
    let variables: Variables = variables
        .into_iter()
        .map(|(name, value)| (name.as_ref().into(), value.as_ref().into()))
        .collect();
    let signals = Arc::new(Signals::default());
    let failure = BodyFailure::default();
    let mut wire =
        Wire { output: Box::new(output), out: Vec::new(), signals, failure: failure.clone() };
    if variables.get_bytes("REQUEST_METHOD").is_none() {
        let message = "environment does not describe a request: REQUEST_METHOD missing";
        return Err(Error::message(ErrorKind::Misuse, message));
    }
    let (request, meta) = match gateway::read(&variables) {
        Ok(read) => read,
        Err(error) => {
            let text = format!("{error}\n");
            gateway::write_refusal(&mut wire.out, StatusCode::BAD_REQUEST, &text);
            return wire.write_out().map_err(|error| Error::with_source(ErrorKind::Send, error));
        }
    };
    let body = match meta.content_length {
        // Without a length there is no body (RFC 3875 section 4.2).
        None | Some(0) => Body::empty(),
        Some(left) => {
            let input =
                Input { input: Exclusive::new(Box::new(input)), left, failure, context: None };
            Body::incoming(Box::new(input))
        }
    };
    let mut request = request.map(|_| body);
    let signals = Arc::clone(&wire.signals);
    let errors = Mutex::new(errors);
    set_info(&mut request, Arc::new(GatewayRequestInfo { signals: Arc::clone(&signals), meta }));
    let extensions = request.extensions_mut();
    extensions.insert(variables);
    extensions.insert(ErrorStream::new(move |bytes| errors.lock().write_all(bytes)));
    run(&Service::new(handler), wire, request, &signals)
}

/// Runs the handler, and writes its response.
fn run(service: &Service, mut wire: Wire, mut request: Request, signals: &Signals) -> Result<()> {
    let mut response = ResponseState::default();
    response.begin(request.method() == Method::HEAD);
    let mut writer = ResponseWriter::new(&mut response, &mut wire);
    let remote = request.remote_addr().unwrap_or(Addr::Unknown);
    let outcome = service.run(&mut writer, &mut request, &remote);
    signals.finish();
    let failed = || Error::message(ErrorKind::Other, "handler failed");
    let outcome = match outcome {
        Outcome::Ended(ResponseEnd::Whole | ResponseEnd::Hijacked) => Ok(()),
        Outcome::Ended(ResponseEnd::Short) => Err(failed()),
        Outcome::ClientGone => {
            Err(writer.body_failure().unwrap_or_else(|| Error::new(ErrorKind::Send)))
        }
        Outcome::Ended(ResponseEnd::Broken) => Err(Error::new(ErrorKind::Send)),
        Outcome::Failed => {
            if writer.replace_with(StatusCode::INTERNAL_SERVER_ERROR) {
                let _ = writer.finish();
            }
            Err(failed())
        }
    };
    let written = wire.write_out();
    outcome.and(written.map_err(|error| Error::with_source(ErrorKind::Send, error)))
}

/// The first error that the handler got from the request's body.
#[derive(Clone, Default)]
struct BodyFailure(Arc<Mutex<Option<Error>>>);

impl BodyFailure {
    fn report(&self, error: &Error) {
        self.0.lock().get_or_insert_with(|| error.clone());
    }
}

/// The request's body on standard input.
struct Input {
    input: Exclusive<Box<dyn Read + Send>>,
    /// How many bytes of the body are unread.
    left: u64,
    failure: BodyFailure,
    /// The context that the handler has set.
    context: Option<Context>,
}

impl Input {
    fn failed(&self, error: Error) -> io::Error {
        self.failure.report(&error);
        error.into()
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // A body that was read to its end stays so.
        if self.left > 0 {
            if let Some(error) = self.context.as_ref().and_then(Context::err) {
                return Err(Error::from(error).into());
            }
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let count = match self.input.read(&mut buf[..most]) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(self.failed(Error::with_source(ErrorKind::Receive, error))),
        };
        if count == 0 && most > 0 {
            let message =
                format!("body is {} shorter than CONTENT_LENGTH", counted(self.left, "byte"));
            return Err(self.failed(Error::message(ErrorKind::IncompleteBody, message)));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

impl Incoming for Input {
    /// Returns `true` only at the end: a read of standard input may always block.
    fn is_ready(&mut self) -> bool {
        self.left == 0
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.left)
    }

    fn reject(&mut self, reason: &Error) {
        self.failure.report(reason);
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        None
    }

    fn set_context(&mut self, context: &Context) {
        self.context = Some(context.clone());
    }
}

/// The writing half: standard output.
struct Wire {
    output: Box<dyn Write + Send>,
    /// The output that is encoded and not written.
    out: Vec<u8>,
    signals: Arc<Signals>,
    failure: BodyFailure,
}

impl Wire {
    fn write_out(&mut self) -> io::Result<()> {
        let outcome = self.output.write_all(&self.out).and_then(|()| self.output.flush());
        self.out.clear();
        outcome.inspect_err(|error| self.signals.disconnected(Disconnect::Failed(error.kind())))
    }
}

impl Sink for Wire {
    /// Has no effect: CGI has no interim responses (RFC 3875 section 6.3.3).
    fn informational(&mut self, _status: StatusCode, _headers: &HeaderMap) -> io::Result<()> {
        Ok(())
    }

    fn head(&mut self, head: &FinalHead<'_>) -> io::Result<()> {
        gateway::write_head(&mut self.out, head);
        Ok(())
    }

    fn body(&mut self, data: &[u8]) -> io::Result<()> {
        self.out.extend_from_slice(data);
        if self.out.len() >= FULL { self.write_out() } else { Ok(()) }
    }

    /// Ignores trailers, which CGI does not have.
    fn end(&mut self, _trailers: Option<&HeaderMap>) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_out()
    }

    fn hijack(&mut self) -> Result<Duplex> {
        let message = "a CGI request has no connection to hijack";
        Err(Error::message(ErrorKind::Misuse, message))
    }

    fn body_failure(&self) -> Option<Error> {
        self.failure.0.lock().clone()
    }

    /// Has no effect: standard input has no deadlines, and the web server limits the program's time.
    fn set_read_deadline(&mut self, _deadline: Option<Instant>) {}

    /// Has no effect: standard output has no deadlines.
    fn set_write_deadline(&mut self, _deadline: Option<Instant>) {}

    fn detach(&mut self) -> Box<dyn Sink> {
        let (signals, failure) = (Arc::clone(&self.signals), self.failure.clone());
        let empty = Self { output: Box::new(io::sink()), out: Vec::new(), signals, failure };
        Box::new(std::mem::replace(self, empty))
    }

    fn attach(&mut self, sink: Box<dyn Any>) {
        if let Ok(wire) = sink.downcast::<Self>() {
            *self = *wire;
        }
    }
}
