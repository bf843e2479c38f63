//! The failure of an exchange, with the facts that decide whether the request may be sent again.

use std::time::Duration;

use super::messages::{ExchangeId, ReplyError, SendError};
use super::shared::{SEND_PATIENCE, Shared};
use crate::error::{Error, ErrorKind};

/// A failed exchange.
#[derive(Debug)]
pub(in crate::client) struct Failure {
    pub(in crate::client) error: Error,
    pub(in crate::client) at: FailedAt,
    pub(in crate::client) blame: Blame,
}

/// How far an exchange had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum FailedAt {
    /// No byte of the request was written.
    NotWritten,
    /// At least a part of the request was written, and no byte of a response was received.
    Written,
    /// At least one byte of a response was received.
    Responding,
}

/// The cause of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Blame {
    Connection,
    /// The caller, its context, a time limit, or an invalid message.
    Call,
}

impl Failure {
    /// No response could be read, after at least a part of the request was written.
    pub(super) fn of_reading(ReplyError { error, begun }: ReplyError) -> Self {
        let at = if begun { FailedAt::Responding } else { FailedAt::Written };
        Self { at, blame: Blame::of(&error), error }
    }

    /// The call ended for another reason than a failed connection.
    pub(super) fn of_the_call(error: Error) -> Self {
        Self { error, at: FailedAt::Written, blame: Blame::Call }
    }

    /// No response could be read to a request that the writer loop sends. A failure to send it is the
    /// earlier one, and says more.
    ///
    /// # Blocking
    ///
    /// For [`SEND_PATIENCE`] at most. If the connection has failed, the writer loop is about to report
    /// how much it has written.
    pub(super) fn of_exchange(shared: &Shared, id: ExchangeId, failed: ReplyError) -> Self {
        if failed.begun || Blame::of(&failed.error) == Blame::Call {
            return Self::of_reading(failed);
        }
        // Only a request on a reused connection may be sent again, so the first need not know.
        let patience = if id.is_first() { Duration::ZERO } else { SEND_PATIENCE };
        match shared.await_sent(patience) {
            Some(Err(SendError::Failed { error, written })) => {
                let at = if written == 0 { FailedAt::NotWritten } else { FailedAt::Written };
                Self { at, blame: Blame::of(&error), error }
            }
            // The source may itself read from a connection, and fail with the same kind of error.
            Some(Err(SendError::Source(error))) => Self::of_the_call(error),
            _ => Self::of_reading(failed),
        }
    }
}

impl Blame {
    fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Send | ErrorKind::Receive | ErrorKind::EmptyReply => Self::Connection,
            _ => Self::Call,
        }
    }
}
