//! Interim responses that another thread than the handler's sends.

use std::io::{self, IoSlice};
use std::sync::Arc;

use http::{HeaderMap, StatusCode, Version};

use super::continues::Continue;
use super::reader::ConnReader;
use crate::h1;
use crate::handler::{InterimSender, SendInterim};
use crate::sync::Mutex;

/// The gate of a request, once another thread may send its interim responses.
#[derive(Default)]
pub(super) struct Interim(Option<Arc<InterimGate>>);

impl Interim {
    /// Returns a sender for other threads.
    pub(super) fn sender(
        &mut self,
        reader: &Arc<ConnReader>,
        continues: Option<&Arc<Continue>>,
    ) -> InterimSender {
        let new = || InterimGate::new(Arc::clone(reader), continues.cloned());
        let gate = Arc::clone(self.0.get_or_insert_with(new));
        InterimSender::new(gate)
    }

    /// Waits for an interim response of another thread. No other follows.
    #[inline]
    pub(super) fn close(&mut self) {
        if let Some(gate) = self.0.take() {
            gate.close();
        }
    }
}

/// The way of one request's interim responses to its connection, which the final head closes.
///
/// The lock is held while an interim response is written, so that the final head cannot come in between.
struct InterimGate {
    /// `None` once the final head was sent.
    open: Mutex<Option<Arc<ConnReader>>>,
    /// Set if the client waits for a 100.
    continues: Option<Arc<Continue>>,
}

impl InterimGate {
    fn new(reader: Arc<ConnReader>, continues: Option<Arc<Continue>>) -> Arc<Self> {
        Arc::new(Self { open: Mutex::new(Some(reader)), continues })
    }

    /// Waits for an interim response that is being written. There are none afterwards.
    fn close(&self) {
        *self.open.lock() = None;
    }
}

impl SendInterim for InterimGate {
    fn send(&self, status: StatusCode, headers: &HeaderMap) -> io::Result<bool> {
        let open = self.open.lock();
        let Some(reader) = &*open else { return Ok(false) };
        if let Some(continues) = self.continues.as_ref().filter(|_| status == StatusCode::CONTINUE)
        {
            continues.send(reader);
            return Ok(true);
        }
        let mut head = Vec::new();
        h1::write_response_head(&mut head, Version::HTTP_11, status, None, headers)
            .expect("a status with its standard reason");
        let sent = reader.stream().send_all(&mut [IoSlice::new(&head)]);
        sent.inspect_err(|error| reader.failed(error.kind()))?;
        Ok(true)
    }
}
