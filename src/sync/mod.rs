//! The one door to threads, locks, channels, and the clock that their waits look at.
//!
//! Everything that runs concurrently takes its primitives from here, so that every thread has a name,
//! and so that the model tests (`--cfg hangup_shuttle`) can put a scheduler of their own in the place
//! of the operating system's: see `model/mod.rs`.

#[cfg_attr(hangup_shuttle, path = "model/mod.rs")]
mod real;

pub(crate) use real::{
    Condvar, JoinHandle, Mutex, MutexGuard, atomic, channel, global, now, spawn,
};

#[cfg(all(test, hangup_shuttle))]
pub(crate) use real::explore;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code of the user's on a thread of ours. Returns `None` if it panicked.
///
/// The payload of a panic is the user's as well. A payload whose drop panics is contained too, and the
/// payload of that panic is leaked.
pub(crate) fn contain<T>(code: impl FnOnce() -> T) -> Option<T> {
    let outcome = catch_unwind(AssertUnwindSafe(code));
    outcome.map_err(discard).ok()
}

fn discard(payload: Box<dyn std::any::Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}
