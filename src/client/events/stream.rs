//! The events of one response.

use std::fmt;
use std::io::{self, BufRead};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};

use super::parser::{Limits, Parser, ServerEvent, TooLarge};
use crate::body::Body;
use crate::client::response::{refuse, status_error};
use crate::error::{Error, ErrorKind, Result};

/// The most bytes of a line by default: 8 MiB. Some services send images in one line.
const MAX_LINE: usize = 8 << 20;

/// The most bytes of an event by default: 16 MiB, as of any body that is read at once.
const MAX_EVENT: usize = 16 << 20;

/// The events of a response, as an iterator (the WHATWG's
/// [server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html)).
///
/// [`ResponseExt::events`](crate::ResponseExt::events) returns it. [`EventSource`](super::EventSource) also reconnects.
///
/// An event is returned as soon as its last line has come. The iterator ends with the stream, and after an
/// error. An event that the end of the stream cuts off is dropped, as the standard demands. A stream that is
/// broken off within its chunks or its `Content-Length` is an error of the kind
/// [`IncompleteBody`](ErrorKind::IncompleteBody).
///
/// ```
/// use hangup::{Client, ResponseExt, testing::Script};
///
/// let script = Script::new().connection(|peer| {
///     peer.expect("GET /").send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
///     peer.send("event: price\ndata: 42\n\ndata: bye\n\n").close()
/// });
/// let response = Client::new().get(script.url("/")).send()?;
/// let events = response.events()?.collect::<Result<Vec<_>, _>>()?;
/// assert_eq!((&*events[0].name, &*events[0].data), ("price", "42"));
/// assert_eq!((&*events[1].name, &*events[1].data), ("message", "bye"));
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Blocking
///
/// [`next`](Iterator::next) blocks until an event has come. The call's
/// [context](crate::client::RequestBuilder::context) and its time limits end it. A server that sends comments keeps
/// the [limit on silence](crate::client::RequestBuilder::idle_read_timeout) from running out.
#[must_use = "events are read by iterating"]
pub struct EventStream {
    body: Body,
    parser: Parser,
    limits: Limits,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Ended,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line: MAX_LINE, event: MAX_EVENT }
    }
}

impl EventStream {
    /// Reads the events of a response.
    pub(in crate::client) fn of(response: Response<Body>) -> Result<Self> {
        if response.status() != StatusCode::OK {
            return Err(status_error(response));
        }
        if let Some(text) = fault_of_type(&response) {
            return Err(refuse(ErrorKind::Decode, text, response));
        }
        let (body, parser) = (response.into_body(), Parser::default());
        Ok(Self { body, parser, limits: Limits::default(), state: State::Open })
    }

    /// Sets how many bytes a line may have. 8 MiB by default. Beyond that, the stream ends with an error of
    /// the kind [`TooLarge`](ErrorKind::TooLarge).
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.limits.line = bytes;
        self
    }

    /// Sets how many bytes the data, the name and the id of an event may have together. 16 MiB by default.
    /// Beyond that, the stream ends with an error of the kind [`TooLarge`](ErrorKind::TooLarge).
    pub fn max_event(mut self, bytes: usize) -> Self {
        self.limits.event = bytes;
        self
    }

    /// Returns the id of the last event, which a new request sends as `Last-Event-ID` to continue the stream.
    /// Empty if there is none. An id of more than 4 KiB is ignored.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }

    /// Returns the time that the server wants a client to wait before it connects again, if it has said so.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.parser.retry()
    }

    /// Begins with the last event id of the stream that this one continues.
    pub(super) fn continuing(mut self, last_event_id: &str) -> Self {
        self.parser = Parser::continuing(last_event_id);
        self
    }

    pub(super) fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    fn read(&mut self) -> Result<Option<ServerEvent>> {
        loop {
            let data = match self.body.fill_buf() {
                Ok(data) => data,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if data.is_empty() {
                return Ok(None);
            }
            let parsed = self.parser.advance(data, self.limits);
            let (used, event) = parsed.map_err(|part| too_large(part, self.limits))?;
            self.body.consume(used);
            if event.is_some() {
                return Ok(event);
            }
        }
    }
}

impl Iterator for EventStream {
    type Item = Result<ServerEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Ended {
            return None;
        }
        let next = self.read().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.state = State::Ended;
            self.body = Body::empty();
        }
        next
    }
}

impl std::iter::FusedIterator for EventStream {}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("state", &self.state)
            .field("last_event_id", &self.last_event_id())
            .field("retry", &self.retry())
            .finish_non_exhaustive()
    }
}

/// Returns why a response is no event stream, by its media type.
fn fault_of_type(response: &Response<Body>) -> Option<String> {
    let Some(value) = response.headers().get(CONTENT_TYPE) else {
        return Some("no content-type instead of text/event-stream".to_owned());
    };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    let is_stream = essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream");
    let shown = || String::from_utf8_lossy(value.as_bytes());
    (!is_stream).then(|| format!("content-type {:?} instead of text/event-stream", shown()))
}

fn too_large(part: TooLarge, limits: Limits) -> Error {
    let text = match part {
        TooLarge::Line => format!("line of an event stream: more than {} bytes", limits.line),
        TooLarge::Event => format!("event of an event stream: more than {} bytes", limits.event),
    };
    Error::message(ErrorKind::TooLarge, text)
}
