//! Data that a request carries beside its head and body.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Instant;

use http::{HeaderName, Uri};
#[cfg(any(feature = "forms", feature = "json"))]
use serde_core::de::DeserializeOwned;

use super::Request;
use super::gateway::{ErrorStream, Variables};
use super::received::{CloseNotify, Received, RequestInfo, info, received, received_mut};
use crate::context::Context;
use crate::error::Result;
use crate::extract::{self, Cookies, MultipartLimits, MultipartReader, Pairs, PathValues, Source};
use crate::net::{Addr, TlsInfo};
use crate::sync::channel::never;

/// The context, the connection, the query, the form and the cookies of a request that a server received.
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

    /// Sets a deadline of the request's context, unless it has an earlier one.
    ///
    /// This does the same as [`set_context`](Self::set_context) with a
    /// [child](Context::child_with_deadline) of [`context`](Self::context), but does not start to watch the
    /// connection. Only a handler that looks at its context pays for that.
    fn set_deadline(&mut self, deadline: Instant);

    /// Returns the deadline of the request's context, or `None` if it has none. Does not start to watch the
    /// connection.
    fn deadline(&self) -> Option<Instant>;

    /// Returns a channel that receives one value when the client goes away, as [`context`](Self::context)
    /// notices it, or when a pipelined request arrives.
    ///
    /// Each request has one channel, and at most one value is sent on it. Nothing is guaranteed before the
    /// request's body was read to its end, nor after the handler has returned. Prefer
    /// [`context`](Self::context), which a pipelined request does not end.
    fn close_notify(&self) -> CloseNotify;

    /// Returns the id of the last event that the client has received, which it sends when it reconnects to
    /// an event stream: see [`ResponseWriter::events`](crate::ResponseWriter::events). `None` if there is
    /// none, or if it is not UTF-8.
    fn last_event_id(&self) -> Option<&str>;

    /// Returns the address of the client. Over FastCGI and CGI that is the address that the web server
    /// passes on.
    fn remote_addr(&self) -> Option<Addr>;

    /// Returns the server's address on the connection.
    fn local_addr(&self) -> Option<Addr>;

    /// Returns the result of the TLS handshake. `None` without TLS, and over FastCGI and CGI.
    fn tls(&self) -> Option<TlsInfo>;

    /// Returns `true` if the client speaks HTTPS, with this server or with the web server in front of it.
    ///
    /// A proxy in front counts if [`TrustedProxies`](crate::layers::TrustedProxies) trusts it.
    fn is_https(&self) -> bool;

    /// Sets the result of [`is_https`](Self::is_https). Layers call it that know of a proxy in front.
    fn set_https(&mut self, https: bool);

    /// Returns the IP address of the client.
    ///
    /// That is the address of [`remote_addr`](Self::remote_addr), unless
    /// [`TrustedProxies`](crate::layers::TrustedProxies) has found the client behind a proxy. Returns `None`
    /// if the peer is connected by a Unix socket, or is unknown.
    fn client_ip(&self) -> Option<IpAddr>;

    /// Sets the result of [`client_ip`](Self::client_ip). Layers call it that know the client behind a
    /// proxy. An IPv4-mapped IPv6 address is converted to the IPv4 address.
    fn set_client_ip(&mut self, ip: IpAddr);

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

    /// Returns the names and values of the query, decoded: see [`Pairs`].
    fn query(&self) -> Pairs;

    /// Reads the query as a struct or a map. Needs the feature `json` or `forms`.
    ///
    /// A field is a number, a text, a `bool`, a `char`, an enum of unit variants, an `Option` of one, or a
    /// list of them for a name that is repeated. A list that may be empty needs `#[serde(default)]`. For a
    /// `bool`, `on` and `1` mean `true`, and `off` and `0` mean `false`.
    ///
    /// An `Option` is `None` if the name is missing. A name without a value is an empty text, so it is an error
    /// for an `Option` of a number, as with other readers of queries by serde. A browser sends it for an input
    /// that is left empty: read such a field as an `Option<String>`.
    ///
    /// ```
    /// use hangup::{Request, RequestExt};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Search {
    ///     q: String,
    ///     page: Option<u32>,
    ///     #[serde(default)]
    ///     tag: Vec<String>,
    /// }
    ///
    /// let request = Request::get("/search?q=two+words&tag=a&tag=b").body(().into())?;
    /// let search: Search = request.query_as()?;
    /// assert_eq!(search.q, "two words");
    /// assert_eq!((search.page, search.tag.len()), (None, 2));
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A response with status 400 that names the field.
    #[cfg(any(feature = "forms", feature = "json"))]
    fn query_as<T: DeserializeOwned>(&self) -> Result<T>;

    /// Reads the body as a form of the type `application/x-www-form-urlencoded`, at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// A response with status 415 if the body is of another type, and 413 if it is too large. Neither is
    /// preceded by a 100 (Continue) if the header shows it. The errors of reading the body.
    ///
    /// # Blocking
    ///
    /// Until the body has arrived.
    fn form(&mut self, limit: u64) -> Result<Pairs>;

    /// Reads the body as a form into a struct or a map, as [`query_as`](Self::query_as) does with the
    /// query. Needs the feature `json` or `forms`.
    ///
    /// # Errors
    ///
    /// A response with status 422 that names the field, and the errors of [`form`](Self::form).
    ///
    /// # Blocking
    ///
    /// Until the body has arrived.
    #[cfg(any(feature = "forms", feature = "json"))]
    fn form_as<T: DeserializeOwned>(&mut self, limit: u64) -> Result<T>;

    /// Reads the body as JSON, at most `limit` bytes. Needs the feature `json`.
    ///
    /// ```
    /// use hangup::{Request, RequestExt, ResponseWriter, Result, testing};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Order {
    ///     items: Vec<Item>,
    /// }
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Item {
    ///     price: u32,
    /// }
    ///
    /// fn order(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    ///     let order: Order = r.json(64 * 1024)?;
    ///     let sum: u32 = order.items.iter().map(|item| item.price).sum();
    ///     w.set_header("x-sum", sum)?;
    ///     Ok(())
    /// }
    ///
    /// let json = |text: &'static str| {
    ///     Request::post("/").header("content-type", "application/json").body(text)
    /// };
    /// let response = testing::call(&order, json(r#"{"items": [{"price": 7}]}"#)?)?;
    /// assert_eq!(response.headers()["x-sum"], "7");
    ///
    /// let mut response = testing::call(&order, json(r#"{"items": [{"price": "x"}]}"#)?)?;
    /// assert_eq!(response.status(), 422);
    /// let text = response.body_mut().read_text(1000)?;
    /// assert!(text.contains("items[0].price: invalid type: string"), "{text}");
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A response with one of these statuses, and the errors of reading the body.
    ///
    /// | status | cause |
    /// | --- | --- |
    /// | 415 | the Content-Type is neither `application/json` nor ends in `+json` |
    /// | 413 | the body is larger than `limit` |
    /// | 400 | it is not JSON; the text names the line and the column |
    /// | 422 | it has not the form of `T`; the text names the field as well |
    ///
    /// Neither a 415 nor a 413 is preceded by a 100 (Continue) if the header shows it.
    ///
    /// # Blocking
    ///
    /// Until the body has arrived.
    #[cfg(feature = "json")]
    fn json<T: DeserializeOwned>(&mut self, limit: u64) -> Result<T>;

    /// Reads the body as text, at most `limit` bytes, in the charset of its Content-Type or in UTF-8.
    /// Charsets other than UTF-8 need the feature `charset`.
    ///
    /// # Errors
    ///
    /// A response with status 413 if the body is too large, and 400 if it is not text in the charset. The
    /// errors of reading the body.
    ///
    /// # Blocking
    ///
    /// Until the body has arrived.
    fn text(&mut self, limit: u64) -> Result<String>;

    /// Reads the body as a form of the type `multipart/form-data`, part by part as it arrives: see
    /// [`MultipartReader`].
    ///
    /// The reader takes the body, and the request has an empty one.
    ///
    /// # Errors
    ///
    /// A response with status 415 if the body is of another type, 400 if the type has no valid boundary, and
    /// 413 if the body is known to be too large. None is preceded by a 100 (Continue).
    fn multipart(&mut self, limits: MultipartLimits) -> Result<MultipartReader>;

    /// Returns the cookies of the request.
    fn cookies(&self) -> Cookies<'_>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Request {}
}

impl RequestExt for Request {
    fn context(&self) -> Context {
        received(self).map(Received::context).unwrap_or_default()
    }

    fn set_context(&mut self, context: Context) {
        self.body_mut().set_context(&context);
        received_mut(self).set_context(context);
    }

    fn set_deadline(&mut self, deadline: Instant) {
        if let Some(context) = received_mut(self).set_deadline(deadline) {
            if !self.body().is_empty() {
                self.body_mut().set_context(&context());
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        received(self)?.deadline()
    }

    fn close_notify(&self) -> CloseNotify {
        info(self).map_or_else(never, RequestInfo::close_notify)
    }

    fn last_event_id(&self) -> Option<&str> {
        let id = self.headers().get(HeaderName::from_static("last-event-id"))?;
        std::str::from_utf8(id.as_bytes()).ok().filter(|id| !id.is_empty())
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
        let set = received(self).and_then(|received| received.https);
        set.unwrap_or_else(|| info(self).is_some_and(RequestInfo::is_https))
    }

    fn set_https(&mut self, https: bool) {
        received_mut(self).https = Some(https);
    }

    fn client_ip(&self) -> Option<IpAddr> {
        let set = received(self).and_then(|received| received.client_ip);
        set.or_else(|| self.remote_socket_addr().map(|addr| addr.ip()))
    }

    fn set_client_ip(&mut self, ip: IpAddr) {
        let received = received_mut(self);
        received.client_ip = Some(ip.to_canonical());
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
        received_mut(self).path_values.set(name, value);
    }

    fn matched_pattern(&self) -> Option<&str> {
        let pattern = &received(self)?.matched_pattern;
        (!pattern.is_empty()).then_some(pattern)
    }

    fn set_matched_pattern(&mut self, pattern: &str) {
        let own = &mut received_mut(self).matched_pattern;
        own.clear();
        own.push_str(pattern);
    }

    fn original_uri(&self) -> &Uri {
        let original = received(self).and_then(|received| received.original_uri.as_ref());
        original.unwrap_or(self.uri())
    }

    fn set_original_uri(&mut self, uri: Uri) {
        received_mut(self).original_uri = Some(uri);
    }

    fn query(&self) -> Pairs {
        Pairs::decode(self.uri().query().unwrap_or_default().as_bytes(), Source::Query)
    }

    #[cfg(any(feature = "forms", feature = "json"))]
    fn query_as<T: DeserializeOwned>(&self) -> Result<T> {
        extract::query_as(self)
    }

    fn form(&mut self, limit: u64) -> Result<Pairs> {
        extract::form(self, limit)
    }

    #[cfg(any(feature = "forms", feature = "json"))]
    fn form_as<T: DeserializeOwned>(&mut self, limit: u64) -> Result<T> {
        extract::form_as(self, limit)
    }

    #[cfg(feature = "json")]
    fn json<T: DeserializeOwned>(&mut self, limit: u64) -> Result<T> {
        extract::json(self, limit)
    }

    fn text(&mut self, limit: u64) -> Result<String> {
        extract::text(self, limit)
    }

    fn multipart(&mut self, limits: MultipartLimits) -> Result<MultipartReader> {
        extract::multipart(self, limits)
    }

    fn cookies(&self) -> Cookies<'_> {
        Cookies::new(self.headers())
    }
}
