//! The thread that ends contexts at their deadlines.
//!
//! Blocking calls of this crate wait no longer than to the deadline, and need no timer. The thread serves
//! [`Context::done`](super::Context::done), on which a user may wait without looking at the clock. It is
//! called `hangup-timer`, starts with the first such wait, and ends when its list has been empty for
//! [`LINGER`].

use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::{Duration, Instant};

use crate::logging as log;
use crate::sync::{Condvar, Mutex, global, now, spawn};

/// How long the thread waits for the next deadline before it ends. Long enough that a program with one
/// context for each call does not start a thread for each.
const LINGER: Duration = Duration::from_secs(1);

global! {
    static TIMER: Timer = Timer::new();
}

struct Timer {
    timers: Mutex<Timers>,
    /// Goes with `timers`. Predicate: an entry is earlier than `wakes`. Notified by `schedule`; waited on by the
    /// thread.
    changed: Condvar,
}

struct Timers {
    entries: BTreeMap<(Instant, u64), Weak<dyn Expire>>,
    next: u64,
    running: bool,
    /// When the thread looks at the list again by itself. `None` while it does so, or does not run.
    wakes: Option<Instant>,
}

impl Timer {
    const fn new() -> Self {
        let timers = Timers { entries: BTreeMap::new(), next: 0, running: false, wakes: None };
        Self { timers: Mutex::new(timers), changed: Condvar::new() }
    }
}

/// A value that ends at a deadline.
pub(super) trait Expire: Send + Sync {
    /// Runs on the timer's thread, without its lock.
    fn expire(&self);
}

/// An entry in the timer's list. Dropping it removes the entry.
pub(super) struct TimerGuard((Instant, u64));

impl Drop for TimerGuard {
    fn drop(&mut self) {
        TIMER.timers.lock().entries.remove(&self.0);
    }
}

/// Adds `node` to the list, to be ended at `deadline`.
pub(super) fn schedule(deadline: Instant, node: Weak<dyn Expire>) -> TimerGuard {
    let mut timers = TIMER.timers.lock();
    let key = (deadline, timers.next);
    timers.next += 1;
    timers.entries.insert(key, node);
    if !timers.running {
        match spawn("hangup-timer", None, run) {
            Ok(_) => timers.running = true,
            Err(error) => {
                log::error!("cannot start the timer thread, deadlines will be late: {error}")
            }
        }
    } else if timers.wakes.is_some_and(|wakes| deadline < wakes) {
        // Not for each first entry: contexts that end before their deadlines come and go.
        timers.wakes = None;
        TIMER.changed.notify_one();
    }
    TimerGuard(key)
}

fn run() {
    let mut timers = TIMER.timers.lock();
    loop {
        let now = now();
        match timers.entries.first_key_value().map(|(&(at, _), _)| at) {
            Some(at) if at <= now => {
                let (_, node) = timers.entries.pop_first().expect("it was looked at");
                // Ending a context calls hooks and takes the lock to drop its guard.
                drop(timers);
                if let Some(node) = node.upgrade() {
                    node.expire();
                }
                timers = TIMER.timers.lock();
            }
            Some(at) => {
                timers.wakes = Some(at);
                TIMER.changed.wait_until(&mut timers, at);
                timers.wakes = None;
            }
            None => {
                timers.wakes = now.checked_add(LINGER);
                let timed_out = TIMER.changed.wait_for(&mut timers, LINGER).timed_out();
                timers.wakes = None;
                if timed_out && timers.entries.is_empty() {
                    timers.running = false;
                    return;
                }
            }
        }
    }
}
