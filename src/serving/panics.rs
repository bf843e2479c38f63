//! The log line of a handler that panicked.

use std::any::Any;

use crate::logging as log;
use crate::net::Addr;

/// Logs a panic that was caught. The panic hook of the process has run before on the panicking thread. It
/// prints the location and, if enabled, the backtrace.
pub(super) fn log(remote: &Addr, payload: &(dyn Any + Send)) {
    log::error!("{remote}: handler panicked: {}", message(payload));
}

fn message(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<String>() {
        Some(text) => text,
        None => payload.downcast_ref::<&str>().copied().unwrap_or("(payload is not a string)"),
    }
}
