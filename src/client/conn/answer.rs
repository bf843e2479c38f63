//! Reading one answer: its head, past the interim ones, and what its body means for the connection.
//!
//! The same steps whoever reads: the caller itself, or the reader loop for it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

use super::body::{ResponseBody, Rest};
use super::keep_alive::KeepAlive;
use super::messages::{Answer, AnswerBody, Expected, ReplyError, Returned};
use super::{Shared, WROTE_PATIENCE};
use crate::body::Body;
use crate::client::raw_head::RawHead;
use crate::context::HookGuard;
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::h1::{self, CloseReason, Framing, ResponseHead};
use crate::net::{Buffer, Duplex};
use crate::sync::channel::Sender;
use crate::text::counted;

/// Who looks after the connection while the caller reads the answer's body.
pub(super) enum Keeper {
    /// The reader loop, which waits for its buffer.
    Loop(Sender<Returned>),
    /// Nobody has to, but that the hook closes the connection when the call's context ends.
    Caller { _hook: Option<HookGuard> },
}

/// What is left to do with the connection once the caller has its answer. The answer goes first: it
/// says more than the end of the connection, which the caller would see at the same time.
pub(super) enum After {
    /// It was given back. Here is the reader loop's buffer; a caller's has gone along.
    Free(Buffer),
    /// The answer's body sees to it.
    Travels,
    Close(CloseReason),
    /// It speaks another protocol now.
    HandOver,
}

/// Reads the head of the answer that is expected, past the interim ones, by means of `read`. What was
/// read beyond it is in the buffer.
pub(super) fn read_head(
    shared: &Shared,
    expected: &Expected,
    buffer: Buffer,
    read: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> Result<(ResponseHead, Buffer), ReplyError> {
    let mut reader = HeadReader { shared, buffer, expected, read, interim: 0 };
    let head = reader.read()?;
    Ok((head, reader.buffer))
}

/// Takes the answer whose head has been read: its body, and what that means for the connection.
pub(super) fn take_answer(
    shared: &Arc<Shared>,
    expected: Expected,
    head: ResponseHead,
    mut buffer: Buffer,
    keeper: Keeper,
) -> Result<(Answer, After), ReplyError> {
    let Expected { id, method, closes, proceed, wrote, idle_read, .. } = expected;
    // A body that is still withheld is not wanted any more.
    drop(proceed);
    if is_handed_over(&method, head.status) {
        // Nobody may be writing HTTP any more when another protocol begins.
        if wrote.check(shared, WROTE_PATIENCE).is_err() {
            let message = "it changed the protocol before the whole request was sent";
            return Err(malformed(Error::message(ErrorKind::MalformedMessage, message)));
        }
        let duplex = Duplex::new(shared.stream.clone(), buffer.take());
        return Ok((Answer { head, body: AnswerBody::Duplex(duplex) }, After::HandOver));
    }
    let framed = h1::response_framing(&method, head.status, head.version, &head.headers)
        .map_err(|error| malformed(Error::with_source(ErrorKind::MalformedMessage, error)))?;
    let persist = match closes {
        true => Err(CloseReason::WeAskedToClose),
        false => {
            let ResponseHead { version, status, headers, .. } = &head;
            h1::response_persists(&method, *version, *status, headers, framed)
        }
    };
    if let Some(announced) = KeepAlive::of(&head.headers) {
        shared.state.lock().note(announced);
    }
    let rest = Rest { shared: Arc::clone(shared), id, buffer, wrote, persist, keeper };
    let (body, after) = match framed.framing {
        Framing::Empty if rest.has_all(0) => (Body::empty(), rest.free()),
        Framing::Length(length) if rest.has_all(length) => {
            let (body, rest) = rest.cut(length as usize);
            (body, rest.free())
        }
        framing => {
            let body = ResponseBody::new(framing, rest, idle_read);
            (Body::incoming(Box::new(body)), After::Travels)
        }
    };
    Ok((Answer { head, body: AnswerBody::Body(body) }, after))
}

/// Whether the connection speaks another protocol after this answer.
fn is_handed_over(method: &Method, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || (*method == Method::CONNECT && status.is_success())
}

fn malformed(error: Error) -> ReplyError {
    ReplyError { error, begun: true }
}

impl Rest {
    /// Whether nothing more is to come: neither of the body, nor of the request to the peer.
    fn has_all(&self, length: u64) -> bool {
        length <= self.buffer.data().len() as u64 && self.wrote.is_known()
    }

    /// Takes the whole body, which is here, out of the buffer.
    fn cut(mut self, length: usize) -> (Body, Self) {
        let body = bytes::Bytes::copy_from_slice(&self.buffer.data()[..length]);
        self.buffer.consume(length);
        (body.into(), self)
    }

    /// The body has been taken out: the connection is free before the caller knows.
    fn free(self) -> After {
        let Self { shared, id, buffer, wrote, persist, keeper } = self;
        let free = persist
            .and_then(|()| shared.is_used_up(&buffer))
            .and_then(|()| wrote.check(&shared, Duration::ZERO));
        let (spare, of_loop) = match &keeper {
            Keeper::Loop(_) => (Buffer::default(), buffer),
            Keeper::Caller { .. } => (buffer, Buffer::default()),
        };
        // From here on the context may end without harm to whoever uses the connection next.
        drop(keeper);
        match free.and_then(|()| shared.give_back(id, spare)) {
            Ok(()) => After::Free(of_loop),
            Err(reason) => After::Close(reason),
        }
    }
}

/// Reads an answer's head, past the interim ones.
struct HeadReader<'a, R> {
    shared: &'a Shared,
    buffer: Buffer,
    expected: &'a Expected,
    read: R,
    /// How many bytes of interim responses have come.
    interim: usize,
}

impl<R: FnMut(&mut [u8]) -> io::Result<usize>> HeadReader<'_, R> {
    fn read(&mut self) -> Result<ResponseHead, ReplyError> {
        let limits = self.shared.response_limits;
        let mut begun = false;
        loop {
            match self.buffer.next_response(&limits) {
                Ok(Some((head, used))) => {
                    self.show_raw_head(used, true);
                    self.buffer.consume(used);
                    if !is_interim(head.status) {
                        return Ok(head);
                    }
                    self.pass_interim(&head, used, limits.max_bytes)?;
                }
                Ok(None) => {
                    self.fill(begun)?;
                    begun = true;
                }
                Err(error) => {
                    self.show_raw_head(self.buffer.data().len(), false);
                    let too_large = error.is_too_large();
                    let kind =
                        if too_large { ErrorKind::TooLarge } else { ErrorKind::MalformedMessage };
                    return Err(malformed(Error::with_source(kind, error)));
                }
            }
        }
    }

    fn fill(&mut self, begun: bool) -> Result<(), ReplyError> {
        let filled = match self.buffer.fill(&mut self.read) {
            // A head says by itself where it ends: how the stream ended is the same to it.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            filled => filled,
        };
        if let Ok(1..) = filled {
            return Ok(());
        }
        self.show_raw_head(self.buffer.data().len(), false);
        let error = match filled {
            // An interim response that came whole is no part of the final one.
            Ok(0) if !self.buffer.is_empty() => Error::message(
                ErrorKind::MalformedMessage,
                "the connection was closed within the response head",
            ),
            Ok(_) => Error::new(ErrorKind::EmptyReply),
            // What closed the connection is what the read failed for.
            Err(error) => self.shared.cause().unwrap_or_else(|| match error.kind() {
                io::ErrorKind::TimedOut => Error::timeout(TimeLimit::ResponseHead),
                _ => Error::with_source(ErrorKind::Receive, error),
            }),
        };
        Err(ReplyError { error, begun })
    }

    /// Calls the callback for raw heads, if there is one, with the first `length` bytes of the buffer.
    fn show_raw_head(&self, length: usize, complete: bool) {
        let Some(callback) = &self.expected.on_raw_head else { return };
        let bytes = &self.buffer.data()[..length];
        let head = if complete { RawHead::complete(bytes) } else { RawHead::incomplete(bytes) };
        if !head.as_bytes().is_empty() {
            callback(&head);
        }
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
            let message = format!("interim responses exceed {}", counted(most, "byte"));
            return Err(malformed(Error::message(ErrorKind::TooLarge, message)));
        }
        if let (StatusCode::CONTINUE, Some(proceed)) = (head.status, &self.expected.proceed) {
            let _ = proceed.try_send(());
        }
        if let Some(callback) = &self.expected.on_informational {
            callback(head.status, &head.headers);
        }
        Ok(())
    }
}

/// 101 is a final answer: the connection changes its protocol (RFC 9110 section 15.2.2).
fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}
