//! The part of a connection that its three parties share: the stream, the lifecycle, and the ways to
//! end a connection or to return it.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::messages::{ExchangeId, Expectation, SendError, SendResult};
use super::state::{Holder, Lifecycle, State, StateKind};
use crate::client::observe::{CallEvent, WeakTrace, show};
use crate::client::proxy::Proxy;
use crate::client::route::Route;
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::h1::{CloseReason, Limits};
use crate::logging as log;
use crate::net::{Addr, Buffer, Stream, TlsInfo};
use crate::sync::channel::{Receiver, Sender};
use crate::sync::{self, Condvar, Mutex};

/// How long the end of a response, or a failure to read it, waits for the end of sending: a writer loop
/// that is done only has to be scheduled.
pub(super) const SEND_PATIENCE: Duration = Duration::from_millis(50);

/// How long a [`Grace`] lasts at most.
const LONGEST_GRACE: Duration = Duration::from_secs(5);

/// The loops' stack size, in bytes. The reader loop calls the user's callbacks for response heads, the
/// writer loop reads the user's body source.
pub(super) const LOOP_STACK: usize = 512 * 1024;

/// The pool that a connection comes from and returns to.
pub(in crate::client) trait Owner: Send + Sync {
    /// Takes a clean connection back. Returns `false` if there is no place for it.
    fn put_back(&self, conn: &Conn) -> bool;
    /// Frees the connection's place, once, when it has been closed or handed over.
    fn closed(&self, conn: &Conn);
}

/// A handle to a connection.
#[derive(Clone)]
pub(in crate::client) struct Conn(pub(super) Arc<Shared>);

/// The state of a connection that its parties share.
pub(super) struct Shared {
    pub(super) stream: Stream,
    pub(super) route: Route,
    pub(super) owner: Weak<dyn Owner>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) response_limits: Limits,
    /// Disconnects when the connection is closed or handed over.
    pub(super) closed: Receiver<Infallible>,
    pub(super) lifecycle: Mutex<Lifecycle>,
    /// Goes with `lifecycle`. Predicate: the result of sending the latest request is known. Notified by
    /// [`end_sending`](Self::end_sending).
    pub(super) sent: Condvar,
    pub(super) expectations: Sender<Expectation>,
    /// Wakes the reader loop when it sleeps.
    pub(super) wake_ups: Sender<()>,
    pub(super) facts: Arc<ConnFacts>,
}

/// A connection that has just ended.
struct Ended {
    /// The observed call of its exchange.
    trace: WeakTrace,
    holder: Holder,
}

/// The facts about a connection that are known once it has been made.
#[derive(Clone, Debug)]
pub(in crate::client) struct ConnFacts {
    pub(in crate::client) remote: Addr,
    pub(in crate::client) local: Addr,
    pub(in crate::client) tls: Option<TlsInfo>,
    pub(in crate::client) resolved_in: Duration,
    pub(in crate::client) connected_in: Duration,
    pub(in crate::client) secured_in: Duration,
    pub(in crate::client) tunnelled_in: Duration,
    pub(in crate::client) proxy: Option<Proxy>,
}

/// The wait for a response after a request could not be sent. The peer may have responded before it closed.
///
/// It lasts [`SEND_PATIENCE`], and is extended while there is something to read: on a busy machine the thread
/// that reads may have to wait for its turn.
pub(super) struct Grace {
    until: Instant,
    latest: Instant,
}

impl Grace {
    pub(super) fn new() -> Self {
        let now = sync::now();
        Self { until: now + SEND_PATIENCE, latest: now + LONGEST_GRACE }
    }

    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// Extends the wait, once [`until`](Self::until) has passed. Returns `false` if the wait is over.
    pub(super) fn extend(&mut self, stream: &Stream) -> bool {
        let now = sync::now();
        self.until = now + SEND_PATIENCE;
        now < self.latest && stream.has_unread()
    }
}

impl Shared {
    /// Closes the connection in any state. The first cause stays.
    pub(super) fn close(self: &Arc<Self>, cause: Error, reason: CloseReason) {
        self.close_if(|_| true, cause, reason);
    }

    /// Closes the connection on behalf of an exchange. Returns `false` if that exchange is over.
    pub(super) fn close_in(
        self: &Arc<Self>,
        id: ExchangeId,
        cause: Error,
        reason: CloseReason,
    ) -> bool {
        self.close_if(|lifecycle| lifecycle.is_in(id), cause, reason)
    }

    /// Closes the connection if it is idle. Returns `false` if it is not.
    pub(super) fn close_if_idle(self: &Arc<Self>, reason: CloseReason) -> bool {
        let is_idle = |lifecycle: &Lifecycle| lifecycle.kind() == StateKind::Idle;
        self.close_if(is_idle, Error::new(ErrorKind::Closed), reason)
    }

    /// Closes the connection if `condition` holds under the lock. The one place where a connection is
    /// closed.
    pub(super) fn close_if(
        self: &Arc<Self>,
        condition: impl FnOnce(&Lifecycle) -> bool,
        cause: Error,
        reason: CloseReason,
    ) -> bool {
        let Some(ended) = self.end_if(condition, State::Closed(cause)) else { return false };
        self.leave(ended.holder);
        log::debug!("{}: connection closed: {reason}", self.route);
        show(ended.trace.trace().as_ref(), || CallEvent::Closed { reason });
        true
    }

    /// Hands the connection over to the caller, which speaks another protocol. Both loops end.
    pub(super) fn hand_over(self: &Arc<Self>) {
        if let Some(ended) = self.end_if(|_| true, State::HandedOver) {
            self.leave(ended.holder);
            let reason = CloseReason::Upgraded;
            show(ended.trace.trace().as_ref(), || CallEvent::Closed { reason });
        }
    }

    /// Ends the connection. Returns `None` if it had ended, or if `condition` does not hold.
    fn end_if(&self, condition: impl FnOnce(&Lifecycle) -> bool, end: State) -> Option<Ended> {
        let (channels, ended) = {
            let mut lifecycle = self.lifecycle.lock();
            if !condition(&lifecycle) {
                return None;
            }
            let closes = matches!(end, State::Closed(_));
            let channels = lifecycle.end(end);
            if closes && channels.is_some() {
                // Before the channel disconnects: a thread that sees the channel closed also sees the
                // stream closed.
                self.stream.close();
            }
            (channels, Ended { trace: lifecycle.take_trace(), holder: lifecycle.holder() })
        };
        channels.map(|_| ended)
    }

    /// Frees the connection's place in the pool, if it has one.
    fn leave(self: &Arc<Self>, holder: Holder) {
        if holder == Holder::Pool {
            if let Some(owner) = self.owner.upgrade() {
                owner.closed(&Conn(Arc::clone(self)));
            }
        }
    }

    /// Ends the exchange and returns the clean connection to its owner, with the buffer for the next
    /// response.
    ///
    /// # Errors
    ///
    /// If the connection was closed meanwhile or is not clean, which the exchange then closes; or if
    /// the owner has no place for it, and it is closed.
    pub(super) fn give_back(
        self: &Arc<Self>,
        id: ExchangeId,
        buffer: Buffer,
    ) -> Result<(), CloseReason> {
        let (reader_sleeps, trace, holder) = {
            let mut lifecycle = self.lifecycle.lock();
            lifecycle.rest(id, buffer)?;
            (lifecycle.wake(), lifecycle.take_trace(), lifecycle.holder())
        };
        if holder == Holder::Pool && !self.put_back() {
            let reason = CloseReason::LimitReached;
            self.close_if_idle(reason);
            show(trace.trace().as_ref(), || CallEvent::Closed { reason });
            return Err(reason);
        }
        show(trace.trace().as_ref(), || CallEvent::Returned);
        if reader_sleeps {
            self.wake_reader();
        }
        Ok(())
    }

    /// Puts the connection back into the pool. Returns `false` if there is no place for it.
    fn put_back(self: &Arc<Self>) -> bool {
        let owner = self.owner.upgrade();
        owner.is_some_and(|owner| owner.put_back(&Conn(Arc::clone(self))))
    }

    /// Runs one of the loops. If it panics, in code that TLS calls such as a key log, the connection is
    /// closed, so that no thread waits for the loop.
    pub(super) fn run_loop(self: &Arc<Self>, run: impl FnOnce()) {
        if sync::contain(run).is_none() {
            let error = Error::message(ErrorKind::Other, "a thread of the connection panicked");
            self.close(error, CloseReason::IoFailed);
        }
    }

    /// Wakes the reader loop from its sleep.
    pub(super) fn wake_reader(&self) {
        let _ = self.wake_ups.try_send(());
    }

    /// Returns `true` if the request has been sent, or sending it has failed.
    pub(super) fn is_sending_over(&self) -> bool {
        self.lifecycle.lock().sent().is_some()
    }

    /// Records how sending the latest request went, and wakes the thread that waits for it.
    pub(super) fn end_sending(&self, result: SendResult) {
        self.lifecycle.lock().end_sending(result);
        self.sent.notify_all();
    }

    /// Returns how sending the latest request went; `None` if that is not known within `patience`.
    ///
    /// # Blocking
    ///
    /// For `patience` at most, and only while the writer loop sends.
    pub(super) fn await_sent(&self, patience: Duration) -> Option<SendResult> {
        let mut lifecycle = self.lifecycle.lock();
        if lifecycle.sent().is_none() && !patience.is_zero() {
            let until = sync::now() + patience;
            while lifecycle.sent().is_none()
                && !self.sent.wait_until(&mut lifecycle, until).timed_out()
            {}
        }
        lifecycle.sent().cloned()
    }

    /// Takes the read buffer out, for a response.
    pub(super) fn take_buffer(&self) -> Buffer {
        self.lifecycle.lock().take_buffer()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lifecycle.lock().cause().is_some()
    }

    /// Returns why the connection was closed.
    pub(super) fn cause(&self) -> Option<Error> {
        self.lifecycle.lock().cause().cloned()
    }

    /// Converts the error of a write. If the connection was closed on this side, the cause of that is
    /// the cause of the failure.
    pub(super) fn send_error(&self, error: io::Error, written: u64) -> SendError {
        let error = self.cause().unwrap_or_else(|| io_error(error, ErrorKind::Send));
        SendError::Failed { error, written }
    }
}

/// Converts the error of a read. `limit` is the time limit that ends it, besides a least speed. The
/// system's own `ETIMEDOUT`, of a peer that is gone, is no limit of this crate.
pub(super) fn receive_error(error: io::Error, limit: TimeLimit) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut if error.get_ref().is_none() && error.raw_os_error().is_none() => {
            Error::timeout(limit)
        }
        _ => io_error(error, ErrorKind::Receive),
    }
}

/// Converts the error of a read or a write. A time limit that ran out keeps its kind.
fn io_error(error: io::Error, kind: ErrorKind) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut if error.get_ref().is_some() => error.into(),
        _ => Error::with_source(kind, error),
    }
}

/// Returns why a connection is closed after a call on it has failed with `error`.
pub(super) fn close_reason(error: &Error) -> CloseReason {
    match error.kind() {
        ErrorKind::Timeout(_) => CloseReason::TimedOut,
        ErrorKind::Cancelled => CloseReason::Cancelled,
        ErrorKind::BodySource | ErrorKind::InvalidMessage => CloseReason::RequestNotWritten,
        ErrorKind::MalformedMessage | ErrorKind::TooLarge => CloseReason::Malformed,
        _ => CloseReason::IoFailed,
    }
}

#[cfg(all(test, unix, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn c16_a_timeout_of_the_system_is_a_failure_to_receive() {
        let system = io::Error::from_raw_os_error(rustix::io::Errno::TIMEDOUT.raw_os_error());
        assert_eq!(receive_error(system, TimeLimit::IdleRead).kind(), ErrorKind::Receive);
        let limit = receive_error(io::ErrorKind::TimedOut.into(), TimeLimit::IdleRead);
        assert_eq!(limit.kind(), ErrorKind::Timeout(TimeLimit::IdleRead));
    }
}
