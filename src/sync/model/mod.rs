//! The primitives under a scheduler that chooses, at every operation on a lock, a Condvar, a channel
//! or an atomic, which thread goes on: a test run under [`explore`] sees thousands of orders instead
//! of the one that the machine happens to take, and a deadlock is a failure instead of a hang.
//!
//! The interfaces are those of parking_lot and crossbeam-channel, as far as this crate uses them.
//!
//! Time does not pass by itself here. A wait with a time limit either never ends by it, or ends by it
//! at any moment, as the test chooses: see [`clock`]. When such a limit ends a wait, the clock that
//! [`now`] shows has advanced to it.
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
pub(crate) use lock::{Condvar, Mutex, MutexGuard};
pub(crate) use shuttle::sync::atomic;

use std::io;

/// A thread, to be waited for.
pub(crate) type JoinHandle<T> = shuttle::thread::JoinHandle<T>;

/// Starts a thread; all have the stack that [`explore`] gives them.
pub(crate) fn spawn<F>(name: &str, _stack: Option<usize>, body: F) -> io::Result<JoinHandle<()>>
where
    F: FnOnce() + Send + 'static,
{
    shuttle::thread::Builder::new().name(name.to_owned()).spawn(body)
}

/// Runs code of the user's, which does not panic in models: a panic is a failure.
#[allow(clippy::unnecessary_wraps, reason = "the interface is the real one's")]
pub(crate) fn contain<T>(code: impl FnOnce() -> T) -> Option<T> {
    Some(code())
}

/// A static whose value is made anew for each run.
macro_rules! global {
    ($(#[$meta:meta])* static $name:ident: $type:ty = $value:expr;) => {
        shuttle::lazy_static! {
            $(#[$meta])*
            static ref $name: $type = $value;
        }
    };
}
pub(crate) use global;

/// A point at which another thread may go on.
fn switch() {
    // In a destructor that runs while a failed test unwinds, the order is of no more interest.
    if !std::thread::panicking() {
        shuttle::thread::sleep(std::time::Duration::ZERO);
    }
}
