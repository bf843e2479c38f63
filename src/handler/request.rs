//! Data that a request carries beside its head and body.

use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;

use super::Request;
use super::gateway::{ErrorStream, Variables};
use crate::context::Context;
use crate::error::Result;
use crate::extract::PathValues;
use crate::net::{Addr, TlsInfo};
use crate::sync::channel::{Receiver, never};

/// Receives one value when the client has gone away, or when its next request has arrived.
pub type CloseNotify = Receiver<()>;

/// The context, the connection and the web server's variables of a request that a server received.
///
/// These methods belong to every [`Request`]. For a request that no server received they return neutral
/// values: a context that never ends, a channel that receives nothing, no address.
///
/// # Examples
///
/// A handler that stops when its client has gone away:
///
/// ```
/// use hangup::{Request, RequestExt, ResponseWriter, Result};
/// use std::io::Write;
///
/// fn count(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
///     let context = r.context();
///     for number in 0..10 {
///         if context.is_done() {
///             return Ok(());
///         }
///         writeln!(w, "{number}")?;
///     }
///     Ok(())
/// }
/// # let response = hangup::testing::call(&count, Request::new(()))?;
/// # assert_eq!(response.headers()["content-length"], "20");
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// The trait is sealed: other crates cannot implement it.
pub trait RequestExt: sealed::Sealed {
    /// Returns the request's context. It ends when the client goes away (by its end of stream, a reset or
    /// a failed write), when the server is closed, and when the handler has returned.
    ///
    /// The first call starts to watch the connection, on a separate thread. A handler that does not call
    /// this pays nothing for it. A pipelined next request does not end the context. By default a client
    /// that closes only its sending side counts as gone:
    /// [`Server::cancel_on_half_close`](crate::Server::cancel_on_half_close) changes that.
    ///
    /// After [`set_context`](Self::set_context) this returns the context that was set.
    fn context(&self) -> Context;

    /// Replaces the request's context, usually by a child of [`context`](Self::context) with a deadline.
    ///
    /// Later handlers of the request see the new context. A child still ends when the client
    /// goes away. The next request on the connection has a fresh context.
    ///
    /// Once the new context has ended, reading the request's body fails with the context's error, and a
    /// blocked read returns. Over CGI a blocked read of standard input does not return early. The server
    /// does not treat this as a failure of the client. It closes the connection after the response if the
    /// rest of the body is unread. Writing the response is not affected.
    ///
    /// A client that closes its sending side counts as gone by default: then the context and the body end, and
    /// unread bytes are lost. Over FastCGI the unread body is discarded as soon as the context has ended.
    ///
    /// ```
    /// use hangup::{HandlerExt, RequestExt, respond};
    /// use std::time::Duration;
    ///
    /// let handler = respond(|r| {
    ///     assert!(r.context().deadline().is_some());
    ///     Ok("in time")
    /// });
    /// let limited = handler.layer_fn(|w, r, next| {
    ///     let narrowed = r.context().child_with_timeout(Duration::from_secs(2));
    ///     r.set_context(narrowed);
    ///     next.handle(w, r)
    /// });
    /// # hangup::testing::call(&limited, hangup::Request::new(()))?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    fn set_context(&mut self, context: Context);

    /// Returns a channel that receives one value when the client goes away, as [`context`](Self::context)
    /// notices it, or when a pipelined request arrives.
    ///
    /// Each request has one channel, and at most one value is sent on it. Nothing is guaranteed before the
    /// request's body was read to its end, nor after the handler has returned. Prefer
    /// [`context`](Self::context), which a pipelined request does not end.
    fn close_notify(&self) -> CloseNotify;

    /// Returns the address of the client. Over FastCGI and CGI that is the address that the web server
    /// passes on.
    fn remote_addr(&self) -> Option<Addr>;

    /// Returns the server's address on the connection.
    fn local_addr(&self) -> Option<Addr>;

    /// Returns the result of the TLS handshake. `None` without TLS, and over FastCGI and CGI.
    fn tls(&self) -> Option<TlsInfo>;

    /// Returns `true` if the client speaks HTTPS, with this server or with the web server in front of it.
    fn is_https(&self) -> bool;

    /// Returns the variables that describe the request over FastCGI or CGI. `None` over HTTP.
    fn variables(&self) -> Option<&Variables>;

    /// Returns a writer for the web server's error log. `None` over HTTP.
    fn error_stream(&self) -> Option<ErrorStream>;

    /// Returns the client's IP address and port, if it is connected by TCP.
    fn remote_socket_addr(&self) -> Option<SocketAddr> {
        self.remote_addr().and_then(|addr| addr.ip())
    }

    /// Returns the value that a router took from the path, percent-decoded: `7` for `{id}` in the pattern
    /// `/items/{id}` and the path `/items/7`.
    fn path_value(&self, name: &str) -> Option<&str>;

    /// Parses the value that a router took from the path.
    ///
    /// ```
    /// use hangup::{Error, Request, RequestExt};
    ///
    /// let mut request = Request::new(().into());
    /// request.set_path_value("id", "7");
    /// assert_eq!(request.parse_path_value::<u32>("id")?, 7);
    ///
    /// request.set_path_value("id", "seven");
    /// let error: Error = request.parse_path_value::<u32>("id").unwrap_err();
    /// assert_eq!(error.status_code().unwrap(), 400);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A response with status 400 that names the value, if `T` does not accept it.
    /// [`ErrorKind::Misuse`](crate::ErrorKind::Misuse) if there is no value of that name.
    fn parse_path_value<T>(&self, name: &str) -> Result<T>
    where
        T: FromStr,
        T::Err: Display;

    /// Sets a path value, in place of another of the same name. Routers call it. `value` is
    /// percent-decoded.
    fn set_path_value(&mut self, name: &str, value: &str);

    /// Returns the pattern that a [`Router`](crate::Router) has matched, with the prefixes of outer routers:
    /// `GET /items/{id}`. An access log or a metric reads it after the router has returned. `None` if no
    /// pattern has matched.
    fn matched_pattern(&self) -> Option<&str>;

    /// Sets the matched pattern, in place of another. Routers call it.
    fn set_matched_pattern(&mut self, pattern: &str);

    /// Returns the request target as it was before a router removed a prefix from the path: see
    /// [`Router::nest`](crate::Router::nest). Otherwise that is `uri()`.
    fn original_uri(&self) -> &Uri;

    /// Sets the original request target. Handlers that remove a prefix from the path call it.
    fn set_original_uri(&mut self, uri: Uri);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Request {}
}

/// The information on a received request that [`RequestExt`] returns.
pub(crate) trait RequestInfo: Send + Sync {
    fn context(&self) -> Context;
    fn close_notify(&self) -> CloseNotify;
    fn remote_addr(&self) -> Addr;
    fn local_addr(&self) -> Addr;
    fn tls(&self) -> Option<TlsInfo>;
    fn is_https(&self) -> bool;
}

/// The extension of a request behind [`RequestExt`]. It is empty in a request that is kept for its memory.
#[derive(Clone, Default)]
struct Received {
    info: Option<Arc<dyn RequestInfo>>,
    /// The context of [`RequestExt::set_context`].
    context: Option<Context>,
    path_values: PathValues,
    /// Empty if there is none.
    matched_pattern: String,
    original_uri: Option<Uri>,
}

impl Received {
    fn clear(&mut self) {
        (self.info, self.context, self.original_uri) = (None, None, None);
        self.path_values.clear();
        self.matched_pattern.clear();
    }
}

/// Adds the information on a received request. A context that was set before stays.
pub(crate) fn set_info(request: &mut Request, info: Arc<dyn RequestInfo>) {
    let received = request.extensions_mut().get_or_insert_default::<Received>();
    received.info = Some(info);
    if let Some(context) = received.context.clone() {
        request.body_mut().set_context(&context);
    }
}

/// Drops what `request` has beyond its head and body. Some of it is the user's, and may panic when it is
/// dropped. The information goes first, since the panic would keep it.
pub(crate) fn clear_extensions(request: &mut Request) {
    let extensions = request.extensions_mut();
    let ours = extensions.get_mut().map(Received::clear).is_some();
    if extensions.len() > usize::from(ours) {
        extensions.clear();
    }
}

fn received(request: &Request) -> Option<&Received> {
    request.extensions().get()
}

fn info(request: &Request) -> Option<&dyn RequestInfo> {
    received(request).and_then(|received| received.info.as_deref())
}

impl RequestExt for Request {
    fn context(&self) -> Context {
        let set = received(self).and_then(|received| received.context.clone());
        set.or_else(|| info(self).map(RequestInfo::context)).unwrap_or_default()
    }

    fn set_context(&mut self, context: Context) {
        self.body_mut().set_context(&context);
        self.extensions_mut().get_or_insert_default::<Received>().context = Some(context);
    }

    fn close_notify(&self) -> CloseNotify {
        info(self).map_or_else(never, RequestInfo::close_notify)
    }

    fn remote_addr(&self) -> Option<Addr> {
        info(self).map(RequestInfo::remote_addr)
    }

    fn local_addr(&self) -> Option<Addr> {
        info(self).map(RequestInfo::local_addr)
    }

    fn tls(&self) -> Option<TlsInfo> {
        info(self).and_then(RequestInfo::tls)
    }

    fn is_https(&self) -> bool {
        info(self).is_some_and(RequestInfo::is_https)
    }

    fn variables(&self) -> Option<&Variables> {
        self.extensions().get()
    }

    fn error_stream(&self) -> Option<ErrorStream> {
        self.extensions().get().cloned()
    }

    fn path_value(&self, name: &str) -> Option<&str> {
        received(self)?.path_values.get(name)
    }

    fn parse_path_value<T>(&self, name: &str) -> Result<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        match received(self) {
            Some(received) => received.path_values.parse(name),
            None => PathValues::default().parse(name),
        }
    }

    fn set_path_value(&mut self, name: &str, value: &str) {
        self.extensions_mut().get_or_insert_default::<Received>().path_values.set(name, value);
    }

    fn matched_pattern(&self) -> Option<&str> {
        let pattern = &received(self)?.matched_pattern;
        (!pattern.is_empty()).then_some(pattern)
    }

    fn set_matched_pattern(&mut self, pattern: &str) {
        let own = &mut self.extensions_mut().get_or_insert_default::<Received>().matched_pattern;
        own.clear();
        own.push_str(pattern);
    }

    fn original_uri(&self) -> &Uri {
        let original = received(self).and_then(|received| received.original_uri.as_ref());
        original.unwrap_or(self.uri())
    }

    fn set_original_uri(&mut self, uri: Uri) {
        self.extensions_mut().get_or_insert_default::<Received>().original_uri = Some(uri);
    }
}
