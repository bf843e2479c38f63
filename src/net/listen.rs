//! Where connections come from: TCP, Unix, and listeners inherited from a parent process.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
#[cfg(unix)]
use std::os::{fd::OwnedFd, unix::net::UnixListener};
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fd::AsFd;
use socket2::{Domain, SockAddr, Type};

use super::addr::Addr;
use super::socket::{Family, Socket};
use super::stream::Stream;
#[cfg(unix)]
use super::unix_path::{self, BoundPath};
use super::wake::{self, PollFd, Waker};
use crate::sync::Mutex;

/// How many connections may wait to be accepted. Linux takes the smaller of this and
/// `net.core.somaxconn`, which is 4096 by default.
pub(super) const BACKLOG: i32 = 1024;

/// How long an accepted TCP connection may be silent before the peer's host is probed, and how
/// often from then on: a host that has vanished is noticed within minutes, not after two hours.
pub const KEEPALIVE: Duration = Duration::from_secs(30);

/// A listening socket whose [`accept`](Self::accept) any thread can end.
///
/// ```
/// use hangup::net::Listener;
///
/// let listener = Listener::bind_tcp("127.0.0.1:0")?;
/// let address = listener.local_addr()?.ip().unwrap();
/// let client = std::net::TcpStream::connect(address)?;
/// let (stream, peer) = listener.accept()?.expect("nobody has closed the listener");
/// assert_eq!(peer.ip(), Some(client.local_addr()?));
///
/// listener.close();
/// assert!(listener.accept()?.is_none());
/// # drop(stream);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    /// Dropped by the close. Those in `accept` hold it a moment longer.
    bound: Mutex<Option<Arc<Bound>>>,
    /// Signalled by the close, and never drained: it ends every accept there will be.
    closed: Waker,
    local: Addr,
}

/// The socket, in non-blocking mode, and its file if it made one. Dropping it frees the address.
#[derive(Debug)]
struct Bound {
    socket: socket2::Socket,
    family: Family,
    #[cfg(unix)]
    _path: Option<BoundPath>,
}

impl Listener {
    /// Listens on `address`; port 0 lets the system choose one. Of several addresses that a name
    /// has, the first that works is taken. `[::]` takes IPv4 connections too.
    ///
    /// Accepted connections send small writes at once (TCP_NODELAY) and probe silent peers every
    /// [`KEEPALIVE`].
    ///
    /// # Errors
    ///
    /// The system's: `AddrInUse`, `PermissionDenied`, a name that does not resolve.
    ///
    /// # Blocking
    ///
    /// While a host name is being resolved; an address needs no resolving.
    pub fn bind_tcp(address: impl ToSocketAddrs) -> io::Result<Self> {
        let mut failed = io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on");
        for address in address.to_socket_addrs()? {
            match bind_one(address) {
                Ok(socket) => return Self::of(Bound::new(socket, Family::Tcp)),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Listens on a Unix socket at `path`.
    ///
    /// A socket file that a dead process has left there is replaced. The file is removed when the
    /// listener is closed, unless somebody else has put another one in its place.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if somebody listens there, or if the file is anything but a socket. Otherwise
    /// the system's.
    #[cfg(unix)]
    pub fn bind_unix(path: impl AsRef<Path>) -> io::Result<Self> {
        let (socket, path) = unix_path::bind(path.as_ref())?;
        Self::of(Bound { _path: Some(path), ..Bound::new(socket, Family::Unix) })
    }

    /// Takes over a listening socket of either family, such as one inherited from the process that
    /// started this one.
    ///
    /// The socket is put into non-blocking mode, which processes that share it see too. A Unix
    /// socket's file is left where it is.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is not a stream socket that listens.
    #[cfg(unix)]
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        let socket = socket2::Socket::from(fd);
        let not_one = |_| io::Error::new(io::ErrorKind::InvalidInput, "not a listening socket");
        let family = match socket.local_addr().map_err(not_one)? {
            address if address.is_unix() => Family::Unix,
            address if address.as_socket().is_some() => Family::Tcp,
            _ => return Err(not_one(io::ErrorKind::InvalidInput.into())),
        };
        if socket.r#type().map_err(not_one)? != Type::STREAM || !wake::listens(&socket) {
            return Err(not_one(io::ErrorKind::InvalidInput.into()));
        }
        socket.set_cloexec(true)?;
        if family == Family::Tcp {
            prepare_accepted(&socket)?;
        }
        Self::of(Bound::new(socket, family))
    }

    /// Takes over the listening socket that this process got as its standard input, as FastCGI
    /// programs and services of `inetd` do. Standard input itself stays open.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if standard input is not a stream socket that listens.
    #[cfg(unix)]
    pub fn from_stdin() -> io::Result<Self> {
        Self::from_fd(io::stdin().as_fd().try_clone_to_owned()?)
    }

    fn of(bound: Bound) -> io::Result<Self> {
        bound.socket.set_nonblocking(true)?;
        let local = Addr::from_socket(&bound.socket.local_addr()?);
        let closed = Waker::new()?;
        Ok(Self { bound: Mutex::new(Some(Arc::new(bound))), closed, local })
    }

    /// Waits for the next connection: `None` once the listener is closed.
    ///
    /// Several threads may accept at once. A peer whose address cannot be had is
    /// [`Addr::Unknown`], and no error.
    ///
    /// # Errors
    ///
    /// The system's. After those that [`is_transient`] names it is worth trying again, after a
    /// moment: some stay until a descriptor is free.
    ///
    /// # Blocking
    ///
    /// Until there is a connection; [`close`](Self::close) ends it from any thread.
    pub fn accept(&self) -> io::Result<Option<(Stream, Addr)>> {
        let Some(bound) = self.bound.lock().clone() else { return Ok(None) };
        loop {
            match bound.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                accepted => return accepted.map(Some),
            }
            let mut fds =
                [PollFd::from_borrowed_fd(bound.socket.as_fd(), wake::READ), self.closed.poll_fd()];
            wake::wait(&mut fds, None)?;
            if !fds[1].revents().is_empty() {
                return Ok(None);
            }
        }
    }

    /// Stops listening and ends every [`accept`](Self::accept), now and from now on. The second
    /// time it does nothing.
    ///
    /// The address is free when those that are in `accept` have returned: at once, if there are
    /// none. Connections that nobody has accepted are closed by the system.
    pub fn close(&self) {
        // Dropped before anyone can learn of it, under the lock and before the signal: who finds the
        // listener closed, and nobody in `accept`, finds the address free.
        *self.bound.lock() = None;
        self.closed.signal();
    }

    /// Whether the listener was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.bound.lock().is_none()
    }

    /// The address it listens on (with the port the system chose), or listened on before it was
    /// closed.
    ///
    /// # Errors
    ///
    /// None today: the address is asked for when the listener is made.
    pub fn local_addr(&self) -> io::Result<Addr> {
        Ok(self.local.clone())
    }
}

impl TryFrom<TcpListener> for Listener {
    type Error = io::Error;

    fn try_from(listener: TcpListener) -> io::Result<Self> {
        let socket = socket2::Socket::from(listener);
        prepare_accepted(&socket)?;
        Self::of(Bound::new(socket, Family::Tcp))
    }
}

/// The socket's file is left where it is when the listener is closed.
#[cfg(unix)]
impl TryFrom<UnixListener> for Listener {
    type Error = io::Error;

    fn try_from(listener: UnixListener) -> io::Result<Self> {
        Self::of(Bound::new(listener.into(), Family::Unix))
    }
}

impl Bound {
    fn new(socket: socket2::Socket, family: Family) -> Self {
        Self {
            socket,
            family,
            #[cfg(unix)]
            _path: None,
        }
    }

    fn accept(&self) -> io::Result<(Stream, Addr)> {
        let (socket, peer) = self.socket.accept()?;
        wake::settle_accepted(&socket, self.family == Family::Tcp, KEEPALIVE);
        let peer = Addr::from_socket(&peer);
        Ok((Stream::from_socket(Socket::fresh(socket, self.family)), peer))
    }
}

fn bind_one(address: SocketAddr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    wake::allow_rebinding(&socket)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        // What "every address" means must not depend on the system's configuration. Some systems
        // cannot, and are left as they are.
        let _ = socket.set_only_v6(false);
    }
    prepare_accepted(&socket)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Sets on a listener what the sockets it accepts shall inherit.
fn prepare_accepted(socket: &socket2::Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    wake::set_keepalive(socket, Some(KEEPALIVE))
}

/// Whether an error of [`Listener::accept`] says nothing against accepting again.
///
/// Two sorts are transient: what concerns only the connection that was being accepted
/// (`ECONNABORTED`, `ECONNRESET`, `EPERM` from a firewall, `EPROTO`, network errors), which is over
/// with it; and a shortage (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`), which lasts until something
/// is released, so that a loop must wait a little before it tries again. Anything else (`EBADF`,
/// `EINVAL`, `ENOTSOCK`) is final.
#[must_use]
pub fn is_transient(error: &io::Error) -> bool {
    wake::is_shortage(error) || wake::is_about_the_connection(error)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
