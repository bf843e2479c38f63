//! The client's address behind proxies that are trusted.

mod hops;

use std::net::IpAddr;

use http::header::{FORWARDED, HOST, HeaderMap, HeaderName};

use crate::net::{Addr, Network};
use crate::{Handler, Layer, Request, RequestExt, ResponseWriter, Result};
use hops::{Hop, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, forwarded, x_forwarded};

/// Finds the client behind proxies, whose headers are believed only if the proxies are in configured
/// networks.
///
/// Behind the layer, [`client_ip`](RequestExt::client_ip) returns the client's address and
/// [`is_https`](RequestExt::is_https) its scheme. [`remote_addr`](RequestExt::remote_addr) stays the address
/// of the peer. Put the layer outside of all others that use the address.
///
/// ```
/// use hangup::layers::TrustedProxies;
/// use hangup::{Handler, HandlerExt, Request, RequestExt, ResponseWriter, Result};
/// use std::io::Write;
///
/// fn whoami(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
///     Ok(writeln!(w, "{:?}, https: {}", r.client_ip(), r.is_https())?)
/// }
///
/// let handler = whoami.layer(TrustedProxies::new(["10.0.0.0/8", "::1"])?);
/// # fn takes(_: impl Handler) {}
/// # takes(handler);
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Which headers
///
/// By default the layer reads `X-Forwarded-For` and `X-Forwarded-Proto`, which most proxies set. With
/// [`forwarded`](Self::forwarded) it reads `Forwarded` (RFC 7239) instead. It never reads both: a proxy that
/// sets the one passes on the other as the client has sent it. **Each trusted proxy must set the header that
/// the layer reads, or append to it.**
///
/// | request | `X-Forwarded-For`, `-Proto`, `-Host` | `Forwarded` |
/// | --- | --- | --- |
/// | from a trusted proxy | read and kept | removed |
/// | from a trusted proxy, with [`forwarded`](Self::forwarded) | removed | read and kept |
/// | from any other peer | removed | removed |
///
/// # Which address
///
/// The header is read from its end, where the nearest proxy has added the address of its peer. If that
/// address is trusted as well, it is a proxy, and the element before it counts, and so on. The first address
/// that is not trusted is the client's. If all are trusted, the first element is the client. An element that
/// is no address (`unknown`, a hidden name, a malformed one) ends the search: then the client's
/// address is that of the proxy that has added it.
///
/// The scheme is the one that the element of the client names. `X-Forwarded-Proto` may have an element for
/// each address, or one for all.
#[derive(Clone, Debug)]
#[must_use]
pub struct TrustedProxies {
    networks: Vec<Network>,
    unix_sockets: bool,
    source: Source,
    host: bool,
}

/// The headers that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    XForwarded,
    Forwarded,
}

impl TrustedProxies {
    /// Trusts the proxies in `networks`: addresses such as `192.0.2.1` and `::1`, or prefixes such as
    /// `10.0.0.0/8` and `fd00::/8`.
    ///
    /// # Errors
    ///
    /// An error that names the network, if one is invalid.
    pub fn new<I>(networks: I) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let networks = networks.into_iter().map(|text| Ok(text.as_ref().parse()?));
        let networks = networks.collect::<Result<_>>()?;
        Ok(Self { networks, unix_sockets: false, source: Source::XForwarded, host: false })
    }

    /// Trusts every peer that is connected by a Unix socket. By default none is.
    pub fn unix_sockets(mut self) -> Self {
        self.unix_sockets = true;
        self
    }

    /// Reads `Forwarded` (RFC 7239) instead of `X-Forwarded-For` and its like.
    pub fn forwarded(mut self) -> Self {
        self.source = Source::Forwarded;
        self
    }

    /// Replaces the `Host` header by the host that the client has asked for: `X-Forwarded-Host`, or `host`
    /// in `Forwarded`. By default `Host` stays.
    ///
    /// Only for proxies that always set the host themselves. Most pass on an `X-Forwarded-Host` of the
    /// client, which would then choose the host in links and redirects.
    pub fn host(mut self) -> Self {
        self.host = true;
        self
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(ip))
    }

    fn trusts_peer(&self, request: &Request) -> bool {
        match request.remote_addr() {
            Some(Addr::Ip(address)) => self.trusts(address.ip()),
            Some(Addr::Unix(_)) => self.unix_sockets,
            _ => false,
        }
    }

    /// Returns the client's part of what the proxies say.
    fn client(&self, hops: impl Iterator<Item = Hop>) -> Hop {
        let mut client = Hop::default();
        for hop in hops {
            let is_last = hop.ip.is_none_or(|ip| !self.trusts(ip));
            client = Hop { ip: hop.ip.or(client.ip), ..hop };
            if is_last {
                break;
            }
        }
        client
    }

    fn apply(&self, request: &mut Request) {
        let headers = request.headers();
        let client = match self.source {
            Source::XForwarded => self.client(x_forwarded(headers)),
            Source::Forwarded => self.client(forwarded(headers)),
        };
        if let Some(ip) = client.ip {
            request.set_client_ip(ip);
        }
        if let Some(https) = client.https {
            request.set_https(https);
        }
        if let Some(host) = client.host.filter(|_| self.host) {
            request.headers_mut().insert(HOST, host);
        }
    }
}

impl Layer for TrustedProxies {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        const X: [HeaderName; 3] = [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST];
        let trusted = self.trusts_peer(r);
        if !trusted || self.source == Source::XForwarded {
            remove(r.headers_mut(), &[FORWARDED]);
        }
        if !trusted || self.source == Source::Forwarded {
            remove(r.headers_mut(), &X);
        }
        if trusted {
            self.apply(r);
        }
        next.handle(w, r)
    }
}

fn remove(headers: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        headers.remove(name);
    }
}
