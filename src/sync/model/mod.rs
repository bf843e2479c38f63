//! The primitives under a model scheduler.
//!
//! At every operation on a lock, a Condvar, a channel or an atomic, the scheduler chooses the thread that
//! runs next. A test under [`explore`] runs in thousands of orders instead of the one that the machine
//! happens to take, and a deadlock is a failure instead of a hang.
//!
//! The interfaces are those of parking_lot and crossbeam-channel, as far as this crate uses them.
//!
//! Time does not pass by itself. The test chooses whether a time limit never ends a wait, or may end it
//! at any moment: see [`clock`]. When a limit ends a wait, the clock of [`now`] has advanced to it.
#![allow(dead_code, reason = "only tests explore")]
#![allow(
    unreachable_pub,
    reason = "the crate's public interface names receivers, which are crossbeam's without models"
)]

pub(crate) mod channel;
mod clock;
pub(crate) mod explore;
mod lock;

pub(crate) use clock::now;
pub(crate) use lock::{Condvar, Mutex, MutexGuard};
pub(crate) use shuttle::sync::atomic;

use std::io;

/// The handle on a thread.
pub(crate) type JoinHandle<T> = shuttle::thread::JoinHandle<T>;

/// Starts a thread, with the stack size that [`explore`] sets.
pub(crate) fn spawn<F>(name: &str, _stack: Option<usize>, body: F) -> io::Result<JoinHandle<()>>
where
    F: FnOnce() + Send + 'static,
{
    shuttle::thread::Builder::new().name(name.to_owned()).spawn(body)
}

/// Runs the user's code. A panic fails the model.
#[allow(clippy::unnecessary_wraps, reason = "the interface is the real one's")]
pub(crate) fn contain<T>(code: impl FnOnce() -> T) -> Option<T> {
    Some(code())
}

/// A static whose value is created again for each run.
macro_rules! global {
    ($(#[$meta:meta])* static $name:ident: $type:ty = $value:expr;) => {
        shuttle::lazy_static! {
            $(#[$meta])*
            static ref $name: $type = $value;
        }
    };
}
pub(crate) use global;

/// Lets another thread run.
fn switch() {
    // While a failed test unwinds, the order of its destructors does not matter.
    if !std::thread::panicking() {
        shuttle::thread::sleep(std::time::Duration::ZERO);
    }
}
