//! The primitives of the libraries and the operating system.

pub(crate) use crossbeam_channel as channel;
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
pub(crate) use std::sync::atomic;
pub(crate) use std::thread::JoinHandle;

use std::io;
use std::time::{Duration, Instant};

/// Starts a thread called `name`.
///
/// `stack` is its stack size in bytes. `None` is the platform's default.
///
/// # Errors
///
/// Returns the operating system's error if it cannot start another thread.
pub(crate) fn spawn<F>(name: &str, stack: Option<usize>, body: F) -> io::Result<JoinHandle<()>>
where
    F: FnOnce() + Send + 'static,
{
    let mut builder = std::thread::Builder::new().name(name.to_owned());
    if let Some(bytes) = stack {
        builder = builder.stack_size(bytes);
    }
    builder.spawn(body)
}

/// Runs the user's code on one of the crate's threads. Returns `None` if it panics: see
/// [`unwind`](crate::unwind).
pub(crate) fn contain<T>(code: impl FnOnce() -> T) -> Option<T> {
    crate::unwind::contain(code, |_| {})
}

/// Returns the time to compare deadlines with.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Waits for `delay`, or until a notice of `changed` finds that `over` holds.
///
/// In a model a delay always passes, whether time limits expire there or not.
pub(crate) fn delay<T>(
    changed: &Condvar,
    guard: &mut MutexGuard<'_, T>,
    delay: Duration,
    over: impl Fn(&T) -> bool,
) {
    let until = now() + delay;
    while !over(guard) && !changed.wait_until(guard, until).timed_out() {}
}

/// A static whose value holds locks. Its initial value must be constant.
macro_rules! global {
    ($(#[$meta:meta])* static $name:ident: $type:ty = $value:expr;) => {
        $(#[$meta])*
        static $name: $type = $value;
    };
}
pub(crate) use global;
