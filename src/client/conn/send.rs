//! What of a request is written at once, by the caller, and what is left for the writer loop.

use std::io::{self, IoSlice};
use std::time::Instant;

use bytes::{Buf, Bytes};

use super::Shared;
use super::exchange::{OutgoingFraming, Withhold};
use super::messages::{StreamedBody, Unwritten, Withheld, WriteError};
use crate::body::Body;
use crate::sync::channel::{Sender, bounded};

/// What is left of a request that the caller has not wholly written.
pub(super) enum Left {
    /// The writer loop's part, and what releases a body that is withheld.
    Unwritten(Unwritten, Option<Sender<()>>),
    /// It could not be written; but the answer that the peer sent before it closed may still come.
    Failed(WriteError),
}

/// Writes what can be written without waiting; `None` if that was everything. With `withhold` the body
/// waits for a 100.
pub(super) fn send_now(
    shared: &Shared,
    head: Vec<u8>,
    body: Body,
    framing: OutgoingFraming,
    withhold: Option<Box<Withhold>>,
) -> Option<Left> {
    let chunked = framing == OutgoingFraming::Chunked;
    let in_memory = !chunked && withhold.is_none();
    match if in_memory { body.into_memory() } else { Err(body) } {
        Ok(body) => match write_now(shared, &head, &body) {
            Ok(written) if written == head.len() + body.len() => flush_now(shared, written as u64),
            Ok(written) => Some(Left::rest_of(head, body, written)),
            Err(error) => Some(Left::Failed(error)),
        },
        Err(body) => Some(Left::all_of(head, body, chunked, withhold)),
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
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Some(Left::Unwritten(
            Unwritten { bytes: Default::default(), written, body: None },
            None,
        )),
        Err(error) => Some(Left::Failed(shared.write_error(error, written))),
    }
}

impl Left {
    /// A head and a body without their first `written` bytes, for which there was room.
    fn rest_of(head: Vec<u8>, mut body: Bytes, written: usize) -> Self {
        let mut head = Bytes::from(head);
        let of_head = written.min(head.len());
        head.advance(of_head);
        body.advance(written - of_head);
        let unwritten = Unwritten { bytes: [head, body], written: written as u64, body: None };
        Self::Unwritten(unwritten, None)
    }

    /// A request whose body is read from its source while it is sent.
    fn all_of(head: Vec<u8>, body: Body, chunked: bool, withhold: Option<Box<Withhold>>) -> Self {
        let (release, withheld) = match withhold {
            Some(withhold) => {
                let Withhold { limit, give_back } = *withhold;
                let (release, proceed) = bounded(1);
                let until = Instant::now().checked_add(limit);
                (Some(release), Some(Withheld { proceed, until, give_back }))
            }
            None => (None, None),
        };
        let body = Some(StreamedBody { body, chunked, withheld });
        Self::Unwritten(Unwritten { bytes: [head.into(), Bytes::new()], written: 0, body }, release)
    }
}
