//! The response of an event stream.

use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant};

use http::Method;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};

use super::Event;
use crate::sync::channel::{Receiver, at, never, select};
use crate::{Context, Request, RequestExt, ResponseWriter, Result};

/// The time without events after which a comment is sent by default. The HTML Standard (section 9.2.7)
/// suggests it, since some proxies close a connection that is silent for longer.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The most bytes of events that [`EventWriter::forward`] queues before it sends them: 64 KiB. A source
/// that is never empty must not delay them any longer.
const MOST_QUEUED: usize = 64 << 10;

/// A comment without text. The empty line lets clients that read whole events at once drop it.
const BEAT: &[u8] = b":\n\n";

/// Asks nginx not to buffer the response.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

impl ResponseWriter<'_> {
    /// Begins a response of server-sent events: see [`events`](crate::events).
    ///
    /// Sends the head at once, with `Content-Type: text/event-stream`, and with `Cache-Control: no-store`
    /// and `X-Accel-Buffering: no` unless the handler has set its own. Removes the write deadline, also that
    /// of the server's [`write_timeout`](crate::Server::write_timeout), since the stream has no set end. The
    /// [limit on a write without progress](crate::Server::write_idle_timeout) still applies.
    ///
    /// `request` tells the writer when the client has gone, by its [context](RequestExt::context). If the
    /// request has a body, read it first: only then is a client noticed that goes away.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misuse`](crate::ErrorKind::Misuse) if the head was already sent. The error of writing if
    /// that fails.
    pub fn events(&mut self, request: &Request) -> Result<EventWriter<'_>> {
        if self.is_head_sent() {
            return Err(misuse("an event stream after the response has begun"));
        }
        let headers = self.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.remove(CONTENT_LENGTH);
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.entry(ACCEL_BUFFERING).or_insert(HeaderValue::from_static("no"));
        self.set_write_deadline(None);
        self.flush()?;
        Ok(EventWriter {
            out: self,
            context: request.context(),
            head_only: *request.method() == Method::HEAD,
            heartbeat: Some(HEARTBEAT),
            queued: Vec::new(),
            sent_at: crate::sync::now(),
        })
    }
}

/// The response of an event stream, to which a handler writes events.
///
/// [`ResponseWriter::events`] creates it. The stream ends when the handler returns. A browser then
/// reconnects. To make it stop, respond to its next request with 204 (No Content).
///
/// Each event is sent at once, as a whole. Filters such as compression pass it on as well. A handler that
/// sends many small events in a row can [`queue`](Self::queue) them.
///
/// # Waiting
///
/// [`forward`](Self::forward) and [`next`](Self::next) wait for a source and for the end of the client at the
/// same time. They return within milliseconds when the client goes away. While they wait, they send a comment
/// every 15 s ([`heartbeat`](Self::heartbeat)). This keeps proxies from closing the connection, and finds a
/// client that has lost its network.
///
/// A handler that waits for several sources uses its own [`select!`](crossbeam_channel::select) with the
/// request's [context](RequestExt::context), and sends [`comment`](Self::comment)s itself.
///
/// # HEAD
///
/// The response to a HEAD request has no body. Then events are dropped, and `forward` and `next` return at
/// once.
#[must_use = "the stream ends when the handler returns"]
pub struct EventWriter<'a> {
    out: &'a mut (dyn Write + Send + 'a),
    /// Ends when the client goes away.
    context: Context,
    head_only: bool,
    heartbeat: Option<Duration>,
    /// Events that were not written yet.
    queued: Vec<u8>,
    /// When something was last sent.
    sent_at: Instant,
}

impl EventWriter<'_> {
    /// Sets the time without events after which `forward` and `next` send a comment. 15 s by default. `None`
    /// or zero sends none.
    pub fn heartbeat(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.heartbeat = interval.into().filter(|interval| !interval.is_zero());
        self
    }

    /// Returns `true` if no event can reach the client any more: it has gone away, or its request was a HEAD.
    /// Also returns `true` if the request's [context](RequestExt::context) has ended otherwise.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.head_only || self.context.is_done()
    }

    /// Sends an event, and those that were queued before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidMessage`](crate::ErrorKind::InvalidMessage) if the event has an invalid field.
    /// Then nothing of it is sent, and the stream can be continued. The error of writing if that fails.
    ///
    /// # Blocking
    ///
    /// While the client does not read and its buffers are full.
    pub fn send(&mut self, event: impl Into<Event>) -> Result<()> {
        self.queue(event)?;
        self.flush()
    }

    /// Adds an event to those that the next [`send`](Self::send) or [`flush`](Self::flush) sends.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidMessage`](crate::ErrorKind::InvalidMessage) if the event has an invalid field.
    pub fn queue(&mut self, event: impl Into<Event>) -> Result<()> {
        event.into().encode(&mut self.queued)
    }

    /// Sends a comment, which clients ignore.
    ///
    /// # Errors
    ///
    /// The error of writing if that fails.
    ///
    /// # Blocking
    ///
    /// As [`send`](Self::send).
    pub fn comment(&mut self, text: &str) -> Result<()> {
        self.send(Event::comment(text))
    }

    /// Sends the events that were queued.
    ///
    /// # Errors
    ///
    /// The error of writing if that fails.
    ///
    /// # Blocking
    ///
    /// As [`send`](Self::send).
    pub fn flush(&mut self) -> Result<()> {
        if self.queued.is_empty() {
            return Ok(());
        }
        let written = self.out.write_all(&self.queued).and_then(|()| self.out.flush());
        self.queued.clear();
        self.queued.shrink_to(MOST_QUEUED);
        self.sent_at = crate::sync::now();
        Ok(written?)
    }

    /// Sends the events of `source` until it is disconnected, or the client goes away.
    ///
    /// Events that are waiting in `source` are sent together. No event waits for a later one.
    ///
    /// Both ends are `Ok`: [`is_closed`](Self::is_closed) tells them apart. The events that a client did not
    /// receive are lost. A client that reconnects asks for them by its
    /// [last event id](RequestExt::last_event_id).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    ///
    /// # Blocking
    ///
    /// Until one of these ends. The request's [context](RequestExt::context) ends it early.
    pub fn forward<T: Into<Event>>(&mut self, source: &Receiver<T>) -> Result<()> {
        while let Some(event) = self.next(source)? {
            let queued = self.queue_waiting(event, source);
            if !self.flush_unless_gone()? {
                break;
            }
            queued?;
        }
        Ok(())
    }

    /// Flushes. Returns `false` if that failed because the client has gone away: the write noticed it first.
    fn flush_unless_gone(&mut self) -> Result<bool> {
        match self.flush() {
            Err(_) if self.context.is_done() => Ok(false),
            outcome => outcome.map(|()| true),
        }
    }

    /// Queues `event` and those that wait in `source`.
    fn queue_waiting<T: Into<Event>>(&mut self, event: T, source: &Receiver<T>) -> Result<()> {
        self.queue(event)?;
        while self.queued.len() < MOST_QUEUED {
            let Ok(event) = source.try_recv() else { break };
            self.queue(event)?;
        }
        Ok(())
    }

    /// Waits for the next message of `source`, which may be of any type. Returns `None` if `source` is
    /// disconnected, or the client has gone away.
    ///
    /// ```
    /// use hangup::crossbeam_channel::Receiver;
    /// use hangup::{Request, ResponseWriter, Result, events::Event};
    ///
    /// fn even(w: &mut ResponseWriter, r: &Request, numbers: &Receiver<u32>) -> Result<()> {
    ///     let mut events = w.events(r)?;
    ///     while let Some(number) = events.next(numbers)? {
    ///         if number % 2 == 0 {
    ///             events.send(Event::new(number.to_string()))?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The error of writing a heartbeat or the queued events if that fails.
    ///
    /// # Blocking
    ///
    /// As [`forward`](Self::forward).
    pub fn next<T>(&mut self, source: &Receiver<T>) -> Result<Option<T>> {
        loop {
            if !self.flush_unless_gone()? || self.is_closed() {
                return Ok(None);
            }
            let beat = self.heartbeat.and_then(|interval| self.sent_at.checked_add(interval));
            let beat = beat.map_or_else(never, at);
            select! {
                recv(source) -> message => return Ok(message.ok()),
                recv(self.context.done()) -> _ended => return Ok(None),
                recv(beat) -> _now => {}
            }
            self.queued.extend_from_slice(BEAT);
        }
    }
}

impl fmt::Debug for EventWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventWriter")
            .field("closed", &self.is_closed())
            .field("heartbeat", &self.heartbeat)
            .finish_non_exhaustive()
    }
}

#[cold]
fn misuse(message: &str) -> crate::Error {
    crate::Error::of_kind(crate::ErrorKind::Misuse, message)
}
