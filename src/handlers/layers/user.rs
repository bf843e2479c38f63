//! The user of a request.

use std::fmt;
use std::sync::Arc;

use crate::Request;

/// The name of the user who made a request, which a layer has verified.
///
/// [`BasicAuth`](super::BasicAuth) and [`BearerAuth`](super::BearerAuth) put it into the
/// [extensions](http::Request::extensions) of the request. [`User::of`] returns it: in handlers, and in layers
/// outside once the inner handler has returned.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct User(Arc<str>);

impl User {
    /// Creates the user called `name`.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// Returns the user of `request`, if a layer has verified one.
    #[must_use]
    pub fn of<B>(request: &http::Request<B>) -> Option<&Self> {
        request.extensions().get()
    }

    /// Returns the name. It may contain any characters except control characters.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    pub(super) fn add_to(self, request: &mut Request) {
        request.extensions_mut().insert(self);
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("User").field(&&*self.0).finish()
    }
}
