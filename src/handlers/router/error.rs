//! The error of a pattern that a router does not take.

use std::fmt;
use std::panic::Location;

use crate::Error;

/// Why a [`Router`](super::Router) does not take a pattern: it is invalid, or conflicts with another.
///
/// ```
/// use hangup::{Router, respond};
///
/// let mut router = Router::new();
/// let error = router.try_respond("/items/{id", |_| Ok("")).unwrap_err();
/// assert_eq!((error.pattern(), error.position()), ("/items/{id", Some(7)));
/// assert_eq!(
///     error.to_string(),
///     r#"invalid pattern "/items/{id" at byte 7: the wildcard has no closing brace"#
/// );
///
/// router.try_respond("/items/{id}", |_| Ok(""))?.try_respond("/items/new", |_| Ok(""))?;
/// let error = router.try_respond("/items/{name}", |_| Ok("")).unwrap_err();
/// assert_eq!(error.conflicts_with(), Some("/items/{id}"));
/// # Ok::<(), hangup::router::PatternError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PatternError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    pattern: Box<str>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Invalid { at: usize, why: Box<str> },
    Conflict { other: Box<str>, place: &'static Location<'static>, why: Box<str> },
}

impl PatternError {
    /// Creates the error of an invalid pattern. `at` is the place in bytes.
    #[cold]
    pub(super) fn invalid(pattern: &str, at: usize, why: impl Into<Box<str>>) -> Self {
        let kind = Kind::Invalid { at, why: why.into() };
        Self(Box::new(Inner { pattern: pattern.into(), kind }))
    }

    /// Creates the error of a pattern that conflicts with `other`, which was registered at `place`.
    #[cold]
    pub(super) fn conflict(
        pattern: &str,
        other: &str,
        place: &'static Location<'static>,
        why: impl Into<Box<str>>,
    ) -> Self {
        let kind = Kind::Conflict { other: other.into(), place, why: why.into() };
        Self(Box::new(Inner { pattern: pattern.into(), kind }))
    }

    /// Returns the pattern that was not taken.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.0.pattern
    }

    /// Returns the place in an invalid pattern, in bytes from its start.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        match self.0.kind {
            Kind::Invalid { at, .. } => Some(at),
            Kind::Conflict { .. } => None,
        }
    }

    /// Returns the pattern with which this one conflicts.
    #[must_use]
    pub fn conflicts_with(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::Invalid { .. } => None,
            Kind::Conflict { other, .. } => Some(other),
        }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pattern = &self.0.pattern;
        match &self.0.kind {
            Kind::Invalid { at, why } => {
                write!(f, "invalid pattern {pattern:?} at byte {at}: {why}")
            }
            Kind::Conflict { other, place, why } => {
                write!(f, "pattern {pattern:?} conflicts with {other:?} of {place}: {why}")
            }
        }
    }
}

impl std::error::Error for PatternError {}

impl From<PatternError> for Error {
    fn from(error: PatternError) -> Self {
        Self::other(error)
    }
}
