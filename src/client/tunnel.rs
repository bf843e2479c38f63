//! From a connection to a proxy to one that carries the requests, on the dialling thread.

use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderValue;

use super::observe::CallEvent;
use super::pool::PendingDial;
use super::proxy::{Connect, Handshake, Host, Proxy, ProxyError, ProxyFailure, negotiate};
use super::raw_head::RawHead;
use super::route::{Route, Via};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::net::tls::Connector;
use crate::net::{Buffer, DialError, Resolve, Resolver, Stream};

/// The most addresses of an origin that are tried through a SOCKS proxy. Each takes a connection to the
/// proxy, which can hardly reach the fifth if it cannot reach four.
const MOST_ADDRESSES: usize = 4;

/// Everything that a tunnel is opened with.
pub(super) struct TunnelOptions {
    /// The limit of opening a tunnel, once the connection to the proxy is made.
    pub(super) timeout: Option<Duration>,
    /// Encrypts the connection to an HTTPS proxy that has no connector.
    pub(super) connector: Option<Connector>,
    pub(super) tls_timeout: Option<Duration>,
    /// The `User-Agent` of a CONNECT.
    pub(super) user_agent: Option<HeaderValue>,
    /// Resolves the origin's name for a SOCKS proxy that does not.
    pub(super) resolver: Resolver,
}

impl TunnelOptions {
    /// Makes the TLS handshake with an HTTPS proxy.
    pub(super) fn secure(
        &self,
        stream: Stream,
        proxy: &Proxy,
        dial: &PendingDial,
    ) -> Result<Stream> {
        let Some(connector) = proxy.connector(self.connector.as_ref()) else { return Ok(stream) };
        let host = proxy.host();
        dial.watch.show(|| CallEvent::TlsBegun { host });
        let stream = connector
            .connect_behind(stream, Buffer::default(), host, self.tls_timeout, &dial.context)
            .map_err(|error| ProxyError::handshake(proxy.address(), error))?;
        if let Some(session) = stream.tls() {
            dial.watch.show(|| CallEvent::TlsDone { session: &session });
        }
        Ok(stream)
    }

    /// Opens the tunnel of `route`, unless the proxy forwards requests. `host` is one of its
    /// [hosts](Self::hosts). Returns the bytes behind the proxy's last message, for the TLS handshake.
    ///
    /// # Errors
    ///
    /// Without TLS to the origin, such bytes are an error: an HTTP server speaks second, so they may be the
    /// proxy's.
    pub(super) fn open(
        &self,
        stream: &Stream,
        route: &Route,
        host: Option<Host>,
        dial: &PendingDial,
    ) -> Result<Buffer> {
        let (proxy, failure, received) = match (&route.via, host) {
            (Via::Tunnel(proxy), _) => {
                (proxy, ProxyFailure::Tunnel, self.connect(stream, proxy, route, dial)?)
            }
            (Via::Socks(proxy), Some(host)) => {
                let target = (host, route.origin.port);
                (proxy, ProxyFailure::Socks, self.socks(stream, proxy, target, &dial.context)?)
            }
            _ => return Ok(Buffer::default()),
        };
        if route.tls.is_none() && !received.is_empty() {
            stream.close();
            return Err(ProxyError::unexpected(proxy.address(), failure, received.data().len()));
        }
        Ok(received)
    }

    fn connect(
        &self,
        stream: &Stream,
        proxy: &Proxy,
        route: &Route,
        dial: &PendingDial,
    ) -> Result<Buffer> {
        let address = proxy.address();
        let target = route.origin.to_string();
        let authorization = proxy.authorization();
        let connect = Connect::new(target, self.user_agent.as_ref(), authorization.as_ref())
            .map_err(|error| Error::with_source(ErrorKind::InvalidMessage, error))?;
        let connect = match route.tls {
            Some(_) => connect,
            None => connect.refuse_body(),
        };
        let connect = connect.on_head(|status, head| {
            let (proxy, head) = (address.as_str(), RawHead::complete(head));
            dial.watch.show(|| CallEvent::ProxyResponded { proxy, status, head });
        });
        negotiate(stream, &address, connect, self.timeout, &dial.context)
    }

    fn socks(
        &self,
        stream: &Stream,
        proxy: &Proxy,
        (host, port): (Host, u16),
        context: &Context,
    ) -> Result<Buffer> {
        let Some(version) = proxy.socks() else { return Ok(Buffer::default()) };
        let address = proxy.address();
        match Handshake::new(version, proxy.credentials(), host, port) {
            Ok(handshake) => negotiate(stream, &address, handshake, self.timeout, context),
            Err(refusal) => Err(ProxyError::refused(address, ProxyFailure::Socks, refusal)),
        }
    }

    /// Returns the forms of the origin's host that a SOCKS proxy can connect to, in the order in which
    /// they are tried: at least one. Returns none for other proxies.
    ///
    /// # Blocking
    ///
    /// While the name is resolved, if the client does that.
    pub(super) fn hosts(&self, route: &Route, context: &Context) -> Result<Vec<Host>> {
        let Some(version) = route.proxy().and_then(Proxy::socks) else { return Ok(Vec::new()) };
        let name = &route.origin.host;
        match name.parse() {
            Ok(address) => Ok(vec![Host::Ip(address)]),
            Err(_) if version.resolves_at_proxy() => Ok(vec![Host::Name(name.clone())]),
            Err(_) => self.resolve(name, route.origin.port, version.knows_ipv6(), context),
        }
    }

    /// Returns the addresses of the origin, as far as the proxy can connect to them.
    fn resolve(
        &self,
        name: &str,
        port: u16,
        knows_ipv6: bool,
        context: &Context,
    ) -> Result<Vec<Host>> {
        let limited = match self.timeout {
            Some(limit) => context.child_with_timeout(limit),
            None => context.clone(),
        };
        let failed =
            |error| Error::with_source(ErrorKind::Resolve, DialError::resolve(name, error));
        let found = self.resolver.resolve(name, port, &limited).map_err(|error| {
            match (context.err(), limited.is_done()) {
                (Some(ended), _) => ended.into(),
                (None, true) => Error::timeout(TimeLimit::Resolve),
                (None, false) => failed(error),
            }
        })?;
        let mut usable: Vec<_> = found.iter().map(SocketAddr::ip).collect();
        usable.retain(|address| knows_ipv6 || address.is_ipv4());
        // Addresses that differ in their ports alone are the same here.
        usable.dedup();
        if usable.is_empty() {
            let message = "it has no IPv4 address, and SOCKS 4 knows no other";
            return Err(failed(std::io::Error::other(message)));
        }
        Ok(usable.into_iter().take(MOST_ADDRESSES).map(Host::Ip).collect())
    }
}
