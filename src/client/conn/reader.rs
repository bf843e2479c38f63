//! The reader loop: waits for answers, and watches the connection while it is idle.
//!
//! ```text
//!            readable, no exchange: the peer hung up or spoke out of turn ──▶ close
//!          ┌──────┐
//!   ──────▶│ wait │ readable, an exchange is on ──▶ read the head ──▶ reply
//!   ▲      └──────┘                                                    │
//!   │         idle too long ──▶ close                                  │ the body travels
//!   │                                                                  ▼
//!   └───────── buffer returned ◀── body ended · closed · context done ── wait
//! ```

use std::io::{self, Read};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};

use super::body::{ResponseBody, Rest};
use super::messages::{Answer, AnswerBody, Expectation, Reply, ReplyError, Returned};
use super::{Shared, Turn, WROTE_PATIENCE, Wrote, close_reason};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::h1::{self, CloseReason, Framing, HeadScanner, Limits, ResponseHead};
use crate::net::{Buffer, Duplex};
use crate::sync::channel::{Receiver, Sender, bounded, never, select};

/// How many header fields a response may have.
const MAX_FIELDS: usize = 1000;

/// Why the loop ends.
pub(super) struct Ended;

/// Waits for answers until the connection is closed or handed over.
pub(super) fn run(shared: &Arc<Shared>, expectations: &Receiver<Expectation>) {
    let mut buffer = Buffer::default();
    loop {
        let Ok(expectation) = await_exchange(shared, expectations) else { return };
        match exchange(shared, buffer, expectation) {
            Ok(returned) => buffer = returned,
            Err(Ended) => return,
        }
    }
}

/// Blocks until the first byte of an answer is there, as the idle watch before that.
fn await_exchange(
    shared: &Arc<Shared>,
    expectations: &Receiver<Expectation>,
) -> Result<Expectation, Ended> {
    let limit = shared.idle_timeout.map(|limit| Instant::now() + limit);
    let outcome = match shared.stream.wait_readable_until(limit) {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            if shared.close_if_idle(CloseReason::IdleTooLong) {
                return Err(Ended);
            }
            // An exchange has begun just before: it has time limits of its own.
            shared.stream.wait_readable_until(None)
        }
        outcome => outcome,
    };
    if outcome.is_err() || shared.is_closed() {
        shared.close(Error::new(ErrorKind::Receive), CloseReason::IoFailed);
        return Err(Ended);
    }
    if shared.claim() {
        let reason = out_of_turn(shared);
        shared.close(Error::new(ErrorKind::EmptyReply), reason);
        return Err(Ended);
    }
    select! {
        recv(expectations) -> expectation => expectation.map_err(|_| Ended),
        recv(shared.closed) -> _ => Err(Ended),
    }
}

/// The peer hung up, or sent something, while it had nothing to answer.
fn out_of_turn(shared: &Shared) -> CloseReason {
    let mut bytes = [0; 64];
    match shared.stream.try_read(&mut bytes) {
        Ok(0) | Err(_) => CloseReason::EndOfStream,
        // How a server tells that it has waited long enough (RFC 9110 section 15.5.9).
        Ok(count) if is_request_timeout(&bytes[..count]) => CloseReason::EndOfStream,
        Ok(count) => {
            let text = String::from_utf8_lossy(&bytes[..count.min(16)]);
            log::warn!("{}: unsolicited bytes on an idle connection: {text:?}", shared.key);
            CloseReason::BytesLeftOver
        }
    }
}

fn is_request_timeout(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.1 408") || bytes.starts_with(b"HTTP/1.0 408")
}

/// Reads one answer and hands it to the caller; returns when its body has ended.
fn exchange(shared: &Arc<Shared>, buffer: Buffer, expected: Expectation) -> Result<Buffer, Ended> {
    let reply = expected.reply.clone();
    let mut head_reader = HeadReader { shared, buffer, expected: &expected, interim: 0 };
    let head = match head_reader.read() {
        Ok(head) => head,
        Err(error) => {
            // The reply first: it says more than the closed connection.
            let cause = error.error.clone();
            let _ = reply.send(Err(error));
            let reason = close_reason(&cause);
            shared.close_in(expected.turn, cause, reason);
            return Err(Ended);
        }
    };
    let buffer = head_reader.buffer;
    let Expectation { turn, method, closes, context, proceed, wrote, idle_read, .. } = expected;
    // A body that is still withheld is not wanted any more.
    drop(proceed);
    let delivery = Delivery { shared, turn, reply, head, wrote: Wrote(wrote), buffer };
    if is_handed_over(&method, delivery.head.status) {
        return delivery.hand_over();
    }
    let framed = h1::response_framing(
        &method,
        delivery.head.status,
        delivery.head.version,
        &delivery.head.headers,
    );
    let framed = match framed {
        Ok(framed) => framed,
        Err(error) => {
            return delivery.fail(Error::with_source(ErrorKind::MalformedMessage, error));
        }
    };
    let ResponseHead { version, status, headers, .. } = &delivery.head;
    let persist = match closes {
        true => Err(CloseReason::WeAskedToClose),
        false => h1::response_persists(&method, *version, *status, headers, framed),
    };
    match framed.framing {
        Framing::Empty if delivery.has_all(0) => delivery.whole(Body::empty(), 0, persist),
        Framing::Length(length) if delivery.has_all(length) => {
            let length = length as usize;
            let body = bytes::Bytes::copy_from_slice(&delivery.buffer.data()[..length]);
            delivery.whole(body.into(), length, persist)
        }
        framing => delivery.travel(framing, persist, context.as_ref(), idle_read),
    }
}

/// Whether the connection speaks another protocol after this answer.
fn is_handed_over(method: &Method, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || (*method == Method::CONNECT && status.is_success())
}

/// Reads an answer's head, past the interim ones.
struct HeadReader<'a> {
    shared: &'a Shared,
    buffer: Buffer,
    expected: &'a Expectation,
    /// How many bytes of interim responses have come.
    interim: usize,
}

impl HeadReader<'_> {
    fn read(&mut self) -> Result<ResponseHead, ReplyError> {
        let limits = Limits { max_bytes: self.shared.max_response_head, max_fields: MAX_FIELDS };
        let mut scanner = HeadScanner::default();
        let mut begun = !self.buffer.is_empty();
        loop {
            match scanner.response(self.buffer.data(), &limits) {
                Ok(Some((head, used))) => {
                    self.buffer.consume(used);
                    if !is_interim(head.status) {
                        return Ok(head);
                    }
                    scanner = HeadScanner::default();
                    self.pass_interim(&head, used, limits.max_bytes)?;
                }
                Ok(None) => {
                    self.fill(begun)?;
                    begun = true;
                }
                Err(error) => {
                    let kind = match error.status() {
                        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ErrorKind::TooLarge,
                        _ => ErrorKind::MalformedMessage,
                    };
                    return Err(ReplyError { error: Error::with_source(kind, error), begun: true });
                }
            }
        }
    }

    fn fill(&mut self, begun: bool) -> Result<(), ReplyError> {
        let stream = &self.shared.stream;
        let error = match self.buffer.fill(|buf| (&mut &*stream).read(buf)) {
            Ok(1..) => return Ok(()),
            Ok(0) if begun => Error::message(
                ErrorKind::MalformedMessage,
                "the connection was closed within the response head",
            ),
            Ok(0) => Error::new(ErrorKind::EmptyReply),
            Err(error) => Error::with_source(ErrorKind::Receive, error),
        };
        Err(ReplyError { error, begun })
    }

    /// An interim response: counted, shown, and otherwise ignored, but that a 100 releases the body.
    fn pass_interim(
        &mut self,
        head: &ResponseHead,
        bytes: usize,
        most: usize,
    ) -> Result<(), ReplyError> {
        self.interim += bytes;
        if self.interim > most {
            let message = format!("more than {most} bytes of interim responses");
            let error = Error::message(ErrorKind::TooLarge, message);
            return Err(ReplyError { error, begun: true });
        }
        if let (StatusCode::CONTINUE, Some(proceed)) = (head.status, &self.expected.proceed) {
            let _ = proceed.try_send(());
        }
        if let Some(callback) = &self.expected.on_informational {
            let called = AssertUnwindSafe(|| callback(head.status, &head.headers));
            // This thread must live to tell the caller.
            std::panic::catch_unwind(called).map_err(|_| {
                let message = "the callback for interim responses panicked";
                ReplyError { error: Error::message(ErrorKind::Other, message), begun: true }
            })?;
        }
        Ok(())
    }
}

/// 101 is a final answer: the connection changes its protocol (RFC 9110 section 15.2.2).
fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

/// An answer on its way to the caller.
struct Delivery<'a> {
    shared: &'a Arc<Shared>,
    turn: Turn,
    reply: Sender<Reply>,
    head: ResponseHead,
    wrote: Wrote,
    buffer: Buffer,
}

impl Delivery<'_> {
    /// Whether nothing more is to come: neither of the body, nor of the request to the peer.
    fn has_all(&self, length: u64) -> bool {
        length <= self.buffer.data().len() as u64 && self.wrote.is_known()
    }

    fn fail(self, error: Error) -> Result<Buffer, Ended> {
        let _ = self.reply.send(Err(ReplyError { error: error.clone(), begun: true }));
        self.shared.close_in(self.turn, error, CloseReason::Malformed);
        Err(Ended)
    }

    fn hand_over(mut self) -> Result<Buffer, Ended> {
        // Nobody may be writing HTTP any more when another protocol begins.
        if self.wrote.check(self.shared, WROTE_PATIENCE).is_err() {
            let message = "it changed the protocol before the whole request was sent";
            return self.fail(Error::message(ErrorKind::MalformedMessage, message));
        }
        self.shared.hand_over();
        let duplex = Duplex::new(self.shared.stream.clone(), self.buffer.take());
        let answer = Answer { head: self.head, body: AnswerBody::Duplex(duplex) };
        // Nobody to take it: dropping it closes the connection.
        let _ = self.reply.send(Ok(answer));
        Err(Ended)
    }

    /// The whole body, `length` bytes long, is here, and the request's fate is known: the connection is
    /// free before the caller knows.
    fn whole(
        mut self,
        body: Body,
        length: usize,
        persist: Result<(), CloseReason>,
    ) -> Result<Buffer, Ended> {
        self.buffer.consume(length);
        let shared = self.shared;
        let free = persist
            .and_then(|()| match self.buffer.is_empty() {
                true => Ok(()),
                false => Err(CloseReason::BytesLeftOver),
            })
            .and_then(|()| self.wrote.check(shared, Duration::ZERO))
            .and_then(|()| shared.give_back(self.turn));
        // The answer before the end of the connection: it says more.
        let _ = self.reply.send(Ok(Answer { head: self.head, body: AnswerBody::Body(body) }));
        shared.settled(self.turn, free).map(|()| self.buffer)
    }

    /// The body is read by the caller, and takes the buffer along.
    fn travel(
        self,
        framing: Framing,
        persist: Result<(), CloseReason>,
        context: Option<&Context>,
        idle_read: Option<Duration>,
    ) -> Result<Buffer, Ended> {
        let (back, returned) = bounded::<Returned>(1);
        let rest = Rest {
            shared: Arc::clone(self.shared),
            turn: self.turn,
            buffer: self.buffer,
            wrote: self.wrote,
            persist,
            back,
        };
        let body = ResponseBody::new(framing, rest, idle_read);
        let answer =
            Answer { head: self.head, body: AnswerBody::Body(Body::incoming(Box::new(body))) };
        if let Err(refused) = self.reply.send(Ok(answer)) {
            // Nobody waits for it: dropping the body settles the connection.
            drop(refused);
        }
        await_body(self.shared, self.turn, &returned, context)
    }
}

/// Waits until the body has ended, the connection is closed, or the context is done.
fn await_body(
    shared: &Arc<Shared>,
    turn: Turn,
    returned: &Receiver<Returned>,
    context: Option<&Context>,
) -> Result<Buffer, Ended> {
    let nothing = never();
    let done = context.map_or(&nothing, Context::done);
    select! {
        recv(returned) -> buffer => return buffer.map_err(|_| Ended),
        recv(shared.closed) -> _ => return Err(Ended),
        recv(done) -> _ => {}
    }
    let ended = context.and_then(Context::err).map(Error::from);
    let cause = ended.unwrap_or_else(|| Error::new(ErrorKind::Cancelled));
    let reason = close_reason(&cause);
    shared.close_in(turn, cause, reason);
    // If the body ended at the same moment the connection is open, and not the call's any more.
    select! {
        recv(returned) -> buffer => buffer.map_err(|_| Ended),
        recv(shared.closed) -> _ => Err(Ended),
    }
}
