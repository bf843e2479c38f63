//! An event stream that is resumed on another connection when it ends.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, CACHE_CONTROL, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::parser::{Limits, ServerEvent};
use super::policy::{Delays, is_temporary};
use super::stream::EventStream;
use crate::client::request::RequestBuilder;
use crate::client::response::with_kept;
use crate::client::retry::retry_after;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::logging as log;
use crate::random;
use crate::sync::channel;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A stream of events that reconnects when it ends, as an iterator (the WHATWG's
/// [server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html)).
///
/// A function makes the request anew for each connection, so that it can have a fresh token. The source adds
/// `Accept: text/event-stream` and `Cache-Control: no-cache`, unless the request has its own, and the id of
/// the last event as `Last-Event-ID`.
///
/// ```no_run
/// use hangup::{Client, client::EventSource};
///
/// let client = Client::new();
/// for event in EventSource::new(|| client.get("https://example.com/prices").bearer_auth("token")) {
///     let event = event?;
///     println!("{}: {}", event.name, event.data);
/// }
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # When it reconnects
///
/// | event | reaction |
/// | --- | --- |
/// | the stream ends, or its connection breaks | reconnects |
/// | no connection can be made; it fails, or is silent for longer than a time limit | reconnects |
/// | a response of 408, 429, 500, 502, 503 or 504 | reconnects, at the earliest after its `Retry-After` |
/// | a proxy cannot be reached, or refuses the tunnel with one of these statuses | reconnects |
/// | any other failure of a proxy: 407, its certificate | an error, then the end |
/// | 204 (No Content) | ends: this is how a server says that there are no more events |
/// | any other status, or another content type | an error, then the end |
/// | any other error: an untrusted certificate, a part that is too large, a URL that is invalid | an error, then the end |
/// | the context of the request ends, or the time limit of a call runs out | an error, then the end |
///
/// [`reconnect_if`](Self::reconnect_if) decides otherwise about errors. Redirects are followed as in any
/// call, by the policy of the request.
///
/// The time before a reconnection is the one that the server has set with `retry`, but at least 100 ms. It is
/// 1 s until then. It doubles with each further connection that brings no event, and up to half of it is random after such a
/// connection. It is at most 60 s, or as [`max_delay`](Self::max_delay) sets it. The first connection is made
/// at once.
///
/// # Blocking
///
/// [`next`](Iterator::next) blocks until an event has come, also while it waits and connects. The
/// [context](RequestBuilder::context) of the request ends it from any thread. A
/// [limit on silence](RequestBuilder::idle_read_timeout) notices a connection that is dead, if the server
/// sends comments in the meantime.
#[must_use = "events are read by iterating"]
pub struct EventSource<F> {
    make: F,
    state: State,
    limits: Limits,
    delays: Delays,
    max_failures: Option<u32>,
    reconnect_if: Box<dyn FnMut(&Error) -> bool + Send>,
    last_event_id: String,
    /// The number of connections in a row that brought no event.
    failures: u32,
    /// The context of the last request.
    context: Option<Context>,
}

enum State {
    /// The next connection is made after this time.
    Closed(Duration),
    Open(Box<EventStream>),
    Ended,
}

impl<F: FnMut() -> RequestBuilder> EventSource<F> {
    /// Creates a source of events. It connects when the first event is asked for. `make` makes the request
    /// of each connection.
    pub fn new(make: F) -> Self {
        Self {
            make,
            state: State::Closed(Duration::ZERO),
            limits: Limits::default(),
            delays: Delays::default(),
            max_failures: None,
            reconnect_if: Box::new(is_temporary),
            last_event_id: String::new(),
            failures: 0,
            context: None,
        }
    }

    /// Sets the `Last-Event-ID` of the first request, to continue an earlier stream. None by default.
    pub fn with_last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id = id.into();
        self
    }

    /// Sets the time before a reconnection, until the server sets another. 1 s by default. It may be 0, unlike
    /// the server's.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.delays.retry = delay;
        self
    }

    /// Sets the longest time before a reconnection, whatever the server asks for. 60 s by default. It also
    /// holds where it is shorter than the least time that a server can set.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.delays.longest = delay;
        self
    }

    /// Sets how many connections in a row may fail or bring no event. No limit by default. Beyond it, the
    /// source returns the last error and ends. It ends without an error if the last stream just ended.
    pub fn max_failures(mut self, most: impl Into<Option<u32>>) -> Self {
        self.max_failures = most.into();
        self
    }

    /// Sets the function that decides whether another connection is made after an error. The default is the
    /// table [above](Self#when-it-reconnects). The end of the context always ends the source.
    ///
    /// ```no_run
    /// # use hangup::client::EventSource;
    /// # let client = hangup::Client::new();
    /// let events = EventSource::new(|| client.get("https://example.com/prices"))
    ///     .reconnect_if(|error| error.is_connect() || error.status_code().is_some());
    /// # drop(events);
    /// ```
    pub fn reconnect_if(mut self, decide: impl FnMut(&Error) -> bool + Send + 'static) -> Self {
        self.reconnect_if = Box::new(decide);
        self
    }

    /// Sets how many bytes a line may have: see [`EventStream::max_line`].
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.limits.line = bytes;
        self
    }

    /// Sets how many bytes an event may have: see [`EventStream::max_event`].
    pub fn max_event(mut self, bytes: usize) -> Self {
        self.limits.event = bytes;
        self
    }

    /// Returns the id of the last event. Empty if there is none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        match &self.state {
            State::Open(stream) => stream.last_event_id(),
            State::Closed(_) | State::Ended => &self.last_event_id,
        }
    }

    /// Makes the next connection. Returns `None` if the server has no more events.
    fn connect(&mut self) -> Result<Option<EventStream>> {
        // Until an event comes.
        self.failures = self.failures.saturating_add(1);
        let mut request = (self.make)();
        self.context = request.options.context.clone();
        add_fields(&mut request.parts.headers, &self.last_event_id);
        let response = request.send()?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let stream = EventStream::of(response)?.continuing(&self.last_event_id);
        Ok(Some(stream.with_limits(self.limits)))
    }

    /// Closes a connection that has ended, with or without an error. Returns the error if it is final.
    fn lose(&mut self, error: Option<Error>) -> Option<Error> {
        if let State::Open(stream) = &self.state {
            stream.last_event_id().clone_into(&mut self.last_event_id);
            self.delays.set_by_server(stream.retry());
        }
        self.state = State::Ended;
        if let (Some(_), Some(ended)) = (&error, self.context_error()) {
            // The connection may have failed for another reason shortly before.
            return Some(ended);
        }
        let is_final = match &error {
            Some(error) => !(self.reconnect_if)(error),
            None => false,
        };
        if is_final || self.max_failures.is_some_and(|most| self.failures > most) {
            return error;
        }
        let demanded = error.as_ref().and_then(demanded_delay);
        let delay = self.delays.after(self.failures, demanded, random::fraction());
        match error {
            Some(error) => log::debug!("event stream reconnects in {delay:?}: {error}"),
            None => log::debug!("event stream reconnects in {delay:?}: it ended"),
        }
        self.state = State::Closed(delay);
        None
    }

    fn context_error(&self) -> Option<Error> {
        self.context.as_ref().and_then(Context::err).map(Error::from)
    }

    /// Waits before a reconnection.
    fn wait(&self, delay: Duration) -> Result<()> {
        if delay.is_zero() {
            return Ok(());
        }
        match &self.context {
            Some(context) => match context.wait_timeout(delay) {
                Some(error) => Err(error.into()),
                None => Ok(()),
            },
            None => {
                let _ = channel::never::<()>().recv_timeout(delay);
                Ok(())
            }
        }
    }

    fn step(&mut self) -> Step {
        match &mut self.state {
            State::Ended => Step::End,
            State::Open(stream) => match stream.next() {
                Some(Ok(event)) => {
                    self.failures = 0;
                    Step::Return(Ok(event))
                }
                Some(Err(error)) => self.lost(Some(error)),
                None => self.lost(None),
            },
            State::Closed(delay) => {
                let delay = *delay;
                if let Err(error) = self.wait(delay) {
                    self.state = State::Ended;
                    return Step::Return(Err(error));
                }
                match self.connect() {
                    Ok(Some(stream)) => self.state = State::Open(Box::new(stream)),
                    Ok(None) => self.state = State::Ended,
                    Err(error) => return self.lost(Some(error)),
                }
                Step::Continue
            }
        }
    }

    fn lost(&mut self, error: Option<Error>) -> Step {
        match self.lose(error) {
            Some(error) => Step::Return(Err(error)),
            None => Step::Continue,
        }
    }
}

enum Step {
    Continue,
    Return(Result<ServerEvent>),
    End,
}

impl<F: FnMut() -> RequestBuilder> Iterator for EventSource<F> {
    type Item = Result<ServerEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.step() {
                Step::Continue => {}
                Step::Return(event) => return Some(event),
                Step::End => return None,
            }
        }
    }
}

impl<F: FnMut() -> RequestBuilder> std::iter::FusedIterator for EventSource<F> {}

impl<F> fmt::Debug for EventSource<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Closed(_) => "closed",
            State::Open(_) => "open",
            State::Ended => "ended",
        };
        f.debug_struct("EventSource")
            .field("state", &state)
            .field("delays", &self.delays)
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

/// Adds the fields of a request for events. An id that no field may hold is left out.
fn add_fields(headers: &mut HeaderMap, last_event_id: &str) {
    let fields = [(ACCEPT, "text/event-stream"), (CACHE_CONTROL, "no-cache")];
    for (name, value) in fields {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if !last_event_id.is_empty() {
        if let Ok(id) = HeaderValue::from_bytes(last_event_id.as_bytes()) {
            headers.insert(LAST_EVENT_ID, id);
        }
    }
}

/// Returns the time that the response of an error asks to wait for.
fn demanded_delay(error: &Error) -> Option<Duration> {
    let now = SystemTime::now();
    with_kept(error, |response| retry_after(response.headers(), now)).flatten()
}
