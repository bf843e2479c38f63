//! The options of decoding.

use super::super::builder::ClientBuilder;
use super::super::request::RequestBuilder;

impl ClientBuilder {
    /// Sets whether responses are decoded. `true` by default, if a feature for a content coding is on.
    ///
    /// Requests then offer the codings of this build, with `Accept-Encoding: gzip, deflate` and further ones
    /// by the features `brotli` and `zstd`. The body of the response to such a request is decoded while it
    /// is read. A decoded response has no `Content-Encoding` and no `Content-Length`;
    /// [`ResponseExt::encoded`](super::super::ResponseExt::encoded) returns them.
    ///
    /// A request with an `Accept-Encoding` or a `Range`, also by default, offers nothing, and its response
    /// is not decoded. Responses to HEAD, and those with a status of 204, 206 or 304, are left as they are.
    /// So are those with a coding that this build does not know.
    ///
    /// Reading a damaged body fails with [`ErrorKind::Decode`](crate::ErrorKind::Decode). Bytes that follow
    /// the last member of gzip are ignored. A body may have up to 4 codings, one over the other, and a frame
    /// of zstd a window of up to 8 MiB.
    ///
    /// The middlewares of [`wrap`](Self::wrap) see decoded responses, and those of
    /// [`wrap_hop`](Self::wrap_hop) encoded ones.
    pub fn decode(mut self, decode: bool) -> Self {
        self.defaults.options.decode = decode;
        self
    }
}

impl RequestBuilder {
    /// Sets whether the response is decoded, overriding the
    /// [client's setting](super::super::ClientBuilder::decode).
    ///
    /// ```no_run
    /// # let client = hangup::Client::new();
    /// let mut response = client.get("http://example.com/log.gz").decode(false).send()?;
    /// response.body_mut().copy_to(&mut std::fs::File::create("log.gz")?)?; // as it was sent
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn decode(mut self, decode: bool) -> Self {
        self.options.decode = decode;
        self
    }
}
