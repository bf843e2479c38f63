//! The one door to threads, locks and channels.
//!
//! Everything that runs concurrently takes its primitives from here, so that the model tests can
//! put a scheduler of their own in their place (`--cfg hangup_shuttle`), and so that every thread
//! has a name.

pub(crate) use crossbeam_channel as channel;
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};

use std::io;
use std::thread::JoinHandle;

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
