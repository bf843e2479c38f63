//! Basic authentication.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::StatusCode;
use http::header::{HeaderValue, WWW_AUTHENTICATE};

use super::credentials::{challenge, is_equal, of_scheme};
use super::refusal::keep_header;
use super::user::User;
use crate::{Error, Handler, Layer, Request, ResponseWriter, Result};

/// Base64 as clients send it, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Basic authentication (RFC 7617): requests need a user name and a password.
///
/// Without valid ones, the client gets a 401 that asks for them. [`User::of`] returns the name in handlers.
///
/// ```
/// use hangup::layers::{BasicAuth, User};
/// use hangup::{HandlerExt, Request, respond, testing};
///
/// let handler = respond(|r| Ok(User::of(r).unwrap().to_string()))
///     .layer(BasicAuth::new("reports").user("aladdin", "open sesame"));
///
/// let response = testing::call(&handler, Request::get("/").body("")?)?;
/// assert_eq!(response.status(), 401);
/// assert_eq!(response.headers()["www-authenticate"], r#"Basic realm="reports", charset="UTF-8""#);
///
/// let request = Request::get("/").header("authorization", "Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==");
/// let mut response = testing::call(&handler, request.body("")?)?;
/// assert_eq!(response.body_mut().read_text(100)?, "aladdin");
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// Credentials are UTF-8. Malformed ones, and several `Authorization` headers, count as none. The password
/// is readable on the wire without TLS. The header stays in the request.
///
/// # Timing
///
/// The users of [`user`](Self::user) are compared in a time that depends on the request's credentials and
/// the number of users only. A function of [`verify`](Self::verify) has to see to that itself.
#[derive(Clone)]
pub struct BasicAuth {
    challenge: HeaderValue,
    users: Vec<(String, String)>,
    verify: Option<Arc<Verify>>,
}

type Verify = dyn Fn(&str, &str) -> bool + Send + Sync;

impl BasicAuth {
    /// Creates a layer that knows no user. `realm` names the protected area. Browsers show it.
    ///
    /// # Panics
    ///
    /// If `realm` contains control characters.
    #[must_use]
    pub fn new(realm: &str) -> Self {
        let challenge = challenge("Basic", realm, ", charset=\"UTF-8\"");
        Self { challenge, users: Vec::new(), verify: None }
    }

    /// Adds a user.
    ///
    /// # Panics
    ///
    /// If `name` contains a colon, which ends the name in the credentials.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        let name = name.into();
        assert!(!name.contains(':'), "user name {name:?} contains a colon");
        self.users.push((name, password.into()));
        self
    }

    /// Sets a function that returns `true` if the user name and the password are valid. It is called if no
    /// [`user`](Self::user) matches.
    #[must_use]
    pub fn verify(self, verify: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        Self { verify: Some(Arc::new(verify)), ..self }
    }

    fn is_valid(&self, name: &str, password: &str) -> bool {
        let mut found = false;
        // All of them, so that the time does not show which of them exist.
        for (user, secret) in &self.users {
            let same_name = is_equal(name.as_bytes(), user.as_bytes());
            found |= same_name & is_equal(password.as_bytes(), secret.as_bytes());
        }
        found || self.verify.as_ref().is_some_and(|verify| verify(name, password))
    }

    fn user_of(&self, request: &Request) -> Option<User> {
        let encoded = of_scheme(request, "Basic")?;
        let decoded = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
        let (name, password) = decoded.split_once(':')?;
        // RFC 7617 section 2: neither may contain control characters.
        let is_clean = !decoded.contains(char::is_control);
        (is_clean && self.is_valid(name, password)).then(|| User::new(name))
    }
}

impl Layer for BasicAuth {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        let Some(user) = self.user_of(r) else {
            keep_header(w, WWW_AUTHENTICATE, self.challenge.clone());
            return Err(Error::status(StatusCode::UNAUTHORIZED, "user name and password required"));
        };
        user.add_to(r);
        next.handle(w, r)
    }
}

impl fmt::Debug for BasicAuth {
    /// Omits the passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth").field("users", &self.users.len()).finish_non_exhaustive()
    }
}
