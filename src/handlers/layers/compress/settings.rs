//! The options of a layer.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use super::coder::Coding;

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) min_size: usize,
    pub(super) when: Arc<Predicate>,
    /// In the order in which they are preferred.
    pub(super) codings: Vec<Arc<dyn Coding>>,
}

pub(super) type Predicate = dyn Fn(StatusCode, &HeaderMap) -> bool + Send + Sync;
