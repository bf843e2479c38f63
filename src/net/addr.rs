//! Where a stream leads.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// One end of a [`Stream`](super::Stream).
///
/// Displayed as `127.0.0.1:80`, `[::1]:80`, `unix:/run/app.sock`, `unix`, `memory` or `unknown`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Addr {
    /// TCP.
    Ip(SocketAddr),
    /// A Unix socket, with its path if it has one; the end that connected usually has none.
    Unix(Option<PathBuf>),
    /// A stream in memory.
    Memory,
    /// The system could not say, which happens to a peer that is gone already.
    Unknown,
}

impl Addr {
    /// The address and port, if it is TCP.
    #[must_use]
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) | Self::Memory | Self::Unknown => None,
        }
    }

    pub(super) fn from_socket(address: &socket2::SockAddr) -> Self {
        match address.as_socket() {
            Some(address) => Self::Ip(address),
            None if address.is_unix() => Self::Unix(address.as_pathname().map(PathBuf::from)),
            None => Self::Unknown,
        }
    }
}

impl From<SocketAddr> for Addr {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
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
    fn addresses_read_as_people_write_them() {
        let ip: SocketAddr = "[::1]:80".parse().unwrap();
        assert_eq!(Addr::from(ip).to_string(), "[::1]:80");
        assert_eq!(Addr::Unix(Some("/run/app".into())).to_string(), "unix:/run/app");
        assert_eq!(Addr::Unix(None).to_string(), "unix");
        assert_eq!(Addr::Memory.to_string(), "memory");
        assert_eq!(Addr::Memory.ip(), None);
    }
}
