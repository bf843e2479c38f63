//! Keys of the connection pool, and where their connections lead.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use super::url::{Scheme, Url};
use crate::error::{Error, ErrorKind, Result};
use crate::net::Target;
use crate::net::tls::Connector;

/// What connections are pooled by: those with equal keys can stand in for one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Set if the connection is encrypted: by what.
    pub(super) tls: Option<Connector>,
    /// In lower case; an IPv6 address without its brackets and zone.
    pub(super) host: String,
    pub(super) port: u16,
    /// The network interface of an IPv6 address.
    pub(super) zone: Option<Arc<str>>,
    /// Set if the host is reached through a Unix socket.
    pub(super) unix: Option<Arc<Path>>,
}

impl Key {
    /// Returns the key of `url`'s connections. `connector` encrypts those of an `https` URL.
    pub(super) fn of(
        url: &Url,
        connector: Option<&Connector>,
        unix: Option<&Arc<Path>>,
    ) -> Result<Self> {
        let tls = match (url.scheme(), connector) {
            (Scheme::Http, _) => None,
            (Scheme::Https, Some(connector)) => Some(connector.clone()),
            (Scheme::Https, None) => {
                let message = "https, in a build without TLS";
                return Err(Error::message(ErrorKind::UnsupportedScheme, message));
            }
        };
        Ok(Self {
            tls,
            host: url.host().to_owned(),
            port: url.port(),
            zone: url.zone().cloned(),
            unix: unix.cloned(),
        })
    }

    pub(super) fn dial_target(&self) -> Target {
        match (&self.unix, &self.zone) {
            (Some(path), _) => Target::Unix(path.to_path_buf()),
            (None, Some(zone)) => {
                Target::Host { host: format!("{}%{zone}", self.host), port: self.port }
            }
            (None, None) => Target::Host { host: self.host.clone(), port: self.port },
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

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    fn key(url: &str) -> Key {
        Key::of(&Url::parse(url).unwrap(), Connector::of_default().as_ref(), None).unwrap()
    }

    #[test]
    fn c01_a_key_is_the_host_in_lower_case_and_the_port() {
        for (url, host, port) in [
            ("http://Example.COM", "example.com", 80),
            ("http://example.com:/", "example.com", 80),
            ("http://user:pass@example.com:8080/x", "example.com", 8080),
            ("http://[::1]:99/", "::1", 99),
            ("http://[::1]/", "::1", 80),
            ("http://127.1/", "127.0.0.1", 80),
        ] {
            let key = key(url);
            assert_eq!((key.host.as_str(), key.port), (host, port), "{url}");
        }
        assert_eq!(key("http://example.com"), key("http://u:p@EXAMPLE.com:80/other"));
    }

    #[test]
    fn c01_a_zone_is_apart_from_the_host() {
        let zoned = key("http://[fe80::1%25eth0]:99/");
        assert_eq!((zoned.host.as_str(), zoned.zone.as_deref()), ("fe80::1", Some("eth0")));
        assert_ne!(zoned, key("http://[fe80::1%25eth1]:99/"));
        assert_eq!(zoned.to_string(), "http://[fe80::1]:99");
        let target = Target::Host { host: "fe80::1%eth0".to_owned(), port: 99 };
        assert_eq!(zoned.dial_target(), target);
    }

    #[test]
    fn c01_https_needs_tls() {
        let url = Url::parse("https://a/").unwrap();
        let error = Key::of(&url, None, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedScheme);
    }
}
