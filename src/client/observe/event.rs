//! The events themselves.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, Uri};

use crate::client::raw_head::RawHead;
use crate::error::Error;
use crate::h1::CloseReason;
use crate::net::{Addr, DialEvent, TlsInfo};

/// A step of a call. An [observer](super::Observe) sees them in the order in which they happen.
///
/// ```text
///   Begun
///     Queued ── Resolving ── Resolved ── Connecting ── Connected ── TlsBegun ── TlsDone    new connection
///       ProxyResponded*: between Connected and TlsBegun, for a tunnel by CONNECT
///     GotConnection
///       SentHead ── SentBody ── Informational* ── FirstByte ── ReceivedHead                one exchange
///       BodyDone ── Returned, or Closed
///     Redirected, Retrying, Resent: from Queued or GotConnection again
///   Failed, if there is no response
/// ```
///
/// A response may begin before the request's body is sent. The body is read after `send` has returned, and
/// so are the last three events shown then.
///
/// `Debug` omits the heads, which may hold secrets.
#[non_exhaustive]
pub enum CallEvent<'a> {
    /// The call has begun.
    #[non_exhaustive]
    Begun {
        /// The method.
        method: &'a Method,
        /// The URL, without user, password and fragment.
        url: &'a Uri,
    },
    /// No connection is idle. The call waits for one to be made or to come free.
    Queued,
    /// The look-up of a host's addresses begins.
    #[non_exhaustive]
    Resolving {
        /// The host name: of the server, or of its proxy.
        host: &'a str,
        /// The port.
        port: u16,
    },
    /// A host's addresses were found.
    #[non_exhaustive]
    Resolved {
        /// The host name.
        host: &'a str,
        /// The addresses, in the order of preference.
        addresses: &'a [SocketAddr],
    },
    /// The connecting to an address begins.
    #[non_exhaustive]
    Connecting {
        /// The address.
        address: &'a Addr,
    },
    /// An address could not be connected to. Another one may be tried.
    #[non_exhaustive]
    ConnectFailed {
        /// The address.
        address: &'a Addr,
        /// The reason.
        error: &'a io::Error,
    },
    /// The connection is made: to the server, or to its proxy.
    #[non_exhaustive]
    Connected {
        /// The address that it leads to.
        address: &'a Addr,
    },
    /// An HTTP proxy responded to the CONNECT for a tunnel. Interim responses (1xx) count.
    #[non_exhaustive]
    ProxyResponded {
        /// The host and the port of the proxy.
        proxy: &'a str,
        /// The status. 2xx opens the tunnel.
        status: StatusCode,
        /// The head as it was received.
        head: RawHead<'a>,
    },
    /// A TLS handshake begins.
    #[non_exhaustive]
    TlsBegun {
        /// The host that has to prove its name.
        host: &'a str,
    },
    /// A TLS handshake is done.
    #[non_exhaustive]
    TlsDone {
        /// The facts of the session.
        session: &'a TlsInfo,
    },
    /// The call has a connection.
    #[non_exhaustive]
    GotConnection {
        /// The connection has carried a request before.
        reused: bool,
        /// How long the connection was idle, to within 20 ms. `None` if it has just been made.
        idle: Option<Duration>,
        /// The address of the server, or of its proxy.
        remote: &'a Addr,
        /// The client's address.
        local: &'a Addr,
    },
    /// The head of a request is written: it was, or is about to be if a body is streamed.
    #[non_exhaustive]
    SentHead {
        /// The request line and the header section as they were sent, with the empty line at the end.
        /// They may hold secrets.
        head: &'a [u8],
    },
    /// A request was written to its end.
    #[non_exhaustive]
    SentBody {
        /// How many bytes the body took, its framing included.
        bytes: u64,
    },
    /// An interim response (1xx except 101) was received.
    #[non_exhaustive]
    Informational {
        /// The status.
        status: StatusCode,
        /// The headers.
        headers: &'a HeaderMap,
    },
    /// The first byte of a response was received. An interim response counts.
    FirstByte,
    /// The head of a response was received.
    #[non_exhaustive]
    ReceivedHead {
        /// The status.
        status: StatusCode,
        /// The head as it was sent. It may hold secrets.
        head: RawHead<'a>,
    },
    /// A response body was received to its end.
    #[non_exhaustive]
    BodyDone {
        /// How many bytes it had, without their framing and before they were decoded.
        bytes: u64,
    },
    /// The connection is idle again, or serves another call.
    Returned,
    /// The connection was closed.
    #[non_exhaustive]
    Closed {
        /// The reason.
        reason: CloseReason,
    },
    /// The request was sent again on another connection, since the first was stale.
    #[non_exhaustive]
    Resent {
        /// The failure of the first connection.
        error: &'a Error,
    },
    /// A redirect is followed.
    #[non_exhaustive]
    Redirected {
        /// The status of the redirecting response.
        status: StatusCode,
        /// Its URL.
        from: &'a Uri,
        /// The method of the next request.
        method: &'a Method,
        /// The URL of the next request.
        to: &'a Uri,
    },
    /// The request is sent again after a wait, by [`Retry`](crate::client::Retry).
    #[non_exhaustive]
    Retrying {
        /// The number of the attempt that has failed, from 1.
        attempt: u32,
        /// How long the call waits.
        wait: Duration,
        /// The response of that attempt, or its error.
        failed: Result<StatusCode, &'a Error>,
    },
    /// The call ends with an error. An error in the middle of a response's body is not shown.
    #[non_exhaustive]
    Failed {
        /// The error.
        error: &'a Error,
    },
}

impl fmt::Debug for CallEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, fields): (&str, &[(&str, &dyn fmt::Debug)]) = match self {
            Self::Begun { method, url } => ("Begun", &[("method", method), ("url", url)]),
            Self::Queued => ("Queued", &[]),
            Self::Resolving { host, port } => ("Resolving", &[("host", host), ("port", port)]),
            Self::Resolved { host, addresses } => {
                ("Resolved", &[("host", host), ("addresses", addresses)])
            }
            Self::Connecting { address } => ("Connecting", &[("address", address)]),
            Self::ConnectFailed { address, error } => {
                ("ConnectFailed", &[("address", address), ("error", error)])
            }
            Self::Connected { address } => ("Connected", &[("address", address)]),
            Self::ProxyResponded { proxy, status, .. } => {
                ("ProxyResponded", &[("proxy", proxy), ("status", status)])
            }
            Self::TlsBegun { host } => ("TlsBegun", &[("host", host)]),
            Self::TlsDone { session } => ("TlsDone", &[("version", &session.version())]),
            Self::GotConnection { reused, idle, remote, .. } => {
                ("GotConnection", &[("reused", reused), ("idle", idle), ("remote", remote)])
            }
            Self::SentHead { head } => ("SentHead", &[("bytes", &head.len())]),
            Self::SentBody { bytes } => ("SentBody", &[("bytes", bytes)]),
            Self::Informational { status, .. } => ("Informational", &[("status", status)]),
            Self::FirstByte => ("FirstByte", &[]),
            Self::ReceivedHead { status, .. } => ("ReceivedHead", &[("status", status)]),
            Self::BodyDone { bytes } => ("BodyDone", &[("bytes", bytes)]),
            Self::Returned => ("Returned", &[]),
            Self::Closed { reason } => ("Closed", &[("reason", reason)]),
            Self::Resent { error } => ("Resent", &[("error", error)]),
            Self::Redirected { status, to, .. } => {
                ("Redirected", &[("status", status), ("to", to)])
            }
            Self::Retrying { attempt, wait, failed } => {
                ("Retrying", &[("attempt", attempt), ("wait", wait), ("failed", failed)])
            }
            Self::Failed { error } => ("Failed", &[("error", error)]),
        };
        let mut shown = f.debug_struct(name);
        for (name, value) in fields {
            shown.field(name, value);
        }
        shown.finish()
    }
}

/// Returns the call's event for one of its dial.
pub(super) fn of_dial<'a>(event: &DialEvent<'a>) -> Option<CallEvent<'a>> {
    Some(match *event {
        DialEvent::Resolving { host, port } => CallEvent::Resolving { host, port },
        DialEvent::Resolved { host, addresses } => CallEvent::Resolved { host, addresses },
        DialEvent::Connecting { address } => CallEvent::Connecting { address },
        DialEvent::ConnectFailed { address, error } => CallEvent::ConnectFailed { address, error },
        DialEvent::Connected { address } => CallEvent::Connected { address },
    })
}
