//! Windows.
//!
//! Sockets are in non-blocking mode as long as this crate has them: the system has no flag for one call.
//! Threads wait in `WSAPoll`, never in a call that only the other side ends.

use std::fs::File;
use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use socket2::{SockAddr, SockRef, Socket, TcpKeepalive};

use super::poll::{NextLook, READ, look};
use crate::net::readiness::{Hangup, Readiness};

/// How often a thread looks for the peer's hang-up while unread data may hide it.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Puts a new socket into the mode that the calls below expect.
pub(in crate::net) fn adopt(socket: &Socket) -> io::Result<()> {
    socket.set_nonblocking(true)
}

/// Puts a socket into blocking mode, for the user that it is handed out to.
pub(in crate::net) fn hand_out(socket: &Socket) -> io::Result<()> {
    socket.set_nonblocking(false)
}

/// Returns `true` if `error` reports that a connect has begun.
pub(super) fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Returns what can be known of the peer without a read.
pub(in crate::net) fn readiness(socket: BorrowedFd<'_>) -> io::Result<Readiness> {
    let ready = look(socket, READ)?;
    let mut now = Readiness {
        readable: !ready.is_empty(),
        peer_closed: false,
        broken: ready.contains(PollFlags::ERR),
    };
    if now.readable && !now.broken {
        match rustix::net::recv(socket, &mut [0; 1], RecvFlags::PEEK) {
            Ok((_, count)) => now.peer_closed = count == 0,
            // Another thread has read what there was.
            Err(Errno::WOULDBLOCK) => now.readable = false,
            Err(_) => now.broken = true,
        }
    }
    Ok(now)
}

/// Returns what a wait for the peer's hang-up waits for, after a look with the outcome `now`.
pub(in crate::net) fn next_look(_least: Hangup, now: Readiness) -> NextLook {
    match now.readable {
        false => NextLook::When(READ),
        true => NextLook::After(LOOK_INTERVAL),
    }
}

/// Receives once without blocking. Fails with `WouldBlock` if there is nothing to read.
pub(in crate::net) fn try_recv(socket: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::net::recv(socket, &mut *buf, RecvFlags::empty())?.0)
}

/// Sends once without blocking. Fails with `WouldBlock` if there is no room at all.
pub(in crate::net) fn try_send(
    socket: BorrowedFd<'_>,
    slices: &[IoSlice<'_>],
) -> io::Result<usize> {
    match slices {
        [one] => Ok(rustix::net::send(socket, one, SendFlags::empty())?),
        many => SockRef::from(&socket).send_vectored(many),
    }
}

/// Sends as [`try_send`] does: the system cannot be told that more follows.
pub(in crate::net) use self::try_send as try_send_ahead;

/// Returns `false`: files are copied.
pub(in crate::net) fn sends_files() -> bool {
    false
}

/// Fails: files are copied.
pub(in crate::net) fn try_send_file(
    _socket: BorrowedFd<'_>,
    _file: &File,
    _offset: u64,
    _most: usize,
) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Ends a TCP connection. The peer sees a reset when the last handle is closed. Only the direction of
/// reading is shut down before, which fails the calls of this side: shutting down the other would show the peer a clean
/// end of the stream.
pub(in crate::net) fn reset(socket: &Socket) -> io::Result<()> {
    socket.set_linger(Some(Duration::ZERO))?;
    socket.shutdown(Shutdown::Read)
}

/// Sets on an accepted socket the options that it does not inherit from its listener.
pub(in crate::net) fn settle_accepted(socket: &Socket, _tcp: bool, period: Duration) {
    // A socket that refuses an option may be dead already, which its first read or write reports.
    let _ = adopt(socket);
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_keepalive(&keepalive(period));
}

/// Returns `true` if `socket` listens.
pub(in crate::net) fn listens(_socket: &Socket) -> bool {
    true
}

/// Keeps the address for this process: without this option another one could bind it as well. Old
/// connections of its port in `TIME_WAIT` do not stand in the way of a listener here.
pub(in crate::net) fn allow_rebinding(_socket: &Socket) -> io::Result<()> {
    Ok(())
}

/// Fails: the system spreads no connections over several sockets.
pub(in crate::net) fn share_port(_socket: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Returns `None`: there are no Unix sockets here.
pub(in crate::net) fn socket_path(_address: &SockAddr) -> Option<PathBuf> {
    None
}

/// Returns `true` if `error` reports that the process or the system has no room for another socket.
pub(in crate::net) fn is_shortage(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NOBUFS))
}

/// Returns `true` if `error` concerns only the connection that was being accepted.
pub(in crate::net) fn is_about_the_connection(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::CONNABORTED
                | Errno::CONNRESET
                // Wine reports this of a connection that has ended before it was accepted.
                | Errno::NOTCONN
                | Errno::NETDOWN
                | Errno::NETRESET
                | Errno::NETUNREACH
                | Errno::HOSTDOWN
                | Errno::HOSTUNREACH
                | Errno::TIMEDOUT
                | Errno::INTR
        )
    )
}

pub(super) fn keepalive(period: Duration) -> TcpKeepalive {
    TcpKeepalive::new().with_time(period).with_interval(period)
}

/// A connected pair of loopback sockets. One end becomes readable when the other is signalled, and stays so until
/// it is drained.
#[derive(Debug)]
pub(in crate::net) struct Waker {
    reader: Socket,
    writer: Socket,
}

impl Waker {
    pub(in crate::net) fn new() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let writer = TcpStream::connect(listener.local_addr()?)?;
        let own = writer.local_addr()?;
        // Another process may have connected to the listener first.
        let reader = loop {
            let (stream, peer) = listener.accept()?;
            if peer == own {
                break stream;
            }
        };
        writer.set_nodelay(true)?;
        for end in [&reader, &writer] {
            end.set_nonblocking(true)?;
        }
        Ok(Self { reader: reader.into(), writer: writer.into() })
    }

    /// Wakes the threads that wait for it.
    pub(in crate::net) fn signal(&self) {
        // Fails only if the buffers are full, and then the other end is readable.
        let _ = self.writer.send(&[1]);
    }

    pub(in crate::net) fn drain(&self) {
        while try_recv(self.as_fd(), &mut [0; 64]).is_ok_and(|count| count > 0) {}
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
