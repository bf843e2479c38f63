//! The options of a listening socket.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
#[cfg(unix)]
use std::path::Path;

use socket2::{Domain, SockAddr, Type};

use super::{Bound, Listener, prepare_accepted};
use crate::net::socket::Family;
#[cfg(unix)]
use crate::net::unix_path;
use crate::net::wake;

/// The number of connections that may wait to be accepted. Linux takes the smaller of this and
/// `net.core.somaxconn`, which is 4096 by default.
const BACKLOG: u32 = 1024;

/// The options of a listening socket, to be set before it is bound.
///
/// ```
/// use hangup::net::ListenOptions;
///
/// # #[cfg(unix)]
/// # {
/// // Two processes may share this port; the system spreads the connections.
/// let listener = ListenOptions::new().reuse_port(true).backlog(4096).bind_tcp("127.0.0.1:0")?;
/// # drop(listener);
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// [`Listener::bind_tcp`] and [`Listener::bind_unix`] listen with the defaults.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is bound before `bind_tcp` or `bind_unix`"]
pub struct ListenOptions {
    backlog: Option<u32>,
    reuse_port: bool,
    only_ipv6: bool,
    #[cfg(unix)]
    unix_mode: Option<u32>,
}

impl ListenOptions {
    /// Creates options with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many connections may wait to be accepted: 1024 by default. The system may have a lower
    /// limit.
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = Some(connections);
        self
    }

    /// Sets whether other sockets with the same option may listen on the same TCP port (`SO_REUSEPORT`).
    /// `false` by default. All of them must belong to the same user.
    ///
    /// Linux spreads new connections over the sockets. It resets the connections that wait on a socket
    /// when that socket is closed, so a restart without a lost connection needs a socket that the new
    /// process inherits: see [`Listener::inherited`].
    pub fn reuse_port(mut self, is: bool) -> Self {
        self.reuse_port = is;
        self
    }

    /// Sets whether an IPv6 address that stands for all addresses (`[::]`) accepts only IPv6 connections.
    /// `false` by default: it accepts IPv4 connections too, where the system can do that.
    pub fn only_ipv6(mut self, is: bool) -> Self {
        self.only_ipv6 = is;
        self
    }

    /// Sets the permissions of a Unix socket's file, such as `0o660`. By default the process's umask
    /// decides. Clients need the permission to write.
    ///
    /// The permissions hold before the first client can connect.
    #[cfg(unix)]
    pub fn unix_mode(mut self, mode: u32) -> Self {
        self.unix_mode = Some(mode);
        self
    }

    /// Listens on `address`, as [`Listener::bind_tcp`] does.
    ///
    /// # Errors
    ///
    /// The system's, such as `AddrInUse`, `PermissionDenied` or a name that does not resolve.
    /// `Unsupported` for [`reuse_port`](Self::reuse_port) on a system without it.
    ///
    /// # Blocking
    ///
    /// While a host name is resolved. A literal address does not block.
    pub fn bind_tcp(&self, address: impl ToSocketAddrs) -> io::Result<Listener> {
        let mut failed = io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on");
        for address in address.to_socket_addrs()? {
            match self.bind_one(address) {
                Ok(socket) => return Listener::of(Bound::new(socket, Family::Tcp)?),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn bind_one(&self, address: SocketAddr) -> io::Result<socket2::Socket> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        wake::allow_rebinding(&socket)?;
        if self.reuse_port {
            wake::share_port(&socket)?;
        }
        if address.is_ipv6() && (self.only_ipv6 || address.ip().is_unspecified()) {
            // The meaning of "every address" must not depend on the system's configuration. Some systems
            // cannot change it, and keep their meaning.
            let outcome = socket.set_only_v6(self.only_ipv6);
            if self.only_ipv6 {
                outcome?;
            }
        }
        prepare_accepted(&socket)?;
        socket.bind(&SockAddr::from(address))?;
        socket.listen(self.system_backlog())?;
        Ok(socket)
    }

    /// Listens on a Unix socket at `path`, as [`Listener::bind_unix`] does.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if another socket listens there, or if the file is not a socket. Otherwise the
    /// system's.
    #[cfg(unix)]
    pub fn bind_unix(&self, path: impl AsRef<Path>) -> io::Result<Listener> {
        let (socket, path) = unix_path::bind(path.as_ref(), self.system_backlog(), self.unix_mode)?;
        Listener::of(Bound { _path: Some(path), ..Bound::new(socket, Family::Unix)? })
    }

    fn system_backlog(&self) -> i32 {
        i32::try_from(self.backlog.unwrap_or(BACKLOG)).unwrap_or(i32::MAX)
    }
}

impl Listener {
    /// Listens on `address`. Port 0 lets the system choose a port. If a name has several addresses, the
    /// first that works is used. `[::]` accepts IPv4 connections too.
    ///
    /// Accepted connections have `TCP_NODELAY` set, and probe a silent peer every 30 s.
    ///
    /// # Errors
    ///
    /// The system's, such as `AddrInUse`, `PermissionDenied` or a name that does not resolve.
    ///
    /// # Blocking
    ///
    /// While a host name is resolved. A literal address does not block.
    pub fn bind_tcp(address: impl ToSocketAddrs) -> io::Result<Self> {
        ListenOptions::new().bind_tcp(address)
    }

    /// Listens on a Unix socket at `path`.
    ///
    /// A socket file that a dead process has left is replaced. Closing the listener removes the file,
    /// unless another process has replaced it. [`ListenOptions`] sets its permissions.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if another socket listens there, or if the file is not a socket. Otherwise the
    /// system's.
    #[cfg(unix)]
    pub fn bind_unix(path: impl AsRef<Path>) -> io::Result<Self> {
        ListenOptions::new().bind_unix(path)
    }
}
