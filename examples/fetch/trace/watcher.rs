//! The observer of a request.

use std::sync::Arc;

use hangup::client::{CallEvent, CallId, Observe};
use hangup::http::StatusCode;
use parking_lot::Mutex;

use crate::trace::Tracer;
use crate::trace::heads::Heads;

/// Shows the steps of a request and keeps their facts.
pub(crate) struct Watcher {
    tracer: Arc<Tracer>,
    /// Where the proxy's heads are shown, unless `--suppress-connect-headers` hides them.
    heads: Option<Arc<Heads>>,
    facts: Mutex<Facts>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Facts {
    /// The size of all request heads, in bytes.
    pub(crate) request_heads: u64,
    /// The status of the proxy's response to CONNECT.
    pub(crate) connect_status: Option<StatusCode>,
}

impl Watcher {
    pub(crate) fn new(tracer: &Arc<Tracer>, heads: Option<Arc<Heads>>) -> Arc<Self> {
        Arc::new(Self { tracer: Arc::clone(tracer), heads, facts: Mutex::default() })
    }

    pub(crate) fn facts(&self) -> Facts {
        *self.facts.lock()
    }
}

impl Observe for Watcher {
    fn event(&self, _: CallId, event: &CallEvent<'_>) {
        match event {
            CallEvent::SentHead { head, .. } => {
                self.facts.lock().request_heads += head.len() as u64;
            }
            CallEvent::ProxyResponded { status, head, .. } => {
                self.facts.lock().connect_status = Some(*status);
                if let Some(heads) = &self.heads {
                    heads.see_proxy(head);
                }
            }
            _ => {}
        }
        if self.tracer.is_on() {
            self.tracer.step(event);
        }
    }
}
