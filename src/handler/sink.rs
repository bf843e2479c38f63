//! The wire below a response: what each server puts under a [`ResponseWriter`](super::ResponseWriter).

use std::io;
use std::time::Instant;

use http::{HeaderMap, StatusCode};

use crate::error::{Error, Result};
use crate::net::Duplex;

/// How a response came out, for its connection to decide what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseEnd {
    /// It was sent as its head announced it.
    Whole,
    /// Fewer bytes were written than declared.
    Short,
    /// The connection belongs to the handler now.
    Hijacked,
    /// Writing failed.
    Broken,
}

/// A response's head, decided.
pub(crate) struct FinalHead<'a> {
    pub(crate) status: StatusCode,
    /// Without Content-Length and Transfer-Encoding: `length` stands for them.
    pub(crate) headers: &'a HeaderMap,
    /// The Content-Type that the body looks like, if `headers` has none.
    pub(crate) sniffed: Option<&'static str>,
    pub(crate) length: Length,
    /// The head announces a body, but none follows.
    pub(crate) head_only: bool,
}

/// What a response's head says of its body's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// The status allows no body, and no length either.
    NoBody,
    /// So many bytes.
    Known(u64),
    /// To be found out.
    Unknown,
    /// Nothing is said: the answer to HEAD of a handler that wrote nothing.
    Unsaid,
}

/// The wire below a response: HTTP/1.1 or another protocol that carries one.
pub(crate) trait Sink {
    fn informational(&mut self, status: StatusCode, headers: &HeaderMap) -> io::Result<()>;
    fn head(&mut self, head: &FinalHead<'_>) -> io::Result<()>;
    fn body(&mut self, data: &[u8]) -> io::Result<()>;
    fn end(&mut self, trailers: Option<&HeaderMap>) -> io::Result<()>;
    fn flush(&mut self) -> io::Result<()>;
    fn hijack(&mut self) -> Result<Duplex>;
    /// Why the request's own body could not be read, or was not accepted by who read it. Its kind
    /// tells how: malformed, too large, too slow, or cut off.
    fn body_failure(&self) -> Option<Error> {
        None
    }
    fn set_read_deadline(&mut self, deadline: Option<Instant>);
    fn set_write_deadline(&mut self, deadline: Option<Instant>);
}
