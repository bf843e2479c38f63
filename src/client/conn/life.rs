//! What a connection is at: plain data, which stands under the connection's lock.
//!
//! ```text
//!            begin             rest             begin
//!   Fresh ──────────▶ Busy, 1 ──────▶ Idle ──────────────▶ Busy, 2 ──▶ …
//!     │                                ▲
//!     └──────────── park ──────────────┘
//!
//!   any of them ── end ──▶ HandedOver, Closed
//! ```

use std::convert::Infallible;
use std::time::Duration;

use super::keep_alive::KeepAlive;
use super::messages::{WriteJob, WriteResult};
use crate::error::Error;
use crate::h1::CloseReason;
use crate::net::Buffer;
use crate::sync::channel::{Receiver, Sender};

/// The number of an exchange on its connection. Whoever holds it may close the connection for the
/// sake of that exchange, and only while it is on: later the connection may be another call's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) struct ExchangeId(u64);

/// How far a connection's life is.
pub(super) struct State {
    life: Life,
    /// The latest exchange.
    id: ExchangeId,
    /// The reader loop waits to be called when the connection is idle.
    asleep: bool,
    /// The buffer of the latest exchange that had no use for the reader loop. Invariant: empty.
    spare: Buffer,
    /// The peer's announcements: the latest time, the least number. Each exchange that begins takes
    /// one off the number.
    announced: KeepAlive,
    /// Invariant: there until the end.
    lines: Option<Lines>,
}

/// What the other parties hang on, and hear of the end by: that it has been dropped.
pub(super) struct Lines {
    /// All three parties.
    _closer: Sender<Infallible>,
    /// The writer loop, if it has been started.
    writer: Option<Writer>,
}

/// The caller's ends of the channels to and from the writer loop.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: Sender<WriteJob>,
    /// Invariant: empty between two exchanges. A connection is used again only after its result was
    /// taken, and found to be good.
    results: Receiver<WriteResult>,
}

enum Life {
    /// Made for somebody who is about to take it. A peer that speaks first is listened to then: an
    /// overloaded server may refuse the connection with an answer.
    Fresh,
    /// Nothing is expected from the peer.
    Idle,
    /// In the exchange of `id`. Its caller may wait for the head of its answer while the writer loop
    /// still writes: then what that has to tell concerns it.
    Busy { head_awaited: bool },
    /// Over, in one of the two ways.
    Ended(Ending),
}

/// What a connection is at, for those who decide what to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Idle,
    /// In an exchange, or made for one.
    InUse,
    Over,
}

/// How a connection ends.
pub(super) enum Ending {
    /// It speaks another protocol and belongs to the caller.
    HandedOver,
    /// The first cause.
    Closed(Error),
}

impl ExchangeId {
    /// Whether it is the connection's first exchange.
    pub(in crate::client) fn is_first(self) -> bool {
        self.0 == 1
    }
}

impl Writer {
    pub(super) fn new(jobs: Sender<WriteJob>, results: Receiver<WriteResult>) -> Self {
        Self { jobs, results }
    }

    /// Hands the writer loop a job, and lets go of it: it ends with the connection. Returns by what the
    /// result comes to a caller that is [reading](super::messages::Report::Reading). A loop that has
    /// ended has seen the connection closed, and so does the caller.
    pub(super) fn write(self, job: WriteJob) -> Receiver<WriteResult> {
        debug_assert!(self.results.is_empty());
        let _ = self.jobs.send(job);
        self.results
    }
}

impl State {
    pub(super) fn new(closer: Sender<Infallible>) -> Self {
        Self {
            life: Life::Fresh,
            id: ExchangeId(0),
            asleep: false,
            spare: Buffer::default(),
            announced: KeepAlive::default(),
            lines: Some(Lines { _closer: closer, writer: None }),
        }
    }

    /// Begins an exchange, if none is on.
    pub(super) fn begin(&mut self) -> Option<ExchangeId> {
        match self.life {
            Life::Fresh | Life::Idle => {}
            Life::Busy { .. } | Life::Ended(_) => return None,
        }
        self.life = Life::Busy { head_awaited: false };
        self.id.0 += 1;
        if let Some(left) = &mut self.announced.left {
            *left = left.saturating_sub(1);
        }
        Some(self.id)
    }

    /// Makes a fresh connection an idle one; `false` if it was not fresh.
    pub(super) fn park(&mut self) -> bool {
        let fresh = matches!(self.life, Life::Fresh);
        if fresh {
            self.life = Life::Idle;
        }
        fresh
    }

    /// Ends an exchange well, and keeps the buffer that it had if the reader loop has no use for it.
    ///
    /// # Errors
    ///
    /// If the exchange was not on, or the peer has announced that it was the connection's last.
    pub(super) fn rest(&mut self, id: ExchangeId, spare: Buffer) -> Result<(), CloseReason> {
        debug_assert!(spare.is_empty());
        if !self.is_in(id) {
            return Err(CloseReason::EndOfStream);
        }
        match self.announced {
            KeepAlive { left: Some(0), .. } => Err(CloseReason::LimitReached),
            KeepAlive { idle: Some(Duration::ZERO), .. } => Err(CloseReason::IdleTooLong),
            _ => {
                self.life = Life::Idle;
                self.spare = spare;
                Ok(())
            }
        }
    }

    /// Takes note of what the peer announces in a response.
    pub(super) fn note(&mut self, announced: KeepAlive) {
        let KeepAlive { idle, left } = &mut self.announced;
        *idle = announced.idle.or(*idle);
        *left = left.iter().copied().chain(announced.left).min();
    }

    /// How long the peer lets the connection be idle, if it has announced that.
    pub(super) fn idle_limit(&self) -> Option<Duration> {
        self.announced.idle
    }

    /// Ends the connection's life; the first end stays. The caller drops the lines, which tells the
    /// others, outside the lock.
    pub(super) fn end(&mut self, how: Ending) -> Option<Lines> {
        let lines = self.lines.take()?;
        self.life = Life::Ended(how);
        Some(lines)
    }

    /// How to reach the writer loop, if it has been started.
    pub(super) fn writer(&self) -> Option<Writer> {
        self.lines.as_ref()?.writer.clone()
    }

    /// The writer loop has been started; it ends with the connection.
    pub(super) fn keep_writer(&mut self, writer: Writer) {
        if let Some(lines) = &mut self.lines {
            lines.writer = Some(writer);
        }
    }

    /// The latest exchange.
    pub(super) fn id(&self) -> ExchangeId {
        self.id
    }

    pub(super) fn is_in(&self, id: ExchangeId) -> bool {
        matches!(self.life, Life::Busy { .. }) && self.id == id
    }

    /// The exchange's caller waits for the head of its answer, beside the writer loop; or no more.
    pub(super) fn await_head(&mut self, awaited: bool) {
        if let Life::Busy { head_awaited } = &mut self.life {
            *head_awaited = awaited;
        }
    }

    /// Whether the caller of this exchange waits for the head of its answer, beside the writer loop.
    pub(super) fn awaits_head(&self, id: ExchangeId) -> bool {
        matches!(self.life, Life::Busy { head_awaited: true }) && self.id == id
    }

    pub(super) fn condition(&self) -> Condition {
        match self.life {
            Life::Idle => Condition::Idle,
            Life::Fresh | Life::Busy { .. } => Condition::InUse,
            Life::Ended(_) => Condition::Over,
        }
    }

    /// The reader loop is about to wait for a call. `false` if there is nothing to wait for.
    pub(super) fn fall_asleep(&mut self) -> bool {
        self.asleep = self.condition() == Condition::InUse;
        self.asleep
    }

    /// Whether the reader loop waits, and so is to be called: once for each time.
    pub(super) fn wake(&mut self) -> bool {
        std::mem::take(&mut self.asleep)
    }

    pub(super) fn take_spare(&mut self) -> Buffer {
        std::mem::take(&mut self.spare)
    }

    /// Why the connection was closed.
    pub(super) fn cause(&self) -> Option<&Error> {
        match &self.life {
            Life::Ended(Ending::Closed(cause)) => Some(cause),
            _ => None,
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::sync::channel::bounded;

    fn fresh() -> State {
        State::new(bounded(0).0)
    }

    #[test]
    fn t03_one_exchange_at_a_time() {
        let mut state = fresh();
        let first = state.begin().expect("it is fresh");
        assert!(first.is_first() && state.begin().is_none());
        assert_eq!(state.rest(first, Buffer::default()), Ok(()));
        assert_eq!(state.condition(), Condition::Idle);
        let over = state.rest(first, Buffer::default());
        assert_eq!(over, Err(CloseReason::EndOfStream), "it is over");
        let second = state.begin().expect("it is idle");
        assert!(!second.is_first());
    }

    #[test]
    fn t14_a_turn_that_is_over_says_nothing_of_the_next() {
        let mut state = fresh();
        let first = state.begin().unwrap();
        assert!(state.is_in(first));
        state.rest(first, Buffer::default()).unwrap();
        assert!(!state.is_in(first));
        let second = state.begin().unwrap();
        assert!(state.is_in(second) && !state.is_in(first));
    }

    #[test]
    fn t15_a_late_writer_says_nothing_of_the_next_exchange_nor_of_a_body() {
        let mut state = fresh();
        state.await_head(true);
        let first = state.begin().unwrap();
        assert!(!state.awaits_head(first), "it was not on");
        state.await_head(true);
        assert!(state.awaits_head(first));
        state.await_head(false);
        assert!(!state.awaits_head(first), "the head has come");
        state.rest(first, Buffer::default()).unwrap();
        let second = state.begin().unwrap();
        state.await_head(true);
        assert!(state.awaits_head(second) && !state.awaits_head(first));
    }

    #[test]
    fn t08_the_first_end_stays() {
        let mut state = fresh();
        let cause = |kind| Ending::Closed(Error::new(kind));
        assert!(state.end(cause(ErrorKind::Cancelled)).is_some());
        assert!(state.end(cause(ErrorKind::Closed)).is_none());
        assert!(state.end(Ending::HandedOver).is_none());
        assert_eq!(state.cause().unwrap().kind(), ErrorKind::Cancelled);
        assert!(state.begin().is_none() && !state.park());
    }

    #[test]
    fn t10_the_reader_loop_sleeps_only_while_the_connection_is_in_use() {
        let mut state = fresh();
        assert!(state.fall_asleep() && state.wake() && !state.wake());
        assert!(state.park() && !state.fall_asleep() && !state.wake());
    }

    #[test]
    fn t10_only_what_is_fresh_is_parked() {
        let mut state = fresh();
        assert!(state.park() && state.condition() == Condition::Idle && !state.park());
        let id = state.begin().unwrap();
        assert!(id.is_first() && !state.park());
    }

    #[test]
    fn t10_what_the_peer_announces_ends_the_connection() {
        let mut state = fresh();
        let announces = |idle, left| KeepAlive { idle, left };
        let first = state.begin().unwrap();
        state.note(announces(Some(Duration::from_secs(4)), Some(1)));
        assert_eq!(state.rest(first, Buffer::default()), Ok(()));
        let second = state.begin().unwrap();
        // The number was the last's, and is not raised; the time is the latest.
        state.note(announces(Some(Duration::from_secs(9)), Some(5)));
        assert_eq!(state.idle_limit(), Some(Duration::from_secs(9)));
        assert_eq!(state.rest(second, Buffer::default()), Err(CloseReason::LimitReached));
        assert!(state.is_in(second), "its exchange closes it");
        let mut state = fresh();
        let first = state.begin().unwrap();
        state.note(announces(Some(Duration::ZERO), None));
        assert_eq!(state.rest(first, Buffer::default()), Err(CloseReason::IdleTooLong));
    }
}
