//! C13 and C14: proxies.
//!
//! A test of what a connection carries takes a [`Way`] and is registered with `each_way!`.

mod cancel;
mod carried;
mod credentials;
mod environment;
mod failures;
mod policy;
mod pooling;

use hangup::Client;
use hangup::client::{ClientBuilder, Proxy};

use crate::support::Over;
use crate::support::scripted_server::{Peer, Peers};

/// A way through a proxy to an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// An HTTP proxy forwards `http` requests.
    Forward,
    /// A tunnel by CONNECT to this origin.
    Tunnel(Over),
    /// SOCKS 5 with a password to this origin.
    Socks(Over),
    /// As [`Forward`](Self::Forward), with TLS to the proxy.
    #[cfg(feature = "tls")]
    ForwardOverTls,
    /// As [`Tunnel`](Self::Tunnel), with TLS to the proxy.
    #[cfg(feature = "tls")]
    TunnelOverTls(Over),
}

/// Registers tests that take a [`Way`].
macro_rules! each_way {
    ($($test:ident),+ $(,)?) => {
        $(
            mod $test {
                use super::super::Way;
                use crate::support::Over;

                #[test]
                fn forwarded() {
                    super::$test(Way::Forward);
                }

                #[test]
                fn in_a_tunnel() {
                    super::$test(Way::Tunnel(Over::Tcp));
                }

                #[test]
                fn in_a_tunnel_the_full_way() {
                    super::$test(Way::Tunnel(Over::TcpTheFullWay));
                }

                #[test]
                fn by_socks() {
                    super::$test(Way::Socks(Over::Tcp));
                }

                #[cfg(feature = "tls")]
                #[test]
                fn over_tls_by_socks() {
                    super::$test(Way::Socks(Over::Tls));
                }

                #[cfg(feature = "tls")]
                #[test]
                fn over_tls_in_a_tunnel() {
                    super::$test(Way::Tunnel(Over::Tls));
                }

                #[cfg(feature = "tls")]
                #[test]
                fn forwarded_over_tls() {
                    super::$test(Way::ForwardOverTls);
                }

                #[cfg(feature = "tls")]
                #[test]
                fn in_a_tunnel_over_tls() {
                    super::$test(Way::TunnelOverTls(Over::Tcp));
                }

                #[cfg(feature = "tls")]
                #[test]
                fn over_tls_in_a_tunnel_over_tls() {
                    super::$test(Way::TunnelOverTls(Over::Tls));
                }
            }
        )+
    };
}
pub(super) use each_way;

/// The origin of the tests. It is in the certificate, and no resolver is needed for it at the proxy.
const ORIGIN: &str = "host.test";

impl Way {
    /// How the connection to the origin is carried within the one to the proxy.
    fn origin(self) -> Over {
        match self {
            Self::Forward => Over::Tcp,
            Self::Tunnel(over) | Self::Socks(over) => over,
            #[cfg(feature = "tls")]
            Self::ForwardOverTls => Over::Tcp,
            #[cfg(feature = "tls")]
            Self::TunnelOverTls(over) => over,
        }
    }

    fn is_forwarded(self) -> bool {
        match self {
            Self::Forward => true,
            Self::Tunnel(_) | Self::Socks(_) => false,
            #[cfg(feature = "tls")]
            Self::ForwardOverTls => true,
            #[cfg(feature = "tls")]
            Self::TunnelOverTls(_) => false,
        }
    }

    /// How the connection to the proxy is carried.
    fn outer(self) -> Over {
        match self {
            Self::Forward | Self::Tunnel(_) | Self::Socks(_) => Over::Tcp,
            #[cfg(feature = "tls")]
            Self::ForwardOverTls | Self::TunnelOverTls(_) => Over::Tls,
        }
    }

    fn proxy(self, peers: &Peers) -> Proxy {
        let scheme = match self {
            Self::Socks(_) => "socks5h://user:secret@",
            _ if self.outer().is_encrypted() => "https://",
            _ => "http://",
        };
        Proxy::new(format!("{scheme}{}", peers.addr())).unwrap().tunnel_all(!self.is_forwarded())
    }

    fn client_builder(self, peers: &Peers) -> ClientBuilder {
        let trusting = if self.outer().is_encrypted() { self.outer() } else { self.origin() };
        let builder = trusting.client_builder().proxy(self.proxy(peers));
        match self.origin() {
            Over::TcpTheFullWay => builder.send_timeout(std::time::Duration::MAX),
            _ => builder,
        }
    }

    fn client(self, peers: &Peers) -> Client {
        self.client_builder(peers).build()
    }

    fn url(self, path: &str) -> String {
        self.origin().url(ORIGIN, path)
    }

    /// Returns the begin of the request line for `path`.
    fn request(self, method: &str, path: &str) -> String {
        match self.is_forwarded() {
            true => format!("{method} http://{ORIGIN}{path} HTTP/1.1"),
            false => format!("{method} {path} HTTP/1.1"),
        }
    }

    /// Accepts the connection to the proxy.
    fn accept_proxied(self, peers: &Peers) -> Peer {
        peers.accept_plain().carrying(self.outer())
    }

    /// Accepts a connection as the proxy does, and returns the origin's end of what it carries.
    fn accept(self, peers: &Peers) -> Peer {
        let mut proxy = self.accept_proxied(peers);
        if !self.is_forwarded() {
            self.open(&mut proxy);
        }
        proxy.carrying(self.origin())
    }

    /// Opens the tunnel that the client asks for.
    fn open(self, proxy: &mut Peer) {
        let port = if self.origin().is_encrypted() { 443 } else { 80 };
        if let Self::Socks(_) = self {
            return open_socks(proxy, port);
        }
        proxy.expect_request(&format!("CONNECT {ORIGIN}:{port} HTTP/1.1"));
        proxy.send("HTTP/1.1 200 Connection established\r\n\r\n");
    }
}

/// The SOCKS proxy's side of a negotiation.
fn open_socks(proxy: &mut Peer, port: u16) {
    assert_eq!(proxy.read_body(4), b"\x05\x02\x00\x02");
    proxy.send(b"\x05\x02");
    assert_eq!(proxy.read_body(13), b"\x01\x04user\x06secret");
    proxy.send(b"\x01\x00");
    let length = ORIGIN.len();
    let request = [b"\x05\x01\x00\x03", &[length as u8][..], ORIGIN.as_bytes()].concat();
    assert_eq!(proxy.read_body(5 + length), request);
    assert_eq!(proxy.read_body(2), port.to_be_bytes());
    proxy.send(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50");
}

fn http_proxy(peers: &Peers) -> Proxy {
    Proxy::new(format!("http://{}", peers.addr())).unwrap()
}
