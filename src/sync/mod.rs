//! The one door to threads, locks, channels, and the clock that their waits look at.
//!
//! Everything that runs concurrently takes its primitives from here, so that every thread has a name,
//! and so that the model tests (`--cfg hangup_shuttle`) can put a scheduler of their own in the place
//! of the operating system's: see `model/mod.rs`.

#[cfg_attr(hangup_shuttle, path = "model/mod.rs")]
mod real;

pub(crate) use real::{
    Condvar, JoinHandle, Mutex, MutexGuard, atomic, channel, contain, global, now, spawn,
};

#[cfg(all(test, hangup_shuttle))]
pub(crate) use real::explore;
