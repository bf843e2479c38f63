//! A number of places, and a queue for them.
//!
//! ```text
//!   enter ── a place is free ─────────────────▶ Turn ── drop ──▶ the first in the queue, or free
//!     │                                          ▲
//!     └── the queue has room ──▶ waits ── called ┘
//!                                  │ the context ends
//!                                  ▼
//!                      still in the queue: leaves it
//!                      called already: passes its turn on
//! ```

use std::collections::VecDeque;
use std::fmt;

use crate::sync::Mutex;
use crate::sync::channel::{Sender, bounded, select};
use crate::{Context, ContextError};

pub(super) struct Turns {
    limit: usize,
    state: Mutex<State>,
}

struct State {
    /// Invariant: 0 if anything is in the queue.
    free: usize,
    queue: VecDeque<Waiting>,
    /// The number of the next request that waits.
    next: u64,
}

struct Waiting {
    number: u64,
    /// Sender: the thread that ends its turn. Receiver: the thread that waits. Capacity 1: at most one
    /// message is sent, so sending does not block.
    call: Sender<()>,
}

/// Why a request gets no turn.
#[derive(Debug)]
pub(super) enum Refused {
    QueueFull,
    /// The context has ended while the request waited.
    ContextEnded(ContextError),
}

/// A place. Dropping it passes it on.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(super) fn new(limit: usize) -> Self {
        let state = State { free: limit, queue: VecDeque::new(), next: 0 };
        Self { limit, state: Mutex::new(state) }
    }

    pub(super) fn running(&self) -> usize {
        self.limit - self.state.lock().free
    }

    pub(super) fn waiting(&self) -> usize {
        self.state.lock().queue.len()
    }

    /// Takes a place. Waits for one in a queue of at most `most` requests, until the context ends. `context`
    /// is called only then.
    pub(super) fn enter(
        &self,
        most: usize,
        context: impl FnOnce() -> Context,
    ) -> Result<Turn<'_>, Refused> {
        let (number, called) = {
            let mut state = self.state.lock();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Turn(self));
            }
            if state.queue.len() >= most {
                return Err(Refused::QueueFull);
            }
            let (call, called) = bounded(1);
            let number = state.next;
            state.next += 1;
            state.queue.push_back(Waiting { number, call });
            (number, called)
        };
        // From here on the place in the queue is given up however this ends.
        let place = Place { turns: self, number };
        let context = context();
        let done = context.done();
        select! {
            recv(called) -> _ => Ok(place.into_turn()),
            recv(done) -> _ => match context.err() {
                Some(error) => Err(Refused::ContextEnded(error)),
                None => Err(Refused::QueueFull),
            },
        }
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("Turns")
            .field("limit", &self.limit)
            .field("free", &state.free)
            .field("queue", &state.queue.len())
            .finish()
    }
}

/// A place in the queue. Dropping it leaves the queue, or passes on the turn that has come.
struct Place<'a> {
    turns: &'a Turns,
    number: u64,
}

impl<'a> Place<'a> {
    /// Takes the turn that has come.
    fn into_turn(self) -> Turn<'a> {
        let turn = Turn(self.turns);
        std::mem::forget(self);
        turn
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.state.lock();
        let place = state.queue.iter().position(|waiting| waiting.number == self.number);
        match place {
            Some(place) => drop(state.queue.remove(place)),
            None => {
                drop(state);
                drop(Turn(self.turns));
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        match state.queue.pop_front() {
            // The receiver lives until its request has left the queue, so nothing is lost.
            Some(Waiting { call, .. }) => drop(call.try_send(())),
            None => state.free += 1,
        }
        debug_assert!(state.free <= self.0.limit);
    }
}
