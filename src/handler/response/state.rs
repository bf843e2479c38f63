//! The state of a response between two calls of its handler.

use std::mem;

use http::HeaderMap;

use super::hook_lists::Hooks;
use crate::error::Error;
use crate::handler::filter::{Filter, HeadFields};

/// The state of a response. Its connection keeps the memory for the next one.
#[derive(Default)]
pub(crate) struct ResponseState {
    pub(super) head: HeadFields,
    /// Set if the handler's latest status is invalid: the response fails with this error.
    pub(super) invalid_status: Option<Error>,
    /// A copy of the headers for a handler that changes them once they were sent.
    pub(super) late_headers: Option<Box<HeaderMap>>,
    /// No Content-Type is derived from the body.
    pub(super) is_typeless: bool,
    /// Boxed, since few responses have any.
    pub(super) trailers: Option<Box<HeaderMap>>,
    /// Bytes that were not passed on yet: all of the body before the head is decided, small pieces later.
    /// Invariant: at most [`HOLD_BACK`](super::HOLD_BACK) bytes.
    pub(super) held: Vec<u8>,
    pub(super) stage: Stage,
    /// How many bytes of the body the sink has taken.
    pub(super) sent: u64,
    pub(super) filters: Filters,
    pub(super) hooks: Hooks,
}

/// How far the response has come on the wire.
#[derive(Debug, Default)]
pub(super) enum Stage {
    /// Nothing was sent.
    Open,
    /// The head was sent. `missing` bytes of the body must follow, if a length was declared.
    Sending { missing: Option<u64> },
    /// The response was sent.
    #[default]
    Ended,
    /// The handler owns the connection.
    Hijacked,
    /// A write failed, and every other will.
    Broken,
}

/// The filters of a response, and how far they have come.
#[derive(Default)]
pub(super) enum Filters {
    #[default]
    None,
    /// They were not called yet. The last one sees the handler's bytes first.
    Added(Vec<Box<dyn Filter>>),
    /// The head was decided by the handler, and is being passed through them.
    Running(Box<Chain>),
    /// One of them, or a write behind them, has failed.
    Failed(Error),
}

/// The running filters of a response.
pub(super) struct Chain {
    /// The last one sees the handler's bytes first.
    pub(super) steps: Vec<Step>,
    /// How many bytes the handler must still write, if it declared a length.
    pub(super) missing: Option<u64>,
}

pub(super) struct Step {
    pub(super) filter: Box<dyn Filter>,
    /// The filter has seen the head.
    pub(super) begun: bool,
}

impl Filters {
    pub(super) fn have_begun(&self) -> bool {
        matches!(self, Self::Running(_) | Self::Failed(_))
    }

    /// Adds a filter to those that have not begun.
    pub(super) fn add(&mut self, filter: Box<dyn Filter>) {
        match self {
            Self::Added(filters) => filters.push(filter),
            _ => *self = Self::Added(vec![filter]),
        }
    }
}

impl ResponseState {
    /// Begins the next response.
    pub(crate) fn begin(&mut self, head_only: bool) {
        self.reset();
        self.head.head_only = head_only;
        self.hooks.clear();
        self.stage = Stage::Open;
        self.sent = 0;
    }

    /// Begins a response in place of `outer`, which has not begun: with the same status and headers, and
    /// with what was written so far. The callbacks and filters stay with `outer`.
    pub(super) fn continuing(outer: &mut Self) -> Self {
        let mut inner = Self::default();
        inner.begin(outer.head.head_only);
        inner.head.status = outer.head.status;
        inner.head.headers.clone_from(&outer.head.headers);
        inner.invalid_status = outer.invalid_status.take();
        inner.is_typeless = outer.is_typeless;
        inner.trailers = outer.trailers.take();
        inner.held = mem::take(&mut outer.held);
        inner
    }

    /// Discards what the handler has set and written. Hooks, and filters that were not called yet, remain.
    pub(super) fn reset(&mut self) {
        self.head.status = http::StatusCode::OK;
        self.head.headers.clear();
        self.invalid_status = None;
        self.late_headers = None;
        self.is_typeless = false;
        self.trailers = None;
        self.held.clear();
        if self.filters.have_begun() {
            self.filters = Filters::None;
        }
    }

    /// Takes over the callbacks and filters that the handler of an inner response has added, as far as they
    /// were not called: they see the error response of that handler.
    pub(super) fn adopt(&mut self, inner: &mut Self) {
        self.hooks.adopt(&mut inner.hooks);
        if let Stage::Open = self.stage {
            if let Filters::Added(added) = mem::take(&mut inner.filters) {
                if !self.filters.have_begun() {
                    added.into_iter().for_each(|filter| self.filters.add(filter));
                }
            }
        }
    }

    /// Releases the memory that is kept between two requests.
    pub(crate) fn release(&mut self) {
        self.held = Vec::new();
        self.head.headers = HeaderMap::new();
        self.late_headers = None;
        self.hooks = Hooks::default();
    }

    /// Returns the number of header fields that it has memory for.
    pub(crate) fn fields_capacity(&self) -> usize {
        self.head.headers.capacity()
    }

    pub(super) fn bytes_sent(&self) -> u64 {
        match &self.filters {
            _ if self.head.head_only => 0,
            // The filters have not seen the held bytes.
            Filters::Added(_) => 0,
            _ => self.sent + self.held.len() as u64,
        }
    }
}
