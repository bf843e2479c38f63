//! A regular file as the source of a body.

use std::fs::File;
use std::io::{self, Seek};
use std::sync::Arc;

use super::read_at::read_at;
use crate::error::{Error, ErrorKind};
use crate::text::counted;

/// A part of a file, read at offsets, so that several bodies can share one file.
#[derive(Clone)]
pub(super) struct FileSource {
    file: Arc<File>,
    start: u64,
    length: u64,
    /// The number of bytes that have been read. Invariant: at most `length`.
    read: u64,
}

/// The bytes of a file that are to be sent.
pub(crate) struct FilePart<'a> {
    pub(crate) file: &'a File,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

impl FileSource {
    /// Takes the rest of a regular file, and returns any other file as the error.
    pub(super) fn of(mut file: File) -> Result<Self, File> {
        let Ok(metadata) = file.metadata() else { return Err(file) };
        let Ok(start) = file.stream_position() else { return Err(file) };
        let length = metadata.len().saturating_sub(start);
        // Files below /proc have content and report a length of zero.
        let is_known = length > 0 || matches!(read_at(&file, &mut [0], start), Ok(0));
        match metadata.is_file() && is_known {
            true => Ok(Self { file: Arc::new(file), start, length, read: 0 }),
            false => Err(file),
        }
    }

    /// Takes the bytes of `file` from `start` to `end`, without a look at the file.
    pub(super) fn range(file: Arc<File>, start: u64, end: u64) -> Self {
        Self { file, start, length: end.saturating_sub(start), read: 0 }
    }

    /// Returns the unread part.
    pub(super) fn part(&self) -> FilePart<'_> {
        FilePart { file: &self.file, offset: self.start + self.read, length: self.remaining() }
    }

    /// Counts `count` bytes as read: at most as many as remain.
    pub(super) fn advance(&mut self, count: u64) {
        self.read += count.min(self.remaining());
    }

    /// Returns the same part from its start.
    pub(super) fn again(&self) -> Self {
        Self { read: 0, ..self.clone() }
    }

    pub(super) fn remaining(&self) -> u64 {
        self.length - self.read
    }

    pub(super) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let remaining = self.remaining();
        let most = usize::try_from(remaining).unwrap_or(usize::MAX).min(buf.len());
        if most == 0 {
            return Ok(0);
        }
        let count = read_at(&self.file, &mut buf[..most], self.start + self.read)?;
        if count == 0 {
            let message = format!("the file has become {} shorter", counted(remaining, "byte"));
            return Err(Error::message(ErrorKind::BodySource, message).into());
        }
        self.read += count as u64;
        Ok(count)
    }
}
