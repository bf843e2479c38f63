//! The 100 (Continue) of one request.

use std::io;
use std::sync::Arc;

use super::reader::ConnReader;
use crate::logging as log;
use crate::sync::Mutex;

/// `Expect: 100-continue` of one request: whether the 100 was sent, or may still be sent.
///
/// The body and the response share it. The first read of the body sends the 100. The response's head makes
/// it too late.
pub(super) struct Continue(Mutex<ContinueState>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum ContinueState {
    Waiting,
    Sent,
    TooLate,
}

impl Continue {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(ContinueState::Waiting)))
    }

    /// Sends the 100, unless it was sent or the final head has been written.
    ///
    /// The lock is held while it is written, so that the final head cannot come in between. The write does
    /// not wait. A client that leaves no room for 25 bytes has sent more requests than it reads responses,
    /// and gets no 100. If there is room for a part of them only, the connection is closed.
    pub(super) fn send(&self, reader: &ConnReader) {
        let mut state = self.0.lock();
        if *state == ContinueState::Waiting {
            *state = ContinueState::Sent;
            let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
            match reader.stream().try_write_vectored(&[io::IoSlice::new(interim)]) {
                Ok(count) if count < interim.len() => reader.stream().close(),
                Ok(_) => {}
                Err(error) => log::debug!("cannot send 100 Continue: {error}"),
            }
        }
    }

    /// Notes that the handler has sent the 100 itself.
    pub(super) fn sent(&self) {
        let mut state = self.0.lock();
        if *state == ContinueState::Waiting {
            *state = ContinueState::Sent;
        }
    }

    /// Notes that the final head is about to be written. Returns `true` if the client may still wait for
    /// its 100, so that it will not send the body.
    ///
    /// `begun` returns whether some of the body has arrived, so that the client did not wait.
    pub(super) fn too_late(&self, begun: impl FnOnce() -> bool) -> bool {
        let mut state = self.0.lock();
        if *state == ContinueState::Waiting {
            let now = if begun() { ContinueState::Sent } else { ContinueState::TooLate };
            *state = now;
        }
        *state == ContinueState::TooLate
    }
}
