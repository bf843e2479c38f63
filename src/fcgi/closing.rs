//! When a connection ends, and how: half-closed first, then read out for a bounded time, then closed.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::conn::{Conn, Stage, State};
use crate::error::{Error, ErrorKind};
use crate::h1::CloseReason;
use crate::logging as log;
use crate::serving::Gone;
use crate::sync::now;

/// How long a connection that is to be closed is still read from, so that the web server, which may
/// still be sending, sees no reset.
const LINGER: Duration = Duration::from_millis(500);

impl Conn {
    /// Closes an idle connection that is ending. The reader calls it, and holds nothing of a next request.
    pub(super) fn end_if_idle(&self) {
        let mut state = self.state.lock();
        let waits = state.running == 0 && state.stage == Stage::Open && self.guard.is_ending();
        if !waits || self.stream.has_unread() {
            return;
        }
        match self.guard.spare_until().filter(|until| !state.served && *until > now()) {
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

    /// Decides how the connection goes on, if no request runs.
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

    /// Ends the reader's next read at `moment`, or when something else is due.
    pub(super) fn wake_reader_at(&self, moment: Option<Instant>) {
        let mut state = self.state.lock();
        state.reader = moment;
        self.arm(&state);
    }

    /// Sets the reader's deadline. Under the lock, so that no earlier decision overwrites a later one.
    fn arm(&self, state: &State) {
        let deadline = match state.stage {
            Stage::Open | Stage::Last => state.idle.into_iter().chain(state.reader).min(),
            // At once: the reader has to leave its records.
            Stage::Closing => Some(now()),
            Stage::Lingering | Stage::Unread => return,
        };
        self.stream.set_read_deadline(deadline);
    }

    /// Returns whether the connection has waited too long for a request.
    pub(super) fn is_idle_too_long(&self) -> bool {
        self.state.lock().idle.is_some_and(|idle| idle <= now())
    }

    /// Takes no more records from now on, if no request runs. Returns `true` in that case.
    pub(super) fn close_if_idle(&self) -> bool {
        let mut state = self.state.lock();
        if state.running == 0 {
            state.stage = Stage::Closing;
        }
        state.running == 0
    }

    /// Takes no more records from now on, and gives up the requests that run. For a connection whose
    /// records cannot be understood.
    pub(super) fn give_up(&self, gone: Gone) {
        self.state.lock().stage = Stage::Closing;
        // Before their handlers hear of it, who would end them as if all were well.
        self.outlet.end(CloseReason::Malformed);
        self.lose_all(gone);
    }

    /// Ends our stream, and discards what the web server still sends, for [`LINGER`] at most.
    pub(super) fn linger(&self, reason: CloseReason) {
        self.state.lock().stage = Stage::Lingering;
        self.guard.closing();
        self.outlet.end(reason);
        self.stream.set_read_deadline(Some(now() + LINGER));
        let mut scratch = [0; 8 * 1024];
        loop {
            match (&self.stream).read(&mut scratch) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    }

    /// Ends the reading of the connection. Requests that run get no more of their bodies.
    pub(super) fn unread(&self, gone: Gone, reason: CloseReason) {
        log::debug!("{}: connection closed: {reason}", self.remote);
        if reason == CloseReason::Malformed {
            // Its requests have been given up, whatever their handlers still do.
            self.stream.close();
        }
        self.state.lock().stage = Stage::Unread;
        self.lose_all(gone);
        self.settle(&mut self.state.lock());
    }

    /// Cuts off the bodies of the requests that run.
    fn lose_all(&self, gone: Gone) {
        for active in self.all_active() {
            active.signals.gone(gone);
            active.inbox.lose(Error::new(ErrorKind::IncompleteBody));
        }
    }

    /// Returns why the stream is closed.
    pub(super) fn why_closed(&self) -> CloseReason {
        self.outlet.closed().unwrap_or(CloseReason::ShuttingDown)
    }

    /// Returns whether no more records are to be taken.
    pub(super) fn is_closing(&self) -> bool {
        self.state.lock().stage == Stage::Closing
    }

    /// Returns whether no request is in progress.
    pub(super) fn is_idle(&self) -> bool {
        self.state.lock().running == 0
    }

    fn close(&self) {
        self.guard.closing();
        self.stream.close();
        self.guard.closed();
    }
}

/// Returns the moment that is `limit` from now.
pub(super) fn after(limit: Option<Duration>) -> Option<Instant> {
    limit.and_then(|limit| now().checked_add(limit))
}
