//! A request that has begun and not ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::inbox::Inbox;
use crate::serving::Signals;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// A request that has begun and not ended. The connection shares it with the request's handler.
pub(super) struct ActiveRequest {
    pub(super) id: u16,
    pub(super) inbox: Inbox,
    pub(super) signals: Arc<Signals>,
    /// The request has ended: its handler has returned, or the web server has aborted it. The thread that
    /// sets this writes the end.
    over: AtomicBool,
    /// Its error stream was written to, and must be ended too.
    has_errors: AtomicBool,
    /// The deadline for the response and the error stream.
    write_deadline: Mutex<Option<Instant>>,
}

impl ActiveRequest {
    /// `body_idle`: how long the handler waits for more of the body.
    pub(super) fn new(id: u16, body_idle: Option<Duration>) -> Arc<Self> {
        Arc::new(Self {
            id,
            inbox: Inbox::new(body_idle),
            signals: Arc::default(),
            over: AtomicBool::new(false),
            has_errors: AtomicBool::new(false),
            write_deadline: Mutex::new(None),
        })
    }

    pub(super) fn write_deadline(&self) -> Option<Instant> {
        *self.write_deadline.lock()
    }

    pub(super) fn set_write_deadline(&self, deadline: Option<Instant>) {
        *self.write_deadline.lock() = deadline;
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Returns `true` if the error stream was written to.
    pub(super) fn has_errors(&self) -> bool {
        self.has_errors.load(Ordering::Acquire)
    }

    pub(super) fn set_has_errors(&self) {
        self.has_errors.store(true, Ordering::Release);
    }

    /// Ends the request. Returns `false` if it has ended before.
    pub(super) fn end(&self) -> bool {
        !self.over.swap(true, Ordering::AcqRel)
    }
}
