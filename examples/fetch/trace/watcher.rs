//! The observer of a request.

use std::sync::Arc;

use hangup::client::{CallEvent, CallId, Observe};
use parking_lot::Mutex;

use crate::trace::Tracer;

/// Shows the steps of a request and keeps their facts.
pub(crate) struct Watcher {
    tracer: Arc<Tracer>,
    facts: Mutex<Facts>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Facts {
    /// The size of all request heads, in bytes.
    pub(crate) request_heads: u64,
}

impl Watcher {
    pub(crate) fn new(tracer: &Arc<Tracer>) -> Arc<Self> {
        Arc::new(Self { tracer: Arc::clone(tracer), facts: Mutex::default() })
    }

    pub(crate) fn facts(&self) -> Facts {
        *self.facts.lock()
    }
}

impl Observe for Watcher {
    fn event(&self, _: CallId, event: &CallEvent<'_>) {
        if let CallEvent::SentHead { head, .. } = event {
            self.facts.lock().request_heads += head.len() as u64;
        }
        if self.tracer.is_on() {
            self.tracer.step(event);
        }
    }
}
