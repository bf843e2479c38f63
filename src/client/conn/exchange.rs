//! One exchange, from the caller's side: by one of three ways, which neither a peer nor a caller can
//! tell apart.
//!
//! | way | who writes | who reads | taken |
//! | --- | --- | --- | --- |
//! | short | the caller | the caller | if the request is in memory, and there is room for it |
//! | beside | the writer loop | the caller | if it is not, unless something limits or holds up the writing |
//! | full | the writer loop | the reader loop | with `Expect: 100-continue`, or with a limit for sending if the caller cannot write it all |
//!
//! On the full way the caller waits for whatever comes first: the answer, the write's result, the end of
//! the connection or of its context, a time limit. On the other two it is in a read, and all of these
//! come to it through the connection.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;

use super::answer::{After, Keeper, read_head, take_answer};
use super::messages::{
    Answer, Expectation, Expected, OnInformational, OnRawHead, Reply, ReplyError, Report,
    Unwritten, WriteError, WriteJob, WriteResult, Wrote,
};
use super::send::{Left, send_now};
use super::{Conn, ExchangeId, Shared, WROTE_PATIENCE, close_reason, earlier};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::h1::CloseReason;
use crate::sync::channel::{Receiver, Sender, at, bounded, never, select};
use crate::sync::now;

/// A request, ready to be written.
pub(in crate::client) struct Outgoing {
    pub(in crate::client) method: Method,
    pub(in crate::client) head: Vec<u8>,
    pub(in crate::client) body: Body,
    pub(in crate::client) framing: OutgoingFraming,
    /// The request asks for the connection to be closed.
    pub(in crate::client) closes: bool,
    /// Withhold the body for a 100. Boxed, since it is rare, and requests are moved about.
    pub(in crate::client) expect: Option<Box<Withhold>>,
}

/// How a body is withheld.
pub(in crate::client) struct Withhold {
    /// The longest wait for the 100; then the body is sent anyway.
    pub(in crate::client) limit: Duration,
    /// Takes the body back if it is not sent. Dropped before the first byte is read from it.
    pub(in crate::client) give_back: Sender<Body>,
}

/// How a request's body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum OutgoingFraming {
    /// There is none, and the head says nothing of it.
    Unsaid,
    /// As it is: it has the length that the head says.
    Length(u64),
    /// In chunks, with trailers.
    Chunked,
}

/// What a call waits for, and how long.
#[derive(Clone, Default)]
pub(in crate::client) struct Patience {
    pub(in crate::client) context: Option<Context>,
    pub(in crate::client) send: Option<Duration>,
    pub(in crate::client) response_head: Option<Duration>,
    pub(in crate::client) idle_read: Option<Duration>,
    pub(in crate::client) on_informational: Option<OnInformational>,
    pub(in crate::client) on_raw_head: Option<OnRawHead>,
}

/// A failed exchange. Where it failed and what was at fault decide whether it may be repeated.
#[derive(Debug)]
pub(in crate::client) struct Failure {
    pub(in crate::client) error: Error,
    pub(in crate::client) at: FailedAt,
    pub(in crate::client) blame: Blame,
}

/// How far an exchange had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum FailedAt {
    /// No byte of the request was written.
    NotWritten,
    /// At least a part of the request was written, and no byte of a response arrived.
    Written,
    /// At least one byte of a response arrived.
    Answering,
}

/// The cause of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Blame {
    Connection,
    /// The caller, its context, a time limit, or an invalid message.
    Call,
}

impl Failure {
    /// No answer was read, to a request of which at least a part was written.
    fn of_reading(ReplyError { error, begun }: ReplyError) -> Self {
        let at = if begun { FailedAt::Answering } else { FailedAt::Written };
        Self { at, blame: Blame::of(&error), error }
    }

    /// The request could not be written beyond its first `written` bytes.
    fn of_writing(error: Error, written: u64) -> Self {
        let at = if written == 0 { FailedAt::NotWritten } else { FailedAt::Written };
        Self { at, blame: Blame::of(&error), error }
    }

    /// The call has ended for a reason of its own: not the connection's.
    fn of_the_call(error: Error) -> Self {
        Self { error, at: FailedAt::Written, blame: Blame::Call }
    }
}

impl Blame {
    fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Send | ErrorKind::Receive | ErrorKind::EmptyReply => Self::Connection,
            _ => Self::Call,
        }
    }
}

impl Conn {
    /// Sends a request and waits for the head of its answer, in an exchange that was
    /// [begun](Conn::begin). When it fails the connection is closed.
    ///
    /// # Panics
    ///
    /// As the callback for interim responses does, where the caller reads the answer.
    ///
    /// # Blocking
    ///
    /// Until the answer's head is there, the connection fails, the context ends, or a time limit
    /// runs out.
    pub(in crate::client) fn round_trip(
        &self,
        id: ExchangeId,
        outgoing: Outgoing,
        patience: &Patience,
    ) -> Result<Answer, Failure> {
        let Outgoing { method, head, body, framing, closes, expect } = outgoing;
        let expected = Expected {
            id,
            method,
            closes,
            on_informational: patience.on_informational.clone(),
            on_raw_head: patience.on_raw_head.clone(),
            proceed: None,
            wrote: Wrote::Whole,
            idle_read: patience.idle_read,
        };
        let unwinding = Unwinding { shared: &self.0, id };
        let outcome = match send_now(&self.0, head, body, framing, expect) {
            None => self.read_here(expected, patience).map_err(Failure::of_reading),
            Some(Left::Unwritten(unwritten, None)) if patience.send.is_none() => {
                self.read_beside(expected, patience, unwritten)
            }
            Some(left) => self.by_the_loops(expected, patience, left),
        };
        std::mem::forget(unwinding);
        if let Err(Failure { error, .. }) = &outcome {
            // Before an answer that came at the same moment is dropped: nothing waits for its body.
            self.0.close_in(id, error.clone(), close_reason(error));
        }
        outcome
    }

    /// The caller reads the answer itself. Closing the connection is what ends its read, and the end of
    /// the call's context closes it.
    fn read_here(&self, expected: Expected, patience: &Patience) -> Result<Answer, ReplyError> {
        let (shared, id) = (&self.0, expected.id);
        let hook = patience.context.as_ref().map(|context| {
            let shared = Arc::downgrade(shared);
            context.on_done(move |ended| {
                let Some(shared) = shared.upgrade() else { return };
                let error = Error::from(ended.clone());
                let reason = close_reason(&error);
                shared.close_in(id, error, reason);
            })
        });
        let stream = &shared.stream;
        let is_out = matches!(expected.wrote, Wrote::Whole);
        if is_out && let Some(limit) = patience.response_head {
            stream.set_read_deadline(Instant::now().checked_add(limit));
        }
        let read = |buf: &mut [u8]| match patience.response_head {
            None => stream.read_for(buf, None),
            Some(_) => (&mut &*stream).read(buf),
        };
        let (head, buffer) = read_head(shared, &expected, shared.take_spare(), read)?;
        if !is_out || patience.response_head.is_some() {
            shared.head_has_come();
        }
        let keeper = Keeper::Caller { _hook: hook };
        let (answer, after) = take_answer(shared, expected, head, buffer, keeper)?;
        match after {
            After::Free(_) | After::Travels => {}
            After::HandOver => shared.hand_over(),
            After::Close(reason) => {
                shared.close_in(id, Error::new(ErrorKind::Closed), reason);
            }
        }
        Ok(answer)
    }

    /// The writer loop writes what is left while the caller reads the answer itself: one thread is woken,
    /// once. What the caller of the full way selects on reaches this one through the connection: the
    /// writer loop closes it when its source or its write has failed, and sets the deadline for the
    /// answer's head.
    fn read_beside(
        &self,
        mut expected: Expected,
        patience: &Patience,
        unwritten: Unwritten,
    ) -> Result<Answer, Failure> {
        let (shared, id) = (&self.0, expected.id);
        let writer = shared.writer().map_err(|error| {
            let error = Error::with_source(ErrorKind::Send, error);
            Failure::of_writing(error, unwritten.written)
        })?;
        shared.state.lock().await_head(true);
        let report = Report::Reading { id, response_head: patience.response_head };
        let results = writer.write(WriteJob { unwritten, report });
        expected.wrote = Wrote::Reported(results.clone());
        self.read_here(expected, patience).map_err(|failed| {
            // How much was written decides whether the request may be sent again, and if the
            // connection has failed the writer loop is about to tell.
            let asks = !failed.begun && Blame::of(&failed.error) == Blame::Connection;
            let at_most = if id.is_first() { Duration::ZERO } else { WROTE_PATIENCE };
            match asks.then(|| results.recv_timeout(at_most)) {
                // The earlier failure says more than the end that follows it.
                Some(Ok(Err(WriteError::Failed { error, written }))) => {
                    Failure::of_writing(error, written)
                }
                // It may itself be of a connection: of the one that its source is read from.
                Some(Ok(Err(WriteError::Source(error)))) => Failure::of_the_call(error),
                _ => Failure::of_reading(failed),
            }
        })
    }

    /// The full way: the writer loop writes what is left, the reader loop reads the answer, and the
    /// caller waits for whatever comes first.
    fn by_the_loops(
        &self,
        mut expected: Expected,
        patience: &Patience,
        left: Left,
    ) -> Result<Answer, Failure> {
        let (shared, id) = (&self.0, expected.id);
        let (wrote_to_reader, wrote) = bounded(1);
        let (reply, replies) = bounded(1);
        expected.wrote = Wrote::Reported(wrote);
        let unwritten = match left {
            Left::Unwritten(unwritten, release) => {
                expected.proceed = release;
                Ok(unwritten)
            }
            Left::Failed(error) => Err(error),
        };
        let context = patience.context.clone();
        // A reader loop that has ended has closed the connection, which is seen below.
        let _ = shared.expectations.send(Expectation { expected, context, reply });
        let (sending, wrote) = match unwritten {
            Ok(unwritten) => {
                let (wrote_to_caller, wrote) = bounded(1);
                let report = Report::Both { reader: wrote_to_reader, caller: wrote_to_caller };
                let job = WriteJob { unwritten, report };
                (Sending::begin(shared, job, patience), Some(wrote))
            }
            Err(error) => {
                let _ = wrote_to_reader.send(Err(error.clone()));
                (Sending::failed(error), None)
            }
        };
        Exchange { shared, id, patience, replies, wrote, sending }.wait()
    }
}

/// Closes the connection of a caller whose thread unwinds out of its exchange: its callback for interim
/// responses may panic, and so may code that TLS calls. Forgotten when the exchange has ended.
struct Unwinding<'a> {
    shared: &'a Arc<Shared>,
    id: ExchangeId,
}

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        let error = Error::message(ErrorKind::Other, "the calling thread panicked");
        self.shared.close_in(self.id, error, CloseReason::Cancelled);
    }
}

/// How far the request is.
enum Sending {
    /// The writer loop is at it.
    Writing { until: Option<Instant> },
    /// It is out: the head of the answer is due by then.
    Written { until: Option<Instant> },
    /// It could not be written, but the answer that the peer sent before it closed may still come.
    Failed { error: WriteError, until: Instant },
}

impl Sending {
    /// Hands the writer loop its job.
    fn begin(shared: &Arc<Shared>, job: WriteJob, patience: &Patience) -> Self {
        let written = job.unwritten.written;
        match shared.writer() {
            Ok(writer) => {
                writer.write(job);
                let until = patience.send.and_then(|limit| Instant::now().checked_add(limit));
                Self::Writing { until }
            }
            Err(error) => {
                let error = Error::with_source(ErrorKind::Send, error);
                Self::failed(WriteError::Failed { error, written })
            }
        }
    }

    fn written(patience: &Patience) -> Self {
        let limit = patience.response_head;
        Self::Written { until: limit.and_then(|limit| Instant::now().checked_add(limit)) }
    }

    fn failed(error: WriteError) -> Self {
        Self::Failed { error, until: Instant::now() + WROTE_PATIENCE }
    }

    fn until(&self) -> Option<Instant> {
        match self {
            Self::Writing { until } | Self::Written { until } => *until,
            Self::Failed { until, .. } => Some(*until),
        }
    }
}

/// The caller's wait.
struct Exchange<'a> {
    shared: &'a Arc<Shared>,
    id: ExchangeId,
    patience: &'a Patience,
    replies: Receiver<Reply>,
    wrote: Option<Receiver<WriteResult>>,
    sending: Sending,
}

impl Exchange<'_> {
    fn wait(&mut self) -> Result<Answer, Failure> {
        let (no_result, no_end, no_timer) = (never(), never(), never());
        loop {
            let context = self.patience.context.as_ref();
            let done = context.map_or(&no_end, Context::done_unarmed);
            let limit = earlier(self.sending.until(), context.and_then(Context::deadline));
            let timer = limit.map(at);
            select! {
                recv(self.replies) -> reply => return self.replied(reply.ok()),
                recv(self.wrote.as_ref().unwrap_or(&no_result)) -> result => {
                    self.wrote = None;
                    self.sending = match result {
                        Ok(Ok(())) => Sending::written(self.patience),
                        Ok(Err(WriteError::Withheld)) => Sending::Written { until: None },
                        Ok(Err(error)) => Sending::failed(error),
                        // The writer loop ended with the connection.
                        Err(_) => continue,
                    };
                    if let Sending::Failed { error: WriteError::Source(error), .. } = &self.sending {
                        // Ours to tell, and nothing the peer says can mend it.
                        return Err(Failure::of_the_call(error.clone()));
                    }
                }
                recv(self.shared.closed) -> _ => {
                    // An answer that arrived just before wins. The reader loop sends it, or ends.
                    let reply = self.replies.recv_timeout(WROTE_PATIENCE).ok();
                    return self.replied(reply);
                }
                recv(done) -> _ => return Err(self.ended()),
                recv(timer.as_ref().unwrap_or(&no_timer)) -> _ => {
                    if let Some(failure) = self.expired() {
                        return Err(failure);
                    }
                }
            }
        }
    }

    fn replied(&mut self, reply: Option<Reply>) -> Result<Answer, Failure> {
        match reply {
            Some(Ok(answer)) => Ok(answer),
            // Whatever failed then failed because the context's end closed the connection.
            _ if self.patience.context.as_ref().is_some_and(Context::is_done) => Err(self.ended()),
            Some(Err(failed @ ReplyError { begun: true, .. })) => Err(Failure::of_reading(failed)),
            Some(Err(ReplyError { error, begun: false })) => {
                self.learn_what_was_written();
                Err(self.failed(error))
            }
            None => {
                let cause = self.shared.cause().unwrap_or_else(|| Error::new(ErrorKind::Closed));
                Err(self.failed(cause))
            }
        }
    }

    /// The connection has failed without an answer. How much the writer loop had written by then
    /// decides whether the request may be sent again, and it is about to tell.
    fn learn_what_was_written(&mut self) {
        let Some(wrote) = self.wrote.take().filter(|_| !self.id.is_first()) else { return };
        if let Ok(Err(error)) = wrote.recv_timeout(WROTE_PATIENCE) {
            self.sending = Sending::failed(error);
        }
    }

    /// A failed write is the earlier failure, and says more than the end that follows it.
    fn failed(&self, error: Error) -> Failure {
        match &self.sending {
            Sending::Failed { error: WriteError::Failed { error, written }, .. } => {
                Failure::of_writing(error.clone(), *written)
            }
            _ => Failure::of_reading(ReplyError { error, begun: false }),
        }
    }

    /// The context has ended: so does the connection, and only it.
    fn ended(&self) -> Failure {
        let context = self.patience.context.as_ref().and_then(Context::err);
        Failure::of_the_call(context.map_or_else(|| Error::new(ErrorKind::Cancelled), Error::from))
    }

    /// A timer has fired: whose it was.
    fn expired(&self) -> Option<Failure> {
        if self.patience.context.as_ref().is_some_and(Context::is_done) {
            return Some(self.ended());
        }
        if self.sending.until().is_none_or(|until| until > now()) {
            return None;
        }
        Some(match &self.sending {
            Sending::Writing { .. } => Failure::of_the_call(Error::timeout(TimeLimit::Send)),
            Sending::Written { .. } => {
                Failure::of_the_call(Error::timeout(TimeLimit::ResponseHead))
            }
            Sending::Failed { .. } => self.failed(Error::new(ErrorKind::Send)),
        })
    }
}
