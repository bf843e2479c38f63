//! The log line of a handler that panicked.

use std::any::Any;

use crate::logging as log;
use crate::net::Addr;

/// Logs a panic that was caught. The process's panic hook, which ran on the panicking thread, has
/// told the place and, if it does so, the backtrace.
pub(super) fn log(remote: &Addr, payload: &(dyn Any + Send)) {
    log::error!("{remote}: a handler panicked: {}", message(payload));
}

fn message(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<String>() {
        Some(text) => text,
        None => payload.downcast_ref::<&str>().copied().unwrap_or("(not a text)"),
    }
}
