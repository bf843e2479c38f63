//! The body of one message, taken apart without copying it.

use std::fmt;

use http::{HeaderMap, HeaderName, StatusCode};

use super::chunked::decoder::{ChunkDecoder, Step};
use super::fields::FieldError;
use super::framing::Framing;
use super::side::Side;
use crate::text::counted;

/// How much a peer may send besides the payload of a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes of the extensions of one chunk. By default 4 KiB; signatures, the only use known,
    /// take a hundred.
    pub extension_bytes: usize,
    /// Bytes of extensions that the payload has not made up for, each byte of it for one. By
    /// default 16 KiB: a long body may have an extension on every chunk, but nobody can keep us
    /// reading extensions without sending a body.
    pub extension_debt: usize,
    /// Bytes of the trailers, line ends included. By default 16 KiB.
    pub trailer_bytes: usize,
    /// Field lines in the trailers. By default 100.
    pub trailer_fields: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        BodyLimits {
            extension_bytes: 4 << 10,
            extension_debt: 16 << 10,
            trailer_bytes: 16 << 10,
            trailer_fields: 100,
        }
    }
}

/// What comes next in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Payload: up to so many bytes, `u64::MAX` if the end is that of the connection. What of it
    /// has come stands in the input behind the framing that was consumed; the rest can be read
    /// from the peer straight to where it is wanted. Report to
    /// [`payload_taken`](BodyDecoder::payload_taken).
    Payload(u64),
    /// All input is consumed and it ended within framing: more is needed.
    NeedInput,
    /// The body has ended. What is left of the input belongs to the next message.
    End,
}

/// A body that is not what its framing says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// The peer's stream ended before the body did.
    Incomplete {
        /// How many bytes were missing, if the length was known.
        missing: Option<u64>,
    },
    /// The peer's stream was cut off within a body that ends with the stream.
    CutOff,
    /// A chunk's size is not one to sixteen hexadecimal digits.
    ChunkSize,
    /// A control character in a chunk's extensions.
    ChunkExtension,
    /// Something other than a line end where a line of the chunked coding or a chunk must end.
    LineEnd,
    /// One chunk has more bytes of extensions than [`BodyLimits::extension_bytes`].
    ExtensionTooLarge {
        /// The limit.
        limit: usize,
    },
    /// More bytes of extensions than [`BodyLimits::extension_debt`] allows for so little payload.
    TooManyExtensions {
        /// The limit.
        limit: usize,
    },
    /// More bytes of trailers than [`BodyLimits::trailer_bytes`].
    TrailersTooLarge {
        /// The limit.
        limit: usize,
    },
    /// More trailers than [`BodyLimits::trailer_fields`].
    TooManyTrailers {
        /// The limit.
        limit: usize,
    },
    /// A line of the trailers is not a field.
    Trailer(FieldError),
    /// A trailer about framing or routing in a request, for which it is too late behind the body.
    ForbiddenTrailer(HeaderName),
}

impl BodyError {
    /// The status of the answer to a request with such a body: 431 for trailers beyond a limit,
    /// else 400.
    pub fn status(&self) -> StatusCode {
        match self {
            BodyError::TrailersTooLarge { .. } | BodyError::TooManyTrailers { .. } => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns `true` if the peer's stream ended too early, `false` if the peer sent something wrong.
    pub fn is_incomplete(&self) -> bool {
        matches!(self, BodyError::Incomplete { .. } | BodyError::CutOff)
    }
}

impl std::error::Error for BodyError {}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BodyError::Incomplete { missing: Some(missing) } => {
                write!(f, "body incomplete: the stream ended {} early", counted(*missing, "byte"))
            }
            BodyError::Incomplete { missing: None } => {
                f.write_str("body incomplete: the stream ended before the last chunk")
            }
            BodyError::CutOff => f.write_str("body incomplete: the stream was cut off"),
            BodyError::ChunkSize => f.write_str("chunk size is not 1 to 16 hexadecimal digits"),
            BodyError::ChunkExtension => f.write_str("control character in a chunk extension"),
            BodyError::LineEnd => f.write_str("no line end behind a chunk, its size or a trailer"),
            BodyError::ExtensionTooLarge { limit } => {
                write!(f, "chunk extensions larger than {}", counted(*limit, "byte"))
            }
            BodyError::TooManyExtensions { limit } => {
                let limit = counted(*limit, "byte");
                write!(f, "chunk extensions exceed the payload by more than {limit}")
            }
            BodyError::TrailersTooLarge { limit } => {
                write!(f, "trailers larger than {}", counted(*limit, "byte"))
            }
            BodyError::TooManyTrailers { limit } => {
                write!(f, "more than {}", counted(*limit, "trailer"))
            }
            BodyError::Trailer(error) => write!(f, "trailer {error}"),
            BodyError::ForbiddenTrailer(name) => write!(f, "trailer field {name} not allowed"),
        }
    }
}

/// Tells framing from payload in the bytes of one body, whichever way they are cut.
///
/// It holds none of them: payload goes from the caller's buffer, or from the socket, straight to
/// where the caller wants it. After an error it stays in error.
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
///         Next::NeedInput => unreachable!("all of it is here"),
///         Next::End => break,
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

    /// Consumes the framing at the front of `input` and tells what follows it: how many bytes
    /// were consumed, and what comes next. The input is what stands behind all that was consumed
    /// or taken before; it may be empty, to ask what comes next.
    ///
    /// # Errors
    ///
    /// The framing is broken or beyond a limit. Nothing behind it can be read.
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

    /// Notes that `n` bytes of payload were taken, from the input or from the peer.
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

    /// The peer's stream has ended: right for a body that ends with it, or that had ended.
    ///
    /// # Errors
    ///
    /// The body is incomplete, or was in error before.
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

    /// The peer's stream was cut: it ended, and not by the peer's own will as far as can be told. So
    /// it is no end of a body that ends with the stream.
    ///
    /// # Errors
    ///
    /// The body is incomplete, or was in error before; none if it had ended.
    pub fn cut_off(&mut self) -> Result<(), BodyError> {
        match self.state {
            State::UntilClose => Err(self.fail(BodyError::CutOff)),
            _ => self.end_of_stream(),
        }
    }

    /// How much payload is still to come, if that is known.
    pub fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Length { left } => Some(left),
            State::Ended { .. } => Some(0),
            State::Chunked(_) | State::UntilClose | State::Failed(_) => None,
        }
    }

    /// Whether the body has been read to its end, without an error.
    ///
    /// The last chunk ends a chunked body only once [`advance`](Self::advance) has seen it.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended { .. })
    }

    /// The trailers, once, after the end of a chunked body that had any.
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
mod tests {
    use super::*;
    use crate::h1::splits;

    fn decoder(framing: Framing) -> BodyDecoder {
        BodyDecoder::request(framing, BodyLimits::default())
    }

    #[test]
    fn a_body_with_a_length_ends_there() {
        let decoded = splits::body(|| decoder(Framing::Length(5)), b"helloGET /").unwrap();
        assert_eq!(decoded.payload, b"hello");
        assert_eq!(decoded.rest, b"GET /");
        assert!(decoded.ended);
    }

    #[test]
    fn an_empty_body_has_ended_before_it_began() {
        for framing in [Framing::Empty, Framing::Length(0)] {
            assert!(decoder(framing).is_ended());
            assert_eq!(decoder(framing).remaining(), Some(0));
            let decoded = splits::body(|| decoder(framing), b"GET /").unwrap();
            assert_eq!((&decoded.payload[..], &decoded.rest[..]), (&b""[..], &b"GET /"[..]));
        }
    }

    #[test]
    fn a_body_until_close_ends_with_the_stream() {
        let decoded = splits::body(|| decoder(Framing::UntilClose), b"hello").unwrap();
        assert_eq!(decoded.payload, b"hello");
        assert!(!decoded.ended);

        let mut body = decoder(Framing::UntilClose);
        assert_eq!(body.advance(b""), Ok((0, Next::Payload(u64::MAX))));
        assert_eq!(body.remaining(), None);
        assert_eq!(body.end_of_stream(), Ok(()));
        assert!(body.is_ended());
        assert_eq!(body.advance(b"x"), Ok((0, Next::End)));
    }

    #[test]
    fn empty_input_asks_what_comes_next() {
        let mut body = decoder(Framing::Length(5));
        assert_eq!(body.advance(b""), Ok((0, Next::Payload(5))));
        body.payload_taken(2);
        assert_eq!(body.advance(b""), Ok((0, Next::Payload(3))));
        assert_eq!(body.remaining(), Some(3));

        let mut body = decoder(Framing::Chunked);
        assert_eq!(body.advance(b""), Ok((0, Next::NeedInput)));
        assert_eq!(body.advance(b"5\r\n"), Ok((3, Next::Payload(5))));
        assert_eq!(body.advance(b""), Ok((0, Next::Payload(5))));
        assert_eq!(body.remaining(), None);
    }

    #[test]
    fn an_early_end_of_stream_says_how_much_is_missing() {
        let mut body = decoder(Framing::Length(5));
        body.payload_taken(2);
        let error = body.end_of_stream().unwrap_err();
        assert_eq!(error, BodyError::Incomplete { missing: Some(3) });
        assert_eq!(error.to_string(), "body incomplete: the stream ended 3 bytes early");
        assert_eq!(body.advance(b"abc"), Err(error));
        assert!(!body.is_ended());
    }

    #[test]
    fn a_chunked_body_is_incomplete_up_to_its_very_last_byte() {
        let input = b"3;a=b\r\nabc\r\n0\r\nT: u\r\n\r\n";
        for end in 0..=input.len() {
            let mut body = decoder(Framing::Chunked);
            let mut rest = &input[..end];
            loop {
                let (framing, next) = body.advance(rest).unwrap();
                rest = &rest[framing..];
                let Next::Payload(most) = next else { break };
                let here = rest.len().min(most as usize);
                rest = &rest[here..];
                body.payload_taken(here as u64);
                if rest.is_empty() {
                    break;
                }
            }
            let expected = match end == input.len() {
                true => Ok(()),
                false => Err(BodyError::Incomplete { missing: None }),
            };
            assert_eq!(body.end_of_stream(), expected, "after {end} bytes");
        }
    }

    #[test]
    fn an_end_of_stream_behind_the_body_is_in_order() {
        let mut body = decoder(Framing::Length(2));
        body.payload_taken(2);
        assert_eq!(body.end_of_stream(), Ok(()));
    }

    #[test]
    fn the_largest_length_costs_nothing() {
        let mut body = decoder(Framing::Length(u64::MAX));
        assert_eq!(body.advance(b"abc"), Ok((0, Next::Payload(u64::MAX))));
        body.payload_taken(3);
        assert_eq!(body.remaining(), Some(u64::MAX - 3));
        assert!(size_of::<BodyDecoder>() < 256);
    }
    #[test]
    fn a_stream_that_was_cut_off_ends_no_body() {
        for (framing, text) in [
            (Framing::UntilClose, "body incomplete: the stream was cut off"),
            (Framing::Chunked, "body incomplete: the stream ended before the last chunk"),
            (Framing::Length(1), "body incomplete: the stream ended 1 byte early"),
        ] {
            let error = decoder(framing).cut_off().unwrap_err();
            assert!(error.is_incomplete());
            assert_eq!(error.to_string(), text);
        }
        assert_eq!(decoder(Framing::Empty).cut_off(), Ok(()));
    }

    #[test]
    fn limits_of_one_are_singular() {
        for (error, text) in [
            (BodyError::ExtensionTooLarge { limit: 1 }, "chunk extensions larger than 1 byte"),
            (
                BodyError::TooManyExtensions { limit: 1 },
                "chunk extensions exceed the payload by more than 1 byte",
            ),
            (BodyError::TrailersTooLarge { limit: 1 }, "trailers larger than 1 byte"),
            (BodyError::TooManyTrailers { limit: 1 }, "more than 1 trailer"),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }
}
