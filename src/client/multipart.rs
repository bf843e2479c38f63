//! Forms as the bodies of requests.

use super::request::RequestBuilder;
use crate::body::Multipart;

impl RequestBuilder {
    /// Sets a form as the body, as `multipart/form-data` (RFC 7578). Its `Content-Type` is sent unless the
    /// request has one. A `multipart/…` type of the request that has no boundary gets the form's.
    ///
    /// [`send`](Self::send) reports a file of the form that cannot be read.
    ///
    /// ```no_run
    /// use hangup::Multipart;
    ///
    /// # let client = hangup::Client::new();
    /// let form = Multipart::new().text("title", "Holidays").file("photo", "beach.jpg");
    /// let response = client.post("http://example.com/albums").multipart(form).send()?;
    /// # let _ = response;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn multipart(mut self, form: Multipart) -> Self {
        match form.try_into_body() {
            Ok(body) => self.body = body,
            Err(error) => self.fail(error),
        }
        self
    }
}
