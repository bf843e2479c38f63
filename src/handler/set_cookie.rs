//! Cookies that a response sets.

use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use http::HeaderValue;

use crate::error::{Error, ErrorKind, Result};
use crate::message::SameSite;

/// A cookie that a response sets (RFC 6265bis section 4.1).
///
/// [`ResponseWriter::set_cookie`](crate::ResponseWriter::set_cookie) sends it, and
/// [`to_header_value`](Self::to_header_value) returns the value of its `Set-Cookie` header. Both report a
/// cookie that browsers would refuse or misread.
///
/// ```
/// use hangup::{Request, ResponseWriter, Result, SameSite, SetCookie, testing};
/// use std::time::Duration;
///
/// fn login(w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
///     let session = SetCookie::new("__Host-session", "k1")
///         .path("/")
///         .max_age(Duration::from_secs(3600))
///         .secure(true)
///         .http_only(true)
///         .same_site(SameSite::Lax);
///     w.set_cookie(session)?;
///     Ok(())
/// }
///
/// let response = testing::call(&login, Request::new(()))?;
/// assert_eq!(
///     response.headers()["set-cookie"],
///     "__Host-session=k1; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax"
/// );
/// # Ok::<(), hangup::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct SetCookie {
    name: String,
    value: String,
    path: Option<String>,
    domain: Option<String>,
    max_age: Option<Duration>,
    expires: Option<SystemTime>,
    same_site: Option<SameSite>,
    secure: bool,
    http_only: bool,
    partitioned: bool,
}

/// The most bytes of a name and a value together that browsers accept (RFC 6265bis section 5.6).
const MOST_PAIR: usize = 4096;

/// The most bytes of an attribute's value. Browsers ignore a longer one.
const MOST_ATTRIBUTE: usize = 1024;

/// The last second that an HTTP date can hold: the end of the year 9999, in seconds since 1970.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

impl SetCookie {
    /// Creates a cookie without attributes. The browser keeps it until it ends its session, for the
    /// directory of the request's path, and for the host that has set it.
    ///
    /// The name is a token. The value may contain visible ASCII characters except `"`, `,`, `;` and `\`.
    /// Other values must be encoded, for example in base64. Double quotes around the whole value are
    /// allowed.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            path: None,
            domain: None,
            max_age: None,
            expires: None,
            same_site: None,
            secure: false,
            http_only: false,
            partitioned: false,
        }
    }

    /// Creates a cookie that removes the one called `name` from the browser. Its path and its domain must
    /// be those of that cookie. A `__Host-` or `__Secure-` name needs the same attributes as before.
    pub fn remove(name: impl Into<String>) -> Self {
        Self::new(name, "").max_age(Duration::ZERO).expires(SystemTime::UNIX_EPOCH)
    }

    /// Sets the path below which the browser sends the cookie. It begins with a slash.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Sets the domain. The browser then sends the cookie to all hosts below it as well.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Sets the lifetime, in whole seconds. It takes precedence over [`expires`](Self::expires). Browsers
    /// shorten it to 400 days.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Sets the end of the lifetime, by the browser's clock. [`max_age`](Self::max_age) does not depend on
    /// that.
    pub fn expires(mut self, expires: SystemTime) -> Self {
        self.expires = Some(expires);
        self
    }

    /// Sets whether the browser sends the cookie over HTTPS only. `false` by default.
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Sets whether the browser hides the cookie from scripts. `false` by default.
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Sets which requests of other sites carry the cookie. Without it, browsers act as for
    /// [`SameSite::Lax`]. [`SameSite::None`] needs [`secure`](Self::secure).
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = Some(same_site);
        self
    }

    /// Sets whether the browser keeps a separate cookie for each site that embeds this one. It needs
    /// [`secure`](Self::secure). `false` by default.
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.partitioned = partitioned;
        self
    }

    /// Returns the value of the `Set-Cookie` header. It is marked as sensitive.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidMessage`] if a part contains a forbidden character or is too long, or if the
    /// attributes contradict the name's prefix or each other. The text names the cookie and omits its
    /// value.
    pub fn to_header_value(&self) -> Result<HeaderValue> {
        if let Some(fault) = self.fault() {
            let name: String = self.name.chars().take(100).collect();
            let message = format!("cookie {name:?}: {fault}");
            return Err(Error::message(ErrorKind::InvalidMessage, message));
        }
        let mut value = HeaderValue::try_from(self.render())?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn render(&self) -> String {
        let mut text = format!("{}={}", self.name, self.value);
        if let Some(path) = &self.path {
            text += &format!("; Path={path}");
        }
        if let Some(domain) = &self.domain {
            text += &format!("; Domain={domain}");
        }
        if let Some(max_age) = self.max_age {
            // Writing to a string does not fail.
            let _ = write!(text, "; Max-Age={}", max_age.as_secs());
        }
        if let Some(expires) = self.expires {
            text += &format!("; Expires={}", httpdate::fmt_http_date(expires));
        }
        let flags = [
            (self.secure, "; Secure"),
            (self.http_only, "; HttpOnly"),
            (self.partitioned, "; Partitioned"),
        ];
        text.extend(flags.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag));
        match self.same_site {
            Some(SameSite::Strict) => text += "; SameSite=Strict",
            Some(SameSite::Lax) => text += "; SameSite=Lax",
            Some(SameSite::None) => text += "; SameSite=None",
            None => {}
        }
        text
    }

    /// Returns why browsers would refuse or misread the cookie.
    fn fault(&self) -> Option<&'static str> {
        let attributes = [self.path.as_deref(), self.domain.as_deref()];
        let (path, domain) = (self.path.as_deref(), self.domain.as_deref());
        let faults = [
            (!is_token(&self.name), "the name is not a token"),
            (!is_value(&self.value), "the value contains a forbidden character"),
            (
                self.name.len() + self.value.len() > MOST_PAIR,
                "the name and the value are longer than 4096 bytes",
            ),
            (
                attributes.into_iter().flatten().any(|it| it.len() > MOST_ATTRIBUTE),
                "the path or the domain is longer than 1024 bytes",
            ),
            (path.is_some_and(|path| !is_path(path)), "the path is invalid"),
            (domain.is_some_and(|domain| !is_domain(domain)), "the domain is invalid"),
            (
                self.expires.is_some_and(|time| !is_date(time)),
                "the time of expiry is not in the years 1970 to 9999",
            ),
        ];
        let found = faults.into_iter().find(|(is_fault, _)| *is_fault);
        found.map(|(_, fault)| fault).or_else(|| self.contradiction())
    }

    /// Returns which rule about the name's prefix or the attributes the cookie breaks (RFC 6265bis section
    /// 5.7).
    fn contradiction(&self) -> Option<&'static str> {
        let begins = |prefix: &str| {
            self.name.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
        };
        let is_host = self.path.as_deref() == Some("/") && self.domain.is_none();
        if self.secure {
            let breaks = begins("__Host-") && !is_host;
            return breaks
                .then_some("a name with the prefix __Host- needs the path / and no domain");
        }
        if begins("__Host-") || begins("__Secure-") {
            Some("a name with this prefix needs the attribute Secure")
        } else if self.same_site == Some(SameSite::None) {
            Some("SameSite=None needs the attribute Secure")
        } else if self.partitioned {
            Some("Partitioned needs the attribute Secure")
        } else {
            None
        }
    }
}

fn is_token(name: &str) -> bool {
    // A header's name is a token of limited length.
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_tchar)
}

fn is_value(value: &str) -> bool {
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let is_octet = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
    quoted.unwrap_or(value).bytes().all(is_octet)
}

fn is_path(path: &str) -> bool {
    let is_allowed = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && byte != b';';
    path.starts_with('/') && path.bytes().all(is_allowed)
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !label.is_empty() && label.bytes().all(is_allowed)
    };
    domain.split('.').all(is_label)
}

fn is_date(time: SystemTime) -> bool {
    time.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|since| since <= LAST_SECOND)
}

impl TryFrom<SetCookie> for HeaderValue {
    type Error = Error;

    /// As [`SetCookie::to_header_value`].
    fn try_from(cookie: SetCookie) -> Result<Self> {
        cookie.to_header_value()
    }
}

impl fmt::Debug for SetCookie {
    /// Omits the value, which may be a credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetCookie")
            .field("name", &self.name)
            .field("path", &self.path)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}
