//! Listening sockets: TCP, Unix, and those inherited from a parent process.

pub(super) mod options;
#[cfg(unix)]
mod systemd;

use std::io;
use std::net::TcpListener;
#[cfg(unix)]
use std::os::{fd::OwnedFd, unix::net::UnixListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::Type;

use super::addr::Addr;
use super::socket::{Family, Socket};
use super::stream::Stream;
use super::unix_path::BoundPath;
use super::wake::{self, Waker};
use crate::sync::Mutex;

/// How long a TCP connection may be silent before the peer's host is probed, and the time between two
/// probes. A host that has vanished is noticed within minutes, not after the two hours of the systems'
/// defaults.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(30);

/// A listening socket. Any thread can end a blocked [`accept`](Self::accept).
///
/// ```
/// use hangup::net::Listener;
///
/// let listener = Listener::bind_tcp("127.0.0.1:0")?;
/// let address = listener.local_addr()?.ip().unwrap();
/// let client = std::net::TcpStream::connect(address)?;
/// let (stream, peer) = listener.accept()?.expect("the listener is open");
/// assert_eq!(peer.ip(), Some(client.local_addr()?));
///
/// listener.close();
/// assert!(listener.accept()?.is_none());
/// # drop(stream);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping a listener closes it"]
pub struct Listener {
    state: Mutex<State>,
    local: Addr,
}

#[derive(Debug)]
enum State {
    /// A thread in `accept` also holds it.
    Bound(Arc<Bound>),
    /// A socket of the standard library could not be taken over.
    Failed(io::Error),
    Closed,
}

/// The socket in non-blocking mode, and its file if it created one. Its drop frees the address.
#[derive(Debug)]
struct Bound {
    socket: socket2::Socket,
    family: Family,
    /// Signalled by `stop` and `close`, and never drained, so no later `accept` waits.
    stopped: Waker,
    _path: Option<BoundPath>,
}

impl Listener {
    /// Takes over a listening TCP or Unix socket, such as one inherited from the parent process.
    ///
    /// The socket is put into non-blocking mode, also for other processes that share it. The file of a
    /// Unix socket is not removed.
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

    /// Takes over the listening socket that this process inherited as descriptor `number`, for example
    /// from a supervisor or from an earlier process of the same server.
    ///
    /// The listener uses a duplicate. Descriptor `number` stays open, so closing the listener does not
    /// end the socket. [`from_fd`](Self::from_fd) takes a descriptor that was obtained in another way.
    ///
    /// Duplicates of descriptors above 2 need help from the system:
    ///
    /// * Linux: the call `pidfd_getfd`, which Linux 5.6 has. The container must allow it.
    /// * FreeBSD: the file system `fdescfs`, mounted at `/dev/fd`.
    /// * Android: there is no way.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the descriptor is not a stream socket that listens. Otherwise the system's, if
    /// there is no such descriptor or it cannot be duplicated.
    #[cfg(unix)]
    pub fn inherited(number: i32) -> io::Result<Self> {
        Self::from_fd(wake::inherited(number)?)
    }

    /// Takes over the listening socket that is this process's standard input, as FastCGI programs and
    /// `inetd` services do. Standard input stays open.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if standard input is not a stream socket that listens.
    #[cfg(unix)]
    pub fn from_stdin() -> io::Result<Self> {
        Self::inherited(0)
    }

    /// Takes over a socket that the user or another process has made.
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

    /// Creates a listener whose first `accept` fails with `error`.
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

    /// Waits for the next connection. Returns `None` if the listener is closed.
    ///
    /// Several threads may accept at the same time. If the system does not know the peer's address, it is
    /// [`Addr::Unknown`].
    ///
    /// # Errors
    ///
    /// The system's. [`is_transient`] tells whether to accept again. If a socket of the standard library
    /// could not be taken over, the first `accept` reports that.
    ///
    /// # Blocking
    ///
    /// Until there is a connection. [`close`](Self::close) ends it from any thread.
    pub fn accept(&self) -> io::Result<Option<(Stream, Addr)>> {
        self.accept_until(None)
    }

    /// Accepts as [`accept`](Self::accept) does, but fails with `TimedOut` at `limit`. A connection that is
    /// queued is returned whatever the time is.
    pub(crate) fn accept_until(
        &self,
        limit: Option<Instant>,
    ) -> io::Result<Option<(Stream, Addr)>> {
        let Some(bound) = self.bound()? else { return Ok(None) };
        loop {
            match bound.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                accepted => return accepted.map(Some),
            }
            if limit.is_some_and(|limit| limit <= Instant::now()) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let socket = wake::pollable(&bound.socket);
            let (_, stopped) = wake::wait_for(socket, wake::READ, &bound.stopped, limit)?;
            if stopped {
                return Ok(None);
            }
        }
    }

    /// Sets the size of the receive buffers of connections that are accepted from now on, in bytes. The
    /// system may take more.
    pub(crate) fn set_receive_buffer(&self, bytes: usize) -> io::Result<()> {
        match self.bound()? {
            Some(bound) => bound.socket.set_recv_buffer_size(bytes),
            None => Ok(()),
        }
    }

    /// Ends the waiting. [`accept`](Self::accept) returns the connections that the system has queued, and
    /// `None` after the last.
    pub(crate) fn stop(&self) {
        if let State::Bound(bound) = &*self.state.lock() {
            bound.stopped.signal();
        }
    }

    /// Stops listening. Every current and later [`accept`](Self::accept) returns `None`. A second call does
    /// nothing.
    ///
    /// The address is free when the threads in `accept` have returned, or at once if there are none. The
    /// system closes connections that were not accepted.
    pub fn close(&self) {
        let mut state = self.state.lock();
        if let State::Bound(bound) = std::mem::replace(&mut *state, State::Closed) {
            bound.stopped.signal();
            // Dropped under the lock: when `is_closed` returns true and no thread is in `accept`, the
            // address is free.
            drop(bound);
        }
    }

    /// Returns `true` if the listener was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(*self.state.lock(), State::Closed)
    }

    /// Returns the address that the listener is, or was, bound to, with the port that the system chose.
    ///
    /// # Errors
    ///
    /// None today. The address is read when the listener is created.
    pub fn local_addr(&self) -> io::Result<Addr> {
        Ok(self.local.clone())
    }
}

/// Takes over the socket as [`Listener::from_fd`] does. If that fails, the first
/// [`accept`](Listener::accept) reports it.
impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::take_over(listener.into(), Family::Tcp).unwrap_or_else(Self::failed)
    }
}

/// Takes over the socket as [`Listener::from_fd`] does, without removing its file later. If that fails,
/// the first [`accept`](Listener::accept) reports it.
#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::take_over(listener.into(), Family::Unix).unwrap_or_else(Self::failed)
    }
}

#[cfg(unix)]
impl TryFrom<OwnedFd> for Listener {
    type Error = io::Error;

    /// Takes over the socket. See [`Listener::from_fd`].
    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        Self::from_fd(fd)
    }
}

fn not_listening() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a listening stream socket")
}

impl Bound {
    fn new(socket: socket2::Socket, family: Family) -> io::Result<Self> {
        Ok(Self { socket, family, stopped: Waker::new()?, _path: None })
    }

    fn accept(&self) -> io::Result<(Stream, Addr)> {
        let (socket, peer) = self.socket.accept()?;
        wake::settle_accepted(&socket, self.family == Family::Tcp, KEEPALIVE);
        let peer = Addr::from_socket(&peer);
        Ok((Stream::from_socket(Socket::fresh(socket, self.family)), peer))
    }
}

/// Sets the options that accepted sockets inherit.
fn prepare_accepted(socket: &socket2::Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    wake::set_keepalive(socket, Some(KEEPALIVE))
}

/// Returns `true` if accepting again can succeed after `error`, which [`Listener::accept`] returned.
///
/// Two kinds of errors are transient:
///
/// * An error of the one connection that was being accepted (`ECONNABORTED`, `ECONNRESET`, `EPROTO`,
///   `EPERM` from a firewall, network errors). The loop can go on at once.
/// * A shortage (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`). It lasts until something is released, so the
///   loop must wait before it accepts again.
///
/// Any other error (`EBADF`, `EINVAL`, `ENOTSOCK`) is final.
#[must_use]
pub fn is_transient(error: &io::Error) -> bool {
    wake::is_shortage(error) || wake::is_about_the_connection(error)
}

/// Returns `true` if an error of [`Listener::accept`] reports a shortage.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    wake::is_shortage(error)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
