//! Reading a whole body, and copying it.

use std::io::{self, Read};

use bytes::Bytes;

use super::Body;
use super::limit::ReadLimit;
use super::source::Source;
use crate::error::{Error, ErrorKind, Result};

/// How much of a body is copied at a time, in bytes.
pub(super) const COPY_PIECE: usize = 64 * 1024;

impl Body {
    /// Writes the rest of the body to `writer` and returns the number of bytes. Faster than
    /// [`io::copy`], which copies a body in memory once more.
    ///
    /// # Errors
    ///
    /// The error of reading the body or of writing. Bytes written before it stay written.
    pub fn copy_to(&mut self, writer: &mut (impl io::Write + ?Sized)) -> io::Result<u64> {
        if let Source::Bytes(bytes) = &mut self.source {
            writer.write_all(bytes)?;
            return Ok(std::mem::take(bytes).len() as u64);
        }
        if matches!(self.source, Source::Empty) {
            return Ok(0);
        }
        let (mut piece, mut copied) = (vec![0; COPY_PIECE], 0);
        loop {
            match self.read(&mut piece) {
                Ok(0) => return Ok(copied),
                Ok(count) => {
                    writer.write_all(&piece[..count])?;
                    copied += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the rest of the body, at most `limit` bytes.
    ///
    /// A body that is known to be longer fails before anything is read, so it can still be read with a
    /// higher limit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] if the body is longer, and the errors of reading. Nothing beyond the limit
    /// is kept in memory.
    pub fn read_bytes(&mut self, limit: u64) -> Result<Bytes> {
        self.read_within(ReadLimit::Given(limit))
    }

    /// As [`read_bytes`](Self::read_bytes), within `limit`.
    #[inline]
    pub(crate) fn read_within(&mut self, limit: ReadLimit) -> Result<Bytes> {
        self.check_length(limit)?;
        if let Source::Bytes(bytes) = &mut self.source {
            return Ok(std::mem::take(bytes));
        }
        let mut all = Vec::new();
        self.take(limit.bytes().saturating_add(1)).read_to_end(&mut all)?;
        if all.len() as u64 > limit.bytes() {
            return Err(self.rejected(limit.exceeded()));
        }
        Ok(all.into())
    }

    /// Reads the rest of the body as text in UTF-8, at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// The errors of [`read_bytes`](Self::read_bytes), and [`ErrorKind::Decode`] if the body is not UTF-8.
    pub fn read_text(&mut self, limit: u64) -> Result<String> {
        let bytes = self.read_within(ReadLimit::Given(limit))?;
        String::from_utf8(bytes.into())
            .map_err(|error| self.rejected(Error::with_source(ErrorKind::Decode, error)))
    }

    /// Fails if the body is known to be longer than `limit`.
    #[inline]
    pub(super) fn check_length(&mut self, limit: ReadLimit) -> Result<()> {
        match self.len() {
            Some(length) if length > limit.bytes() => self.too_long(limit),
            _ => Ok(()),
        }
    }

    #[cold]
    fn too_long(&mut self, limit: ReadLimit) -> Result<()> {
        if let Source::Adapted(adapter) = &mut self.source {
            // A lower limit of a limited body comes first. It fails at its first read.
            let _ = adapter.read(&mut [])?;
        }
        Err(self.rejected(limit.exceeded()))
    }

    /// Records on the connection that its peer caused `reason`, and returns it.
    pub(crate) fn rejected(&mut self, reason: Error) -> Error {
        self.source.reject(&reason);
        reason
    }
}
