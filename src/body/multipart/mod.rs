//! Forms as bodies: `multipart/form-data` (RFC 7578).
//!
//! ```text
//! --boundary CRLF                  a delimiter
//! Content-Disposition: … CRLF      the headers of the part          head.rs
//! CRLF
//! content                          any bytes                        part.rs file.rs
//! CRLF --boundary-- CRLF           the last delimiter               boundary.rs
//! ```
//!
//! `encode.rs` reads the parts of a form one after the other, as the source of a [`Body`].

mod boundary;
mod encode;
mod file;
mod head;
mod part;

use std::fmt;
use std::path::PathBuf;

use http::HeaderValue;

use super::Body;
use super::source::Source;
use crate::error::Result;
use boundary::Boundary;
use encode::{EncodedPart, Encoder};

pub use part::Part;

/// A form to be sent as `multipart/form-data` (RFC 7578): texts, files, and other parts, in their order.
///
/// The form is read while it is sent, so its size does not matter. A file is opened when it is its turn and
/// closed after it, so a form of many files needs one descriptor.
///
/// The length of the form is known if that of each part is. Otherwise the form is sent in chunks. The form
/// can be sent again, after a redirect or on another connection, if each part can: see [`Part`].
///
/// ```no_run
/// use hangup::{Client, Multipart, Part};
///
/// let form = Multipart::new()
///     .text("title", "Holidays")
///     .text("year", 2026)
///     .file("photo", "beach.jpg")
///     .part("notes", Part::bytes("sunny").file_name("notes.txt").content_type("text/markdown"));
/// let response = Client::new().post("http://example.com/albums").multipart(form).send()?;
/// # let _ = response;
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Names
///
/// Names and file names are sent as UTF-8. The characters `"`, CR and LF are sent as `%22`, `%0D` and `%0A`,
/// as browsers do.
///
/// # As a body
///
/// A form converts into a [`Body`], whose [content type](Body::content_type) has the boundary. A body of
/// a form with an error, such as a file that does not exist, fails at its first read.
#[derive(Default)]
pub struct Multipart {
    boundary: Boundary,
    parts: Vec<(String, Part)>,
}

impl Multipart {
    /// Creates a form without parts, with a random boundary.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field of text.
    #[must_use]
    pub fn text(self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.part(name, Part::text(value.to_string()))
    }

    /// Adds a file, with its name and a type by its extension. See [`Part::file`].
    #[must_use]
    pub fn file(self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.part(name, Part::file(path))
    }

    /// Adds a part. Several parts may have the same name.
    #[must_use]
    pub fn part(mut self, name: impl Into<String>, part: Part) -> Self {
        self.parts.push((name.into(), part));
        self
    }

    /// Returns the text that separates the parts. It has 128 random bits, so no part contains it by chance.
    #[must_use]
    pub fn boundary(&self) -> &str {
        self.boundary.as_str()
    }

    /// Returns the media type of the form, with its boundary.
    #[must_use]
    pub fn content_type(&self) -> HeaderValue {
        self.boundary.content_type()
    }

    /// Returns the form as a body.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BodySource`](crate::ErrorKind::BodySource) if a file cannot be read, and
    /// [`ErrorKind::InvalidMessage`](crate::ErrorKind::InvalidMessage) if a header of a part is invalid. The
    /// error names the part.
    pub(crate) fn try_into_body(self) -> Result<Body> {
        let content_type = self.content_type();
        let Self { boundary, parts } = self;
        let parts = parts
            .into_iter()
            .map(|(name, part)| {
                let (head, content) = part.ready(&boundary, &name)?;
                Ok(EncodedPart::new(head, content))
            })
            .collect::<Result<Vec<_>>>()?;
        let encoder = Encoder::new(parts, boundary.last_delimiter());
        Ok(encoder.into_body().with_content_type(content_type))
    }
}

impl From<Multipart> for Body {
    /// Reads the form. A file that cannot be read makes the first read fail.
    fn from(form: Multipart) -> Self {
        let content_type = form.content_type();
        form.try_into_body().unwrap_or_else(|error| {
            let failed = Source::Adapted(Box::new(Encoder::failed(error)));
            Self::of(failed).with_content_type(content_type)
        })
    }
}

impl fmt::Debug for Multipart {
    /// Omits the content of the parts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.parts.iter().map(|(name, part)| (name, part))).finish()
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
