//! The response as its handler writes it.
//!
//! ```text
//!            write ≤ 2 KiB                    more, or flush()
//!   ┌──────┐ ───────────────▶ ┌──────┐ ────────────────────────▶ ┌─────────┐
//!   │ Open │   held back      │ Open │    the head is decided    │ Sending │──▶ Ended
//!   └──────┘                  └──────┘                           └─────────┘
//!                                 │ the handler returns: Content-Length is known
//!                                 └──────────────────────────────────────────────▶ Ended
//! ```
//!
//! A short response thus gets a Content-Length by itself, and a handler that fails early can still be
//! answered for with a 500. The [`Sink`] of each server writes head and body to the wire. Whole responses
//! are in `response/whole.rs`.

mod whole;

use std::fmt;
use std::io::{self, Write};
use std::time::Instant;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::sink::{Ending, Head, Length, Sink};
use crate::error::{Error, ErrorKind, Result};
use crate::h1;
use crate::logging as log;
use crate::net::Duplex;
use crate::sniff;
use crate::text::counted;

/// How much of a body is held back, in bytes, in case the handler is done with it: below this a
/// second packet costs more than the copy.
pub(crate) const HOLD_BACK: usize = 2048;

/// Where a handler writes its answer: status and headers first, then the body through [`Write`].
///
/// # Framing
///
/// A Content-Length that the handler sets is enforced. Without one, a body of at most 2 KiB gets it
/// by itself; a longer or flushed one is sent in chunks to an HTTP/1.1 client and ended by closing
/// the connection to an HTTP/1.0 client. A body without a Content-Type gets the one that its first
/// bytes look like (WHATWG MIME sniffing).
///
/// # Blocking
///
/// Writing blocks while the client does not read and its buffers are full: until it reads, goes
/// away, or the server's write time limit or [`set_write_deadline`](Self::set_write_deadline) runs
/// out.
pub struct ResponseWriter<'a> {
    state: &'a mut ResponseState,
    sink: &'a mut dyn Sink,
}

/// The state of a response, which its connection keeps and uses again for the next one.
pub(crate) struct ResponseState {
    status: StatusCode,
    /// The handler's latest status is none: the response fails with this error.
    invalid_status: Option<Error>,
    headers: HeaderMap,
    /// A copy of the headers for a handler that changes them once they were sent.
    late_headers: Option<Box<HeaderMap>>,
    /// Few answers have any.
    trailers: Option<Box<HeaderMap>>,
    /// Written by the handler and not yet sent on: before the head was decided, all of it; later, small
    /// pieces. Invariant: at most [`HOLD_BACK`] bytes.
    held: Vec<u8>,
    stage: Stage,
    /// The request's method was HEAD: the body is counted, and not sent.
    head_only: bool,
}

#[derive(Debug)]
enum Stage {
    /// Nothing has been sent.
    Open,
    /// The head is out; so many bytes of the body must follow, if that was declared.
    Sending { missing: Option<u64> },
    /// The handler is done and so is the response.
    Ended,
    /// The connection belongs to the handler.
    Hijacked,
    /// A write failed: so will every other.
    Broken,
}

impl Default for ResponseState {
    fn default() -> Self {
        Self {
            status: StatusCode::OK,
            invalid_status: None,
            headers: HeaderMap::new(),
            late_headers: None,
            trailers: None,
            held: Vec::new(),
            stage: Stage::Ended,
            head_only: false,
        }
    }
}

impl ResponseState {
    /// Makes ready for the next response.
    pub(crate) fn begin(&mut self, head_only: bool) {
        self.reset();
        self.head_only = head_only;
        self.stage = Stage::Open;
    }

    fn reset(&mut self) {
        self.status = StatusCode::OK;
        self.invalid_status = None;
        self.headers.clear();
        self.late_headers = None;
        self.trailers = None;
        self.held.clear();
    }

    /// Gives back what memory it holds between two requests.
    pub(crate) fn release(&mut self) {
        self.held = Vec::new();
        self.headers = HeaderMap::new();
        self.late_headers = None;
    }

    /// Returns how many header fields it has memory for.
    pub(crate) fn fields_capacity(&self) -> usize {
        self.headers.capacity()
    }
}

impl<'a> ResponseWriter<'a> {
    /// Creates the writer of a response that [has begun](ResponseState::begin).
    pub(crate) fn new(state: &'a mut ResponseState, sink: &'a mut dyn Sink) -> Self {
        Self { state, sink }
    }

    pub(crate) fn is_hijacked(&self) -> bool {
        matches!(self.state.stage, Stage::Hijacked)
    }

    /// Returns the status that will be sent, or was: 200 unless it is set.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.state.status
    }

    /// Sets the final status: a [`StatusCode`] or a number. Once the head was sent, this has no effect
    /// but a line in the log at `debug`. For 1xx see [`informational`](Self::informational), and
    /// [`hijack`](Self::hijack) for 101.
    ///
    /// A number outside 100 to 999 makes the response fail: sending the head reports
    /// [`ErrorKind::InvalidMessage`], and the client gets a 500 unless a later call sets a valid status.
    ///
    /// ```
    /// # use hangup::{Request, ResponseWriter, Result};
    /// use std::io::Write;
    ///
    /// fn missing(w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    ///     w.set_status(404).write_all(b"not here\n")?;
    ///     Ok(())
    /// }
    /// ```
    pub fn set_status<S>(&mut self, status: S) -> &mut Self
    where
        S: TryInto<StatusCode> + Copy + fmt::Debug,
        S::Error: Into<http::Error>,
    {
        if self.is_head_sent() {
            too_late(format_args!("status {status:?}"));
            return self;
        }
        match status.try_into() {
            Ok(status) => {
                self.state.status = status;
                self.state.invalid_status = None;
            }
            Err(_) => {
                let message = format!("{status:?} is not a status code");
                self.state.invalid_status =
                    Some(Error::message(ErrorKind::InvalidMessage, message));
            }
        }
        self
    }

    /// The headers that will be, or were, sent, without those that are added by themselves: `Date`,
    /// `Content-Length`, `Transfer-Encoding`, `Connection`, and the `Content-Type` that the body looks
    /// like.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.state.headers
    }

    /// Returns the headers to be changed. Once the head was sent, this returns a copy. Changes of it
    /// have no effect but a line in the log at `debug`.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        if !self.is_head_sent() {
            return &mut self.state.headers;
        }
        too_late("the headers");
        let sent = &self.state.headers;
        self.state.late_headers.get_or_insert_with(|| Box::new(sent.clone()))
    }

    /// Sets a header, in place of any other of the same name. Once the head was sent, this has no
    /// effect but a line in the log at `debug`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidMessage`] if the name or the value is one that no header may have, a
    /// line break above all.
    pub fn set_header<N, V>(&mut self, name: N, value: V) -> Result<&mut Self>
    where
        N: TryInto<HeaderName>,
        N::Error: Into<http::Error>,
        V: TryInto<HeaderValue>,
        V::Error: Into<http::Error>,
    {
        let name = name.try_into().map_err(|error| Error::from(error.into()))?;
        let value = value.try_into().map_err(|_| Error::header_value(&name))?;
        self.headers_mut().insert(name, value);
        Ok(self)
    }

    /// The trailers that will follow the body (RFC 9110 section 6.5). They are sent with a chunked
    /// body only: to an HTTP/1.1 client, when the body's length was not declared. A handler that
    /// writes less than 2 KiB declares them with a `Trailer` header, or sets them before it returns.
    pub fn trailers_mut(&mut self) -> &mut HeaderMap {
        self.state.trailers.get_or_insert_default()
    }

    /// Whether the head has been sent, so that status and headers can no longer change.
    #[must_use]
    pub fn is_head_sent(&self) -> bool {
        !matches!(self.state.stage, Stage::Open)
    }

    /// Sends an interim response at once: 100 (Continue) or 103 (Early Hints), say. An HTTP/1.0
    /// client, which would not understand it, is spared.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misuse`] if the status is not 1xx, is 101, or the final head was sent; and
    /// whatever writing fails with.
    pub fn informational(&mut self, status: StatusCode, headers: &HeaderMap) -> Result<()> {
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(misuse(format!("{} is not an interim status", status.as_u16())));
        }
        if self.is_head_sent() {
            return Err(misuse("an interim response after the final head"));
        }
        self.sink.informational(status, headers).map_err(|error| self.broken(error).into())
    }

    /// Takes the connection over, to speak another protocol on it: see [`Duplex`]. The server never
    /// touches it again; whoever drops it closes it. Nothing of a response is sent by this: a
    /// handler that upgrades writes its 101 itself. If the client waits for a 100 (Continue), that is
    /// sent first (RFC 9110 section 7.8).
    ///
    /// The unread rest of the request's body is the [`Duplex`]'s to read, as it stands on the wire, with the
    /// bytes behind it. A chunked body comes with its framing, so that one that was
    /// read in part cannot be made sense of. Reads of less than 32 bytes take up to 8 KiB of the body out
    /// of the connection, so what they read ahead is lost. The body itself can be read no more
    /// ([`ErrorKind::Misuse`]).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misuse`] if something has been sent or the connection was hijacked before, or
    /// where the protocol has no connection to give.
    pub fn hijack(&mut self) -> Result<Duplex> {
        match self.state.stage {
            Stage::Open => {
                let connection = self.sink.hijack()?;
                self.state.held.clear();
                self.state.stage = Stage::Hijacked;
                Ok(connection)
            }
            Stage::Hijacked => Err(misuse("the connection was hijacked already")),
            _ => Err(misuse("hijacking after the response has begun")),
        }
    }

    /// Moves the moment after which reading the rest of this request fails; `None` for never.
    pub fn set_read_deadline(&mut self, deadline: Option<Instant>) {
        self.sink.set_read_deadline(deadline);
    }

    /// Moves the moment after which writing this response fails; `None` for never.
    pub fn set_write_deadline(&mut self, deadline: Option<Instant>) {
        self.sink.set_write_deadline(deadline);
    }

    /// Ends the response of a handler that has returned.
    ///
    /// # Errors
    ///
    /// What the handler left cannot be sent: as if the handler had failed with it.
    pub(crate) fn finish(&mut self) -> Result<Ending> {
        match self.state.stage {
            Stage::Open => self.commit(true)?,
            Stage::Sending { .. } => self.pass_on_held()?,
            Stage::Ended | Stage::Hijacked | Stage::Broken => {}
        }
        match self.state.stage {
            Stage::Hijacked => Ok(Ending::Hijacked),
            Stage::Broken => Ok(Ending::Broken),
            Stage::Sending { missing: Some(1..) } if !self.state.head_only => Ok(Ending::Short),
            Stage::Open | Stage::Sending { .. } | Stage::Ended => {
                let trailers =
                    self.state.trailers.as_deref().filter(|trailers| !trailers.is_empty());
                self.sink.end(trailers).map_err(|error| self.broken(error))?;
                self.state.stage = Stage::Ended;
                Ok(Ending::Whole)
            }
        }
    }

    /// Returns whether writing the response has failed, so that every other write will.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.state.stage, Stage::Broken)
    }

    /// Returns why the request's own body failed, if it did.
    pub(crate) fn body_failure(&self) -> Option<Error> {
        self.sink.body_failure()
    }

    /// Decides the head and sends it, with what of the body was held back. `whole`: the handler is
    /// done, so that is all of it.
    fn commit(&mut self, whole: bool) -> Result<()> {
        if let Some(error) = &self.state.invalid_status {
            return Err(error.clone());
        }
        if self.state.status.is_informational() {
            return Err(misuse(format!("{} is not a final status", self.state.status.as_u16())));
        }
        let length = self.decide_length(whole)?;
        let missing = match length {
            Length::NoBody => Some(0),
            Length::Known(length) => Some(length),
            Length::Unknown | Length::Unsaid => None,
        };
        if missing.is_some_and(|missing| missing < self.state.held.len() as u64) {
            let message = "the status or Content-Length was set when more had been written";
            return Err(misuse(message));
        }
        let sniffed = self.sniff();
        self.state.headers.remove(CONTENT_LENGTH);
        let held = self.state.held.len() as u64;
        self.state.stage = Stage::Sending { missing: missing.map(|missing| missing - held) };
        let (status, headers, head_only) =
            (self.state.status, &self.state.headers, self.state.head_only);
        let head = Head { status, headers, sniffed, length, head_only };
        self.sink.head(&head).map_err(|error| self.broken(error))?;
        Ok(self.pass_on_held()?)
    }

    fn decide_length(&mut self, whole: bool) -> Result<Length> {
        // Which framing is used is decided here, not by a header (RFC 9112 section 6.1).
        self.state.headers.remove(TRANSFER_ENCODING);
        if self.state.status == StatusCode::RESET_CONTENT {
            // It has no body, and says so (RFC 9110 section 15.3.6).
            return Ok(Length::Known(0));
        }
        if !allows_body(self.state.status) {
            return Ok(Length::NoBody);
        }
        if let Some(declared) = self.declared()? {
            return Ok(Length::Known(declared));
        }
        let trailers = self.state.trailers.as_ref().is_some_and(|trailers| !trailers.is_empty())
            || self.state.headers.contains_key(TRAILER);
        Ok(match whole {
            true if self.state.head_only && self.state.held.is_empty() => Length::Unsaid,
            true if !trailers => Length::Known(self.state.held.len() as u64),
            _ => Length::Unknown,
        })
    }

    /// The Content-Length that the handler has set.
    fn declared(&self) -> Result<Option<u64>> {
        h1::declared_length(&self.state.headers)
            .map_err(|error| Error::with_source(ErrorKind::InvalidMessage, error))
    }

    /// What the body looks like, if the handler has not said what it is.
    fn sniff(&self) -> Option<&'static str> {
        let sniffs = !self.is_type_known() && !self.state.held.is_empty();
        sniffs.then(|| sniff::content_type(&self.state.held))
    }

    fn is_type_known(&self) -> bool {
        [CONTENT_TYPE, CONTENT_ENCODING].iter().any(|name| self.state.headers.contains_key(name))
    }

    /// Refuses what may not be written.
    fn check(&mut self, bytes: usize) -> io::Result<()> {
        let missing = match &self.state.stage {
            Stage::Open if !allows_body(self.state.status) => {
                let message = format!("a body with status {}", self.state.status.as_u16());
                return Err(misuse(message).into());
            }
            Stage::Open => {
                self.declared()?.map(|length| length.saturating_sub(self.state.held.len() as u64))
            }
            Stage::Sending { missing } => *missing,
            Stage::Ended => return Err(misuse("writing after the response's end").into()),
            Stage::Hijacked => return Err(misuse("writing after the hijack").into()),
            Stage::Broken => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        match missing {
            Some(missing) if bytes as u64 > missing => Err(misuse(format!(
                "{} where the declared Content-Length leaves {missing}",
                counted(bytes as u64, "byte")
            ))
            .into()),
            _ => Ok(()),
        }
    }

    /// Takes the next piece of a body whose head is out: a small one is held back, for what may follow
    /// it, so that not every word of a handler's becomes a chunk.
    fn take(&mut self, data: &[u8]) -> io::Result<()> {
        if let Stage::Sending { missing: Some(missing) } = &mut self.state.stage {
            *missing -= data.len() as u64;
        }
        if self.state.held.len() + data.len() > HOLD_BACK {
            self.pass_on_held()?;
        }
        if data.len() <= HOLD_BACK {
            self.state.held.extend_from_slice(data);
            return Ok(());
        }
        self.pass_on(data)
    }

    /// Sends on what was held back; its buffer is kept.
    fn pass_on_held(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.state.held);
        let sent = self.pass_on(&held);
        self.state.held = held;
        self.state.held.clear();
        sent
    }

    fn pass_on(&mut self, data: &[u8]) -> io::Result<()> {
        if self.state.head_only || data.is_empty() {
            return Ok(());
        }
        self.sink.body(data).map_err(|error| self.broken(error))
    }

    #[cold]
    fn broken(&mut self, error: io::Error) -> io::Error {
        self.state.stage = Stage::Broken;
        error
    }
}

impl Write for ResponseWriter<'_> {
    /// Takes all of `buf` or, with an error, nothing.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.check(buf.len())?;
        match self.state.stage {
            Stage::Open if self.state.held.len() + buf.len() <= HOLD_BACK => {
                self.state.held.extend_from_slice(buf);
            }
            Stage::Open => {
                // The first bytes decide the type: let there be enough of them.
                let sample = (HOLD_BACK - self.state.held.len()).min(buf.len());
                self.state.held.extend_from_slice(&buf[..sample]);
                self.commit(false)?;
                self.take(&buf[sample..])?;
            }
            _ => self.take(buf)?,
        }
        Ok(buf.len())
    }

    /// Sends the head, if that has not been done, and everything written so far.
    fn flush(&mut self) -> io::Result<()> {
        match self.state.stage {
            Stage::Open => self.commit(false)?,
            Stage::Sending { .. } => self.pass_on_held()?,
            Stage::Ended | Stage::Hijacked => return Ok(()),
            Stage::Broken => return Err(io::ErrorKind::BrokenPipe.into()),
        }
        self.sink.flush().map_err(|error| self.broken(error))
    }
}

impl fmt::Debug for ResponseWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseWriter")
            .field("status", &self.state.status)
            .field("stage", &self.state.stage)
            .finish_non_exhaustive()
    }
}

/// Whether a final response of this status may have a body (RFC 9110 sections 6.4.1 and 15.3.6).
fn allows_body(status: StatusCode) -> bool {
    let without = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED];
    !without.contains(&status)
}

/// A handler changes what was sent already.
#[cold]
fn too_late(change: impl fmt::Display) {
    log::debug!("{change} changed after the response head was sent: ignored");
}

#[cold]
fn misuse(message: impl Into<Box<str>>) -> Error {
    Error::message(ErrorKind::Misuse, message)
}
