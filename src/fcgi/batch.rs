//! Records of one request that are written together.

use std::io::IoSlice;

use super::record::{HEADER, MAX_CONTENT, Status, end_request, header};

/// The exit status of a program that failed.
pub(super) const FAILED: u32 = 1;

/// Records of one request that are written together.
pub(super) struct RecordBatch<'a> {
    id: u16,
    /// Each record's header and content. The content may stand in two places.
    records: Vec<([u8; HEADER], &'a [u8], &'a [u8])>,
}

impl<'a> RecordBatch<'a> {
    pub(super) fn new(id: u16) -> Self {
        Self { id, records: Vec::new() }
    }

    /// Adds as few records as possible that carry `first` and `second`.
    pub(super) fn carry(&mut self, kind: u8, mut first: &'a [u8], mut second: &'a [u8]) {
        while !first.is_empty() || !second.is_empty() {
            let (one, rest) = first.split_at(first.len().min(MAX_CONTENT));
            first = rest;
            let (other, rest) = second.split_at(second.len().min(MAX_CONTENT - one.len()));
            second = rest;
            let header = header(kind, self.id, one.len() + other.len());
            self.records.push((header, one, other));
        }
    }

    /// Adds the empty record that ends a stream.
    pub(super) fn end(&mut self, kind: u8) {
        self.records.push((header(kind, self.id, 0), &[], &[]));
    }

    /// Returns the bytes of the records, followed by `end`.
    pub(super) fn slices<'s>(&'s self, end: &'s [u8]) -> Vec<IoSlice<'s>> {
        let pieces = self.records.iter().flat_map(|(header, one, other)| [&header[..], one, other]);
        pieces.chain([end]).filter(|piece| !piece.is_empty()).map(IoSlice::new).collect()
    }
}

/// Returns the record that ends a request whose handler was run.
pub(super) fn completed(id: u16, exit: u32) -> [u8; 2 * HEADER] {
    end_request(id, exit, Status::Complete)
}
