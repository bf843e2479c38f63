//! Bodies in JSON (RFC 8259).

use http::HeaderValue;
use serde_core::Serialize;
use serde_core::de::DeserializeOwned;

use super::Body;
use super::limit::ReadLimit;
use crate::error::{Error, ErrorKind, Result};

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/json");

/// The byte order mark in UTF-8, which a reader may ignore (RFC 8259 section 8.1).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Body {
    /// Creates a body of `value` as JSON. The content type is set. Needs the feature `json`.
    ///
    /// ```
    /// use hangup::Body;
    ///
    /// let mut body = Body::json(&["one", "two"])?;
    /// assert_eq!(body.content_type().unwrap(), "application/json");
    /// assert_eq!(body.read_text(100)?, r#"["one","two"]"#);
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidMessage`] if JSON cannot hold the value, such as a map with keys that are no
    /// strings, or if its `Serialize` fails.
    pub fn json(value: &(impl Serialize + ?Sized)) -> Result<Self> {
        match serde_json::to_vec(value) {
            Ok(bytes) => Ok(Self::from(bytes).with_content_type(CONTENT_TYPE)),
            Err(error) => Err(Error::explained(
                ErrorKind::InvalidMessage,
                "the value cannot be written as JSON",
                error,
            )),
        }
    }

    /// Reads the rest of the body as JSON, at most `limit` bytes. Needs the feature `json`.
    ///
    /// A byte order mark is ignored. The content type does not matter.
    ///
    /// ```
    /// use hangup::Body;
    ///
    /// let numbers: Vec<u32> = Body::from("[1, 2, 3]").read_json(1024)?;
    /// assert_eq!(numbers, [1, 2, 3]);
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`read_bytes`](Self::read_bytes), and [`ErrorKind::Decode`] if the body is not JSON or
    /// has not the form of `T`. The text names the line and the column. The [cause](Error::cause) is
    /// serde_json's error.
    pub fn read_json<T: DeserializeOwned>(&mut self, limit: u64) -> Result<T> {
        self.read_json_within(ReadLimit::Given(limit))
    }

    /// As [`read_json`](Self::read_json), within `limit`.
    pub(crate) fn read_json_within<T: DeserializeOwned>(&mut self, limit: ReadLimit) -> Result<T> {
        let bytes = self.read_within(limit)?;
        let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
        serde_json::from_slice(text)
            .map_err(|error| self.rejected(Error::explained(ErrorKind::Decode, "JSON", error)))
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn c03_a_value_that_json_cannot_hold_is_an_error() {
        let map = BTreeMap::from([((1, 2), "x")]);
        let error = Body::json(&map).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMessage);
        let text = "invalid message: the value cannot be written as JSON: key must be a string";
        assert_eq!(error.to_string(), text);
        assert!(error.cause().unwrap().is::<serde_json::Error>());
    }

    #[test]
    fn c06_an_error_in_json_names_its_place() {
        for (text, expected) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("[1,\n2,]", "trailing comma at line 2 column 3"),
            ("[1,\n\"x\"]", "invalid type: string \"x\", expected u32 at line 2 column 3"),
            ("[1] 2", "trailing characters at line 1 column 5"),
            ("<html>", "expected value at line 1 column 1"),
        ] {
            let error = Body::from(text).read_json::<Vec<u32>>(100).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode);
            assert_eq!(error.to_string(), format!("cannot decode the body: JSON: {expected}"));
            assert!(error.cause().unwrap().is::<serde_json::Error>());
        }
    }

    #[test]
    fn c06_a_byte_order_mark_is_no_json() {
        let mut body = Body::from("\u{feff}[7]");
        assert_eq!(body.read_json::<Vec<u32>>(6).unwrap(), [7]);
        assert_eq!(body.len(), Some(0));
    }
}
