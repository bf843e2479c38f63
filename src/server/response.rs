//! A response on the wire of HTTP/1.1.
//!
//! Everything is encoded into one buffer. The buffer is written when it is full, when the handler flushes,
//! at the end of a response if nothing of a next request has arrived, and before the connection waits. So
//! head and body are sent together, and so are the responses to requests that arrived together.

use std::any::Any;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Instant;

use bytes::{BufMut, BytesMut};
use http::header::{CONNECTION, DATE, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode, Version};

use super::body::ReadHalf;
use super::continues::Continue;
use super::date::Date;
use super::interim::Interim;
use super::reader::ConnReader;
use super::slot::BodySlot;
use crate::body::FilePart;
use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::h1::{self, CloseReason, chunked};
use crate::handler::{FinalHead, InterimSender, Length, Sink};
use crate::net::{Duplex, Stream};
use crate::serving::{ConnGuard, Limit};
use crate::sync;

/// From this size on, in bytes, the encoded output is written.
const FULL: usize = 16 * 1024;

/// From this size on, in bytes, a piece of a body is written without being copied first.
const WRITE_THROUGH: usize = 4 * 1024;

/// How many bytes are reserved for a head: most fit, so the buffer does not grow in steps.
const HEAD_ROOM: usize = 192;

/// How many bytes of an unread request body are read to reuse the connection.
pub(super) const DRAIN_LIMIT: u64 = 256 * 1024;

/// The writing half of a server connection.
pub(super) struct Wire {
    reader: Arc<ConnReader>,
    guard: Arc<ConnGuard>,
    /// Bytes that are encoded and not yet written.
    out: Vec<u8>,
    date: Date,
    exchange: ActiveExchange,
}

/// The current request, as far as its response depends on it, and the framing of the response.
pub(super) struct ActiveExchange {
    pub(super) version: Version,
    pub(super) read_side: ReadSide,
    pub(super) continues: Option<Arc<Continue>>,
    /// Sends interim responses from other threads, until the final head.
    interim: Interim,
    /// The request asks for a tunnel (CONNECT): a 2xx response ends HTTP on the connection.
    pub(super) tunnel: bool,
    /// `Ok` if the connection can be reused after this exchange, as far as that is known.
    pub(super) persist: Result<(), CloseReason>,
    /// How the response's body is framed, once the head was written.
    framing: BodyMode,
}

/// The place of the reading half while a handler runs.
pub(super) enum ReadSide {
    /// The request has no body.
    Here(ReadHalf),
    /// The request's body is read from it.
    InBody(Arc<BodySlot>),
    /// The handler has hijacked the connection, or no handler runs.
    Gone,
}

impl ReadSide {
    /// Returns `true` if something of a next request has arrived. It is still served during a shutdown.
    #[cold]
    fn has_next(&self, stream: &Stream) -> bool {
        match self {
            Self::Here(half) => !half.buffer.is_empty() || stream.has_unread(),
            Self::InBody(slot) => slot.has_next(stream),
            Self::Gone => false,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum BodyMode {
    /// No head was written yet, or no body follows.
    None,
    Length,
    Chunked,
    UntilClose,
}

impl ActiveExchange {
    pub(super) fn new(
        version: Version,
        read_side: ReadSide,
        continues: Option<Arc<Continue>>,
        tunnel: bool,
        persist: Result<(), CloseReason>,
    ) -> Self {
        Self {
            version,
            read_side,
            continues,
            interim: Interim::default(),
            tunnel,
            persist,
            framing: BodyMode::None,
        }
    }

    /// Returns `true` if the end of the connection ends the response. Then breaking it off must not look
    /// like its end.
    pub(super) fn ends_by_closing(&self) -> bool {
        self.framing == BodyMode::UntilClose
    }

    /// Returns the state between two requests.
    fn none() -> Self {
        Self::new(Version::HTTP_11, ReadSide::Gone, None, false, Ok(()))
    }
}

impl Wire {
    pub(super) fn new(reader: Arc<ConnReader>, guard: Arc<ConnGuard>) -> Self {
        let (out, date) = (Vec::new(), Date::default());
        Self { reader, guard, out, date, exchange: ActiveExchange::none() }
    }

    #[inline]
    pub(super) fn begin(&mut self, exchange: ActiveExchange) {
        self.exchange = exchange;
    }

    pub(super) fn finish(&mut self) -> ActiveExchange {
        self.exchange.interim.close();
        std::mem::replace(&mut self.exchange, ActiveExchange::none())
    }

    /// Returns the size of the buffer's memory, in bytes.
    pub(super) fn capacity(&self) -> usize {
        self.out.capacity()
    }

    #[cfg(all(test, not(hangup_shuttle)))]
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.out.reserve(bytes);
    }

    /// Releases the buffer's memory.
    pub(super) fn release(&mut self) {
        if self.out.is_empty() {
            self.out = Vec::new();
        }
    }

    /// Releases memory beyond `most` bytes that the encoded bytes do not need.
    pub(super) fn trim(&mut self, most: usize) {
        self.out.shrink_to(most);
    }

    /// Writes the encoded bytes.
    pub(super) fn write_out(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let outcome = self.stream().send_all(&mut [IoSlice::new(&self.out)]);
        let sent = self.out.len();
        self.out.clear();
        self.written(outcome, sent)
    }

    fn stream(&self) -> &Stream {
        self.reader.stream()
    }

    fn written(&self, outcome: io::Result<()>, bytes: usize) -> io::Result<()> {
        match outcome {
            Ok(()) => {
                self.guard.counting().sent(bytes as u64);
                Ok(())
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    #[cold]
    fn failed(&self, error: io::Error) -> io::Error {
        self.reader.failed(error.kind());
        match error.kind() {
            // The system's `ETIMEDOUT` means that the host has vanished.
            io::ErrorKind::TimedOut if error.raw_os_error().is_none() => {
                let deadline = self.stream().write_deadline();
                let passed = deadline.is_some_and(|deadline| deadline <= sync::now());
                let (limit, counted) = match passed {
                    true => (TimeLimit::Send, Limit::Write),
                    false => (TimeLimit::WriteIdle, Limit::WriteIdle),
                };
                self.guard.counting().timed_out(counted);
                Error::timeout(limit).into()
            }
            _ => error,
        }
    }

    /// Decides whether the connection will be reused. `head` is the response about to be sent.
    fn decide_persistence(&mut self, head: &FinalHead<'_>) {
        let unread = self.leaves_body_unread();
        if self.exchange.persist.is_ok() {
            if let Some(reason) = self.closes_after(head, unread) {
                self.exchange.persist = Err(reason);
            }
        }
    }

    /// Returns `true` if the rest of the request's body will not be read: the client still waits for its
    /// 100, or there is too much of it. From now on it is too late for the 100.
    fn leaves_body_unread(&self) -> bool {
        let ActiveExchange { read_side, continues, .. } = &self.exchange;
        let ReadSide::InBody(slot) = read_side else {
            // An empty body needs no 100.
            return continues.as_ref().is_some_and(|continues| continues.too_late(|| true));
        };
        let waits = continues.as_ref().is_some_and(|it| it.too_late(|| slot.has_begun()));
        waits || !slot.keeps_connection(DRAIN_LIMIT)
    }

    /// Returns why the connection is closed after this response, if it is.
    fn closes_after(&self, head: &FinalHead<'_>, unread: bool) -> Option<CloseReason> {
        if h1::has_token(head.headers, CONNECTION, "close") {
            Some(CloseReason::WeAskedToClose)
        } else if unread {
            Some(CloseReason::BodyNotRead)
        } else if self.exchange.framing == BodyMode::UntilClose {
            Some(CloseReason::UnframedResponse)
        } else if self.guard.is_leaving() {
            Some(CloseReason::LimitReached)
        } else if self.guard.is_ending() && !self.exchange.read_side.has_next(self.stream()) {
            Some(CloseReason::ShuttingDown)
        } else {
            None
        }
    }

    /// Writes the encoded bytes and `data`, as one chunk if the body is chunked.
    fn write_through(&mut self, data: &[u8]) -> io::Result<()> {
        let chunked = self.exchange.framing == BodyMode::Chunked;
        if chunked {
            self.out.extend_from_slice(&chunked::chunk_header(data.len()));
        }
        let end: &[u8] = if chunked { b"\r\n" } else { b"" };
        let mut slices = [IoSlice::new(&self.out), IoSlice::new(data), IoSlice::new(end)];
        let sent = slices.iter().map(|slice| slice.len()).sum();
        let outcome = self.stream().send_all(&mut slices);
        self.out.clear();
        self.written(outcome, sent)
    }
}

impl Sink for Wire {
    fn informational(&mut self, status: StatusCode, headers: &HeaderMap) -> io::Result<()> {
        if self.exchange.version < Version::HTTP_11 {
            return Ok(());
        }
        if let Some(continues) = self.exchange.continues.as_ref().filter(|_| status == 100) {
            continues.sent();
        }
        h1::write_response_head(&mut self.out, Version::HTTP_11, status, None, headers)
            .expect("a status with its standard reason");
        self.write_out()
    }

    fn head(&mut self, head: &FinalHead<'_>) -> io::Result<()> {
        self.exchange.interim.close();
        let old = self.exchange.version < Version::HTTP_11;
        // A tunnel has neither length nor coding (RFC 9110 section 9.3.6).
        let tunnel = self.exchange.tunnel && head.status.is_success();
        self.exchange.framing = match head.length {
            _ if tunnel => BodyMode::UntilClose,
            _ if head.head_only => BodyMode::None,
            Length::NoBody | Length::Unsaid => BodyMode::None,
            Length::Known(_) => BodyMode::Length,
            Length::Unknown if old => BodyMode::UntilClose,
            Length::Unknown => BodyMode::Chunked,
        };
        if self.exchange.framing == BodyMode::UntilClose {
            self.guard.unframed();
        }
        self.decide_persistence(head);
        self.out.reserve(HEAD_ROOM);
        h1::write_status_line(&mut self.out, Version::HTTP_11, head.status, None)
            .expect("a status with its standard reason");
        if !head.headers.contains_key(DATE) {
            self.out.extend_from_slice(self.date.line());
        }
        for (name, value) in head.headers.iter().filter(|(name, _)| *name != CONNECTION) {
            h1::write_field(&mut self.out, name, value.as_bytes());
        }
        if let Some(sniffed) = head.sniffed {
            h1::write_content_type(&mut self.out, sniffed);
        }
        self.write_connection(head.headers, old);
        match head.length {
            _ if tunnel => {}
            Length::Known(length) => h1::write_content_length(&mut self.out, length),
            Length::Unknown if !old => {
                h1::write_field(&mut self.out, &TRANSFER_ENCODING, b"chunked");
            }
            Length::Unknown | Length::NoBody | Length::Unsaid => {}
        }
        h1::write_end(&mut self.out);
        Ok(())
    }

    fn body(&mut self, data: &[u8]) -> io::Result<()> {
        if data.len() >= WRITE_THROUGH {
            return self.write_through(data);
        }
        match self.exchange.framing {
            BodyMode::Chunked => chunked::write_chunk(&mut self.out, data),
            BodyMode::Length | BodyMode::UntilClose => self.out.extend_from_slice(data),
            BodyMode::None => {}
        }
        if self.out.len() >= FULL { self.write_out() } else { Ok(()) }
    }

    fn file(&mut self, part: &FilePart<'_>, sent: &mut u64) -> io::Result<()> {
        if self.exchange.framing != BodyMode::Length || !self.stream().sends_files() {
            return Ok(());
        }
        let (head, begun) = (self.stream().send_all_ahead(&self.out), self.out.len());
        self.out.clear();
        self.written(head, begun)?;
        let outcome = self.stream().send_file(part.file, part.offset, part.length, sent);
        self.guard.counting().sent(*sent);
        outcome.map_err(|error| self.failed(error))
    }

    fn end(&mut self, trailers: Option<&HeaderMap>) -> io::Result<()> {
        if self.exchange.framing == BodyMode::Chunked {
            chunked::write_end(&mut self.out, trailers)
                .map_err(|error| Error::with_source(ErrorKind::InvalidMessage, error))?;
        }
        match &self.exchange.read_side {
            // Responses without a body fill the buffer as well.
            _ if self.out.len() >= FULL => self.write_out(),
            // Nothing of a next request has arrived: the client need not wait for the handler's cleanup.
            ReadSide::Here(half) if half.buffer.is_empty() && !self.reader.is_watched() => {
                self.write_out()
            }
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_out()
    }

    fn hijack(&mut self) -> Result<Duplex> {
        self.exchange.interim.close();
        self.write_out()?;
        if let Some(continues) = &self.exchange.continues {
            continues.send(&self.reader);
        }
        let half = match std::mem::replace(&mut self.exchange.read_side, ReadSide::Gone) {
            ReadSide::Here(half) => half,
            ReadSide::InBody(slot) => match slot.take_back(&self.reader) {
                Some(body) => body.half,
                None => return Err(Error::message(ErrorKind::Misuse, "no connection to hijack")),
            },
            ReadSide::Gone => {
                return Err(Error::message(ErrorKind::Misuse, "no connection to hijack"));
            }
        };
        self.reader.retire();
        self.guard.hijacked();
        let stream = self.stream().clone();
        stream.set_read_deadline(None);
        stream.set_write_deadline(None);
        stream.set_write_idle_timeout(None);
        let mut received = BytesMut::from(half.buffer.data());
        if let Some(byte) = self.reader.take_held() {
            received.put_u8(byte);
        }
        Ok(Duplex::new(stream, received.freeze()))
    }

    fn interim_sender(&mut self) -> io::Result<InterimSender> {
        if self.exchange.version < Version::HTTP_11 {
            return Ok(InterimSender::none());
        }
        self.write_out()?;
        let ActiveExchange { interim, continues, .. } = &mut self.exchange;
        Ok(interim.sender(&self.reader, continues.as_ref()))
    }

    fn body_failure(&self) -> Option<Error> {
        match &self.exchange.read_side {
            ReadSide::InBody(slot) => slot.failure(&self.reader),
            ReadSide::Here(_) | ReadSide::Gone => None,
        }
    }

    fn set_read_deadline(&mut self, deadline: Option<Instant>) {
        self.stream().set_read_deadline(deadline);
    }

    fn set_write_deadline(&mut self, deadline: Option<Instant>) {
        self.stream().set_write_deadline(deadline);
    }

    fn write_deadline(&self) -> Option<Instant> {
        self.stream().write_deadline()
    }

    /// Half-closes the connection as well, which cannot be reused while the handler runs.
    fn release(&mut self) -> io::Result<()> {
        self.write_out()?;
        self.stream().shutdown(Shutdown::Write)
    }

    fn detach(&mut self) -> Box<dyn Sink> {
        let empty = Self::new(Arc::clone(&self.reader), Arc::clone(&self.guard));
        Box::new(std::mem::replace(self, empty))
    }

    fn attach(&mut self, sink: Box<dyn Any>) {
        if let Ok(wire) = sink.downcast::<Self>() {
            *self = *wire;
        }
    }
}

impl Wire {
    /// Writes the Connection field: the handler's other options, and the decision on the connection's end,
    /// which is not the handler's (RFC 9112 section 9.3).
    fn write_connection(&mut self, headers: &HeaderMap, old: bool) {
        let values = headers.get_all(CONNECTION).iter().map(HeaderValue::as_bytes);
        let options = values.flat_map(|value| value.split(|byte| *byte == b','));
        for option in options.map(<[u8]>::trim_ascii) {
            let ours = [&b""[..], b"close", b"keep-alive"];
            if !ours.iter().any(|ours| option.eq_ignore_ascii_case(ours)) {
                h1::write_field(&mut self.out, &CONNECTION, option);
            }
        }
        match self.exchange.persist {
            Err(_) => h1::write_field(&mut self.out, &CONNECTION, b"close"),
            Ok(()) if old => h1::write_field(&mut self.out, &CONNECTION, b"keep-alive"),
            Ok(()) => {}
        }
    }
}

/// Encodes a response that the server makes itself, after which the connection is closed.
pub(super) fn write_refusal(out: &mut Vec<u8>, status: StatusCode, text: &str, head_only: bool) {
    h1::write_status_line(out, Version::HTTP_11, status, None)
        .expect("a status with its standard reason");
    out.extend_from_slice(Date::default().line());
    h1::write_content_type(out, "text/plain; charset=utf-8");
    h1::write_content_length(out, text.len() as u64);
    h1::write_field(out, &CONNECTION, b"close");
    h1::write_end(out);
    if !head_only {
        out.extend_from_slice(text.as_bytes());
    }
}
