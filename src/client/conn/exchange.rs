//! One exchange, from the caller's side: by the short way, in which the caller writes and reads by
//! itself, or by the full one: hand over the request, expect the answer, and wait for whatever comes
//! first.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;

use super::answer::{After, Keeper, read_head, take_answer};
use super::messages::{
    Answer, Expectation, Expected, OnInformational, Reply, ReplyError, WriteError, WriteJob,
    WriteResult, Wrote,
};
use super::send::{Left, send_now};
use super::{Conn, Shared, Turn, WROTE_PATIENCE, close_reason, earlier};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::sync::channel::{Receiver, at, bounded, never, select};
use crate::sync::now;

/// A request, ready to be written.
pub(in crate::client) struct Outgoing {
    pub(in crate::client) method: Method,
    pub(in crate::client) head: Vec<u8>,
    pub(in crate::client) body: Body,
    pub(in crate::client) framing: OutgoingFraming,
    /// The request asks for the connection to be closed.
    pub(in crate::client) closes: bool,
    /// Withhold the body for a 100, at most for this long.
    pub(in crate::client) expect: Option<Duration>,
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
}

/// A failed exchange, and what decides whether it may be repeated.
pub(in crate::client) struct Failure {
    pub(in crate::client) error: Error,
    pub(in crate::client) nothing_written: bool,
    pub(in crate::client) answer_begun: bool,
    /// The connection failed; not the caller, its context, or a time limit.
    pub(in crate::client) connection_failed: bool,
}

impl Conn {
    /// Sends a request and waits for the head of its answer, in a turn that was
    /// [begun](Conn::begin). When it fails the connection is closed.
    ///
    /// # Blocking
    ///
    /// Until the answer's head is there, the connection fails, the context ends, or a time limit
    /// runs out.
    pub(in crate::client) fn round_trip(
        &self,
        turn: Turn,
        outgoing: Outgoing,
        patience: &Patience,
    ) -> Result<Answer, Failure> {
        let Outgoing { method, head, body, framing, closes, expect } = outgoing;
        let expected = Expected {
            turn,
            method,
            closes,
            on_informational: patience.on_informational.clone(),
            proceed: None,
            wrote: Wrote::Whole,
            idle_read: patience.idle_read,
        };
        let outcome = match send_now(&self.0, head, body, framing, expect) {
            None => self.read_here(expected, patience),
            Some(left) => self.by_the_loops(expected, patience, left),
        };
        if let Err(Failure { error, .. }) = &outcome {
            // Before an answer that came at the same moment is dropped: nothing waits for its body.
            self.0.close_in(turn, error.clone(), close_reason(error));
        }
        outcome
    }

    /// The request is out: the caller reads the answer itself. Closing the connection is what ends its
    /// read, and the end of the call's context closes it.
    fn read_here(&self, expected: Expected, patience: &Patience) -> Result<Answer, Failure> {
        let (shared, turn) = (&self.0, expected.turn);
        let hook = patience.context.as_ref().map(|context| {
            let shared = Arc::downgrade(shared);
            context.on_done(move |ended| {
                let Some(shared) = shared.upgrade() else { return };
                let error = Error::from(ended.clone());
                let reason = close_reason(&error);
                shared.close_in(turn, error, reason);
            })
        });
        let stream = &shared.stream;
        let until = patience.response_head.and_then(|limit| Instant::now().checked_add(limit));
        if until.is_some() {
            stream.set_read_deadline(until);
        }
        let read = |buf: &mut [u8]| match until {
            None => stream.read_for(buf, None),
            Some(_) => (&mut &*stream).read(buf),
        };
        let answer =
            read_head(shared, &expected, shared.take_spare(), read).and_then(|(head, buffer)| {
                if until.is_some() {
                    // It has been kept.
                    stream.set_read_deadline(None);
                }
                take_answer(shared, expected, head, buffer, Keeper::Caller { _hook: hook })
            });
        let (answer, after) = answer.map_err(|ReplyError { error, begun }| Failure {
            connection_failed: is_of_the_connection(&error),
            error,
            nothing_written: false,
            answer_begun: begun,
        })?;
        match after {
            After::Free(_) | After::Travels => {}
            After::HandOver => shared.hand_over(),
            After::Close(reason) => {
                shared.close_in(turn, Error::new(ErrorKind::Closed), reason);
            }
        }
        Ok(answer)
    }

    /// The full way: the writer loop writes what is left, the reader loop reads the answer, and the
    /// caller waits for whatever comes first.
    fn by_the_loops(
        &self,
        mut expected: Expected,
        patience: &Patience,
        left: Left,
    ) -> Result<Answer, Failure> {
        let (shared, turn) = (&self.0, expected.turn);
        let (wrote_to_reader, wrote) = bounded(1);
        let (reply, replies) = bounded(1);
        expected.wrote = Wrote::Reported(wrote);
        let (proceed, unwritten) = left.unwritten();
        expected.proceed = proceed;
        let context = patience.context.clone();
        // A reader loop that has ended has closed the connection, which is seen below.
        let _ = shared.expectations.send(Expectation { expected, context, reply });
        let (sending, wrote) = match unwritten {
            Ok(unwritten) => {
                let (wrote_to_caller, wrote) = bounded(1);
                let job = WriteJob { unwritten, wrote_to_reader, wrote_to_caller };
                (Sending::begin(shared, job, patience), Some(wrote))
            }
            Err(error) => {
                let _ = wrote_to_reader.send(Err(error.clone()));
                (Sending::failed(error), None)
            }
        };
        Exchange { shared, turn, patience, replies, wrote, sending }.wait()
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
        match shared.write(job) {
            Ok(()) => {
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
    turn: Turn,
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
                        return Err(given_up(error.clone()));
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
            Some(Err(ReplyError { error, begun: true })) => Err(self.failure(error, true)),
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
        let Some(wrote) = self.wrote.take().filter(|_| !self.turn.is_first()) else { return };
        if let Ok(Err(error)) = wrote.recv_timeout(WROTE_PATIENCE) {
            self.sending = Sending::failed(error);
        }
    }

    /// A failed write is the earlier failure, and says more than the end that follows it.
    fn failed(&self, error: Error) -> Failure {
        match &self.sending {
            Sending::Failed { error: WriteError::Failed { error, .. }, .. } => {
                self.failure(error.clone(), false)
            }
            _ => self.failure(error, false),
        }
    }

    fn failure(&self, error: Error, answer_begun: bool) -> Failure {
        let nothing_written = matches!(
            &self.sending,
            Sending::Failed { error: WriteError::Failed { written: 0, .. }, .. }
        );
        let connection_failed = is_of_the_connection(&error);
        Failure { error, nothing_written, answer_begun, connection_failed }
    }

    /// The context has ended: so does the connection, and only it.
    fn ended(&self) -> Failure {
        let context = self.patience.context.as_ref().and_then(Context::err);
        given_up(context.map_or_else(|| Error::new(ErrorKind::Cancelled), Error::from))
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
            Sending::Writing { .. } => given_up(Error::timeout(TimeLimit::Send)),
            Sending::Written { .. } => given_up(Error::timeout(TimeLimit::ResponseHead)),
            Sending::Failed { .. } => self.failed(Error::new(ErrorKind::Send)),
        })
    }
}

/// Whether the connection failed; not the caller, its context, or a time limit.
fn is_of_the_connection(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Send | ErrorKind::Receive | ErrorKind::EmptyReply)
}

/// A failure for a reason of the caller's: not the connection's.
fn given_up(error: Error) -> Failure {
    Failure { error, nothing_written: false, answer_begun: false, connection_failed: false }
}
