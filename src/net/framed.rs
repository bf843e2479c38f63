//! The body of a message on a connection.

use std::io;
use std::time::Instant;

use http::HeaderMap;

use super::{Buffer, Stream};
use crate::error::{Error, ErrorKind};
use crate::h1::{BodyDecoder, BodyError, BodyLimits, Framing, Next};

/// The size of a read, in bytes, from which it bypasses the buffer.
const DIRECT_READ: usize = 4096;

/// The most bytes that [`FramedBody::has_arrived`] buffers.
const LOOK_AHEAD: usize = 64 * 1024;

/// The decoder of a body on a connection. The client and the server pass their buffer and their way of
/// reading to each call.
pub(crate) struct FramedBody {
    decoder: BodyDecoder,
}

/// The error of reading a body.
pub(crate) enum FramedError {
    /// Reading failed.
    Io(io::Error),
    /// The peer sent invalid framing, or ended the stream within the body.
    Framing(BodyError),
}

impl FramedBody {
    /// Creates the body of a request.
    pub(crate) fn request(framing: Framing) -> Self {
        Self { decoder: BodyDecoder::request(framing, BodyLimits::default()) }
    }

    /// Creates the body of a response.
    pub(crate) fn response(framing: Framing) -> Self {
        Self { decoder: BodyDecoder::response(framing, BodyLimits::default()) }
    }

    /// Returns `true` if the body was read to its last byte, trailers included.
    pub(crate) fn is_ended(&self) -> bool {
        self.decoder.is_ended()
    }

    pub(crate) fn remaining(&self) -> Option<u64> {
        self.decoder.remaining()
    }

    pub(crate) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.decoder.take_trailers()
    }

    /// Reads a part of the body into `out`. Returns 0 at its end, or if `out` is empty.
    ///
    /// If the framing shows that these were the last bytes, [`is_ended`](Self::is_ended) is `true`
    /// without another read.
    pub(crate) fn read(
        &mut self,
        buffer: &mut Buffer,
        mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
        out: &mut [u8],
    ) -> Result<usize, FramedError> {
        loop {
            let outcome = match self.advance(buffer)? {
                Next::End => return Ok(0),
                Next::Payload(_) if out.is_empty() => return Ok(0),
                Next::Payload(left) => {
                    let want = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
                    if !buffer.is_empty() {
                        return self.take_buffered(buffer, &mut out[..want]);
                    }
                    if want >= DIRECT_READ {
                        let count = read(&mut out[..want]);
                        if let Ok(count @ 1..) = count {
                            return self.count_payload(buffer, count);
                        }
                        count
                    } else {
                        buffer.fill(&mut read)
                    }
                }
                Next::NeedInput => buffer.fill(&mut read),
            };
            match outcome {
                Ok(0) => self.decoder.end_of_stream()?,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.decoder.cut_off()?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Returns `true` if a read would not have to wait for `stream`. Decodes framing that has arrived, so
    /// that it does not take the size line of a chunk for payload.
    pub(crate) fn is_ready(&mut self, buffer: &mut Buffer, stream: &Stream) -> bool {
        loop {
            match self.advance(buffer) {
                Ok(Next::Payload(_)) => return !buffer.is_empty() || stream.readiness().readable,
                Ok(Next::NeedInput) => {}
                // The next read reports the error.
                Ok(Next::End) | Err(_) => return true,
            }
            match buffer.fill(|room| stream.try_read(room)) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Ok(0) | Err(_) => return true,
            }
        }
    }

    /// Waits, at most until `until`, for a read that would not have to wait for `stream`. Returns `false` if
    /// there is none by then, at the read deadline, or if the stream is closed.
    pub(crate) fn wait_ready(
        &mut self,
        buffer: &mut Buffer,
        stream: &Stream,
        until: Instant,
    ) -> bool {
        while !self.is_ready(buffer, stream) {
            if stream.wait_readable_until(Some(until)).is_err() {
                return false;
            }
        }
        true
    }

    /// Returns `true` if the end of the body has arrived from `stream`, within [`LOOK_AHEAD`] bytes. Does
    /// not block, and consumes nothing of the body.
    pub(crate) fn has_arrived(&self, buffer: &mut Buffer, stream: &Stream) -> bool {
        while buffer.data().len() < LOOK_AHEAD {
            let filled = buffer.fill(|room| stream.try_read(room));
            if !matches!(filled, Ok(1..)) {
                break;
            }
        }
        let (mut decoder, mut data) = (self.decoder.clone(), buffer.data());
        loop {
            let Ok((used, next)) = decoder.advance(data) else { return false };
            data = &data[used..];
            match next {
                Next::End => return true,
                Next::Payload(left) if !data.is_empty() => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(data.len());
                    decoder.payload_taken(count as u64);
                    data = &data[count..];
                }
                Next::Payload(_) | Next::NeedInput => return false,
            }
        }
    }

    fn take_buffered(&mut self, buffer: &mut Buffer, out: &mut [u8]) -> Result<usize, FramedError> {
        let count = out.len().min(buffer.data().len());
        out[..count].copy_from_slice(&buffer.data()[..count]);
        buffer.consume(count);
        self.count_payload(buffer, count)
    }

    fn count_payload(&mut self, buffer: &mut Buffer, count: usize) -> Result<usize, FramedError> {
        self.decoder.payload_taken(count as u64);
        // The end may be in the buffer already. If it is invalid, the next read reports that.
        if !matches!(self.decoder.remaining(), Some(1..)) {
            let _ = self.advance(buffer);
        }
        Ok(count)
    }

    fn advance(&mut self, buffer: &mut Buffer) -> Result<Next, FramedError> {
        let (used, next) = self.decoder.advance(buffer.data())?;
        buffer.consume(used);
        Ok(next)
    }
}

impl From<io::Error> for FramedError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<BodyError> for FramedError {
    fn from(error: BodyError) -> Self {
        Self::Framing(error)
    }
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Self {
        let kind = match error.is_incomplete() {
            true => ErrorKind::IncompleteBody,
            false => ErrorKind::MalformedMessage,
        };
        Self::with_source(kind, error)
    }
}
