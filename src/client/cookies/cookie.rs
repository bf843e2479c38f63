//! One cookie.

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use super::moment::Moment;
use crate::message::SameSite;

/// A cookie of a [`CookieJar`](super::CookieJar).
///
/// Names, values and paths are bytes that servers chose. The methods that return text replace bytes that are not
/// UTF-8.
///
/// ```
/// use hangup::client::{Cookie, CookieJar};
///
/// let jar = CookieJar::new();
/// jar.insert(Cookie::new("example.com", "session", "k1").with_secure(true))?;
/// assert_eq!(jar.snapshot()[0].value(), "k1");
/// # Ok::<(), hangup::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// In lower case, without a leading dot, an IPv6 address without its brackets.
    pub(super) domain: String,
    pub(super) hosts: Hosts,
    /// Begins with a slash.
    pub(super) path: Vec<u8>,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) same_site: Option<SameSite>,
    /// `None` for a session cookie.
    pub(super) expires: Option<Moment>,
    pub(super) created: Moment,
    pub(super) accessed: Moment,
}

/// The hosts that get a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Hosts {
    /// Only the one that its domain names.
    One,
    /// Its domain and all hosts below.
    AllBelow,
}

impl Cookie {
    /// Creates a cookie for one host and all of its paths. It lasts for the session.
    ///
    /// [`CookieJar::insert`](super::CookieJar::insert) reports invalid parts.
    #[must_use]
    pub fn new(host: impl AsRef<str>, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        let now = Moment::now();
        Self {
            name: name.as_ref().to_vec(),
            value: value.as_ref().to_vec(),
            domain: host.as_ref().to_ascii_lowercase(),
            hosts: Hosts::One,
            path: b"/".to_vec(),
            secure: false,
            http_only: false,
            same_site: None,
            expires: None,
            created: now,
            accessed: now,
        }
    }

    /// Sends the cookie to the hosts below its domain as well.
    #[must_use]
    pub fn with_subdomains(mut self) -> Self {
        self.hosts = Hosts::AllBelow;
        self
    }

    /// Sends the cookie only with requests for this path and those below it. All paths by default.
    #[must_use]
    pub fn with_path(mut self, path: impl AsRef<[u8]>) -> Self {
        self.path = path.as_ref().to_vec();
        self
    }

    /// Sends the cookie only over `https`, and to this machine. Off by default.
    #[must_use]
    pub fn with_secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Marks the cookie as one that scripts of a browser cannot read. Off by default.
    #[must_use]
    pub fn with_http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Sets the `SameSite` attribute. None by default.
    #[must_use]
    pub fn with_same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = Some(same_site);
        self
    }

    /// Sets the end of the cookie's life, to the millisecond. By default it lasts for the session.
    #[must_use]
    pub fn with_expires(mut self, expires: impl Into<Option<SystemTime>>) -> Self {
        self.expires = expires.into().map(Moment::of);
        self
    }

    /// Returns the name, which may be empty.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.name)
    }

    /// Returns the value.
    #[must_use]
    pub fn value(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.value)
    }

    /// Returns the bytes of the value.
    #[must_use]
    pub fn value_bytes(&self) -> &[u8] {
        &self.value
    }

    /// Returns the domain, in lower case and without a leading dot. An IPv6 address has no brackets.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Returns `true` if only the host that [`domain`](Self::domain) names gets the cookie, and no host below.
    #[must_use]
    pub fn is_host_only(&self) -> bool {
        self.hosts == Hosts::One
    }

    /// Returns the path.
    #[must_use]
    pub fn path(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.path)
    }

    /// Returns `true` if the cookie is only sent over `https`, and to this machine.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Returns `true` if the server set the attribute `HttpOnly`.
    #[must_use]
    pub fn is_http_only(&self) -> bool {
        self.http_only
    }

    /// Returns the `SameSite` attribute, if it is a known one.
    #[must_use]
    pub fn same_site(&self) -> Option<SameSite> {
        self.same_site
    }

    /// Returns the end of the cookie's life; `None` for a session cookie.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires.map(Moment::system_time)
    }

    /// Returns when the cookie was created. A new value keeps the time.
    #[must_use]
    pub fn created(&self) -> SystemTime {
        self.created.system_time()
    }

    /// Returns when the cookie was last sent, or set.
    #[must_use]
    pub fn last_accessed(&self) -> SystemTime {
        self.accessed.system_time()
    }

    /// Appends the cookie as it is sent.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        if !self.name.is_empty() {
            out.extend_from_slice(&self.name);
            out.push(b'=');
        }
        out.extend_from_slice(&self.value);
    }

    pub(super) fn is_expired(&self, now: Moment) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Returns `true` if `other` replaces this cookie.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name
            && self.domain == other.domain
            && self.hosts == other.hosts
            && self.path == other.path
    }
}

impl fmt::Debug for Cookie {
    /// Omits the value, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookie")
            .field("name", &self.name())
            .field("domain", &self.domain)
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}
