//! The connections that a server has, so that it can count, close and wait for them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::conn_guard::{ConnGuard, Entry};
use super::{ConnState, Connection, ServerCore, room};
use crate::net::{Addr, Latch, Stream};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Condvar, Mutex, now};

/// How many connections beyond the maximum are turned away by a thread at the same time. The others get
/// what can be written without waiting.
const MAX_REFUSALS: usize = 16;

/// How long a graceful shutdown waits for the first request of a connection that has just been made.
/// Go's server waits as long.
const SPARE: Duration = Duration::from_secs(5);

/// How long `serve` waits for connections that [`close`](super::ServerHandle::close) has ended, so
/// that answers that were written still arrive. It is the time a connection is read out at its end.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(500);

/// All connections of one server.
pub(super) struct Registry {
    pub(super) state: Mutex<State>,
    /// Goes with `state`. Predicates: no connection is left, no thread accepts, the grace is over.
    /// Notified when either count falls and when the grace changes; waited for by `wait`.
    changed: Condvar,
    /// Connections take no further request than those that have arrived. Set under the lock; beside
    /// it, since every request looks.
    stopping: AtomicBool,
}

pub(super) struct State {
    pub(super) entries: HashMap<u64, Arc<Entry>>,
    /// How many of them are only told that there are too many. They take no room from the others.
    refused: usize,
    /// Those that have made room for another. They take none either.
    pub(super) leaving: Vec<Arc<Entry>>,
    next: u64,
    /// How many accept loops run.
    accepting: usize,
    /// Idle connections wait with it. Each ringing puts a new one in its place.
    bell: Arc<Latch>,
    /// Set by the first shutdown.
    stop: Option<Stop>,
}

/// A shutdown that has begun.
struct Stop {
    /// Until when a new connection may still send its first request.
    spare_until: Instant,
    /// Until when requests may run: the latest of all calls, unless `at_once` is set. `None` for ever.
    grace_ends: Option<Instant>,
    /// Connections are closed, and no more are entered.
    at_once: bool,
}

impl Registry {
    pub(super) fn new() -> Self {
        let state = State {
            entries: HashMap::new(),
            refused: 0,
            leaving: Vec::new(),
            next: 0,
            accepting: 0,
            bell: Arc::new(Latch::new()),
            stop: None,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), stopping: AtomicBool::new(false) }
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

    /// Whether an accept loop runs.
    pub(super) fn is_accepting(&self) -> bool {
        self.state.lock().accepting > 0
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

    /// The bell for the next wait of an idle connection. Whoever has it and has not seen
    /// [`is_stopping`](Self::is_stopping) hears of the shutdown by it.
    pub(super) fn bell(&self) -> Arc<Latch> {
        Arc::clone(&self.state.lock().bell)
    }

    /// Until when a new connection may still send its first request. `None` if the server is not
    /// shutting down.
    pub(super) fn spare_until(&self) -> Option<Instant> {
        self.state.lock().stop.as_ref().map(|stop| stop.spare_until)
    }

    /// Begins a graceful shutdown: each connection ends when the requests that have arrived on it
    /// are answered. Running requests have until `grace_ends`.
    pub(super) fn stop(&self, grace_ends: Option<Instant>) {
        let spare_until = {
            let mut state = self.state.lock();
            self.stopping.store(true, Ordering::SeqCst);
            state.stop(grace_ends).spare_until
        };
        self.changed.notify_all();
        self.ring(|entry| entry.hurry_handshake(spare_until));
    }

    /// The grace is over: connections on which no request has begun are closed.
    pub(super) fn end_grace(&self) {
        let over = {
            let mut state = self.state.lock();
            let Some(stop) = &mut state.stop else { return };
            let now = now();
            let over = stop.grace_ends.is_some_and(|ends| ends <= now);
            if over {
                stop.spare_until = stop.spare_until.min(now);
            }
            over
        };
        if over {
            self.ring(|entry| entry.hurry_handshake(now()));
        }
    }

    /// Enters no connection from now on. The grace ends after [`LAST_WORDS`], also if an earlier call has
    /// set a longer one.
    pub(super) fn refuse_all(&self) {
        {
            let mut state = self.state.lock();
            let stop = state.stop(None);
            if !stop.at_once {
                stop.at_once = true;
                stop.grace_ends = Some(now() + LAST_WORDS);
            }
        }
        self.changed.notify_all();
    }

    /// Throws away what has arrived on connections whose threads have not ended after
    /// [`close_all`](Self::close_all). If the process ends with unread input, the system resets the
    /// connection, and the responses before it are lost.
    pub(super) fn discard_input(&self) {
        let entries: Vec<_> = self.state.lock().entries.values().cloned().collect();
        for entry in entries {
            entry.discard_input();
        }
    }

    /// Closes every connection, whatever it is at.
    pub(super) fn close_all(&self) {
        self.ring(Entry::halt);
    }

    /// Does something to each connection, and has those that are idle look at what has changed.
    fn ring(&self, each: impl Fn(&Entry)) {
        let (bell, entries) = {
            let mut state = self.state.lock();
            let bell = std::mem::replace(&mut state.bell, Arc::new(Latch::new()));
            (bell, state.entries.values().cloned().collect::<Vec<_>>())
        };
        for entry in &entries {
            each(entry);
        }
        bell.set();
        for entry in &entries {
            entry.wake();
        }
    }

    /// Blocks until no accept loop and no connection is left, at most until `deadline`. Whether
    /// that was reached.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> bool {
        self.wait_until(|_| deadline)
    }

    /// As [`wait`](Self::wait), until the grace of the shutdown that has begun is over.
    pub(super) fn wait_for_grace(&self) -> bool {
        self.wait_until(|state| state.stop.as_ref().and_then(|stop| stop.grace_ends))
    }

    fn wait_until(&self, deadline: impl Fn(&State) -> Option<Instant>) -> bool {
        let mut state = self.state.lock();
        while state.accepting > 0 || !state.entries.is_empty() {
            match deadline(&state) {
                None => self.changed.wait(&mut state),
                Some(deadline) => {
                    let over = self.changed.wait_until(&mut state, deadline).timed_out();
                    if over && state.accepting == 0 && state.entries.is_empty() {
                        return true;
                    }
                    if over && has_passed(deadline) {
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
        while state.accepting > 0 {
            self.changed.wait(&mut state);
        }
    }

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
}

impl ServerCore {
    /// Enters a connection, to be served or [to be refused](ConnGuard::is_refused).
    pub(crate) fn admit(
        self: &Arc<Self>,
        stream: &Stream,
        remote: &Addr,
    ) -> Result<Arc<ConnGuard>, NotAdmitted> {
        let (id, entry) = self.registry.state.lock().admit(self, stream)?;
        let connection = Connection { id, remote: remote.clone() };
        let guard = Arc::new(ConnGuard { core: Arc::clone(self), entry, connection });
        guard.report(ConnState::New);
        Ok(guard)
    }
}

/// Why a connection gets no thread, not even to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// The server is shutting down.
    ShuttingDown,
    /// [`MAX_REFUSALS`] others are being refused.
    Overloaded,
}

impl State {
    fn served(&self) -> usize {
        self.entries.len().saturating_sub(self.refused + self.leaving.len())
    }

    fn stop(&mut self, grace_ends: Option<Instant>) -> &mut Stop {
        let spare_until = now() + SPARE;
        let stop = self.stop.get_or_insert(Stop { spare_until, grace_ends, at_once: false });
        if !stop.at_once {
            stop.grace_ends = stop.grace_ends.zip(grace_ends).map(|(one, other)| one.max(other));
        }
        stop
    }

    /// During a graceful shutdown those are still entered that an accept loop finds in its queue.
    fn admit(
        &mut self,
        core: &Arc<ServerCore>,
        stream: &Stream,
    ) -> Result<(u64, Arc<Entry>), NotAdmitted> {
        let ended = match &self.stop {
            None => false,
            Some(stop) => stop.at_once || self.accepting == 0,
        };
        if ended {
            return Err(NotAdmitted::ShuttingDown);
        }
        let most = core.options.max_connections;
        let full = most.is_some_and(|most| self.served() >= most);
        let refused = full && !room::make(self);
        if refused && self.refused >= MAX_REFUSALS {
            return Err(NotAdmitted::Overloaded);
        }
        let entry = Arc::new(Entry::new(core, stream.clone(), refused));
        let id = self.next;
        self.next += 1;
        self.refused += usize::from(refused);
        self.entries.insert(id, Arc::clone(&entry));
        Ok((id, entry))
    }
}

/// A wait may end a little early.
fn has_passed(deadline: Instant) -> bool {
    deadline <= now()
}
