//! The servers that a proxy forwards to.

use std::fmt;
use std::time::Duration;

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode, Version};

use super::hop_by_hop::HopByHop;
use crate::{Context, InterimSender, Request, Response, Result};

/// A server that a [`ReverseProxy`](super::ReverseProxy) forwards requests to.
///
/// The proxy has prepared the request: its target is path and query, the fields of the client's connection
/// were removed, and those about the client were added. `Host` is there if the proxy
/// [keeps it](super::ReverseProxy::preserve_host). The body streams from the client. The proxy prepares the
/// response in turn.
///
/// Every function of the right shape is an upstream.
///
/// # Upgrades
///
/// A response of 101 (Switching Protocols) has the connection as a [`Duplex`](crate::net::Duplex), which
/// [`ResponseExt::take_duplex`](crate::ResponseExt::take_duplex) returns: a response of the client has it.
/// The proxy then passes bytes in both directions.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an upstream",
    note = "an upstream is a function `fn(Request, &Call<'_>) -> hangup::Result<Response>`, or a type that implements `Upstream`",
    note = "`ReverseProxy::new` takes the URL of an HTTP server"
)]
pub trait Upstream: Send + Sync + 'static {
    /// Sends `request` and returns the response once its head has come.
    ///
    /// The response may come while the request's body is still being sent. Dropping the response's body
    /// unread gives the call up.
    ///
    /// # Errors
    ///
    /// The proxy responds with 504 (Gateway Timeout) to an error that [is a
    /// timeout](crate::Error::is_timeout), with the status of an [error that has
    /// one](crate::Error::status), and with 502 (Bad Gateway) to others. If the error says that
    /// [no connection was made](crate::Error::is_connect), the proxy may send the request to another
    /// upstream.
    ///
    /// # Blocking
    ///
    /// Until the response's head has come. This has to return within milliseconds when the [context of the
    /// call](Call::context) ends, and so do reads of the response's body.
    fn send(&self, request: Request, call: &Call<'_>) -> Result<Response>;
}

impl<F> Upstream for F
where
    F: Fn(Request, &Call<'_>) -> Result<Response> + Send + Sync + 'static,
{
    fn send(&self, request: Request, call: &Call<'_>) -> Result<Response> {
        self(request, call)
    }
}

/// The facts and the limits of a call that a proxy makes to an [`Upstream`].
#[derive(Clone, Debug)]
pub struct Call<'a> {
    pub(super) context: Context,
    pub(super) received: &'a Request,
    pub(super) interim: InterimSender,
    pub(super) head_timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
}

impl<'a> Call<'a> {
    /// Returns the context of the call. It ends when the client goes away.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Returns the request as the client sent it, without its body. [`RequestExt`](crate::RequestExt)
    /// has the client's address and whether it speaks HTTPS.
    #[must_use]
    pub fn received(&self) -> &'a Request {
        self.received
    }

    /// Returns how long the upstream may take from the request's last byte to the response's head.
    #[must_use]
    pub fn head_timeout(&self) -> Option<Duration> {
        self.head_timeout
    }

    /// Returns how long the upstream may send no more of the response's body, and how long a write of the
    /// request may wait without progress.
    #[must_use]
    pub fn idle_timeout(&self) -> Option<Duration> {
        self.idle_timeout
    }

    /// Returns `true` if interim responses reach the client: it speaks HTTP/1.1.
    pub(super) fn passes_interim(&self) -> bool {
        self.received.version() >= Version::HTTP_11
    }

    /// Returns a function that passes an interim response (1xx) on to the client, from any thread.
    ///
    /// It ignores 100 (Continue), which the server sends by itself when the request's body is first read,
    /// and 101. It removes the fields of the upstream's connection, and `Content-Length`.
    pub fn on_informational(&self) -> impl Fn(StatusCode, &HeaderMap) + Send + Sync + 'static {
        let interim = self.interim.clone();
        move |status, headers| {
            if status != StatusCode::CONTINUE && status != StatusCode::SWITCHING_PROTOCOLS {
                let mut headers = headers.clone();
                HopByHop::remove_from(&mut headers);
                // RFC 9110 section 8.6.
                headers.remove(CONTENT_LENGTH);
                // A client that has gone ends the call by its context.
                let _ = interim.send(status, &headers);
            }
        }
    }
}

impl fmt::Debug for dyn Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upstream")
    }
}
