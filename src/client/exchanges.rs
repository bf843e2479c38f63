//! The exchanges of a call that may have reached a peer.

use crate::sync::atomic::{AtomicU64, Ordering};

/// Counts the exchanges of a call in which a byte of a request may have been sent.
///
/// An attempt whose last request could not connect may have sent others before: those that were
/// redirected, or that a middleware repeated.
#[derive(Default)]
pub(super) struct Exchanges(AtomicU64);

impl Exchanges {
    /// Counts an exchange.
    #[inline]
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number so far.
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Clone for Exchanges {
    /// Returns the count of another call, which has sent nothing.
    fn clone(&self) -> Self {
        Self::default()
    }
}
