//! The parts of a platform file that do not depend on the system, where sockets are in non-blocking mode.

use std::fs::File;
use std::io;
use std::time::Duration;

use rustix::fd::BorrowedFd;
use socket2::Socket;

#[cfg(not(target_os = "freebsd"))]
use super::poll::{NextLook, READ};
#[cfg(not(target_os = "freebsd"))]
use crate::net::readiness::{Hangup, Readiness};

/// How often a thread looks for the peer's hang-up while no wait reports it.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Puts a new socket into the mode that the platform's calls expect.
pub(in crate::net) fn adopt(socket: &Socket) -> io::Result<()> {
    socket.set_nonblocking(true)
}

/// Returns what a wait for the peer's hang-up waits for, after a look with the outcome `now`.
#[cfg(not(target_os = "freebsd"))]
pub(in crate::net) fn next_look(_least: Hangup, now: Readiness) -> NextLook {
    match now.readable {
        false => NextLook::When(READ),
        true => NextLook::After(LOOK_INTERVAL),
    }
}

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
