//! The reader loop: reads answers where the caller does not, and watches the connection while it is
//! idle.
//!
//! ```text
//!                      called              idle for a moment
//!            ┌───────┐ ──────▶ ┌──────┐ ────────────────────▶ ┌───────┐ the peer hung up, or spoke
//!   start ──▶│ Sleep │         │ Rest │                       │ Watch │ out of turn; idle too long:
//!            └───────┘ ◀────── └──────┘                       └───────┘          close
//!              │    ▲   in use   │   ▲                          │   │
//!              │    └────────────┼───┼── in use, by the caller ─┘   │
//!              ▼                 ▼   │                              ▼
//!            ┌─────────────────────────────────────────────────────────┐
//!            │ an expectation came: read the answer, reply, wait for   │
//!            │ the body to come back · the connection · the context    │
//!            └─────────────────────────────────────────────────────────┘
//! ```
//!
//! While a connection is hot, its next request coming within [`REST`] of the last answer, the loop
//! stays out of the way: callers read their answers themselves, and no thread is woken. The longer this
//! goes on, the more seldom the loop looks up. Nothing is missed, since each caller looks at the
//! connection before it writes.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use super::answer::{After, Keeper, read_head, take_answer};
use super::life::Condition;
use super::messages::{Expectation, ReplyError, Returned};
use super::{ExchangeId, Shared, close_reason};
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::h1::CloseReason;
use crate::net::Buffer;
use crate::sync;
use crate::sync::channel::{Receiver, after, bounded, never, select};

/// How long the watch over an idle connection is put off, in case its next request comes at once.
const REST: Duration = Duration::from_millis(2);

/// The longest that the watch is put off at a time, over a connection that is used all the while.
const LONGEST_REST: Duration = Duration::from_millis(16);

/// Why the loop ends.
pub(super) struct Ended;

/// What the loop waits for.
enum Place {
    /// For a moment to pass.
    Rest,
    /// For the peer.
    Watch,
    /// To be called.
    Sleep,
    /// For nothing: an answer is to be read.
    Exchange(Expectation),
}

/// Runs until the connection is closed or handed over.
pub(super) fn run(
    shared: &Arc<Shared>,
    expectations: &Receiver<Expectation>,
    calls: &Receiver<()>,
) {
    let mut buffer = Buffer::default();
    let mut place = Ok(Place::Sleep);
    while let Ok(at) = place {
        place = match at {
            Place::Rest => rest(shared, expectations),
            Place::Watch => watch(shared, expectations, &mut buffer),
            Place::Sleep => sleep(shared, expectations, calls),
            Place::Exchange(expectation) => {
                exchange(shared, std::mem::take(&mut buffer), expectation).map(|returned| {
                    buffer = returned;
                    Place::Rest
                })
            }
        };
    }
}

/// Leaves the connection to its callers until nobody has taken it into use for a moment.
fn rest(shared: &Shared, expectations: &Receiver<Expectation>) -> Result<Place, Ended> {
    let mut span = REST;
    let (_, mut last) = shared.condition();
    loop {
        select! {
            recv(expectations) -> expectation => {
                return expectation.map(Place::Exchange).map_err(|_| Ended);
            }
            recv(shared.closed) -> _ => return Err(Ended),
            recv(after(span)) -> _ => {}
        }
        match shared.condition() {
            (Condition::Over, _) => return Err(Ended),
            (_, id) if id != last => {
                last = id;
                span = (span * 2).min(LONGEST_REST);
            }
            (Condition::Idle, _) => return Ok(Place::Watch),
            (Condition::InUse, _) => return Ok(Place::Sleep),
        }
    }
}

/// Waits while a caller, or the body of its response, has the connection.
fn sleep(
    shared: &Shared,
    expectations: &Receiver<Expectation>,
    calls: &Receiver<()>,
) -> Result<Place, Ended> {
    if !shared.fall_asleep() {
        return Ok(Place::Rest);
    }
    select! {
        recv(expectations) -> expectation => expectation.map(Place::Exchange).map_err(|_| Ended),
        recv(calls) -> _ => Ok(Place::Rest),
        recv(shared.closed) -> _ => Err(Ended),
    }
}

/// The idle watch: blocks until something has come that nobody asked for. It reads nothing before it
/// has made sure of that.
fn watch(
    shared: &Arc<Shared>,
    expectations: &Receiver<Expectation>,
    buffer: &mut Buffer,
) -> Result<Place, Ended> {
    buffer.release();
    drop(shared.take_spare());
    shared.stream.release();
    let (_, id) = shared.condition();
    let limit = shared.idle_limit().and_then(|limit| sync::now().checked_add(limit));
    while let Err(error) = shared.stream.wait_readable_until(shared.next_look(limit)) {
        if error.kind() != io::ErrorKind::TimedOut {
            let error = Error::with_source(ErrorKind::Receive, error);
            shared.close(error, CloseReason::IoFailed);
            return Err(Ended);
        }
        if shared.condition().1 != id {
            // A caller has read a whole response meanwhile: another limit holds.
            return Ok(Place::Sleep);
        }
        if limit.is_some_and(|limit| limit <= sync::now()) {
            return match shared.close_if_idle(CloseReason::IdleTooLong) {
                true => Err(Ended),
                // An exchange has begun just before.
                false => Ok(Place::Sleep),
            };
        }
    }
    if shared.claim_with_news() {
        let reason = shared.out_of_turn();
        shared.close(Error::new(ErrorKind::EmptyReply), reason);
        return Err(Ended);
    }
    match expectations.try_recv() {
        Ok(expectation) => Ok(Place::Exchange(expectation)),
        Err(_) => Ok(Place::Sleep),
    }
}

/// Reads one answer and hands it to the caller; returns when its body has ended.
fn exchange(
    shared: &Arc<Shared>,
    buffer: Buffer,
    expectation: Expectation,
) -> Result<Buffer, Ended> {
    let Expectation { expected, context, reply } = expectation;
    let id = expected.id;
    let (back, returned) = bounded(1);
    let read = |buf: &mut [u8]| (&shared.stream).read(buf);
    // The callback for interim responses is the user's: the thread must live to report its panic.
    let head = sync::contain(|| read_head(shared, &expected, buffer, read)).unwrap_or_else(|| {
        let message = "a callback panicked while the response was read";
        Err(ReplyError { error: Error::message(ErrorKind::Other, message), begun: true })
    });
    let answer = head
        .and_then(|(head, buffer)| take_answer(shared, expected, head, buffer, Keeper::Loop(back)));
    match answer {
        Ok((answer, after)) => {
            // An answer that nobody waits for is dropped here, and its body settles the connection.
            let _ = reply.send(Ok(answer));
            match after {
                After::Free(buffer) => return Ok(buffer),
                After::Travels => return await_body(shared, id, &returned, context.as_ref()),
                After::HandOver => shared.hand_over(),
                After::Close(reason) => {
                    shared.close_in(id, Error::new(ErrorKind::Closed), reason);
                }
            }
        }
        Err(ReplyError { error, begun }) => {
            let _ = reply.send(Err(ReplyError { error: error.clone(), begun }));
            let reason = close_reason(&error);
            shared.close_in(id, error, reason);
        }
    }
    Err(Ended)
}

/// Waits until the body has ended, the connection is closed, or the context is done.
fn await_body(
    shared: &Arc<Shared>,
    id: ExchangeId,
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
    shared.close_in(id, cause, reason);
    // If the body ended at the same moment the connection is open, and not the call's any more.
    select! {
        recv(returned) -> buffer => buffer.map_err(|_| Ended),
        recv(shared.closed) -> _ => Err(Ended),
    }
}
