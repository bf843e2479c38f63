//! The platform: waiting for readiness with a deadline and a wake-up, and calls that never block.
//!
//! This file holds what is the same everywhere. `platform` is one file for each family of systems, and
//! `posix.rs` what the Unix ones share. No other file of `net` names a system call. A new platform is a
//! new file with the items that are re-exported from `platform` below:
//!
//! | | `linux.rs` | `unix.rs` | `windows.rs` |
//! | --- | --- | --- | --- |
//! | wake-up descriptor | `eventfd` | a pipe | a connected pair of loopback sockets |
//! | peer's end of stream without reading | `POLLRDHUP` | that on FreeBSD, else a peek | a peek |
//! | the same behind unread data | yes | FreeBSD yes, Apple's within 100 ms, others no | within 100 ms, if reported |
//! | one call that does not block | `MSG_DONTWAIT` | the socket in non-blocking mode | the same |
//! | no `SIGPIPE` | `MSG_NOSIGNAL` | that, or the option set by the standard library | nothing to do |
//! | reset | connect to no address | linger 0 and close | the same |
//! | a failed connect | reported | reported | looked for every 100 ms |
//! | a write that more will follow | `MSG_MORE` | an ordinary write | the same |
//! | a file without a copy | `sendfile` | not at all | not at all |
//! | accepted sockets inherit options | yes | some | no |
//!
//! With `--cfg hangup_portable`, `unix.rs` is built on Linux too, and behaves as on a system without
//! `POLLRDHUP`. So the tests can run over it.
//!
//! # The peer's hang-up
//!
//! `readiness` returns what can be known of the peer without a read. A thread that waits for the hang-up
//! calls it in a loop, and `next_look` says what it does in between. On a system that reports the hang-up by
//! `poll`, that is a wait for this report. Elsewhere the end of the stream makes the socket readable, and a
//! peek tells it from data. While data is unread, the socket stays readable, so a wait would end at once.
//! The thread then lets a time pass, without the socket: it neither takes the data from the thread that reads
//! nor keeps a core busy.
//!
//! # Blocking mode
//!
//! On Linux a socket stays in blocking mode all the time, and a call that must not block passes a flag. So
//! a socket that is handed out (a hijacked connection) is an ordinary one. Elsewhere a flag for each call
//! is missing or concerns only reads. There a socket is in non-blocking mode until it is handed out.
//!
//! # Reset
//!
//! `Handle` is the socket of a stream. Where only a close resets a connection, it closes the socket although
//! other threads have handles of the stream, once none of them is in a call of the system (`handle.rs`).

#[cfg(any(not(any(target_os = "linux", target_os = "android")), hangup_portable))]
mod handle;
#[cfg(any(not(any(target_os = "linux", target_os = "android")), hangup_portable))]
mod nonblocking;
#[cfg_attr(
    all(any(target_os = "linux", target_os = "android"), not(hangup_portable)),
    path = "linux.rs"
)]
#[cfg_attr(
    all(unix, any(hangup_portable, not(any(target_os = "linux", target_os = "android")))),
    path = "unix.rs"
)]
#[cfg_attr(windows, path = "windows.rs")]
mod platform;
mod poll;
#[cfg(unix)]
mod posix;
#[cfg(all(
    any(target_os = "linux", target_os = "android", target_os = "freebsd"),
    not(hangup_portable)
))]
mod rdhup;

use std::cell::OnceCell;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fd::{AsFd, BorrowedFd};
use socket2::Socket;

#[cfg(unix)]
pub(super) use self::platform::inherited;
pub(super) use self::platform::{
    Handle, Waker, adopt, allow_rebinding, connect_look, connected, is_about_the_connection,
    is_shortage, listens, next_look, readiness, sends_files, settle_accepted, share_port,
    socket_path, try_recv, try_send, try_send_file,
};
#[cfg(all(any(target_os = "linux", target_os = "android"), not(hangup_portable)))]
pub(super) use self::platform::{blocking_recv, try_send_ahead};
use self::platform::{is_in_progress, keepalive};
pub(super) use self::poll::{NextLook, PollFd, PollFlags, READ, WRITE, look, wait};

/// A borrowed socket.
pub(super) type Pollable<'a> = BorrowedFd<'a>;

/// Borrows `socket` for waiting.
pub(super) fn pollable(socket: &Socket) -> Pollable<'_> {
    socket.as_fd()
}

/// Makes `socket` one of several things to wait for.
pub(super) fn poll_fd(socket: &Socket, interest: PollFlags) -> PollFd<'_> {
    PollFd::from_borrowed_fd(socket.as_fd(), interest)
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
#[cfg(all(any(target_os = "linux", target_os = "android"), not(hangup_portable)))]
pub(super) fn wait_one(
    socket: Pollable<'_>,
    interest: PollFlags,
    until: Instant,
) -> io::Result<PollFlags> {
    let mut fds = [PollFd::from_borrowed_fd(socket, interest)];
    wait(&mut fds, Some(until))?;
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
