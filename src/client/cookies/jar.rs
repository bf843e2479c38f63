//! The jar: a handle that is shared by clients and callers.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Uri};

use super::cookie::Cookie;
use super::moment::Moment;
use super::scope::Origin;
use super::store::{Refusal, State};
use crate::client::cookie_store::CookieStore;
use crate::client::url::IntoUrl;
use crate::error::{Error, ErrorKind, Result};
use crate::logging as log;
use crate::sync::Mutex;

/// A store of cookies in memory, by RFC 6265bis.
///
/// Cloning is cheap, and clones share their cookies. So a program keeps one clone and gives another to its
/// client:
///
/// ```no_run
/// use hangup::Client;
/// use hangup::client::CookieJar;
/// use std::fs::File;
///
/// let jar = CookieJar::new();
/// jar.load_netscape(File::open("cookies.txt")?)?;
/// let client = Client::builder().cookies(jar.clone()).build();
/// client.get("https://example.com/login").send()?;
/// jar.save_netscape(File::create("cookies.txt")?)?;
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Rules
///
/// * A cookie without `Domain` is sent to its host alone. One with it is sent to the hosts below as well. The
///   domain must be the host's or one above, and no [public suffix](https://publicsuffix.org). The list of
///   suffixes is the one that was current when this crate's dependency was released.
/// * A `Secure` cookie comes from `https` and goes to `https`. As in browsers and curl, `localhost` and
///   loopback addresses count as secure. A response over `http` never replaces or hides a secure cookie.
/// * `Max-Age` counts more than `Expires`. No lifetime is longer than 400 days.
/// * Names that begin with `__Secure-` and `__Host-` are held to their promises.
/// * `SameSite` is kept and has no effect. `Partitioned` is ignored. `HttpOnly` is kept.
/// * A name and a value have at most 4096 bytes together, and an attribute at most 1024. A domain has at most
///   180 cookies and a jar at most 3000. Beyond that, expired ones go first, within a domain then those that
///   are not secure, and among these the ones that have not been used longest.
///
/// A cookie that breaks a rule is ignored. The log says why, at the level `debug`.
#[derive(Clone, Default)]
pub struct CookieJar {
    state: Arc<Mutex<State>>,
}

impl CookieJar {
    /// Creates an empty jar.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores a cookie as if a response from `url` had set it. `set_cookie` is the value of a `Set-Cookie`
    /// field.
    ///
    /// ```
    /// use hangup::client::CookieJar;
    ///
    /// let jar = CookieJar::new();
    /// jar.set("https://www.example.com/", "id=7; Domain=example.com; Max-Age=60")?;
    /// assert_eq!(jar.snapshot()[0].domain(), "example.com");
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The URL is invalid, or a response from there cannot set this cookie
    /// ([`ErrorKind::InvalidMessage`]).
    pub fn set(&self, url: impl IntoUrl, set_cookie: impl AsRef<[u8]>) -> Result<()> {
        let url = url.into_url()?;
        let origin = Origin::of(url.uri());
        let stored = self.state.lock().set(set_cookie.as_ref(), origin, Moment::now());
        stored.map_err(invalid)
    }

    /// Stores a cookie, in place of one with the same name, domain and path. If the domain is an IP
    /// address or a public suffix, only that host gets it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidMessage`] if a part of the cookie contains a control character, a semicolon or
    /// white space around it, or if it breaks a rule of the jar.
    pub fn insert(&self, cookie: Cookie) -> Result<()> {
        self.state.lock().insert(cookie, Moment::now()).map_err(invalid)
    }

    /// Returns copies of the cookies that have not expired, in the order in which they were created.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Cookie> {
        self.state.lock().all(Moment::now())
    }

    /// Returns copies of the cookies that a request for `url` has, in the order in which they are sent.
    ///
    /// # Errors
    ///
    /// The URL is invalid.
    pub fn matching(&self, url: impl IntoUrl) -> Result<Vec<Cookie>> {
        let url = url.into_url()?;
        let mut state = self.state.lock();
        let cookies = state.matching(Origin::of(url.uri()), Moment::now());
        Ok(cookies.into_iter().cloned().collect())
    }

    /// Removes the cookie with the name, domain and path of `cookie`. Returns `true` if there was one that had
    /// not expired.
    pub fn remove(&self, cookie: &Cookie) -> bool {
        self.state.lock().remove(cookie, Moment::now())
    }

    /// Removes the cookies that have no end of their life, as a browser does when it is closed. Returns their
    /// number.
    pub fn remove_session_cookies(&self) -> usize {
        self.state.lock().retain(|cookie| cookie.expires.is_some())
    }

    /// Removes all cookies.
    pub fn clear(&self) {
        *self.state.lock() = State::default();
    }

    /// Runs `change` with the content of the jar.
    pub(super) fn with_state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock())
    }
}

impl CookieStore for CookieJar {
    fn store(&self, url: &Uri, set_cookie: &mut dyn Iterator<Item = &HeaderValue>) {
        let (origin, now) = (Origin::of(url), Moment::now());
        let mut refusals = Vec::new();
        let mut state = self.state.lock();
        for field in set_cookie {
            refusals.extend(state.set(field.as_bytes(), origin, now).err());
        }
        drop(state);
        for refusal in refusals {
            log::debug!("{}: cookie ignored: {refusal}", origin.host);
        }
    }

    fn cookies(&self, url: &Uri) -> Option<HeaderValue> {
        let mut text = Vec::new();
        for cookie in self.state.lock().matching(Origin::of(url), Moment::now()) {
            if !text.is_empty() {
                text.extend_from_slice(b"; ");
            }
            cookie.write(&mut text);
        }
        let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()?;
        value.set_sensitive(true);
        (!value.is_empty()).then_some(value)
    }
}

/// The error of a cookie that the caller gave.
fn invalid(refusal: Refusal) -> Error {
    Error::message(ErrorKind::InvalidMessage, format!("cookie refused: {refusal}"))
}

impl fmt::Debug for CookieJar {
    /// Shows the number of cookies, and no values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieJar").field("cookies", &self.snapshot().len()).finish_non_exhaustive()
    }
}
