//! The primitives under a scheduler that chooses the next thread at every operation on a lock, a Condvar, a
//! channel or an atomic. A test under [`explore`] sees thousands of orders, and a deadlock is a failure instead
//! of a hang.
//!
//! The interfaces are those of parking_lot and crossbeam-channel, as far as this crate uses them.
//!
//! Time does not pass by itself here. The test chooses whether time limits never expire or expire at any moment:
//! see [`clock`]. When a limit ends a wait, the clock of [`now`] has advanced to it.
#![allow(dead_code, reason = "without tests nobody asks for an exploration")]
#![allow(
    unreachable_pub,
    reason = "the public interface names receivers, which are crossbeam's there"
)]

pub(crate) mod channel;
mod clock;
pub(crate) mod explore;
mod lock;

pub(crate) use clock::now;
pub(crate) use lock::{Condvar, Mutex, MutexGuard, delay};
pub(crate) use shuttle::sync::atomic;

use std::io;

/// A handle to wait for a thread.
pub(crate) type JoinHandle<T> = shuttle::thread::JoinHandle<T>;

/// Starts a thread. All have the stack size that [`explore`] sets.
pub(crate) fn spawn<F>(name: &str, _stack: Option<usize>, body: F) -> io::Result<JoinHandle<()>>
where
    F: FnOnce() + Send + 'static,
{
    shuttle::thread::Builder::new().name(name.to_owned()).spawn(body)
}

/// Runs the user's code. It does not panic in models, where a panic is a failure.
#[allow(clippy::unnecessary_wraps, reason = "the interface is the real one's")]
pub(crate) fn contain<T>(code: impl FnOnce() -> T) -> Option<T> {
    Some(code())
}

/// A static with a new value for each run.
macro_rules! global {
    ($(#[$meta:meta])* static $name:ident: $type:ty = $value:expr;) => {
        shuttle::lazy_static! {
            $(#[$meta])*
            static ref $name: $type = $value;
        }
    };
}
pub(crate) use global;

/// Lets the scheduler run another thread.
fn switch() {
    // The order does not matter in a destructor that runs while a failed test unwinds.
    if !std::thread::panicking() {
        shuttle::thread::sleep(std::time::Duration::ZERO);
    }
}
