//! Catching panics of the user's code, including those of their payloads.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::logging as log;

/// Runs `call`. If it panics, calls `report` with the payload and returns `None`. A panic of `report`, or
/// of the payload's drop, is caught as well.
pub(crate) fn contain<T>(
    call: impl FnOnce() -> T,
    report: impl FnOnce(&(dyn Any + Send)),
) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(payload) => {
            discard(payload, report);
            None
        }
    }
}

#[cold]
fn discard(payload: Box<dyn Any + Send>, report: impl FnOnce(&(dyn Any + Send))) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| report(&*payload))) {
        drop_payload(payload);
    }
    drop_payload(payload);
}

/// Drops a payload. If the drop panics, the payload of that panic is leaked, because its drop might panic
/// too.
fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        log::error!("panic payload panicked in its drop");
        std::mem::forget(another);
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::panic_any(Self);
        }
    }

    #[test]
    fn no_panic_escapes() {
        assert_eq!(contain(|| 7, |_| {}), Some(7));
        let mut reported = 0;
        let call = || std::panic::panic_any(Bomb);
        assert_eq!(contain::<()>(call, |_| reported += 1), None);
        assert_eq!(reported, 1);
        let report = |_: &(dyn Any + Send)| std::panic::panic_any(Bomb);
        assert_eq!(contain::<()>(|| std::panic::panic_any(Bomb), report), None);
    }
}
