//! One part of a form, as it arrives.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::MultipartReader;
use super::head::{PartHead, safe_file_name};
use crate::body::{Body, ReadLimit, charset_of};
use crate::error::{Error, ErrorKind, Result};
use crate::text::counted;

/// A part of a form that [`MultipartReader::next_part`] returns. Its content is a [`Read`] and a
/// [`BufRead`].
///
/// # Blocking
///
/// Reading waits until some of the content has arrived, as reading the body of the request does.
pub struct PartReader<'a> {
    pub(super) form: &'a mut MultipartReader,
    pub(super) head: PartHead,
}

impl PartReader<'_> {
    /// Returns the name of the field. Several parts may have the same name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.head.name
    }

    /// Returns the file name as the client sent it. Only the parts of files have one. It is empty if the
    /// person at the form has chosen no file.
    ///
    /// The client chooses it freely: it may be `../../etc/passwd`. See
    /// [`safe_file_name`](Self::safe_file_name). The extended parameter `filename*`, which a form must not
    /// use (RFC 7578 section 4.2), counts only if `filename` is missing.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.head.file_name.as_deref()
    }

    /// Returns a file name that can be used below a directory of uploads. `None` if there is none, or
    /// nothing is left of it.
    ///
    /// It is the last component of [`file_name`](Self::file_name), also of a path of Windows. Control
    /// characters and `<>:"|?*` become `_`. Dots and spaces at both ends are removed. A device of Windows,
    /// such as `NUL`, gets a `_` in front. The name has at most 255 bytes.
    ///
    /// Two uploads may have the same name.
    #[must_use]
    pub fn safe_file_name(&self) -> Option<String> {
        self.file_name().and_then(safe_file_name)
    }

    /// Returns the media type, if the client sent one as text. Nothing proves that the content is of this
    /// type.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.head.headers.get(CONTENT_TYPE)?.to_str().ok()
    }

    /// Returns the headers of the part.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Reads the rest of the part, at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// A response with status 413 that names the part, if it is larger. The errors of reading the form.
    pub fn read_bytes(&mut self, limit: u64) -> Result<Bytes> {
        let mut all = Vec::new();
        self.take(limit.saturating_add(1)).read_to_end(&mut all)?;
        if all.len() as u64 > limit {
            let part = self.form.part_label();
            let limit = counted(limit, "byte");
            let text = format!("{part} exceeds the limit of {limit}");
            return Err(self.form.fail(ErrorKind::TooLarge, text));
        }
        Ok(all.into())
    }

    /// Reads the rest of the part as text, at most `limit` bytes, in the charset of its Content-Type or in
    /// UTF-8. Charsets other than UTF-8 need the feature `charset`.
    ///
    /// # Errors
    ///
    /// A response with status 400 that names the part, if it is not text in the charset. The errors of
    /// [`read_bytes`](Self::read_bytes).
    pub fn read_text(&mut self, limit: u64) -> Result<String> {
        let bytes = self.read_bytes(limit)?;
        let content_type = self.head.headers.get(CONTENT_TYPE);
        let label = content_type.and_then(|value| charset_of(value.as_bytes()));
        let limit = ReadLimit::Given(u64::MAX);
        Body::from(bytes).read_text_as(label.as_deref(), limit).map_err(|error| {
            let part = self.form.part_label();
            self.form.fail(ErrorKind::Decode, format!("{part}: {error}"))
        })
    }

    /// Writes the rest of the part to a new file and returns the number of bytes.
    ///
    /// The file must not exist: an upload replaces no other. If the part cannot be read or written to its
    /// end, the file is removed. Its content is not synced to the disk.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] if the file cannot be made or written, with the [`io::Error`] as the
    /// [cause](Error::cause). The errors of reading the form, among them a 413 if the part exceeds a limit
    /// of [`MultipartLimits`](super::MultipartLimits).
    pub fn save_to(&mut self, path: impl AsRef<Path>) -> Result<u64> {
        let path = path.as_ref();
        let failed = |error: io::Error| {
            let message = format!("cannot save a part of a form to {path:?}");
            Error::explained(ErrorKind::Io, message, error)
        };
        let mut file = File::create_new(path).map_err(failed)?;
        let saved = self.write_to(&mut file, failed);
        if saved.is_err() {
            drop(file);
            // The first error counts.
            let _ = fs::remove_file(path);
        }
        saved
    }

    fn write_to(&mut self, file: &mut File, failed: impl Fn(io::Error) -> Error) -> Result<u64> {
        let mut written = 0;
        loop {
            let data = self.form.content()?;
            if data.is_empty() {
                return Ok(written);
            }
            let count = data.len();
            file.write_all(data).map_err(&failed)?;
            self.form.consume(count);
            written += count as u64;
        }
    }
}

impl Read for PartReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let data = self.form.content()?;
        let count = data.len().min(buf.len());
        buf[..count].copy_from_slice(&data[..count]);
        self.form.consume(count);
        Ok(count)
    }
}

impl BufRead for PartReader<'_> {
    /// Returns some of the content, at most 64 KiB. It is empty at the end of the part.
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.form.content()?)
    }

    fn consume(&mut self, count: usize) {
        self.form.consume(count);
    }
}

impl fmt::Debug for PartReader<'_> {
    /// Omits the content and the headers, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartReader")
            .field("name", &self.name())
            .field("file_name", &self.file_name())
            .field("content_type", &self.content_type())
            .finish_non_exhaustive()
    }
}
