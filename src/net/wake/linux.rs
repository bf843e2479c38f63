//! Linux and Android.

use std::io::{self, IoSlice};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::net::SendFlags;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::{Socket, TcpKeepalive};

use super::posix;

pub(in crate::net) use super::posix::{
    allow_rebinding, blocking_recv, is_about_the_connection, is_shortage, share_port, socket_path,
    try_recv,
};

/// The peer has ended its stream, however much of it is unread.
pub(in crate::net) const PEER_DONE: PollFlags = PollFlags::RDHUP;

/// A write to a connection that is gone raises no signal.
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;

/// Sends once without blocking. Fails with `WouldBlock` if there is no room at all.
pub(in crate::net) fn try_send(
    socket: BorrowedFd<'_>,
    slices: &[IoSlice<'_>],
) -> io::Result<usize> {
    posix::try_send(socket, slices, NO_SIGNAL)
}

/// Sends as [`try_send`] does, and tells the system that more follows at once. The system may hold the data
/// back for at most 200 ms, to send both together.
pub(in crate::net) fn try_send_ahead(
    socket: BorrowedFd<'_>,
    slices: &[IoSlice<'_>],
) -> io::Result<usize> {
    posix::try_send(socket, slices, NO_SIGNAL | SendFlags::MORE)
}

/// Resets a TCP connection without closing its descriptor.
pub(in crate::net) fn reset(socket: &Socket) -> io::Result<()> {
    socket.set_linger(Some(Duration::ZERO))?;
    Ok(rustix::net::connect_unspec(socket)?)
}

/// Does nothing: an accepted socket inherits the listener's options.
pub(in crate::net) fn settle_accepted(_socket: &Socket, _tcp: bool, _keepalive: Duration) {}

/// Returns `true` if `socket` listens.
pub(in crate::net) fn listens(socket: &Socket) -> bool {
    socket.is_listener().unwrap_or(false)
}

/// Returns a duplicate of the descriptor `number` of this process, without unsafe code.
pub(in crate::net) fn inherited(number: i32) -> io::Result<OwnedFd> {
    posix::duplicate_or(number, || {
        let this = pidfd_open(getpid(), PidfdFlags::empty())?;
        Ok(pidfd_getfd(this, number, PidfdGetfdFlags::empty())?)
    })
}

pub(super) fn keepalive(period: Duration) -> TcpKeepalive {
    TcpKeepalive::new().with_time(period).with_interval(period)
}

/// A descriptor that becomes readable when it is signalled, and stays so until it is drained.
#[derive(Debug)]
pub(in crate::net) struct Waker {
    event: OwnedFd,
}

impl Waker {
    pub(in crate::net) fn new() -> io::Result<Self> {
        Ok(Self { event: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)? })
    }

    /// Wakes the threads that wait for it.
    pub(in crate::net) fn signal(&self) {
        // Fails only if the counter is full, and then the descriptor is readable.
        let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
    }

    pub(in crate::net) fn drain(&self) {
        let _ = rustix::io::read(&self.event, &mut [0; 8]);
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}
