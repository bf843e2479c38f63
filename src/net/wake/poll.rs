//! Waiting for readiness by `poll`, which Windows has as `WSAPoll`.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::fd::BorrowedFd;
use rustix::io::Errno;

pub(in crate::net) use rustix::event::{PollFd, PollFlags};

/// The longest single wait. Callers check their deadlines and wait again.
///
/// Some systems take the time-out as milliseconds in a C `int`, which ends after 24 days.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A read would not block: there is data, the end of the stream, or an error.
pub(in crate::net) const READ: PollFlags = PollFlags::IN;

/// A write would not block: there is room, or an error.
pub(in crate::net) const WRITE: PollFlags = PollFlags::OUT;

/// Waits until one of `fds` is ready or `until` has come, and returns the number of those ready. It may
/// return zero a little early, or, for a deadline beyond a day, much too early.
pub(in crate::net) fn wait(fds: &mut [PollFd<'_>], until: Option<Instant>) -> io::Result<usize> {
    poll(fds, || until.map(|until| timespec(until.saturating_duration_since(Instant::now()))))
}

/// Returns what `socket` is ready for now.
pub(in crate::net) fn look(socket: BorrowedFd<'_>, interest: PollFlags) -> io::Result<PollFlags> {
    let mut fds = [PollFd::from_borrowed_fd(socket, interest)];
    poll(&mut fds, || Some(Timespec::default()))?;
    Ok(fds[0].revents())
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

/// The step of a thread that waits for the peer's hang-up, until it looks at the socket again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum NextLook {
    /// It waits until the socket is ready for this. The peer's hang-up makes it so.
    When(PollFlags),
    /// It lets this time pass: unread data hides the hang-up, and keeps the socket readable.
    #[allow(dead_code, reason = "Linux has a wait for each hang-up")]
    After(Duration),
}
