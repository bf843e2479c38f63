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
//! | closing | the end of a request that did not ask to keep the connection; shutdown | the web server's end of stream, or half a second |
//!
//! A request stands in the map from its begin to just before its END_REQUEST is written, so that its id
//! can be used again the moment that has arrived. It counts as running a little longer, until it was
//! written, so that nobody closes the connection before.

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::outlet::Outlet;
use super::record::{Status, end_request, kind};
use super::request::Active;
use super::response::{Records, completed};
use super::{Options, Shared};
use crate::error::{Error, ErrorKind};
use crate::h1::CloseReason;
use crate::logging as log;
use crate::net::{Addr, Stream};
use crate::serving::{Gone, Ticket};
use crate::sync::Mutex;

/// How long a connection that is to be closed is still read from, so that the web server, which may
/// still be sending, sees no reset.
const LINGER: Duration = Duration::from_millis(500);

pub(super) struct Conn {
    pub(super) shared: Arc<Shared>,
    stream: Stream,
    pub(super) remote: Addr,
    outlet: Outlet,
    ticket: Arc<Ticket>,
    state: Mutex<State>,
}

struct State {
    /// By their ids.
    active: HashMap<u16, Arc<Active>>,
    /// How many have begun, and their END_REQUEST has not been written.
    running: usize,
    /// The web server has several requests in progress at once, or has asked whether it may.
    multiplexes: bool,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// No more requests begin; those that run come to their end.
    Last,
    /// Nothing runs any more; what still comes is thrown away.
    Closing,
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
        ticket: Arc<Ticket>,
    ) -> Arc<Self> {
        let state =
            State { active: HashMap::new(), running: 0, multiplexes: false, stage: Stage::Open };
        let outlet = Outlet::new(stream.clone());
        Arc::new(Self { shared, stream, remote, outlet, ticket, state: Mutex::new(state) })
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    fn options(&self) -> &Options {
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
        if self.ticket.is_refused() {
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
        if state.running == 0 && self.ticket.active().is_err() {
            return Err(Refused::Unwanted);
        }
        state.running += 1;
        if !keep {
            state.stage = Stage::Last;
        }
        state.active.insert(id, Active::new(id));
        Ok(())
    }

    /// Answers a request that does not begin. Without `keep` it was to be the connection's last.
    pub(super) fn refuse(&self, id: u16, status: Status, keep: bool) {
        self.outlet.owe(&end_request(id, 0, status));
        let mut state = self.state.lock();
        if !keep && state.stage == Stage::Open {
            state.stage = Stage::Last;
        }
        self.settle(&mut state);
    }

    pub(super) fn active(&self, id: u16) -> Option<Arc<Active>> {
        self.state.lock().active.get(&id).cloned()
    }

    /// What a record that the connection itself is asked by is answered with.
    pub(super) fn answer(&self, record: &[u8]) {
        self.outlet.owe(record);
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
        self.outlet.owe(&completed(id, 0));
        self.ended();
    }

    /// Writes records of a request that is still on.
    pub(super) fn write(
        &self,
        active: &Active,
        kind: u8,
        first: &[u8],
        second: &[u8],
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        let mut records = Records::of(active.id);
        records.carry(kind, first, second);
        let outcome = self.outlet.write(&mut records.slices(&[]), deadline, || !active.is_over());
        outcome.inspect_err(|error| active.signals.gone(Gone::Failed(error.kind())))
    }

    /// Ends a request whose handler has returned, unless the web server has given it up: writes the rest
    /// of its output, and what ends it.
    pub(super) fn finish(&self, active: &Active, out: &[u8], exit: u32, deadline: Option<Instant>) {
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
        if let Err(error) = self.outlet.write(&mut records.slices(&end), deadline, || true) {
            log::debug!("{}: a request's end could not be written: {error}", self.remote);
        }
        self.ended();
    }

    /// Ends a request for which there is no room.
    pub(super) fn overloaded(&self, active: &Active) {
        active.end();
        self.state.lock().active.remove(&active.id);
        self.outlet.owe(&end_request(active.id, 0, Status::Overloaded));
        self.ended();
    }

    /// The web server has gone away: those learn of it who handle its requests.
    pub(super) fn gone(&self, gone: Gone) {
        for active in self.all_active() {
            active.signals.gone(gone);
        }
    }

    fn all_active(&self) -> Vec<Arc<Active>> {
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
        if state.running == 0 && self.ticket.idle().is_err() && state.stage == Stage::Open {
            state.stage = Stage::Last;
        }
        self.settle(&mut state);
    }

    /// What becomes of the connection, if nothing runs.
    fn settle(&self, state: &mut State) {
        if state.running > 0 {
            return;
        }
        match state.stage {
            Stage::Open => {
                let idle = self.options().idle_timeout;
                let deadline = idle.and_then(|idle| Instant::now().checked_add(idle));
                self.stream.set_read_deadline(deadline);
            }
            Stage::Last => {
                state.stage = Stage::Closing;
                let _ = self.stream.shutdown(Shutdown::Write);
                self.stream.set_read_deadline(Some(Instant::now() + LINGER));
            }
            Stage::Closing => {}
            Stage::Unread => self.close(),
        }
    }

    /// Nobody reads the connection any more, and no request that runs hears of its client again.
    pub(super) fn unread(&self, gone: Gone, reason: CloseReason) {
        log::debug!("{}: connection closed: {reason}", self.remote);
        self.state.lock().stage = Stage::Unread;
        for active in self.all_active() {
            active.signals.gone(gone);
            active.inbox.lose(Error::new(ErrorKind::IncompleteBody));
        }
        self.settle(&mut self.state.lock());
    }

    /// Whether everything that still comes is to be thrown away.
    pub(super) fn is_closing(&self) -> bool {
        self.state.lock().stage == Stage::Closing
    }

    /// Whether no request is in progress.
    pub(super) fn is_idle(&self) -> bool {
        self.state.lock().running == 0
    }

    fn close(&self) {
        self.stream.close();
        self.ticket.closed();
    }
}
