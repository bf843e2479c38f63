//! The text between the parts of a form.

use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use http::HeaderValue;

/// The beginning of each boundary, for readers of a trace.
const PREFIX: &str = "hangup-form-";

/// A boundary (RFC 2046 section 5.1.1): at most 70 characters that need no quotes.
#[derive(Clone)]
pub(super) struct Boundary(String);

impl Default for Boundary {
    /// Creates a random boundary, of 128 bits by the keys of the standard library's hash maps.
    fn default() -> Self {
        let keys = RandomState::new();
        let [high, low] = [1, 2].map(|number: u64| keys.hash_one(number));
        Self(format!("{PREFIX}{high:016x}{low:016x}"))
    }
}

impl Boundary {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn content_type(&self) -> HeaderValue {
        HeaderValue::try_from(format!("multipart/form-data; boundary={}", self.0))
            .expect("letters, digits and hyphens")
    }

    /// Returns the delimiter behind the last part.
    pub(super) fn last_delimiter(&self) -> Bytes {
        format!("--{}--\r\n", self.0).into()
    }
}
