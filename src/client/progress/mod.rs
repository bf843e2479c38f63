//! Progress of a call's bodies, for bars and counters.

mod options;

use std::sync::Arc;

use crate::body::Body;

/// How far a body has been sent or received.
/// [`RequestBuilder::on_upload_progress`](super::RequestBuilder::on_upload_progress) and
/// [`on_download_progress`](super::RequestBuilder::on_download_progress) report it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The number of bytes so far.
    pub bytes: u64,
    /// The length of the whole body in bytes, if it is known.
    pub total: Option<u64>,
}

/// A callback for the progress of a body.
#[derive(Clone)]
pub(super) struct OnProgress(Arc<dyn Fn(Progress) + Send + Sync>);

impl OnProgress {
    fn new(callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(callback))
    }

    /// Returns the body, whose pieces are reported as they are read.
    pub(super) fn observe(&self, body: Body) -> Body {
        if body.is_empty() {
            return body;
        }
        let Self(callback) = self.clone();
        body.inspect(move |piece| callback(Progress { bytes: piece.end, total: piece.total }))
    }
}
