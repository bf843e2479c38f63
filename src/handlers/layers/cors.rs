//! Cross-origin resource sharing.

mod rules;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, Method, StatusCode};

use super::origin;
use crate::{Handler, Layer, Request, ResponseWriter, Result};
use rules::{Listed, Origins, Rules};

/// Cross-origin resource sharing (CORS, [Fetch standard](https://fetch.spec.whatwg.org/#http-cors-protocol)):
/// lets scripts of other origins read the responses.
///
/// By default no origin is allowed. A preflight is answered with 204 and does not reach the handler. Other
/// requests do, and the headers are added to their responses, also to error responses. A browser that gets no
/// permission refuses the response to its script. The request was handled all the same:
/// [`CrossOriginProtection`](super::CrossOriginProtection) refuses requests.
///
/// ```
/// use hangup::layers::Cors;
/// use hangup::{HandlerExt, Request, respond, testing};
/// use http::Method;
/// use std::time::Duration;
///
/// let cors = Cors::new()
///     .origin("https://app.example.com")
///     .methods([Method::PUT, Method::DELETE])
///     .headers(["content-type"])
///     .credentials()
///     .max_age(Duration::from_secs(600));
/// let handler = respond(|_| Ok("hello")).layer(cors);
///
/// let preflight = Request::options("/")
///     .header("origin", "https://app.example.com")
///     .header("access-control-request-method", "PUT");
/// let response = testing::call(&handler, preflight.body("")?)?;
/// assert_eq!(response.status(), 204);
/// assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example.com");
/// assert_eq!(response.headers()["access-control-allow-methods"], "PUT, DELETE");
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Place
///
/// Outside of a router: the layer answers preflights for all paths, and the router any other `OPTIONS`.
/// Outside of a layer that asks for credentials: a preflight has none.
///
/// # Caches
///
/// Responses get `Vary: Origin`, also those to requests without `Origin`. Only with
/// [`any_origin`](Self::any_origin) they do not: then every response is the same, and has the headers.
#[derive(Clone)]
pub struct Cors(Arc<Rules>);

impl Cors {
    /// Creates a layer that allows no origin.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// Allows scripts of `origin`, such as `https://app.example.com`. May be called several times.
    ///
    /// # Panics
    ///
    /// If a browser would never send this origin: it has a path, a default port or upper-case letters.
    #[must_use]
    pub fn origin(self, origin: &str) -> Self {
        let origin = HeaderValue::from_str(origin::checked(origin)).expect("it is visible ASCII");
        self.allow(origin)
    }

    /// Allows documents without an origin, which send `Origin: null`. Any site can make one, in
    /// a sandboxed frame. So this is as open as [`any_origin`](Self::any_origin).
    #[must_use]
    pub fn null_origin(self) -> Self {
        self.allow(HeaderValue::from_static("null"))
    }

    fn allow(self, origin: HeaderValue) -> Self {
        self.change(|rules| match &mut rules.origins {
            Origins::These(origins) => origins.push(origin),
            other => *other = Origins::These(vec![origin]),
        })
    }

    /// Allows scripts of all origins.
    ///
    /// # Panics
    ///
    /// If [`credentials`](Self::credentials) was called: every site could act for the user.
    #[must_use]
    pub fn any_origin(self) -> Self {
        self.change(|rules| rules.origins = Origins::Any)
    }

    /// Allows the origins for which `allows` returns `true`. It gets the value of the `Origin` header, which
    /// may be `null`, and the request.
    ///
    /// ```
    /// use hangup::layers::Cors;
    ///
    /// let cors = Cors::new().origins_by(|origin, _| {
    ///     origin.strip_prefix("https://").is_some_and(|host| host.ends_with(".example.com"))
    /// });
    /// ```
    #[must_use]
    pub fn origins_by(
        self,
        allows: impl Fn(&str, &Request) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.change(|rules| rules.origins = Origins::By(Arc::new(allows)))
    }

    /// Sets the methods that are allowed beside GET, HEAD and POST. Those always are.
    #[must_use]
    pub fn methods(self, methods: impl IntoIterator<Item = Method>) -> Self {
        let methods = Listed::of(methods.into_iter().map(|method| method.to_string()));
        self.change(|rules| rules.methods = methods)
    }

    /// Allows all methods.
    #[must_use]
    pub fn any_method(self) -> Self {
        self.change(|rules| rules.methods = Listed::Any)
    }

    /// Sets the request headers that are allowed beside `Accept`, `Accept-Language`, `Content-Language`,
    /// `Range`, and `Content-Type` for forms and plain text. JSON needs `content-type` here.
    ///
    /// # Panics
    ///
    /// If a name is not a valid header name.
    #[must_use]
    pub fn headers<N>(self, names: impl IntoIterator<Item = N>) -> Self
    where
        N: TryInto<HeaderName, Error: fmt::Debug>,
    {
        let headers = Listed::of(names.into_iter().map(name));
        self.change(|rules| rules.headers = headers)
    }

    /// Allows all request headers, `Authorization` included.
    #[must_use]
    pub fn any_header(self) -> Self {
        self.change(|rules| rules.headers = Listed::Any)
    }

    /// Sets the response headers that scripts can read beside the few that they always can, such as
    /// `Content-Type` and `Content-Length`.
    ///
    /// # Panics
    ///
    /// If a name is not a valid header name.
    #[must_use]
    pub fn expose<N>(self, names: impl IntoIterator<Item = N>) -> Self
    where
        N: TryInto<HeaderName, Error: fmt::Debug>,
    {
        let exposed = Listed::of(names.into_iter().map(name)).into_value();
        self.change(|rules| rules.exposed = exposed)
    }

    /// Allows requests with credentials: cookies, client certificates and stored passwords.
    ///
    /// # Panics
    ///
    /// If [`any_origin`](Self::any_origin) was called: every site could act for the user.
    #[must_use]
    pub fn credentials(self) -> Self {
        self.change(|rules| rules.credentials = true)
    }

    /// Sets how long a browser may keep the response to a preflight, in whole seconds. Browsers keep it for
    /// 5 s by default, and for at most 2 to 24 hours.
    #[must_use]
    pub fn max_age(self, age: Duration) -> Self {
        self.change(|rules| rules.max_age = Some(age.as_secs().into()))
    }

    fn change(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(Arc::make_mut(&mut self.0));
        let is_open = self.0.credentials && matches!(self.0.origins, Origins::Any);
        assert!(
            !is_open,
            "CORS with any origin and credentials: every site could act for the user"
        );
        self
    }

    /// Responds to a preflight: a request for permission that the browser makes itself.
    fn respond_to_preflight(&self, w: &mut ResponseWriter, r: &Request, method: &HeaderValue) {
        w.set_status(StatusCode::NO_CONTENT);
        let (rules, headers) = (&*self.0, w.headers_mut());
        for name in ["origin", "access-control-request-method", "access-control-request-headers"] {
            headers.append(VARY, HeaderValue::from_static(name));
        }
        let Some(origin) = rules.allowed(r) else { return };
        rules.permit(origin, headers);
        if let Some(methods) = rules.methods.value(Some(method)) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        let asked = r.headers().get(ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(names) = rules.headers.value(asked) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
        }
        if let Some(age) = &rules.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, age.clone());
        }
    }
}

impl Default for Cors {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns a header name in lower case.
fn name<N: TryInto<HeaderName, Error: fmt::Debug>>(name: N) -> String {
    match name.try_into() {
        Ok(name) => name.as_str().to_owned(),
        Err(error) => panic!("invalid header name: {error:?}"),
    }
}

impl Layer for Cors {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        let preflight = match *r.method() {
            Method::OPTIONS if r.headers().contains_key(ORIGIN) => {
                r.headers().get(ACCESS_CONTROL_REQUEST_METHOD)
            }
            _ => None,
        };
        if let Some(method) = preflight {
            self.respond_to_preflight(w, r, method);
            return Ok(());
        }
        if !matches!(self.0.origins, Origins::Any) {
            w.on_head(|_, headers| add_vary(headers));
        }
        if let Some(origin) = self.0.allowed(r) {
            let rules = Arc::clone(&self.0);
            w.on_head(move |_, headers| {
                rules.permit(origin, headers);
                if let Some(names) = &rules.exposed {
                    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, names.clone());
                }
            });
        }
        next.handle(w, r)
    }
}

impl fmt::Debug for Cors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cors").field(&self.0).finish()
    }
}

impl Rules {
    /// Returns the value of `Access-Control-Allow-Origin`, if the request's origin is allowed.
    fn allowed(&self, request: &Request) -> Option<HeaderValue> {
        if let Origins::Any = self.origins {
            return Some(HeaderValue::from_static("*"));
        }
        let mut origins = request.headers().get_all(ORIGIN).iter();
        let (origin, None) = (origins.next()?, origins.next()) else { return None };
        let is_allowed = match &self.origins {
            Origins::Any => true,
            Origins::These(allowed) => allowed.contains(origin),
            Origins::By(allows) => origin.to_str().is_ok_and(|origin| allows(origin, request)),
        };
        is_allowed.then(|| origin.clone())
    }

    fn permit(&self, origin: HeaderValue, headers: &mut HeaderMap) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials {
            let yes = HeaderValue::from_static("true");
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
    }
}

/// Adds `Origin` to the `Vary` header, unless that has it (RFC 9110 section 12.5.5).
fn add_vary(headers: &mut HeaderMap) {
    let values = headers.get_all(VARY).iter().map(HeaderValue::as_bytes);
    let mut names = values.flat_map(|value| value.split(|byte| *byte == b','));
    let has = |name: &[u8]| name == b"*" || name.eq_ignore_ascii_case(b"origin");
    if !names.any(|name| has(name.trim_ascii())) {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
}
