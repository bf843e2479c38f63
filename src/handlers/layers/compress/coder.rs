//! The traits of codings, and the encoders that are kept for later.

use std::io;
use std::sync::Arc;

use crate::FilterOutput;
use crate::sync::Mutex;

/// How many idle coders of one coding are kept. A busy server compresses few responses at the same moment.
const MAX_IDLE: usize = 4;

/// The size of the buffer between a coder and its output, in bytes.
pub(super) const BUFFER: usize = 8 * 1024;

/// A content coding with its level.
pub(super) trait Coding: Send + Sync {
    /// Returns the name in `Content-Encoding`.
    fn name(&self) -> &'static str;

    /// Returns the place in the order of preference.
    fn rank(&self) -> u8;

    /// Creates the coder of one response.
    ///
    /// # Errors
    ///
    /// If there is not enough memory.
    fn coder(&self) -> io::Result<Box<dyn Coder>>;
}

/// The coder of one response.
pub(super) trait Coder: Send {
    /// Encodes `data`, and writes what is ready.
    fn write(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()>;

    /// Writes everything that is needed to decode the data so far.
    fn flush(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()>;

    /// Writes the end of the encoded data. Nothing else is called after it.
    fn finish(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()>;
}

/// Encoders whose memory is kept for later responses. Clones share them.
pub(super) struct Idle<T>(Arc<Mutex<Vec<T>>>);

impl<T> Idle<T> {
    pub(super) fn take(&self) -> Option<T> {
        self.0.lock().pop()
    }

    /// Keeps an encoder that is ready for another response.
    pub(super) fn keep(&self, encoder: T) {
        let mut idle = self.0.lock();
        if idle.len() < MAX_IDLE {
            idle.push(encoder);
        }
    }
}

impl<T> Default for Idle<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Idle<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
