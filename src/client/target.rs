//! Where a request goes: what a URL says of the connection, and what of the request.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use http::uri::{Authority, Scheme};
use http::{Method, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::error::{Error, ErrorKind, Result};
use crate::net::Target;
use crate::net::tls::Connector;

/// What users and servers put into a URL although none may have it, beside what is not ASCII. Browsers
/// encode it, and so do we.
pub(super) const STRAY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// What connections are pooled by: those with equal keys can stand in for one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Set if the connection is encrypted: by what.
    pub(super) tls: Option<Connector>,
    /// In lower case; an IPv6 address without its brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Set if the host is reached through a Unix socket.
    pub(super) unix: Option<Arc<Path>>,
}

impl Key {
    /// The key of `url`'s connections, which are encrypted by `connector` if they are to be.
    pub(super) fn of(
        url: &Uri,
        connector: Option<&Connector>,
        unix: Option<&Arc<Path>>,
    ) -> Result<Self> {
        let unsupported = |what: &str| Error::message(ErrorKind::UnsupportedScheme, what);
        let (tls, default_port) = match (url.scheme(), connector) {
            (Some(scheme), _) if *scheme == Scheme::HTTP => (None, HTTP_PORT),
            (Some(scheme), Some(connector)) if *scheme == Scheme::HTTPS => {
                (Some(connector.clone()), HTTPS_PORT)
            }
            (Some(scheme), None) if *scheme == Scheme::HTTPS => {
                return Err(unsupported("https, in a build without TLS"));
            }
            (Some(scheme), _) => return Err(unsupported(scheme.as_str())),
            (None, _) => return Err(invalid(url, "no scheme")),
        };
        let authority = url.authority().ok_or_else(|| invalid(url, "no host"))?;
        let (host, port) = split_port(host_and_port(authority));
        let host = host.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(invalid(url, "no host"));
        }
        let port = match port {
            // An empty port is the default one (RFC 3986 section 3.2.3).
            None | Some("") => default_port,
            Some(port) => port.parse().map_err(|_| invalid(url, "port out of range"))?,
        };
        Ok(Self { tls, host: host.to_ascii_lowercase(), port, unix: unix.cloned() })
    }

    pub(super) fn dial_target(&self) -> Target {
        match &self.unix {
            Some(path) => Target::Unix(path.to_path_buf()),
            None => Target::Host { host: self.host.clone(), port: self.port },
        }
    }
}

impl Hash for Key {
    /// By what mostly tells keys apart, in one step: each request is looked up by its key, twice.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.host.as_bytes());
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

/// The request target (RFC 9112 section 3.2): origin form, authority form for CONNECT, `*` for
/// OPTIONS without a path. What no target may hold is percent-encoded.
pub(super) fn request_target<'u>(method: &Method, url: &'u Uri) -> Cow<'u, str> {
    if *method == Method::CONNECT {
        return url.authority().map_or("", host_and_port).into();
    }
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    match target {
        "*" if *method == Method::OPTIONS => target.into(),
        _ if target.starts_with('/') => utf8_percent_encode(target, STRAY).into(),
        _ => format!("/{}", utf8_percent_encode(target, STRAY)).into(),
    }
}

/// The Host field: the authority without user and password (RFC 9110 section 7.2).
pub(super) fn host_field(url: &Uri) -> Result<&str> {
    let authority = url.authority().ok_or_else(|| invalid(url, "no host"))?;
    let default_port = if url.scheme() == Some(&Scheme::HTTPS) { "443" } else { "80" };
    let all = host_and_port(authority);
    Ok(match split_port(all) {
        (host, Some(port)) if port.is_empty() || port == default_port => host,
        _ => all,
    })
}

fn host_and_port(authority: &Authority) -> &str {
    let text = authority.as_str();
    split_last(text, b'@').map_or(text, |(_, host)| host)
}

/// A host, with its brackets if it has any, and what follows the colon behind it.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match split_last(text, b':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    }
}

/// As `rsplit_once`, which is made for longer texts than authorities are.
fn split_last(text: &str, separator: u8) -> Option<(&str, &str)> {
    let place = text.bytes().rposition(|byte| byte == separator)?;
    Some((&text[..place], &text[place + 1..]))
}

/// The user and password in a URL, percent-decoded.
pub(super) fn credentials(url: &Uri) -> Option<(String, String)> {
    let (credentials, _) = split_last(url.authority()?.as_str(), b'@')?;
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    Some((decode(user), decode(password)))
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn invalid(url: &Uri, what: &str) -> Error {
    Error::message(ErrorKind::InvalidUrl, format!("{what}: {}", without_secrets(url)))
}

/// The URL as it may stand in a log or an error: without password and query.
fn without_secrets(url: &Uri) -> String {
    let host = url.authority().map_or("", host_and_port);
    format!("{}://{host}{}", url.scheme_str().unwrap_or(""), url.path())
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    fn key(url: &str) -> Result<Key> {
        Key::of(&url.parse().unwrap(), Connector::of_default().as_ref(), None)
    }

    #[test]
    fn a_key_is_the_host_in_lower_case_and_the_port() {
        for (url, host, port) in [
            ("http://Example.COM", "example.com", 80),
            ("http://example.com:/", "example.com", 80),
            ("http://user:pass@example.com:8080/x", "example.com", 8080),
            ("http://[::1]:99/", "::1", 99),
            ("http://[::1]/", "::1", 80),
        ] {
            let key = key(url).unwrap();
            assert_eq!((key.host.as_str(), key.port), (host, port), "{url}");
        }
    }

    #[test]
    fn what_cannot_be_reached_says_why() {
        assert_eq!(key("ftp://a/").unwrap_err().kind(), ErrorKind::UnsupportedScheme);
        assert_eq!(key("/only/a/path").unwrap_err().kind(), ErrorKind::InvalidUrl);
        assert_eq!(key("http://a:99999/").unwrap_err().kind(), ErrorKind::InvalidUrl);
    }

    #[test]
    fn targets_have_the_form_of_their_method() {
        let target =
            |method: Method, url: &str| request_target(&method, &url.parse().unwrap()).into_owned();
        assert_eq!(target(Method::GET, "http://a"), "/");
        assert_eq!(target(Method::GET, "http://a/b?c=d"), "/b?c=d");
        assert_eq!(target(Method::GET, "http://a?c=d"), "/?c=d");
        assert_eq!(target(Method::GET, "http://a/ü?{}"), "/%C3%BC?%7B%7D");
        assert_eq!(target(Method::CONNECT, "http://u@a:8080"), "a:8080");
    }

    #[test]
    fn neither_host_nor_errors_show_credentials() {
        let url: Uri = "http://user:secret@a:80/x".parse().unwrap();
        assert_eq!(host_field(&url).unwrap(), "a");
        assert_eq!(credentials(&url), Some(("user".into(), "secret".into())));
        let error = Key::of(&"ftp://user:secret@a/".parse().unwrap(), None, None).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
