//! The end of a connection: it is half-closed, read for at most 500 ms, and closed.

use std::time::Instant;

use super::conn::{Conn, Stage, State};
use crate::error::{Error, ErrorKind};
use crate::h1::CloseReason;
use crate::logging as log;
use crate::serving::{Disconnect, after, discard_rest};
use crate::sync::now;

impl Conn {
    /// Closes an idle connection that is ending. Called by the reader when it holds no part of a request.
    pub(super) fn end_if_idle(&self) {
        let mut state = self.state.lock();
        let waits = state.running == 0 && state.stage == Stage::Open && self.guard.is_ending();
        if !waits || self.stream.has_unread() {
            return;
        }
        match self.guard.first_request_deadline().filter(|until| !state.served && *until > now()) {
            Some(until) => {
                state.idle = state.idle.into_iter().chain([until]).min();
                self.arm(&state);
            }
            None => {
                state.stage = Stage::Last;
                self.settle(&mut state);
            }
        }
    }

    /// Chooses the next stage, if no request runs.
    pub(super) fn settle(&self, state: &mut State) {
        if state.running > 0 {
            return;
        }
        match state.stage {
            Stage::Open => state.idle = after(self.options().idle_timeout),
            Stage::Last => state.stage = Stage::Closing,
            Stage::Closing | Stage::Lingering => {}
            Stage::Unread => self.close(),
        }
        self.arm(state);
    }

    /// Ends the reader's next read at `moment`, or at an earlier deadline.
    pub(super) fn wake_reader_at(&self, moment: Option<Instant>) {
        let mut state = self.state.lock();
        state.reader = moment;
        self.arm(&state);
    }

    /// Sets the reader's deadline. Called under the lock, so that no earlier decision overwrites a later
    /// one.
    fn arm(&self, state: &State) {
        let deadline = match state.stage {
            Stage::Open | Stage::Last => state.idle.into_iter().chain(state.reader).min(),
            // At once, so that the reader leaves its loop.
            Stage::Closing => Some(now()),
            Stage::Lingering | Stage::Unread => return,
        };
        self.stream.set_read_deadline(deadline);
    }

    /// Returns `true` if the connection has waited too long for a request.
    pub(super) fn is_idle_too_long(&self) -> bool {
        self.state.lock().idle.is_some_and(|idle| idle <= now())
    }

    /// Stops processing records, if no request runs. Returns `true` in that case.
    pub(super) fn close_if_idle(&self) -> bool {
        let mut state = self.state.lock();
        if state.running == 0 {
            state.stage = Stage::Closing;
        }
        state.running == 0
    }

    /// Stops processing records, and fails the running requests. For a connection with a malformed record.
    pub(super) fn fail(&self, disconnect: Disconnect) {
        self.state.lock().stage = Stage::Closing;
        // Before the handlers are notified, which could end their requests as if they were complete.
        self.writer.end(CloseReason::Malformed);
        self.disconnect_all(disconnect);
    }

    /// Half-closes the connection, and discards what the web server sends, for at most
    /// [`LINGER`](crate::serving::LINGER).
    pub(super) fn linger(&self, reason: CloseReason) {
        self.state.lock().stage = Stage::Lingering;
        self.guard.closing();
        self.writer.end(reason);
        discard_rest(&self.stream);
    }

    /// Ends the reading of the connection. Running requests receive no more of their bodies.
    pub(super) fn end_reading(&self, disconnect: Disconnect, reason: CloseReason) {
        log::debug!("{}: connection closed: {reason}", self.remote);
        if reason == CloseReason::Malformed {
            // Its requests have failed, so their handlers need the connection no more.
            self.stream.close();
        }
        self.state.lock().stage = Stage::Unread;
        self.disconnect_all(disconnect);
        self.settle(&mut self.state.lock());
    }

    /// Ends the contexts of the running requests, and cuts off their bodies.
    fn disconnect_all(&self, disconnect: Disconnect) {
        for active in self.all_active() {
            active.signals.disconnected(disconnect);
            active.inbox.lose(Error::new(ErrorKind::IncompleteBody));
        }
    }

    /// Returns the reason why the stream is closed.
    pub(super) fn why_closed(&self) -> CloseReason {
        self.writer.closed().unwrap_or(CloseReason::ShuttingDown)
    }

    /// Returns `true` if no more records are processed.
    pub(super) fn is_closing(&self) -> bool {
        self.state.lock().stage == Stage::Closing
    }

    /// Returns `true` if no request is in progress.
    pub(super) fn is_idle(&self) -> bool {
        self.state.lock().running == 0
    }

    fn close(&self) {
        self.guard.closing();
        self.stream.close();
        self.guard.closed();
    }
}
