//! The body of one message, decoded without copying it.

pub(super) mod error;

use http::HeaderMap;

use super::chunked::decoder::{ChunkDecoder, Step};
use super::framing::Framing;
use super::side::Side;

pub use self::error::{BodyError, BodyLimits};

/// The next part of a body, as [`BodyDecoder::advance`] returns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// Payload of at most this many bytes, `u64::MAX` if the body ends with the connection.
    ///
    /// The part that has arrived follows the consumed framing in the input. The rest can be read from the
    /// peer straight into the caller's buffer. Report both to
    /// [`payload_taken`](BodyDecoder::payload_taken).
    Payload(u64),
    /// All input is consumed, and it ended within framing: more is needed.
    NeedInput,
    /// The body has ended. The rest of the input belongs to the next message.
    End,
}

/// Separates framing from payload in the bytes of one body, however they are split.
///
/// It holds no payload: the bytes go from the caller's buffer, or from the socket, straight to their
/// destination. After an error, each call returns that error.
///
/// ```
/// use hangup::h1::{BodyDecoder, BodyLimits, Framing, Next};
///
/// let mut decoder = BodyDecoder::response(Framing::Chunked, BodyLimits::default());
/// let mut input = &b"3\r\nabc\r\n0\r\n\r\nnext"[..];
/// let mut payload = Vec::new();
/// loop {
///     let (framing, next) = decoder.advance(input)?;
///     input = &input[framing..];
///     match next {
///         Next::Payload(most) => {
///             let here = most.min(input.len() as u64) as usize;
///             payload.extend_from_slice(&input[..here]);
///             input = &input[here..];
///             decoder.payload_taken(here as u64);
///         }
///         Next::End => break,
///         _ => unreachable!("all of it is here"),
///     }
/// }
/// assert_eq!((&payload[..], input), (&b"abc"[..], &b"next"[..]));
/// # Ok::<(), hangup::h1::BodyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BodyDecoder {
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    /// Invariant: `left` is not zero.
    Length {
        left: u64,
    },
    Chunked(ChunkDecoder),
    UntilClose,
    Ended {
        trailers: Option<HeaderMap>,
    },
    Failed(BodyError),
}

impl State {
    fn length(left: u64) -> State {
        match left {
            0 => State::Ended { trailers: None },
            left => State::Length { left },
        }
    }
}

impl BodyDecoder {
    /// Creates a decoder for the body of a request, which is read strictly.
    pub fn request(framing: Framing, limits: BodyLimits) -> Self {
        Self::new(Side::Request, framing, limits)
    }

    /// Creates a decoder for the body of a response, which is read
    /// [leniently](crate::h1#strict-and-lenient).
    pub fn response(framing: Framing, limits: BodyLimits) -> Self {
        Self::new(Side::Response, framing, limits)
    }

    fn new(side: Side, framing: Framing, limits: BodyLimits) -> Self {
        let state = match framing {
            Framing::Empty => State::length(0),
            Framing::Length(length) => State::length(length),
            Framing::Chunked => State::Chunked(ChunkDecoder::new(side, limits)),
            Framing::UntilClose => State::UntilClose,
        };
        BodyDecoder { state }
    }

    /// Consumes the framing at the front of `input`. Returns the number of bytes consumed, and the part of
    /// the body that follows them.
    ///
    /// The input starts behind all bytes that were consumed or taken before. It may be empty, to ask for
    /// the next part.
    ///
    /// # Errors
    ///
    /// The framing is broken or exceeds a limit. Nothing behind it can be read.
    pub fn advance(&mut self, input: &[u8]) -> Result<(usize, Next), BodyError> {
        let (consumed, step) = match &mut self.state {
            State::Length { left } => return Ok((0, Next::Payload(*left))),
            State::UntilClose => return Ok((0, Next::Payload(u64::MAX))),
            State::Ended { .. } => return Ok((0, Next::End)),
            State::Failed(error) => return Err(error.clone()),
            State::Chunked(chunks) => chunks.advance(input).map_err(|error| self.fail(error))?,
        };
        let next = match step {
            Step::Payload(left) => Next::Payload(left),
            Step::NeedInput => Next::NeedInput,
            Step::End(trailers) => {
                self.state = State::Ended { trailers };
                Next::End
            }
        };
        Ok((consumed, next))
    }

    /// Records that `n` bytes of payload were taken, from the input or from the peer.
    ///
    /// # Panics
    ///
    /// In debug builds, if that is more than the last [`Next::Payload`] offered.
    pub fn payload_taken(&mut self, n: u64) {
        match &mut self.state {
            State::Length { left } => {
                debug_assert!(n <= *left, "Invariant: no more is taken than was offered");
                self.state = State::length(left.saturating_sub(n));
            }
            State::Chunked(chunks) => chunks.payload_taken(n),
            State::UntilClose => {}
            State::Ended { .. } | State::Failed(_) => {
                debug_assert_eq!(n, 0, "Invariant: no more is taken than was offered");
            }
        }
    }

    /// Records that the peer's stream has ended. That ends a body which is delimited by the stream.
    ///
    /// # Errors
    ///
    /// The body is incomplete, or had failed before.
    pub fn end_of_stream(&mut self) -> Result<(), BodyError> {
        let missing = match &self.state {
            State::UntilClose => {
                self.state = State::Ended { trailers: None };
                return Ok(());
            }
            State::Ended { .. } => return Ok(()),
            State::Failed(error) => return Err(error.clone()),
            State::Length { left } => Some(*left),
            State::Chunked(_) => None,
        };
        Err(self.fail(BodyError::Incomplete { missing }))
    }

    /// Records that the peer's stream was cut off: it ended, and the peer may not have ended it. That does
    /// not end a body which is delimited by the stream.
    ///
    /// # Errors
    ///
    /// The body is incomplete, or had failed before. There is no error if it had ended.
    pub fn cut_off(&mut self) -> Result<(), BodyError> {
        match self.state {
            State::UntilClose => Err(self.fail(BodyError::CutOff)),
            _ => self.end_of_stream(),
        }
    }

    /// Returns the number of payload bytes that are still to come, if it is known.
    pub fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Length { left } => Some(left),
            State::Ended { .. } => Some(0),
            State::Chunked(_) | State::UntilClose | State::Failed(_) => None,
        }
    }

    /// Returns `true` if the body has been read to its end, without an error.
    ///
    /// The last chunk ends a chunked body only once [`advance`](Self::advance) has seen it.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended { .. })
    }

    /// Returns the trailers, once, after the end of a chunked body that had any.
    pub fn take_trailers(&mut self) -> Option<HeaderMap> {
        match &mut self.state {
            State::Ended { trailers } => trailers.take(),
            _ => None,
        }
    }

    fn fail(&mut self, error: BodyError) -> BodyError {
        self.state = State::Failed(error.clone());
        error
    }
}

#[cfg(test)]
mod tests;
