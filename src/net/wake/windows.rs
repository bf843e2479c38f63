//! Windows.
//!
//! Sockets are in non-blocking mode as long as this crate has them: the system has no flag for one call.
//! Threads wait in `WSAPoll`, never in a call that only the other side ends.
//!
//! `WSAPoll` differs from `poll`:
//!
//! * It reports `POLLHUP` when the peer has ended its stream, even if this side can still send. Behind unread
//!   data, Wine does not report it. A failed connection has `POLLERR`.
//! * Before Windows 10 version 2004 it does not report that a connect has failed. Only `SO_ERROR` does.
//! * Its time-out is in milliseconds, rounded up. A wait may last one clock tick longer, of at most 16 ms.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use socket2::{SockAddr, SockRef, Socket, TcpKeepalive};

use super::poll::{READ, look};
use crate::net::readiness::Readiness;

pub(in crate::net) use super::handle::Handle;
pub(in crate::net) use super::nonblocking::{adopt, next_look, sends_files, try_send_file};

/// How often a thread that connects looks for a failure.
const CONNECT_LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// The most bytes of one write. The system copies all of a write into its own memory if the socket's buffer
/// has any room, so time limits of a large write would mean nothing, and it may fail for lack of memory.
const MOST_AT_ONCE: usize = 256 * 1024;

/// The most pieces of one vectored write. The system has no limit.
const MOST_SLICES: usize = 1024;

/// The longest time that a waker's two sockets may need to connect.
const LOOPBACK_LIMIT: Duration = Duration::from_secs(2);

/// Returns `true` if `error` reports that a connect has begun.
pub(super) fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Returns what can be known of the peer without a read.
pub(in crate::net) fn readiness(socket: BorrowedFd<'_>) -> io::Result<Readiness> {
    let ready = look(socket, READ)?;
    let mut now = Readiness {
        readable: !ready.is_empty(),
        peer_closed: ready.contains(PollFlags::HUP),
        broken: ready.contains(PollFlags::ERR),
    };
    if now.readable && !now.broken {
        match rustix::net::recv(socket, &mut [0; 1], RecvFlags::PEEK) {
            Ok((_, count)) => now.peer_closed |= count == 0,
            // Another thread has read what there was.
            Err(Errno::WOULDBLOCK) => now.readable = now.peer_closed,
            // This side has ended the direction.
            Err(Errno::SHUTDOWN) => now.peer_closed = true,
            Err(_) => (now.peer_closed, now.broken) = (true, true),
        }
    }
    now.peer_closed |= now.broken;
    Ok(now)
}

/// Returns the outcome of a connect in progress, if it has ended.
pub(in crate::net) fn connected(socket: &Socket, ready: PollFlags) -> Option<io::Result<()>> {
    match socket.take_error() {
        Ok(None) => (!ready.is_empty()).then_some(Ok(())),
        Ok(Some(error)) | Err(error) => Some(Err(error)),
    }
}

/// Returns the time until which a thread may wait for connects before it looks at each of them.
pub(in crate::net) fn connect_look(until: Option<Instant>) -> Option<Instant> {
    let look = Instant::now() + CONNECT_LOOK_INTERVAL;
    Some(until.map_or(look, |until| until.min(look)))
}

/// Receives once without blocking. Fails with `WouldBlock` if there is nothing to read.
pub(in crate::net) fn try_recv(socket: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    match rustix::net::recv(socket, &mut *buf, RecvFlags::empty()) {
        Ok((_, count)) => Ok(count),
        Err(Errno::SHUTDOWN) => Ok(0),
        Err(errno) => Err(reset_if_aborted(errno)),
    }
}

/// Reports an abort as a reset. The system tells whether the connection was reset by the peer or given up by
/// itself, for example because the peer has sent a reset before. For the callers both are the same.
fn reset_if_aborted(errno: Errno) -> io::Error {
    match errno {
        Errno::CONNABORTED => Errno::CONNRESET.into(),
        other => other.into(),
    }
}

/// Sends once without blocking. Fails with `WouldBlock` if there is no room at all.
pub(in crate::net) fn try_send(
    socket: BorrowedFd<'_>,
    slices: &[IoSlice<'_>],
) -> io::Result<usize> {
    let empty = slices.iter().take_while(|slice| slice.is_empty()).count();
    let slices = &slices[empty..];
    let mut room = MOST_AT_ONCE;
    let whole =
        slices.iter().take(MOST_SLICES).take_while(|slice| match room.checked_sub(slice.len()) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        });
    let sent = match (whole.count(), slices) {
        (_, []) => return Ok(0),
        (0 | 1, [first, ..]) => {
            let piece = &first[..first.len().min(MOST_AT_ONCE)];
            rustix::net::send(socket, piece, SendFlags::empty()).map_err(io::Error::from)
        }
        (whole, many) => SockRef::from(&socket).send_vectored(&many[..whole]),
    };
    sent.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::SHUTDOWN) => io::ErrorKind::BrokenPipe.into(),
        Some(errno) => reset_if_aborted(errno),
        None => error,
    })
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

/// Does nothing: old connections of the port in `TIME_WAIT` do not stand in the way of a listener. With
/// `SO_REUSEADDR` this one could take the port of another process.
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

/// Returns `true` if `error` reports that the process or the system has no room for another socket, or that the
/// network has failed as a whole.
pub(in crate::net) fn is_shortage(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NOBUFS | Errno::NETDOWN))
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
        let writer = TcpStream::connect_timeout(&listener.local_addr()?, LOOPBACK_LIMIT)?;
        let own = writer.local_addr()?;
        // Another process may have connected to the listener first.
        let reader = loop {
            let (stream, peer) = listener.accept()?;
            if peer == own {
                break stream;
            }
        };
        writer.set_nodelay(true)?;
        let (reader, writer) = (Socket::from(reader), Socket::from(writer));
        for end in [&reader, &writer] {
            end.set_nonblocking(true)?;
            // Closed without `TIME_WAIT`, so that threads that come and go do not use up the ports.
            end.set_linger(Some(Duration::ZERO))?;
        }
        Ok(Self { reader, writer })
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
