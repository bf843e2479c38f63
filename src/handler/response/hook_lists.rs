//! The callbacks that wait for moments of a response.

use std::mem;
use std::time::Instant;

use http::{HeaderMap, StatusCode};

use crate::handler::outcome::ResponseOutcome;

type HeadHook = Box<dyn FnOnce(StatusCode, &mut HeaderMap) + Send>;
type EndHook = Box<dyn FnOnce(&ResponseOutcome<'_>) + Send>;

/// The callbacks of a response. The connection keeps the memory of the lists.
#[derive(Default)]
pub(super) struct Hooks {
    pub(super) heads: Vec<HeadHook>,
    pub(super) ends: Vec<EndHook>,
    /// When the head was decided. Not set without callbacks.
    pub(super) first_byte: Option<Instant>,
    /// The client had left when the handler returned, and a part of the response was missing.
    pub(super) client_left: bool,
}

impl Hooks {
    pub(super) fn is_empty(&self) -> bool {
        self.heads.is_empty() && self.ends.is_empty()
    }

    /// Takes over the callbacks of an inner response, whose head comes first.
    pub(super) fn adopt(&mut self, inner: &mut Self) {
        inner.heads.append(&mut self.heads);
        mem::swap(&mut self.heads, &mut inner.heads);
        self.ends.append(&mut inner.ends);
        self.first_byte = self.first_byte.or(inner.first_byte);
    }

    /// Drops callbacks that were not called, and keeps the memory of the lists.
    pub(super) fn clear(&mut self) {
        self.heads.clear();
        self.ends.clear();
        self.first_byte = None;
        self.client_left = false;
    }
}
