//! The platform: waiting for readiness with a deadline and a wake-up, and calls that never block.
//!
//! This file holds what is the same everywhere. `platform` is one file for each family of systems, and
//! `posix.rs` what the Unix ones share. No other file of `net` names a system call. A new platform is a
//! new file with the items that are re-exported from `platform` below:
//!
//! | | `linux.rs` | `unix.rs` | Windows, not written yet |
//! | --- | --- | --- | --- |
//! | wake-up descriptor | `eventfd` | a pipe | a connected pair of loopback sockets |
//! | peer's end of stream without reading | `POLLRDHUP` | where it exists, else not at all | not at all |
//! | one call that does not block | `MSG_DONTWAIT` | the same | the socket in non-blocking mode |
//! | no `SIGPIPE` | `MSG_NOSIGNAL` | that, or the option set by the standard library | nothing to do |
//! | a write that more will follow | `MSG_MORE` | an ordinary write | the same |
//! | a file without a copy | `sendfile` | not at all | not at all |
//! | accepted sockets inherit options | yes | some | no |
//!
//! A socket stays in blocking mode all the time, and a call that must not block passes a flag. So a
//! socket that is handed out (a hijacked connection) is an ordinary one.

#[cfg_attr(any(target_os = "linux", target_os = "android"), path = "linux.rs")]
#[cfg_attr(all(unix, not(any(target_os = "linux", target_os = "android"))), path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod platform;
#[cfg(unix)]
mod posix;

use std::cell::OnceCell;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;
use socket2::Socket;

pub(super) use rustix::event::{PollFd, PollFlags};

pub(super) use self::platform::{
    PEER_DONE, Waker, adopt, allow_rebinding, hand_out, is_about_the_connection, is_shortage,
    listens, reset, sends_files, settle_accepted, share_port, socket_path, try_recv, try_send,
    try_send_ahead, try_send_file,
};
#[cfg(unix)]
pub(super) use self::platform::{blocking_recv, inherited};
use self::platform::{is_in_progress, keepalive};

/// A borrowed socket.
pub(super) type Pollable<'a> = BorrowedFd<'a>;

/// The longest single wait. Callers check their deadlines and wait again.
///
/// Some systems take the time-out as milliseconds in a C `int`, which ends after 24 days.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A read would not block: there is data, the end of the stream, or an error.
pub(super) const READ: PollFlags = PollFlags::IN;

/// A write would not block: there is room, or an error.
pub(super) const WRITE: PollFlags = PollFlags::OUT;

/// Both directions have ended, or the connection has failed. Reported even if not asked for.
pub(super) const BROKEN: PollFlags = PollFlags::ERR.union(PollFlags::HUP);

/// Borrows `socket` for waiting.
pub(super) fn pollable(socket: &Socket) -> Pollable<'_> {
    socket.as_fd()
}

/// Makes `socket` one of several things to wait for.
pub(super) fn poll_fd(socket: &Socket, interest: PollFlags) -> PollFd<'_> {
    PollFd::from_borrowed_fd(socket.as_fd(), interest)
}

/// Waits until one of `fds` is ready or `until` has come, and returns the number of those ready. It may
/// return zero a little early, or, for a deadline beyond a day, much too early.
pub(super) fn wait(fds: &mut [PollFd<'_>], until: Option<Instant>) -> io::Result<usize> {
    poll(fds, || until.map(|until| timespec(until.saturating_duration_since(Instant::now()))))
}

fn poll(fds: &mut [PollFd<'_>], timeout: impl Fn() -> Option<Timespec>) -> io::Result<usize> {
    loop {
        match rustix::event::poll(fds, timeout().as_ref()) {
            Err(Errno::INTR) => {}
            outcome => return Ok(outcome?),
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec::try_from(duration.min(LONGEST_WAIT)).expect("a day fits")
}

/// Waits until `socket` is ready for `interest`, `waker` is signalled or `until` has come.
///
/// Returns what the socket is ready for (nothing, if it did not end the wait) and whether the waker was
/// signalled.
pub(super) fn wait_for(
    socket: Pollable<'_>,
    interest: PollFlags,
    waker: &Waker,
    until: Option<Instant>,
) -> io::Result<(PollFlags, bool)> {
    let mut fds = [PollFd::from_borrowed_fd(socket, interest), waker.poll_fd()];
    wait(&mut fds, until)?;
    Ok((fds[0].revents(), !fds[1].revents().is_empty()))
}

/// Waits until `socket` is ready for `interest` or `until` has come. Returns what it is ready for.
pub(super) fn wait_one(
    socket: Pollable<'_>,
    interest: PollFlags,
    until: Instant,
) -> io::Result<PollFlags> {
    let mut fds = [PollFd::from_borrowed_fd(socket, interest)];
    wait(&mut fds, Some(until))?;
    Ok(fds[0].revents())
}

/// Returns what `socket` is ready for now.
pub(super) fn look(socket: Pollable<'_>, interest: PollFlags) -> io::Result<PollFlags> {
    let mut fds = [PollFd::from_borrowed_fd(socket, interest)];
    poll(&mut fds, || Some(Timespec::default()))?;
    Ok(fds[0].revents())
}

/// Turns keep-alive probes on, with `period` before the first and between any two, or off.
pub(super) fn set_keepalive(socket: &Socket, period: Option<Duration>) -> io::Result<()> {
    match period {
        None => socket.set_keepalive(false),
        // The systems count in whole seconds.
        Some(period) => {
            let period = period.max(Duration::from_secs(1));
            socket.set_tcp_keepalive(&keepalive(period))
        }
    }
}

/// Begins to connect a socket in non-blocking mode. Returns `true` if it is connected already.
///
/// A Unix socket whose listener's queue is full fails with `WouldBlock`, and has not begun.
pub(super) fn start_connect(socket: &Socket, address: &socket2::SockAddr) -> io::Result<bool> {
    match socket.connect(address) {
        Ok(()) => Ok(true),
        Err(error) if is_in_progress(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

impl Waker {
    /// Makes this waker one of several things to wait for.
    pub(super) fn poll_fd(&self) -> PollFd<'_> {
        PollFd::from_borrowed_fd(self.as_fd(), READ)
    }

    /// Returns the calling thread's waker, which is created when the thread first waits and kept until
    /// it ends.
    ///
    /// A thread waits for one stream at a time, so one waker is enough. Code that passes it to other
    /// threads must make sure that none signals it after the wait.
    pub(super) fn of_this_thread() -> io::Result<Arc<Self>> {
        thread_local! {
            static MINE: OnceCell<Arc<Waker>> = const { OnceCell::new() };
        }
        let kept = MINE.try_with(|mine| match mine.get() {
            Some(waker) => Ok(Arc::clone(waker)),
            None => {
                let waker = Arc::new(Self::new()?);
                Ok(Arc::clone(mine.get_or_init(|| waker)))
            }
        });
        // A thread that is ending has dropped its waker already.
        kept.unwrap_or_else(|_| Ok(Arc::new(Self::new()?)))
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_signal_stays_until_it_is_drained() {
        let waker = Waker::new().unwrap();
        let ready = |waker: &Waker| wait(&mut [waker.poll_fd()], Some(Instant::now())).unwrap();
        assert_eq!(ready(&waker), 0);
        waker.signal();
        waker.signal();
        assert_eq!((ready(&waker), ready(&waker)), (1, 1));
        waker.drain();
        assert_eq!(ready(&waker), 0);
    }

    #[test]
    fn a_wait_lasts_until_its_deadline_and_no_less() {
        let waker = Waker::new().unwrap();
        let until = Instant::now() + Duration::from_millis(5);
        assert_eq!(wait(&mut [waker.poll_fd()], Some(until)).unwrap(), 0);
        assert!(Instant::now() >= until);
    }

    #[test]
    fn a_thread_has_one_waker() {
        let (one, other) = (Waker::of_this_thread().unwrap(), Waker::of_this_thread().unwrap());
        assert!(Arc::ptr_eq(&one, &other));
    }
}
