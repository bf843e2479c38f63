//! A signal that ends the waits of any number of idle streams at once.

use std::time::Duration;

use super::wake::Waker;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The interval at which a waiting thread checks a latch that has no descriptor.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// A signal with one descriptor for all idle connections of a server. Once set, it stays set.
#[derive(Debug)]
pub(crate) struct Latch {
    is_set: AtomicBool,
    /// `None` if the process had no descriptor left. Waits then check every [`CHECK_INTERVAL`].
    waker: Option<Waker>,
}

/// The outcome of [`Stream::wait_idle`](super::Stream::wait_idle).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// A read would not block.
    Readable,
    /// The latch is set.
    Latched,
}

impl Latch {
    pub(crate) fn new() -> Self {
        Self { is_set: AtomicBool::new(false), waker: Waker::new().ok() }
    }

    pub(crate) fn set(&self) {
        self.is_set.store(true, Ordering::SeqCst);
        if let Some(waker) = &self.waker {
            waker.signal();
        }
    }

    pub(super) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }

    /// Returns its descriptor, which becomes readable when the latch is set. `None` if it has none: a wait
    /// then checks [`is_set`](Self::is_set) every [`CHECK_INTERVAL`].
    pub(super) fn waker(&self) -> Option<&Waker> {
        self.waker.as_ref()
    }
}
