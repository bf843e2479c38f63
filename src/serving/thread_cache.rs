//! A cache of threads: a thread that has finished one job waits up to 1 s for the next.
//!
//! Each connection is served by one thread from its begin to its end. Starting and ending a thread costs
//! more than responding to a small request, so threads are reused for later connections.
//!
//! ```text
//!   accepting thread              ThreadCache                 a connection's thread
//!   ────────────────              ───────────                 ─────────────────────
//!   hand_over(job) ──▶ an idle thread? ── no ──────▶ a new thread runs the job
//!                          │ yes                              │ the job is done
//!                          ▼                                  ▼
//!                      handed: the job  ···············▶ next: a job in handed? ── yes ──▶ runs it
//!                      idle: one thread is removed            │ no
//!                            and notified                     ▼
//!                                 │                       idle: waits ── KEEP is over, the server stops,
//!                                 └──────────────────────────▶│          or MAX_IDLE wait ──▶ ends
//! ```
//!
//! Invariant: for each job in `handed`, a thread was removed from `idle` that looks there before it ends.
//! It does not matter which thread takes which job.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::sync::{self, Condvar, Mutex};

/// How long a thread waits for its next job. Under any load that makes the cost of threads felt, the next
/// connection comes within this time. After the load, memory and thread-local values are freed soon.
const KEEP: Duration = Duration::from_secs(1);

/// How many threads wait at most. Each keeps the memory that its stack has touched, 12 KiB with small
/// handlers. More threads than this are idle only after a burst.
const MAX_IDLE: usize = 128;

/// The idle threads of one server, and the jobs for them.
pub(super) struct ThreadCache<J> {
    state: Mutex<State<J>>,
}

struct State<J> {
    /// Jobs that were handed over and that no thread has taken yet.
    handed: VecDeque<J>,
    /// The threads that wait. The last one in is the first one out: its memory is still in the processor's
    /// caches, and threads that are not needed reach the end of their wait. Each Condvar goes with this
    /// state. Predicate: the Condvar is not in here. Notified by `hand_over` and `end_idle`.
    idle: Vec<Arc<Condvar>>,
}

impl<J> Default for ThreadCache<J> {
    fn default() -> Self {
        Self { state: Mutex::new(State { handed: VecDeque::new(), idle: Vec::new() }) }
    }
}

impl<J> ThreadCache<J> {
    /// Hands `job` to an idle thread. Returns it if there is none.
    pub(super) fn hand_over(&self, job: J) -> Result<(), J> {
        let thread = {
            let mut state = self.state.lock();
            let Some(thread) = state.idle.pop() else { return Err(job) };
            state.handed.push_back(job);
            thread
        };
        thread.notify_one();
        Ok(())
    }

    /// Blocks until a job is handed over, for at most [`KEEP`]. Returns `None` if the thread must end: at
    /// once, if no job is there and `is_kept` returns `false`.
    ///
    /// `is_kept` is called under the lock. Once its value has changed to `false`, the caller must call
    /// [`end_idle`](Self::end_idle). `thread` identifies the calling thread.
    pub(super) fn next(&self, thread: &Arc<Condvar>, is_kept: impl Fn() -> bool) -> Option<J> {
        let until = sync::now() + KEEP;
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.handed.pop_front() {
                return Some(job);
            }
            if !is_kept() || state.idle.len() >= MAX_IDLE || sync::now() >= until {
                return None;
            }
            state.idle.push(Arc::clone(thread));
            thread.wait_until(&mut state, until);
            state.idle.retain(|idle| !Arc::ptr_eq(idle, thread));
        }
    }

    /// Wakes all idle threads. They end, unless a job was handed over.
    pub(super) fn end_idle(&self) {
        let idle = std::mem::take(&mut self.state.lock().idle);
        for thread in idle {
            thread.notify_one();
        }
    }
}
