//! One wait of a stream: its deadline, and the threads that are parked there.
//!
//! ```text
//!   thread that waits                          any other thread
//!   ─────────────────                          ────────────────
//!   lock: check deadline, closed               lock: set_deadline / close / interrupt
//!         add its waker to `parked`                  signal every waker in `parked`
//!   unlock                                     unlock
//!   poll(socket, waker, until deadline)   <──  (a signal stays until it is drained)
//!   lock: take its waker out
//!   unlock, drain if signalled, check again
//! ```
//!
//! Invariant: a waker is signalled only while it is in `parked`, under the lock. So a change is either
//! seen before the wait begins, or it ends the wait. No signal arrives after the wait.
//!
//! While no thread is parked, a change of the deadline is a store under a lock, and no system call.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::readiness::Until;
use super::wake::{self, PollFlags, Pollable, Waker};
use crate::sync::{Condvar, Mutex};

/// One of the things that threads wait for on a socket: input, room, or the peer's hang-up.
pub(super) struct WaitPoint {
    state: Mutex<State>,
    /// Goes with `state`; the predicate is [`State::is_occupied`]. Notified by every thread that
    /// parks, awaited by [`WaitPoint::wait_until_parked`].
    entered: Condvar,
    /// The kind of error of calls after this side has closed the stream.
    after_close: io::ErrorKind,
}

#[derive(Default)]
struct State {
    deadline: Option<Instant>,
    /// The limit of one wait, whatever the deadline.
    idle_limit: Option<Duration>,
    /// One wait must end. That wait resets it.
    interrupted: bool,
    /// The number of times that the threads were told to check again.
    notices: u64,
    closed: bool,
    /// Rarely more than one.
    parked: Vec<Parking>,
    /// The number of threads in a blocking system call, which no waker ends.
    in_blocking_calls: usize,
}

/// The time limits of one wait.
struct Wait {
    /// The deadline, at which the thread checks again.
    until: Option<Instant>,
    /// The end of its limit, at which the wait fails.
    limit: Option<Instant>,
}

impl Wait {
    fn has_run_out(&self) -> bool {
        self.limit.is_some_and(|limit| limit <= Instant::now())
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
        // A wait that ends too early checks again. One that would end too late must be woken.
        if deadline.is_some_and(|new| before.is_none_or(|old| new < old)) {
            state.signal_all();
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.state.lock().deadline
    }

    /// Limits each later wait, whatever the deadline.
    pub(super) fn set_idle_limit(&self, limit: Option<Duration>) {
        self.state.lock().idle_limit = limit;
    }

    /// Ends the wait of one thread: a current one or the next.
    pub(super) fn interrupt(&self) {
        let mut state = self.state.lock();
        state.interrupted = true;
        state.signal_all();
    }

    /// Makes all threads check again that wait, or that are about to wait with an older count of
    /// [`notices`](Self::notices).
    #[cfg(feature = "tls")]
    pub(super) fn notify(&self) {
        let mut state = self.state.lock();
        state.notices += 1;
        state.signal_all();
    }

    /// Returns the number of calls of [`notify`](Self::notify) so far.
    #[cfg(feature = "tls")]
    pub(super) fn notices(&self) -> u64 {
        self.state.lock().notices
    }

    /// Fails all calls from now on. Returns `true` if it was open before.
    pub(super) fn close(&self) -> bool {
        let mut state = self.state.lock();
        state.signal_all();
        !std::mem::replace(&mut state.closed, true)
    }

    /// Reverts a close, for the one thread that still uses the stream.
    pub(super) fn reopen(&self) {
        self.state.lock().closed = false;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Fails after a close, and after `until`.
    pub(super) fn check(&self, until: Until) -> io::Result<()> {
        let state = self.state.lock();
        self.check_until(&state, until.time(state.deadline))
    }

    /// Fails after a close.
    pub(super) fn check_open(&self) -> io::Result<()> {
        if self.is_closed() { Err(self.closed_error()) } else { Ok(()) }
    }

    /// Replaces an error by that of a close, if this side has closed the stream.
    pub(super) fn unless_closed<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        outcome.or_else(|error| self.check_open().and(Err(error)))
    }

    fn check_until(&self, state: &State, until: Option<Instant>) -> io::Result<()> {
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
        io::Error::new(self.after_close, "stream closed on this side")
    }

    /// Waits until `socket` is ready for `interest`. If the result is empty, the caller checks again.
    ///
    /// # Errors
    ///
    /// `TimedOut` after `until` or the end of its limit, `Interrupted` after
    /// [`interrupt`](Self::interrupt), `after_close` after [`close`](Self::close).
    pub(super) fn park(
        &self,
        socket: Pollable<'_>,
        interest: PollFlags,
        until: Until,
    ) -> io::Result<PollFlags> {
        self.park_after(socket, interest, until, None)
    }

    /// Waits as [`park`](Self::park) does. The result is empty at once if there are more notices than the
    /// `seen` ones.
    pub(super) fn park_after(
        &self,
        socket: Pollable<'_>,
        interest: PollFlags,
        until: Until,
        seen: Option<u64>,
    ) -> io::Result<PollFlags> {
        self.park_by(until, seen, |waker, until| wake::wait_for(socket, interest, waker, until))
    }

    /// Waits for `duration`, without a socket.
    ///
    /// # Errors
    ///
    /// `Interrupted` after [`interrupt`](Self::interrupt), `after_close` after [`close`](Self::close).
    pub(super) fn pause(&self, duration: Duration) -> io::Result<()> {
        let until = Until::Only(Instant::now().checked_add(duration));
        let parked = self.park_by(until, None, |waker, until| {
            let signalled = wake::wait(&mut [waker.poll_fd()], until)? > 0;
            Ok((PollFlags::empty(), signalled))
        });
        match parked {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(()),
            parked => parked.map(drop),
        }
    }

    /// Parks the thread while it is in `wait`, which returns the socket's readiness and whether the waker
    /// was signalled.
    pub(super) fn park_by(
        &self,
        until: Until,
        seen: Option<u64>,
        wait: impl FnOnce(&Waker, Option<Instant>) -> io::Result<(PollFlags, bool)>,
    ) -> io::Result<PollFlags> {
        let waker = Waker::of_this_thread()?;
        let Some(limits) = self.enter(&waker, until, seen)? else { return Ok(PollFlags::empty()) };
        let outcome = wait(&waker, limits.until.into_iter().chain(limits.limit).min());
        let signalled = self.leave(&waker);
        if signalled || matches!(outcome, Ok((_, true))) {
            waker.drain();
        }
        let ready = outcome?.0;
        match ready.is_empty() && !signalled && limits.has_run_out() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(ready),
        }
    }

    /// Adds the waker to `parked` and returns the limits of the wait. Returns `None` if the caller must
    /// check again before it waits.
    fn enter(
        &self,
        waker: &Arc<Waker>,
        until: Until,
        seen: Option<u64>,
    ) -> io::Result<Option<Wait>> {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.interrupted) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let until = until.time(state.deadline);
        self.check_until(&state, until)?;
        if seen.is_some_and(|seen| seen != state.notices) {
            return Ok(None);
        }
        state.parked.push(Parking { waker: Arc::clone(waker), signalled: false });
        self.entered.notify_all();
        let limit = state.idle_limit.and_then(|limit| Instant::now().checked_add(limit));
        Ok(Some(Wait { until, limit }))
    }

    /// Takes the waker out of `parked`. Returns `true` if it was signalled.
    fn leave(&self, waker: &Arc<Waker>) -> bool {
        let mut state = self.state.lock();
        let place = state.parked.iter().position(|parking| Arc::ptr_eq(&parking.waker, waker));
        state.parked.swap_remove(place.expect("only its thread takes a waker out")).signalled
    }

    /// Runs a blocking system call that only the socket can end. The thread counts as parked.
    #[cfg(all(any(target_os = "linux", target_os = "android"), not(hangup_portable)))]
    pub(super) fn blocking<T>(&self, call: impl FnOnce() -> T) -> io::Result<T> {
        {
            let mut state = self.state.lock();
            if state.closed {
                return Err(self.closed_error());
            }
            state.in_blocking_calls += 1;
            self.entered.notify_all();
        }
        let outcome = call();
        self.state.lock().in_blocking_calls -= 1;
        Ok(outcome)
    }

    /// Waits until a thread is parked here, at most until `until`. Returns `true` if one is.
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

    /// Returns `true` if a thread is blocked here that has not been woken.
    fn is_occupied(&self) -> bool {
        self.in_blocking_calls > 0 || self.parked.iter().any(|parking| !parking.signalled)
    }
}
