//! The thread that reads a connection: it takes records apart, and hands out what they carry.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;

use super::conn::{Conn, Refused};
use super::handling;
use super::inbox::{Put, overflow};
use super::record::{self, Begin, MANAGEMENT, Malformed, RESPONDER, Record, Status, kind};
use super::request::{Active, RequestBody};
use super::{MAX_VARIABLES, params};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::gateway::{self, GatewayRequestInfo};
use crate::h1::CloseReason;
use crate::handler::{Variables, set_info};
use crate::logging as log;
use crate::net::{Buffer, Hangup};
use crate::serving::Gone;
use crate::text::counted;

/// Reads one connection, until it is dropped.
pub(super) struct Reader {
    pub(super) conn: Arc<Conn>,
    /// The requests whose parameters have not all come.
    pub(super) gathering: HashMap<u16, Gathering>,
    /// When the record that has begun to arrive must be whole.
    pub(super) partial: Option<Instant>,
    /// The connection has been idle for too long, and was looked at once more.
    pub(super) looked: bool,
    /// Whether its end of stream has been seen behind what is still to be read.
    peer_closed: bool,
    ending: Ending,
}

/// Parameters of one request.
pub(super) struct Gathering {
    bytes: Vec<u8>,
    /// When all must have come.
    pub(super) deadline: Option<Instant>,
}

/// How the connection ends, for its requests and for the log.
#[derive(Clone, Copy)]
pub(super) struct Ending(pub(super) Gone, pub(super) CloseReason);

impl Reader {
    pub(super) fn new(conn: Arc<Conn>) -> Self {
        Self {
            conn,
            gathering: HashMap::new(),
            partial: None,
            looked: false,
            peer_closed: false,
            ending: Ending(Gone::Closed, CloseReason::IoFailed),
        }
    }

    /// Reads until the connection ends.
    pub(super) fn run(mut self) {
        self.ending = self.read_all();
        match self.ending.1 {
            CloseReason::Malformed => self.conn.give_up(self.ending.0),
            CloseReason::WeAskedToClose | CloseReason::IdleTooLong | CloseReason::TimedOut => {}
            CloseReason::ShuttingDown if self.conn.close_if_idle() => {}
            _ => return,
        }
        self.conn.linger(self.ending.1);
    }

    fn read_all(&mut self) -> Ending {
        let mut buffer = Buffer::default();
        loop {
            if let Err(error) = self.take_all(&mut buffer) {
                return self.malformed(&error);
            }
            if self.conn.is_closing() {
                return Ending(Gone::Closed, CloseReason::WeAskedToClose);
            }
            // An idle connection holds no buffer.
            if buffer.is_empty() && self.conn.is_idle() {
                buffer.release();
            }
            self.expect_rest(&buffer);
            self.conn.wake_reader_at(self.deadline());
            match buffer.fill(|room| (&self.conn.stream).read(room)) {
                Ok(0) => return Ending(Gone::EndOfStream, CloseReason::EndOfStream),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    if let Some(ending) = self.timed_out(&mut buffer) {
                        return ending;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    if self.gathering.is_empty() && buffer.is_empty() {
                        self.conn.end_if_idle();
                    }
                }
                Err(_) if self.conn.stream.is_closed() => {
                    return Ending(Gone::Closed, self.conn.why_closed());
                }
                Err(error) => return Ending(Gone::Failed(error.kind()), CloseReason::IoFailed),
            }
        }
    }

    /// Takes the whole records, until the connection takes no more.
    fn take_all(&mut self, buffer: &mut Buffer) -> Result<(), Malformed> {
        while !self.conn.is_closing() {
            let Some((record, used)) = record::parse(buffer.data())? else { break };
            self.take(&record)?;
            buffer.consume(used);
            self.partial = None;
        }
        Ok(())
    }

    fn malformed(&self, error: &Malformed) -> Ending {
        log::warn!("{}: {error}", self.conn.remote);
        Ending(Gone::Failed(io::ErrorKind::InvalidData), CloseReason::Malformed)
    }

    fn take(&mut self, record: &Record<'_>) -> Result<(), Malformed> {
        let Record { kind, id, content } = *record;
        match kind {
            _ if id == MANAGEMENT => self.manage(kind, content)?,
            kind::BEGIN_REQUEST => self.begin(id, content)?,
            kind::ABORT_REQUEST => {
                self.gathering.remove(&id);
                self.conn.abort(id);
            }
            kind::PARAMS => self.params(id, content)?,
            kind::STDIN => self.stdin(id, content),
            // DATA is for filters; anything else is nothing that this version knows of.
            _ => {}
        }
        Ok(())
    }

    /// A record that concerns the connection (section 4).
    fn manage(&self, kind: u8, content: &[u8]) -> Result<(), Malformed> {
        if kind != kind::GET_VALUES {
            self.conn.answer(&record::unknown_type(kind));
            return Ok(());
        }
        let options = &self.conn.shared.options;
        let mut values = Vec::new();
        let mut pair = Vec::new();
        for (name, _) in params::parse(content)? {
            let value = match name {
                b"FCGI_MAX_CONNS" => options.told_connections().to_string(),
                b"FCGI_MAX_REQS" => options.told_requests().to_string(),
                b"FCGI_MPXS_CONNS" => u8::from(options.may_multiplex()).to_string(),
                // Variables that are not known are left out.
                _ => continue,
            };
            if name == b"FCGI_MPXS_CONNS" && options.may_multiplex() {
                self.conn.will_multiplex();
            }
            pair.clear();
            params::write(&mut pair, name, value.as_bytes());
            // One that asks for the same again and again has been told.
            if values.len() + pair.len() > record::MAX_CONTENT {
                break;
            }
            values.extend_from_slice(&pair);
        }
        let header = record::header(kind::GET_VALUES_RESULT, MANAGEMENT, values.len());
        self.conn.answer(&[&header[..], &values].concat());
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
                self.looked = false;
                let deadline = self.partial.or_else(|| self.patience());
                self.gathering.insert(id, Gathering { bytes: Vec::new(), deadline });
            }
            Err(Refused::InUse) => return Err(Malformed::IdInUse(id)),
            Err(Refused::Unwanted) => {}
            Err(Refused::For(status)) => self.conn.refuse(id, status, keep),
        }
        Ok(())
    }

    fn params(&mut self, id: u16, content: &[u8]) -> Result<(), Malformed> {
        let Some(Gathering { bytes, .. }) = self.gathering.get_mut(&id) else { return Ok(()) };
        let most = self.conn.shared.options.max_params_bytes;
        if bytes.len() + content.len() > most {
            let text = format!("the web server's variables exceed {}\n", counted(most, "byte"));
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
            let text = format!("the web server's variables are more than {MAX_VARIABLES}\n");
            self.refuse_long(id, text);
            return Ok(());
        }
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.start(id, pairs.collect());
        Ok(())
    }

    /// All parameters have come: the handler can run.
    fn start(&mut self, id: u16, variables: Variables) {
        let (request, facts) = match gateway::read(&variables) {
            Ok(read) => read,
            Err(error) => return self.refuse(id, StatusCode::BAD_REQUEST, format!("{error}\n")),
        };
        self.gathering.remove(&id);
        let Some(active) = self.conn.active(id) else { return };
        let body = match facts.content_length {
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
        let info = GatewayRequestInfo { signals: Arc::clone(&active.signals), facts };
        let errors = handling::error_stream(&self.conn, &active);
        set_info(&mut request, Arc::new(info));
        let extensions = request.extensions_mut();
        extensions.insert(variables);
        extensions.insert(errors);
        let conn = Arc::clone(&self.conn);
        self.hand_over(&Arc::clone(&active), move || handling::handle(conn, active, request));
    }

    /// Has `job` end a request, on a thread that may wait for its turn to write: this one must not.
    fn hand_over(&self, active: &Active, job: impl FnOnce() + Send + 'static) {
        if let Err(error) = self.conn.shared.workers.run(job) {
            log::error!("{}: no thread for a request: {error}", self.conn.remote);
            self.conn.overloaded(active);
        }
    }

    fn refuse_long(&mut self, id: u16, text: String) {
        self.refuse(id, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text);
    }

    /// Answers a request that no handler gets to see.
    pub(super) fn refuse(&mut self, id: u16, status: StatusCode, text: String) {
        log::debug!("{}: {status}: {}", self.conn.remote, text.trim_end());
        self.gathering.remove(&id);
        let Some(active) = self.conn.active(id) else { return };
        // Its body is not wanted.
        active.inbox.fail(Error::new(ErrorKind::Misuse));
        let conn = Arc::clone(&self.conn);
        self.hand_over(&Arc::clone(&active), move || {
            handling::begin(conn, active).refuse(status, &text);
        });
    }

    fn stdin(&mut self, id: u16, content: &[u8]) {
        let Some(active) = self.conn.active(id) else { return };
        if content.is_empty() {
            return active.inbox.end();
        }
        let most = self.conn.shared.options.max_held_back;
        while active.inbox.put(content, most) == Put::Full {
            if self.conn.multiplexes() || !self.wait_for_room(&active) {
                active.inbox.fail(overflow(most));
            }
        }
    }

    /// Waits until the handler has read; `false` if it does not. That the web server goes away meanwhile
    /// is noticed without reading.
    fn wait_for_room(&mut self, active: &Active) -> bool {
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
                    self.conn.gone(Gone::EndOfStream);
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
        let Ending(gone, reason) = self.ending;
        self.conn.unread(gone, reason);
    }
}
