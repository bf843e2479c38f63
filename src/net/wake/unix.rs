//! The Unix systems other than Linux and Android.
//!
//! Sockets are in non-blocking mode until they are handed out. Apple's systems have `MSG_DONTWAIT`, but a
//! write ignores it.
//!
//! Of these, only FreeBSD has `POLLRDHUP`. macOS and Apple's other systems set `POLLHUP` when either direction
//! of those that were asked for has ended, and nothing if none was. NetBSD never sets it. So a look asks for
//! a direction, takes `POLLHUP` for its end, and peeks if there is none.

use std::io::{self, IoSlice};
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, open};
#[cfg(not(target_os = "freebsd"))]
use rustix::io::Errno;
use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
use rustix::net::SendFlags;
#[cfg(not(target_os = "freebsd"))]
use rustix::net::{RecvFlags, recv};
use socket2::{Socket, TcpKeepalive};

#[cfg(target_os = "freebsd")]
use super::nonblocking::LOOK_INTERVAL;
#[cfg(target_os = "freebsd")]
use super::poll::NextLook;
#[cfg(not(target_os = "freebsd"))]
use super::poll::{READ, WRITE, look};
use super::posix;
#[cfg(target_os = "freebsd")]
use crate::net::readiness::Hangup;
use crate::net::readiness::Readiness;

pub(in crate::net) use super::handle::Handle;
#[cfg(not(target_os = "freebsd"))]
pub(in crate::net) use super::nonblocking::next_look;
pub(in crate::net) use super::nonblocking::{adopt, sends_files, try_send_file};
pub(super) use super::posix::is_in_progress;
pub(in crate::net) use super::posix::{
    allow_rebinding, connect_look, connected, is_about_the_connection, is_shortage, share_port,
    socket_path, try_recv,
};
#[cfg(target_os = "freebsd")]
pub(in crate::net) use super::rdhup::readiness;

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

/// Returns what can be known of the peer without a read.
#[cfg(not(target_os = "freebsd"))]
pub(in crate::net) fn readiness(socket: BorrowedFd<'_>) -> io::Result<Readiness> {
    let ready = look(socket, READ)?;
    let mut now = Readiness {
        readable: !ready.is_empty(),
        peer_closed: ready.contains(PollFlags::HUP),
        broken: ready.contains(PollFlags::ERR),
    };
    if now.peer_closed {
        now.broken |= look(socket, WRITE)?.intersects(PollFlags::ERR | PollFlags::HUP);
    } else if now.readable && !now.broken {
        match peek(socket) {
            Ok(count) => now.peer_closed = count == 0,
            // Another thread has read what there was.
            Err(Errno::AGAIN) => now.readable = false,
            Err(_) => now.broken = true,
        }
    }
    Ok(now)
}

/// Returns 0 at the end of the stream, and 1 if there is data. An error stays for the next read, except under
/// Linux, where `poll` reports it first.
#[cfg(not(target_os = "freebsd"))]
fn peek(socket: BorrowedFd<'_>) -> Result<usize, Errno> {
    loop {
        match recv(socket, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Err(Errno::INTR) => {}
            outcome => return Ok(outcome?.0),
        }
    }
}

/// Returns what a wait for the peer's hang-up waits for, after a look with the outcome `now`.
#[cfg(target_os = "freebsd")]
pub(in crate::net) fn next_look(_least: Hangup, now: Readiness) -> NextLook {
    match now.peer_closed {
        false => NextLook::When(PollFlags::RDHUP),
        // The system reports the end of both directions only to a wait for one of them.
        true => NextLook::After(LOOK_INTERVAL),
    }
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
#[cfg(any(target_os = "freebsd", hangup_portable))]
pub(in crate::net) fn listens(socket: &Socket) -> bool {
    socket.is_listener().unwrap_or(false)
}

/// Returns `true`: these systems cannot tell. A socket that does not listen fails at its first accept.
#[cfg(not(any(target_os = "freebsd", hangup_portable)))]
pub(in crate::net) fn listens(_socket: &Socket) -> bool {
    true
}

/// Returns a duplicate of the descriptor `number` of this process, without unsafe code. Above 2, FreeBSD needs
/// `fdescfs`, mounted at `/dev/fd`.
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
