//! The reader loop: watches the connection while it is idle, and reads responses on the full way.
//!
//! ```text
//!                       woken              idle for a moment
//!            ┌───────┐ ──────▶ ┌───────┐ ──────────────────▶ ┌───────┐ the peer hung up or sent
//!   start ──▶│ Sleep │         │ Pause │                     │ Watch │ something; idle too long:
//!            └───────┘ ◀────── └───────┘                     └───────┘ close
//!              │  ▲ ▲   in use     │                           │   │
//!              │  │ └──────────────┼────── in use, by a caller ┘   │
//!              ▼  │                ▼                               ▼
//!            ┌───────────────────────────────────────────────────────┐
//!            │ Read: an expectation came; read the response, reply   │
//!            └───────────────────────────────────────────────────────┘
//! ```
//!
//! The loop sleeps while the connection is in use by a caller that reads itself, or by the body of a
//! response. The thread that gives the connection back wakes it.
//!
//! It does not watch at once. While the next request follows within [`PAUSE`] of the last response, a
//! watch would wake this thread for each exchange and gain nothing: every caller looks at the connection
//! before it writes. The longer this goes on, the more seldom the loop looks.
//!
//! The watch waits for readability and reads nothing, so it takes no byte of a response that a caller
//! reads. Idle connections keep no buffer.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use super::head::read_head;
use super::messages::{ExchangeId, Expectation, ReplyError};
use super::response::complete;
use super::shared::{Shared, close_reason};
use super::state::StateKind;
use crate::error::{Error, ErrorKind};
use crate::h1::CloseReason;
use crate::sync;
use crate::sync::channel::{Receiver, after, select};

/// How long the watch over an idle connection is put off, since the next request may follow at once.
const PAUSE: Duration = Duration::from_millis(2);

/// How long the watch is put off at a time at most, over a connection that is used all the time.
const LONGEST_PAUSE: Duration = Duration::from_millis(16);

/// The connection has ended, and so does the loop.
struct Ended;

/// The loop's next step.
enum Step {
    /// Waits for a moment to pass.
    Pause,
    /// Waits for the peer.
    Watch,
    /// Waits to be woken.
    Sleep,
    /// Reads a response.
    Read(Expectation),
}

/// Runs until the connection is closed or handed over.
pub(super) fn run(
    shared: &Arc<Shared>,
    expectations: &Receiver<Expectation>,
    wake_ups: &Receiver<()>,
) {
    let mut next = Ok(Step::Sleep);
    while let Ok(step) = next {
        next = match step {
            Step::Pause => pause(shared, expectations),
            Step::Watch => watch(shared, expectations),
            Step::Sleep => sleep(shared, expectations, wake_ups),
            Step::Read(expectation) => {
                read(shared, expectation);
                Ok(Step::Sleep)
            }
        };
    }
}

/// Leaves the connection to its callers until no exchange has begun for a moment.
fn pause(shared: &Shared, expectations: &Receiver<Expectation>) -> Result<Step, Ended> {
    let mut span = PAUSE;
    let (_, mut last) = kind_and_latest(shared);
    loop {
        select! {
            recv(expectations) -> expectation => {
                return expectation.map(Step::Read).map_err(|_| Ended);
            }
            recv(shared.closed) -> _ => return Err(Ended),
            recv(after(span)) -> _ => {}
        }
        match kind_and_latest(shared) {
            (StateKind::Ended, _) => return Err(Ended),
            (_, latest) if latest != last => {
                last = latest;
                span = (span * 2).min(LONGEST_PAUSE);
            }
            (StateKind::Idle, _) => {
                shared.lifecycle.lock().note_idle(last, span, sync::now());
                return Ok(Step::Watch);
            }
            (StateKind::InUse, _) => return Ok(Step::Sleep),
        }
    }
}

/// Waits while the connection is in use by a caller, or by the body of its response.
fn sleep(
    shared: &Shared,
    expectations: &Receiver<Expectation>,
    wake_ups: &Receiver<()>,
) -> Result<Step, Ended> {
    if !shared.lifecycle.lock().fall_asleep() {
        return Ok(Step::Pause);
    }
    select! {
        recv(expectations) -> expectation => expectation.map(Step::Read).map_err(|_| Ended),
        recv(wake_ups) -> _ => Ok(Step::Pause),
        recv(shared.closed) -> _ => Err(Ended),
    }
}

/// Blocks until the idle connection has input or is too old, and closes it then. If an exchange began
/// meanwhile the input is its response.
fn watch(shared: &Arc<Shared>, expectations: &Receiver<Expectation>) -> Result<Step, Ended> {
    drop(shared.take_buffer());
    shared.stream.release();
    let (_, last) = kind_and_latest(shared);
    let holder = shared.lifecycle.lock().holder();
    let limit = shared.idle_limit().and_then(|limit| sync::now().checked_add(limit));
    while let Err(error) = shared.stream.wait_readable_until(shared.next_check(limit)) {
        if error.kind() != io::ErrorKind::TimedOut {
            let error = Error::with_source(ErrorKind::Receive, error);
            shared.close(error, CloseReason::IoFailed);
            return Err(Ended);
        }
        if kind_and_latest(shared).1 != last || shared.lifecycle.lock().holder() != holder {
            // A caller has completed an exchange meanwhile, or given the connection to the pool, so another
            // limit holds.
            return Ok(Step::Sleep);
        }
        if limit.is_some_and(|limit| limit <= sync::now()) {
            return match shared.close_if_idle(CloseReason::IdleTooLong) {
                true => Err(Ended),
                // An exchange has just begun.
                false => Ok(Step::Sleep),
            };
        }
    }
    if shared.close_with_input() {
        return Err(Ended);
    }
    match expectations.try_recv() {
        Ok(expectation) => Ok(Step::Read(expectation)),
        Err(_) => Ok(Step::Sleep),
    }
}

/// Reads one response and sends it to the caller. Its body, if that is still to be received, ends the
/// exchange without this loop.
fn read(shared: &Arc<Shared>, expectation: Expectation) {
    let Expectation { expected, reply } = expectation;
    let id = expected.id;
    let stream = &shared.stream;
    let read = |buf: &mut [u8]| match expected.speed() {
        None => (&*stream).read(buf),
        // The caller keeps the limit for the head.
        Some(speed) => speed.read(stream, |_| None, || (&*stream).read(buf)),
    };
    let buffer = shared.take_buffer();
    // The callbacks for heads are the user's. Their panic must reach the caller as an error.
    let head = sync::contain(|| read_head(shared, &expected, buffer, read)).unwrap_or_else(|| {
        let message = "a callback panicked while the response was read";
        Err(ReplyError { error: Error::message(ErrorKind::Other, message), begun: true })
    });
    if expected.speed().is_some() {
        stream.set_read_deadline(None);
    }
    match head.and_then(|(head, buffer)| complete(shared, expected, head, buffer)) {
        Ok((response, next)) => {
            // If the caller has given up, the response is dropped here, and its body closes the
            // connection.
            let _ = reply.send(Ok(response));
            next.take(shared, id);
        }
        Err(ReplyError { error, begun }) => {
            let _ = reply.send(Err(ReplyError { error: error.clone(), begun }));
            let reason = close_reason(&error);
            shared.close_in(id, error, reason);
        }
    }
}

fn kind_and_latest(shared: &Shared) -> (StateKind, ExchangeId) {
    let lifecycle = shared.lifecycle.lock();
    (lifecycle.kind(), lifecycle.latest())
}
