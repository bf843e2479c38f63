//! The threads that serve connections.
//!
//! A connection has one thread from its begin to its end, but not one of its own making: to start and to
//! end a thread costs more than to answer a small request. So a thread whose connection has ended is a
//! *spare* for a moment, and is handed the next one.
//!
//! ```text
//!   accepting thread             Crew                         a connection's thread
//!   ────────────────             ────                         ─────────────────────
//!   employ(arrival) ──▶ a spare? ── no ─────────────────────▶ new: serves the arrival
//!                          │ yes                                     │ its connection has ended
//!                          ▼                                         ▼
//!                       handed: the arrival ················▶ one handed? ── yes ──▶ serves it
//!                       spares: one is taken off, and called         │ no
//!                                           │                        ▼
//!                                           └───────────────▶ spares: waits ── KEEP is over, dismissed,
//!                                                                              too many ──▶ ends
//! ```
//!
//! Invariant: for each arrival in `handed` some thread has been taken off `spares` that will look there
//! before it ends. Which of them finds it first does not matter.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{House, Ticket};
use crate::net::{Addr, Stream};
use crate::sync::{self, Condvar, Mutex};

/// How long a thread waits for a next connection: long enough to be there under any load that makes the
/// cost of threads felt, short enough for memory and thread-locals not to stay long after it.
const KEEP: Duration = Duration::from_secs(1);

/// How many threads wait at most. Each keeps what its stack has touched, 12 KiB with handlers that take
/// little. Only after a burst would more of them be free at once.
const MOST_SPARES: usize = 128;

/// A connection that was accepted and entered, and nobody serves yet.
pub(super) struct Arrival {
    pub(super) stream: Stream,
    pub(super) remote: Addr,
    pub(super) ticket: Arc<Ticket>,
}

/// The threads of one server that serve its connections.
#[derive(Default)]
pub(super) struct Crew {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What has been handed over and not been taken up.
    handed: VecDeque<Arrival>,
    /// The threads that wait. Who came last is called first: its memory is still near, and those that
    /// are not needed see their time run out. Each Condvar goes with this state; its predicate is that
    /// its thread is not in here, and `employ` and `dismiss` notify it.
    spares: Vec<Arc<Condvar>>,
    /// Whether connections are still accepted, so that it is worth to wait for one.
    keeps: bool,
}

impl Crew {
    /// From now on threads that are free wait for a next connection.
    pub(super) fn keep(&self) {
        self.state.lock().keeps = true;
    }

    /// Has the threads that wait end at once, and no other wait from now on.
    pub(super) fn dismiss(&self) {
        let spares = {
            let mut state = self.state.lock();
            state.keeps = false;
            std::mem::take(&mut state.spares)
        };
        for spare in spares {
            spare.notify_one();
        }
    }

    /// Hands `arrival` to a thread that waits; gives it back if there is none.
    fn hand_over(&self, arrival: Arrival) -> Option<Arrival> {
        let called = {
            let mut state = self.state.lock();
            let Some(called) = state.spares.pop() else { return Some(arrival) };
            state.handed.push_back(arrival);
            called
        };
        called.notify_one();
        None
    }

    /// Waits for an arrival to be handed over; `None` if the thread is to end. `me` is what it is called
    /// by.
    fn next(&self, me: &Arc<Condvar>) -> Option<Arrival> {
        let until = sync::now() + KEEP;
        let mut state = self.state.lock();
        loop {
            if let Some(arrival) = state.handed.pop_front() {
                return Some(arrival);
            }
            if !state.keeps || state.spares.len() >= MOST_SPARES || sync::now() >= until {
                return None;
            }
            state.spares.push(Arc::clone(me));
            me.wait_until(&mut state, until);
            state.spares.retain(|spare| !Arc::ptr_eq(spare, me));
        }
    }
}

/// Has `arrival` served by a thread that is free, or by a new one.
///
/// # Errors
///
/// The operating system's, when it has no room for another thread. The arrival is dropped.
pub(super) fn employ(house: &Arc<House>, arrival: Arrival) -> io::Result<()> {
    let Some(arrival) = house.crew.hand_over(arrival) else { return Ok(()) };
    let (name, stack) = (house.protocol.thread_name(), house.options.stack_size);
    let house = Arc::clone(house);
    sync::spawn(name, stack, move || work(&house, arrival)).map(drop)
}

/// A thread's life. If serving panics, which handlers and callbacks cannot bring about, it ends.
fn work(house: &House, first: Arrival) {
    let me = Arc::new(Condvar::new());
    let mut next = Some(first);
    while let Some(Arrival { stream, remote, ticket }) = next {
        house.protocol.serve(stream, remote, ticket);
        next = house.crew.next(&me);
    }
}
