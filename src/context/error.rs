//! The reason for which a context has ended.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, TimeLimit};

/// The reason for which a [`Context`](crate::Context) has ended.
///
/// It converts into an [`Error`](crate::Error), so `?` works on it. A cancellation becomes
/// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled). A deadline becomes a timeout of
/// [`TimeLimit::Call`](crate::TimeLimit::Call).
#[derive(Clone, Debug)]
pub struct ContextError {
    reason: Reason,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Cancelled,
    /// Holds the time limit, if the deadline was made from one.
    DeadlineExceeded(Option<Duration>),
}

impl ContextError {
    pub(super) fn cancelled(cause: Option<Arc<dyn StdError + Send + Sync>>) -> Self {
        Self { reason: Reason::Cancelled, cause }
    }

    pub(super) fn deadline_exceeded(limit: Option<Duration>) -> Self {
        Self { reason: Reason::DeadlineExceeded(limit), cause: None }
    }

    /// Returns `true` if the context was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.reason == Reason::Cancelled
    }

    /// Returns `true` if the context's deadline, or an ancestor's, has passed.
    #[must_use]
    pub fn is_deadline_exceeded(&self) -> bool {
        matches!(self.reason, Reason::DeadlineExceeded(_))
    }

    /// Returns the time limit that ran out: the duration given to
    /// [`Context::with_timeout`](crate::Context::with_timeout) or
    /// [`Context::child_with_timeout`](crate::Context::child_with_timeout).
    ///
    /// Returns `None` if the context was cancelled, or was given an instant instead of a duration.
    #[must_use]
    pub fn time_limit(&self) -> Option<Duration> {
        match self.reason {
            Reason::DeadlineExceeded(limit) => limit,
            Reason::Cancelled => None,
        }
    }

    /// Returns the cause that was given to [`Context::cancel_with`](crate::Context::cancel_with).
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.cause.as_deref()
    }
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::Cancelled => f.write_str("cancelled")?,
            Reason::DeadlineExceeded(None) => f.write_str("deadline exceeded")?,
            Reason::DeadlineExceeded(Some(limit)) => {
                write!(f, "deadline exceeded after {limit:?}")?;
            }
        }
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl StdError for ContextError {
    /// Returns the source of the cause: the text of this error includes the cause.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref()?.source()
    }
}

impl From<ContextError> for Error {
    /// Converts a deadline into the time limit of the whole call.
    fn from(error: ContextError) -> Self {
        let kind = match error.is_deadline_exceeded() {
            true => ErrorKind::Timeout(TimeLimit::Call),
            false => ErrorKind::Cancelled,
        };
        Self::with_source(kind, error)
    }
}
