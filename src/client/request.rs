//! A request as it is put together, and sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};

use super::conn::{OnInformational, OnRawHead, Patience};
use super::fields::{DefaultFields, Fields};
use super::raw_head::RawHead;
use super::redirect::{self, RedirectPolicy, Repeat};
use super::response::{Facts, HandedOver};
use super::target::credentials;
use super::transport::{Exchanged, split};
use super::{Shared, Timeouts};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::net::tls::Connector;

/// A request of a [`Client`](super::Client). What is wrong with its parts is told by
/// [`send`](Self::send).
#[must_use = "nothing is sent before `send`"]
pub struct RequestBuilder<'a> {
    shared: &'a Shared,
    parts: Parts,
    body: Body,
    context: Option<Context>,
    timeouts: Timeouts,
    redirects: RedirectPolicy,
    /// In place of the client's.
    connector: Option<Connector>,
    on_informational: Option<OnInformational>,
    on_raw_head: Option<OnRawHead>,
    on_redirect: Option<OnRedirect<'a>>,
    /// The first thing that was wrong.
    error: Option<Error>,
}

type OnRedirect<'a> = Box<dyn FnMut(&http::Response<Body>, &mut Parts) + Send + 'a>;

impl<'a> RequestBuilder<'a> {
    pub(super) fn new(shared: &'a Shared, method: Method, url: Result<Uri, http::Error>) -> Self {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.method = method;
        let error = match url {
            Ok(url) => {
                parts.uri = url;
                None
            }
            Err(error) => Some(Error::with_source(ErrorKind::InvalidUrl, error)),
        };
        Self { error, ..Self::from_parts(shared, parts, Body::empty()) }
    }

    pub(super) fn from_parts(shared: &'a Shared, parts: Parts, body: Body) -> Self {
        Self {
            shared,
            parts,
            body,
            context: None,
            timeouts: shared.defaults.timeouts,
            redirects: shared.defaults.redirects,
            connector: None,
            on_informational: None,
            on_raw_head: None,
            on_redirect: None,
            error: None,
        }
    }

    /// Adds a header field, beside others of the same name.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        N::Error: Into<http::Error>,
        V: TryInto<HeaderValue>,
        V::Error: Into<http::Error>,
    {
        let name = name.try_into().map_err(Into::into);
        let value = value.try_into().map_err(Into::into);
        match name.and_then(|name| Ok((name, value?))) {
            Ok((name, value)) => {
                self.parts.headers.append(name, value);
            }
            Err(error) => self.fail(error.into()),
        }
        self
    }

    /// Adds the header fields of `headers`, in place of those of the same names.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.parts.headers.extend(headers);
        self
    }

    /// Identifies by user name and password (RFC 7617).
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        let token = STANDARD.encode(format!("{user}:{password}"));
        self.authorize(&format!("Basic {token}"));
        self
    }

    /// Identifies by a token (RFC 6750).
    pub fn bearer_auth(mut self, token: &str) -> Self {
        self.authorize(&format!("Bearer {token}"));
        self
    }

    fn authorize(&mut self, text: &str) {
        match HeaderValue::from_str(text) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.parts.headers.insert(AUTHORIZATION, value);
            }
            Err(error) => self.fail(error.into()),
        }
    }

    /// Sends this body. One that knows its length is sent with it, any other in chunks.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the request as HTTP/1.0 or HTTP/1.1 (the default).
    pub fn version(mut self, version: Version) -> Self {
        self.parts.version = version;
        self
    }

    /// Waits for the peer's 100 (Continue) before the body is sent, so that a peer that refuses it
    /// can say so before it is sent (RFC 9110 section 10.1.1).
    pub fn expect_continue(self) -> Self {
        self.header(http::header::EXPECT, "100-continue")
    }

    /// Ends the call when `context` ends, at whatever stage it is: the body of its response included.
    pub fn context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// How long this call may take in all, to the end of the response's body.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeouts.call = limit.into();
        self
    }

    /// How long writing this request may take.
    pub fn send_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeouts.send = limit.into();
        self
    }

    /// How long the peer may take from this request's last byte to the head of its answer.
    pub fn response_head_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeouts.response_head = limit.into();
        self
    }

    /// How long the peer may be silent within the body of this request's answer.
    pub fn idle_read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.timeouts.idle_read = limit.into();
        self
    }

    /// What makes this request's connection if its URL is `https`, in place of the
    /// [client's](super::ClientBuilder::tls). It shares connections only with requests of the same
    /// connector.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, connector: &Connector) -> Self {
        self.connector = Some(connector.clone());
        self
    }

    /// What is done about redirects of this request.
    pub fn redirects(mut self, policy: RedirectPolicy) -> Self {
        self.redirects = policy;
        self
    }

    /// Has `callback` called with each interim response (1xx but 101), on the connection's reading
    /// thread: it should be quick.
    pub fn on_informational(
        mut self,
        callback: impl Fn(StatusCode, &HeaderMap) + Send + Sync + 'static,
    ) -> Self {
        self.on_informational = Some(Arc::new(callback));
        self
    }

    /// Calls `callback` with the head of each response of this call, as the server sent it.
    ///
    /// These are the heads of interim responses, of responses that redirect, and of the final one, in the
    /// order in which they came. A head that is cut off or malformed is shown as far as its lines came,
    /// before the call fails; see [`RawHead::is_complete`]. A request that is sent again on another
    /// connection may show heads of both.
    ///
    /// The callback runs on the thread that reads the response, before
    /// [`on_informational`](Self::on_informational) and [`on_redirect`](Self::on_redirect). It delays the
    /// response, so it should be quick. If it panics, `send` fails with
    /// [`ErrorKind::Other`](crate::ErrorKind::Other).
    ///
    /// ```no_run
    /// use std::io::Write;
    ///
    /// # let client = hangup::Client::new();
    /// let request = client.get("http://example.com/").on_raw_head(|head| {
    ///     let _ = std::io::stderr().write_all(head.as_bytes());
    /// });
    /// request.send()?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn on_raw_head(mut self, callback: impl Fn(&RawHead<'_>) + Send + Sync + 'static) -> Self {
        self.on_raw_head = Some(Arc::new(callback));
        self
    }

    /// Has `callback` called with each redirect that is about to be followed: the redirecting
    /// response, without its body, and the next request, which it may change.
    ///
    /// ```no_run
    /// # let client = hangup::Client::new();
    /// let mut passed = Vec::new();
    /// let request = client.get("http://example.com/").on_redirect(|_, next| {
    ///     passed.push(next.uri.clone());
    /// });
    /// request.send()?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn on_redirect(
        mut self,
        callback: impl FnMut(&http::Response<Body>, &mut Parts) + Send + 'a,
    ) -> Self {
        self.on_redirect = Some(Box::new(callback));
        self
    }

    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// Sends the request and waits for the head of its answer, whatever its status is. The body is
    /// read through the response.
    ///
    /// A peer that answers before it has read the whole request is listened to: its answer is
    /// returned while the body is still being sent, which ends when the answer has been read or
    /// dropped.
    ///
    /// # Errors
    ///
    /// Whatever was wrong with the request's parts; no connection, or one that failed; an answer
    /// that is not HTTP; a time limit or the context that ended. A request that failed on a
    /// connection which had been used before is sent once more on another, if nothing of it had been
    /// written or its method makes that safe.
    ///
    /// # Blocking
    ///
    /// Until the answer's head is there. The call's [context](Self::context) ends it from any thread
    /// within milliseconds, and so does each time limit.
    pub fn send(self) -> Result<http::Response<Body>> {
        let Self {
            shared,
            mut parts,
            mut body,
            context,
            timeouts,
            redirects,
            connector,
            on_informational,
            on_raw_head,
            mut on_redirect,
            error,
        } = self;
        if let Some(error) = error {
            return Err(error);
        }
        let defaults = &shared.defaults;
        let connector = connector.as_ref().or(defaults.connector.as_ref());
        add_credentials(&mut parts, &defaults.fields);
        let patience = Patience {
            context: within(context, timeouts.call),
            send: timeouts.send,
            response_head: timeouts.response_head,
            idle_read: timeouts.idle_read,
            on_informational,
            on_raw_head,
        };
        let begun = Instant::now();
        let (none, mut fields) = (DefaultFields::default(), &defaults.fields);
        let mut followed = 0;
        loop {
            let again = match redirects {
                RedirectPolicy::Follow(_) => body.try_clone(),
                RedirectPolicy::Stop => None,
            };
            let exchanged =
                shared.transport.round_trip(&parts, fields, body, &patience, connector)?;
            let status = exchanged.answer.head.status;
            let next = match (redirects, redirect::repeat(status, &parts.method)) {
                (RedirectPolicy::Follow(most), Some(repeat)) => {
                    let to = redirect::location(&parts.uri, &exchanged.answer.head.headers)?;
                    to.filter(|_| repeat == Repeat::AsGet || again.is_some())
                        .map(|to| (to, repeat, most))
                }
                _ => None,
            };
            let Some((to, repeat, most)) = next else {
                let facts = Facts::new(&exchanged, parts.uri, followed, begun);
                return Ok(response(exchanged.answer, facts));
            };
            if followed >= most {
                let message = format!("more than {most}");
                return Err(Error::message(ErrorKind::TooManyRedirects, message));
            }
            let from = parts.uri.clone();
            // Whatever is secret in the defaults must not go to another host either.
            std::mem::replace(&mut fields, &none).merge_into(&mut parts.headers);
            redirect::follow(&mut parts, to, repeat);
            if let Some(callback) = &mut on_redirect {
                let facts = Facts::new(&exchanged, from, followed, begun);
                callback(&without_body(&exchanged, facts), &mut parts);
            }
            followed += 1;
            // Settles the connection, most likely for the next request.
            drop(exchanged);
            body = match repeat {
                Repeat::AsGet => Body::empty(),
                Repeat::Same => again.unwrap_or_default(),
            };
        }
    }
}

/// Identifies by the user and password in the URL, unless the request does so by itself.
fn add_credentials(parts: &mut Parts, defaults: &DefaultFields) {
    if let Some((user, password)) = credentials(&parts.uri)
        && !Fields::new(&parts.headers, defaults).contains(&AUTHORIZATION)
    {
        let token = STANDARD.encode(format!("{user}:{password}"));
        if let Ok(mut value) = HeaderValue::try_from(format!("Basic {token}")) {
            value.set_sensitive(true);
            parts.headers.insert(AUTHORIZATION, value);
        }
    }
}

/// The call's context, ended by the call's time limit as well.
fn within(context: Option<Context>, limit: Option<Duration>) -> Option<Context> {
    match (context, limit) {
        (Some(context), Some(limit)) => Some(context.child_with_timeout(limit)),
        (None, Some(limit)) => Some(Context::with_timeout(limit)),
        (context, None) => context,
    }
}

/// What a redirecting answer says of itself.
fn without_body(exchanged: &Exchanged, facts: Facts) -> http::Response<Body> {
    let head = &exchanged.answer.head;
    let mut response = http::Response::new(Body::empty());
    *response.status_mut() = head.status;
    *response.version_mut() = head.version;
    response.headers_mut().clone_from(&head.headers);
    response.extensions_mut().insert(facts);
    response
}

fn response(answer: super::conn::Answer, facts: Facts) -> http::Response<Body> {
    let (head, body, duplex) = split(answer);
    let mut response = http::Response::new(body);
    *response.status_mut() = head.status;
    *response.version_mut() = head.version;
    *response.headers_mut() = head.headers;
    let extensions = response.extensions_mut();
    extensions.insert(facts);
    if let Some(duplex) = duplex {
        extensions.insert(HandedOver::new(duplex));
    }
    response
}
