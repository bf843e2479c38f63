//! Streams in memory, for tests and models. `testing::stream_pair` exports them.

use super::pipe;
use super::stream::Stream;

/// The number of bytes that a direction of [`pair`] holds before a write blocks: 64 KiB. A socket holds
/// about as much, and a test fills it quickly.
const DEFAULT_CAPACITY: usize = 64 * 1024;

/// Creates two connected streams. Each direction holds up to 64 KiB.
///
/// Each stream reads the bytes that are written to the other. [`Stream`] lists the calls that block, and
/// what ends them.
#[must_use]
pub(crate) fn pair() -> (Stream, Stream) {
    pair_with_capacity(DEFAULT_CAPACITY)
}

/// Creates two connected streams. Each direction holds up to `capacity` bytes, at least one.
#[must_use]
pub(crate) fn pair_with_capacity(capacity: usize) -> (Stream, Stream) {
    let (one, other) = pipe::ends(capacity);
    (Stream::from_memory(one), Stream::from_memory(other))
}
