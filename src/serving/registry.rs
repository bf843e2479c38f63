//! The connections that a server has, so that it can count, close and wait for them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::{ConnState, Connection, House};
use crate::h1::CloseReason;
use crate::net::{Addr, Stream};
use crate::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use crate::sync::{Condvar, Mutex};

/// How many connections beyond the maximum may be told so at the same time; the others are closed
/// without a word.
const MAX_REFUSALS: usize = 16;

/// All connections of one server.
pub(super) struct Registry {
    state: Mutex<State>,
    /// Goes with `state`. Predicates: no connection is left, nobody accepts. Notified when either
    /// count falls; waited for by `wait`.
    changed: Condvar,
    /// No new connections, and none is kept for a next request. Set under the lock; beside it, since every
    /// request looks.
    stopping: AtomicBool,
}

struct State {
    entries: HashMap<u64, Arc<Entry>>,
    /// How many of them are only told that there are too many. They take no room from the others.
    refused: usize,
    next: u64,
    /// How many accept loops run.
    accepting: usize,
}

struct Entry {
    stream: Stream,
    /// Whether it is only told that there are too many.
    refused: bool,
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
    /// As `Active`, with an answer that ends with the connection: breaking it off must not look like
    /// its end.
    Unframed,
    /// It has been closed while it was idle.
    Closing,
    /// It has left the registry: closed, or handed over to its handler.
    Gone,
}

impl Registry {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State { entries: HashMap::new(), refused: 0, next: 0, accepting: 0 }),
            changed: Condvar::new(),
            stopping: AtomicBool::new(false),
        }
    }

    /// How many connections are served.
    pub(super) fn count(&self) -> usize {
        self.state.lock().served()
    }

    /// An accept loop begins; `false` if the server is shutting down.
    pub(super) fn begin_accepting(&self) -> bool {
        let mut state = self.state.lock();
        let accepts = !self.is_stopping();
        state.accepting += usize::from(accepts);
        accepts
    }

    /// Whether the server is shutting down.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// An accept loop has ended, and its listener is closed.
    pub(super) fn end_accepting(&self) {
        self.state.lock().accepting -= 1;
        self.changed.notify_all();
    }

    /// Lets no connection be entered from now on, and closes those that are between two requests.
    pub(super) fn stop(&self) {
        let entries: Vec<_> = {
            let state = self.state.lock();
            self.stopping.store(true, Ordering::SeqCst);
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
            if entry.phase.load(Ordering::Acquire) == Phase::Unframed as u8 {
                entry.stream.reset();
            } else {
                entry.stream.close();
            }
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
        let entry = {
            let mut state = self.state.lock();
            let entry = state.entries.remove(&id);
            state.refused -= usize::from(entry.as_ref().is_some_and(|entry| entry.refused));
            entry
        };
        // The stream is dropped outside the lock.
        drop(entry);
        self.changed.notify_all();
    }
}

impl House {
    /// Enters a connection, to be served or [to be refused](Ticket::is_refused). `None` if it can
    /// only be closed: the server is shutting down, or busy with refusing.
    pub(crate) fn admit(self: &Arc<Self>, stream: &Stream, remote: &Addr) -> Option<Arc<Ticket>> {
        let (id, entry) = self.registry.state.lock().admit(self, stream)?;
        let connection = Connection { id, remote: remote.clone() };
        let ticket = Arc::new(Ticket { house: Arc::clone(self), entry, connection });
        ticket.report(ConnState::New);
        Some(ticket)
    }
}

impl State {
    fn served(&self) -> usize {
        self.entries.len() - self.refused
    }

    fn admit(&mut self, house: &House, stream: &Stream) -> Option<(u64, Arc<Entry>)> {
        let refused = house.options.max_connections.is_some_and(|most| self.served() >= most);
        if house.registry.is_stopping() || (refused && self.refused >= MAX_REFUSALS) {
            return None;
        }
        let phase = AtomicU8::new(Phase::Idle as u8);
        let entry = Arc::new(Entry { stream: stream.clone(), refused, phase });
        let id = self.next;
        self.next += 1;
        self.refused += usize::from(refused);
        self.entries.insert(id, Arc::clone(&entry));
        Some((id, entry))
    }
}

impl Entry {
    /// In one order with `stopping`: either `Registry::stop` sees that a connection has become idle, or
    /// that connection sees `stopping`.
    fn change(&self, from: Phase, to: Phase) -> bool {
        let (from, to) = (from as u8, to as u8);
        self.phase.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// A connection's place in the registry, shared by all that belongs to the connection. However that
/// ends, the place is given up, and the last state is reported once.
pub(crate) struct Ticket {
    house: Arc<House>,
    entry: Arc<Entry>,
    connection: Connection,
}

impl Ticket {
    /// Whether the connection is one too many, to be told so and closed.
    pub(crate) fn is_refused(&self) -> bool {
        self.entry.refused
    }

    /// Whether the request at hand is the connection's last because the server is shutting down.
    pub(crate) fn is_last_request(&self) -> bool {
        self.house.registry.is_stopping()
    }

    /// The first byte of a request is there. Fails if the server has just closed the connection.
    pub(crate) fn active(&self) -> Result<(), CloseReason> {
        self.enter(Phase::Idle, Phase::Active, ConnState::Active)
    }

    /// The answer to the request at hand ends with the connection.
    pub(crate) fn unframed(&self) {
        self.entry.change(Phase::Active, Phase::Unframed);
    }

    /// The request has been answered. Fails if the server is shutting down.
    pub(crate) fn idle(&self) -> Result<(), CloseReason> {
        self.enter(Phase::Active, Phase::Idle, ConnState::Idle)?;
        // `stop` may have looked at the phase before it became idle.
        if self.house.registry.is_stopping() && self.entry.change(Phase::Idle, Phase::Closing) {
            return Err(CloseReason::ShuttingDown);
        }
        Ok(())
    }

    fn enter(&self, from: Phase, to: Phase, state: ConnState) -> Result<(), CloseReason> {
        if !self.entry.change(from, to) {
            return Err(CloseReason::ShuttingDown);
        }
        self.report(state);
        Ok(())
    }

    /// The connection belongs to its handler from now on.
    pub(crate) fn hijacked(&self) {
        self.give_up(ConnState::Hijacked);
    }

    /// The connection is closed.
    pub(crate) fn closed(&self) {
        self.give_up(ConnState::Closed);
    }

    fn give_up(&self, last: ConnState) {
        if self.entry.phase.swap(Phase::Gone as u8, Ordering::AcqRel) != Phase::Gone as u8 {
            self.report(last);
            self.house.registry.leave(self.connection.id);
        }
    }

    fn report(&self, state: ConnState) {
        self.house.report(&self.connection, state);
    }
}

impl Drop for Ticket {
    /// Nothing is left that could close the connection: its thread was not started, or panicked.
    fn drop(&mut self) {
        if self.entry.phase.load(Ordering::Acquire) != Phase::Gone as u8 {
            self.entry.stream.close();
            self.closed();
        }
    }
}
