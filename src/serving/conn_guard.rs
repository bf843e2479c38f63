//! A connection's place in the registry, and what its thread reports to it.

use std::sync::Arc;
use std::time::Instant;

use super::conn_state::{ConnState, Connection};
use super::entry::{Entry, Phase};
use super::registry::{AdmitError, Registry};
use super::stats::counters::Counting;
use crate::h1::CloseReason;
use crate::net::{Addr, Stream, Woken};
use crate::sync::now;

/// A connection's place in the registry. However the connection ends, the guard gives the place up and
/// reports the last state once.
pub(crate) struct ConnGuard {
    registry: Arc<Registry>,
    entry: Arc<Entry>,
    connection: Connection,
    counting: Counting,
}

impl Registry {
    /// Adds a connection, which is served or [refused](ConnGuard::is_refused).
    ///
    /// # Errors
    ///
    /// The reason why the connection gets no thread.
    pub(super) fn admit(
        self: &Arc<Self>,
        stream: &Stream,
        remote: &Addr,
    ) -> Result<Arc<ConnGuard>, AdmitError> {
        let (id, entry) = self.enter(stream)?;
        let connection = Connection { id, remote: remote.clone() };
        let counting = self.counting(id);
        let guard = Arc::new(ConnGuard { registry: Arc::clone(self), entry, connection, counting });
        guard.report(ConnState::New);
        Ok(guard)
    }
}

impl ConnGuard {
    /// Returns `true` if the connection is one too many. It gets a refusal and is closed.
    pub(crate) fn is_refused(&self) -> bool {
        self.entry.refused
    }

    /// Returns the access to the server's numbers.
    pub(crate) fn counting(&self) -> &Counting {
        &self.counting
    }

    /// Returns `true` if the connection ends after the requests that have arrived on it.
    pub(crate) fn is_ending(&self) -> bool {
        self.registry.is_stopping() || self.is_leaving() || self.entry.is(Phase::Leaving)
    }

    /// Returns `true` if the connection ends after the current request, even if another one has arrived.
    pub(crate) fn is_leaving(&self) -> bool {
        self.entry.is_leaving()
    }

    /// Returns the deadline for the first request of a connection that is ending.
    pub(crate) fn first_request_deadline(&self) -> Option<Instant> {
        self.registry.first_request_deadline().filter(|_| !self.entry.is(Phase::Leaving))
    }

    /// Begins a TLS handshake. It has until `deadline`, and less if the server is shutting down.
    pub(crate) fn begin_handshake(&self, deadline: Option<Instant>) {
        self.entry
            .begin_handshake(|| deadline.into_iter().chain(self.first_request_deadline()).min());
    }

    /// Ends a TLS handshake that was successful.
    pub(crate) fn end_handshake(&self) {
        self.entry.end_handshake();
    }

    /// Blocks until a part of a request has arrived, at most until `limit`. `first`: the connection has
    /// served no request.
    ///
    /// # Errors
    ///
    /// The reason why the connection must be closed instead.
    pub(crate) fn await_request(
        &self,
        limit: Option<Instant>,
        first: bool,
    ) -> Result<(), CloseReason> {
        let stream = &self.entry.stream;
        if !self.entry.change(Phase::Idle, Phase::Parked) {
            return Err(self.close_reason());
        }
        loop {
            // The latch comes first: a shutdown sets it after it has begun.
            let latch = self.registry.latch();
            let spare = self.registry.first_request_deadline();
            if !self.entry.is(Phase::Parked) {
                return Err(self.close_reason());
            }
            if let Some(spare) = spare {
                if !first || spare <= now() {
                    return if stream.has_unread() {
                        self.unpark()
                    } else {
                        Err(self.close_reason())
                    };
                }
            }
            match stream.wait_idle(&latch, limit.into_iter().chain(spare).min()) {
                Ok(Woken::Readable) => return self.unpark(),
                Ok(Woken::Latched) => {}
                Err(error) if error.kind() != std::io::ErrorKind::TimedOut => {
                    return Err(CloseReason::IoFailed);
                }
                Err(_) if limit.is_some_and(|limit| limit <= now()) => {
                    return Err(CloseReason::IdleTooLong);
                }
                Err(_) => {}
            }
        }
    }

    fn unpark(&self) -> Result<(), CloseReason> {
        match self.entry.change(Phase::Parked, Phase::Idle) {
            true => Ok(()),
            false => Err(self.close_reason()),
        }
    }

    /// Returns the reason why an idle connection must be closed.
    #[cold]
    fn close_reason(&self) -> CloseReason {
        let stopping = self.registry.is_stopping() || self.entry.is_halted();
        if stopping { CloseReason::ShuttingDown } else { CloseReason::LimitReached }
    }

    /// Reports that the first byte of a request has been read.
    ///
    /// # Errors
    ///
    /// The reason why the server has just closed the connection.
    pub(crate) fn active(&self) -> Result<(), CloseReason> {
        if !self.entry.begin_request() {
            return Err(self.close_reason());
        }
        self.report(ConnState::Active);
        Ok(())
    }

    /// Reports that the response to the current request ends with the connection.
    pub(crate) fn unframed(&self) {
        self.entry.change(Phase::Active, Phase::Unframed);
    }

    /// Reports that the response has been sent.
    ///
    /// # Errors
    ///
    /// The reason why the connection must be closed.
    pub(crate) fn idle(&self) -> Result<(), CloseReason> {
        let is_open = self.entry.end_request();
        // Reported in any case, since the client may have its response already.
        self.report(ConnState::Idle);
        match is_open {
            true if self.is_leaving() => Err(CloseReason::LimitReached),
            true => Ok(()),
            false => Err(self.close_reason()),
        }
    }

    /// Reports that the handler has taken over the connection.
    pub(crate) fn hijacked(&self) {
        self.release(ConnState::Hijacked);
    }

    /// Returns `true` if the handler has taken over the connection, or it is closed.
    pub(crate) fn is_released(&self) -> bool {
        self.entry.is(Phase::Released)
    }

    /// Reports that the connection's thread is about to close it. Reverts what the server has done to the
    /// stream, so that it can be read to its end.
    pub(crate) fn closing(&self) {
        self.entry.linger();
    }

    /// Reports that the connection is closed.
    pub(crate) fn closed(&self) {
        self.release(ConnState::Closed);
    }

    fn release(&self, last: ConnState) {
        if self.entry.release() {
            if last == ConnState::Hijacked {
                self.registry.counters().taken_over();
            }
            self.report(last);
            self.registry.leave(self.connection.id);
        }
    }

    fn report(&self, state: ConnState) {
        self.registry.report(&self.connection, state);
    }
}

impl Drop for ConnGuard {
    /// Closes a connection whose thread was not started, or has panicked.
    fn drop(&mut self) {
        if !self.is_released() {
            self.entry.stream.close();
            self.closed();
        }
    }
}
