//! Linux and Android.

use std::fs::File;
use std::io::{self, IoSlice};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use socket2::{Socket, TcpKeepalive};

use super::poll::NextLook;
use super::posix;
use crate::net::readiness::{Hangup, Readiness};

pub(super) use super::posix::is_in_progress;
pub(in crate::net) use super::posix::{
    allow_rebinding, connect_look, connected, is_about_the_connection, is_shortage, share_port,
    socket_path, try_recv,
};
pub(in crate::net) use super::rdhup::readiness;

/// A write to a connection that is gone raises no signal.
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;

/// Puts a new socket into the mode that the calls below expect: blocking. A call that must not block
/// passes a flag.
pub(in crate::net) fn adopt(socket: &Socket) -> io::Result<()> {
    socket.set_nonblocking(false)
}

/// Receives once, and blocks for at most the socket's receive time-out.
pub(in crate::net) fn blocking_recv(socket: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    posix::recv(socket, buf, RecvFlags::empty())
}

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

/// Returns `true` if the process ignores `SIGPIPE`, as programs in Rust do. `sendfile` cannot be told not to
/// raise that signal, which ends a process that does not ignore it.
pub(in crate::net) fn sends_files() -> bool {
    static IGNORED: OnceLock<bool> = OnceLock::new();
    *IGNORED.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        ignores_sigpipe(&status)
    })
}

/// Finds `SIGPIPE`, which is number 13, in the mask of ignored signals in `/proc/self/status`.
fn ignores_sigpipe(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|digits| u128::from_str_radix(digits.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << 12) != 0)
}

/// Sends some of a file, from `offset` on. Blocks for at most the socket's send time-out, and fails with
/// `WouldBlock` then. Fails with `Unsupported` if reading that file is what fails.
pub(in crate::net) fn try_send_file(
    socket: BorrowedFd<'_>,
    file: &File,
    offset: u64,
    most: usize,
) -> io::Result<usize> {
    let mut at = offset;
    loop {
        match rustix::fs::sendfile(socket, file, Some(&mut at), most) {
            Err(Errno::INTR) => {}
            Err(
                Errno::ACCESS
                | Errno::BADF
                | Errno::INVAL
                | Errno::IO
                | Errno::ISDIR
                | Errno::NOMEM
                | Errno::NOSYS
                | Errno::OPNOTSUPP
                | Errno::OVERFLOW
                | Errno::PERM
                | Errno::SPIPE
                | Errno::STALE,
            ) => return Err(io::ErrorKind::Unsupported.into()),
            outcome => return Ok(outcome?),
        }
    }
}

/// Returns what a wait for the peer's hang-up waits for, after a look with the outcome `_now`.
pub(in crate::net) fn next_look(least: Hangup, _now: Readiness) -> NextLook {
    NextLook::When(match least {
        Hangup::EndOfStream => PollFlags::RDHUP,
        // The end of both directions and an error are reported even if not asked for.
        Hangup::Broken => PollFlags::empty(),
    })
}

/// Does nothing: an accepted socket inherits the listener's options.
pub(in crate::net) fn settle_accepted(_socket: &Socket, _tcp: bool, _keepalive: Duration) {}

/// Returns `true` if `socket` listens.
pub(in crate::net) fn listens(socket: &Socket) -> bool {
    socket.is_listener().unwrap_or(false)
}

/// Returns a duplicate of the descriptor `number` of this process, without unsafe code.
#[cfg(target_os = "linux")]
pub(in crate::net) fn inherited(number: i32) -> io::Result<OwnedFd> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    posix::duplicate_or(number, || {
        let this = pidfd_open(getpid(), PidfdFlags::empty())?;
        Ok(pidfd_getfd(this, number, PidfdGetfdFlags::empty())?)
    })
}

/// Returns a duplicate of standard input, output or error. Fails for other descriptors: rustix has no
/// `pidfd_getfd` for Android, and opening `/dev/fd` does not duplicate sockets.
#[cfg(target_os = "android")]
pub(in crate::net) fn inherited(number: i32) -> io::Result<OwnedFd> {
    posix::duplicate_or(number, || Err(io::ErrorKind::Unsupported.into()))
}

pub(super) fn keepalive(period: Duration) -> TcpKeepalive {
    TcpKeepalive::new().with_time(period).with_interval(period)
}

/// A socket whose connection any thread can reset.
pub(in crate::net) struct Handle(Socket);

impl Handle {
    pub(in crate::net) fn new(socket: Socket) -> Self {
        Self(socket)
    }

    /// Calls the system with the socket.
    pub(in crate::net) fn with<T>(
        &self,
        call: impl FnOnce(&Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        call(&self.0)
    }

    /// Returns the socket.
    pub(in crate::net) fn into_inner(self) -> Result<Socket, Self> {
        Ok(self.0)
    }

    /// Resets a TCP connection without closing its descriptor.
    pub(in crate::net) fn reset(&self) -> io::Result<()> {
        self.0.set_linger(Some(Duration::ZERO))?;
        Ok(rustix::net::connect_unspec(&self.0)?)
    }
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

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn sigpipe_is_found_in_the_mask_of_ignored_signals() {
        assert!(ignores_sigpipe("Name:\tx\nSigIgn:\t0000000000001000\nSigCgt:\t0\n"));
        assert!(!ignores_sigpipe("Name:\tx\nSigIgn:\t0000000000000800\n"));
        assert!(!ignores_sigpipe(""));
        assert!(sends_files());
    }
}
