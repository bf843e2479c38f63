//! One direction of a socket: the deadline that wakes, and who is parked there.
//!
//! ```text
//!   thread that waits                          any other thread
//!   ─────────────────                          ────────────────
//!   lock: look at deadline, closed             lock: set_deadline / close / interrupt
//!         enter its waker in `parked`                signal every waker in `parked`
//!   unlock                                     unlock
//!   poll(socket, waker, until deadline)   <──  (a signal stays until it is drained)
//!   lock: take its waker out
//!   unlock, drain if signalled, look again
//! ```
//!
//! Invariant: a waker is signalled only while it stands in `parked`, under the lock. So a change is
//! either seen before the wait begins, or ends it; and no signal arrives after the wait.
//!
//! With nobody parked a change of the deadline is a store under a lock, and no system call.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fd::BorrowedFd;

use super::stream::Until;
use super::wake::{self, PollFlags, Waker};
use crate::sync::{Condvar, Mutex};

pub(super) struct WaitPoint {
    state: Mutex<State>,
    /// Goes with `state`; the predicate is [`State::is_occupied`]. Notified by every thread that
    /// parks, awaited by [`WaitPoint::wait_until_parked`].
    entered: Condvar,
    /// What a call gets once this side has closed the stream.
    after_close: io::ErrorKind,
}

#[derive(Default)]
struct State {
    deadline: Option<Instant>,
    /// How long one wait may take, whatever the deadline.
    patience: Option<Duration>,
    /// Somebody asked for the end of one wait; consumed by it.
    interrupted: bool,
    /// Somebody has changed what is waited for; consumed by one wait.
    notified: bool,
    closed: bool,
    /// Nearly always none or one.
    parked: Vec<Parking>,
    /// Threads in a plain blocking call, which no waker reaches.
    in_plain_calls: usize,
}

/// When one wait ends that nothing else ends.
struct Wait {
    /// At its deadline, at which each waiting thread looks again.
    until: Option<Instant>,
    /// When its patience is over.
    patience: Option<Instant>,
}

impl Wait {
    fn has_run_out(&self) -> bool {
        self.patience.is_some_and(|patience| patience <= Instant::now())
    }
}

struct Parking {
    waker: Arc<Waker>,
    signalled: bool,
}

impl WaitPoint {
    pub(super) fn new(after_close: io::ErrorKind) -> Self {
        Self { state: Mutex::default(), entered: Condvar::new(), after_close }
    }

    pub(super) fn set_deadline(&self, deadline: Option<Instant>) {
        let mut state = self.state.lock();
        let before = std::mem::replace(&mut state.deadline, deadline);
        // A wait that ends too early looks again; one that would end too late must be told.
        if deadline.is_some_and(|new| before.is_none_or(|old| new < old)) {
            state.signal_all();
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.state.lock().deadline
    }

    /// Limits each wait from now on, whatever the deadline.
    pub(super) fn set_patience(&self, patience: Option<Duration>) {
        self.state.lock().patience = patience;
    }

    /// Ends the wait of one thread, now or the next one.
    pub(super) fn interrupt(&self) {
        let mut state = self.state.lock();
        state.interrupted = true;
        state.signal_all();
    }

    /// Has one thread look again at what it waits for, now or before its next wait.
    #[cfg(feature = "tls")]
    pub(super) fn notify(&self) {
        let mut state = self.state.lock();
        state.notified = true;
        state.signal_all();
    }

    /// Whether it was open before.
    pub(super) fn close(&self) -> bool {
        let mut state = self.state.lock();
        state.signal_all();
        !std::mem::replace(&mut state.closed, true)
    }

    /// Opens a closed wait_point again, for the one thread that is left to use it.
    pub(super) fn reopen(&self) {
        self.state.lock().closed = false;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// May a call go on? Not after a close, nor after `until`.
    pub(super) fn admit(&self, until: Until) -> io::Result<()> {
        let state = self.state.lock();
        self.admit_until(&state, until.moment(state.deadline))
    }

    /// May a call that never blocks go on? Not after a close.
    pub(super) fn admit_if_open(&self) -> io::Result<()> {
        if self.is_closed() { Err(self.closed_error()) } else { Ok(()) }
    }

    fn admit_until(&self, state: &State, until: Option<Instant>) -> io::Result<()> {
        if state.closed {
            return Err(self.closed_error());
        }
        match until.is_some_and(|until| until <= Instant::now()) {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(()),
        }
    }

    #[cold]
    fn closed_error(&self) -> io::Error {
        io::Error::new(self.after_close, "the stream was closed on this side")
    }

    /// Blocks until `socket` is ready for `interest`; an empty answer means "look again".
    ///
    /// # Errors
    ///
    /// `TimedOut` when `until` has come, or the wait has taken all its patience, `Interrupted` after
    /// [`interrupt`](Self::interrupt), the wait_point's own kind after [`close`](Self::close).
    pub(super) fn park(
        &self,
        socket: BorrowedFd<'_>,
        interest: PollFlags,
        until: Until,
    ) -> io::Result<PollFlags> {
        let waker = Waker::of_this_thread()?;
        let Some(wait) = self.enter(&waker, until)? else { return Ok(PollFlags::empty()) };
        let earliest = wait.until.into_iter().chain(wait.patience).min();
        let outcome = wake::wait_for(socket, interest, &waker, earliest);
        let signalled = self.leave(&waker);
        if signalled || matches!(outcome, Ok((_, true))) {
            waker.drain();
        }
        let ready = outcome?.0;
        match ready.is_empty() && !signalled && wait.has_run_out() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(ready),
        }
    }

    /// How long to wait, with the waker in its place; `None` if there is something to look at before.
    fn enter(&self, waker: &Arc<Waker>, until: Until) -> io::Result<Option<Wait>> {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.interrupted) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let until = until.moment(state.deadline);
        self.admit_until(&state, until)?;
        if std::mem::take(&mut state.notified) {
            return Ok(None);
        }
        state.parked.push(Parking { waker: Arc::clone(waker), signalled: false });
        self.entered.notify_all();
        let patience = state.patience.and_then(|patience| Instant::now().checked_add(patience));
        Ok(Some(Wait { until, patience }))
    }

    /// Whether the waker was signalled.
    fn leave(&self, waker: &Arc<Waker>) -> bool {
        let mut state = self.state.lock();
        let place = state.parked.iter().position(|parking| Arc::ptr_eq(&parking.waker, waker));
        state
            .parked
            .swap_remove(place.expect("it was entered, and only its thread leaves"))
            .signalled
    }

    /// Runs a blocking call that only the socket itself can end, counted as parked.
    pub(super) fn plainly<T>(&self, call: impl FnOnce() -> T) -> io::Result<T> {
        {
            let mut state = self.state.lock();
            if state.closed {
                return Err(self.closed_error());
            }
            state.in_plain_calls += 1;
            self.entered.notify_all();
        }
        let outcome = call();
        self.state.lock().in_plain_calls -= 1;
        Ok(outcome)
    }

    /// Blocks until a thread is parked here, at most until `until`: whether one is.
    pub(super) fn wait_until_parked(&self, until: Instant) -> bool {
        let mut state = self.state.lock();
        while !state.is_occupied() {
            if self.entered.wait_until(&mut state, until).timed_out() {
                return state.is_occupied();
            }
        }
        true
    }
}

impl State {
    fn signal_all(&mut self) {
        for parking in &mut self.parked {
            if !std::mem::replace(&mut parking.signalled, true) {
                parking.waker.signal();
            }
        }
    }

    /// Whether some thread is blocked here, and not already on its way out.
    fn is_occupied(&self) -> bool {
        self.in_plain_calls > 0 || self.parked.iter().any(|parking| !parking.signalled)
    }
}
