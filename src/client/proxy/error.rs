//! The failures of a proxy.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use super::refusal::{Reason, Refusal};
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::net::DialError;
use crate::text::counted;

/// The step at which a proxy failed, in an error of the kind [`Proxy`](ErrorKind::Proxy).
/// [`Error::proxy_failure`] returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyFailure {
    /// The proxy's host name could not be resolved.
    Resolve,
    /// No connection to the proxy could be made.
    Connect,
    /// The TLS handshake with the proxy failed.
    TlsHandshake,
    /// The proxy's certificate is not trusted.
    UntrustedCertificate,
    /// The proxy did not open the tunnel. [`Error::status_code`] has the status of its response, unless
    /// the response was not HTTP or the connection ended first.
    ///
    /// A tunnel without TLS to the origin also fails, without a status, if the proxy's success declares a
    /// body or is followed by bytes before the first request.
    Tunnel,
    /// The SOCKS proxy refused the connection or the credentials, or what it sent is not SOCKS. Without TLS
    /// to the origin, bytes before the first request are such a failure too.
    Socks,
}

/// A failure of a proxy, as the source of the error that reports it.
#[derive(Debug)]
pub(in crate::client) struct ProxyError {
    /// The host and the port of the proxy.
    address: String,
    failure: ProxyFailure,
    /// The proxy cannot connect to an address of the origin.
    of_address: bool,
    text: String,
    /// The error that caused it. `text` includes its text.
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl ProxyError {
    /// Returns the error of a proxy that refused a tunnel.
    pub(in crate::client) fn refused(
        address: String,
        failure: ProxyFailure,
        Refusal { reason, text }: Refusal,
    ) -> Error {
        let status = match reason {
            Reason::Status(status) => Some(status),
            Reason::Address | Reason::Other => None,
        };
        let of_address = reason == Reason::Address;
        Error::of_proxy(status, Self { address, failure, of_address, text, cause: None })
    }

    /// Returns `true` if the proxy may be able to connect to another address of the origin.
    pub(in crate::client) fn is_of_address(error: &Error) -> bool {
        let cause = error.cause().and_then(|cause| cause.downcast_ref::<Self>());
        cause.is_some_and(|error| error.of_address)
    }

    /// Returns the error of a connection to the proxy that could not be made. `error` is the error of the
    /// dial, `kind` its kind.
    pub(in crate::client) fn dial(address: String, kind: ErrorKind, error: DialError) -> Error {
        let failure = match kind {
            ErrorKind::Resolve => ProxyFailure::Resolve,
            ErrorKind::Connect => ProxyFailure::Connect,
            _ => return Error::explained(kind, format!("proxy {address}"), error),
        };
        Self::caused(address, failure, error)
    }

    /// Returns the error of a failed TLS handshake with the proxy.
    pub(in crate::client) fn handshake(address: String, error: Error) -> Error {
        let failure = match error.kind() {
            ErrorKind::UntrustedCertificate => ProxyFailure::UntrustedCertificate,
            ErrorKind::TlsHandshake => ProxyFailure::TlsHandshake,
            ErrorKind::Timeout(TimeLimit::Call) => return error,
            ErrorKind::Timeout(limit) => return Self::timeout(&address, limit),
            _ => return error,
        };
        Self::caused(address, failure, error)
    }

    /// Returns the error of a time limit that ran out at the proxy.
    pub(in crate::client) fn timeout(address: &str, limit: TimeLimit) -> Error {
        Error::message(ErrorKind::Timeout(limit), format!("proxy {address}"))
    }

    /// Returns the error of a connection to the proxy that failed before a tunnel was open.
    pub(in crate::client) fn broken(
        address: String,
        failure: ProxyFailure,
        error: io::Error,
    ) -> Error {
        Self::caused(address, failure, error)
    }

    /// Returns the error of a proxy that has sent `count` bytes through a new tunnel for plain HTTP.
    pub(in crate::client) fn unexpected(
        address: String,
        failure: ProxyFailure,
        count: usize,
    ) -> Error {
        let text = format!("{} in the tunnel before the first request", counted(count, "byte"));
        Self::refused(address, failure, Refusal::new(text))
    }

    fn caused(
        address: String,
        failure: ProxyFailure,
        cause: impl StdError + Send + Sync + 'static,
    ) -> Error {
        let text = cause.to_string();
        let cause = Some(Box::new(cause) as _);
        Error::of_proxy(None, Self { address, failure, of_address: false, text, cause })
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "proxy {}: {}", self.address, self.text)
    }
}

impl StdError for ProxyError {
    /// Returns the cause's source, because the text includes the text of the cause.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().and_then(|cause| cause.source())
    }
}

impl Error {
    /// Returns the step at which a proxy failed, if the kind is [`Proxy`](ErrorKind::Proxy).
    ///
    /// A time limit that ran out at the proxy has the kind [`Timeout`](ErrorKind::Timeout), and its text
    /// names the proxy.
    #[must_use]
    pub fn proxy_failure(&self) -> Option<ProxyFailure> {
        self.cause()?.downcast_ref::<ProxyError>().map(|error| error.failure)
    }
}
