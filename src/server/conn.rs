//! One server connection, as a machine with named states.
//!
//! ```text
//!              ┌────────────────────┬───────────────────────────────────┐
//!              ▼                    ▼ the next request is there already │ the connection persists
//!   New ─▶ Await ──first byte──▶ ReadHead ──head──▶ Serve ──answered────┤
//!            │                      │                 │                 ├──▶ Close
//!            │ end of stream,       │ malformed,      │ refused         ├──▶ Linger ─▶ Close
//!            │ idle too long        │ too large       ▼                 │    unread input is read
//!            ▼                      └──────────────▶ Refuse ─▶ Linger   │    so that no reset eats
//!          Close                                                        │    the answer
//!                                             HandedOver ◀──hijacked────┘
//! ```
//!
//! Each state owns the reading half while it is the connection's, so that nobody can read while a
//! handler has it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::EXPECT;
use http::{Method, StatusCode, Version};

use super::Shared;
use super::body::{Continue, Lending, LentBody, Progress, ReadHalf, RequestBody};
use super::panics;
use super::reader::ConnReader;
use super::registry::Ticket;
use super::response::{DRAIN_LIMIT, Exchange, Input, Wire};
use super::signals::{Addrs, RequestScope, Signals};
use crate::body::Body;
use crate::h1::{self, CloseReason, Framing, HeadScanner, RequestHead};
use crate::handler::{Ending, Request, ResponseWriter, Scope};
use crate::net::{Buffer, Stream};

/// How long the wait for the next request is a plain blocking read with the buffers kept: the span
/// in which a busy client's next request comes. After it the connection counts as idle for the
/// memory's sake.
const HOT: Duration = Duration::from_millis(500);

/// How long a connection that is to be closed is still read from, so that the client gets to read
/// the answer instead of a reset.
const LINGER: Duration = Duration::from_millis(500);

/// How long the rest of a request body may take that is read for the sake of the connection.
const DRAIN_PATIENCE: Duration = Duration::from_secs(2);

/// A connection on its thread.
pub(super) struct Conn {
    shared: Arc<Shared>,
    reader: Arc<ConnReader>,
    addrs: Arc<Addrs>,
    ticket: Arc<Ticket>,
    scanner: HeadScanner,
    writer: ResponseWriter,
    /// When the first byte of the request at hand was there.
    begun: Instant,
    first: bool,
}

enum Step {
    Await(ReadHalf),
    ReadHead(ReadHalf),
    Serve(ReadHalf, RequestHead),
    Refuse(ReadHalf, Refusal),
    Linger(ReadHalf, CloseReason),
    Close(CloseReason),
    HandedOver,
}

/// An answer of the server's own to a request that no handler gets to see.
struct Refusal {
    status: StatusCode,
    text: String,
    head_only: bool,
}

/// What a handler left behind.
enum Outcome {
    Ended(Ending),
    /// It failed when part of its answer was out, or it panicked.
    Failed,
}

impl Conn {
    pub(super) fn new(
        shared: Arc<Shared>,
        stream: Stream,
        addrs: Addrs,
        ticket: Arc<Ticket>,
    ) -> Self {
        let reader = ConnReader::new(stream, shared.options.half_close_is_hangup);
        let wire = Wire::new(Arc::clone(&reader), Arc::clone(&ticket));
        Self {
            writer: ResponseWriter::new(Box::new(wire)),
            shared,
            reader,
            addrs: Arc::new(addrs),
            ticket,
            scanner: HeadScanner::default(),
            begun: Instant::now(),
            first: true,
        }
    }

    /// Serves the connection until it is closed or handed over.
    pub(super) fn run(self) {
        let half = self.half();
        self.drive(Step::Await(half));
    }

    /// Answers 503 and closes.
    pub(super) fn turn_away(self) {
        let half = self.half();
        let refusal = Refusal {
            status: StatusCode::SERVICE_UNAVAILABLE,
            text: "too many connections\n".to_owned(),
            head_only: false,
        };
        self.drive(Step::Refuse(half, refusal));
    }

    fn half(&self) -> ReadHalf {
        ReadHalf { reader: Arc::clone(&self.reader), buffer: Buffer::default() }
    }

    fn drive(mut self, mut step: Step) {
        loop {
            step = match step {
                Step::Await(half) => self.await_request(half),
                Step::ReadHead(half) => self.read_head(half),
                Step::Serve(half, head) => self.serve(half, head),
                Step::Refuse(half, refusal) => self.refuse(half, &refusal),
                Step::Linger(half, reason) => self.linger(half, reason),
                Step::Close(reason) => return self.close(reason),
                Step::HandedOver => return,
            }
        }
    }

    fn wire(&mut self) -> &mut Wire {
        self.writer.sink()
    }

    fn stream(&self) -> &Stream {
        self.reader.stream()
    }

    /// Waits for the first byte of a request.
    fn await_request(&mut self, mut half: ReadHalf) -> Step {
        match self.wait_idle(&mut half) {
            Ok(0) => return Step::Close(CloseReason::EndOfStream),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Step::Close(CloseReason::IdleTooLong);
            }
            Err(_) => return Step::Close(CloseReason::IoFailed),
        }
        match self.ticket.active() {
            Ok(()) => self.request_begun(half),
            Err(reason) => Step::Close(reason),
        }
    }

    fn request_begun(&mut self, half: ReadHalf) -> Step {
        self.begun = Instant::now();
        self.first = false;
        self.scanner = HeadScanner::default();
        Step::ReadHead(half)
    }

    /// Writes the answers so far, within the time limit of the last of them.
    fn write_answers(&mut self) -> io::Result<()> {
        let outcome = self.wire().write_out();
        self.stream().set_write_deadline(None);
        outcome
    }

    /// Reads into the empty buffer, first while everything is kept ready, then as an idle connection
    /// that holds no buffers.
    fn wait_idle(&mut self, half: &mut ReadHalf) -> io::Result<usize> {
        let options = &self.shared.options;
        // A new connection has as long for its first byte as for the head.
        let limit = if self.first {
            options.read_header_timeout.or(options.idle_timeout)
        } else {
            options.idle_timeout
        };
        let hot = limit.map_or(HOT, |limit| limit.min(HOT));
        let reader = &self.reader;
        let outcome = half.buffer.fill(|buf| reader.read_for(buf, Some(hot)));
        match outcome {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            outcome => return outcome,
        }
        half.buffer.release();
        self.writer.release();
        self.wire().release();
        // One byte tells that it is over. Closing ends this wait as well, and it needs no descriptor
        // to be woken by.
        let mut byte = [0];
        let rest = limit.map(|limit| limit.saturating_sub(hot));
        let count = self.reader.read_for(&mut byte, rest)?;
        half.buffer.fill(|buf| {
            buf[..count].copy_from_slice(&byte[..count]);
            Ok(count)
        })
    }

    /// Reads until the request's head is whole.
    fn read_head(&mut self, mut half: ReadHalf) -> Step {
        let limits = self.shared.options.head_limits();
        let mut timed = false;
        loop {
            match self.scanner.request(half.buffer.data(), &limits) {
                Ok(Some((head, used))) => {
                    half.buffer.consume(used);
                    if timed {
                        self.stream().set_read_deadline(None);
                    }
                    return Step::Serve(half, head);
                }
                Ok(None) => {}
                Err(error) => {
                    log::debug!("{}: {error}", self.addrs.remote);
                    let head_only = asks_for_head_only(half.buffer.data());
                    let refusal = Refusal::new(error.status(), &error, head_only);
                    return Step::Refuse(half, refusal);
                }
            }
            if !timed {
                // Answers to earlier requests must not wait for the rest of this one.
                if self.write_answers().is_err() {
                    return Step::Close(CloseReason::IoFailed);
                }
                let limit = self.shared.options.read_header_timeout;
                let deadline = limit.and_then(|limit| after(self.begun, limit));
                self.stream().set_read_deadline(deadline);
                timed = true;
            }
            match half.buffer.fill(|buf| self.reader.read(buf)) {
                Ok(0) => return Step::Close(CloseReason::EndOfStream),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Step::Close(CloseReason::TimedOut);
                }
                Err(_) => return Step::Close(CloseReason::IoFailed),
            }
        }
    }

    /// Runs the handler on a request and settles what follows.
    fn serve(&mut self, half: ReadHalf, head: RequestHead) -> Step {
        let head_only = head.method == Method::HEAD;
        let framing = match h1::request_framing(head.version, &head.headers) {
            // A body of no bytes is none, and nobody waits for a leave to send it.
            Ok(Framing::Length(0)) => Framing::Empty,
            Ok(framing) => framing,
            Err(error) => {
                return Step::Refuse(half, Refusal::new(error.status(), &error, head_only));
            }
        };
        let continues = match expectation(&head) {
            Ok(false) => None,
            Ok(true) => (!matches!(framing, Framing::Empty)).then(Continue::new),
            Err(refusal) => return Step::Refuse(half, refusal),
        };
        let waits = match framing {
            Framing::Empty => false,
            Framing::Length(length) => length > half.buffer.data().len() as u64,
            Framing::Chunked | Framing::UntilClose => true,
        };
        if waits && self.write_answers().is_err() {
            // Answers to earlier requests must not wait for the rest of this one, and a 100, which
            // goes past the buffer, must not overtake them.
            return Step::Close(CloseReason::IoFailed);
        }
        self.set_deadlines(!matches!(framing, Framing::Empty));
        let signals = Arc::new(Signals::default());
        let request = self.begin(half, head, framing, continues, &signals);
        self.writer.begin(head_only);
        let outcome = self.run_handler(request);
        signals.finish();
        self.settle(outcome)
    }

    fn set_deadlines(&self, body: bool) {
        let read_limit = self.shared.options.read_timeout.filter(|_| body);
        let deadline = read_limit.and_then(|limit| after(self.begun, limit));
        self.stream().set_read_deadline(deadline);
        self.set_write_deadline();
    }

    fn set_write_deadline(&self) {
        let limit = self.shared.options.write_timeout;
        let deadline = limit.and_then(|limit| after(Instant::now(), limit));
        self.stream().set_write_deadline(deadline);
    }

    /// Puts the request together, and the reading half where the response and the body find it.
    fn begin(
        &mut self,
        half: ReadHalf,
        head: RequestHead,
        framing: Framing,
        continues: Option<Arc<Continue>>,
        signals: &Arc<Signals>,
    ) -> Request {
        let persist = h1::request_persists(head.version, &head.headers);
        let version = head.version;
        let (body, input) = if matches!(framing, Framing::Empty) {
            self.reader.body_ended(!half.buffer.is_empty());
            (Body::empty(), Input::Here(half))
        } else {
            let lending = Lending::new(RequestBody::new(half, framing, continues.clone()));
            let body = Body::incoming(Box::new(LentBody(Arc::clone(&lending))));
            (body, Input::Lent(lending))
        };
        let tunnel = head.method == Method::CONNECT;
        self.wire().begin(Exchange::new(version, input, continues, tunnel, persist));
        let mut request = Request::new(body);
        *request.method_mut() = head.method;
        *request.uri_mut() = head.target;
        *request.version_mut() = version;
        *request.headers_mut() = head.headers;
        request.extensions_mut().insert(Scope(Arc::new(RequestScope {
            signals: Arc::clone(signals),
            reader: Arc::clone(&self.reader),
            addrs: Arc::clone(&self.addrs),
            number: self.reader.request(),
        })));
        request
    }

    fn run_handler(&mut self, mut request: Request) -> Outcome {
        let handler = &*self.shared.handler;
        let writer = &mut self.writer;
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let result = handler.handle(writer, &mut request).and_then(|()| writer.finish());
            let line = result.as_ref().err().map(|_| request_line(&request));
            // What the user put into the request is dropped here, where a panic is caught; what is
            // ours goes first, since it would be lost with what follows the panic.
            request.extensions_mut().remove::<Scope>();
            drop(request);
            (result, line)
        }));
        match caught {
            Ok((Ok(ending), _)) => Outcome::Ended(ending),
            Ok((Err(error), line)) => {
                let line = line.unwrap_or_default();
                log::warn!("{}: handler of {line} failed: {error}", self.addrs.remote);
                let replaced = self.writer.replace_with(StatusCode::INTERNAL_SERVER_ERROR);
                match replaced || self.writer.is_hijacked() {
                    true => self.writer.finish().map_or(Outcome::Failed, Outcome::Ended),
                    false => Outcome::Failed,
                }
            }
            Err(payload) => {
                panics::log(&self.addrs.remote, &*payload);
                if self.writer.is_hijacked() {
                    Outcome::Ended(Ending::Hijacked)
                } else {
                    Outcome::Failed
                }
            }
        }
    }

    /// The handler is done: what becomes of the connection.
    fn settle(&mut self, outcome: Outcome) -> Step {
        if let Outcome::Ended(Ending::Hijacked) = outcome {
            return Step::HandedOver;
        }
        let mut exchange = self.wire().finish();
        // First the body, which may be read on another thread, and end, until it is back.
        let body = match std::mem::replace(&mut exchange.input, Input::Gone) {
            Input::Here(half) => Some(Unread::Nothing(half)),
            Input::Lent(lending) => lending.take_back(&self.reader).map(Unread::Body),
            Input::Gone => None,
        };
        // Once nobody else can read the body to its end, and so allow a background read.
        self.reader.end_request();
        let Some(body) = body else { return Step::Close(CloseReason::HandlerFailed) };
        match outcome {
            Outcome::Ended(Ending::Whole) => self.keep_or_close(body, exchange.persist),
            Outcome::Ended(Ending::Short) => {
                let _ = self.wire().write_out();
                Step::Close(CloseReason::HandlerFailed)
            }
            Outcome::Ended(Ending::Broken) => self.break_off(&exchange, CloseReason::IoFailed),
            Outcome::Ended(Ending::Hijacked) => Step::HandedOver,
            Outcome::Failed => self.break_off(&exchange, CloseReason::HandlerFailed),
        }
    }

    /// A whole answer was given: the next request, or the end.
    fn keep_or_close(&mut self, input: Unread, persist: Result<(), CloseReason>) -> Step {
        match (persist, input) {
            (Ok(()), Unread::Nothing(half)) => self.next(half),
            (Ok(()), Unread::Body(mut body)) => {
                if !matches!(body.progress, Progress::Ended(_)) {
                    // The answer first, then the drain.
                    if self.write_answers().is_err() {
                        return Step::Close(CloseReason::IoFailed);
                    }
                    if !body.drain(DRAIN_LIMIT, Instant::now() + DRAIN_PATIENCE) {
                        return Step::Linger(body.half, CloseReason::BodyNotRead);
                    }
                    // It ended between two requests: nobody may watch from here on.
                    self.reader.end_request();
                }
                self.next(body.half)
            }
            (Err(reason), input) => {
                if self.wire().write_out().is_err() {
                    return Step::Close(CloseReason::IoFailed);
                }
                match input {
                    Unread::Nothing(half) if half.buffer.is_empty() && !self.has_input() => {
                        Step::Close(reason)
                    }
                    Unread::Nothing(half) => Step::Linger(half, reason),
                    Unread::Body(body) => Step::Linger(body.half, reason),
                }
            }
        }
    }

    /// Whether the client has sent more than was read: closing now would reset the connection.
    fn has_input(&self) -> bool {
        self.stream().readiness().readable
    }

    /// The answer is encoded: it goes out now, or together with that to a request that is there
    /// already. A connection is idle, and may be closed by a shutdown, only when all is out.
    fn next(&mut self, half: ReadHalf) -> Step {
        self.stream().set_read_deadline(None);
        if !half.buffer.is_empty() {
            return self.request_begun(half);
        }
        if self.write_answers().is_err() {
            return Step::Close(CloseReason::IoFailed);
        }
        match self.ticket.idle() {
            Ok(()) => Step::Await(half),
            Err(reason) => Step::Close(reason),
        }
    }

    /// Only a part of the answer was sent: the client must see that it is not whole.
    fn break_off(&mut self, exchange: &Exchange, reason: CloseReason) -> Step {
        let _ = self.wire().write_out();
        if exchange.ends_by_closing() {
            self.stream().reset();
        }
        Step::Close(reason)
    }

    fn refuse(&mut self, half: ReadHalf, refusal: &Refusal) -> Step {
        let Refusal { status, text, head_only } = refusal;
        self.set_write_deadline();
        let wire = self.wire();
        wire.refuse(*status, text, *head_only);
        match wire.write_out() {
            Ok(()) => Step::Linger(half, CloseReason::Malformed),
            Err(_) => Step::Close(CloseReason::IoFailed),
        }
    }

    /// Half-closes and reads on for a moment: closing with unread input would reset the connection,
    /// and the reset could overtake the answer (RFC 9112 section 9.6).
    fn linger(&mut self, mut half: ReadHalf, reason: CloseReason) -> Step {
        half.buffer.release();
        let stream = self.stream();
        if stream.shutdown(std::net::Shutdown::Write).is_ok() {
            stream.set_read_deadline(Some(Instant::now() + LINGER));
            let mut waste = [0; 8 * 1024];
            while let Ok(1..) = self.reader.read(&mut waste) {}
        }
        Step::Close(reason)
    }

    fn close(self, reason: CloseReason) {
        log::debug!("{}: connection closed: {reason}", self.addrs.remote);
        self.reader.retire();
        self.stream().close();
        self.ticket.closed();
    }
}

/// A request's input after its handler has returned.
enum Unread {
    Nothing(ReadHalf),
    Body(Box<RequestBody>),
}

impl Refusal {
    /// The one function from a request's error to its answer.
    fn new(status: StatusCode, error: &dyn std::error::Error, head_only: bool) -> Self {
        Self { status, text: format!("{status}: {error}\n"), head_only }
    }
}

/// Whether the answer to a request whose head cannot be taken has no body.
fn asks_for_head_only(head: &[u8]) -> bool {
    head.trim_ascii_start().starts_with(b"HEAD ")
}

/// The moment `limit` after `start`: `None` if that is beyond what the clock can tell.
fn after(start: Instant, limit: Duration) -> Option<Instant> {
    start.checked_add(limit)
}

/// Whether the client waits for a 100 before it sends the body (RFC 9110 section 10.1.1).
fn expectation(head: &RequestHead) -> Result<bool, Refusal> {
    let Some(value) = head.headers.get(EXPECT) else { return Ok(false) };
    if head.version < Version::HTTP_11 {
        return Ok(false);
    }
    if value.as_bytes().eq_ignore_ascii_case(b"100-continue") {
        return Ok(true);
    }
    let status = StatusCode::EXPECTATION_FAILED;
    Err(Refusal {
        status,
        text: format!("{status}: only the expectation 100-continue can be met\n"),
        head_only: head.method == Method::HEAD,
    })
}

/// What a log line calls a request: nothing that could be a secret, so not the query.
fn request_line(request: &Request) -> String {
    format!("{} {}", request.method(), request.uri().path())
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;
    use crate::net::{Addr, memory};
    use crate::server::Server;
    use crate::server::registry::Registry;

    #[test]
    fn an_idle_connection_holds_no_buffers() {
        let (_client, stream) = memory::pair();
        let server = Server::new(|_: &mut ResponseWriter, _: &mut Request| Ok(()));
        let shared = server.idle_timeout(Duration::from_millis(1)).into_handle().shared;
        let ticket = Registry::admit(&shared, &stream, &Addr::Memory).expect("room");
        let addrs = Addrs { remote: Addr::Memory, local: Addr::Memory };
        let mut conn = Conn::new(shared, stream, addrs, ticket);
        let mut half = conn.half();
        half.buffer.fill(|room| Ok(room.len())).unwrap();
        half.buffer.consume(half.buffer.data().len());
        conn.wire().refuse(StatusCode::BAD_REQUEST, "", false);
        conn.wire().write_out().unwrap();
        assert!(half.buffer.capacity() > 0 && conn.wire().capacity() > 0);

        conn.first = false;
        let error = conn.wait_idle(&mut half).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!((half.buffer.capacity(), conn.wire().capacity()), (0, 0));
    }
}
