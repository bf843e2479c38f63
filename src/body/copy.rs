//! Reading a whole body, and copying it.

use std::io::{self, Read};

use bytes::Bytes;

use super::Body;
use super::source::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::text::counted;

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
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] if the body is longer, and the errors of reading. Nothing beyond the limit
    /// is kept in memory.
    pub fn read_bytes(&mut self, limit: u64) -> Result<Bytes> {
        if let Source::Bytes(bytes) = &mut self.source {
            if bytes.len() as u64 > limit {
                return Err(over_readers_limit(limit));
            }
            return Ok(std::mem::take(bytes));
        }
        let mut all = Vec::new();
        self.take(limit.saturating_add(1)).read_to_end(&mut all)?;
        if all.len() as u64 > limit {
            return Err(self.rejected(over_readers_limit(limit)));
        }
        Ok(all.into())
    }

    /// Reads the rest of the body as text in UTF-8, at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// The errors of [`read_bytes`](Self::read_bytes), and [`ErrorKind::MalformedMessage`] if the body is
    /// not UTF-8.
    pub fn read_text(&mut self, limit: u64) -> Result<String> {
        String::from_utf8(self.read_bytes(limit)?.into())
            .map_err(|error| self.rejected(Error::with_source(ErrorKind::MalformedMessage, error)))
    }

    /// Records on the connection that its peer caused `reason`, and returns it.
    pub(super) fn rejected(&mut self, reason: Error) -> Error {
        self.source.reject(&reason);
        reason
    }
}

/// Creates the error of a body that is longer than its reader accepts.
pub(super) fn over_readers_limit(limit: u64) -> Error {
    let message = format!("the body exceeds its reader's limit of {}", counted(limit, "byte"));
    Error::message(ErrorKind::TooLarge, message)
}
