//! The sources of a body.

use std::io::{self, Read};
use std::time::Instant;

use bytes::{Buf, Bytes};
use http::HeaderMap;

use super::file::FileSource;
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::sync::Exclusive;
use crate::text::counted;

#[derive(Default)]
pub(super) enum Source {
    #[default]
    Empty,
    Bytes(Bytes),
    File(FileSource),
    Reader {
        reader: Exclusive<Box<dyn Read + Send>>,
        remaining: Option<u64>,
    },
    Incoming(Box<dyn Incoming>),
    Adapted(Box<dyn Adapter>),
}

/// A body that a connection is still delivering.
pub(crate) trait Incoming: Read + Send + Sync {
    /// Returns the number of bytes that are left to read, where the framing tells.
    fn remaining(&self) -> Option<u64>;
    /// Returns the trailers, once, after the end.
    fn take_trailers(&mut self) -> Option<HeaderMap>;
    /// Returns `true` if a read would not have to wait for the peer.
    fn is_ready(&mut self) -> bool;
    /// Waits, at most until `until`, for a read that would not have to wait. Returns `false` if there is
    /// none by then, or the wait was ended.
    fn wait_ready(&mut self, _until: Instant) -> bool {
        self.is_ready()
    }
    /// Records that the body was received correctly, but its reader cannot accept it.
    fn reject(&mut self, _reason: &Error) {}
    /// Makes reads fail once `context` has ended, and ends one that is blocked then.
    fn set_context(&mut self, _context: &Context) {}
}

/// A source that reads from another body.
pub(super) trait Adapter: Read + Send + Sync {
    /// Returns the number of bytes that are left to read, if it is known.
    fn remaining(&self) -> Option<u64>;
    /// Returns the trailers of the inner body, once, after its end.
    fn take_trailers(&mut self) -> Option<HeaderMap>;
    /// Returns `true` if the next read may have to wait, as far as the source can tell.
    fn may_wait(&mut self) -> bool;
    /// Waits, at most until `until`, for the whole rest of the inner body. Returns `true` if reading it does
    /// not wait.
    fn arrives(&mut self, _until: Instant) -> bool {
        false
    }
    /// Returns `true` if the innermost body comes from a connection.
    fn is_incoming(&self) -> bool;
    /// Records on the connection that its peer caused `reason`.
    fn reject(&mut self, reason: &Error);
    /// Bounds the reading of the inner body.
    fn set_context(&mut self, context: &Context);
    /// Returns the same adapter over the same body from its start, if that can be read again.
    fn again(&self) -> Option<Box<dyn Adapter>>;
    /// Returns the adapter's name for `Debug`.
    fn name(&self) -> &'static str;
}

impl Source {
    /// Returns the number of bytes that are left to read, if it is known.
    pub(super) fn remaining(&self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::File(file) => Some(file.remaining()),
            Self::Reader { remaining, .. } => *remaining,
            Self::Incoming(incoming) => incoming.remaining(),
            Self::Adapted(adapter) => adapter.remaining(),
        }
    }

    pub(super) fn is_in_memory(&self) -> bool {
        matches!(self, Self::Empty | Self::Bytes(_))
    }

    /// Returns the same source from its start, if it can be read again.
    pub(super) fn again(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::File(file) => Some(Self::File(file.again())),
            Self::Adapted(adapter) => adapter.again().map(Self::Adapted),
            Self::Reader { .. } | Self::Incoming(_) => None,
        }
    }

    pub(super) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Empty => Ok(0),
            Self::Bytes(bytes) => {
                let count = bytes.len().min(buf.len());
                bytes.copy_to_slice(&mut buf[..count]);
                Ok(count)
            }
            Self::File(file) => file.read(buf),
            Self::Reader { reader, remaining: None } => reader.read(buf),
            Self::Reader { reader, remaining: Some(remaining) } => {
                read_exactly(reader, remaining, buf)
            }
            Self::Incoming(incoming) => incoming.read(buf),
            Self::Adapted(adapter) => adapter.read(buf),
        }
    }

    pub(super) fn take_trailers(&mut self) -> Option<HeaderMap> {
        match self {
            Self::Incoming(incoming) => incoming.take_trailers(),
            Self::Adapted(adapter) => adapter.take_trailers(),
            _ => None,
        }
    }

    /// Returns `true` if the next read may have to wait, as far as the source can tell.
    pub(super) fn may_wait(&mut self) -> bool {
        match self {
            Self::Empty | Self::Bytes(_) | Self::File(_) => false,
            Self::Reader { remaining, .. } => *remaining != Some(0),
            Self::Incoming(incoming) => !incoming.is_ready(),
            Self::Adapted(adapter) => adapter.may_wait(),
        }
    }

    /// Records on the connection that its peer caused `reason`.
    pub(super) fn reject(&mut self, reason: &Error) {
        match self {
            Self::Incoming(incoming) => incoming.reject(reason),
            Self::Adapted(adapter) => adapter.reject(reason),
            _ => {}
        }
    }

    /// Bounds the reading of a body that a connection is still delivering.
    pub(super) fn set_context(&mut self, context: &Context) {
        match self {
            Self::Incoming(incoming) => incoming.set_context(context),
            Self::Adapted(adapter) => adapter.set_context(context),
            _ => {}
        }
    }

    /// Returns the source's name for `Debug`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Bytes(_) => "bytes",
            Self::File(_) => "file",
            Self::Reader { .. } => "reader",
            Self::Incoming(_) => "incoming",
            Self::Adapted(adapter) => adapter.name(),
        }
    }
}

/// Reads from a source that was declared to have `remaining` more bytes.
fn read_exactly(reader: &mut dyn Read, remaining: &mut u64, buf: &mut [u8]) -> io::Result<usize> {
    let most = usize::try_from(*remaining).unwrap_or(usize::MAX).min(buf.len());
    if most == 0 {
        return Ok(0);
    }
    // A faulty reader may return more than the length of the buffer.
    let count = reader.read(&mut buf[..most])?.min(most);
    if count == 0 {
        let missing = counted(*remaining, "byte");
        let message = format!("it ended {missing} before its declared length");
        return Err(Error::message(ErrorKind::BodySource, message).into());
    }
    *remaining -= count as u64;
    Ok(count)
}

/// Reads the chunks of an iterator in turn.
pub(super) struct ChunkReader<I> {
    chunks: I,
    rest: Bytes,
}

impl<I> ChunkReader<I> {
    pub(super) fn new(chunks: I) -> Self {
        Self { chunks, rest: Bytes::new() }
    }
}

impl<I: Iterator<Item = Bytes>> Read for ChunkReader<I> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // An empty chunk is not the end.
        while self.rest.is_empty() {
            match self.chunks.next() {
                Some(chunk) => self.rest = chunk,
                None => return Ok(0),
            }
        }
        let count = self.rest.len().min(buf.len());
        self.rest.copy_to_slice(&mut buf[..count]);
        Ok(count)
    }
}
