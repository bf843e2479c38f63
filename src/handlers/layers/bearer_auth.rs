//! Bearer tokens.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};

use super::credentials::{challenge, of_scheme};
use super::refusal::keep_header;
use super::user::User;
use crate::{Error, Handler, Layer, Request, ResponseWriter, Result};

/// Bearer tokens (RFC 6750): requests need a token that a function accepts.
///
/// The token is read from the `Authorization` header only. [`User::of`] returns the user in handlers.
///
/// ```
/// use hangup::layers::{BearerAuth, User};
/// use hangup::{HandlerExt, Request, respond, testing};
///
/// let auth = BearerAuth::new("api", |token| (token == "s3cret").then(|| User::new("robot")));
/// let handler = respond(|_| Ok("hello")).layer(auth);
/// let request = Request::get("/").header("authorization", "Bearer s3cret").body("")?;
/// assert_eq!(testing::call(&handler, request)?.status(), 200);
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// | request | response | `error` in the challenge |
/// | --- | --- | --- |
/// | has no `Authorization` header, or one of another scheme | 401 | none |
/// | the token is malformed, or there are several `Authorization` headers | 400 | `invalid_request` |
/// | the function refuses the token | 401 | `invalid_token` |
#[derive(Clone)]
pub struct BearerAuth {
    verify: Arc<Verify>,
    /// The challenges of the three rows above.
    missing: HeaderValue,
    malformed: HeaderValue,
    refused: HeaderValue,
}

type Verify = dyn Fn(&str) -> Option<User> + Send + Sync;

impl BearerAuth {
    /// Creates a layer. `verify` returns the user to whom a token belongs, or `None` if it is not valid.
    ///
    /// # Panics
    ///
    /// If `realm` contains control characters.
    #[must_use]
    pub fn new(realm: &str, verify: impl Fn(&str) -> Option<User> + Send + Sync + 'static) -> Self {
        let with = |parameters| challenge("Bearer", realm, parameters);
        Self {
            verify: Arc::new(verify),
            missing: with(""),
            malformed: with(", error=\"invalid_request\""),
            refused: with(", error=\"invalid_token\""),
        }
    }

    fn user_of(&self, request: &Request) -> Result<User, Refusal<'_>> {
        let (unauthorized, bad) = (StatusCode::UNAUTHORIZED, StatusCode::BAD_REQUEST);
        match of_scheme(request, "Bearer") {
            Some(token) if is_token(token) => {
                (self.verify)(token).ok_or((unauthorized, "the token is not valid", &self.refused))
            }
            Some(_) => Err((bad, "the token is malformed", &self.malformed)),
            None if request.headers().get_all(AUTHORIZATION).iter().count() > 1 => {
                Err((bad, "several Authorization headers", &self.malformed))
            }
            None => Err((unauthorized, "token required", &self.missing)),
        }
    }
}

/// The status, the text and the challenge of a refusal.
type Refusal<'a> = (StatusCode, &'static str, &'a HeaderValue);

/// Returns `true` for a token of the form `b64token` (RFC 6750 section 2.1).
fn is_token(text: &str) -> bool {
    let token = text.trim_end_matches('=');
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !token.is_empty() && token.bytes().all(is_allowed)
}

impl Layer for BearerAuth {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        match self.user_of(r) {
            Ok(user) => {
                user.add_to(r);
                next.handle(w, r)
            }
            Err((status, text, challenge)) => {
                keep_header(w, WWW_AUTHENTICATE, challenge.clone());
                Err(Error::status(status, text))
            }
        }
    }
}

impl fmt::Debug for BearerAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerAuth").finish_non_exhaustive()
    }
}
