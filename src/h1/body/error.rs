//! The limits on a body, and the errors of decoding it.

use std::fmt;

use http::{HeaderName, StatusCode};

use crate::h1::fields::FieldError;
use crate::text::counted;

/// Limits on the bytes of a chunked body that are not payload.
///
/// ```
/// use hangup::h1::BodyLimits;
///
/// const LIMITS: BodyLimits = BodyLimits::new().with_trailers(4096, 10);
/// assert_eq!(LIMITS.extension_bytes, 4096); // the default
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BodyLimits {
    /// Bytes of the extensions of one chunk. The default is 4 KiB: signatures, the only known use, take
    /// about a hundred bytes.
    pub extension_bytes: usize,
    /// Bytes of extensions in excess of the payload so far: each byte of payload makes up for one. The
    /// default is 16 KiB. A long body may have an extension on every chunk, but a peer cannot send
    /// extensions forever without payload.
    pub extension_debt: usize,
    /// Bytes of the trailers, line ends included. The default is 16 KiB.
    pub trailer_bytes: usize,
    /// Field lines in the trailers. The default is 100.
    pub trailer_fields: usize,
}

impl BodyLimits {
    /// Creates the default limits.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            extension_bytes: 4 << 10,
            extension_debt: 16 << 10,
            trailer_bytes: 16 << 10,
            trailer_fields: 100,
        }
    }

    /// Sets the limits on extensions: `bytes` for one chunk, and `debt` in excess of the payload.
    #[must_use]
    pub const fn with_extensions(self, bytes: usize, debt: usize) -> Self {
        Self { extension_bytes: bytes, extension_debt: debt, ..self }
    }

    /// Sets the limits on trailers: their `bytes`, and the number of their `fields`.
    #[must_use]
    pub const fn with_trailers(self, bytes: usize, fields: usize) -> Self {
        Self { trailer_bytes: bytes, trailer_fields: fields, ..self }
    }
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self::new()
    }
}

/// The error of a body that contradicts its framing or exceeds a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// The peer's stream ended before the body did.
    Incomplete {
        /// How many bytes were missing, if the length was known.
        missing: Option<u64>,
    },
    /// The peer's stream was cut off within a body that is delimited by the stream.
    CutOff,
    /// A chunk's size is not one to sixteen hexadecimal digits.
    ChunkSize,
    /// A chunk's extensions contain a control character.
    ChunkExtension,
    /// A chunk or a line of the chunked coding is not followed by a line end.
    LineEnd,
    /// The extensions of one chunk exceed [`BodyLimits::extension_bytes`].
    ExtensionTooLarge {
        /// The limit.
        limit: usize,
    },
    /// The extensions exceed the payload so far by more than [`BodyLimits::extension_debt`].
    TooManyExtensions {
        /// The limit.
        limit: usize,
    },
    /// The trailers have more bytes than [`BodyLimits::trailer_bytes`].
    TrailersTooLarge {
        /// The limit.
        limit: usize,
    },
    /// The trailers have more fields than [`BodyLimits::trailer_fields`].
    TooManyTrailers {
        /// The limit.
        limit: usize,
    },
    /// A line of the trailers is not a field.
    Trailer(FieldError),
    /// A trailer in a request concerns framing or routing, which had to be known before the body.
    ForbiddenTrailer(HeaderName),
}

impl BodyError {
    /// Returns the status of the response to a request with such a body: 431 for trailers beyond a limit,
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
