//! The threads that serve connections.
//!
//! A connection has one thread from its begin to its end, but not one of its own making: to start and to
//! end a thread costs more than to answer a small request. So a thread whose connection has ended is a
//! *spare* for a moment, and is handed the next one.
//!
//! ```text
//!   accepting thread             ThreadCache                         a connection's thread
//!   ────────────────             ────                         ─────────────────────
//!   dispatch(accepted) ──▶ a spare? ── no ─────────────────────▶ new: serves the accepted
//!                          │ yes                                     │ its connection has ended
//!                          ▼                                         ▼
//!                       handed: the accepted ················▶ one handed? ── yes ──▶ serves it
//!                       idle: one is taken off, and called         │ no
//!                                           │                        ▼
//!                                           └───────────────▶ idle: waits ── KEEP is over, dismissed,
//!                                                                              too many ──▶ ends
//! ```
//!
//! Invariant: for each accepted in `handed` some thread has been taken off `idle` that will look there
//! before it ends. Which of them finds it first does not matter.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{ConnGuard, ServerCore};
use crate::net::{Addr, Stream};
use crate::sync::{self, Condvar, Mutex};

/// How long a thread waits for a next connection: long enough to be there under any load that makes the
/// cost of threads felt, short enough for memory and thread-locals not to stay long after it.
const KEEP: Duration = Duration::from_secs(1);

/// How many threads wait at most. Each keeps what its stack has touched, 12 KiB with handlers that take
/// little. Only after a burst would more of them be free at once.
const MAX_IDLE: usize = 128;

/// A connection that was accepted and entered, and nobody serves yet.
pub(super) struct Accepted {
    pub(super) stream: Stream,
    pub(super) remote: Addr,
    pub(super) guard: Arc<ConnGuard>,
}

/// The threads of one server that serve its connections.
#[derive(Default)]
pub(super) struct ThreadCache {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What has been handed over and not been taken up.
    handed: VecDeque<Accepted>,
    /// The threads that wait. Who came last is called first: its memory is still near, and those that
    /// are not needed see their time run out. Each Condvar goes with this state; its predicate is that
    /// its thread is not in here, and `dispatch` and `stop` notify it.
    idle: Vec<Arc<Condvar>>,
    /// Whether connections are still accepted, so that it is worth to wait for one.
    keeps: bool,
}

impl ThreadCache {
    /// From now on threads that are free wait for a next connection.
    pub(super) fn keep(&self) {
        self.state.lock().keeps = true;
    }

    /// Has the threads that wait end at once, and no other wait from now on.
    pub(super) fn stop(&self) {
        let idle = {
            let mut state = self.state.lock();
            state.keeps = false;
            std::mem::take(&mut state.idle)
        };
        for spare in idle {
            spare.notify_one();
        }
    }

    /// Hands `accepted` to a thread that waits; gives it back if there is none.
    fn hand_over(&self, accepted: Accepted) -> Option<Accepted> {
        let called = {
            let mut state = self.state.lock();
            let Some(called) = state.idle.pop() else { return Some(accepted) };
            state.handed.push_back(accepted);
            called
        };
        called.notify_one();
        None
    }

    /// Waits for an accepted to be handed over; `None` if the thread is to end. `me` is what it is called
    /// by.
    fn next(&self, me: &Arc<Condvar>) -> Option<Accepted> {
        let until = sync::now() + KEEP;
        let mut state = self.state.lock();
        loop {
            if let Some(accepted) = state.handed.pop_front() {
                return Some(accepted);
            }
            if !state.keeps || state.idle.len() >= MAX_IDLE || sync::now() >= until {
                return None;
            }
            state.idle.push(Arc::clone(me));
            me.wait_until(&mut state, until);
            state.idle.retain(|spare| !Arc::ptr_eq(spare, me));
        }
    }
}

/// Has `accepted` served by a thread that is free, or by a new one.
///
/// # Errors
///
/// The operating system's, when it has no room for another thread. The accepted is dropped.
pub(super) fn dispatch(core: &Arc<ServerCore>, accepted: Accepted) -> io::Result<()> {
    let Some(accepted) = core.threads.hand_over(accepted) else { return Ok(()) };
    let (name, stack) = (core.protocol.thread_name(), core.options.stack_size);
    let core = Arc::clone(core);
    sync::spawn(name, stack, move || work(&core, accepted)).map(drop)
}

/// A thread's life. If serving panics, which handlers and callbacks cannot bring about, it ends.
fn work(core: &ServerCore, first: Accepted) {
    let me = Arc::new(Condvar::new());
    let mut next = Some(first);
    while let Some(Accepted { stream, remote, guard }) = next {
        core.protocol.serve(stream, remote, guard);
        next = core.threads.next(&me);
    }
}
