//! The calls that all Unix systems have.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Instant;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use socket2::{SockAddr, Socket};

/// The most pieces of one vectored write: `IOV_MAX` is 1024 on every system that has one.
const MOST_SLICES: usize = 1024;

/// Returns `true` if `error` reports that a connect has begun.
pub(super) fn is_in_progress(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::INPROGRESS)
}

/// Returns the outcome of a connect in progress, if it has ended.
pub(in crate::net) fn connected(socket: &Socket, ready: PollFlags) -> Option<io::Result<()>> {
    let outcome = || socket.take_error()?.map_or(Ok(()), Err);
    (!ready.is_empty()).then(outcome)
}

/// Returns `until`: a thread need not look at its connects before `poll` reports them.
pub(in crate::net) fn connect_look(until: Option<Instant>) -> Option<Instant> {
    until
}

/// Receives once without blocking. Fails with `WouldBlock` if there is nothing to read.
pub(in crate::net) fn try_recv(socket: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    recv(socket, buf, RecvFlags::DONTWAIT)
}

pub(super) fn recv(socket: BorrowedFd<'_>, buf: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
    loop {
        match rustix::net::recv(socket, &mut *buf, flags) {
            Err(Errno::INTR) => {}
            outcome => return Ok(outcome?.0),
        }
    }
}

/// Sends once without blocking, with `flags`. Fails with `WouldBlock` if there is no room at all.
pub(super) fn try_send(
    socket: BorrowedFd<'_>,
    slices: &[IoSlice<'_>],
    flags: SendFlags,
) -> io::Result<usize> {
    let flags = flags | SendFlags::DONTWAIT;
    loop {
        let sent = match slices {
            [one] => rustix::net::send(socket, one, flags),
            many => rustix::net::sendmsg(
                socket,
                &many[..many.len().min(MOST_SLICES)],
                &mut SendAncillaryBuffer::default(),
                flags,
            ),
        };
        match sent {
            Err(Errno::INTR) => {}
            outcome => return Ok(outcome?),
        }
    }
}

/// Lets a listener bind an address while old connections of its port are in `TIME_WAIT`.
pub(in crate::net) fn allow_rebinding(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)
}

/// Lets several sockets listen on the same port.
#[cfg(not(any(target_os = "solaris", target_os = "illumos")))]
pub(in crate::net) fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

/// Fails: these systems have no such option.
#[cfg(any(target_os = "solaris", target_os = "illumos"))]
pub(in crate::net) fn share_port(_socket: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Returns a duplicate of the descriptor `number` of this process. Above 2, `duplicate` makes it.
pub(super) fn duplicate_or(
    number: i32,
    duplicate: impl FnOnce() -> io::Result<OwnedFd>,
) -> io::Result<OwnedFd> {
    match number {
        0 => io::stdin().as_fd().try_clone_to_owned(),
        1 => io::stdout().as_fd().try_clone_to_owned(),
        2 => io::stderr().as_fd().try_clone_to_owned(),
        ..0 => Err(Errno::BADF.into()),
        _ => duplicate(),
    }
}

/// Returns the path of a Unix socket's address, if it has one.
pub(in crate::net) fn socket_path(address: &SockAddr) -> Option<PathBuf> {
    address.as_pathname().map(PathBuf::from)
}

/// Returns `true` if `error` reports that the process or the system has no room for another socket.
pub(in crate::net) fn is_shortage(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}

/// Returns `true` if `error` concerns only the connection that was being accepted. Some systems report
/// the network's errors through `accept`.
pub(in crate::net) fn is_about_the_connection(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::CONNABORTED
                | Errno::CONNRESET
                | Errno::PERM
                | Errno::PROTO
                | Errno::NOPROTOOPT
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
