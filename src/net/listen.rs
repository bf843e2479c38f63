//! Where connections come from: TCP, Unix, and listeners inherited from a parent process.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
#[cfg(unix)]
use std::os::{fd::OwnedFd, unix::net::UnixListener};
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, SockAddr, Type};

use super::addr::Addr;
use super::socket::{Family, Socket};
use super::stream::Stream;
#[cfg(unix)]
use super::unix_path::{self, BoundPath};
use super::wake::{self, Waker};
use crate::sync::Mutex;

/// How many connections may wait to be accepted. Linux takes the smaller of this and
/// `net.core.somaxconn`, which is 4096 by default.
pub(super) const BACKLOG: i32 = 1024;

/// How long an accepted TCP connection may be silent before the peer's host is probed, and how
/// often from then on: a host that has vanished is noticed within minutes, not after two hours.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(30);

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
    state: Mutex<State>,
    local: Addr,
}

#[derive(Debug)]
enum State {
    /// Threads in `accept` hold it a moment longer than this.
    Bound(Arc<Bound>),
    /// A socket of the standard library's could not be taken over.
    Failed(io::Error),
    Closed,
}

/// The socket, in non-blocking mode, and its file if it made one. Dropping it frees the address.
#[derive(Debug)]
struct Bound {
    socket: socket2::Socket,
    family: Family,
    /// Signalled by `stop` and by the close, and never drained: no accept waits from then on.
    stopped: Waker,
    #[cfg(unix)]
    _path: Option<BoundPath>,
}

impl Listener {
    /// Listens on `address`; port 0 lets the system choose one. Of several addresses that a name
    /// has, the first that works is taken. `[::]` takes IPv4 connections too.
    ///
    /// Accepted connections send small writes at once (TCP_NODELAY) and probe silent peers every
    /// 30 s.
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
                Ok(socket) => return Self::of(Bound::new(socket, Family::Tcp)?),
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
        Self::of(Bound { _path: Some(path), ..Bound::new(socket, Family::Unix)? })
    }

    /// Takes over a listening socket of either family, such as one inherited from the process that
    /// started this one.
    ///
    /// The socket is put into non-blocking mode, which processes that share it see too. A Unix
    /// socket's file is left where it is.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the descriptor is not a stream socket that listens.
    #[cfg(unix)]
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        let socket = socket2::Socket::from(fd);
        let family = match socket.local_addr().map_err(|_| not_listening())? {
            address if address.is_unix() => Family::Unix,
            address if address.as_socket().is_some() => Family::Tcp,
            _ => return Err(not_listening()),
        };
        socket.set_cloexec(true)?;
        Self::take_over(socket, family)
    }

    /// Takes over the listening socket that this process inherited as descriptor `number`, as a
    /// supervisor or an earlier process of the same server passes one on.
    ///
    /// The listener works on a duplicate: descriptor `number` stays open, and closing the listener
    /// does not end the socket. On Linux the duplicate is made by `pidfd_getfd`, which needs Linux
    /// 5.6 and which some containers forbid; descriptors 0 to 2 need no such call.
    /// [`from_fd`](Self::from_fd) takes a descriptor that was obtained in another way.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the descriptor is not a stream socket that listens. Otherwise the system's:
    /// there is no such descriptor, or it cannot be duplicated.
    #[cfg(unix)]
    pub fn inherited(number: i32) -> io::Result<Self> {
        Self::from_fd(wake::inherited(number)?)
    }

    /// Takes over the listening socket that this process got as its standard input, as FastCGI
    /// programs and services of `inetd` do. Standard input itself stays open.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if standard input is not a stream socket that listens.
    #[cfg(unix)]
    pub fn from_stdin() -> io::Result<Self> {
        Self::inherited(0)
    }

    /// Takes over a socket that others have made.
    fn take_over(socket: socket2::Socket, family: Family) -> io::Result<Self> {
        let stream = socket.r#type().is_ok_and(|kind| kind == Type::STREAM);
        if !stream || !wake::listens(&socket) {
            return Err(not_listening());
        }
        if family == Family::Tcp {
            prepare_accepted(&socket)?;
        }
        Self::of(Bound::new(socket, family)?)
    }

    fn of(bound: Bound) -> io::Result<Self> {
        bound.socket.set_nonblocking(true)?;
        let local = Addr::from_socket(&bound.socket.local_addr()?);
        Ok(Self { state: Mutex::new(State::Bound(Arc::new(bound))), local })
    }

    /// A listener whose first `accept` reports why there is none.
    fn failed(error: io::Error) -> Self {
        Self { state: Mutex::new(State::Failed(error)), local: Addr::Unknown }
    }

    fn bound(&self) -> io::Result<Option<Arc<Bound>>> {
        let mut state = self.state.lock();
        match &*state {
            State::Bound(bound) => Ok(Some(Arc::clone(bound))),
            State::Closed => Ok(None),
            State::Failed(_) => match std::mem::replace(&mut *state, State::Closed) {
                State::Failed(error) => Err(error),
                State::Bound(_) | State::Closed => Ok(None),
            },
        }
    }

    /// Waits for the next connection: `None` once the listener is closed.
    ///
    /// Several threads may accept at once. A peer whose address cannot be had is
    /// [`Addr::Unknown`], and no error.
    ///
    /// # Errors
    ///
    /// The system's; see [`is_transient`]. A listener made of a standard library's socket that could
    /// not be taken over reports that by its first `accept`.
    ///
    /// # Blocking
    ///
    /// Until there is a connection; [`close`](Self::close) ends it from any thread.
    pub fn accept(&self) -> io::Result<Option<(Stream, Addr)>> {
        let Some(bound) = self.bound()? else { return Ok(None) };
        loop {
            match bound.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                accepted => return accepted.map(Some),
            }
            let socket = wake::pollable(&bound.socket);
            let (_, stopped) = wake::wait_for(socket, wake::READ, &bound.stopped, None)?;
            if stopped {
                return Ok(None);
            }
        }
    }

    /// Ends the waiting: from now on [`accept`](Self::accept) returns `None` once it has returned
    /// every connection that the system has queued.
    pub(crate) fn stop(&self) {
        if let State::Bound(bound) = &*self.state.lock() {
            bound.stopped.signal();
        }
    }

    /// Stops listening and ends every [`accept`](Self::accept), now and from now on. The second
    /// time it does nothing.
    ///
    /// The address is free when those that are in `accept` have returned: at once, if there are
    /// none. Connections that nobody has accepted are closed by the system.
    pub fn close(&self) {
        let mut state = self.state.lock();
        if let State::Bound(bound) = std::mem::replace(&mut *state, State::Closed) {
            bound.stopped.signal();
            // Dropped under the lock: a thread that finds the listener closed, and no other in
            // `accept`, finds the address free.
            drop(bound);
        }
    }

    /// Whether the listener was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(*self.state.lock(), State::Closed)
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

/// Takes the socket over as [`Listener::from_fd`] does. If that fails, the first
/// [`accept`](Listener::accept) reports it.
impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::take_over(listener.into(), Family::Tcp).unwrap_or_else(Self::failed)
    }
}

/// Takes the socket over as [`Listener::from_fd`] does, and leaves its file where it is. If that
/// fails, the first [`accept`](Listener::accept) reports it.
#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::take_over(listener.into(), Family::Unix).unwrap_or_else(Self::failed)
    }
}

#[cfg(unix)]
impl TryFrom<OwnedFd> for Listener {
    type Error = io::Error;

    /// As [`Listener::from_fd`].
    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        Self::from_fd(fd)
    }
}

fn not_listening() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a listening stream socket")
}

impl Bound {
    fn new(socket: socket2::Socket, family: Family) -> io::Result<Self> {
        Ok(Self {
            socket,
            family,
            stopped: Waker::new()?,
            #[cfg(unix)]
            _path: None,
        })
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

/// Returns `true` if accepting again can succeed after `error`, which [`Listener::accept`] returned.
///
/// Two sorts are transient. Some errors concern only the connection that was being accepted, and
/// are over with it (`ECONNABORTED`, `ECONNRESET`, `EPROTO`, `EPERM` from a firewall, network
/// errors). A shortage (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`) lasts until something is released:
/// a loop must wait before it tries again. Any other error (`EBADF`, `EINVAL`, `ENOTSOCK`) is final.
#[must_use]
pub fn is_transient(error: &io::Error) -> bool {
    wake::is_shortage(error) || wake::is_about_the_connection(error)
}

/// Returns `true` if an error of [`Listener::accept`] tells of a shortage.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    wake::is_shortage(error)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
