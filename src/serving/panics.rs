//! What a panicking handler leaves in the log.
//!
//! A backtrace can only be taken while the panic unwinds, so the first server of a process puts a
//! hook of its own before the panic hook: it keeps the backtrace for those threads that are serving,
//! and then lets the hook that was there do what it does.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::sync::Once;

use crate::net::Addr;
use crate::text::escaped;

thread_local! {
    /// `None` on threads that serve no connection; the text of the latest panic otherwise.
    static LATEST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has panics on this thread remembered for [`log`].
pub(crate) fn remember() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let _ = LATEST.try_with(|latest| {
                if let Some(latest) = latest.borrow_mut().as_mut() {
                    let place = info.location().map(ToString::to_string).unwrap_or_default();
                    *latest = format!(" at {place}\n{}", Backtrace::force_capture());
                }
            });
            previous(info);
        }));
    });
    LATEST.with(|latest| *latest.borrow_mut() = Some(String::new()));
}

/// Logs the panic that was just caught on this thread.
pub(super) fn log(remote: &Addr, payload: &(dyn Any + Send)) {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(not a text)");
    let place =
        LATEST.with(|latest| latest.borrow_mut().replace(String::new())).unwrap_or_default();
    // The backtrace has lines of its own; the message must not.
    ::log::error!("{}{place}", escaped(format_args!("{remote}: a handler panicked: {message}")));
}
