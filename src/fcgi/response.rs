//! A response in records of FastCGI.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, StatusCode};

use super::conn::Conn;
use super::record::{HEADER, MAX_CONTENT, Status, end_request, header, kind};
use super::request::Active;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway;
use crate::handler::{FinalHead, Sink};
use crate::net::Duplex;

/// Above this many bytes the encoded output is written, whoever waits for more of it.
const FULL: usize = 16 * 1024;

/// From this size on, in bytes, a piece of a body is written from where it is, not copied.
const WRITE_THROUGH: usize = 4 * 1024;

/// The exit status of a program that failed.
pub(super) const FAILED: u32 = 1;

/// The writing half of one request. However its handler's thread leaves it, the request is ended.
pub(super) struct Wire {
    conn: Arc<Conn>,
    active: Arc<Active>,
    /// Encoded and not yet written: what STDOUT records will carry.
    out: Vec<u8>,
}

impl Wire {
    pub(super) fn new(conn: Arc<Conn>, active: Arc<Active>) -> Self {
        Self { conn, active, out: Vec::new() }
    }

    /// Ends the request: with what is left of its output, the end of its streams, and `exit`, which a
    /// program would have exited with.
    pub(super) fn end_request(&mut self, exit: u32) {
        let out = std::mem::take(&mut self.out);
        self.conn.finish(&self.active, &out, exit);
    }

    /// Answers a request that no handler gets to see, and ends it.
    pub(super) fn refuse(&mut self, status: StatusCode, text: &str) {
        gateway::write_refusal(&mut self.out, status, text);
        self.end_request(FAILED);
    }

    /// Writes what has been encoded, and `data` behind it.
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
    /// Does nothing for a request that was ended.
    fn drop(&mut self) {
        self.end_request(FAILED);
    }
}

impl Sink for Wire {
    /// A web server has no place for interim responses (RFC 3875 section 6.3.3 knows none).
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

    /// Trailers have no place in CGI's answers.
    fn end(&mut self, _trailers: Option<&HeaderMap>) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write(&[])
    }

    fn hijack(&mut self) -> Result<Duplex> {
        let message = "the connection is the web server's: it cannot be hijacked over FastCGI";
        Err(Error::message(ErrorKind::Misuse, message))
    }

    fn set_read_deadline(&mut self, deadline: Option<Instant>) {
        self.active.inbox.set_deadline(deadline);
    }

    fn body_failure(&self) -> Option<Error> {
        self.active.inbox.failure()
    }

    fn set_write_deadline(&mut self, deadline: Option<Instant>) {
        self.active.set_write_deadline(deadline);
    }
}

/// Records of one stream of a request, to be written together with others.
pub(super) struct Records<'a> {
    id: u16,
    /// Each with what it carries, which may stand in two places.
    records: Vec<([u8; HEADER], &'a [u8], &'a [u8])>,
}

impl<'a> Records<'a> {
    pub(super) fn of(id: u16) -> Self {
        Self { id, records: Vec::new() }
    }

    /// Adds records that carry `first` and `second`, as few as it takes.
    pub(super) fn carry(&mut self, kind: u8, mut first: &'a [u8], mut second: &'a [u8]) {
        while !first.is_empty() || !second.is_empty() {
            let one = first.split_off(..first.len().min(MAX_CONTENT)).unwrap_or_default();
            let room = MAX_CONTENT - one.len();
            let other = second.split_off(..second.len().min(room)).unwrap_or_default();
            let header = header(kind, self.id, one.len() + other.len());
            self.records.push((header, one, other));
        }
    }

    /// Adds the record that ends a stream.
    pub(super) fn end(&mut self, kind: u8) {
        self.records.push((header(kind, self.id, 0), &[], &[]));
    }

    /// The pieces, with what ends the request behind them.
    pub(super) fn slices<'s>(&'s self, end: &'s [u8]) -> Vec<IoSlice<'s>> {
        let pieces = self.records.iter().flat_map(|(header, one, other)| [&header[..], one, other]);
        pieces.chain([end]).filter(|piece| !piece.is_empty()).map(IoSlice::new).collect()
    }
}

/// What ends a request whose handler was run.
pub(super) fn completed(id: u16, exit: u32) -> [u8; 2 * HEADER] {
    end_request(id, exit, Status::Complete)
}
