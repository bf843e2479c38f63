//! What of a request is written at once, by the caller, and what is left for the writer loop.

use std::io::{self, IoSlice};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};

use super::Shared;
use super::exchange::OutgoingFraming;
use super::messages::{StreamedBody, Unwritten, WriteError};
use crate::body::Body;
use crate::sync::channel::{Sender, bounded};

/// What is left of a request that the caller has not wholly written.
pub(super) enum Left {
    /// There was no room for these bytes.
    Bytes { bytes: Vec<Bytes>, written: u64 },
    /// The body is read from its source while it is sent.
    Body { head: Bytes, body: Body, chunked: bool, withhold: Option<Duration> },
    /// It could not be written; but the answer that the peer sent before it closed may still come.
    Nothing(WriteError),
}

/// Writes what can be written without waiting; `None` if that was everything. `withhold`: the body is
/// to wait for a 100 for so long.
pub(super) fn send_now(
    shared: &Shared,
    head: Vec<u8>,
    body: Body,
    framing: OutgoingFraming,
    withhold: Option<Duration>,
) -> Option<Left> {
    let chunked = framing == OutgoingFraming::Chunked;
    let in_memory = !chunked && withhold.is_none();
    match if in_memory { body.into_memory() } else { Err(body) } {
        Ok(body) => match write_now(shared, &head, &body) {
            Ok(written) if written == head.len() + body.len() => flush_now(shared, written as u64),
            Ok(written) => Some(Left::of(head, body, written)),
            Err(error) => Some(Left::Nothing(error)),
        },
        Err(body) => Some(Left::Body { head: head.into(), body, chunked, withhold }),
    }
}

/// Writes as much as there is room for; returns how much it was.
fn write_now(shared: &Shared, head: &[u8], body: &[u8]) -> Result<usize, WriteError> {
    // One slice costs the system less than two of which one is empty.
    let mut slices =
        &mut [IoSlice::new(head), IoSlice::new(body)][..if body.is_empty() { 1 } else { 2 }];
    let mut written = 0;
    while !slices.is_empty() {
        match shared.stream.try_write_vectored(slices) {
            Ok(count) => {
                written += count;
                IoSlice::advance_slices(&mut slices, count);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(shared.write_error(error, written as u64)),
        }
    }
    Ok(written)
}

/// All has been taken: was it sent?
fn flush_now(shared: &Shared, written: u64) -> Option<Left> {
    match shared.stream.try_flush() {
        Ok(()) => None,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Some(Left::Bytes { bytes: Vec::new(), written })
        }
        Err(error) => Some(Left::Nothing(shared.write_error(error, written))),
    }
}

impl Left {
    /// What is left of a head and a body after their first `written` bytes.
    fn of(head: Vec<u8>, mut body: Bytes, written: usize) -> Self {
        let mut head = Bytes::from(head);
        let of_head = written.min(head.len());
        head.advance(of_head);
        body.advance(written - of_head);
        Self::Bytes { bytes: vec![head, body], written: written as u64 }
    }

    /// The writer loop's part, or why there is none; and what releases a body that is withheld.
    pub(super) fn unwritten(self) -> (Option<Sender<()>>, Result<Unwritten, WriteError>) {
        match self {
            Self::Nothing(error) => (None, Err(error)),
            Self::Bytes { bytes, written } => (None, Ok(Unwritten { bytes, written, body: None })),
            Self::Body { head, body, chunked, withhold } => {
                let (release, proceed) = match withhold {
                    Some(limit) => {
                        let (release, released) = bounded(1);
                        (Some(release), Some((released, Instant::now().checked_add(limit))))
                    }
                    None => (None, None),
                };
                let body = Some(StreamedBody { body, chunked, proceed });
                (release, Ok(Unwritten { bytes: vec![head], written: 0, body }))
            }
        }
    }
}
