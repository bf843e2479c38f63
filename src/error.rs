//! The crate's one error.
//!
//! [`Error`] is opaque and a word long; [`Error::kind`] sorts it by who is to blame, and the
//! questions (`is_timeout`, `is_cancelled`, …) answer what a caller usually wants to know. It turns
//! into an [`io::Error`] and back without loss, since a body is read through [`std::io::Read`].

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::context::ContextError;

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn StdError + Send + Sync>;

/// What went wrong. Cheap to clone.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Option<Box<str>>,
    source: Option<Source>,
}

/// What sort of thing went wrong, sorted by who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller's URL is not one, or lacks a host.
    InvalidUrl,
    /// The URL's scheme is none that this build speaks.
    UnsupportedScheme,
    /// The request or response cannot be sent as it was put together.
    InvalidMessage,
    /// What the body was to be read from failed.
    BodySource,
    /// A call that is not possible in this state: hijacking twice, writing past the Content-Length.
    Misuse,
    /// What was to be configured of TLS cannot be: a certificate or key that cannot be read, or that
    /// do not belong together; or the platform's roots cannot be had.
    InvalidTlsConfig,

    /// The call's [`Context`](crate::Context) was cancelled.
    Cancelled,
    /// A time limit ran out: this one.
    Timeout(TimeLimit),

    /// The host's name could not be resolved.
    Resolve,
    /// No connection could be made.
    Connect,
    /// No agreement was reached in the TLS handshake, or the peer ended it.
    TlsHandshake,
    /// The peer's certificate is not to be trusted: it is another's, has expired, or nobody trusted
    /// vouches for it.
    UntrustedCertificate,
    /// The connection failed while the message was being written.
    Send,
    /// The connection failed while the peer's message was being read.
    Receive,

    /// The peer closed the connection without an answer.
    EmptyReply,
    /// What the peer sent is not HTTP, or breaks its rules.
    MalformedMessage,
    /// The peer's body ended early.
    IncompleteBody,
    /// The peer's message is larger than a limit.
    TooLarge,
    /// The peer redirects without end.
    TooManyRedirects,
    /// The peer redirects to something that cannot be followed: see
    /// [`ResponseExt::redirect_error`](crate::ResponseExt::redirect_error).
    InvalidRedirect,

    /// The client or server was shut down.
    Closed,
    /// Some other input or output error.
    Io,
    /// What a handler returned that is none of the above.
    Other,
}

/// The time limits, by the names that they have in errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeLimit {
    /// Resolving the host's name.
    Resolve,
    /// Making the connection.
    Connect,
    /// The TLS handshake.
    TlsHandshake,
    /// Writing a request, or a response.
    Send,
    /// From the request's last byte to the response's head.
    ResponseHead,
    /// From one piece of a response's body to the next.
    IdleRead,
    /// The whole call, to the end of the response's body.
    Call,
    /// Reading a request's head.
    RequestHead,
    /// Reading a whole request.
    Request,
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolving the host",
            Self::Connect => "connecting",
            Self::TlsHandshake => "the TLS handshake",
            Self::Send => "sending",
            Self::ResponseHead => "the response head",
            Self::IdleRead => "more of the response body",
            Self::Call => "the whole call",
            Self::RequestHead => "the request head",
            Self::Request => "the whole request",
        })
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self::build(kind, None, None)
    }

    pub(crate) fn message(kind: ErrorKind, message: impl Into<Box<str>>) -> Self {
        Self::build(kind, Some(message.into()), None)
    }

    pub(crate) fn with_source(kind: ErrorKind, source: impl Into<Source>) -> Self {
        Self::build(kind, None, Some(source.into()))
    }

    /// With a word about what the source is about.
    pub(crate) fn explained(
        kind: ErrorKind,
        message: impl Into<Box<str>>,
        source: impl Into<Source>,
    ) -> Self {
        Self::build(kind, Some(message.into()), Some(source.into()))
    }

    fn build(kind: ErrorKind, message: Option<Box<str>>, source: Option<Source>) -> Self {
        Self(Arc::new(Inner { kind, message, source }))
    }

    pub(crate) fn timeout(limit: TimeLimit) -> Self {
        Self::new(ErrorKind::Timeout(limit))
    }

    /// Any other error, to be returned from a handler with `?`.
    pub fn other(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::with_source(ErrorKind::Other, error)
    }

    /// What sort of error this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether a time limit or a context's deadline ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.timed_out().is_some()
    }

    /// Which time limit ran out.
    #[must_use]
    pub fn timed_out(&self) -> Option<TimeLimit> {
        match self.0.kind {
            ErrorKind::Timeout(limit) => Some(limit),
            _ => None,
        }
    }

    /// Whether somebody cancelled the call.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == ErrorKind::Cancelled
    }

    /// Whether no connection to the peer came about: nothing was sent.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        use TimeLimit::{Connect, Resolve, TlsHandshake};
        matches!(
            self.0.kind,
            ErrorKind::Resolve
                | ErrorKind::Connect
                | ErrorKind::TlsHandshake
                | ErrorKind::UntrustedCertificate
                | ErrorKind::Timeout(Resolve | Connect | TlsHandshake)
        )
    }

    /// Whether the peer broke the rules or an agreed limit.
    #[must_use]
    pub fn is_peer_fault(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::EmptyReply
                | ErrorKind::MalformedMessage
                | ErrorKind::IncompleteBody
                | ErrorKind::TooLarge
                | ErrorKind::TooManyRedirects
                | ErrorKind::InvalidRedirect
        )
    }

    /// Whether the caller handed in something that cannot be sent, or called out of turn.
    #[must_use]
    pub fn is_caller_fault(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::InvalidUrl
                | ErrorKind::UnsupportedScheme
                | ErrorKind::InvalidMessage
                | ErrorKind::BodySource
                | ErrorKind::Misuse
                | ErrorKind::InvalidTlsConfig
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, message, source } = &*self.0;
        match (kind, message, source) {
            (_, None, Some(source)) if kind.is_told_by_its_source() => write!(f, "{source}"),
            (ErrorKind::Timeout(limit), None, _) => write!(f, "timed out waiting for {limit}"),
            (_, None, None) => f.write_str(kind.describe()),
            // The message begins with the URL.
            (ErrorKind::InvalidUrl, Some(message), None) => {
                write!(f, "{} {message}", kind.describe())
            }
            (_, Some(message), None) => write!(f, "{}: {message}", kind.describe()),
            (_, None, Some(source)) => write!(f, "{}: {source}", kind.describe()),
            (_, Some(message), Some(source)) => {
                write!(f, "{}: {message}: {source}", kind.describe())
            }
        }
    }
}

impl ErrorKind {
    /// A handler's own error speaks for itself; a context's end and a failed dial say what they are.
    fn is_told_by_its_source(self) -> bool {
        matches!(
            self,
            Self::Other
                | Self::Io
                | Self::Cancelled
                | Self::Timeout(_)
                | Self::Resolve
                | Self::Connect
        )
    }

    fn describe(self) -> &'static str {
        match self {
            Self::InvalidUrl => "invalid URL",
            Self::UnsupportedScheme => "unsupported URL scheme",
            Self::InvalidMessage => "message cannot be sent",
            Self::BodySource => "the body's source failed",
            Self::Misuse => "not possible now",
            Self::InvalidTlsConfig => "TLS cannot be configured",
            Self::Cancelled => "cancelled",
            Self::Timeout(_) => "timed out",
            Self::Resolve => "cannot resolve the host",
            Self::Connect => "cannot connect",
            Self::TlsHandshake => "TLS handshake failed",
            Self::UntrustedCertificate => "certificate not trusted",
            Self::Send => "sending failed",
            Self::Receive => "receiving failed",
            Self::EmptyReply => "the peer closed the connection without an answer",
            Self::MalformedMessage => "the peer's message is malformed",
            Self::IncompleteBody => "the peer's body ended early",
            Self::TooLarge => "the peer's message is too large",
            Self::TooManyRedirects => "too many redirects",
            Self::InvalidRedirect => "the redirect cannot be followed",
            Self::Closed => "closed",
            Self::Io => "input or output failed",
            Self::Other => "failed",
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<io::Error> for Error {
    /// Gets back the [`Error`] that travelled inside an [`io::Error`]; any other is wrapped.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => error,
            Err(error) => Self::with_source(ErrorKind::Io, error),
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        // Never `Interrupted`: `read_to_end` and its like would try again for ever.
        let kind = match error.kind() {
            ErrorKind::Timeout(_) => io::ErrorKind::TimedOut,
            ErrorKind::Cancelled | ErrorKind::Closed => io::ErrorKind::ConnectionAborted,
            ErrorKind::IncompleteBody | ErrorKind::EmptyReply => io::ErrorKind::UnexpectedEof,
            ErrorKind::MalformedMessage | ErrorKind::TooLarge => io::ErrorKind::InvalidData,
            ErrorKind::InvalidUrl | ErrorKind::InvalidMessage => io::ErrorKind::InvalidInput,
            ErrorKind::Connect => io::ErrorKind::ConnectionRefused,
            ErrorKind::InvalidTlsConfig => io::ErrorKind::InvalidInput,
            ErrorKind::TlsHandshake | ErrorKind::UntrustedCertificate => io::ErrorKind::InvalidData,
            ErrorKind::Send => io::ErrorKind::BrokenPipe,
            ErrorKind::Receive => io::ErrorKind::ConnectionReset,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl From<ContextError> for Error {
    /// A context's deadline is the time limit of the whole call.
    fn from(error: ContextError) -> Self {
        let kind = match error.is_deadline_exceeded() {
            true => ErrorKind::Timeout(TimeLimit::Call),
            false => ErrorKind::Cancelled,
        };
        Self::with_source(kind, error)
    }
}

/// So that `?` works in handlers on what handlers usually meet.
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
    fmt::Error,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
    std::num::ParseIntError,
    std::num::ParseFloatError,
    crossbeam_channel::RecvError,
);

impl From<http::Error> for Error {
    fn from(error: http::Error) -> Self {
        Self::with_source(ErrorKind::InvalidMessage, error)
    }
}

impl From<http::header::InvalidHeaderValue> for Error {
    fn from(error: http::header::InvalidHeaderValue) -> Self {
        Self::with_source(ErrorKind::InvalidMessage, error)
    }
}

impl From<http::header::InvalidHeaderName> for Error {
    fn from(error: http::header::InvalidHeaderName) -> Self {
        Self::with_source(ErrorKind::InvalidMessage, error)
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;
    use crate::Context;

    #[test]
    fn an_error_survives_the_journey_through_io() {
        let error = Error::timeout(TimeLimit::ResponseHead);
        let io = io::Error::from(error);
        assert_eq!(io.kind(), io::ErrorKind::TimedOut);
        let back = Error::from(io);
        assert_eq!(back.timed_out(), Some(TimeLimit::ResponseHead));
        assert_eq!(back.to_string(), "timed out waiting for the response head");
    }

    #[test]
    fn no_error_makes_a_reader_try_again() {
        for kind in [ErrorKind::Cancelled, ErrorKind::Timeout(TimeLimit::Call), ErrorKind::Closed] {
            assert_ne!(io::Error::from(Error::new(kind)).kind(), io::ErrorKind::Interrupted);
        }
    }

    #[test]
    fn a_context_says_which_of_the_two_it_was() {
        let cancelled = Context::new();
        cancelled.cancel_with("enough");
        let error = Error::from(cancelled.err().unwrap());
        assert!(error.is_cancelled() && !error.is_timeout());
        assert_eq!(error.to_string(), "cancelled: enough");
        let late = Context::with_timeout(std::time::Duration::ZERO);
        let error = Error::from(late.err().unwrap());
        assert_eq!(error.timed_out(), Some(TimeLimit::Call));
        assert_eq!(error.to_string(), "deadline exceeded");
    }

    #[test]
    fn a_handlers_own_error_speaks_for_itself() {
        assert_eq!(Error::from("no such row").to_string(), "no such row");
        assert_eq!(std::mem::size_of::<Error>(), std::mem::size_of::<usize>());
    }
}
