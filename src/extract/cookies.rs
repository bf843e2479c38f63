//! The cookies of a request.

use std::fmt;

use http::HeaderMap;
use http::header::COOKIE;

/// The cookies of a request (RFC 6265 section 4.2), in the order in which the client sent them.
///
/// They are read leniently. Several `Cookie` headers count as one. A value may contain every character but
/// a semicolon. Double quotes around a value are removed. A cookie without `=` is left out, and so is a name
/// or a value that is not UTF-8. Values are not percent-decoded.
///
/// The client chooses names and values. A name such as `__Host-id` proves nothing if other sites can send
/// requests without a browser.
///
/// ```
/// use hangup::{Request, RequestExt};
///
/// let request = Request::get("/").header("cookie", "session=k1; theme=\"dark\"").body(().into())?;
/// let cookies = request.cookies();
/// assert_eq!(cookies.get("session"), Some("k1"));
/// assert_eq!(cookies.get("theme"), Some("dark"));
/// # Ok::<(), hangup::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Cookies<'a>(&'a HeaderMap);

impl<'a> Cookies<'a> {
    pub(crate) fn new(headers: &'a HeaderMap) -> Self {
        Self(headers)
    }

    /// Returns the value of the first cookie called `name`. Names are case-sensitive.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Returns the names and values of all cookies. A name may occur several times, for different paths.
    /// Clients send the one with the longest path first.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let lines = self.0.get_all(COOKIE).into_iter();
        lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).filter_map(pair)
    }
}

/// Splits a cookie at its first `=`.
fn pair(cookie: &[u8]) -> Option<(&str, &str)> {
    let equals = cookie.iter().position(|byte| *byte == b'=')?;
    let name = cookie[..equals].trim_ascii();
    let value = cookie[equals + 1..].trim_ascii();
    let value =
        value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    if name.is_empty() {
        return None;
    }
    Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?))
}

impl fmt::Debug for Cookies<'_> {
    /// Shows only the names, since values may be credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}
