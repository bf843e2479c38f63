//! Access logs.
//!
//! | file | contents |
//! | --- | --- |
//! | `mod.rs` | the layer and its options |
//! | `record.rs` | the facts of one request |
//! | `line.rs` | the common and the combined format |
//! | `json.rs` | a JSON object a line |
//! | `date.rs` | dates in UTC |
//! | `output.rs` | where the lines go |

mod date;
mod json;
mod line;
mod output;
mod record;

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use crate::net::Addr;
use crate::{Handler, Layer, Request, ResponseOutcome, ResponseWriter, Result};
use output::Output;
use record::Begun;

pub use record::Record;

/// A log with one line for each request.
///
/// ```
/// use hangup::layers::AccessLog;
/// use hangup::{HandlerExt, Request, respond, testing};
///
/// let handler = respond(|_| Ok("hello")).layer(AccessLog::combined());
/// # testing::call(&handler, Request::new(()))?;
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// logs, for example,
///
/// ```text
/// 192.0.2.7 - - [06/Nov/2026:08:49:37 +0000] "GET /items HTTP/1.1" 200 5 "-" "curl/8.5.0"
/// ```
///
/// # Formats
///
/// | constructor | format |
/// | --- | --- |
/// | [`common`](Self::common) | the Common Log Format |
/// | [`combined`](Self::combined) | the same with `Referer` and `User-Agent` |
/// | [`json`](Self::json) | an object with all facts of the [`Record`] |
/// | [`with`](Self::with) | a function that gets the [`Record`] |
///
/// By default the lines go to the [`log`] crate at the level `info` with the target `hangup::access`.
/// [`to`](Self::to) sets another output. Queries are left out, since they may contain secrets:
/// [`with_query`](Self::with_query) adds them.
///
/// No text from a client can forge a line or control a terminal. The common and the combined format escape quotes,
/// backslashes, and bytes other than printable ASCII, as `\"`, `\\` and `\xhh`. JSON is valid for any bytes, and
/// those that are not UTF-8 become `U+FFFD`.
///
/// # When a client leaves
///
/// A line is written after the last byte of the response was written, or after the response has failed.
/// [`Record::outcome`] says which. In the common and the combined format, a request without a response has the
/// status 499 if its client has left, 500 if the handler panicked or failed, and 000 if it took over the
/// connection. A WebSocket and a proxied upgrade have 101. [`with_outcome`](Self::with_outcome) adds the outcome
/// to these formats.
///
/// The server responds itself to requests that it refuses, such as malformed ones, and to `OPTIONS *`. No layer
/// sees them. [`refusals`](Self::refusals) logs them as well.
///
/// # Order
///
/// This should be one of the outermost layers, so that it logs the refusals of others. The client's address is
/// that of [`RequestExt::client_ip`](crate::RequestExt::client_ip) when this layer is called, so a layer
/// that finds the client behind a proxy has to be outside of it.
///
/// # Blocking
///
/// The line is written on the thread of the connection. Its next request waits until the output has taken the
/// line.
#[derive(Clone)]
#[must_use = "a layer has no effect before it is put around a handler"]
pub struct AccessLog {
    settings: Arc<Settings>,
}

#[derive(Clone)]
struct Settings {
    format: Format,
    output: Output,
    /// Requests' queries are logged.
    query: bool,
    /// The text formats have a last field for the outcome.
    outcome: bool,
}

#[derive(Clone)]
enum Format {
    Common,
    Combined,
    Json,
    Function(Arc<dyn Fn(&Record<'_>) + Send + Sync>),
}

impl AccessLog {
    /// Creates a log in the Common Log Format.
    pub fn common() -> Self {
        Self::new(Format::Common)
    }

    /// Creates a log in the Combined Log Format: the common format with `Referer` and `User-Agent`.
    pub fn combined() -> Self {
        Self::new(Format::Combined)
    }

    /// Creates a log with a JSON object a line:
    ///
    /// ```json
    /// {"time":"2026-11-06T08:49:37.123Z","client":"192.0.2.7","user":null,"method":"GET",
    ///  "target":"/items/7","version":"HTTP/1.1","status":200,"bytes_sent":5,"duration_us":412,
    ///  "first_byte_us":398,"referer":null,"user_agent":"curl/8.5.0","request_id":null,
    ///  "pattern":"GET /items/{id}","outcome":"complete"}
    /// ```
    pub fn json() -> Self {
        Self::new(Format::Json)
    }

    /// Creates a log that calls `log` for each request.
    ///
    /// ```
    /// use hangup::layers::AccessLog;
    /// use std::time::Duration;
    ///
    /// let slow = AccessLog::with(|record| {
    ///     if record.duration > Duration::from_secs(1) {
    ///         eprintln!("{} {:?} took {:?}", record.method, record.target, record.duration);
    ///     }
    /// });
    /// # drop(slow);
    /// ```
    pub fn with(log: impl Fn(&Record<'_>) + Send + Sync + 'static) -> Self {
        Self::new(Format::Function(Arc::new(log)))
    }

    fn new(format: Format) -> Self {
        let settings = Settings { format, output: Output::Log, query: false, outcome: false };
        Self { settings: Arc::new(settings) }
    }

    /// Sends the lines to `output`. Each is one call of [`write_all`](Write::write_all), with a line break at its
    /// end, without a flush. Has no effect on [`with`](Self::with).
    ///
    /// A write that fails loses its line. The first of several failures is logged at `warn`.
    pub fn to(self, output: impl Write + Send + 'static) -> Self {
        let output = Output::to(Box::new(output));
        self.change(|settings| settings.output = output)
    }

    /// Logs the queries of request targets and of `Referer` as well.
    pub fn with_query(self) -> Self {
        self.change(|settings| settings.query = true)
    }

    /// Adds a last field to the lines of the common and the combined format, which says how the response has
    /// ended: `complete`, `client_left`, `failed`, `panicked` or `hijacked`. JSON always has it.
    ///
    /// Programs that read these formats may not expect the field.
    pub fn with_outcome(self) -> Self {
        self.change(|settings| settings.outcome = true)
    }

    /// Returns a function that logs the responses that the server makes without the handler. No layer sees them.
    /// The function is for [`Server::on_refused`](crate::Server::on_refused). Call it after all options are set.
    ///
    /// ```
    /// use hangup::layers::AccessLog;
    /// use hangup::{HandlerExt, Server, respond};
    ///
    /// let log = AccessLog::combined();
    /// let refusals = log.refusals();
    /// let server = Server::with_handler(respond(|_| Ok("hello")).layer(log)).on_refused(refusals);
    /// # drop(server);
    /// ```
    ///
    /// The head of a refused request may be unread. The record then has the method `-` and the target `-`. The
    /// times of a refusal are those of its end: [`Record::time`] is the end of the response,
    /// [`Record::duration`] is zero, and [`Record::first_byte`] is `None`.
    pub fn refusals(&self) -> impl Fn(&ResponseOutcome<'_>, &Addr) + Send + Sync + use<> + 'static {
        let settings = Arc::clone(&self.settings);
        move |outcome, remote| {
            if settings.is_enabled() {
                let begun = Begun::of_refusal(outcome, remote);
                settings.log(&begun.record(outcome, settings.query));
            }
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl Settings {
    fn is_enabled(&self) -> bool {
        matches!(self.format, Format::Function(_)) || self.output.is_enabled()
    }

    /// Adds the outcome to a line, if it has one.
    fn ended(&self, mut line: String, record: &Record<'_>) -> String {
        if self.outcome {
            line.push(' ');
            line.push_str(json::outcome(record.outcome));
        }
        line
    }

    fn log(&self, record: &Record<'_>) {
        match &self.format {
            Format::Common => self.output.write(self.ended(line::common(record), record)),
            Format::Combined => self.output.write(self.ended(line::combined(record), record)),
            Format::Json => self.output.write(json::object(record)),
            Format::Function(log) => log(record),
        }
    }
}

impl Layer for AccessLog {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        if self.settings.is_enabled() {
            let settings = Arc::clone(&self.settings);
            let begun = Begun::now(r);
            w.on_end(move |outcome| settings.log(&begun.record(outcome, settings.query)));
        }
        next.handle(w, r)
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self.settings.format {
            Format::Common => "common",
            Format::Combined => "combined",
            Format::Json => "json",
            Format::Function(_) => "function",
        };
        f.debug_struct("AccessLog")
            .field("format", &format)
            .field("query", &self.settings.query)
            .field("outcome", &self.settings.outcome)
            .finish_non_exhaustive()
    }
}
