//! Writes the part of a request that does not block, on the caller's thread. The rest is left to the
//! writer loop.

use std::io::{self, IoSlice};
use std::time::Instant;

use bytes::{Buf, Bytes};

use super::messages::{SendError, StreamedBody, Unwritten, Withheld};
use super::outgoing::{OutgoingFraming, Withhold};
use super::shared::Shared;
use crate::body::Body;
use crate::sync::channel::{Sender, bounded};

/// The part of a request that the caller could not write.
pub(super) enum Unsent {
    /// The writer loop's part, and the sender that releases a withheld body.
    Unwritten(Unwritten, Option<Sender<()>>),
    /// The connection failed. A response that the peer sent before it closed may still arrive.
    Failed(SendError),
}

/// Writes as much as possible without blocking. Returns `None` if that was the whole request. With
/// `withhold` the body waits for a 100.
#[inline]
pub(super) fn send_now(
    shared: &Shared,
    head: Vec<u8>,
    body: Body,
    framing: OutgoingFraming,
    withhold: Option<Box<Withhold>>,
) -> Option<Unsent> {
    let chunked = framing == OutgoingFraming::Chunked;
    let in_memory = !chunked && withhold.is_none();
    match if in_memory { body.into_memory() } else { Err(body) } {
        Ok(body) => match write_now(shared, &head, &body) {
            Ok(written) if written == head.len() + body.len() => flush_now(shared, written as u64),
            Ok(written) => Some(Unsent::rest_of(head, body, written)),
            Err(error) => Some(Unsent::Failed(error)),
        },
        Err(body) => Some(Unsent::all_of(head, body, chunked, withhold)),
    }
}

/// Writes until the stream would block. Returns how many bytes were written.
fn write_now(shared: &Shared, head: &[u8], body: &[u8]) -> Result<usize, SendError> {
    // The system handles one slice faster than two of which one is empty.
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
            Err(error) => return Err(shared.send_error(error, written as u64)),
        }
    }
    Ok(written)
}

/// Flushes a stream that has accepted the whole request. A TLS stream may hold records back.
fn flush_now(shared: &Shared, written: u64) -> Option<Unsent> {
    match shared.stream.try_flush() {
        Ok(()) => None,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Some(Unsent::Unwritten(
            Unwritten { bytes: Default::default(), written, body: None },
            None,
        )),
        Err(error) => Some(Unsent::Failed(shared.send_error(error, written))),
    }
}

impl Unsent {
    /// A head and a body without their first `written` bytes.
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
