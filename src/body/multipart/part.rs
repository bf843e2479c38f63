//! One part of a form.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::super::Body;
use super::boundary::Boundary;
use super::file;
use super::head::write_head;
use crate::error::{Error, ErrorKind, Result};

/// A part of a [`Multipart`](super::Multipart) form.
///
/// | content | constructor | length known | can be sent again |
/// | --- | --- | --- | --- |
/// | text or bytes in memory | [`text`](Self::text), [`bytes`](Self::bytes) | yes | yes |
/// | a regular file | [`file`](Self::file) | yes | yes |
/// | a reader | [`reader`](Self::reader), [`sized_reader`](Self::sized_reader) | if given | no |
/// | a body | [`body`](Self::body) | as the body | as the body |
///
/// The methods that are given something invalid report it by
/// [`send`](crate::client::RequestBuilder::send).
///
/// ```
/// use hangup::Part;
///
/// let part = Part::bytes(r#"{"kind":"photo"}"#).content_type("application/json").header("x-id", "7");
/// # let _ = part;
/// ```
#[must_use = "a part is sent only as a part of a form"]
pub struct Part {
    content: Content,
    file_name: Option<String>,
    content_type: Option<HeaderValue>,
    headers: HeaderMap,
    /// The first invalid option.
    error: Option<&'static str>,
}

enum Content {
    Body(Body),
    File(PathBuf),
}

impl Part {
    /// Creates a part of text, without a content type, as browsers send fields.
    pub fn text(text: impl Into<String>) -> Self {
        Self::body(text.into())
    }

    /// Creates a part of bytes in memory, without a content type.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::body(bytes.into())
    }

    /// Creates a part of a file, with the last component of `path` as the file name.
    ///
    /// The content type follows from the extension, and is `application/octet-stream` if that is unknown.
    ///
    /// The file is looked up when the form becomes the body of a request, and opened when it is its turn
    /// to be sent. A file that does not exist or cannot be read is an error of
    /// [`send`](crate::client::RequestBuilder::send), of the kind
    /// [`ErrorKind::BodySource`], which names the path. So is a file that has become shorter meanwhile. Of
    /// a file that has become longer, the bytes behind its former length are not sent.
    ///
    /// A pipe or a device is read to its end. Its length is unknown, and it can be sent once. Opening a pipe
    /// waits for its writer. A call that is cancelled meanwhile returns, but the thread that opens the pipe
    /// ends only after that wait.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Self { file_name, ..Self::of(Content::File(path)) }
    }

    /// Creates a part of unknown length that is read from `reader` until its end.
    pub fn reader(reader: impl Read + Send + 'static) -> Self {
        Self::body(Body::from_reader(reader))
    }

    /// Creates a part of exactly `length` bytes from `reader`. A reader that ends earlier is an error.
    pub fn sized_reader(reader: impl Read + Send + 'static, length: u64) -> Self {
        Self::body(Body::from_sized_reader(reader, length))
    }

    /// Creates a part of a body, with its [content type](Body::content_type). Its trailers are not sent.
    pub fn body(body: impl Into<Body>) -> Self {
        let body = body.into();
        let content_type = body.content_type().cloned();
        Self { content_type, ..Self::of(Content::Body(body)) }
    }

    fn of(content: Content) -> Self {
        let headers = HeaderMap::new();
        Self { content, file_name: None, content_type: None, headers, error: None }
    }

    /// Sets the file name. It may be empty. Servers treat a part with a file name as a file.
    ///
    /// If no content type is set, the name's extension determines it, as for [`file`](Self::file).
    pub fn file_name(mut self, file_name: impl Into<String>) -> Self {
        self.file_name = Some(file_name.into());
        self
    }

    /// Sets the content type.
    pub fn content_type(mut self, content_type: impl TryInto<HeaderValue>) -> Self {
        match content_type.try_into() {
            Ok(content_type) => self.content_type = Some(content_type),
            Err(_) => self.fail("content type contains a forbidden character"),
        }
        self
    }

    /// Adds a header field to the part. A `Content-Disposition` or a `Content-Type` comes in place of the
    /// one that the form would write.
    pub fn header(
        mut self,
        name: impl TryInto<HeaderName>,
        value: impl TryInto<HeaderValue>,
    ) -> Self {
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(value)) => _ = self.headers.append(name, value),
            (Err(_), _) => self.fail("invalid header name"),
            (_, Err(_)) => self.fail("header value contains a forbidden character"),
        }
        self
    }

    fn fail(&mut self, error: &'static str) {
        self.error.get_or_insert(error);
    }

    /// Returns the head of the part and its content.
    pub(super) fn ready(self, boundary: &Boundary, name: &str) -> Result<(Bytes, Body)> {
        let Self { content, file_name, content_type, headers, error } = self;
        if let Some(error) = error {
            let message = format!("part {name:?} of the form: {error}");
            return Err(Error::message(ErrorKind::InvalidMessage, message));
        }
        let guessed = || file_name.as_deref().map(file::type_of);
        let content_type = content_type.or_else(guessed);
        let head =
            write_head(boundary, name, file_name.as_deref(), content_type.as_ref(), &headers);
        let content = match content {
            Content::Body(body) => body,
            Content::File(path) => file::body_of(path)?,
        };
        Ok((head.into(), content))
    }
}

impl fmt::Debug for Part {
    /// Omits the content and the headers, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut part = f.debug_struct("Part");
        match &self.content {
            Content::Body(body) => part.field("body", body),
            Content::File(path) => part.field("file", path),
        };
        part.field("file_name", &self.file_name)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}
