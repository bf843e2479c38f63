//! The only source of threads, locks and channels, and of the clock for their time limits.
//!
//! All concurrent code takes its primitives from here. Every thread therefore has a name, and the model tests
//! (`--cfg hangup_shuttle`) can replace the operating system's scheduler: see `model/mod.rs`.

mod exclusive;
#[cfg_attr(hangup_shuttle, path = "model/mod.rs")]
mod real;

pub(crate) use exclusive::Exclusive;

pub(crate) use real::{
    Condvar, JoinHandle, Mutex, MutexGuard, atomic, channel, contain, delay, global, now, spawn,
};

#[cfg(all(test, hangup_shuttle))]
pub(crate) use real::explore;
