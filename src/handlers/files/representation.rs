//! A representation of a file: its bytes and its validators.

use std::fs::{File, Metadata};
use std::ops::Range;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::open::identity;
use crate::Body;

/// The bytes of a file and what identifies them.
#[derive(Debug)]
pub(super) struct Representation {
    content: Content,
    pub(super) length: u64,
    pub(super) modified: Option<SystemTime>,
    /// A strong entity tag, with its quotes.
    pub(super) etag: String,
}

#[derive(Debug)]
enum Content {
    File(Arc<File>),
    Bytes(&'static [u8]),
}

impl Representation {
    /// Takes an open file. Its length is that of this moment: later changes do not alter it.
    ///
    /// The entity tag is made of the file's number, its length and the time of its last change in
    /// nanoseconds.
    pub(super) fn of_file(file: File, metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok();
        let nanos = modified.map_or(0, nanos);
        let etag = format!("\"{:x}-{:x}-{nanos:x}\"", identity(metadata), metadata.len());
        Self { content: Content::File(Arc::new(file)), length: metadata.len(), modified, etag }
    }

    /// Takes bytes in memory, with an entity tag of their hash.
    pub(super) fn of_bytes(
        bytes: &'static [u8],
        etag: String,
        modified: Option<SystemTime>,
    ) -> Self {
        Self { content: Content::Bytes(bytes), length: bytes.len() as u64, modified, etag }
    }

    /// Returns some of the bytes. `range` lies within the length.
    pub(super) fn body(&self, range: Range<u64>) -> Body {
        match &self.content {
            Content::File(file) => Body::from_file_range(Arc::clone(file), range),
            Content::Bytes(bytes) => {
                let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                Body::from(&bytes[place(range.start)..place(range.end)])
            }
        }
    }
}

/// Returns the nanoseconds since 1970. Those before 1970 are counted from it as well: only differences
/// matter.
fn nanos(moment: SystemTime) -> u128 {
    match moment.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_nanos(),
        Err(before) => before.duration().as_nanos(),
    }
}
