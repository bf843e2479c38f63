//! A response as FastCGI records.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, StatusCode};

use super::batch::FAILED;
use super::conn::Conn;
use super::record::kind;
use super::request::ActiveRequest;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway;
use crate::handler::{FinalHead, Sink};
use crate::net::Duplex;

/// The size, in bytes, at which the encoded output is written.
const FULL: usize = 16 * 1024;

/// The size, in bytes, from which a piece of a body is written without a copy.
const WRITE_THROUGH: usize = 4 * 1024;

/// The writing half of one request. Dropping it ends the request.
pub(super) struct Wire {
    conn: Arc<Conn>,
    active: Arc<ActiveRequest>,
    /// The output that is encoded and not written: the content of the next STDOUT records.
    out: Vec<u8>,
    /// Another wire writes this response.
    is_detached: bool,
}

impl Wire {
    pub(super) fn new(conn: Arc<Conn>, active: Arc<ActiveRequest>) -> Self {
        Self { conn, active, out: Vec::new(), is_detached: false }
    }

    /// Ends the request: writes the rest of its output, the ends of its streams, and its exit status
    /// `exit`.
    pub(super) fn end_request(&mut self, exit: u32) {
        let out = std::mem::take(&mut self.out);
        self.conn.finish(&self.active, &out, exit);
    }

    /// Refuses a request without running its handler, and ends it.
    pub(super) fn refuse(&mut self, status: StatusCode, text: &str) {
        gateway::write_refusal(&mut self.out, status, text);
        self.end_request(FAILED);
    }

    /// Writes the encoded output, followed by `data`.
    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        if self.out.is_empty() && data.is_empty() {
            return Ok(());
        }
        let outcome = self.conn.write(&self.active, kind::STDOUT, &self.out, data);
        self.out.clear();
        outcome
    }
}

impl Drop for Wire {
    /// Has no effect on a request that was ended.
    fn drop(&mut self) {
        if !self.is_detached {
            self.end_request(FAILED);
        }
    }
}

impl Sink for Wire {
    /// Has no effect: CGI has no interim responses (RFC 3875 section 6.3.3).
    fn informational(&mut self, _status: StatusCode, _headers: &HeaderMap) -> io::Result<()> {
        Ok(())
    }

    fn head(&mut self, head: &FinalHead<'_>) -> io::Result<()> {
        gateway::write_head(&mut self.out, head);
        Ok(())
    }

    fn body(&mut self, data: &[u8]) -> io::Result<()> {
        if data.len() >= WRITE_THROUGH {
            return self.write(data);
        }
        self.out.extend_from_slice(data);
        if self.out.len() >= FULL { self.write(&[]) } else { Ok(()) }
    }

    /// Ignores trailers, which CGI does not have.
    fn end(&mut self, _trailers: Option<&HeaderMap>) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write(&[])
    }

    fn hijack(&mut self) -> Result<Duplex> {
        let message = "a FastCGI connection cannot be hijacked";
        Err(Error::message(ErrorKind::Misuse, message))
    }

    fn set_read_deadline(&mut self, deadline: Option<Instant>) {
        self.active.inbox.set_deadline(deadline);
    }

    fn body_failure(&self) -> Option<Error> {
        self.active.inbox.failure(self.active.signals.is_disconnected())
    }

    fn set_write_deadline(&mut self, deadline: Option<Instant>) {
        self.active.set_write_deadline(deadline);
    }

    fn write_deadline(&self) -> Option<Instant> {
        self.active.write_deadline()
    }

    /// Ends the request, since a web server waits for that.
    fn release(&mut self) -> io::Result<()> {
        self.end_request(0);
        Ok(())
    }

    fn detach(&mut self) -> Box<dyn Sink> {
        self.is_detached = true;
        let out = std::mem::take(&mut self.out);
        let (conn, active) = (Arc::clone(&self.conn), Arc::clone(&self.active));
        Box::new(Self { conn, active, out, is_detached: false })
    }

    fn attach(&mut self, sink: Box<dyn Any>) {
        if let Ok(mut wire) = sink.downcast::<Self>() {
            self.is_detached = false;
            wire.is_detached = true;
            self.out = std::mem::take(&mut wire.out);
        }
    }
}
