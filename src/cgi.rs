//! CGI: the same handler as a program that a web server starts for each request (RFC 3875).
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
//! One request comes from the environment and standard input, its answer goes to standard output, and
//! what the handler writes to its [error stream](crate::RequestExt::error_stream) to standard error.
//! The request's context ends when an answer cannot be written any more: a web server that gives a
//! request up closes the program's standard output, or kills it.

use std::env;
use std::ffi::OsString;
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
use crate::serving::{Gone, Outcome, Service, Signals};
use crate::sync::Mutex;
use crate::text::counted;

/// Above this many bytes the encoded output is written.
const FULL: usize = 16 * 1024;

/// Answers the one request that the environment and standard input describe, on standard output, with
/// `handler`, a function or closure. A closure needs no types. For any other [`Handler`] there is
/// [`serve_handler`].
///
/// A handler that panics before it has written anything is answered for with a 500, and one that fails by
/// whose fault that is: a body over a limit is a 413, and one that was cut off is not answered. Nothing
/// else should write to standard output: it is the answer.
///
/// # Errors
///
/// [`Misuse`](ErrorKind::Misuse) if the environment describes no request: the program was not started by
/// a web server. [`IncompleteBody`](ErrorKind::IncompleteBody) or the error of `input` if the handler
/// failed because the body was cut off. [`Send`](ErrorKind::Send) if the answer could not be written;
/// [`Other`](ErrorKind::Other) if the handler panicked, or failed within its answer.
///
/// # Blocking
///
/// Until the handler has returned and its answer is written.
pub fn serve<F>(handler: F) -> Result<()>
where
    F: Fn(&mut ResponseWriter, &mut Request) -> Result<()> + Send + Sync + 'static,
{
    serve_handler(handler)
}

/// As [`serve`], with any [`Handler`].
///
/// # Errors
///
/// As [`serve`].
pub fn serve_handler(handler: impl Handler) -> Result<()> {
    let pairs = env::vars_os().map(|(name, value)| (bytes(name), bytes(value)));
    serve_with(handler, pairs, io::stdin(), io::stdout(), io::stderr())
}

/// As [`serve`], with everything that a web server gives handed in: for tests.
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
/// let mut answer = String::new();
/// far.read_to_string(&mut answer)?;
/// assert!(answer.starts_with("Status: 200 OK\r\n") && answer.ends_with("/you said hi"));
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
        let message =
            "the environment describes no request: a CGI program is started by a web server";
        return Err(Error::message(ErrorKind::Misuse, message));
    }
    let (request, facts) = match gateway::read(&variables) {
        Ok(read) => read,
        Err(error) => {
            let text = format!("{error}\n");
            gateway::write_refusal(&mut wire.out, StatusCode::BAD_REQUEST, &text);
            return wire.write_out().map_err(|error| Error::with_source(ErrorKind::Send, error));
        }
    };
    let body = match facts.content_length {
        // Without a length there is no body (RFC 3875 section 4.2).
        None | Some(0) => Body::empty(),
        Some(left) => {
            let input = Input { input: Box::new(input), left, failure, context: None };
            Body::incoming(Box::new(input))
        }
    };
    let mut request = request.map(|_| body);
    let signals = Arc::clone(&wire.signals);
    let errors = Mutex::new(errors);
    set_info(&mut request, Arc::new(GatewayRequestInfo { signals: Arc::clone(&signals), facts }));
    let extensions = request.extensions_mut();
    extensions.insert(variables);
    extensions.insert(ErrorStream::new(move |bytes| errors.lock().write_all(bytes)));
    answer(&Service::new(handler), wire, request, &signals)
}

fn answer(
    service: &Service,
    mut wire: Wire,
    mut request: Request,
    signals: &Signals,
) -> Result<()> {
    let mut response = ResponseState::default();
    response.begin(request.method() == Method::HEAD);
    let mut writer = ResponseWriter::new(&mut response, &mut wire);
    let remote = request.remote_addr().unwrap_or(Addr::Unknown);
    let outcome = service.run(&mut writer, &mut request, &remote);
    signals.finish();
    let failed = || Error::message(ErrorKind::Other, "the handler failed");
    let outcome = match outcome {
        Outcome::Ended(ResponseEnd::Whole | ResponseEnd::Hijacked) => Ok(()),
        Outcome::Ended(ResponseEnd::Short) => Err(failed()),
        Outcome::Gone => Err(writer.body_failure().unwrap_or_else(|| Error::new(ErrorKind::Send))),
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

#[cfg(unix)]
fn bytes(text: OsString) -> Vec<u8> {
    std::os::unix::ffi::OsStringExt::into_vec(text)
}

#[cfg(not(unix))]
fn bytes(text: OsString) -> Vec<u8> {
    text.to_string_lossy().into_owned().into_bytes()
}

/// How the request's body failed first, as its reader saw it.
#[derive(Clone, Default)]
struct BodyFailure(Arc<Mutex<Option<Error>>>);

impl BodyFailure {
    fn report(&self, error: &Error) {
        self.0.lock().get_or_insert_with(|| error.clone());
    }
}

/// The request's body: so many bytes of standard input.
struct Input {
    input: Box<dyn Read + Send>,
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
        if let Some(error) = self.context.as_ref().and_then(Context::err) {
            return Err(Error::from(error).into());
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let count = match self.input.read(&mut buf[..most]) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(self.failed(Error::with_source(ErrorKind::Receive, error))),
        };
        if count == 0 && most > 0 {
            let message = format!("{} less than its CONTENT_LENGTH", counted(self.left, "byte"));
            return Err(self.failed(Error::message(ErrorKind::IncompleteBody, message)));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

impl Incoming for Input {
    /// Standard input cannot be asked.
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

/// The answer on standard output.
struct Wire {
    output: Box<dyn Write + Send>,
    /// Encoded and not yet written.
    out: Vec<u8>,
    signals: Arc<Signals>,
    failure: BodyFailure,
}

impl Wire {
    fn write_out(&mut self) -> io::Result<()> {
        let outcome = self.output.write_all(&self.out).and_then(|()| self.output.flush());
        self.out.clear();
        outcome.inspect_err(|error| self.signals.gone(Gone::Failed(error.kind())))
    }
}

impl Sink for Wire {
    /// A web server has no place for interim responses.
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

    /// Trailers have no place in CGI's answers.
    fn end(&mut self, _trailers: Option<&HeaderMap>) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_out()
    }

    fn hijack(&mut self) -> Result<Duplex> {
        let message = "a CGI program has no connection that could be hijacked";
        Err(Error::message(ErrorKind::Misuse, message))
    }

    fn body_failure(&self) -> Option<Error> {
        self.failure.0.lock().clone()
    }

    /// Standard input has no deadlines: how long a program may take is the web server's to say.
    fn set_read_deadline(&mut self, _deadline: Option<Instant>) {}

    /// Nor has standard output.
    fn set_write_deadline(&mut self, _deadline: Option<Instant>) {}
}
