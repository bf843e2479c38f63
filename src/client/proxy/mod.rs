//! Proxies: which one a request takes, and how a tunnel through it is opened.
//!
//! ```text
//!   ProxyPolicy::proxy_for(url) ──▶ Proxy ──▶ Via    once a hop, on the calling thread
//!        ▲          ▲
//!     env.rs    no_proxy.rs
//!
//!   dial the proxy ──▶ TLS to it ──▶ negotiate ──▶ TLS to the origin    on the dialling thread
//!                                     │
//!                                     ├── connect.rs   CONNECT and its response
//!                                     └── socks.rs     SOCKS 4, 4a, 5
//! ```
//!
//! | request | proxy | way |
//! | --- | --- | --- |
//! | `http` | HTTP or HTTPS | forwarded: the request target is the whole URL (RFC 9112 section 3.2.2) |
//! | `https`, and `http` with [`Proxy::tunnel_all`] | HTTP or HTTPS | a tunnel by CONNECT (RFC 9110 section 9.3.6) |
//! | both | SOCKS | a tunnel (RFC 1928) |

mod connect;
mod env;
mod error;
mod negotiate;
mod no_proxy;
mod options;
mod policy;
mod refusal;
#[cfg_attr(not(feature = "socks"), path = "no_socks.rs")]
mod socks;

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use percent_encoding::percent_decode;

use super::auth;
use super::url::{Authority, Fault};
use crate::error::Result;
use crate::net::Target;
use crate::net::tls::Connector;

pub(super) use connect::Connect;
pub(super) use error::ProxyError;
pub use error::ProxyFailure;
pub(super) use negotiate::negotiate;
pub use policy::ProxyPolicy;
pub(super) use socks::{Handshake, Host, Version as SocksVersion};

/// The port of an HTTP or SOCKS proxy whose URL has none, as curl has it.
const DEFAULT_PORT: u16 = 1080;

/// The port of an HTTPS proxy whose URL has none.
const DEFAULT_HTTPS_PORT: u16 = 443;

/// A proxy that requests pass through.
///
/// Cloning is cheap. A [`ProxyPolicy`] decides which requests take it:
///
/// ```
/// use hangup::Client;
/// use hangup::client::{Proxy, ProxyPolicy};
///
/// let proxy = Proxy::new("http://user:secret@proxy.example:3128")?;
/// assert_eq!(proxy.to_string(), "http://proxy.example:3128"); // without the credentials
/// let policy = ProxyPolicy::all(proxy).with_no_proxy("localhost, .internal.example, 10.0.0.0/8");
/// let client = Client::builder().proxy(policy).build();
/// # let _ = client;
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// A proxy gets the `Proxy-Authorization` of its credentials. No origin ever gets it, and none gets one that
/// a caller has set for the proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy(Arc<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    scheme: Scheme,
    /// In lower case. An IPv6 address without its brackets and zone.
    host: String,
    port: u16,
    /// The network interface of an IPv6 address.
    zone: Option<Arc<str>>,
    credentials: Option<Credentials>,
    /// Overrides the `Proxy-Authorization` that the credentials make.
    authorization: Option<HeaderValue>,
    tunnels_all: bool,
    /// Encrypts the connection to an HTTPS proxy, in place of the client's connector.
    tls: Option<Connector>,
}

/// The protocol that a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
    Socks(SocksVersion),
}

/// User and password, never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: Vec<u8>,
    pub(super) password: Vec<u8>,
}

impl Proxy {
    /// Creates a proxy from its URL: `SCHEME://USER:PASSWORD@HOST:PORT`. All but the host may be left out.
    ///
    /// | scheme | proxy | default port |
    /// | --- | --- | --- |
    /// | `http`, or none | HTTP | 1080 |
    /// | `https` | HTTP over TLS | 443 |
    /// | `socks5` | SOCKS 5. The client resolves host names. | 1080 |
    /// | `socks5h` | SOCKS 5. The proxy resolves host names. | 1080 |
    /// | `socks4`, `socks` | SOCKS 4. The client resolves host names. | 1080 |
    /// | `socks4a` | SOCKS 4a. The proxy resolves host names. | 1080 |
    ///
    /// The default ports are those of curl. User and password may be percent-encoded. A path, a query and
    /// a fragment are ignored. The SOCKS schemes need the feature `socks`.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`](crate::ErrorKind::InvalidUrl) or
    /// [`UnsupportedScheme`](crate::ErrorKind::UnsupportedScheme). The text quotes the URL without user and password.
    pub fn new(url: impl AsRef<str>) -> Result<Self> {
        Self::parse(url.as_ref(), "of the proxy")
    }

    /// Reads a proxy's URL. `role` follows the URL in errors.
    fn parse(url: &str, role: &str) -> Result<Self> {
        let text = url.trim();
        // Other text before `://` may be part of a password.
        let named = text.split_once("://").filter(|(name, _)| name.bytes().all(is_of_scheme));
        let (scheme, rest) = named.unwrap_or(("http", text));
        let scheme = Scheme::of(scheme).map_err(|fault| fault.of_proxy(text, role))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = Authority::read(&rest.as_bytes()[..end]);
        let authority = authority.map_err(|fault| fault.of_proxy(text, role))?;
        let host = authority.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self(Arc::new(Inner {
            scheme,
            host,
            port: authority.port.unwrap_or(scheme.default_port()),
            zone: authority.zone,
            credentials: authority.userinfo.map(Credentials::read),
            authorization: None,
            tunnels_all: false,
            tls: None,
        })))
    }

    /// Sets the user and the password, in place of those of the URL. HTTP proxies get them as Basic
    /// credentials (RFC 7617), SOCKS 5 proxies by RFC 1929. A SOCKS 4 proxy gets the user alone.
    #[must_use]
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        let (user, password) = (user.into(), password.into());
        self.inner_mut().credentials = Some(Credentials { user, password });
        self
    }

    /// Sets whether an HTTP or HTTPS proxy opens a tunnel for `http` URLs as well. By default their
    /// requests are forwarded, and only `https` URLs take a tunnel.
    ///
    /// A tunnel for an `http` URL fails if the proxy's success declares a body, or if bytes come with it: they
    /// could pass for the origin's response.
    #[must_use]
    pub fn tunnel_all(mut self, tunnels: bool) -> Self {
        self.inner_mut().tunnels_all = tunnels;
        self
    }

    /// Sets the TLS connector for the connection to an HTTPS proxy. The default is the
    /// [client's](super::ClientBuilder::tls).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, connector: Connector) -> Self {
        self.inner_mut().tls = Some(connector);
        self
    }

    /// Returns the host and the port of the proxy: `proxy.example:3128`, `[::1]:1080`.
    #[must_use]
    pub fn address(&self) -> String {
        let Inner { host, port, .. } = &*self.0;
        match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        }
    }

    fn inner_mut(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    /// Returns the proxy with this value of `Proxy-Authorization`.
    pub(super) fn authorized(mut self, authorization: HeaderValue) -> Self {
        self.inner_mut().authorization = Some(authorization);
        self
    }

    /// Returns the `Proxy-Authorization` for an HTTP proxy, if it has one.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let Inner { authorization, credentials, .. } = &*self.0;
        authorization.clone().or_else(|| credentials.as_ref().map(Credentials::basic))
    }

    pub(super) fn credentials(&self) -> Option<&Credentials> {
        self.0.credentials.as_ref()
    }

    pub(super) fn host(&self) -> &str {
        &self.0.host
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port
    }

    pub(super) fn zone(&self) -> Option<&Arc<str>> {
        self.0.zone.as_ref()
    }

    pub(super) fn tunnels_all(&self) -> bool {
        self.0.tunnels_all
    }

    /// Returns the version of SOCKS that the proxy speaks; `None` of an HTTP proxy.
    pub(super) fn socks(&self) -> Option<SocksVersion> {
        match self.0.scheme {
            Scheme::Socks(version) => Some(version),
            Scheme::Http | Scheme::Https => None,
        }
    }

    /// Returns the connector for the connection to an HTTPS proxy: its own, or `of_client`. `None` for
    /// other proxies.
    pub(super) fn connector<'a>(
        &'a self,
        of_client: Option<&'a Connector>,
    ) -> Option<&'a Connector> {
        match self.0.scheme {
            Scheme::Https => self.0.tls.as_ref().or(of_client),
            Scheme::Http | Scheme::Socks(_) => None,
        }
    }

    /// Returns the target of a dial to the proxy.
    pub(super) fn dial_target(&self) -> Target {
        let Inner { host, port, zone, .. } = &*self.0;
        match zone {
            Some(zone) => Target::host(format!("{host}%{zone}"), *port),
            None => Target::host(host.clone(), *port),
        }
    }
}

impl Scheme {
    fn of(name: &str) -> Result<Self, Fault> {
        let name = name.to_ascii_lowercase();
        match &*name {
            "" => Err(Fault::SchemeMissing),
            "http" => Ok(Self::Http),
            "https" if Connector::of_default().is_some() => Ok(Self::Https),
            _ => SocksVersion::of(&name).map(Self::Socks).ok_or(Fault::SchemeUnknown(name.into())),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks(version) => version.name(),
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Https => DEFAULT_HTTPS_PORT,
            Self::Http | Self::Socks(_) => DEFAULT_PORT,
        }
    }
}

/// Returns `true` for a character of a scheme (RFC 3986 section 3.1).
fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)
}

impl Credentials {
    /// Reads `user:password`, percent-encoded.
    fn read(userinfo: &[u8]) -> Self {
        let colon = userinfo.iter().position(|byte| *byte == b':').unwrap_or(userinfo.len());
        let (user, password) = (&userinfo[..colon], userinfo.get(colon + 1..).unwrap_or(b""));
        Self { user: percent_decode(user).collect(), password: percent_decode(password).collect() }
    }

    fn basic(&self) -> HeaderValue {
        auth::basic(&self.user, &self.password)
    }
}

impl fmt::Display for Proxy {
    /// Shows scheme, host and port, and neither user nor password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme.name(), self.address())
    }
}

impl fmt::Debug for Proxy {
    /// Shows scheme, host and port, and neither user nor password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
