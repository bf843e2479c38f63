//! A URL, read once: everything that the client derives from a URL comes from [`Url`].
//!
//! ```text
//!   &str, String ──> parse ──┐                  ┌──> request target, Host      what is sent
//!   http::Uri ───────────────┼──> Url ──────────┼──> host, port, zone, TLS     where to connect
//!   Location ──> resolve ────┘     ^            ├──> Basic credentials
//!                └─────────────────┘ base       └──> http::Uri                 what users are shown
//! ```
//!
//! Reading is lenient, as browsers are: see [`IntoUrl`]. Nothing is judged a second time later.

mod fault;
mod host;
#[cfg(feature = "idna")]
mod idna;
#[cfg(not(feature = "idna"))]
#[path = "url/no_idna.rs"]
mod idna;
mod into;
mod parse;
mod path;
mod query;
#[cfg(feature = "url")]
mod url_crate;

use std::borrow::Cow;
use std::sync::Arc;

use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Method, Uri};
use percent_encoding::percent_decode;

use super::auth;
use crate::error::Result;

pub(super) use fault::Fault;
pub(super) use host::Authority;
pub use into::IntoUrl;

/// The content of a URL. Its parts are as they are sent: the host in lower case, the path without dot segments,
/// stray characters encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Scheme, host, port unless it is the scheme's own, path and query: nothing secret, no zone.
    uri: Uri,
    scheme: Scheme,
    /// How much of the URI's authority is the host, brackets included.
    host_length: usize,
    port: u16,
    /// The network interface through which an IPv6 address is reached (RFC 4007 section 11).
    zone: Option<Arc<str>>,
    userinfo: Option<UserInfo>,
}

/// The schemes that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// User and password as they stood in the URL, never shown.
#[derive(Clone, PartialEq, Eq)]
struct UserInfo(Box<[u8]>);

impl Scheme {
    fn of(name: &[u8]) -> Option<Self> {
        if name.eq_ignore_ascii_case(b"http") {
            Some(Self::Http)
        } else if name.eq_ignore_ascii_case(b"https") {
            Some(Self::Https)
        } else {
            None
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Url {
    /// Returns the URL without its user, password and zone.
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Takes the URI out. The URL is of no use afterwards.
    pub(super) fn take_uri(&mut self) -> Uri {
        std::mem::take(&mut self.uri)
    }

    pub(super) fn into_uri(self) -> Uri {
        self.uri
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host in lower case; an IPv6 address without its brackets.
    pub(super) fn host(&self) -> &str {
        let host = &self.authority()[..self.host_length];
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn zone(&self) -> Option<&Arc<str>> {
        self.zone.as_ref()
    }

    /// Returns the host with its port, unless that is the scheme's own: the Host field (RFC 9110
    /// section 7.2).
    pub(super) fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// Returns the request target (RFC 9112 section 3.2): origin form, authority form for CONNECT,
    /// asterisk form for OPTIONS of a [`Uri`] whose path is `*`.
    pub(super) fn request_target(&self, method: &Method) -> Cow<'_, str> {
        if *method == Method::CONNECT {
            let host = &self.authority()[..self.host_length];
            return format!("{host}:{}", self.port).into();
        }
        let target = self.target();
        match target {
            "*" if *method != Method::OPTIONS => "/*".into(),
            _ => target.into(),
        }
    }

    /// Returns the request target in absolute form, for a proxy (RFC 9112 section 3.2.2).
    pub(super) fn absolute_target(&self, method: &Method) -> String {
        let target = match self.target() {
            // The last proxy makes it `*` again (RFC 9112 section 3.2.4).
            "*" if *method == Method::OPTIONS => "",
            "*" => "/*",
            target => target,
        };
        format!("{}://{}{target}", self.scheme.name(), self.authority())
    }

    /// Path and query.
    fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", |target| target.as_str())
    }

    /// Returns the Authorization field of the URL's user and password (RFC 7617), if it has any. The
    /// decoded values are bytes and need not be text.
    pub(super) fn credentials(&self) -> Option<HeaderValue> {
        let user = self.user()?;
        let password = self.userinfo.as_ref()?.password().unwrap_or_default();
        Some(auth::basic(&user, &percent_decode(password).collect::<Vec<_>>()))
    }

    /// Returns the decoded user. It may be empty if there is a password.
    pub(super) fn user(&self) -> Option<Vec<u8>> {
        let userinfo = self.userinfo.as_ref()?;
        Some(percent_decode(userinfo.user()).collect())
    }

    /// Returns `true` if the URL has a user or a password.
    #[inline]
    pub(super) fn has_credentials(&self) -> bool {
        self.userinfo.is_some()
    }

    /// Returns `true` if the URL has a password, which may be empty.
    pub(super) fn has_password(&self) -> bool {
        self.userinfo.as_ref().is_some_and(|userinfo| userinfo.password().is_some())
    }

    /// Returns `true` if both have the same user and password, or none.
    pub(super) fn has_credentials_of(&self, other: &Self) -> bool {
        self.userinfo == other.userinfo
    }

    /// Returns the URL that a response from this one redirects to; `None` if the response has no
    /// Location.
    pub(super) fn redirected(&self, headers: &HeaderMap) -> Option<Result<Self>> {
        let location = headers.get(LOCATION)?.as_bytes();
        Some(self.resolve(location).map_err(|fault| fault.of_location(location)))
    }

    /// Returns `true` if both have the same scheme, host and port (RFC 6454). Each port is another origin:
    /// another process may listen there.
    pub(super) fn is_same_origin(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.port == other.port
            && self.host() == other.host()
            && self.zone == other.zone
    }
}

impl UserInfo {
    fn user(&self) -> &[u8] {
        self.0.split(|byte| *byte == b':').next().unwrap_or_default()
    }

    /// Returns what stands behind the first colon, if there is one.
    fn password(&self) -> Option<&[u8]> {
        self.0.iter().position(|byte| *byte == b':').map(|colon| &self.0[colon + 1..])
    }
}

impl std::fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
