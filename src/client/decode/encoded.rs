//! The header fields of a response that was decoded.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

/// How the server sent a body that the client has decoded: the header fields that no longer describe the
/// response. [`ResponseExt::encoded`](super::super::ResponseExt::encoded) returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    content_encoding: String,
    content_length: Option<u64>,
}

impl Encoded {
    /// Takes the fields from the header of the response.
    pub(super) fn new(headers: &HeaderMap) -> Self {
        let values = headers.get_all(CONTENT_ENCODING).iter();
        let values: Vec<_> =
            values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        let length =
            headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        Self { content_encoding: values.join(", "), content_length: length }
    }

    /// Returns the `Content-Encoding` that the server sent: the codings in the order in which they were
    /// applied. Several fields are joined by commas.
    #[must_use]
    pub fn content_encoding(&self) -> &str {
        &self.content_encoding
    }

    /// Returns the `Content-Length` that the server sent: the length of the encoded body in bytes. Returns
    /// `None` if there was none.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.content_length
    }
}
