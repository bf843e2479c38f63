//! The addresses of a stream.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::wake;

/// The address of one end of a [`Stream`](super::Stream).
///
/// Displayed as `127.0.0.1:80`, `[::1]:80`, `unix:/run/app.sock`, `unix`, `memory` or `unknown`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Addr {
    /// A TCP address. An IPv4 address that a dual-stack socket shows as `::ffff:192.0.2.1` is
    /// `192.0.2.1` here.
    Ip(SocketAddr),
    /// A Unix socket, with its path if it has one. The connecting end usually has none.
    Unix(Option<PathBuf>),
    /// A stream in memory.
    Memory,
    /// The system does not know the address, for example of a peer that is already gone.
    Unknown,
}

impl Addr {
    /// Returns the IP address and port of a TCP address.
    #[must_use]
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) | Self::Memory | Self::Unknown => None,
        }
    }

    pub(super) fn from_socket(address: &socket2::SockAddr) -> Self {
        match address.as_socket() {
            Some(address) => address.into(),
            None if address.is_unix() => Self::Unix(wake::socket_path(address)),
            None => Self::Unknown,
        }
    }
}

impl From<SocketAddr> for Addr {
    /// Converts an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) to the IPv4 address, and keeps any
    /// other.
    fn from(address: SocketAddr) -> Self {
        Self::Ip(match address.ip().to_canonical() {
            IpAddr::V4(ip) => SocketAddr::from((ip, address.port())),
            // Unchanged, because `ip` lacks its scope.
            IpAddr::V6(_) => address,
        })
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(Some(path)) => write!(f, "unix:{}", path.display()),
            Self::Unix(None) => f.write_str("unix"),
            Self::Memory => f.write_str("memory"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_displayed_in_the_usual_form() {
        let ip: SocketAddr = "[::1]:80".parse().unwrap();
        assert_eq!(Addr::from(ip).to_string(), "[::1]:80");
        assert_eq!(Addr::Unix(Some("/run/app".into())).to_string(), "unix:/run/app");
        assert_eq!(Addr::Unix(None).to_string(), "unix");
        assert_eq!(Addr::Memory.to_string(), "memory");
        assert_eq!(Addr::Memory.ip(), None);
    }

    #[test]
    fn an_ipv4_mapped_ipv6_address_is_an_ipv4_address() {
        for (address, shown) in [
            ("[::ffff:192.0.2.1]:80", "192.0.2.1:80"),
            ("[::ffff:0:0]:80", "0.0.0.0:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
            ("[::192.0.2.1]:80", "[::c000:201]:80"),
            ("[fe80::1%3]:80", "[fe80::1%3]:80"),
            ("[::1]:80", "[::1]:80"),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            assert_eq!(Addr::from(address).to_string(), shown);
            assert_eq!(Addr::from_socket(&address.into()).to_string(), shown);
        }
    }
}
