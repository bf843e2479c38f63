//! The writing half of a connection, of which several requests take turns.
//!
//! Records must not be mixed up, so that one thread writes at a time. Nobody holds a lock meanwhile: who
//! writes has the *turn*, others wait for it, each until its own deadline. The thread that reads the
//! connection never waits for a turn that somebody has: what it has to say is *owed*, and said by the one
//! who has the turn.

use std::io::{self, IoSlice};
use std::time::Instant;

use crate::net::Stream;
use crate::sync::{Condvar, Mutex};

/// How much may be owed, in bytes. More than that comes of a web server that asks and asks, and does not
/// read the answers.
const MOST_OWED: usize = 64 * 1024;

pub(super) struct Outlet {
    stream: Stream,
    state: Mutex<State>,
    /// Goes with `state`; the predicate is "nobody has the turn". Notified by who gives the turn up,
    /// awaited by [`take_turn`](Outlet::take_turn).
    free: Condvar,
}

#[derive(Default)]
struct State {
    taken: bool,
    owed: Vec<u8>,
}

impl Outlet {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, state: Mutex::default(), free: Condvar::new() }
    }

    /// Writes whole records, as long as `may` says so once the turn has come.
    ///
    /// # Errors
    ///
    /// `TimedOut` at the deadline, `BrokenPipe` if it may not be, or the connection's own. A write that
    /// fails may have left half a record behind, so that it closes the connection.
    ///
    /// # Blocking
    ///
    /// Until they are written; ended by the deadline and by closing the stream.
    pub(super) fn write(
        &self,
        records: &mut [IoSlice<'_>],
        deadline: Option<Instant>,
        may: impl FnOnce() -> bool,
    ) -> io::Result<()> {
        let turn = self.take_turn(deadline)?;
        if !may() {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the request has ended"));
        }
        turn.write(records, deadline)
    }

    /// Has records written that are small and nobody waits for.
    pub(super) fn owe(&self, records: &[u8]) {
        let turn = {
            let mut state = self.state.lock();
            if state.taken {
                state.owed.extend_from_slice(records);
                let too_much = state.owed.len() > MOST_OWED;
                drop(state);
                if too_much {
                    self.stream.close();
                }
                return;
            }
            state.taken = true;
            Turn(self)
        };
        // A connection that fails is noticed by who reads it.
        let _ = turn.write(&mut [IoSlice::new(records)], None);
    }

    fn take_turn(&self, deadline: Option<Instant>) -> io::Result<Turn<'_>> {
        let mut state = self.state.lock();
        while state.taken {
            match deadline {
                None => self.free.wait(&mut state),
                Some(deadline) => {
                    if self.free.wait_until(&mut state, deadline).timed_out() && state.taken {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
            }
        }
        state.taken = true;
        Ok(Turn(self))
    }
}

/// The right to write.
struct Turn<'a>(&'a Outlet);

impl Turn<'_> {
    fn write(&self, records: &mut [IoSlice<'_>], deadline: Option<Instant>) -> io::Result<()> {
        let stream = &self.0.stream;
        stream.set_write_deadline(deadline);
        let outcome = stream.send_all(records);
        if outcome.is_err() {
            stream.close();
        }
        outcome
    }
}

impl Drop for Turn<'_> {
    /// Says what is owed, and gives the turn up.
    fn drop(&mut self) {
        loop {
            let owed = {
                let mut state = self.0.state.lock();
                if state.owed.is_empty() {
                    state.taken = false;
                    break;
                }
                std::mem::take(&mut state.owed)
            };
            // If it fails the connection is closed, and what is owed from then on fails as well.
            let _ = self.write(&mut [IoSlice::new(&owed)], None);
        }
        self.0.free.notify_one();
    }
}
