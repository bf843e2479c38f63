//! The options of progress.

use super::super::request::RequestBuilder;
use super::{OnProgress, Progress};

impl RequestBuilder {
    /// Calls `callback` with each piece of the request's body that is about to be written.
    ///
    /// A piece has at most 128 KiB. [`Progress::bytes`] includes it. A body that is sent again, after a
    /// redirect or on another connection, starts over. A request without a body reports nothing.
    ///
    /// The callback runs on the connection's thread `hangup-write`, without a lock. It delays the body, so
    /// it should be quick.
    ///
    /// ```no_run
    /// # let client = hangup::Client::new();
    /// let file = std::fs::File::open("big.iso")?;
    /// let upload = client.put("http://example.com/iso").body(file).on_upload_progress(|progress| {
    ///     eprint!("\r{} of {:?} bytes", progress.bytes, progress.total);
    /// });
    /// upload.send()?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// A panic of `callback` makes [`send`](Self::send) fail with
    /// [`ErrorKind::BodySource`](crate::ErrorKind::BodySource).
    pub fn on_upload_progress(
        mut self,
        callback: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Self {
        self.options.extras_mut().on_upload_progress = Some(OnProgress::new(callback));
        self
    }

    /// Calls `callback` with each piece of the response's body that is read.
    ///
    /// The numbers are those of the body as it was sent: [`Progress::total`] is its `Content-Length`, and
    /// [`Progress::bytes`] counts the bytes before they are [decoded](Self::decode). The bodies of responses
    /// that redirect are not reported.
    ///
    /// The callback runs on the thread that reads the body, without a lock.
    ///
    /// ```no_run
    /// # let client = hangup::Client::new();
    /// let download = client.get("http://example.com/iso").on_download_progress(|progress| {
    ///     eprint!("\r{} of {:?} bytes", progress.bytes, progress.total);
    /// });
    /// download.send()?.body_mut().copy_to(&mut std::fs::File::create("big.iso")?)?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// A panic of `callback` passes through the read.
    pub fn on_download_progress(
        mut self,
        callback: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Self {
        self.options.extras_mut().on_download_progress = Some(OnProgress::new(callback));
        self
    }
}
