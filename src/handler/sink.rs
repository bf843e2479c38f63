//! The wire below a [`ResponseWriter`](super::ResponseWriter), which each protocol implements.

use std::any::Any;
use std::io;
use std::time::Instant;

use http::{HeaderMap, StatusCode};

use super::interim::InterimSender;
use crate::body::FilePart;
use crate::error::{Error, Result};
use crate::net::Duplex;

/// How a response ended. It decides what follows on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseEnd {
    /// The response was sent as its head announced it.
    Whole,
    /// Fewer bytes were written than declared.
    Short,
    /// The handler has taken over the connection.
    Hijacked,
    /// Writing failed.
    Broken,
}

/// A response's head as it is sent.
pub(crate) struct FinalHead<'a> {
    pub(crate) status: StatusCode,
    /// Without Content-Length and Transfer-Encoding: `length` stands for them.
    pub(crate) headers: &'a HeaderMap,
    /// The sniffed Content-Type, if `headers` has none.
    pub(crate) sniffed: Option<&'static str>,
    pub(crate) length: Length,
    /// The head announces a body, but none follows.
    pub(crate) head_only: bool,
}

/// The length of a response's body, as its head announces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// The status allows no body, and no length either.
    NoBody,
    /// The number of bytes.
    Known(u64),
    /// The length is not known before the end.
    Unknown,
    /// Nothing is announced: the handler of a HEAD request wrote nothing.
    Unsaid,
}

/// A conversion of any type's box, so that its owner can find the type again.
pub(crate) trait IntoAny {
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<T: Any> IntoAny for T {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// The wire below a response: HTTP/1.1 or another protocol that carries one.
pub(crate) trait Sink: IntoAny + Send {
    fn informational(&mut self, status: StatusCode, headers: &HeaderMap) -> io::Result<()>;
    fn head(&mut self, head: &FinalHead<'_>) -> io::Result<()>;
    fn body(&mut self, data: &[u8]) -> io::Result<()>;
    /// Sends a part of a file as the next bytes of the body, as far as that is possible without a copy
    /// through this process. Adds the bytes to `sent`, also if it fails. [`body`](Self::body) takes the rest.
    fn file(&mut self, _part: &FilePart<'_>, _sent: &mut u64) -> io::Result<()> {
        Ok(())
    }
    fn end(&mut self, trailers: Option<&HeaderMap>) -> io::Result<()>;
    fn flush(&mut self) -> io::Result<()>;
    fn hijack(&mut self) -> Result<Duplex>;
    /// Returns a sender of interim responses for other threads, which `head` and `hijack` close.
    fn interim_sender(&mut self) -> io::Result<InterimSender> {
        Ok(InterimSender::none())
    }
    /// Returns why the request's own body could not be read, or why its reader did not accept it. The
    /// error's kind says how: malformed, too large, too slow, or cut off.
    fn body_failure(&self) -> Option<Error> {
        None
    }
    fn set_read_deadline(&mut self, deadline: Option<Instant>);
    fn set_write_deadline(&mut self, deadline: Option<Instant>);
    /// Returns the deadline for writing the response, if one is set.
    fn write_deadline(&self) -> Option<Instant> {
        None
    }
    /// Sends everything after the response's end, so that the client need not wait for the handler, which
    /// still runs.
    fn release(&mut self) -> io::Result<()> {
        self.flush()
    }
    /// Moves the sink into a box, with which any thread can write. This one is not used until
    /// [`attach`](Self::attach) puts the box's contents back.
    fn detach(&mut self) -> Box<dyn Sink>;
    /// Puts back a sink that [`detach`](Self::detach) has returned.
    fn attach(&mut self, sink: Box<dyn Any>);
}
