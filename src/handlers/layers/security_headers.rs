//! Headers that make browsers more careful.

use std::sync::Arc;
use std::time::Duration;

use http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use crate::{Error, Handler, Layer, Request, RequestExt, ResponseWriter, Result};

const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Headers that tell browsers to be more careful with a response.
///
/// They are in every response, also in error responses. A header that the handler has set is not changed.
///
/// | header | default | method |
/// | --- | --- | --- |
/// | `X-Content-Type-Options` | `nosniff` | [`remove`](Self::remove) |
/// | `Referrer-Policy` | `strict-origin-when-cross-origin` | [`referrer_policy`](Self::referrer_policy) |
/// | `X-Frame-Options` | `SAMEORIGIN` | [`deny_frames`](Self::deny_frames) |
/// | `Content-Security-Policy` | not sent | [`content_security_policy`](Self::content_security_policy) |
/// | `Strict-Transport-Security` | not sent | [`hsts`](Self::hsts) |
/// | `Permissions-Policy` | not sent | [`permissions_policy`](Self::permissions_policy) |
/// | `Cross-Origin-Opener-Policy` | not sent | [`opener_policy`](Self::opener_policy) |
/// | `Cross-Origin-Resource-Policy` | not sent | [`resource_policy`](Self::resource_policy) |
///
/// ```
/// use hangup::layers::SecurityHeaders;
/// use hangup::{HandlerExt, Request, respond, testing};
/// use std::time::Duration;
///
/// let headers = SecurityHeaders::new()
///     .content_security_policy("default-src 'self'; frame-ancestors 'none'")?
///     .hsts(Duration::from_secs(365 * 24 * 60 * 60));
/// let handler = respond(|_| Ok("hello")).layer(headers);
/// let response = testing::call(&handler, Request::new(()))?;
/// assert_eq!(response.headers()["x-content-type-options"], "nosniff");
/// // This request did not come over HTTPS.
/// assert!(!response.headers().contains_key("strict-transport-security"));
/// # Ok::<(), hangup::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer has no effect before it is put around a handler"]
pub struct SecurityHeaders {
    fields: Arc<Vec<(HeaderName, HeaderValue)>>,
    /// Only sent over HTTPS (RFC 6797 section 7.2).
    hsts: Option<HeaderValue>,
}

impl Default for SecurityHeaders {
    fn default() -> Self {
        Self::new()
    }
}

impl SecurityHeaders {
    /// Creates a layer with the default headers.
    pub fn new() -> Self {
        let fields = [
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "strict-origin-when-cross-origin"),
            (X_FRAME_OPTIONS, "SAMEORIGIN"),
        ];
        let fields = fields.map(|(name, value)| (name, HeaderValue::from_static(value)));
        Self { fields: Arc::new(fields.into()), hsts: None }
    }

    /// Sets `Referrer-Policy`, for example to `no-referrer`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidMessage`](crate::ErrorKind::InvalidMessage) if a header cannot have this value. So do
    /// the other methods that take a value.
    pub fn referrer_policy(self, value: &str) -> Result<Self> {
        self.set(REFERRER_POLICY, value)
    }

    /// Sets `X-Frame-Options` to `DENY`: no page may show this one in a frame, not even one of the same origin.
    pub fn deny_frames(mut self) -> Self {
        self.put(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        self
    }

    /// Sets `Content-Security-Policy`. Its directive `frame-ancestors` replaces `X-Frame-Options` in current
    /// browsers.
    ///
    /// # Errors
    ///
    /// As [`referrer_policy`](Self::referrer_policy).
    pub fn content_security_policy(self, value: &str) -> Result<Self> {
        self.set(CONTENT_SECURITY_POLICY, value)
    }

    /// Sends `Strict-Transport-Security` over HTTPS: for `max_age` the browser uses HTTPS only, for this host and
    /// its subdomains (RFC 6797). This cannot be taken back before that time, except by a `max_age` of zero.
    ///
    /// A request counts as HTTPS by [`RequestExt::is_https`].
    pub fn hsts(mut self, max_age: Duration) -> Self {
        let value = format!("max-age={}; includeSubDomains", max_age.as_secs());
        self.hsts = HeaderValue::from_str(&value).ok();
        self
    }

    /// Sends `Strict-Transport-Security` as [`hsts`](Self::hsts) does, for this host without its subdomains.
    pub fn hsts_host_only(mut self, max_age: Duration) -> Self {
        self.hsts = HeaderValue::from_str(&format!("max-age={}", max_age.as_secs())).ok();
        self
    }

    /// Sets `Permissions-Policy`, for example to `camera=(), microphone=()`.
    ///
    /// # Errors
    ///
    /// As [`referrer_policy`](Self::referrer_policy).
    pub fn permissions_policy(self, value: &str) -> Result<Self> {
        self.set(PERMISSIONS_POLICY, value)
    }

    /// Sets `Cross-Origin-Opener-Policy`, for example to `same-origin`.
    ///
    /// # Errors
    ///
    /// As [`referrer_policy`](Self::referrer_policy).
    pub fn opener_policy(self, value: &str) -> Result<Self> {
        self.set(CROSS_ORIGIN_OPENER_POLICY, value)
    }

    /// Sets `Cross-Origin-Resource-Policy`, for example to `same-site`.
    ///
    /// # Errors
    ///
    /// As [`referrer_policy`](Self::referrer_policy).
    pub fn resource_policy(self, value: &str) -> Result<Self> {
        self.set(CROSS_ORIGIN_RESOURCE_POLICY, value)
    }

    /// Removes a header from those that this layer sends.
    pub fn remove(mut self, name: &HeaderName) -> Self {
        Arc::make_mut(&mut self.fields).retain(|(other, _)| other != name);
        self
    }

    fn set(mut self, name: HeaderName, value: &str) -> Result<Self> {
        let value =
            HeaderValue::from_str(value).map_err(|error| Error::from(http::Error::from(error)))?;
        self.put(name, value);
        Ok(self)
    }

    fn put(&mut self, name: HeaderName, value: HeaderValue) {
        let fields = Arc::make_mut(&mut self.fields);
        fields.retain(|(other, _)| *other != name);
        fields.push((name, value));
    }
}

impl Layer for SecurityHeaders {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        let fields = Arc::clone(&self.fields);
        let hsts = self.hsts.clone().filter(|_| r.is_https());
        w.on_head(move |_, headers| {
            for (name, value) in fields.iter() {
                headers.entry(name).or_insert_with(|| value.clone());
            }
            if let Some(hsts) = hsts {
                headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(hsts);
            }
        });
        next.handle(w, r)
    }
}
