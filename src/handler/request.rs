//! What a request carries beyond its head and body.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Request;
use crate::context::Context;
use crate::gateway::{ErrorStream, Variables};
use crate::net::{Addr, TlsInfo};
use crate::sync::channel::{Receiver, never};

/// Receives one value when the client has gone, or when its next request has arrived.
pub type CloseNotify = Receiver<()>;

/// What a request that a server received knows of the connection it came on.
///
/// Of a request that was put together by hand, each answer is the harmless one: a context that
/// nobody ends, a channel on which nothing comes, no address.
///
/// The trait is sealed: other crates cannot implement it.
pub trait RequestExt: sealed::Sealed {
    /// The request's context. It ends when the client goes away (its end of stream, a reset, a
    /// failed write), when the server is closed, and when the handler has returned.
    ///
    /// The connection is watched from the first call on, on a thread of its own; a handler that
    /// never asks does not pay for it. An orderly next request does not end the context. Whether a
    /// client that closes only its sending side has gone away is an option of the server's.
    fn context(&self) -> Context;

    /// A channel that receives one value when the client goes away, as [`context`](Self::context)
    /// would notice it, or when a pipelined request arrives.
    ///
    /// Each request has one channel, with at most one value on it; nothing is promised once the
    /// handler has returned, nor as long as the request's body has not been read to its end. Prefer
    /// [`context`](Self::context), which a pipelined request does not end.
    fn close_notify(&self) -> CloseNotify;

    /// The address the request came from, as the connection has it.
    fn remote_addr(&self) -> Option<Addr>;

    /// The server's own address on the connection.
    fn local_addr(&self) -> Option<Addr>;

    /// What was agreed on in the TLS handshake; `None` without TLS, and behind a web server.
    fn tls(&self) -> Option<TlsInfo>;

    /// Whether the client speaks HTTPS: with this server, or with the web server before it.
    fn is_https(&self) -> bool;

    /// The variables with which a web server described the request, over FastCGI or CGI; `None` of a
    /// request that came by HTTP.
    fn variables(&self) -> Option<&Variables>;

    /// Where words to the web server's error log go, over FastCGI or CGI; `None` of a request that came
    /// by HTTP.
    fn error_stream(&self) -> Option<ErrorStream>;

    /// The client's IP address and port, if it came by TCP.
    fn remote_socket_addr(&self) -> Option<SocketAddr> {
        self.remote_addr().and_then(|addr| addr.ip())
    }
}

/// Where a request came from: what [`RequestExt`] asks.
pub(crate) trait Origin: Send + Sync {
    fn context(&self) -> Context;
    fn close_notify(&self) -> CloseNotify;
    fn remote_addr(&self) -> Addr;
    fn local_addr(&self) -> Addr;
    fn tls(&self) -> Option<TlsInfo>;
    fn is_https(&self) -> bool;
}

/// The request's extension that holds its origin: `None` in a request that is kept for its memory.
#[derive(Clone)]
struct Scope(Option<Arc<dyn Origin>>);

/// Tells where `request` came from.
pub(crate) fn put_origin(request: &mut Request, origin: Arc<dyn Origin>) {
    match request.extensions_mut().get_mut() {
        Some(Scope(place)) => *place = Some(origin),
        None => drop(request.extensions_mut().insert(Scope(Some(origin)))),
    }
}

/// Drops what `request` has beyond its head and body, some of it the user's: a panic is to be expected.
/// The origin goes first, since it would be lost with what follows the panic.
pub(crate) fn clear_extensions(request: &mut Request) {
    let extensions = request.extensions_mut();
    let ours = extensions.get_mut().map(|Scope(origin)| *origin = None).is_some();
    if extensions.len() > usize::from(ours) {
        extensions.clear();
    }
}

fn origin(request: &Request) -> Option<&dyn Origin> {
    request.extensions().get::<Scope>().and_then(|scope| scope.0.as_deref())
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Request {}
}

impl RequestExt for Request {
    fn context(&self) -> Context {
        origin(self).map_or_else(Context::new, Origin::context)
    }

    fn close_notify(&self) -> CloseNotify {
        origin(self).map_or_else(never, Origin::close_notify)
    }

    fn remote_addr(&self) -> Option<Addr> {
        origin(self).map(Origin::remote_addr)
    }

    fn local_addr(&self) -> Option<Addr> {
        origin(self).map(Origin::local_addr)
    }

    fn tls(&self) -> Option<TlsInfo> {
        origin(self).and_then(Origin::tls)
    }

    fn is_https(&self) -> bool {
        origin(self).is_some_and(Origin::is_https)
    }

    fn variables(&self) -> Option<&Variables> {
        self.extensions().get()
    }

    fn error_stream(&self) -> Option<ErrorStream> {
        self.extensions().get().cloned()
    }
}
