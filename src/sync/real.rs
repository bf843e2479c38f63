//! The primitives as they are.

pub(crate) use crossbeam_channel as channel;
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
pub(crate) use std::sync::atomic;
pub(crate) use std::thread::JoinHandle;

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// Starts a thread called `name`.
///
/// `stack` is its stack size in bytes, the platform's default if `None`.
///
/// # Errors
///
/// The operating system's, when it has no room for another thread.
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

/// Runs code of the user's on a thread of ours. Returns `None` if it panicked.
///
/// The payload of a panic is the user's as well. A payload whose drop panics is contained too, and the
/// payload of that panic is leaked.
pub(crate) fn contain<T>(code: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(code)).map_err(discard).ok()
}

fn discard(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

/// The moment against which deadlines are held.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A static whose value holds locks. Its initial value must be constant.
macro_rules! global {
    ($(#[$meta:meta])* static $name:ident: $type:ty = $value:expr;) => {
        $(#[$meta])*
        static $name: $type = $value;
    };
}
pub(crate) use global;
