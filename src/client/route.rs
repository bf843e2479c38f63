//! The way from the client to the server of a request. Connections are pooled by it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use http::HeaderValue;

use super::proxy::Proxy;
use super::url::{Scheme, Url};
use crate::error::{Error, ErrorKind, Result};
use crate::net::Target;
use crate::net::tls::Connector;

/// The way to the server of a request. Connections of equal routes can stand in for one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The server that the requests are for. A proxy that forwards requests is that server, whatever their
    /// URLs are.
    pub(super) origin: Origin,
    /// The way of the connection.
    pub(super) via: Via,
    /// Encrypts the connection to the origin. `None` for `http` URLs.
    pub(super) tls: Option<Connector>,
}

/// The server of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// In lower case. An IPv6 address without its brackets and zone.
    pub(super) host: String,
    pub(super) port: u16,
    /// The network interface of an IPv6 address.
    zone: Option<Arc<str>>,
}

/// The way of a connection to the origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Via {
    /// It leads to the origin's own address.
    Direct,
    /// A Unix socket, whatever the origin is.
    Unix(Arc<Path>),
    /// An HTTP proxy that forwards requests.
    Forward(Proxy),
    /// A tunnel by CONNECT.
    Tunnel(Proxy),
    /// A tunnel by SOCKS.
    Socks(Proxy),
}

impl Via {
    /// Returns the way to `url` through `proxy`. `authorization` is the caller's own Proxy-Authorization.
    pub(super) fn through(proxy: Proxy, url: &Url, authorization: Option<&HeaderValue>) -> Self {
        if proxy.socks().is_some() {
            return Self::Socks(proxy);
        }
        if url.scheme() == Scheme::Http && !proxy.tunnels_all() {
            // Each request has its own.
            return Self::Forward(proxy);
        }
        Self::Tunnel(match authorization {
            Some(value) => proxy.authorized(value.clone()),
            None => proxy,
        })
    }
}

impl Origin {
    fn of_url(url: &Url) -> Self {
        Self { host: url.host().to_owned(), port: url.port(), zone: url.zone().cloned() }
    }

    fn of_proxy(proxy: &Proxy) -> Self {
        let (host, zone) = (proxy.host().to_owned(), proxy.zone().cloned());
        Self { host, port: proxy.port(), zone }
    }
}

impl fmt::Display for Origin {
    /// Writes the host and its port, as in the target of a CONNECT.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        match host.contains(':') {
            true => write!(f, "[{host}]:{port}"),
            false => write!(f, "{host}:{port}"),
        }
    }
}

impl Route {
    /// Returns the route to `url` through `via`. `connector` encrypts the connection if the URL is
    /// `https`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnsupportedScheme`] if the URL is `https` and there is no connector.
    pub(super) fn new(url: &Url, via: Via, connector: Option<&Connector>) -> Result<Self> {
        let tls = match (url.scheme(), connector) {
            (Scheme::Http, _) => None,
            (Scheme::Https, Some(connector)) => Some(connector.clone()),
            (Scheme::Https, None) => {
                let message = "https, in a build without TLS";
                return Err(Error::message(ErrorKind::UnsupportedScheme, message));
            }
        };
        let origin = match &via {
            Via::Forward(proxy) => Origin::of_proxy(proxy),
            _ => Origin::of_url(url),
        };
        Ok(Self { origin, via, tls })
    }

    /// Returns the proxy that the connection leads to, if it leads to one.
    pub(super) fn proxy(&self) -> Option<&Proxy> {
        match &self.via {
            Via::Direct | Via::Unix(_) => None,
            Via::Forward(proxy) | Via::Tunnel(proxy) | Via::Socks(proxy) => Some(proxy),
        }
    }

    /// Returns where the dial leads.
    pub(super) fn dial_target(&self) -> Target {
        let Origin { host, port, zone } = &self.origin;
        match (&self.via, zone) {
            (Via::Unix(path), _) => Target::Unix(path.to_path_buf()),
            (Via::Forward(proxy) | Via::Tunnel(proxy) | Via::Socks(proxy), _) => {
                proxy.dial_target()
            }
            (Via::Direct, Some(zone)) => {
                Target::Host { host: format!("{host}%{zone}"), port: *port }
            }
            (Via::Direct, None) => Target::Host { host: host.clone(), port: *port },
        }
    }

    /// Returns a route for models, whose dials follow a script.
    #[cfg(all(test, hangup_shuttle))]
    pub(super) fn of_model() -> Self {
        let origin = Origin { host: "model".to_owned(), port: 80, zone: None };
        Self { origin, via: Via::Direct, tls: None }
    }
}

impl Hash for Route {
    /// Hashes only the host, in one step. It is what mostly tells routes apart, and each request is
    /// looked up by its route twice.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.origin.host.as_bytes());
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        match &self.via {
            Via::Direct | Via::Unix(_) => write!(f, "{scheme}://{}", self.origin),
            Via::Forward(proxy) => write!(f, "proxy {proxy}"),
            Via::Tunnel(proxy) | Via::Socks(proxy) => {
                write!(f, "{scheme}://{} through {proxy}", self.origin)
            }
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    fn route(url: &str) -> Route {
        let connector = Connector::of_default();
        Route::new(&Url::parse(url).unwrap(), Via::Direct, connector.as_ref()).unwrap()
    }

    #[test]
    fn c01_an_origin_is_the_host_in_lower_case_and_the_port() {
        for (url, host, port) in [
            ("http://Example.COM", "example.com", 80),
            ("http://example.com:/", "example.com", 80),
            ("http://user:pass@example.com:8080/x", "example.com", 8080),
            ("http://[::1]:99/", "::1", 99),
            ("http://[::1]/", "::1", 80),
            ("http://127.1/", "127.0.0.1", 80),
        ] {
            let origin = route(url).origin;
            assert_eq!((origin.host.as_str(), origin.port), (host, port), "{url}");
        }
        assert_eq!(route("http://example.com"), route("http://u:p@EXAMPLE.com:80/other"));
    }

    #[test]
    fn c01_a_zone_is_apart_from_the_host() {
        let zoned = route("http://[fe80::1%25eth0]:99/");
        let Origin { host, zone, .. } = &zoned.origin;
        assert_eq!((host.as_str(), zone.as_deref()), ("fe80::1", Some("eth0")));
        assert_ne!(zoned, route("http://[fe80::1%25eth1]:99/"));
        assert_eq!(zoned.to_string(), "http://[fe80::1]:99");
        let target = Target::Host { host: "fe80::1%eth0".to_owned(), port: 99 };
        assert_eq!(zoned.dial_target(), target);
    }

    #[test]
    fn c01_a_unix_socket_is_another_route_to_the_same_origin() {
        let url = Url::parse("http://a/").unwrap();
        let via = Via::Unix(Arc::from(Path::new("/run/app.sock")));
        let unix = Route::new(&url, via, None).unwrap();
        assert_eq!(unix.dial_target(), Target::Unix("/run/app.sock".into()));
        assert_ne!(unix, route("http://a/"));
        assert_eq!(unix.to_string(), "http://a:80");
    }

    #[test]
    fn c01_https_needs_tls() {
        let url = Url::parse("https://a/").unwrap();
        let error = Route::new(&url, Via::Direct, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedScheme);
    }
}
