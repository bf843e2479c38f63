//! JSON in requests.

use serde_core::Serialize;

use super::request::RequestBuilder;
use crate::body::Body;

impl RequestBuilder {
    /// Sets the body to `value` as JSON. Needs the feature `json`.
    ///
    /// The request gets the Content-Type `application/json` unless it has one, whether it was set before or
    /// after. [`send`](Self::send) reports a value that JSON cannot hold, with the kind
    /// [`InvalidMessage`](crate::ErrorKind::InvalidMessage).
    ///
    /// ```no_run
    /// # let client = hangup::Client::new();
    /// #[derive(serde::Serialize)]
    /// struct Row {
    ///     name: String,
    /// }
    ///
    /// let row = Row { name: "one".into() };
    /// let response = client.post("https://example.com/rows").json(&row).send()?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        match Body::json(value) {
            Ok(body) => self.body = body,
            Err(error) => self.fail(error),
        }
        self
    }
}
