//! Errors as exit codes of curl.

use std::fmt;

use hangup::client::ProxyFailure;
use hangup::h1::FramingError;
use hangup::{Error, ErrorKind};

use crate::options::General;
use crate::support::complain;

pub(crate) const UNSUPPORTED_SCHEME: u8 = 1;
pub(crate) const MALFORMED_URL: u8 = 3;
pub(crate) const PROXY_NOT_RESOLVED: u8 = 5;
pub(crate) const NOT_RESOLVED: u8 = 6;
pub(crate) const NOT_CONNECTED: u8 = 7;
pub(crate) const WEIRD_REPLY: u8 = 8;
pub(crate) const BODY_CUT_SHORT: u8 = 18;
pub(crate) const STATUS: u8 = 22;
pub(crate) const NOT_WRITTEN: u8 = 23;
pub(crate) const UPLOAD_REFUSED: u8 = 25;
pub(crate) const NOT_READ: u8 = 26;
pub(crate) const TIMED_OUT: u8 = 28;
pub(crate) const NO_RANGES: u8 = 33;
pub(crate) const TLS_FAILED: u8 = 35;
pub(crate) const BAD_REQUEST: u8 = 43;
pub(crate) const TOO_MANY_REDIRECTS: u8 = 47;
pub(crate) const EMPTY_REPLY: u8 = 52;
pub(crate) const SEND_FAILED: u8 = 55;
pub(crate) const RECEIVE_FAILED: u8 = 56;
pub(crate) const NOT_TRUSTED: u8 = 60;
pub(crate) const UNKNOWN_CODING: u8 = 61;
pub(crate) const TOO_LARGE_FILE: u8 = 63;
pub(crate) const NO_REWIND: u8 = 65;
pub(crate) const BAD_ROOTS: u8 = 77;
pub(crate) const PROXY_HANDSHAKE: u8 = 97;

/// An exit code and the line that explains it.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// Creates the failure for an error after the response's head.
    pub(crate) fn in_body(error: Error) -> Self {
        match error.kind() {
            ErrorKind::MalformedMessage => Self::new(RECEIVE_FAILED, error),
            _ => error.into(),
        }
    }

    pub(crate) fn not_written(error: impl fmt::Display) -> Self {
        Self::new(NOT_WRITTEN, format!("cannot write the output: {error}"))
    }
}

impl Failure {
    /// Prints one line on stderr, unless the user wants none.
    pub(crate) fn tell(&self, general: &General) {
        if general.shows_errors() {
            complain!("fetch: ({}) {}", self.code, self.message);
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::InvalidUrl => MALFORMED_URL,
            ErrorKind::UnsupportedScheme => UNSUPPORTED_SCHEME,
            ErrorKind::Timeout(_) => TIMED_OUT,
            ErrorKind::Resolve => NOT_RESOLVED,
            ErrorKind::Connect => NOT_CONNECTED,
            ErrorKind::Proxy => of_proxy(&error),
            ErrorKind::TlsHandshake => TLS_FAILED,
            ErrorKind::UntrustedCertificate => NOT_TRUSTED,
            // The files of the command line were read before, so the platform's store failed.
            ErrorKind::InvalidTlsConfig => BAD_ROOTS,
            ErrorKind::Send => SEND_FAILED,
            ErrorKind::EmptyReply => EMPTY_REPLY,
            ErrorKind::Decode => UNKNOWN_CODING,
            ErrorKind::MalformedMessage if has_unknown_coding(&error) => UNKNOWN_CODING,
            ErrorKind::MalformedMessage => WEIRD_REPLY,
            ErrorKind::IncompleteBody => BODY_CUT_SHORT,
            ErrorKind::TooManyRedirects => TOO_MANY_REDIRECTS,
            ErrorKind::BodySource => NOT_READ,
            ErrorKind::InvalidMessage | ErrorKind::Misuse => BAD_REQUEST,
            ErrorKind::Cancelled => crate::INTERRUPTED,
            _ => RECEIVE_FAILED,
        };
        Self::new(code, error)
    }
}

fn of_proxy(error: &Error) -> u8 {
    match error.proxy_failure() {
        Some(ProxyFailure::Resolve) => PROXY_NOT_RESOLVED,
        Some(ProxyFailure::Connect) => NOT_CONNECTED,
        Some(ProxyFailure::TlsHandshake) => TLS_FAILED,
        Some(ProxyFailure::UntrustedCertificate) => NOT_TRUSTED,
        Some(ProxyFailure::Socks) => PROXY_HANDSHAKE,
        _ => RECEIVE_FAILED,
    }
}

fn has_unknown_coding(error: &Error) -> bool {
    let framing = error.cause().and_then(|cause| cause.downcast_ref());
    matches!(framing, Some(FramingError::UnknownCoding))
}

/// Returns `true` if the connection ended within a head. A malformed head has a cause with the position.
pub(crate) fn is_cut_off(error: &Error) -> bool {
    error.kind() == ErrorKind::MalformedMessage && error.cause().is_none()
}
