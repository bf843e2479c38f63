//! The Unix systems other than Linux and Android.

use std::fs::File;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
use rustix::net::SendFlags;
use socket2::{Socket, TcpKeepalive};

use super::posix;

pub(super) use super::posix::is_in_progress;
pub(in crate::net) use super::posix::{
    adopt, allow_rebinding, blocking_recv, hand_out, is_about_the_connection, is_shortage,
    share_port, socket_path, try_recv,
};

/// The peer has ended its stream, however much of it is unread.
#[cfg(target_os = "freebsd")]
pub(in crate::net) const PEER_DONE: PollFlags = PollFlags::RDHUP;
/// Nothing: these systems report only that both directions have ended.
#[cfg(not(target_os = "freebsd"))]
pub(in crate::net) const PEER_DONE: PollFlags = PollFlags::empty();

/// A write to a connection that is gone raises no signal.
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
/// The standard library sets an option of the socket instead.
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: SendFlags = SendFlags::empty();

/// Sends once without blocking. Fails with `WouldBlock` if there is no room at all.
pub(in crate::net) fn try_send(
    socket: BorrowedFd<'_>,
    slices: &[IoSlice<'_>],
) -> io::Result<usize> {
    posix::try_send(socket, slices, NO_SIGNAL)
}

/// Sends as [`try_send`] does: these systems cannot be told that more follows.
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

/// Ends a TCP connection. The peer sees a reset when the last descriptor is closed.
pub(in crate::net) fn reset(socket: &Socket) -> io::Result<()> {
    socket.set_linger(Some(Duration::ZERO))?;
    socket.shutdown(Shutdown::Both)
}

/// Sets on an accepted socket the options that it may not have inherited from its listener.
pub(in crate::net) fn settle_accepted(socket: &Socket, tcp: bool, period: Duration) {
    // A socket that refuses an option may be dead already, which its first read or write reports.
    let _ = adopt(socket);
    if tcp {
        let _ = socket.set_tcp_nodelay(true);
        let _ = socket.set_tcp_keepalive(&self::keepalive(period));
    }
}

/// Returns `true` if `socket` listens.
#[cfg(target_os = "freebsd")]
pub(in crate::net) fn listens(socket: &Socket) -> bool {
    socket.is_listener().unwrap_or(false)
}

/// Returns `true`: these systems cannot tell. A socket that does not listen fails at its first accept.
#[cfg(not(target_os = "freebsd"))]
pub(in crate::net) fn listens(_socket: &Socket) -> bool {
    true
}

/// Returns a duplicate of the descriptor `number` of this process, without unsafe code.
pub(in crate::net) fn inherited(number: i32) -> io::Result<OwnedFd> {
    posix::duplicate_or(number, || {
        Ok(open(format!("/dev/fd/{number}"), OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
    })
}

#[cfg(not(target_os = "openbsd"))]
pub(super) fn keepalive(period: Duration) -> TcpKeepalive {
    TcpKeepalive::new().with_time(period).with_interval(period)
}

/// The system's periods apply: it has no option for them.
#[cfg(target_os = "openbsd")]
pub(super) fn keepalive(_period: Duration) -> TcpKeepalive {
    TcpKeepalive::new()
}

/// A descriptor that becomes readable when it is signalled, and stays so until it is drained.
#[derive(Debug)]
pub(in crate::net) struct Waker {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Waker {
    pub(in crate::net) fn new() -> io::Result<Self> {
        let (reader, writer) = rustix::pipe::pipe()?;
        for end in [&reader, &writer] {
            fcntl_setfd(end, FdFlags::CLOEXEC)?;
            ioctl_fionbio(end, true)?;
        }
        Ok(Self { reader, writer })
    }

    /// Wakes the threads that wait for it.
    pub(in crate::net) fn signal(&self) {
        // Fails only if the pipe is full, and then the descriptor is readable.
        let _ = rustix::io::write(&self.writer, &[1]);
    }

    pub(in crate::net) fn drain(&self) {
        while rustix::io::read(&self.reader, &mut [0; 64]).is_ok_and(|count| count > 0) {}
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
