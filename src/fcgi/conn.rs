//! A connection from a web server, and the requests on it.
//!
//! ```text
//!                records ┌─────────────┐ begin, params ┌──────────────────┐
//!   web server ─────────▶│ reader      │──────────────▶│ handler, one for │
//!        ▲               │ hangup-fcgi │ stdin ─ inbox▶│ each request     │
//!        │               └─────────────┘               └──────────────────┘
//!        │   END_REQUEST, values ─┐                             │ stdout, stderr, END_REQUEST
//!        └─────────────────── RecordWriter: one at a time ◀─────┘
//! ```
//!
//! | state | entered by | left by |
//! | --- | --- | --- |
//! | idle | its start; the end of the last request | the begin of a request; the web server; the idle limit |
//! | active | the begin of a request | the end of the last one |
//! | closing | the end of a request without KEEP_CONN; shutdown; a time limit; a malformed record | the web server's end of stream; 500 ms |
//!
//! A connection that this side ends is half-closed first and read to its end. So the web server receives
//! all that was written, and no reset.
//!
//! A request is in the map from its begin until just before its END_REQUEST is written. The web server can
//! use the id again as soon as it has received that record. The request counts as running until the record
//! was written, so that the connection is not closed before.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::{FAILED, RecordBatch, completed};
use super::options::{Options, Shared};
use super::record::{Status, end_request, kind};
use super::record_writer::RecordWriter;
use super::request::ActiveRequest;
use crate::error::{Error, ErrorKind};
use crate::logging as log;
use crate::net::{Addr, Stream};
use crate::serving::{ConnGuard, Disconnect, after};
use crate::sync::Mutex;

/// How long a connection beyond the maximum may take to send its first request, which is refused. It holds
/// a thread meanwhile.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(5);

/// A connection from a web server.
pub(super) struct Conn {
    pub(super) shared: Arc<Shared>,
    pub(super) stream: Stream,
    pub(super) remote: Addr,
    pub(super) writer: RecordWriter,
    pub(super) guard: Arc<ConnGuard>,
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    /// The requests by their ids.
    active: HashMap<u16, Arc<ActiveRequest>>,
    /// The number of requests that have begun and whose END_REQUEST was not written.
    pub(super) running: usize,
    /// The web server has several requests in progress at once, or has asked if it may.
    multiplexes: bool,
    /// A request has ended.
    pub(super) served: bool,
    pub(super) stage: Stage,
    /// The deadline for the next request. `None` while a request runs.
    pub(super) idle: Option<Instant>,
    /// The earliest deadline of what has begun to arrive.
    pub(super) reader: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Open,
    /// No more requests begin. Those that run continue.
    Last,
    /// No more records are processed. The reader must be woken.
    Closing,
    /// The reader discards what arrives.
    Lingering,
    /// The reader has ended. The end of the last request closes the connection.
    Unread,
}

/// The reason why a request does not begin.
pub(super) enum BeginError {
    /// The id is in use.
    IdInUse,
    /// The connection is closing. The request gets no response.
    Closing,
    /// The request is refused with this status.
    Refused(Status),
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
        let counting = guard.counting().clone();
        let writer = RecordWriter::new(stream.clone(), shared.options.write_limits(), counting);
        Arc::new(Self { shared, stream, remote, writer, guard, state: Mutex::new(state) })
    }

    pub(super) fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Begins a request. `keep`: the connection continues after it.
    pub(super) fn begin(&self, id: u16, keep: bool) -> Result<(), BeginError> {
        let mut state = self.state.lock();
        if state.active.contains_key(&id) {
            return Err(BeginError::IdInUse);
        }
        if state.stage != Stage::Open {
            return Err(BeginError::Closing);
        }
        if self.guard.is_refused() {
            state.stage = Stage::Last;
            return Err(BeginError::Refused(Status::Overloaded));
        }
        state.multiplexes |= !state.active.is_empty();
        let most = self.options().max_requests;
        if most.is_some_and(|most| state.active.len() >= most) {
            let alone = most == Some(1);
            let status = if alone { Status::CannotMultiplex } else { Status::Overloaded };
            return Err(BeginError::Refused(status));
        }
        if !self.run(&mut state, keep) {
            return Err(BeginError::Closing);
        }
        state.active.insert(id, ActiveRequest::new(id, self.options().body_idle_timeout));
        Ok(())
    }

    /// Counts a request as running until its END_REQUEST was written. Returns `false` if the server has
    /// just closed the connection.
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

    /// Refuses a request that does not begin. `keep`: the connection continues after it.
    pub(super) fn refuse(&self, id: u16, status: Status, keep: bool) {
        if self.run(&mut self.state.lock(), keep) {
            self.enqueue(&end_request(id, 0, status), 1);
        }
    }

    /// Returns the request with this id, if it is active.
    pub(super) fn active(&self, id: u16) -> Option<Arc<ActiveRequest>> {
        self.state.lock().active.get(&id).cloned()
    }

    /// Responds to a management record.
    pub(super) fn respond_to_management(&self, record: &[u8]) {
        self.enqueue(record, 0);
    }

    /// Queues records, of which `ends` end a running request.
    fn enqueue(&self, records: &[u8], ends: usize) {
        self.writer.enqueue(records, ends);
        self.count_ends();
    }

    /// Counts the requests as ended whose queued ends have been written.
    fn count_ends(&self) {
        for _ in 0..self.writer.take_ends() {
            self.ended();
        }
    }

    /// Records that the web server has asked if it may have several requests in progress at once, and may.
    pub(super) fn will_multiplex(&self) {
        self.state.lock().multiplexes = true;
    }

    /// Returns `true` if the web server has, or may have, several requests in progress at once.
    pub(super) fn multiplexes(&self) -> bool {
        self.state.lock().multiplexes
    }

    /// Aborts a request for the web server. Its context ends and its body fails.
    pub(super) fn abort(&self, id: u16) {
        let Some(active) = self.state.lock().active.remove(&id) else { return };
        if !active.end() {
            return;
        }
        active.signals.disconnected(Disconnect::Aborted);
        active.inbox.fail(Error::message(ErrorKind::Cancelled, "web server aborted the request"));
        self.enqueue(&completed(id, 0), 1);
    }

    /// Writes one or more records of an active request.
    pub(super) fn write(
        &self,
        active: &ActiveRequest,
        kind: u8,
        first: &[u8],
        second: &[u8],
    ) -> io::Result<()> {
        let mut records = RecordBatch::new(active.id);
        records.carry(kind, first, second);
        let deadline = match kind {
            kind::STDOUT => active.write_deadline(),
            _ => self.options().record_deadline(active.write_deadline()),
        };
        let outcome = self.writer.write(&mut records.slices(&[]), deadline, || !active.is_over());
        self.count_ends();
        outcome.inspect_err(|error| active.signals.disconnected(Disconnect::Failed(error.kind())))
    }

    /// Ends a request whose handler has returned: writes the rest of its output and its END_REQUEST. Has no
    /// effect on a request that has ended.
    pub(super) fn finish(&self, active: &ActiveRequest, out: &[u8], exit: u32) {
        let message = "request body was read after its handler had returned";
        if active.inbox.fail(Error::message(ErrorKind::Misuse, message)) {
            self.wake_reader();
        }
        if !active.end() {
            return;
        }
        // Before END_REQUEST is written: the web server may use the id again once it has received that.
        self.state.lock().active.remove(&active.id);
        let mut records = RecordBatch::new(active.id);
        records.carry(kind::STDOUT, out, &[]);
        records.end(kind::STDOUT);
        if active.has_errors() {
            records.end(kind::STDERR);
        }
        let end = completed(active.id, exit);
        let deadline = self.options().record_deadline(active.write_deadline());
        match self.writer.write(&mut records.slices(&end), deadline, || true) {
            Ok(()) => self.ended(),
            Err(error) => {
                log::debug!("{}: cannot end a request: {error}", self.remote);
                // If the connection is open, the deadline passed while another thread was writing.
                self.writer.enqueue(&completed(active.id, FAILED), 1);
            }
        }
        self.count_ends();
    }

    /// Refuses a request for which there is no thread.
    pub(super) fn overloaded(&self, active: &ActiveRequest) {
        active.end();
        self.state.lock().active.remove(&active.id);
        self.enqueue(&end_request(active.id, 0, Status::Overloaded), 1);
    }

    /// Ends the contexts of all requests, since the web server has gone away.
    pub(super) fn disconnected(&self, disconnect: Disconnect) {
        for active in self.all_active() {
            active.signals.disconnected(disconnect);
        }
    }

    /// Returns all active requests.
    pub(super) fn all_active(&self) -> Vec<Arc<ActiveRequest>> {
        self.state.lock().active.values().cloned().collect()
    }

    /// Wakes the reader, if it waits for a handler to read.
    pub(super) fn wake_reader(&self) {
        self.stream.wake_hangup();
    }

    /// Counts a request as ended: its END_REQUEST was written.
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
            // Only the reader knows if the next request has begun to arrive.
            self.stream.interrupt_read();
        }
    }
}
