//! The facts of a response beyond its head and body.

mod first_line;
mod info;
mod kept;
mod read;

use bytes::Bytes;
use http::Uri;
#[cfg(feature = "json")]
use serde_core::de::DeserializeOwned;

use self::info::{Attempts, Followed, Refused, Upgrade, info};
use super::decode::Encoded;
use super::events::EventStream;
use super::policy::Redirected;
use super::proxy::Proxy;
use super::url::Url;
use crate::body::{Body, ReadLimit};
use crate::error::{Error, Result};
use crate::net::{Addr, Duplex, TlsInfo};

pub use info::Timings;
pub(super) use info::{Answered, Moments, build, note_attempts, note_redirects, offered_codings};
pub(super) use kept::{error_for_status, refuse, status_error, too_many_redirects, with_kept};
pub use read::DEFAULT_READ_LIMIT;

/// Methods of the responses of a [`Client`](super::Client): reading the whole body, and the facts beyond head
/// and body. For a response that no client received, the facts are `None`, 0 or `false`.
///
/// The trait is sealed: other crates cannot implement it.
pub trait ResponseExt: sealed::Sealed {
    /// Returns the reason phrase of the status line, if it is not the usual one of the status.
    fn reason(&self) -> Option<&str>;

    /// Returns the URL of this response's request, after all redirects, as it was sent: without user and
    /// password, fragment, and IPv6 zone. [`IntoUrl`](super::IntoUrl) lists what else differs from the
    /// URL that was given.
    fn url(&self) -> Option<&Uri>;

    /// Returns the number of redirects that were followed.
    fn redirects(&self) -> u32;

    /// Returns the redirects that were followed, in their order: the heads of the responses that
    /// redirected.
    ///
    /// ```no_run
    /// # use hangup::ResponseExt;
    /// # let client = hangup::Client::new();
    /// let response = client.get("http://example.com/").send()?;
    /// for hop in response.history() {
    ///     println!("{} {}", hop.status(), hop.url());
    /// }
    /// # Ok::<(), hangup::Error>(())
    /// ```
    fn history(&self) -> &[Redirected];

    /// Returns how often the request was sent to get this response: 1, and one more for each
    /// [retry](super::Retry). Redirects do not count, nor does a request that was sent again because a
    /// reused connection had been closed.
    fn attempts(&self) -> u32;

    /// Returns the URL that this response redirects to: its `Location`, resolved against the request's URL
    /// and read as [`IntoUrl`](super::IntoUrl) describes, without user and password.
    ///
    /// Returns `None` if there is no `Location`, or one that cannot be followed. The status does not
    /// matter.
    fn redirect_url(&self) -> Option<Uri>;

    /// Returns why the client did not follow the redirect that this response asks for.
    ///
    /// The kind is [`InvalidRedirect`](crate::ErrorKind::InvalidRedirect) if the `Location` is empty, is
    /// no URL, or has another scheme than `http` and `https` (or `http` alone, without TLS), or if the
    /// policy [limits the schemes](super::RedirectPolicy::https_only) or the
    /// [host](super::RedirectPolicy::same_host). It is
    /// [`InvalidMessage`](crate::ErrorKind::InvalidMessage) if the redirect repeats the request's body and
    /// the body cannot be sent again. Returns `None` if the response is no redirect, has no `Location`,
    /// or was not to be followed by the [policy](super::RedirectPolicy).
    ///
    /// ```no_run
    /// # use hangup::ResponseExt;
    /// # let client = hangup::Client::new();
    /// let response = client.get("http://example.com/contact").send()?;
    /// if let Some(why) = response.redirect_error() {
    ///     eprintln!("not followed: {why}");
    /// }
    /// # Ok::<(), hangup::Error>(())
    /// ```
    fn redirect_error(&self) -> Option<&Error>;

    /// Returns the proxy that the request took, if it took one.
    fn proxy(&self) -> Option<&Proxy>;

    /// Returns the server's address, or the proxy's if the request took one.
    fn remote_addr(&self) -> Option<&Addr>;

    /// Returns the client's address on the connection.
    fn local_addr(&self) -> Option<&Addr>;

    /// Returns `true` if the connection had carried an earlier request.
    fn is_connection_reused(&self) -> bool;

    /// Returns the facts of the TLS session with the server; `None` without TLS.
    fn tls(&self) -> Option<&TlsInfo>;

    /// Returns how the server encoded the body, if the client [decodes](super::ClientBuilder::decode) it:
    /// the `Content-Encoding` and the `Content-Length` that the response had.
    ///
    /// ```no_run
    /// # use hangup::ResponseExt;
    /// # let client = hangup::Client::new();
    /// let response = client.get("http://example.com/").send()?;
    /// if let Some(encoded) = response.encoded() {
    ///     println!("sent as {}", encoded.content_encoding());
    /// }
    /// # Ok::<(), hangup::Error>(())
    /// ```
    fn encoded(&self) -> Option<&Encoded>;

    /// Returns how long the steps of the call took.
    fn timings(&self) -> Option<&Timings>;

    /// Reads the rest of the body as text, at most 16 MiB ([`DEFAULT_READ_LIMIT`]).
    ///
    /// The text is decoded by the charset that the `Content-Type` names, with the feature `charset`: every
    /// label of the WHATWG's Encoding Standard. Without a charset, and with one that is unknown, it is
    /// UTF-8. A byte order mark overrides the charset and is removed.
    ///
    /// In a build without the feature `charset` the text has to be UTF-8, or ASCII labelled as ISO-8859 or
    /// a Windows code page.
    ///
    /// ```no_run
    /// # use hangup::ResponseExt;
    /// # let client = hangup::Client::new();
    /// println!("{}", client.get("https://example.com/").send()?.text()?);
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// * [`TooLarge`](crate::ErrorKind::TooLarge) if the body is longer.
    ///   [`text_with_limit`](Self::text_with_limit) sets another limit.
    /// * [`Decode`](crate::ErrorKind::Decode) if the bytes are not text in the charset, or the charset needs
    ///   the feature `charset`. Nothing is replaced: for that, decode [`bytes`](Self::bytes) with
    ///   [`String::from_utf8_lossy`].
    /// * The errors of reading the body.
    ///
    /// # Blocking
    ///
    /// Blocks until the body has come. The call's [context](super::RequestBuilder::context) and its time
    /// limits end it.
    fn text(&mut self) -> Result<String>;

    /// Reads the rest of the body as text as [`text`](Self::text) does, at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    fn text_with_limit(&mut self, limit: u64) -> Result<String>;

    /// Reads the rest of the body, at most 16 MiB ([`DEFAULT_READ_LIMIT`]).
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if the body is longer, and the errors of reading it.
    ///
    /// # Blocking
    ///
    /// As [`text`](Self::text).
    fn bytes(&mut self) -> Result<Bytes>;

    /// Reads the rest of the body, at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    fn bytes_with_limit(&mut self, limit: u64) -> Result<Bytes>;

    /// Reads the rest of the body as JSON, at most 16 MiB ([`DEFAULT_READ_LIMIT`]). Needs the feature
    /// `json`.
    ///
    /// ```no_run
    /// # use hangup::ResponseExt;
    /// # let client = hangup::Client::new();
    /// #[derive(serde::Deserialize)]
    /// struct Row {
    ///     name: String,
    /// }
    ///
    /// let rows: Vec<Row> = client.get("https://example.com/rows").send()?.json()?;
    /// # for row in rows { println!("{}", row.name) }
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// * [`TooLarge`](crate::ErrorKind::TooLarge) if the body is longer.
    /// * [`Decode`](crate::ErrorKind::Decode) if the body is not JSON, or has not the form of `T`. The text
    ///   names the line and the column. The [cause](Error::cause) is serde_json's error.
    /// * The errors of reading the body.
    ///
    /// # Blocking
    ///
    /// As [`text`](Self::text).
    #[cfg(feature = "json")]
    fn json<T: DeserializeOwned>(&mut self) -> Result<T>;

    /// Reads the rest of the body as JSON as [`json`](Self::json) does, at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// As [`json`](Self::json).
    #[cfg(feature = "json")]
    fn json_with_limit<T: DeserializeOwned>(&mut self, limit: u64) -> Result<T>;

    /// Turns a response of 4xx or 5xx into an error of the kind [`Status`](crate::ErrorKind::Status).
    /// Returns every other response as it is.
    ///
    /// [`Error::take_response`] returns the response, whose body can still be read.
    /// [`status_as_error`](super::RequestBuilder::status_as_error) does this for a call, or for a client.
    ///
    /// ```no_run
    /// # use hangup::ResponseExt;
    /// # let client = hangup::Client::new();
    /// match client.get("https://example.com/rows/7").send()?.error_for_status() {
    ///     Ok(mut response) => println!("{}", response.text()?),
    ///     Err(error) => {
    ///         eprintln!("{error}"); // 404 Not Found: GET https://example.com/rows/7: no row 7
    ///         if let Some(mut response) = error.take_response() {
    ///             eprintln!("{}", response.text()?);
    ///         }
    ///     }
    /// }
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The error of a response of 4xx or 5xx. Its text has the status, the method, the URL without user and
    /// password, and the first line of a short text body. Such a body has at most 8 KiB and is no HTML or
    /// XML.
    ///
    /// # Blocking
    ///
    /// Waits at most 50 ms for a short text body. The call's [context](super::RequestBuilder::context) ends
    /// the wait.
    fn error_for_status(self) -> Result<http::Response<Body>>;

    /// Reads the body as a stream of server-sent events.
    ///
    /// Ask for one with `Accept: text/event-stream`. [`EventSource`](super::EventSource) does that, and
    /// reconnects when the stream ends.
    ///
    /// ```no_run
    /// # use hangup::ResponseExt;
    /// # let client = hangup::Client::new();
    /// let request = client.get("https://example.com/prices").header("accept", "text/event-stream");
    /// for event in request.send()?.events()? {
    ///     let event = event?;
    ///     println!("{}: {}", event.name, event.data);
    /// }
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// * [`Status`](crate::ErrorKind::Status) if the status is not 200.
    /// * [`Decode`](crate::ErrorKind::Decode) if the `Content-Type` is not `text/event-stream`.
    ///
    /// Both keep the response for [`Error::take_response`].
    fn events(self) -> Result<EventStream>;

    /// Takes over the connection after a 101 (Switching Protocols) or a successful response to CONNECT.
    /// Returns `None` for any other response, and the second time.
    ///
    /// The call's context and its time limits do not apply to it. [`Duplex::close_with`] closes it when a
    /// context ends.
    fn take_duplex(&mut self) -> Option<Duplex>;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for http::Response<crate::body::Body> {}
}

impl ResponseExt for http::Response<Body> {
    fn reason(&self) -> Option<&str> {
        info(self).and_then(|info| info.reason.as_deref())
    }

    fn url(&self) -> Option<&Uri> {
        info(self).map(|info| &info.url)
    }

    fn redirects(&self) -> u32 {
        self.history().len() as u32
    }

    fn history(&self) -> &[Redirected] {
        self.extensions().get().map_or(&[], |Followed(history)| history)
    }

    fn attempts(&self) -> u32 {
        let once = u32::from(info(self).is_some());
        self.extensions().get().map_or(once, |Attempts(number)| *number)
    }

    fn redirect_url(&self) -> Option<Uri> {
        let url = Url::of_uri(self.url()?.clone()).ok()?;
        let to = url.redirected(self.headers())?.ok()?;
        Some(to.into_uri())
    }

    fn redirect_error(&self) -> Option<&Error> {
        self.extensions().get().map(|Refused(error)| error)
    }

    fn proxy(&self) -> Option<&Proxy> {
        info(self).and_then(|info| info.connection.proxy.as_ref())
    }

    fn remote_addr(&self) -> Option<&Addr> {
        info(self).map(|info| &info.connection.remote)
    }

    fn local_addr(&self) -> Option<&Addr> {
        info(self).map(|info| &info.connection.local)
    }

    fn is_connection_reused(&self) -> bool {
        info(self).is_some_and(|info| info.reused)
    }

    fn tls(&self) -> Option<&TlsInfo> {
        info(self).and_then(|info| info.connection.tls.as_ref())
    }

    fn encoded(&self) -> Option<&Encoded> {
        self.extensions().get()
    }

    fn timings(&self) -> Option<&Timings> {
        info(self).map(|info| &info.timings)
    }

    fn take_duplex(&mut self) -> Option<Duplex> {
        self.extensions_mut().remove::<Upgrade>()?.0.lock().take()
    }

    fn text(&mut self) -> Result<String> {
        read::text(self, ReadLimit::Default)
    }

    fn text_with_limit(&mut self, limit: u64) -> Result<String> {
        read::text(self, ReadLimit::Given(limit))
    }

    fn bytes(&mut self) -> Result<Bytes> {
        self.body_mut().read_within(ReadLimit::Default)
    }

    fn bytes_with_limit(&mut self, limit: u64) -> Result<Bytes> {
        self.body_mut().read_bytes(limit)
    }

    #[cfg(feature = "json")]
    fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        self.body_mut().read_json_within(ReadLimit::Default)
    }

    #[cfg(feature = "json")]
    fn json_with_limit<T: DeserializeOwned>(&mut self, limit: u64) -> Result<T> {
        self.body_mut().read_json(limit)
    }

    fn error_for_status(self) -> Result<http::Response<Body>> {
        error_for_status(self)
    }

    fn events(self) -> Result<EventStream> {
        EventStream::of(self)
    }
}
