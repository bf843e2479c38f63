//! One attempt of a call, and whether its failure may pass.

use std::fmt;

use http::{Method, Response, StatusCode};

use crate::body::Body;
use crate::client::proxy::ProxyFailure;
use crate::error::{Error, ErrorKind, Result, TimeLimit};

/// An attempt that has ended, for a decision by [`Retry::when`](super::Retry::when).
pub struct Attempt<'a> {
    pub(super) number: u32,
    pub(super) method: &'a Method,
    pub(super) result: &'a Result<Response<Body>>,
    /// A byte of a request may have been sent, in any of the attempt's exchanges.
    pub(super) sent: bool,
    /// The statuses that may pass.
    pub(super) statuses: &'a [StatusCode],
}

impl<'a> Attempt<'a> {
    /// Returns the number of the attempt, from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns the method of the request.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// Returns the response, whose body has not been read, or the error.
    ///
    /// # Errors
    ///
    /// The error of the attempt.
    pub fn result(&self) -> std::result::Result<&'a Response<Body>, &'a Error> {
        self.result.as_ref()
    }

    /// Returns `true` if the default rule would retry the result: see
    /// [`Retry`](super::Retry#what-is-retried).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match (self.status(), self.result) {
            (Some(status), _) => self.statuses.contains(&status),
            (None, Err(error)) => is_transient(error),
            (None, Ok(_)) => false,
        }
    }

    /// Returns the status of the response, or that of an error.
    fn status(&self) -> Option<StatusCode> {
        match self.result {
            Ok(response) => Some(response.status()),
            Err(error) => error.status_code(),
        }
    }

    /// Returns `true` if no byte of a request can have been sent: not of the last one, nor of those
    /// that were redirected or repeated before it.
    pub(super) fn is_unsent(&self) -> bool {
        !self.sent && self.result.as_ref().is_err_and(Error::is_connect)
    }
}

/// Returns `true` if the failure is one of the network or of the server, and may pass.
fn is_transient(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Resolve
        | ErrorKind::Connect
        | ErrorKind::Send
        | ErrorKind::Receive
        | ErrorKind::EmptyReply => true,
        ErrorKind::Proxy => {
            matches!(error.proxy_failure(), Some(ProxyFailure::Resolve | ProxyFailure::Connect))
        }
        // The limit of the whole call has ended every attempt.
        ErrorKind::Timeout(limit) => limit != TimeLimit::Call,
        _ => false,
    }
}

impl fmt::Debug for Attempt<'_> {
    /// Omits the headers, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("number", &self.number)
            .field("method", &self.method)
            .field("result", &self.result.as_ref().map(Response::status))
            .finish_non_exhaustive()
    }
}
