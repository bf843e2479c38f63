//! One request on a connection, and reading its response.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Instant;

use super::connection::Connection;
use super::decoder::{Decoder, End, Next};
use super::options::Options;
use super::pool::Lease;
use super::receiving::Receiving;
use super::sending::{Rest, Sending};
use crate::body::Body;
use crate::context::{Context, HookGuard};
use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::fcgi::record::{Malformed, Status};
use crate::gateway::ErrorLines;
use crate::logging as log;
use crate::net::Stream;

/// The size of a read, in bytes, from which it bypasses the buffer.
const DIRECT_READ: usize = 4096;

/// A request that was sent, or is being sent.
pub(super) struct Exchange {
    /// `None` once the exchange has ended.
    open: Option<Open>,
    decoder: Decoder,
    receiving: Receiving,
    sending: Sending,
    errors: ErrorLines,
    context: Context,
    /// Aborts the request when the context ends.
    abort: Option<HookGuard>,
    /// The connection may be used again.
    keep: bool,
    name: Arc<str>,
    /// The end that the application has declared.
    end: Option<End>,
}

/// The connection, and the right to it. The fields are dropped in this order.
struct Open {
    connection: Connection,
    lease: Lease,
}

impl Exchange {
    /// Sends a request: `encoded`, then `rest.body`. Blocks neither for the application nor for the body.
    ///
    /// # Errors
    ///
    /// The connection's, if nothing can be sent on it, or the system's.
    pub(super) fn begin(
        options: &Options,
        (lease, connection, is_new): (Lease, Connection, bool),
        (encoded, body): (&[u8], Option<Body>),
        context: &Context,
    ) -> Result<Self> {
        let stream = connection.stream.clone();
        let sent = write_now(&stream, encoded)
            .map_err(|error| Error::with_source(ErrorKind::Send, error))?;
        let sending = if sent == encoded.len() && body.is_none() {
            Sending::finished(stream.clone())
        } else {
            let rest = Rest { encoded: encoded[sent..].to_vec(), body };
            Sending::start(stream.clone(), rest, context)?
        };
        let pool = is_new.then(|| Arc::clone(lease.pool()));
        let receiving = Receiving::new(stream, sending.clone(), options.read_timeout, pool);
        let mut exchange = Self {
            open: Some(Open { connection, lease }),
            decoder: Decoder::default(),
            receiving,
            sending,
            errors: ErrorLines::new(Arc::clone(&options.name), options.errors.clone()),
            context: context.clone(),
            abort: None,
            keep: options.keep_connections,
            name: Arc::clone(&options.name),
            end: None,
        };
        exchange.set_context(context);
        Ok(exchange)
    }

    /// Aborts the request when `context` ends.
    pub(super) fn set_context(&mut self, context: &Context) {
        let sending = self.sending.clone();
        self.context = context.clone();
        self.abort = Some(context.on_done(move |_| sending.abort()));
    }

    /// The head has been read: the limits are those of the body from now on.
    pub(super) fn begin_body(&mut self) {
        self.receiving.limit = TimeLimit::IdleRead;
    }

    /// Returns `true` if bytes of the response have arrived.
    pub(super) fn has_begun(&self) -> bool {
        self.receiving.begun
    }

    /// Returns `true` if the response has ended.
    pub(super) fn is_ended(&self) -> bool {
        self.open.is_none()
    }

    /// Returns the end that the application has declared.
    pub(super) fn end(&self) -> Option<End> {
        self.end
    }

    /// Reads output. Returns 0 at its end.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        loop {
            let next = match self.advance() {
                Ok(next) => next,
                Err(error) => return Err(self.malformed(error)),
            };
            let Some(Open { connection, .. }) = &mut self.open else { return Ok(0) };
            let buffer = &mut connection.buffer;
            let (read, is_direct) = match next {
                Next::End(end) => {
                    self.finish(Some(end));
                    return Ok(0);
                }
                _ if out.is_empty() => return Ok(0),
                Next::Stdout(left) if !buffer.is_empty() => {
                    let count = left.min(out.len()).min(buffer.data().len());
                    out[..count].copy_from_slice(&buffer.data()[..count]);
                    buffer.consume(count);
                    self.decoder.taken(count);
                    return Ok(count);
                }
                Next::Stdout(left) if left.min(out.len()) >= DIRECT_READ => {
                    let want = left.min(out.len());
                    (self.receiving.read(&mut out[..want]), true)
                }
                _ => (buffer.fill(|room| self.receiving.read(room)), false),
            };
            match read {
                Ok(0) => return self.end_of_stream(),
                Ok(count) if is_direct => {
                    self.decoder.taken(count);
                    return Ok(count);
                }
                Ok(_) => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    /// Decodes what has arrived, up to output or the end. Passes error output on.
    fn advance(&mut self) -> Result<Next, Malformed> {
        loop {
            let Some(Open { connection, .. }) = &mut self.open else { return Ok(Next::NeedInput) };
            let buffer = &mut connection.buffer;
            let (used, next) = self.decoder.advance(buffer.data())?;
            buffer.consume(used);
            match next {
                Next::Stderr(left) if !buffer.is_empty() => {
                    let count = left.min(buffer.data().len());
                    self.errors.push(&buffer.data()[..count]);
                    buffer.consume(count);
                    self.decoder.taken(count);
                }
                next => return Ok(next),
            }
        }
    }

    /// Returns `true` if a read would not have to wait.
    pub(super) fn is_ready(&mut self) -> bool {
        loop {
            let next = self.advance();
            let Some(Open { connection, .. }) = &mut self.open else { return true };
            let Connection { stream, buffer } = connection;
            match next {
                Ok(Next::End(_)) | Err(_) => return true,
                Ok(Next::Stdout(_)) if !buffer.is_empty() => return true,
                Ok(_) => {}
            }
            match buffer.fill(|room| stream.try_read(room)) {
                Ok(1..) => self.receiving.begun = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Ok(0) | Err(_) => return true,
            }
        }
    }

    /// Ends the exchange if the end has arrived. Does not block, and takes no output.
    pub(super) fn end_if_arrived(&mut self) {
        if let Ok(Next::End(end)) = self.advance() {
            self.finish(Some(end));
        }
    }

    /// Discards output until the end, at most `most` bytes and until `until`.
    pub(super) fn discard(&mut self, mut most: usize, until: Instant) {
        let mut scratch = [0; DIRECT_READ - 1];
        while most > 0 && !self.is_ended() && !self.context.is_done() {
            if !self.is_ready() {
                let Some(Open { connection, .. }) = &self.open else { return };
                if connection.stream.wait_readable_until(Some(until)).is_err() {
                    return;
                }
                continue;
            }
            match self.read(&mut scratch) {
                Ok(count @ 1..) => most = most.saturating_sub(count),
                Ok(0) | Err(_) => return,
            }
        }
    }

    /// The connection has ended without END_REQUEST.
    fn end_of_stream(&mut self) -> Result<usize> {
        if self.decoder.is_stdout_ended() {
            self.finish(None);
            return Ok(0);
        }
        let error = self.failure().unwrap_or_else(|| match self.receiving.begun {
            false => Error::new(ErrorKind::EmptyReply),
            true => {
                let message = "the application closed the connection within its response";
                Error::message(ErrorKind::IncompleteBody, message)
            }
        });
        self.close();
        Err(error)
    }

    fn failed(&mut self, error: io::Error) -> Error {
        let error = self.failure().unwrap_or_else(|| match error.downcast::<Error>() {
            Ok(error) => error,
            Err(error) => Error::with_source(ErrorKind::Receive, error),
        });
        self.close();
        error
    }

    fn malformed(&mut self, error: Malformed) -> Error {
        self.close();
        Error::with_source(ErrorKind::MalformedMessage, error)
    }

    /// Returns the error that has ended the exchange, if it is not the connection's.
    fn failure(&self) -> Option<Error> {
        self.context.err().map(Error::from).or_else(|| self.sending.failure())
    }

    /// The response is complete.
    fn finish(&mut self, end: Option<End>) {
        self.end = end;
        self.abort = None;
        let Some(Open { mut connection, lease }) = self.open.take() else { return };
        let complete = end.is_some_and(|end| end.status == Status::Complete as u8);
        if let Some(End { exit: exit @ 1.., .. }) = end {
            log::debug!("{}: request ended with status {exit}", self.name);
        }
        let reusable = self.keep && complete && connection.buffer.is_empty();
        if reusable && self.sending.is_complete() && !self.context.is_done() {
            connection.buffer.release();
            lease.give_back(connection);
        } else {
            self.sending.stop();
            connection.stream.close();
        }
    }

    /// Closes the connection of a response that is not complete.
    fn close(&mut self) {
        self.abort = None;
        if self.open.take().is_some() {
            self.sending.abort();
            self.sending.stop();
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.close();
    }
}

/// Writes as much as there is room for. Returns the number of bytes.
fn write_now(stream: &Stream, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.try_write_vectored(&[IoSlice::new(&bytes[sent..])]) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}
