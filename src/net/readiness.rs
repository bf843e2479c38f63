//! The values that a stream's waits take and return.

use std::time::Instant;

/// The state of a stream at one moment, from [`Stream::readiness`](super::Stream::readiness).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Readiness {
    /// A read would not block: there is data, the end of the stream, or an error.
    pub readable: bool,
    /// The peer will send no more, though some of what it sent may still be unread. Behind unread data
    /// only Linux, Android, FreeBSD and Apple's systems report it. Elsewhere it is set once all is read.
    pub peer_closed: bool,
    /// Nothing can be sent to the peer any more, or the connection has failed.
    pub broken: bool,
}

impl Readiness {
    /// Returns the hang-up that a wait for `least` ends with.
    pub(super) fn hangup(self, least: Hangup) -> Option<Hangup> {
        if self.broken {
            Some(Hangup::Broken)
        } else {
            let ended = self.peer_closed && least == Hangup::EndOfStream;
            ended.then_some(Hangup::EndOfStream)
        }
    }
}

/// The way in which the peer hung up, from [`Stream::wait_hangup`](super::Stream::wait_hangup).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hangup {
    /// The peer will send no more. It may still read: over TCP this side cannot tell.
    EndOfStream,
    /// The peer reset the connection, or it neither sends nor reads any more.
    Broken,
}

/// A kind of call in which a thread can be blocked on a stream, for
/// [`Stream::wait_until_parked`](super::Stream::wait_until_parked).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parked {
    /// `read`, `read_for`, `wait_readable`.
    Read,
    /// `write`.
    Write,
    /// `wait_hangup`.
    Hangup,
}

/// The time limit of one wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// The stream's deadline, or this time if it is earlier.
    Deadline(Option<Instant>),
    /// This time, whatever the stream's deadline.
    Only(Option<Instant>),
}

impl Until {
    /// Returns the time at which the wait ends, given the stream's `deadline`.
    pub(super) fn time(self, deadline: Option<Instant>) -> Option<Instant> {
        match self {
            Self::Deadline(limit) => limit.into_iter().chain(deadline).min(),
            Self::Only(limit) => limit,
        }
    }
}

/// The events that a TLS stream waits for on the stream below it.
#[cfg(feature = "tls")]
#[derive(Clone, Copy, Debug)]
pub(super) struct Interest {
    pub(super) read: bool,
    pub(super) write: bool,
}
