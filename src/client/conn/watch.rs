//! The parties that watch an exchange: the callbacks for heads, the observers of the call, and the measure of
//! its speed.

use std::sync::Arc;

use crate::body::Body;
use crate::client::observe::{CallEvent, Trace};
use crate::client::raw_head::{OnInformational, OnRawHead};
use crate::client::speed::Speed;

/// The parties that watch the exchange of a call.
pub(super) struct Watch {
    pub(super) on_informational: Option<OnInformational>,
    pub(super) on_raw_head: Option<OnRawHead>,
    /// The call, if it is observed.
    pub(super) trace: Option<Trace>,
    /// Measures the speed, if it is limited.
    pub(super) speed: Option<Arc<Speed>>,
}

/// A request that is being sent, for the parties that watch it.
pub(super) struct Sending {
    trace: Option<Trace>,
    speed: Option<Arc<Speed>>,
    /// The head, as it goes out. Empty without observers.
    head: Vec<u8>,
    /// How many bytes the request has, if the length of its body is known.
    length: u64,
}

impl Sending {
    pub(super) fn new(watch: &Watch, head: &[u8], body: &Body) -> Self {
        let Watch { trace, speed, .. } = watch;
        let shown = if trace.is_some() { head } else { &[] };
        let length = head.len() as u64 + body.len().unwrap_or(0);
        Self { trace: trace.clone(), speed: speed.clone(), head: shown.to_vec(), length }
    }

    /// Returns the measure of the speed.
    pub(super) fn speed(&self) -> Option<&Arc<Speed>> {
        self.speed.as_ref()
    }

    /// Shows that the head was sent.
    pub(super) fn show_head(&self) {
        if let Some(trace) = &self.trace {
            trace.show(&CallEvent::SentHead { head: &self.head });
        }
    }

    /// Shows the end of a request of which `written` bytes were sent, its head included.
    pub(super) fn show_end(&self, written: u64) {
        if let Some(trace) = &self.trace {
            let bytes = written.saturating_sub(self.head.len() as u64);
            trace.show(&CallEvent::SentBody { bytes });
        }
    }

    /// Records that a request of known length was sent by one write.
    pub(super) fn sent_at_once(&self) {
        self.show_head();
        self.show_end(self.length);
        if let Some(speed) = &self.speed {
            speed.count(self.length);
        }
    }
}
