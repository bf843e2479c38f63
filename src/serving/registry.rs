//! The connections of a server, to count, close and wait for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::conn_state::{ConnState, Connection, OnState};
use super::entry::{Entry, EntryStage, Wake};
use super::evict;
use super::lifecycle::{Lifecycle, Stage};
use super::stats::counters::{Counters, Counting};
use super::stats::snapshot::Connections;
use crate::logging as log;
use crate::net::{Latch, Listener, Stream};
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Condvar, Mutex, now};
use crate::unwind::contain;

/// How many connections beyond the maximum get a thread for their refusal. Further ones get what can be
/// written without blocking.
const MAX_REFUSALS: usize = 16;

/// The connections of one server.
pub(super) struct Registry {
    state: Mutex<State>,
    /// Goes with `state`. Predicates: no connection is left, no accept loop runs, a shutdown has begun, the
    /// grace is over. Notified when one of them may have changed.
    changed: Condvar,
    /// The [`Stage`] of `state.lifecycle`, for threads that must not take the lock: every request reads it.
    /// Written under the lock.
    stage: AtomicU8,
    max_connections: Option<usize>,
    on_state: Option<OnState>,
    counters: Arc<Counters>,
    wake: Wake,
    /// The moment from which idle times count.
    epoch: Instant,
}

struct State {
    entries: HashMap<u64, Arc<Entry>>,
    /// How many entries are refused connections. They do not count towards the maximum.
    refused: usize,
    /// The evicted connections. They do not count either.
    leaving: Vec<Arc<Entry>>,
    next_id: u64,
    /// Wakes the threads of idle connections. Each use replaces it.
    latch: Arc<Latch>,
    lifecycle: Lifecycle,
}

/// The reason why a connection is not admitted, not even to be refused by a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AdmitError {
    /// The server is shutting down.
    ShuttingDown,
    /// [`MAX_REFUSALS`] others are being refused.
    Overloaded,
}

impl Registry {
    pub(super) fn new(
        max_connections: Option<usize>,
        on_state: Option<OnState>,
        counters: Arc<Counters>,
        wake: Wake,
    ) -> Arc<Self> {
        let state = State {
            entries: HashMap::new(),
            refused: 0,
            leaving: Vec::new(),
            next_id: 0,
            latch: Arc::new(Latch::new()),
            lifecycle: Lifecycle::default(),
        };
        Arc::new(Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            stage: AtomicU8::new(Stage::Idle as u8),
            max_connections,
            on_state,
            counters,
            wake,
            epoch: now(),
        })
    }

    /// Returns the number of connections that are served.
    pub(super) fn count(&self) -> usize {
        self.state.lock().served()
    }

    /// Returns `true` while an accept loop runs and no shutdown has begun.
    pub(super) fn is_accepting(&self) -> bool {
        self.stage.load(Ordering::SeqCst) == Stage::Accepting as u8
    }

    /// Returns `true` once a shutdown has begun.
    pub(super) fn is_stopping(&self) -> bool {
        self.stage.load(Ordering::SeqCst) == Stage::Stopping as u8
    }

    /// Adds the open connections, by state.
    pub(super) fn count_states(&self, into: &mut Connections) {
        for entry in self.state.lock().entries.values() {
            match entry.stage() {
                EntryStage::New => into.new += 1,
                EntryStage::Active => into.active += 1,
                EntryStage::Idle => into.idle += 1,
                EntryStage::Closing => into.closing += 1,
            }
        }
    }

    /// Returns the access of a connection to the server's numbers.
    pub(super) fn counting(&self, connection: u64) -> Counting {
        Counting::new(&self.counters, connection)
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    fn change<T>(&self, change: impl FnOnce(&mut Lifecycle) -> T) -> T {
        let changed = {
            let mut state = self.state.lock();
            let changed = change(&mut state.lifecycle);
            self.stage.store(state.lifecycle.stage() as u8, Ordering::SeqCst);
            changed
        };
        self.changed.notify_all();
        changed
    }

    /// Sets the listener, which the first shutdown ends.
    pub(super) fn listen_on(&self, listener: Arc<Listener>) {
        self.change(|lifecycle| lifecycle.listen_on(listener));
    }

    /// Records that an accept loop begins. Returns `false` if the server is shutting down.
    pub(super) fn begin_accepting(&self) -> bool {
        self.change(Lifecycle::begin_accepting)
    }

    /// Records that the accept loop has ended, and that its listener is closed.
    pub(super) fn end_accepting(&self) {
        self.change(Lifecycle::end_accepting);
    }

    /// Returns the latch for the next wait of an idle connection. A thread that takes the latch, and then
    /// finds that the server [is not stopping](Self::is_stopping), is woken by it when a shutdown begins.
    pub(super) fn latch(&self) -> Arc<Latch> {
        Arc::clone(&self.state.lock().latch)
    }

    /// Returns the deadline for the first request of a new connection. `None` without a shutdown.
    pub(super) fn first_request_deadline(&self) -> Option<Instant> {
        self.state.lock().lifecycle.first_request_deadline()
    }

    /// Begins a graceful shutdown: each connection ends after the responses to the requests that have
    /// arrived. Running requests have until `grace_ends`. The accept loop empties its queue and ends.
    pub(super) fn stop(&self, grace_ends: Option<Instant>) {
        let (first_request, listener, accepting) = self.change(|lifecycle| {
            let first_request = lifecycle.stop(grace_ends);
            (first_request, lifecycle.take_listener(), lifecycle.is_accepting())
        });
        self.notify_each(|entry| entry.limit_handshake(first_request));
        match listener {
            Some(listener) if accepting => listener.stop(),
            Some(listener) => listener.close(),
            None => {}
        }
    }

    /// Closes connections on which no request has begun, if the grace is over.
    pub(super) fn end_grace(&self) {
        if self.change(Lifecycle::end_grace) {
            self.notify_each(|entry| entry.limit_handshake(now()));
        }
    }

    /// Admits no more connections. The grace of the shutdown ends after [`LINGER`](super::LINGER).
    pub(super) fn refuse_all(&self) {
        self.change(Lifecycle::stop_at_once);
    }

    /// Discards the input of connections whose threads have not ended after [`close_all`](Self::close_all).
    /// If the process ended with unread input, the system would reset the connections and drop their
    /// responses.
    pub(super) fn discard_input(&self) {
        let entries: Vec<_> = self.state.lock().entries.values().cloned().collect();
        for entry in entries {
            entry.discard_input();
        }
    }

    /// Closes every connection in any phase.
    pub(super) fn close_all(&self) {
        self.notify_each(Entry::halt);
    }

    /// Applies `each` to all connections, and makes the threads of idle ones look for changes.
    fn notify_each(&self, each: impl Fn(&Entry)) {
        let (latch, entries) = {
            let mut state = self.state.lock();
            let latch = std::mem::replace(&mut state.latch, Arc::new(Latch::new()));
            (latch, state.entries.values().cloned().collect::<Vec<_>>())
        };
        for entry in &entries {
            each(entry);
        }
        latch.set();
        for entry in &entries {
            entry.wake();
        }
    }

    /// Blocks for `span`, or until a shutdown begins.
    pub(super) fn pause(&self, span: Duration) {
        let until = now() + span;
        let mut state = self.state.lock();
        while state.lifecycle.stage() != Stage::Stopping && !has_passed(until) {
            self.changed.wait_until(&mut state, until);
        }
    }

    /// Blocks until no accept loop and no connection is left, at most until `deadline`. Returns `true` if
    /// none is left.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> bool {
        self.wait_until(|_| deadline)
    }

    /// As [`wait`](Self::wait), at most until the grace of the current shutdown is over.
    pub(super) fn wait_for_grace(&self) -> bool {
        self.wait_until(|state| state.lifecycle.grace_ends())
    }

    fn wait_until(&self, deadline: impl Fn(&State) -> Option<Instant>) -> bool {
        let mut state = self.state.lock();
        while !state.is_over() {
            match deadline(&state) {
                None => self.changed.wait(&mut state),
                Some(deadline) => {
                    let over = self.changed.wait_until(&mut state, deadline).timed_out();
                    // A wait may end a little early.
                    if over && !state.is_over() && has_passed(deadline) {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Blocks until no accept loop is left, so that the listener's port is free.
    pub(super) fn wait_for_listener(&self) {
        let mut state = self.state.lock();
        while state.lifecycle.is_accepting() {
            self.changed.wait(&mut state);
        }
    }

    /// Adds a connection, which is served or [refused](Entry::refused).
    ///
    /// # Errors
    ///
    /// The reason why the connection gets no thread.
    pub(super) fn enter(&self, stream: &Stream) -> Result<(u64, Arc<Entry>), AdmitError> {
        let mut state = self.state.lock();
        if !state.lifecycle.admits() {
            return Err(AdmitError::ShuttingDown);
        }
        let full = self.max_connections.is_some_and(|most| state.served() >= most);
        let refused = full && !state.evict_one();
        if refused {
            self.counters.rejected();
        }
        if refused && state.refused >= MAX_REFUSALS {
            return Err(AdmitError::Overloaded);
        }
        let epoch = self.max_connections.map(|_| self.epoch);
        let entry = Arc::new(Entry::new(stream.clone(), refused, self.wake, epoch));
        let id = state.next_id;
        state.next_id += 1;
        self.counters.accepted(id);
        state.refused += usize::from(refused);
        state.entries.insert(id, Arc::clone(&entry));
        Ok((id, entry))
    }

    /// Removes a connection.
    pub(super) fn leave(&self, id: u64) {
        let entry = {
            let mut state = self.state.lock();
            let entry = state.entries.remove(&id);
            if let Some(entry) = &entry {
                state.refused -= usize::from(entry.refused);
                state.leaving.retain(|leaving| !Arc::ptr_eq(leaving, entry));
            }
            entry
        };
        // The stream is dropped outside the lock.
        drop(entry);
        self.changed.notify_all();
    }

    /// Calls the state callback.
    pub(super) fn report(&self, connection: &Connection, state: ConnState) {
        let Some(callback) = &self.on_state else { return };
        // Contained, since the accept loop calls it as well and must go on.
        contain(
            || callback(connection, state),
            |_| log::error!("{}: the state callback panicked at {state:?}", connection.remote),
        );
    }
}

impl State {
    fn served(&self) -> usize {
        self.entries.len().saturating_sub(self.refused + self.leaving.len())
    }

    /// Returns `true` if no accept loop and no connection is left.
    fn is_over(&self) -> bool {
        !self.lifecycle.is_accepting() && self.entries.is_empty()
    }

    fn evict_one(&mut self) -> bool {
        evict::evict_one(&self.entries, &mut self.leaving)
    }
}

fn has_passed(deadline: Instant) -> bool {
    deadline <= now()
}
