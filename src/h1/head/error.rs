//! The errors of reading a head, and the status of the response to each.

use std::fmt;

use http::StatusCode;

use crate::h1::fields::FieldError;
use crate::h1::side::Side;
use crate::text::counted;

/// The error of a head that is malformed or exceeds a limit. Its text names the place.
///
/// ```
/// use hangup::h1::{HeadScanner, Limits};
///
/// let error = HeadScanner::default()
///     .request(b"GET / HTTP/1.1\r\nhost: a\r\nlength : 3\r\n\r\n", &Limits::default())
///     .unwrap_err();
/// assert_eq!(error.to_string(), "request field 2 (`length `): space before the colon");
/// assert_eq!(error.status(), 400);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadError {
    pub(super) side: Side,
    pub(super) fault: Fault,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    TooLarge { limit: usize },
    TooManyFields { limit: usize },
    TargetTooLong { limit: usize },
    UnsupportedVersion,
    StartLine(&'static str),
    Target(&'static str),
    BareLf { line: usize },
    Field(FieldError),
    Host(&'static str),
}

impl HeadError {
    /// Returns the status of the response to a request with such a head: 400, 414, 431 or 505.
    pub fn status(&self) -> StatusCode {
        match self.fault {
            Fault::TooLarge { .. } | Fault::TooManyFields { .. } => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Fault::TargetTooLong { .. } => StatusCode::URI_TOO_LONG,
            Fault::UnsupportedVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns `true` if the head exceeds one of its [`Limits`](super::Limits).
    pub fn is_too_large(&self) -> bool {
        matches!(self.fault, Fault::TooLarge { .. } | Fault::TooManyFields { .. })
    }
}

impl std::error::Error for HeadError {}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (side, line) = match self.side {
            Side::Request => ("request", "request line"),
            Side::Response => ("response", "status line"),
        };
        match &self.fault {
            Fault::TooLarge { limit } => {
                write!(f, "{side} head larger than {}", counted(*limit, "byte"))
            }
            Fault::TooManyFields { limit } => {
                write!(f, "{side} head with more than {}", counted(*limit, "field"))
            }
            Fault::TargetTooLong { limit } => {
                write!(f, "request target longer than {}", counted(*limit, "byte"))
            }
            Fault::UnsupportedVersion => write!(f, "{line}: HTTP version other than 1.x"),
            Fault::StartLine(what) => write!(f, "{line}: {what}"),
            Fault::Target(what) => write!(f, "request target: {what}"),
            Fault::BareLf { line } => {
                write!(f, "{side} line {line}: ends in LF alone, without CR")
            }
            Fault::Field(error) => write!(f, "{side} {error}"),
            Fault::Host(what) => write!(f, "request field Host: {what}"),
        }
    }
}

impl From<FieldError> for Fault {
    fn from(error: FieldError) -> Self {
        Fault::Field(error)
    }
}
