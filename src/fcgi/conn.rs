//! One connection from a web server, and its requests.
//!
//! ```text
//!                records ┌─────────────┐ begin, params ┌──────────────────┐
//!   web server ─────────▶│ reader      │──────────────▶│ handler, one for │
//!        ▲               │ hangup-fcgi │ stdin ─ inbox▶│ each request     │
//!        │               └─────────────┘               └──────────────────┘
//!        │   END_REQUEST, values ─┐                             │ stdout, stderr, END_REQUEST
//!        └──────────────────────── outlet: one at a time ◀──────┘
//! ```
//!
//! | state | entered by | left by |
//! | --- | --- | --- |
//! | idle | the start; the last request's end | a request's begin; the web server; the idle time limit |
//! | active | a request's begin | the end of the last one |
//! | closing | the end of a request that did not ask to keep the connection; shutdown; a time limit; a malformed record | the web server's end of stream, or half a second |
//!
//! Every connection that we end is half-closed first and read out, so that the web server gets what was
//! written and sees no reset.
//!
//! A request stands in the map from its begin to just before its END_REQUEST is written, so that its id
//! can be used again the moment that has arrived. It counts as running a little longer, until it was
//! written, so that nobody closes the connection before.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::closing::after;
use super::outlet::Outlet;
use super::record::{Status, end_request, kind};
use super::request::Active;
use super::response::{FAILED, Records, completed};
use super::{Options, Shared};
use crate::error::{Error, ErrorKind};
use crate::logging as log;
use crate::net::{Addr, Stream};
use crate::serving::{ConnGuard, Gone};
use crate::sync::Mutex;

/// How long a connection for which there is no room may take over its first request, which is refused. It
/// holds a thread.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Conn {
    pub(super) shared: Arc<Shared>,
    pub(super) stream: Stream,
    pub(super) remote: Addr,
    pub(super) outlet: Outlet,
    pub(super) guard: Arc<ConnGuard>,
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    /// By their ids.
    active: HashMap<u16, Arc<Active>>,
    /// How many have begun, and their END_REQUEST has not been written.
    pub(super) running: usize,
    /// The web server has several requests in progress at once, or has asked whether it may.
    multiplexes: bool,
    /// A request has come to its end.
    pub(super) served: bool,
    pub(super) stage: Stage,
    /// When the connection has waited long enough for a request. `None` while one runs.
    pub(super) idle: Option<Instant>,
    /// When the reader has something to do that no record tells it to.
    pub(super) reader: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Open,
    /// No more requests begin; those that run come to their end.
    Last,
    /// No more records are taken. The reader has to be told.
    Closing,
    /// The reader throws away what still comes.
    Lingering,
    /// Nobody reads any more. The last request to end closes.
    Unread,
}

/// Why a request does not begin.
pub(super) enum Refused {
    /// The id is in use.
    InUse,
    /// The connection takes no more requests, and the web server may learn of it.
    Unwanted,
    For(Status),
}

impl Conn {
    pub(super) fn new(
        shared: Arc<Shared>,
        stream: Stream,
        remote: Addr,
        guard: Arc<ConnGuard>,
    ) -> Arc<Self> {
        let idle = shared.options.idle_timeout;
        let idle = if guard.is_refused() {
            Some(idle.map_or(REFUSAL_PATIENCE, |idle| idle.min(REFUSAL_PATIENCE)))
        } else {
            idle
        };
        let state = State {
            active: HashMap::new(),
            running: 0,
            multiplexes: false,
            served: false,
            stage: Stage::Open,
            idle: after(idle),
            reader: None,
        };
        let outlet = Outlet::new(stream.clone(), shared.options.write_limits());
        Arc::new(Self { shared, stream, remote, outlet, guard, state: Mutex::new(state) })
    }

    pub(super) fn options(&self) -> &Options {
        &self.shared.options
    }

    /// A request begins.
    pub(super) fn begin(&self, id: u16, keep: bool) -> Result<(), Refused> {
        let mut state = self.state.lock();
        if state.active.contains_key(&id) {
            return Err(Refused::InUse);
        }
        if state.stage != Stage::Open {
            return Err(Refused::Unwanted);
        }
        if self.guard.is_refused() {
            state.stage = Stage::Last;
            return Err(Refused::For(Status::Overloaded));
        }
        state.multiplexes |= !state.active.is_empty();
        let most = self.options().max_requests;
        if most.is_some_and(|most| state.active.len() >= most) {
            let alone = most == Some(1);
            let status = if alone { Status::CannotMultiplex } else { Status::Overloaded };
            return Err(Refused::For(status));
        }
        if !self.run(&mut state, keep) {
            return Err(Refused::Unwanted);
        }
        state.active.insert(id, Active::new(id, self.options().body_idle_timeout));
        Ok(())
    }

    /// Counts a request as running until its END_REQUEST has been written. Returns `false` if the server
    /// has just closed the connection.
    fn run(&self, state: &mut State, keep: bool) -> bool {
        if state.running == 0 && self.guard.active().is_err() {
            return false;
        }
        state.running += 1;
        state.idle = None;
        if !keep && state.stage == Stage::Open {
            state.stage = Stage::Last;
        }
        true
    }

    /// Answers a request that does not begin. Without `keep` it was to be the connection's last.
    pub(super) fn refuse(&self, id: u16, status: Status, keep: bool) {
        if self.run(&mut self.state.lock(), keep) {
            self.queue(&end_request(id, 0, status), 1);
        }
    }

    pub(super) fn active(&self, id: u16) -> Option<Arc<Active>> {
        self.state.lock().active.get(&id).cloned()
    }

    /// What a record that the connection itself is asked by is answered with.
    pub(super) fn answer(&self, record: &[u8]) {
        self.queue(record, 0);
    }

    /// Has records written, of which `ends` end a request that runs.
    fn queue(&self, records: &[u8], ends: usize) {
        self.outlet.queue(records, ends);
        self.account();
    }

    /// Counts requests as ended whose queued ends have been written by now.
    fn account(&self) {
        for _ in 0..self.outlet.take_ends() {
            self.ended();
        }
    }

    /// The web server has asked whether it may have several requests in progress at once, and it may.
    pub(super) fn will_multiplex(&self) {
        self.state.lock().multiplexes = true;
    }

    pub(super) fn multiplexes(&self) -> bool {
        self.state.lock().multiplexes
    }

    /// The web server gives a request up: its context ends, its body fails, and it is over.
    pub(super) fn abort(&self, id: u16) {
        let Some(active) = self.state.lock().active.remove(&id) else { return };
        if !active.end() {
            return;
        }
        active.signals.gone(Gone::Aborted);
        active.inbox.fail(Error::message(ErrorKind::Cancelled, "the web server gave it up"));
        self.queue(&completed(id, 0), 1);
    }

    /// Writes records of a request that is still on.
    pub(super) fn write(
        &self,
        active: &Active,
        kind: u8,
        first: &[u8],
        second: &[u8],
    ) -> io::Result<()> {
        let mut records = Records::of(active.id);
        records.carry(kind, first, second);
        let deadline = match kind {
            kind::STDOUT => active.write_deadline(),
            _ => self.options().record_deadline(active.write_deadline()),
        };
        let outcome = self.outlet.write(&mut records.slices(&[]), deadline, || !active.is_over());
        self.account();
        outcome.inspect_err(|error| active.signals.gone(Gone::Failed(error.kind())))
    }

    /// Ends a request whose handler has returned, unless it has ended: writes the rest of its output, and
    /// what ends it.
    pub(super) fn finish(&self, active: &Active, out: &[u8], exit: u32) {
        let message = "the request's body was read after its handler had returned";
        if active.inbox.fail(Error::message(ErrorKind::Misuse, message)) {
            self.make_room();
        }
        if !active.end() {
            return;
        }
        // Before END_REQUEST is written: the moment it has arrived the id may be used again.
        self.state.lock().active.remove(&active.id);
        let mut records = Records::of(active.id);
        records.carry(kind::STDOUT, out, &[]);
        records.end(kind::STDOUT);
        if active.has_erred() {
            records.end(kind::STDERR);
        }
        let end = completed(active.id, exit);
        let deadline = self.options().record_deadline(active.write_deadline());
        match self.outlet.write(&mut records.slices(&end), deadline, || true) {
            Ok(()) => self.ended(),
            Err(error) => {
                log::debug!("{}: a request's end could not be written: {error}", self.remote);
                // On a connection that still is one, its time was over before its turn came.
                self.outlet.queue(&completed(active.id, FAILED), 1);
            }
        }
        self.account();
    }

    /// Ends a request for which there is no room.
    pub(super) fn overloaded(&self, active: &Active) {
        active.end();
        self.state.lock().active.remove(&active.id);
        self.queue(&end_request(active.id, 0, Status::Overloaded), 1);
    }

    /// The web server has gone away: those learn of it who handle its requests.
    pub(super) fn gone(&self, gone: Gone) {
        for active in self.all_active() {
            active.signals.gone(gone);
        }
    }

    pub(super) fn all_active(&self) -> Vec<Arc<Active>> {
        self.state.lock().active.values().cloned().collect()
    }

    /// Wakes the reader, if it waits for a handler to read.
    pub(super) fn make_room(&self) {
        self.stream.wake_hangup();
    }

    /// A request's END_REQUEST has been written.
    fn ended(&self) {
        let mut state = self.state.lock();
        state.running -= 1;
        if state.running == 0 {
            if self.guard.idle().is_err() && state.stage == Stage::Open {
                state.stage = Stage::Last;
            }
            state.served = true;
        }
        self.settle(&mut state);
        if self.guard.is_ending() {
            // Only the reader knows whether a next request has begun to arrive.
            self.stream.interrupt_read();
        }
    }
}
