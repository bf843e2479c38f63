//! The thread that reads a connection: it takes records apart, and hands out what they carry.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use http::{Method, StatusCode};

use super::conn::{Conn, Refused};
use super::inbox::{Put, overflow};
use super::record::{self, Begin, MANAGEMENT, Malformed, RESPONDER, Record, Status, kind};
use super::request::{Active, RequestBody};
use super::response::Wire;
use super::{MAX_VARIABLES, params};
use crate::body::Body;
use crate::context::Context;
use crate::gateway::{self, Described, ErrorStream, Variables};
use crate::h1::CloseReason;
use crate::handler::{Ending, Request, RequestExt, ResponseWriter, put_origin};
use crate::logging as log;
use crate::net::{Buffer, Hangup};
use crate::serving::{self, Gone, Outcome};
use crate::text::counted;

/// Reads one connection.
pub(super) struct Reader {
    conn: Arc<Conn>,
    /// The parameters of requests, which have not all come.
    gathering: HashMap<u16, Vec<u8>>,
    /// Whether its end of stream has been seen behind what is still to be read.
    peer_closed: bool,
}

impl Reader {
    pub(super) fn new(conn: Arc<Conn>) -> Self {
        Self { conn, gathering: HashMap::new(), peer_closed: false }
    }

    /// Reads until the connection ends, or is to be closed.
    pub(super) fn run(mut self) {
        let (gone, reason) = self.read_all();
        if reason == CloseReason::Malformed {
            // And only it: whatever else the web server has to say comes by others.
            self.conn.stream().close();
        }
        self.conn.unread(gone, reason);
    }

    fn read_all(&mut self) -> (Gone, CloseReason) {
        let mut buffer = Buffer::default();
        loop {
            while !self.conn.is_closing() {
                match record::parse(buffer.data()) {
                    Ok(None) => break,
                    Ok(Some((record, used))) => {
                        if let Err(error) = self.take(&record) {
                            return self.malformed(&error);
                        }
                        buffer.consume(used);
                    }
                    Err(error) => return self.malformed(&error),
                }
            }
            // An idle connection holds no buffer. One that is to be closed is read on, so that the web
            // server sees no reset, and what comes is thrown away.
            if self.conn.is_closing() || (buffer.is_empty() && self.conn.is_idle()) {
                buffer.release();
            }
            let came = buffer.fill(|room| self.conn.stream().read(room));
            match came {
                Ok(0) => return (Gone::EndOfStream, CloseReason::EndOfStream),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    if let Some(reason) = self.timed_out() {
                        return (Gone::Closed, reason);
                    }
                }
                Err(_) if self.conn.stream().is_closed() => {
                    return (Gone::Closed, CloseReason::ShuttingDown);
                }
                Err(error) => return (Gone::Failed(error.kind()), CloseReason::IoFailed),
            }
        }
    }

    fn malformed(&self, error: &Malformed) -> (Gone, CloseReason) {
        log::warn!("{}: {error}", self.conn.remote);
        (Gone::Failed(io::ErrorKind::InvalidData), CloseReason::Malformed)
    }

    /// A time limit has run out: why the connection ends by it, if it does.
    fn timed_out(&self) -> Option<CloseReason> {
        if self.conn.is_closing() {
            Some(CloseReason::WeAskedToClose)
        } else if !self.gathering.is_empty() {
            Some(CloseReason::TimedOut)
        } else if self.conn.is_idle() {
            Some(CloseReason::IdleTooLong)
        } else {
            // A request has begun meanwhile, or ended.
            self.conn.stream().set_read_deadline(None);
            None
        }
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
            params::write(&mut values, name, value.as_bytes());
        }
        values.truncate(record::MAX_CONTENT);
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
                self.gathering.insert(id, Vec::new());
                let limit = self.conn.shared.options.read_header_timeout;
                let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
                self.conn.stream().set_read_deadline(deadline);
            }
            Err(Refused::InUse) => return Err(Malformed::IdInUse(id)),
            Err(Refused::Unwanted) => {}
            Err(Refused::For(status)) => self.conn.refuse(id, status, keep),
        }
        Ok(())
    }

    fn params(&mut self, id: u16, content: &[u8]) -> Result<(), Malformed> {
        let Some(gathered) = self.gathering.get_mut(&id) else { return Ok(()) };
        let most = self.conn.shared.options.max_params_bytes;
        if gathered.len() + content.len() > most {
            let text = format!("the web server's variables exceed {}\n", counted(most, "byte"));
            self.give_up(id, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &text);
            return Ok(());
        }
        if !content.is_empty() {
            gathered.extend_from_slice(content);
            return Ok(());
        }
        let gathered = std::mem::take(gathered);
        let pairs = params::parse(&gathered)?;
        if pairs.len() > MAX_VARIABLES {
            let text = format!("the web server's variables are more than {MAX_VARIABLES}\n");
            self.give_up(id, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &text);
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
            Err(error) => return self.give_up(id, StatusCode::BAD_REQUEST, &format!("{error}\n")),
        };
        self.gathered(id);
        let Some(active) = self.conn.active(id) else { return };
        let body = match facts.content_length {
            Some(0) => Body::empty(),
            length => {
                let body = RequestBody::new(Arc::clone(&self.conn), Arc::clone(&active), length);
                Body::incoming(Box::new(body))
            }
        };
        let mut request = request.map(|_| body);
        let origin = Described { signals: Arc::clone(&active.signals), facts };
        let errors = error_stream(&self.conn, &active);
        put_origin(&mut request, Arc::new(origin));
        let extensions = request.extensions_mut();
        extensions.insert(variables);
        extensions.insert(errors);
        let conn = Arc::clone(&self.conn);
        self.hand_over(&Arc::clone(&active), move || handle(&conn, &active, request));
    }

    /// Has `job` end a request, on a thread that may wait for its turn to write: this one must not.
    fn hand_over(&self, active: &Active, job: impl FnOnce() + Send + 'static) {
        if let Err(error) = self.conn.shared.workers.run(job) {
            log::error!("{}: no thread for a request: {error}", self.conn.remote);
            self.conn.overloaded(active);
        }
    }

    /// Answers a request that no handler gets to see.
    fn give_up(&mut self, id: u16, status: StatusCode, text: &str) {
        log::debug!("{}: {status}: {}", self.conn.remote, text.trim_end());
        self.gathered(id);
        let Some(active) = self.conn.active(id) else { return };
        let mut answer = Vec::new();
        gateway::write_refusal(&mut answer, status, text);
        let conn = Arc::clone(&self.conn);
        self.hand_over(&Arc::clone(&active), move || conn.finish(&active, &answer, FAILED, None));
    }

    /// The parameters of a request have come: the limit for them has been kept.
    fn gathered(&mut self, id: u16) {
        self.gathering.remove(&id);
        if self.gathering.is_empty() {
            self.conn.stream().set_read_deadline(None);
        }
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
        let stream = self.conn.stream().clone();
        let _hook = patience.on_done(move |_| stream.wake_hangup());
        while active.inbox.is_full() {
            if patience.is_done() {
                return false;
            }
            let least = if self.peer_closed { Hangup::Broken } else { Hangup::EndOfStream };
            match self.conn.stream().wait_hangup(least) {
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

/// What a program that failed would have exited with.
const FAILED: u32 = 1;

/// Runs the handler on a request, and ends it.
fn handle(conn: &Arc<Conn>, active: &Arc<Active>, mut request: Request) {
    let shared = &conn.shared;
    let limit = shared.options.write_timeout;
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let wire = Wire::new(Arc::clone(conn), Arc::clone(active), deadline);
    let mut writer = ResponseWriter::new(Box::new(wire));
    writer.begin(request.method() == Method::HEAD);
    let remote = request.remote_addr().unwrap_or_else(|| conn.remote.clone());
    let exit = match serving::run(&*shared.handler, &mut writer, &mut request, &remote) {
        Outcome::Ended(Ending::Whole) => 0,
        Outcome::Ended(_) => FAILED,
        Outcome::Failed => {
            if writer.replace_with(StatusCode::INTERNAL_SERVER_ERROR) {
                let _ = writer.finish();
            }
            FAILED
        }
    };
    active.signals.finish();
    writer.sink::<Wire>().end_request(exit);
}

fn error_stream(conn: &Arc<Conn>, active: &Arc<Active>) -> ErrorStream {
    let (conn, active) = (Arc::clone(conn), Arc::clone(active));
    ErrorStream::new(move |bytes| {
        active.set_erred();
        conn.write(&active, kind::STDERR, bytes, &[], None)
    })
}
