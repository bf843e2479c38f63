//! The content codings that a request offers.

use http::HeaderValue;
use http::header::ACCEPT_ENCODING;

use super::{brotli, gzip, zstd};
use crate::h1;

/// An Accept-Encoding that the client adds to requests. It is prepared once, when the client is built.
pub(in crate::client) struct Offer {
    value: HeaderValue,
    line: Vec<u8>,
}

impl Offer {
    /// Creates the offer of the codings that this build decodes. Returns `None` without any.
    pub(in crate::client) fn of_this_build() -> Option<Self> {
        let names = [gzip::NAMES, brotli::NAMES, zstd::NAMES].concat();
        if names.is_empty() {
            return None;
        }
        let value = HeaderValue::try_from(names.join(", ")).ok()?;
        let mut line = Vec::new();
        h1::write_field(&mut line, &ACCEPT_ENCODING, value.as_bytes());
        Some(Self { value, line })
    }

    pub(in crate::client) fn value(&self) -> &HeaderValue {
        &self.value
    }

    /// Returns the header field as it is sent, with its line end.
    pub(in crate::client) fn line(&self) -> &[u8] {
        &self.line
    }
}
