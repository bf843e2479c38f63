//! The place of a nested handler: its prefix, and the router around it.

use std::sync::Arc;

use super::pattern::{Pattern, Prefix};
use crate::Handler;

/// The extension of a request whose path a router has shortened.
#[derive(Clone)]
pub(super) struct Nested {
    prefix: Prefix,
    /// How many bytes of the original path are gone.
    stripped: usize,
    /// The handler for what nothing matches, of the innermost router around that has one.
    not_found: Option<Arc<dyn Handler>>,
}

impl Nested {
    pub(super) fn new(
        outer: Option<&Self>,
        pattern: &Pattern,
        not_found: Option<&Arc<dyn Handler>>,
    ) -> Self {
        let inherited = || outer.and_then(|outer| outer.not_found.clone());
        Self {
            prefix: pattern.to_prefix(outer.map(|outer| &outer.prefix)),
            stripped: outer.map_or(0, |outer| outer.stripped),
            not_found: not_found.cloned().or_else(inherited),
        }
    }

    /// Adds the bytes of another prefix.
    pub(super) fn with_stripped(mut self, count: usize) -> Self {
        self.stripped += count;
        self
    }

    pub(super) fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    pub(super) fn stripped(&self) -> usize {
        self.stripped
    }

    pub(super) fn not_found(&self) -> Option<&Arc<dyn Handler>> {
        self.not_found.as_ref()
    }
}
