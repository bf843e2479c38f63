//! The thread that reads a connection. It parses records and passes their contents on.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;

use super::body::RequestBody;
use super::conn::{BeginError, Conn};
use super::handling;
use super::inbox::{PutResult, overflow};
use super::params;
use super::record::{self, Begin, MANAGEMENT, Malformed, RESPONDER, Record, Status, kind};
use super::request::ActiveRequest;
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::gateway::{self, GatewayRequestInfo};
use crate::h1::CloseReason;
use crate::handler::{Variables, set_info};
use crate::logging as log;
use crate::net::{Buffer, Hangup};
use crate::serving::Disconnect;
use crate::text::counted;

/// How many variables a request may have. Each takes memory beyond its bytes.
const MAX_VARIABLES: usize = 2000;

/// The reader of one connection. Dropping it ends the reading.
pub(super) struct Reader {
    pub(super) conn: Arc<Conn>,
    /// The requests whose parameters have not all arrived.
    pub(super) pending: HashMap<u16, PendingParams>,
    /// The deadline for the record that has begun to arrive.
    pub(super) partial: Option<Instant>,
    /// The idle limit has passed, and the connection was read once more without blocking.
    pub(super) rechecked: bool,
    /// The web server has ended its stream, behind input that is unread.
    peer_closed: bool,
    end: ConnEnd,
}

/// The parameters of one request that have arrived.
pub(super) struct PendingParams {
    bytes: Vec<u8>,
    /// The deadline for all parameters.
    pub(super) deadline: Option<Instant>,
}

/// The end of a connection, as its requests and the log see it.
#[derive(Clone, Copy)]
pub(super) struct ConnEnd(pub(super) Disconnect, pub(super) CloseReason);

impl Reader {
    pub(super) fn new(conn: Arc<Conn>) -> Self {
        Self {
            conn,
            pending: HashMap::new(),
            partial: None,
            rechecked: false,
            peer_closed: false,
            end: ConnEnd(Disconnect::Closed, CloseReason::IoFailed),
        }
    }

    /// Reads until the connection ends.
    pub(super) fn run(mut self) {
        self.end = self.read_all();
        match self.end.1 {
            CloseReason::Malformed => self.conn.fail(self.end.0),
            CloseReason::WeAskedToClose | CloseReason::IdleTooLong | CloseReason::TimedOut => {}
            CloseReason::ShuttingDown if self.conn.close_if_idle() => {}
            _ => return,
        }
        self.conn.linger(self.end.1);
    }

    fn read_all(&mut self) -> ConnEnd {
        let mut buffer = Buffer::default();
        loop {
            if let Err(error) = self.process_all(&mut buffer) {
                return self.malformed(&error);
            }
            if self.conn.is_closing() {
                return ConnEnd(Disconnect::Closed, CloseReason::WeAskedToClose);
            }
            // An idle connection keeps no buffer.
            if buffer.is_empty() && self.conn.is_idle() {
                buffer.release();
            }
            self.expect_rest(&buffer);
            self.conn.wake_reader_at(self.deadline());
            match buffer.fill(|room| (&self.conn.stream).read(room)) {
                Ok(0) => return ConnEnd(Disconnect::EndOfStream, CloseReason::EndOfStream),
                Ok(count) => self.conn.guard.counting().received(count),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    if let Some(end) = self.timed_out(&mut buffer) {
                        return end;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    if self.pending.is_empty() && buffer.is_empty() {
                        self.conn.end_if_idle();
                    }
                }
                Err(_) if self.conn.stream.is_closed() => {
                    return ConnEnd(Disconnect::Closed, self.conn.why_closed());
                }
                Err(error) => {
                    return ConnEnd(Disconnect::Failed(error.kind()), CloseReason::IoFailed);
                }
            }
        }
    }

    /// Processes the complete records in the buffer, until the connection closes.
    fn process_all(&mut self, buffer: &mut Buffer) -> Result<(), Malformed> {
        while !self.conn.is_closing() {
            let Some((record, used)) = record::parse(buffer.data())? else { break };
            self.process(&record)?;
            buffer.consume(used);
            self.partial = None;
        }
        Ok(())
    }

    fn malformed(&self, error: &Malformed) -> ConnEnd {
        log::warn!("{}: {error}", self.conn.remote);
        ConnEnd(Disconnect::Failed(io::ErrorKind::InvalidData), CloseReason::Malformed)
    }

    fn process(&mut self, record: &Record<'_>) -> Result<(), Malformed> {
        let Record { kind, id, content } = *record;
        match kind {
            _ if id == MANAGEMENT => self.manage(kind, content)?,
            kind::BEGIN_REQUEST => self.begin(id, content)?,
            kind::ABORT_REQUEST => {
                self.pending.remove(&id);
                self.conn.abort(id);
            }
            kind::PARAMS => self.params(id, content)?,
            kind::STDIN => self.stdin(id, content),
            // DATA is for filters. This version has no other types.
            _ => {}
        }
        Ok(())
    }

    /// Responds to a management record (FastCGI 1.0 section 4).
    fn manage(&self, kind: u8, content: &[u8]) -> Result<(), Malformed> {
        if kind != kind::GET_VALUES {
            self.conn.respond_to_management(&record::unknown_type(kind));
            return Ok(());
        }
        let options = &self.conn.shared.options;
        let mut values = Vec::new();
        let mut pair = Vec::new();
        for (name, _) in params::parse(content)? {
            let value = match name {
                b"FCGI_MAX_CONNS" => options.advertised_connections().to_string(),
                b"FCGI_MAX_REQS" => options.advertised_requests().to_string(),
                b"FCGI_MPXS_CONNS" => u8::from(options.may_multiplex()).to_string(),
                // Unknown variables are left out (FastCGI 1.0 section 4.1).
                _ => continue,
            };
            if name == b"FCGI_MPXS_CONNS" && options.may_multiplex() {
                self.conn.will_multiplex();
            }
            pair.clear();
            params::write(&mut pair, name, value.as_bytes());
            // A query that exceeds this repeats its names.
            if values.len() + pair.len() > record::MAX_CONTENT {
                break;
            }
            values.extend_from_slice(&pair);
        }
        let header = record::header(kind::GET_VALUES_RESULT, MANAGEMENT, values.len());
        self.conn.respond_to_management(&[&header[..], &values].concat());
        Ok(())
    }

    fn begin(&mut self, id: u16, content: &[u8]) -> Result<(), Malformed> {
        let Begin { role, keep } = Begin::parse(content)?;
        if role != RESPONDER && self.conn.active(id).is_none() {
            self.conn.refuse(id, Status::UnknownRole, keep);
            return Ok(());
        }
        match self.conn.begin(id, keep) {
            Ok(()) => {
                self.rechecked = false;
                let deadline = self.partial.or_else(|| self.head_deadline());
                self.pending.insert(id, PendingParams { bytes: Vec::new(), deadline });
            }
            Err(BeginError::IdInUse) => return Err(Malformed::IdInUse(id)),
            Err(BeginError::Closing) => {}
            Err(BeginError::Refused(status)) => self.conn.refuse(id, status, keep),
        }
        Ok(())
    }

    fn params(&mut self, id: u16, content: &[u8]) -> Result<(), Malformed> {
        let Some(PendingParams { bytes, .. }) = self.pending.get_mut(&id) else { return Ok(()) };
        let most = self.conn.shared.options.max_params_bytes;
        if bytes.len() + content.len() > most {
            let text = format!("web server's variables exceed {}\n", counted(most, "byte"));
            self.refuse_long(id, text);
            return Ok(());
        }
        if !content.is_empty() {
            bytes.extend_from_slice(content);
            return Ok(());
        }
        let bytes = std::mem::take(bytes);
        let pairs = params::parse(&bytes)?;
        if pairs.len() > MAX_VARIABLES {
            let text = format!("web server sent more than {MAX_VARIABLES} variables\n");
            self.refuse_long(id, text);
            return Ok(());
        }
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.start(id, pairs.collect());
        Ok(())
    }

    /// Starts the handler of a request whose parameters have arrived.
    fn start(&mut self, id: u16, variables: Variables) {
        let (request, meta) = match gateway::read(&variables) {
            Ok(read) => read,
            Err(error) => return self.refuse(id, StatusCode::BAD_REQUEST, format!("{error}\n")),
        };
        self.pending.remove(&id);
        let Some(active) = self.conn.active(id) else { return };
        let body = match meta.content_length {
            Some(0) => {
                active.inbox.fail(Error::new(ErrorKind::Misuse));
                Body::empty()
            }
            length => {
                let body = RequestBody::new(&self.conn, Arc::clone(&active), length);
                Body::incoming(Box::new(body))
            }
        };
        let mut request = request.map(|_| body);
        let info = GatewayRequestInfo { signals: Arc::clone(&active.signals), meta };
        let errors = handling::error_stream(&self.conn, &active);
        set_info(&mut request, Arc::new(info));
        let extensions = request.extensions_mut();
        extensions.insert(variables);
        extensions.insert(errors);
        let conn = Arc::clone(&self.conn);
        self.run_job(&Arc::clone(&active), move || handling::handle(conn, active, request));
    }

    /// Runs `job` on another thread, since it writes and this thread must not block. It ends the request.
    fn run_job(&self, active: &ActiveRequest, job: impl FnOnce() + Send + 'static) {
        if let Err(error) = self.conn.shared.workers.run(job) {
            log::error!("{}: cannot start a thread for a request: {error}", self.conn.remote);
            self.conn.overloaded(active);
        }
    }

    fn refuse_long(&mut self, id: u16, text: String) {
        self.refuse(id, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text);
    }

    /// Refuses a request without running its handler.
    pub(super) fn refuse(&mut self, id: u16, status: StatusCode, text: String) {
        log::debug!("{}: {status}: {}", self.conn.remote, text.trim_end());
        self.pending.remove(&id);
        let Some(active) = self.conn.active(id) else { return };
        // Its body is discarded.
        active.inbox.fail(Error::new(ErrorKind::Misuse));
        let conn = Arc::clone(&self.conn);
        self.run_job(&Arc::clone(&active), move || {
            handling::begin(conn, active).refuse(status, &text);
        });
    }

    fn stdin(&mut self, id: u16, content: &[u8]) {
        let Some(active) = self.conn.active(id) else { return };
        if content.is_empty() {
            return active.inbox.end();
        }
        let most = self.conn.shared.options.max_held_back;
        while active.inbox.put(content, most) == PutResult::Full {
            if self.conn.multiplexes() || !self.wait_for_room(&active) {
                active.inbox.fail(overflow(most));
            }
        }
    }

    /// Blocks until the handler has read enough for the next record. Returns `false` if it does not in
    /// time, or if the connection is lost. An end of stream is noticed without reading.
    fn wait_for_room(&mut self, active: &ActiveRequest) -> bool {
        let patience = self.conn.shared.options.body_patience;
        let patience = patience.map_or_else(Context::new, Context::with_timeout);
        let stream = self.conn.stream.clone();
        let _hook = patience.on_done(move |_| stream.wake_hangup());
        while active.inbox.is_full() {
            if patience.is_done() {
                return false;
            }
            let least = if self.peer_closed { Hangup::Broken } else { Hangup::EndOfStream };
            match self.conn.stream.wait_hangup(least) {
                Ok(Hangup::EndOfStream) => {
                    self.peer_closed = true;
                    self.conn.disconnected(Disconnect::EndOfStream);
                }
                Ok(Hangup::Broken) => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let ConnEnd(disconnect, reason) = self.end;
        self.conn.end_reading(disconnect, reason);
    }
}
