//! Protection against cross-site request forgery.

use std::fmt;
use std::sync::Arc;

use http::header::{HOST, HeaderValue, ORIGIN};
use http::{HeaderName, Method, StatusCode};

use super::origin;
use crate::{Error, Handler, Layer, Request, ResponseWriter, Result};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Protection against cross-site request forgery (CSRF): refuses requests that a page of another origin made a
/// browser send.
///
/// No token and no cookie is needed, since browsers say where a request comes from:
///
/// | request | outcome |
/// | --- | --- |
/// | GET, HEAD or OPTIONS | passes: such a request must not change anything |
/// | `Sec-Fetch-Site` is `same-origin` or `none` | passes |
/// | `Sec-Fetch-Site` is anything else, such as `cross-site` or `same-site` | 403 |
/// | no `Sec-Fetch-Site`, but `Origin` with the host and port of `Host` | passes |
/// | no `Sec-Fetch-Site`, but another `Origin`, or `null` | 403 |
/// | neither header | passes: the client is not a browser, or one from before 2020 |
///
/// A request that would be refused passes if its origin is [trusted](Self::trust), or if
/// [`exempt`](Self::exempt) says so.
///
/// ```
/// use hangup::layers::CrossOriginProtection;
/// use hangup::{HandlerExt, Request, respond, testing};
///
/// let protection = CrossOriginProtection::new().trust("https://admin.example.com");
/// let handler = respond(|_| Ok("changed")).layer(protection);
/// let request = Request::post("/").header("sec-fetch-site", "cross-site");
/// assert_eq!(testing::call(&handler, request.body("")?)?.status(), 403);
/// let request = Request::post("/").header("sec-fetch-site", "same-origin");
/// assert_eq!(testing::call(&handler, request.body("")?)?.status(), 200);
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// Without `Sec-Fetch-Site`, the scheme of the origin is not compared. Behind a proxy that changes `Host`, the
/// service's own origin must be trusted. `Strict-Transport-Security` keeps the plain-HTTP page of the same
/// host away.
///
/// The rules are those of Go's `http.CrossOriginProtection`.
#[derive(Clone, Default)]
pub struct CrossOriginProtection {
    trusted: Vec<HeaderValue>,
    exempt: Option<Arc<Exempt>>,
}

type Exempt = dyn Fn(&Request) -> bool + Send + Sync;

impl CrossOriginProtection {
    /// Creates a protection that trusts no other origin.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets all requests of the origin `origin` pass, such as `https://admin.example.com`. May be called
    /// several times.
    ///
    /// # Panics
    ///
    /// If a browser would never send this origin: it has a path, a default port or upper-case letters.
    #[must_use]
    pub fn trust(mut self, origin: &str) -> Self {
        let origin = HeaderValue::from_str(origin::checked(origin)).expect("it is visible ASCII");
        self.trusted.push(origin);
        self
    }

    /// Lets all requests pass for which `exempt` returns `true`, such as those to the path of a single
    /// sign-on that other sites post to. Those handlers have to protect themselves.
    ///
    /// ```
    /// use hangup::layers::CrossOriginProtection;
    ///
    /// let protection = CrossOriginProtection::new().exempt(|r| r.uri().path() == "/saml/acs");
    /// ```
    #[must_use]
    pub fn exempt(self, exempt: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        Self { exempt: Some(Arc::new(exempt)), ..self }
    }

    /// Returns the reason to refuse `request`, if there is one.
    fn fault(&self, request: &Request) -> Option<&'static str> {
        if let Method::GET | Method::HEAD | Method::OPTIONS = *request.method() {
            return None;
        }
        let value = |name| request.headers().get(name).filter(|value| !value.is_empty());
        let origin = value(ORIGIN);
        let fault = match (value(SEC_FETCH_SITE), origin) {
            (Some(site), _) if site == "same-origin" || site == "none" => return None,
            (Some(_), _) => "cross-origin request",
            (None, Some(origin)) if is_of_host(origin, value(HOST)) => return None,
            (None, Some(_)) => "cross-origin request: the Origin is not that of the Host",
            (None, None) => return None,
        };
        let is_trusted = origin.is_some_and(|origin| self.trusted.contains(origin));
        let passes = is_trusted || self.exempt.as_ref().is_some_and(|exempt| exempt(request));
        (!passes).then_some(fault)
    }
}

/// Returns `true` if `origin` has the host and port of the request's `host`.
fn is_of_host(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let authority = origin.to_str().ok().and_then(origin::authority);
    let host = host.and_then(|host| host.to_str().ok());
    matches!((authority, host), (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host))
}

impl Layer for CrossOriginProtection {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        match self.fault(r) {
            None => next.handle(w, r),
            Some(fault) => Err(Error::status(StatusCode::FORBIDDEN, fault)),
        }
    }
}

impl fmt::Debug for CrossOriginProtection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrossOriginProtection")
            .field("trusted", &self.trusted)
            .finish_non_exhaustive()
    }
}
