//! The target of a dial.

use std::fmt;
use std::path::PathBuf;

/// The endpoint to connect to.
///
/// Displayed as `example.org:80`, `[::1]:80`, `unix:/run/app.sock`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// A TCP port of a host.
    Host {
        /// A name or a literal IP address. An IPv6 address may have brackets, and a zone:
        /// `fe80::1%eth0`.
        host: String,
        /// The port.
        port: u16,
    },
    /// The path of a Unix socket. Systems without Unix sockets refuse it.
    Unix(PathBuf),
}

impl Target {
    /// Creates a TCP target. See [`Target::Host`] for the forms of `host`.
    #[must_use]
    pub fn host(host: impl Into<String>, port: u16) -> Self {
        Self::Host { host: host.into(), port }
    }

    /// Creates the target of a Unix socket's path.
    #[must_use]
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::Unix(path.into())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { host, port } if host.contains(':') && !host.starts_with('[') => {
                write!(f, "[{host}]:{port}")
            }
            Self::Host { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
