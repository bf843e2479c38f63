//! The ends of a connection in memory, which behave as sockets do.
//!
//! ```text
//!        end 0                                     end 1
//!      write ───────────> pipes[0] ───────────────> read
//!       read <─────────── pipes[1] <────────────── write
//!   deadlines, parked      one lock                deadlines, parked
//!                        one Condvar
//! ```
//!
//! They have deadlines, half-closes and resets. Each direction holds a bounded number of
//! bytes. They use a lock and Condvars only, so that a model can schedule them.

mod state;

#[cfg(feature = "tls")]
mod under_tls;

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::state::{Life, State};
use super::addr::Addr;
use super::latch::{Latch, Woken};
use super::readiness::{Hangup, Parked, Readiness, Until};
use crate::sync::{Condvar, Mutex, MutexGuard, now};

/// Creates two connected ends. Each direction holds up to `capacity` bytes, at least one.
pub(super) fn ends(capacity: usize) -> (End, End) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State::new(capacity)),
        changed: Condvar::new(),
        parked: Condvar::new(),
    });
    let end = |side| End { side, shared: Arc::clone(&shared) };
    (end(0), end(1))
}

/// One end. Its drop closes it.
pub(super) struct End {
    side: usize,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Goes with `state`. The predicate is the waiting call's: bytes, room, the peer's end, its deadline.
    /// Notified by every change of the state.
    changed: Condvar,
    /// Goes with `state`. The predicate is a count in [`state::Side::parked`]. Notified by every thread
    /// before it waits on `changed`.
    parked: Condvar,
}

impl End {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock()
    }

    /// Changes the state and wakes all waiting threads.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let outcome = change(&mut state);
        self.announce(&mut state);
        outcome
    }

    fn announce(&self, state: &mut State) {
        state.epoch += 1;
        for side in &mut state.sides {
            side.parked = [0; 3];
        }
        self.shared.changed.notify_all();
    }

    /// Repeats `attempt` after each change, until it no longer fails with `WouldBlock` or a limit passes.
    fn wait<T>(
        &self,
        place: Parked,
        until: Until,
        mut attempt: impl FnMut(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.lock();
        let mut idle = None;
        loop {
            let deadline = until.time(state.sides[self.side].deadline(place));
            let until = if idle.is_some() { earlier(deadline, idle) } else { deadline };
            let open = state.sides[self.side].life == Life::Open;
            if open && until.is_some_and(|until| until <= now()) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match attempt(&mut state) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => {
                    self.announce(&mut state);
                    return outcome;
                }
            }
            let me = &mut state.sides[self.side];
            if place == Parked::Read && std::mem::take(&mut me.read_interrupted) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if place == Parked::Write && idle.is_none() {
                let limit = state.sides[self.side].write_idle_timeout;
                idle = limit.and_then(|limit| now().checked_add(limit));
            }
            self.park(&mut state, place, earlier(until, idle));
        }
    }

    fn park(&self, state: &mut MutexGuard<'_, State>, place: Parked, until: Option<Instant>) {
        let epoch = state.epoch;
        state.sides[self.side].parked[place as usize] += 1;
        self.shared.parked.notify_all();
        match until {
            Some(until) => {
                self.shared.changed.wait_until(state, until);
            }
            None => self.shared.changed.wait(state),
        }
        // A change has reset the counts, this thread's included.
        if state.epoch == epoch {
            state.sides[self.side].parked[place as usize] -= 1;
        }
    }

    pub(super) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.wait(Parked::Read, Until::Deadline(None), |state| state.read(self.side, buf))
    }

    pub(super) fn read_for(&self, buf: &mut [u8], limit: Option<Duration>) -> io::Result<usize> {
        if limit == Some(Duration::ZERO) {
            return self.try_read(buf).map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
                _ => error,
            });
        }
        let until = limit.and_then(|limit| now().checked_add(limit));
        self.wait(Parked::Read, Until::Only(until), |state| state.read(self.side, buf))
    }

    pub(super) fn wait_idle(&self, latch: &Latch, limit: Option<Instant>) -> io::Result<Woken> {
        self.wait(Parked::Read, Until::Only(limit), |state| match state.readable(self.side) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && latch.is_set() => {
                Ok(Woken::Latched)
            }
            outcome => outcome.map(|()| Woken::Readable),
        })
    }

    pub(super) fn has_unread(&self) -> bool {
        self.readiness().readable
    }

    pub(super) fn interrupt_read(&self) {
        self.change(|state| state.sides[self.side].read_interrupted = true);
    }

    /// Wakes all waiting threads: a latch does not.
    pub(super) fn look_again(&self) {
        self.change(|_| ());
    }

    pub(super) fn halt(&self) {
        self.close();
    }

    /// Does nothing: a close loses no data here.
    pub(super) fn resume(&self) {}

    /// Does nothing: unread input does not cause a reset here.
    pub(super) fn discard_input(&self) {}

    pub(super) fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.change(|state| state.read(self.side, buf))
    }

    pub(super) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.wait(Parked::Write, Until::Deadline(None), |state| state.write(self.side, slices))
    }

    pub(super) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.change(|state| state.write(self.side, slices))
    }

    /// Does nothing: a write leaves nothing unsent.
    pub(super) fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// Does nothing: a write leaves nothing unsent.
    pub(super) fn try_flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// Does nothing: an end has no memory to free.
    pub(super) fn release(&self) {}

    pub(super) fn wait_readable(&self, limit: Option<Instant>) -> io::Result<()> {
        self.wait(Parked::Read, Until::Deadline(limit), |state| state.readable(self.side))
    }

    pub(super) fn wait_hangup(&self, least: Hangup) -> io::Result<Hangup> {
        self.wait(Parked::Hangup, Until::Deadline(None), |state| state.hangup(self.side, least))
    }

    pub(super) fn wake_hangup(&self) {
        self.change(|state| state.sides[self.side].interrupted = true);
    }

    pub(super) fn readiness(&self) -> Readiness {
        self.lock().readiness(self.side)
    }

    pub(super) fn set_read_deadline(&self, deadline: Option<Instant>) {
        self.change(|state| state.sides[self.side].read_deadline = deadline);
    }

    pub(super) fn read_deadline(&self) -> Option<Instant> {
        self.lock().sides[self.side].read_deadline
    }

    pub(super) fn set_write_deadline(&self, deadline: Option<Instant>) {
        self.change(|state| state.sides[self.side].write_deadline = deadline);
    }

    pub(super) fn set_write_idle_timeout(&self, limit: Option<Duration>) {
        self.lock().sides[self.side].write_idle_timeout = limit;
    }

    pub(super) fn write_deadline(&self) -> Option<Instant> {
        self.lock().sides[self.side].write_deadline
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.change(|state| state.shutdown(self.side, how))
    }

    pub(super) fn close(&self) {
        self.change(|state| state.close(self.side));
    }

    pub(super) fn reset(&self) {
        self.change(|state| state.reset(self.side));
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().sides[self.side].life == Life::Closed
    }

    pub(super) fn peer_addr(&self) -> io::Result<Addr> {
        Ok(Addr::Memory)
    }

    pub(super) fn local_addr(&self) -> io::Result<Addr> {
        Ok(Addr::Memory)
    }

    pub(super) fn set_nodelay(&self, _nodelay: bool) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn set_keepalive(&self, _period: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn wait_until_parked(&self, place: Parked, until: Instant) -> bool {
        let mut state = self.lock();
        while state.sides[self.side].parked[place as usize] == 0 {
            if self.shared.parked.wait_until(&mut state, until).timed_out() {
                return state.sides[self.side].parked[place as usize] > 0;
            }
        }
        true
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.close();
    }
}

/// Returns the earlier of two times. `None` is never.
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
