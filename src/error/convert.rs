//! Conversions into an [`Error`], so that `?` works, and back.

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::io;

use http::StatusCode;

use super::{Error, ErrorKind};

impl From<io::Error> for Error {
    /// Returns the [`Error`] inside the [`io::Error`], if there is one, and wraps any other.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => error,
            Err(error) => Self::with_source(ErrorKind::Io, error),
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        // Never `Interrupted`: `read_to_end` and others would retry forever.
        let kind = match error.kind() {
            ErrorKind::Timeout(_) => io::ErrorKind::TimedOut,
            ErrorKind::Cancelled | ErrorKind::Closed => io::ErrorKind::ConnectionAborted,
            ErrorKind::IncompleteBody | ErrorKind::EmptyReply => io::ErrorKind::UnexpectedEof,
            ErrorKind::MalformedMessage | ErrorKind::Decode | ErrorKind::TooLarge => {
                io::ErrorKind::InvalidData
            }
            ErrorKind::InvalidUrl | ErrorKind::InvalidMessage => io::ErrorKind::InvalidInput,
            ErrorKind::Connect | ErrorKind::Proxy => io::ErrorKind::ConnectionRefused,
            ErrorKind::InvalidTlsConfig => io::ErrorKind::InvalidInput,
            ErrorKind::TlsHandshake | ErrorKind::UntrustedCertificate => io::ErrorKind::InvalidData,
            ErrorKind::Send => io::ErrorKind::BrokenPipe,
            ErrorKind::Receive => io::ErrorKind::ConnectionReset,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// Implements `?` for errors that are common in handlers. A blanket `impl` would overlap with the identity
/// conversion of [`Error`].
macro_rules! from_other {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::other(error)
            }
        }
    )+};
}

from_other!(
    Box<dyn StdError + Send + Sync>,
    String,
    &str,
    Cow<'_, str>,
    fmt::Error,
    std::env::VarError,
    std::net::AddrParseError,
    std::num::ParseFloatError,
    std::num::ParseIntError,
    std::num::TryFromIntError,
    std::path::StripPrefixError,
    std::str::ParseBoolError,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
    std::time::SystemTimeError,
    http::header::ToStrError,
    crossbeam_channel::RecvError,
    crossbeam_channel::RecvTimeoutError,
    crossbeam_channel::TryRecvError,
);

/// Implements `?` for errors in building a request or response.
macro_rules! from_invalid_message {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::with_source(ErrorKind::InvalidMessage, error)
            }
        }
    )+};
}

from_invalid_message!(
    http::Error,
    http::header::InvalidHeaderName,
    http::header::InvalidHeaderValue,
    http::method::InvalidMethod,
    http::status::InvalidStatusCode,
);

impl From<http::uri::InvalidUri> for Error {
    fn from(error: http::uri::InvalidUri) -> Self {
        Self::with_source(ErrorKind::InvalidUrl, error)
    }
}

/// Implements `?` for functions that are generic over an error and cannot fail.
impl From<Infallible> for Error {
    fn from(error: Infallible) -> Self {
        match error {}
    }
}

impl From<StatusCode> for Error {
    /// Creates an error that is a response without a text; see [`Error::status`].
    fn from(status: StatusCode) -> Self {
        Self::status(status, String::new())
    }
}
