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
//! So a short response gets a Content-Length automatically, and an error response can replace that of a
//! handler that fails early. The [`Sink`] of each protocol writes head and body to the wire.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `response.rs` | the public methods but for `send` |
//! | `response/state.rs` | the state of a response: its fields, its stage, its filters |
//! | `response/write.rs` | from the handler's bytes to the sink |
//! | `response/commit.rs` | the decision on the head |
//! | `response/chain.rs` | the filters in between |
//! | `response/hooks.rs` | callbacks before the head and at the end |
//! | `response/hook_lists.rs` | the lists of those callbacks |
//! | `response/whole.rs` | finished responses, and those that replace a failed handler's |
//! | `response/until.rs` | the response in place of a handler that is late; `relay.rs` and `gate.rs` are its parts |

mod chain;
mod commit;
mod hook_lists;
mod hooks;
#[cfg(all(test, hangup_shuttle))]
mod model;
mod state;
mod until;
mod whole;
mod write;

use std::fmt;
use std::time::Instant;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::filter::Filter;
use super::interim::{InterimSender, check_interim, too_late as interim_too_late};
use super::set_cookie::SetCookie;
use super::sink::Sink;
use crate::error::{Error, ErrorKind, Result};
use crate::logging as log;
use crate::net::Duplex;
use state::{Filters, Stage};

pub(crate) use state::ResponseState;

/// How many bytes of a body are held back, in case the handler writes no more. Below this, a second packet
/// costs more than the copy.
pub(crate) const HOLD_BACK: usize = 2048;

/// The response that a handler writes: status and headers first, then the body through
/// [`Write`](std::io::Write).
///
/// The status is 200 unless [`set_status`](Self::set_status) changes it. [`send`](Self::send) sends a
/// finished [`Response`](crate::Response) instead.
///
/// ```
/// use hangup::{Request, ResponseWriter, Result};
/// use std::io::Write;
///
/// fn created(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
///     w.set_status(201).set_header("location", format!("{}/1", r.uri().path()))?;
///     writeln!(w, "created")?;
///     Ok(())
/// }
/// # fn takes(_: impl hangup::Handler) {}
/// # takes(created);
/// ```
///
/// # When bytes are sent
///
/// Up to 2 KiB of the body are held back until the handler returns, writes more, or calls
/// [`flush`](std::io::Write::flush). Until then the status and the headers can change, and an error that
/// the handler returns becomes an error response. [`is_head_sent`](Self::is_head_sent) returns `true` from
/// then on.
///
/// # Framing
///
/// A `Content-Length` that the handler sets is enforced. Without one, a body of at most 2 KiB gets it
/// automatically. A longer or flushed body is sent in chunks to an HTTP/1.1 client (RFC 9112 section 7.1).
/// For an HTTP/1.0 client the end of the connection ends it. A body without a `Content-Type` gets the one
/// that its first bytes look like (WHATWG MIME sniffing). `Date` and `Connection` are added.
///
/// The body of a response to a HEAD request is counted, but not sent.
///
/// # Filters
///
/// [`filter`](Self::filter) adds a [`Filter`] between this writer and the client. Filters change the head
/// and the body, for compression for example.
///
/// # Blocking
///
/// Writing blocks while the client does not read and its buffers are full. It continues when the client
/// reads, and fails when the client goes away, or when the server's write timeout or
/// [`set_write_deadline`](Self::set_write_deadline) has passed.
pub struct ResponseWriter<'a> {
    state: &'a mut ResponseState,
    sink: &'a mut dyn Sink,
}

impl<'a> ResponseWriter<'a> {
    /// Creates the writer of a response that [has begun](ResponseState::begin).
    pub(crate) fn new(state: &'a mut ResponseState, sink: &'a mut dyn Sink) -> Self {
        Self { state, sink }
    }

    pub(crate) fn is_hijacked(&self) -> bool {
        matches!(self.state.stage, Stage::Hijacked)
    }

    /// Returns `true` if writing the response has failed, so that every other write will fail.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.state.stage, Stage::Broken)
    }

    /// Returns `true` if an error response can no longer take the place of this one. Unlike
    /// [`is_head_sent`](Self::is_head_sent), it returns `false` while the filters hold the head back.
    pub(crate) fn is_on_wire(&self) -> bool {
        !matches!(self.state.stage, Stage::Open)
    }

    /// Returns why the request's body could not be read, or why its reader did not accept it. `None` if it
    /// did not fail.
    ///
    /// If the body failed, its failure decides the response to an error that the handler returns, whatever
    /// that error is: see [`Handler`](crate::Handler). A handler that turns errors into responses itself
    /// asks this first.
    #[must_use]
    pub fn body_failure(&self) -> Option<Error> {
        self.sink.body_failure()
    }

    /// Drops the filters, whose destructors are the user's and may panic.
    pub(crate) fn drop_filters(&mut self) {
        self.state.filters = Filters::None;
    }

    /// Returns the status: 200 unless it was set. A [`Filter`] may send another.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.state.head.status
    }

    /// Sets the final status: a [`StatusCode`] or a number.
    ///
    /// Once the head was sent, this has no effect but a log line at `debug`.
    /// [`informational`](Self::informational) sends 1xx responses. A handler that switches protocols
    /// [hijacks](Self::hijack) the connection and writes the 101 itself.
    ///
    /// A number outside 100 to 999 makes the response fail. Sending the head then reports
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
                self.state.head.status = status;
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

    /// Returns the headers that the handler has set. The headers that the server adds are not among them:
    /// `Date`, `Content-Length`, `Transfer-Encoding`, `Connection`, and a sniffed `Content-Type`.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.state.head.headers
    }

    /// Returns the headers for changes.
    ///
    /// Once the head was sent, this returns a copy. Changes to it have no effect but a log line at
    /// `debug`.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        if !self.is_head_sent() {
            return &mut self.state.head.headers;
        }
        too_late("the headers");
        let sent = &self.state.head.headers;
        self.state.late_headers.get_or_insert_with(|| Box::new(sent.clone()))
    }

    /// Sets a header and replaces others of the same name.
    ///
    /// Once the head was sent, this has no effect but a log line at `debug`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidMessage`] if a header cannot have this name or this value, such as one with a
    /// line break.
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

    /// Sets whether a body without a `Content-Type` gets the type that its first bytes look like. `true` by
    /// default. A handler that passes on the response of another server sets `false`.
    ///
    /// ```
    /// use hangup::{Request, ResponseWriter, testing};
    /// use std::io::Write;
    ///
    /// let handler = |w: &mut ResponseWriter, _: &mut Request| {
    ///     w.set_sniffing(false).write_all(b"<html>")?;
    ///     Ok(())
    /// };
    /// let response = testing::call(&handler, Request::new(()))?;
    /// assert!(!response.headers().contains_key("content-type"));
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn set_sniffing(&mut self, sniffs: bool) -> &mut Self {
        self.state.is_typeless = !sniffs;
        self
    }

    /// Adds a `Set-Cookie` header. Cookies that were set before stay, also one of the same name.
    ///
    /// Once the head was sent, this has no effect but a log line at `debug`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidMessage`] if browsers would refuse or misread the cookie: see
    /// [`SetCookie::to_header_value`].
    pub fn set_cookie(&mut self, cookie: SetCookie) -> Result<&mut Self> {
        let value = cookie.to_header_value()?;
        self.headers_mut().append(SET_COOKIE, value);
        Ok(self)
    }

    /// Returns the trailers, which follow the body (RFC 9110 section 6.5).
    ///
    /// Only a chunked body can have trailers: the client speaks HTTP/1.1, and the handler sets no
    /// `Content-Length`. They are sent if the handler writes more than 2 KiB, declares them with a
    /// `Trailer` header, or sets them before it returns.
    pub fn trailers_mut(&mut self) -> &mut HeaderMap {
        self.state.trailers.get_or_insert_default()
    }

    /// Returns `true` if the head was sent, so that the status and the headers can no longer change.
    ///
    /// With filters, the head counts as sent once the first [`Filter`] may have seen it.
    #[must_use]
    pub fn is_head_sent(&self) -> bool {
        self.is_on_wire() || self.state.filters.have_begun()
    }

    /// Returns the number of body bytes sent so far, without chunk framing. Bytes that this writer holds
    /// back are included.
    ///
    /// Without filters, the number is exact once the handler has returned successfully. With filters, it
    /// counts what they have let through. It is 0 for a response to a HEAD request.
    ///
    /// ```
    /// use hangup::{HandlerExt, respond};
    ///
    /// let handler = respond(|_| Ok("hello")).layer_fn(|w, r, next| {
    ///     next.handle(w, r)?;
    ///     println!("{} {} {}", r.uri().path(), w.status().as_u16(), w.bytes_sent());
    ///     assert_eq!(w.bytes_sent(), 5);
    ///     Ok(())
    /// });
    /// # hangup::testing::call(&handler, hangup::Request::new(()))?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.state.bytes_sent()
    }

    /// Adds a filter between this writer and the client.
    ///
    /// The filter that was added last sees the handler's bytes first: see [`Filter`]. Filters are dropped
    /// with the response. Once the head was sent, this has no effect but a log line at `debug`.
    pub fn filter(&mut self, filter: impl Filter + 'static) {
        match self.is_head_sent() {
            true => too_late("the filters"),
            false => self.state.filters.add(Box::new(filter)),
        }
    }

    /// Sends an interim response at once, such as 103 (Early Hints). Sends nothing to an HTTP/1.0 client,
    /// nor over FastCGI and CGI. Filters do not see it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misuse`] if the status is not 1xx, is 101, or if the final head was sent. The error of
    /// writing if that fails.
    pub fn informational(&mut self, status: StatusCode, headers: &HeaderMap) -> Result<()> {
        check_interim(status)?;
        if self.is_head_sent() {
            return Err(interim_too_late());
        }
        self.sink.informational(status, headers).map_err(|error| self.broken(error).into())
    }

    /// Returns a sender of interim responses for another thread: see [`InterimSender`].
    ///
    /// Responses to earlier requests that wait in the connection's buffer are written first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misuse`] if the final head was sent. The error of writing if that fails.
    pub fn interim_sender(&mut self) -> Result<InterimSender> {
        if self.is_head_sent() {
            return Err(interim_too_late());
        }
        self.sink.interim_sender().map_err(|error| self.broken(error).into())
    }

    /// Takes over the connection, to speak another protocol on it: see [`Duplex`].
    ///
    /// The server does not touch the connection again. Dropping the [`Duplex`] closes it. This sends no
    /// response: a handler that upgrades the connection writes the 101 itself. If the client waits for a
    /// 100 (Continue), that is sent first (RFC 9110 section 7.8). Filters are dropped unused.
    ///
    /// The unread rest of the request's body is read from the [`Duplex`], as it is on the wire, followed by
    /// the bytes behind it. A chunked body comes with its framing, so one that was read in part is
    /// unusable. Reads of less than 32 bytes from the body take up to 8 KiB of it from the connection, and
    /// bytes that were read ahead are lost. Reading the body itself fails with [`ErrorKind::Misuse`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misuse`] if a part of the response was sent, if the connection was hijacked before, or
    /// over FastCGI and CGI.
    pub fn hijack(&mut self) -> Result<Duplex> {
        match self.state.stage {
            Stage::Open if !self.state.filters.have_begun() => {
                let connection = self.sink.hijack()?;
                self.state.held.clear();
                self.state.stage = Stage::Hijacked;
                self.drop_filters();
                Ok(connection)
            }
            Stage::Hijacked => Err(misuse("the connection was hijacked already")),
            _ => Err(misuse("hijacking after the response has begun")),
        }
    }

    /// Takes over the connection as [`hijack`](Self::hijack) does, for a caller that writes a 101. The end of
    /// the response reports this status.
    #[cfg(any(feature = "client", feature = "websocket"))]
    pub(crate) fn switch_protocols(&mut self) -> Result<Duplex> {
        let connection = self.hijack()?;
        self.state.head.status = StatusCode::SWITCHING_PROTOCOLS;
        Ok(connection)
    }

    /// Sets the deadline for reading the rest of this request; `None` for none. It replaces the server's
    /// [`read_timeout`](crate::Server::read_timeout).
    pub fn set_read_deadline(&mut self, deadline: Option<Instant>) {
        self.sink.set_read_deadline(deadline);
    }

    /// Sets the deadline for writing this response; `None` for none. It replaces the server's
    /// [`write_timeout`](crate::Server::write_timeout).
    pub fn set_write_deadline(&mut self, deadline: Option<Instant>) {
        self.sink.set_write_deadline(deadline);
    }
}

impl fmt::Debug for ResponseWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseWriter")
            .field("status", &self.state.head.status)
            .field("stage", &self.state.stage)
            .finish_non_exhaustive()
    }
}

/// Logs a change that comes after the head was sent.
#[cold]
fn too_late(change: impl fmt::Display) {
    log::debug!("{change} changed after the response head was sent: ignored");
}

#[cold]
fn misuse(message: impl Into<Box<str>>) -> Error {
    Error::message(ErrorKind::Misuse, message)
}
