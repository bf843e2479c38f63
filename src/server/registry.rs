//! The connections that a server has, so that it can count, close and wait for them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use super::{ConnState, Connection, Shared};
use crate::h1::CloseReason;
use crate::net::{Addr, Stream};
use crate::sync::{Condvar, Mutex};

/// All connections of one server.
pub(super) struct Registry {
    state: Mutex<State>,
    /// Goes with `state`. Predicates: no connection is left, nobody accepts. Notified when either
    /// count falls; waited for by `wait`.
    changed: Condvar,
}

struct State {
    entries: HashMap<u64, Arc<Entry>>,
    next: u64,
    /// How many accept loops run.
    accepting: usize,
    /// No new connections, and none is kept for a next request.
    stopping: bool,
}

struct Entry {
    stream: Stream,
    /// A [`Phase`]. Its changes decide the race between the next request and the shutdown.
    phase: AtomicU8,
}

/// What a connection is at, as far as shutting down is concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// Between two requests, or before the first: it may be closed.
    Idle,
    /// In a request, which may be finished.
    Active,
    /// It has been closed while it was idle.
    Closing,
}

impl Registry {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                entries: HashMap::new(),
                next: 0,
                accepting: 0,
                stopping: false,
            }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.state.lock().entries.len()
    }

    /// Enters a connection; `None` if the server is shutting down.
    pub(super) fn enter(shared: &Arc<Shared>, stream: &Stream, remote: &Addr) -> Option<Ticket> {
        let entry =
            Arc::new(Entry { stream: stream.clone(), phase: AtomicU8::new(Phase::Idle as u8) });
        let id = {
            let mut state = shared.registry.state.lock();
            if state.stopping {
                return None;
            }
            let id = state.next;
            state.next += 1;
            state.entries.insert(id, Arc::clone(&entry));
            id
        };
        let connection = Connection { id, remote: remote.clone() };
        shared.report(&connection, ConnState::New);
        Some(Ticket { shared: Arc::clone(shared), entry: Some(entry), connection })
    }

    /// An accept loop begins; `false` if the server is shutting down.
    pub(super) fn begin_accepting(&self) -> bool {
        let mut state = self.state.lock();
        if !state.stopping {
            state.accepting += 1;
        }
        !state.stopping
    }

    /// An accept loop has ended, and its listener is closed.
    pub(super) fn end_accepting(&self) {
        self.state.lock().accepting -= 1;
        self.changed.notify_all();
    }

    /// Lets no connection be entered from now on, and closes those that are between two requests.
    pub(super) fn stop(&self) {
        let entries: Vec<_> = {
            let mut state = self.state.lock();
            state.stopping = true;
            state.entries.values().cloned().collect()
        };
        for entry in entries {
            if entry.change(Phase::Idle, Phase::Closing) {
                entry.stream.close();
            }
        }
    }

    /// Closes every connection, whatever it is at.
    pub(super) fn close_all(&self) {
        let entries: Vec<_> = self.state.lock().entries.values().cloned().collect();
        for entry in entries {
            entry.stream.close();
        }
    }

    /// Blocks until no accept loop and no connection is left, at most until `deadline`. Whether
    /// that was reached.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        while state.accepting > 0 || !state.entries.is_empty() {
            match deadline {
                None => self.changed.wait(&mut state),
                Some(deadline) => {
                    if self.changed.wait_until(&mut state, deadline).timed_out() {
                        return state.accepting == 0 && state.entries.is_empty();
                    }
                }
            }
        }
        true
    }

    /// Blocks until no accept loop is left, so that the listener's port is free.
    pub(super) fn wait_for_listener(&self) {
        let mut state = self.state.lock();
        while state.accepting > 0 {
            self.changed.wait(&mut state);
        }
    }

    fn leave(&self, id: u64) {
        // The stream is dropped outside the lock.
        let entry = self.state.lock().entries.remove(&id);
        drop(entry);
        self.changed.notify_all();
    }
}

impl Entry {
    fn change(&self, from: Phase, to: Phase) -> bool {
        let (from, to) = (from as u8, to as u8);
        self.phase.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// A connection's place in the registry. However its thread ends, the place is given up, and the
/// last state is reported once.
pub(super) struct Ticket {
    shared: Arc<Shared>,
    /// `None` once it has been given up.
    entry: Option<Arc<Entry>>,
    connection: Connection,
}

impl Ticket {
    /// The first byte of a request is there. Fails if the server has just closed the connection.
    pub(super) fn active(&self) -> Result<(), CloseReason> {
        self.enter(Phase::Idle, Phase::Active, ConnState::Active)
    }

    /// The request has been answered. Fails if the server is shutting down.
    pub(super) fn idle(&self) -> Result<(), CloseReason> {
        self.enter(Phase::Active, Phase::Idle, ConnState::Idle)?;
        // `stop` may have looked at the phase before it became idle.
        if self.shared.is_stopping() && self.entry().change(Phase::Idle, Phase::Closing) {
            return Err(CloseReason::ShuttingDown);
        }
        Ok(())
    }

    fn enter(&self, from: Phase, to: Phase, state: ConnState) -> Result<(), CloseReason> {
        if !self.entry().change(from, to) {
            return Err(CloseReason::ShuttingDown);
        }
        self.shared.report(&self.connection, state);
        Ok(())
    }

    fn entry(&self) -> &Entry {
        self.entry.as_ref().expect("a ticket is given up last")
    }

    /// The connection belongs to its handler.
    pub(super) fn hijacked(mut self) {
        self.give_up(ConnState::Hijacked);
    }

    /// The connection is closed.
    pub(super) fn closed(mut self) {
        self.give_up(ConnState::Closed);
    }

    fn give_up(&mut self, last: ConnState) {
        if self.entry.take().is_some() {
            self.shared.report(&self.connection, last);
            self.shared.registry.leave(self.connection.id);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(entry) = &self.entry {
            entry.stream.close();
        }
        self.give_up(ConnState::Closed);
    }
}
