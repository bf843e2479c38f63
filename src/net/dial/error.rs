//! The errors of a dial.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use super::target::Target;
use crate::context::ContextError;
use crate::error::{ErrorKind, TimeLimit};
use crate::net::addr::Addr;

/// The part of a dial that ran out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Resolving the host name.
    Resolve,
    /// Connecting to the addresses.
    Connect,
}

/// The error of a dial.
///
/// A [`Dial`](super::Dial) of another crate creates one with [`resolve`](Self::resolve),
/// [`connect`](Self::connect) or [`other`](Self::other), as [`TimedOut`](Self::TimedOut), or with `?`
/// from an [`io::Error`], a [`ContextError`] or a [`hangup::Error`](crate::Error).
#[derive(Debug)]
#[non_exhaustive]
pub enum DialError {
    /// The host name could not be resolved, or it has no address.
    #[non_exhaustive]
    Resolve {
        /// The host name.
        host: String,
        /// The resolver's error.
        source: io::Error,
    },
    /// No connection could be made to any address of the target.
    #[non_exhaustive]
    Connect {
        /// The target of the dial.
        target: Target,
        /// The addresses that were tried, each with its error, in the order in which they failed.
        tried: Vec<(Addr, io::Error)>,
    },
    /// The dial's time limit ([`DialOptions::connect_timeout`](super::DialOptions::connect_timeout))
    /// ran out in this phase.
    TimedOut(Phase),
    /// The dial's time limit ran out before the look-up of the host name began, because the resolver
    /// was running as many look-ups as it may.
    #[non_exhaustive]
    ResolverBusy {
        /// The host name.
        host: String,
        /// The number of look-ups that were running.
        lookups: usize,
    },
    /// The context was cancelled, or its deadline passed.
    Cancelled(ContextError),
    /// The system lacks a resource that the dial itself needs, such as a descriptor.
    System(io::Error),
    /// Any other failure. The crate's own dialer never returns it.
    Other(Box<dyn StdError + Send + Sync>),
}

impl DialError {
    /// Creates the error of a host name that could not be resolved.
    #[must_use]
    pub fn resolve(host: impl Into<String>, source: io::Error) -> Self {
        Self::Resolve { host: host.into(), source }
    }

    /// Creates the error of a target none of whose addresses could be connected to. `tried` holds each
    /// address with its error.
    #[must_use]
    pub fn connect(target: Target, tried: Vec<(Addr, io::Error)>) -> Self {
        Self::Connect { target, tried }
    }

    /// Returns the kind of the crate's error for this one, or `None` if the context ended.
    pub(crate) fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::TimedOut(Phase::Resolve) | Self::ResolverBusy { .. } => {
                Some(ErrorKind::Timeout(TimeLimit::Resolve))
            }
            Self::TimedOut(Phase::Connect) => Some(ErrorKind::Timeout(TimeLimit::Connect)),
            Self::Resolve { .. } => Some(ErrorKind::Resolve),
            Self::Cancelled(_) => None,
            _ => Some(ErrorKind::Connect),
        }
    }

    /// Creates an error from any other failure.
    #[must_use]
    pub fn other(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Other(source.into())
    }
}

impl From<ContextError> for DialError {
    fn from(ended: ContextError) -> Self {
        Self::Cancelled(ended)
    }
}

impl From<io::Error> for DialError {
    /// Wraps the error as [`DialError::Other`].
    fn from(error: io::Error) -> Self {
        Self::other(error)
    }
}

impl From<crate::Error> for DialError {
    /// Wraps the error as [`DialError::Other`].
    fn from(error: crate::Error) -> Self {
        Self::other(error)
    }
}

impl From<DialError> for crate::Error {
    /// Returns an error of the kind [`Connect`](ErrorKind::Connect), [`Resolve`](ErrorKind::Resolve), a
    /// timeout of one of the two, or the error of the context that has ended.
    fn from(error: DialError) -> Self {
        match (error.kind(), &error) {
            (None, DialError::Cancelled(ended)) => ended.clone().into(),
            (kind, _) => Self::with_source(kind.unwrap_or(ErrorKind::Connect), error),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolving the name",
            Self::Connect => "connecting",
        })
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { host, source } => write!(f, "cannot resolve {host}: {source}"),
            Self::Connect { target, tried } => {
                write!(f, "cannot connect to {target}")?;
                for (number, (address, error)) in tried.iter().enumerate() {
                    let separator = if number == 0 { ": " } else { "; " };
                    // A target that is an address is not repeated.
                    match address.to_string() {
                        address if address == target.to_string() => {
                            write!(f, "{separator}{error}")?;
                        }
                        address => write!(f, "{separator}{address}: {error}")?,
                    }
                }
                Ok(())
            }
            Self::TimedOut(phase) => write!(f, "timed out while {phase}"),
            Self::ResolverBusy { host, lookups } => {
                write!(f, "timed out waiting to resolve {host}: {lookups} look-ups are running")
            }
            Self::Cancelled(error) => error.fmt(f),
            Self::System(error) => write!(f, "cannot connect: {error}"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl StdError for DialError {
    /// Returns the source's source, because the text of this error includes the text of its source.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Resolve { source, .. } | Self::System(source) => source.source(),
            Self::Cancelled(ended) => ended.source(),
            // The text ends with the last address that failed.
            Self::Connect { tried, .. } => tried.last().and_then(|(_, error)| error.source()),
            Self::Other(error) => error.source(),
            Self::TimedOut(_) | Self::ResolverBusy { .. } => None,
        }
    }
}
