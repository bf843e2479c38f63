//! The lifecycle of a connection: plain data, guarded by the connection's lock.
//!
//! ```text
//!            begin             rest             begin
//!   Fresh ──────────▶ Busy, 1 ──────▶ Idle ──────────────▶ Busy, 2 ──▶ …
//!     │                                ▲
//!     └──────────── park ──────────────┘
//!
//!   any of them ── end ──▶ HandedOver, Closed
//! ```
//!
//! * A connection is *fresh* between its dial and its first exchange.
//! * An exchange makes it *busy*, from [`begin`](Lifecycle::begin) until the response has been read to
//!   its end. [`rest`](Lifecycle::rest) makes it *idle* if it is clean: the request was wholly sent, and
//!   neither the peer nor the exchange has announced its end.
//! * It ends once: closed with the first cause, or handed over to a caller that speaks another
//!   protocol.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use super::keep_alive::KeepAlive;
use super::messages::{ExchangeId, SendResult, WriteJob};
use crate::client::observe::WeakTrace;
use crate::error::Error;
use crate::h1::CloseReason;
use crate::net::Buffer;
use crate::sync::channel::Sender;

/// The state of a connection, and all that its threads share under the lock.
pub(super) struct Lifecycle {
    state: State,
    /// The number of the latest exchange.
    latest: ExchangeId,
    /// How sending the latest request went; `None` while the writer loop sends it.
    sent: Option<SendResult>,
    /// The reader loop sleeps until the connection is given back.
    reader_sleeps: bool,
    /// The read buffer, while no thread reads. Invariant: empty.
    buffer: Buffer,
    /// The peer's announcements: the latest timeout, the smallest number of requests. Each exchange that
    /// begins takes one off the number.
    announced: KeepAlive,
    /// When the connection became idle, once the reader loop watches it.
    idle_since: Option<Instant>,
    holder: Holder,
    /// The call of the exchange in progress, if it is observed.
    trace: WeakTrace,
    /// Invariant: present until [`end`](Self::end).
    channels: Option<Channels>,
}

/// The state of a connection.
pub(super) enum State {
    /// No exchange has begun, and one is about to. The peer may speak first: an overloaded server may
    /// refuse the connection with a response.
    Fresh,
    /// In an exchange.
    Busy {
        /// The caller waits for the response head in a read, while the writer loop sends the request. A
        /// failure to send is the caller's concern then.
        head_awaited: bool,
    },
    /// In the pool. Nothing is expected from the peer.
    Idle,
    /// Taken by a caller, to speak another protocol.
    HandedOver,
    /// Closed, with the first cause.
    Closed(Error),
}

/// The party that a connection belongs to between two exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Holder {
    /// The pool, where it is counted.
    Pool,
    /// A caller, who manages it by hand.
    Caller,
    /// None: it is closed when its exchange ends.
    None,
}

/// The kind of a [`State`], for the reader loop and for decisions about closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StateKind {
    Idle,
    /// In an exchange, or fresh.
    InUse,
    Ended,
}

impl State {
    fn kind(&self) -> StateKind {
        match self {
            Self::Idle => StateKind::Idle,
            Self::Fresh | Self::Busy { .. } => StateKind::InUse,
            Self::HandedOver | Self::Closed(_) => StateKind::Ended,
        }
    }
}

/// The channel ends that keep the other threads waiting. Dropping them ends the threads' waits.
pub(super) struct Channels {
    /// Disconnects `closed`, on which all three parties wait.
    _closer: Sender<Infallible>,
    /// The writer loop's jobs, once the loop has been started.
    jobs: Option<Sender<WriteJob>>,
}

impl Lifecycle {
    pub(super) fn new(closer: Sender<Infallible>) -> Self {
        Self {
            state: State::Fresh,
            latest: ExchangeId::default(),
            sent: None,
            reader_sleeps: false,
            buffer: Buffer::default(),
            announced: KeepAlive::default(),
            idle_since: None,
            holder: Holder::Pool,
            trace: WeakTrace::default(),
            channels: Some(Channels { _closer: closer, jobs: None }),
        }
    }

    /// Begins an exchange. Returns `None` if one is in progress, or the connection has ended.
    pub(super) fn begin(&mut self) -> Option<ExchangeId> {
        match self.state {
            State::Fresh | State::Idle => {}
            State::Busy { .. } | State::HandedOver | State::Closed(_) => return None,
        }
        self.state = State::Busy { head_awaited: false };
        self.latest = self.latest.next();
        self.idle_since = None;
        // The caller writes the request, until it leaves that to the writer loop.
        self.sent = Some(Ok(()));
        if let Some(left) = &mut self.announced.left {
            *left = left.saturating_sub(1);
        }
        Some(self.latest)
    }

    /// Returns `true` if an exchange can begin.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, State::Fresh | State::Idle)
    }

    pub(super) fn holder(&self) -> Holder {
        self.holder
    }

    /// Passes the connection on to another party. Returns `None` if it has ended, and otherwise whether an
    /// exchange can begin.
    pub(super) fn pass_to(&mut self, holder: Holder) -> Option<bool> {
        // Closing frees the place of the holder at the end. A later one must not take over.
        if self.kind() == StateKind::Ended {
            return None;
        }
        self.holder = holder;
        Some(self.is_ready())
    }

    /// Records that the connection has been idle for `span`, if it has been since the exchange `latest`.
    pub(super) fn note_idle(&mut self, latest: ExchangeId, span: Duration, now: Instant) {
        if self.kind() == StateKind::Idle && self.latest == latest {
            self.idle_since = now.checked_sub(span);
        }
    }

    /// Returns how long the connection has been idle. Zero until the reader loop watches it.
    pub(super) fn idle_for(&self, now: Instant) -> Option<Duration> {
        let is_idle = self.kind() == StateKind::Idle;
        let since = self.idle_since.unwrap_or(now);
        is_idle.then(|| now.saturating_duration_since(since))
    }

    /// Sets the observed call of an exchange that is in progress.
    pub(super) fn watch(&mut self, id: ExchangeId, trace: WeakTrace) {
        if self.is_in(id) {
            self.trace = trace;
        }
    }

    /// Takes the observed call of the exchange that has ended.
    pub(super) fn take_trace(&mut self) -> WeakTrace {
        std::mem::take(&mut self.trace)
    }

    /// Makes a fresh connection idle. Returns `false` if it was not fresh.
    pub(super) fn park(&mut self) -> bool {
        let fresh = matches!(self.state, State::Fresh);
        if fresh {
            self.state = State::Idle;
        }
        fresh
    }

    /// Ends an exchange well, and keeps its buffer.
    ///
    /// # Errors
    ///
    /// If the exchange is over, its request was not wholly sent, or the peer has announced that it was
    /// the connection's last.
    pub(super) fn rest(&mut self, id: ExchangeId, buffer: Buffer) -> Result<(), CloseReason> {
        debug_assert!(buffer.is_empty());
        if !self.is_in(id) {
            return Err(CloseReason::EndOfStream);
        }
        if !matches!(self.sent, Some(Ok(()))) {
            return Err(CloseReason::RequestNotWritten);
        }
        if self.holder == Holder::None {
            return Err(CloseReason::Cancelled);
        }
        match self.announced {
            KeepAlive { left: Some(0), .. } => Err(CloseReason::LimitReached),
            KeepAlive { idle: Some(Duration::ZERO), .. } => Err(CloseReason::IdleTooLong),
            _ => {
                self.state = State::Idle;
                self.buffer = buffer;
                Ok(())
            }
        }
    }

    /// Records the announcements of a response.
    pub(super) fn note(&mut self, announced: KeepAlive) {
        let KeepAlive { idle, left } = &mut self.announced;
        *idle = announced.idle.or(*idle);
        *left = left.iter().copied().chain(announced.left).min();
    }

    /// Returns how long the peer lets the connection be idle, if it has announced that.
    pub(super) fn idle_limit(&self) -> Option<Duration> {
        self.announced.idle
    }

    /// Ends the connection. Returns `None` if it had ended: the first end stays.
    ///
    /// The caller drops the channels outside the lock, which wakes the other threads.
    pub(super) fn end(&mut self, end: State) -> Option<Channels> {
        debug_assert_eq!(end.kind(), StateKind::Ended);
        let channels = self.channels.take()?;
        self.state = end;
        Some(channels)
    }

    /// Records why an idle connection is about to be closed, so that no exchange begins on it.
    pub(super) fn condemn(&mut self, cause: Error) {
        debug_assert_eq!(self.kind(), StateKind::Idle);
        self.state = State::Closed(cause);
    }

    /// Returns the writer loop's job channel if the loop has been started.
    pub(super) fn jobs(&self) -> Option<Sender<WriteJob>> {
        self.channels.as_ref()?.jobs.clone()
    }

    /// Keeps the job channel of the writer loop, which ends with the connection.
    pub(super) fn keep_jobs(&mut self, jobs: Sender<WriteJob>) {
        if let Some(channels) = &mut self.channels {
            channels.jobs = Some(jobs);
        }
    }

    /// Leaves the sending of the latest request to the writer loop.
    pub(super) fn begin_sending(&mut self) {
        self.sent = None;
    }

    /// Records how sending the latest request went. No other request begins before.
    pub(super) fn end_sending(&mut self, result: SendResult) {
        self.sent = Some(result);
    }

    /// Returns how sending the latest request went, if that is known.
    pub(super) fn sent(&self) -> Option<&SendResult> {
        self.sent.as_ref()
    }

    /// Returns the number of the latest exchange.
    pub(super) fn latest(&self) -> ExchangeId {
        self.latest
    }

    /// Returns `true` while the exchange is in progress.
    pub(super) fn is_in(&self, id: ExchangeId) -> bool {
        matches!(self.state, State::Busy { .. }) && self.latest == id
    }

    /// Records that the caller waits for the response head beside the writer loop, or no longer does.
    pub(super) fn await_head(&mut self, awaited: bool) {
        if let State::Busy { head_awaited } = &mut self.state {
            *head_awaited = awaited;
        }
    }

    /// Returns `true` while the caller of this exchange waits for the response head beside the writer
    /// loop.
    pub(super) fn awaits_head(&self, id: ExchangeId) -> bool {
        matches!(self.state, State::Busy { head_awaited: true }) && self.latest == id
    }

    pub(super) fn kind(&self) -> StateKind {
        self.state.kind()
    }

    /// Records that the reader loop is about to sleep. Returns `false` if it need not: the connection is
    /// not in use.
    pub(super) fn fall_asleep(&mut self) -> bool {
        self.reader_sleeps = self.kind() == StateKind::InUse;
        self.reader_sleeps
    }

    /// Returns `true` if the reader loop sleeps and is to be woken: once for each sleep.
    pub(super) fn wake(&mut self) -> bool {
        std::mem::take(&mut self.reader_sleeps)
    }

    /// Takes the read buffer out.
    pub(super) fn take_buffer(&mut self) -> Buffer {
        std::mem::take(&mut self.buffer)
    }

    /// Returns why the connection was closed.
    pub(super) fn cause(&self) -> Option<&Error> {
        match &self.state {
            State::Closed(cause) => Some(cause),
            _ => None,
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;
    use crate::client::conn::messages::SendError;
    use crate::error::ErrorKind;
    use crate::sync::channel::bounded;

    fn fresh() -> Lifecycle {
        Lifecycle::new(bounded(0).0)
    }

    fn rest(lifecycle: &mut Lifecycle, id: ExchangeId) -> Result<(), CloseReason> {
        lifecycle.rest(id, Buffer::default())
    }

    #[test]
    fn t03_one_exchange_at_a_time() {
        let mut lifecycle = fresh();
        let first = lifecycle.begin().expect("it is fresh");
        assert!(first.is_first() && lifecycle.begin().is_none());
        assert_eq!(rest(&mut lifecycle, first), Ok(()));
        assert_eq!(lifecycle.kind(), StateKind::Idle);
        assert_eq!(rest(&mut lifecycle, first), Err(CloseReason::EndOfStream), "it is over");
        let second = lifecycle.begin().expect("it is idle");
        assert!(!second.is_first());
    }

    #[test]
    fn t14_an_exchange_that_is_over_does_not_touch_the_next() {
        let mut lifecycle = fresh();
        let first = lifecycle.begin().unwrap();
        assert!(lifecycle.is_in(first));
        rest(&mut lifecycle, first).unwrap();
        assert!(!lifecycle.is_in(first));
        let second = lifecycle.begin().unwrap();
        assert!(lifecycle.is_in(second) && !lifecycle.is_in(first));
    }

    #[test]
    fn t10_a_request_that_was_not_wholly_sent_ends_the_connection() {
        let mut lifecycle = fresh();
        let first = lifecycle.begin().unwrap();
        lifecycle.begin_sending();
        assert!(lifecycle.sent().is_none());
        assert_eq!(rest(&mut lifecycle, first), Err(CloseReason::RequestNotWritten));
        lifecycle.end_sending(Err(SendError::Withheld));
        assert_eq!(rest(&mut lifecycle, first), Err(CloseReason::RequestNotWritten));
        lifecycle.end_sending(Ok(()));
        assert_eq!(rest(&mut lifecycle, first), Ok(()));
    }

    #[test]
    fn t15_a_late_writer_does_not_touch_the_next_exchange_nor_a_body() {
        let mut lifecycle = fresh();
        lifecycle.await_head(true);
        let first = lifecycle.begin().unwrap();
        assert!(!lifecycle.awaits_head(first), "it had not begun");
        lifecycle.await_head(true);
        assert!(lifecycle.awaits_head(first));
        lifecycle.await_head(false);
        assert!(!lifecycle.awaits_head(first), "the head was received");
        rest(&mut lifecycle, first).unwrap();
        let second = lifecycle.begin().unwrap();
        lifecycle.await_head(true);
        assert!(lifecycle.awaits_head(second) && !lifecycle.awaits_head(first));
    }

    #[test]
    fn t10_a_condemned_connection_has_ended_and_is_closed_once() {
        let mut lifecycle = fresh();
        let first = lifecycle.begin().unwrap();
        rest(&mut lifecycle, first).unwrap();
        lifecycle.condemn(Error::new(ErrorKind::EmptyReply));
        assert_eq!(lifecycle.begin(), None);
        assert_eq!(lifecycle.pass_to(Holder::Caller), None);
        assert_eq!((lifecycle.kind(), lifecycle.holder()), (StateKind::Ended, Holder::Pool));
        assert_eq!(lifecycle.cause().unwrap().kind(), ErrorKind::EmptyReply);
        let closed = || State::Closed(Error::new(ErrorKind::EmptyReply));
        assert!(lifecycle.end(closed()).is_some() && lifecycle.end(closed()).is_none());
    }

    #[test]
    fn t08_the_first_end_stays() {
        let mut lifecycle = fresh();
        let closed = |kind| State::Closed(Error::new(kind));
        assert!(lifecycle.end(closed(ErrorKind::Cancelled)).is_some());
        assert!(lifecycle.end(closed(ErrorKind::Closed)).is_none());
        assert!(lifecycle.end(State::HandedOver).is_none());
        assert_eq!(lifecycle.cause().unwrap().kind(), ErrorKind::Cancelled);
        assert!(lifecycle.begin().is_none() && !lifecycle.park());
    }

    #[test]
    fn t10_the_reader_loop_sleeps_only_while_the_connection_is_in_use() {
        let mut lifecycle = fresh();
        assert!(lifecycle.fall_asleep() && lifecycle.wake() && !lifecycle.wake());
        assert!(lifecycle.park() && !lifecycle.fall_asleep() && !lifecycle.wake());
    }

    #[test]
    fn t10_only_a_fresh_connection_is_parked() {
        let mut lifecycle = fresh();
        assert!(lifecycle.park() && lifecycle.kind() == StateKind::Idle && !lifecycle.park());
        let id = lifecycle.begin().unwrap();
        assert!(id.is_first() && !lifecycle.park());
    }

    #[test]
    fn t10_an_announcement_of_the_peer_ends_the_connection() {
        let mut lifecycle = fresh();
        let announces = |idle, left| KeepAlive { idle, left };
        let first = lifecycle.begin().unwrap();
        lifecycle.note(announces(Some(Duration::from_secs(4)), Some(1)));
        assert_eq!(rest(&mut lifecycle, first), Ok(()));
        let second = lifecycle.begin().unwrap();
        // The number cannot grow again. The timeout is the latest.
        lifecycle.note(announces(Some(Duration::from_secs(9)), Some(5)));
        assert_eq!(lifecycle.idle_limit(), Some(Duration::from_secs(9)));
        assert_eq!(rest(&mut lifecycle, second), Err(CloseReason::LimitReached));
        assert!(lifecycle.is_in(second), "its exchange closes it");
        let mut lifecycle = fresh();
        let first = lifecycle.begin().unwrap();
        lifecycle.note(announces(Some(Duration::ZERO), None));
        assert_eq!(rest(&mut lifecycle, first), Err(CloseReason::IdleTooLong));
    }
}
