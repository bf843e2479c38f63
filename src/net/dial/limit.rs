//! The end of a dial that has not connected yet.

use std::sync::Arc;
use std::time::Instant;

use super::error::{DialError, Phase};
use crate::context::{Context, HookGuard};
use crate::net::wake::Waker;

/// The deadline and the context that end the connecting.
pub(super) struct Limit<'a> {
    deadline: Option<Instant>,
    context: &'a Context,
    /// Signalled when the context ends. Not the thread's waker, because the hook may still signal after
    /// the dial has returned.
    waker: Arc<Waker>,
    _hook: HookGuard,
}

impl<'a> Limit<'a> {
    pub(super) fn new(deadline: Option<Instant>, context: &'a Context) -> Result<Self, DialError> {
        let waker = Arc::new(Waker::new().map_err(DialError::System)?);
        let hooked = Arc::clone(&waker);
        let hook = context.on_done(move |_| hooked.signal());
        Ok(Self { deadline, context, waker, _hook: hook })
    }

    /// Returns the time at which [`check`](Self::check) begins to fail.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns the waker that the end of the context signals.
    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Fails if the context has ended, or if the deadline is not after `now`.
    pub(super) fn check(&self, now: Instant) -> Result<(), DialError> {
        if let Some(error) = self.context.err() {
            return Err(DialError::Cancelled(error));
        }
        match self.deadline.is_some_and(|deadline| deadline <= now) {
            true => Err(DialError::TimedOut(Phase::Connect)),
            false => Ok(()),
        }
    }
}
