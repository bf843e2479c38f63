//! A signal that ends the waits of any number of idle streams at once.

use std::io;
use std::time::{Duration, Instant};

use super::wake::{self, Pollable, Waker};
#[cfg(windows)]
use super::wake::{PollFd, PollFlags};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::now;

/// The interval at which a waiting thread checks a latch that has no descriptor.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// A signal with one descriptor for all idle connections of a server. Once set, it stays set.
#[derive(Debug)]
pub(crate) struct Latch {
    is_set: AtomicBool,
    /// `None` if the process had no descriptor left. Waits then check every [`CHECK_INTERVAL`].
    waker: Option<Waker>,
}

/// The outcome of [`Stream::wait_idle`](super::Stream::wait_idle).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// A read would not block.
    Readable,
    /// The latch is set.
    Latched,
}

impl Latch {
    pub(crate) fn new() -> Self {
        Self { is_set: AtomicBool::new(false), waker: Waker::new().ok() }
    }

    pub(crate) fn set(&self) {
        self.is_set.store(true, Ordering::SeqCst);
        if let Some(waker) = &self.waker {
            waker.signal();
        }
    }

    pub(super) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }

    /// Waits until `socket` is readable or the latch is set.
    ///
    /// # Errors
    ///
    /// `TimedOut` at `limit`.
    #[cfg(unix)]
    pub(super) fn wait(&self, socket: Pollable<'_>, limit: Option<Instant>) -> io::Result<Woken> {
        loop {
            let readable = match &self.waker {
                Some(waker) => !wake::wait_for(socket, wake::READ, waker, limit)?.0.is_empty(),
                None => {
                    let check = now() + CHECK_INTERVAL;
                    let until = limit.map_or(check, |limit| limit.min(check));
                    !wake::wait_one(socket, wake::READ, until)?.is_empty()
                }
            };
            if readable {
                return Ok(Woken::Readable);
            }
            if self.is_set() {
                return Ok(Woken::Latched);
            }
            if limit.is_some_and(|limit| limit <= now()) {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    /// Waits until `socket` is readable, `waker` is signalled or `until` has come. May return earlier, and
    /// does so if the latch is set. Returns what the socket is ready for and whether the waker was signalled.
    #[cfg(windows)]
    pub(super) fn wait_once(
        &self,
        socket: Pollable<'_>,
        waker: &Waker,
        until: Option<Instant>,
    ) -> io::Result<(PollFlags, bool)> {
        let mut fds = vec![PollFd::from_borrowed_fd(socket, wake::READ), waker.poll_fd()];
        fds.extend(self.waker.as_ref().map(Waker::poll_fd));
        let check = self.waker.is_none().then(|| now() + CHECK_INTERVAL);
        wake::wait(&mut fds, until.into_iter().chain(check).min())?;
        Ok((fds[0].revents(), !fds[1].revents().is_empty()))
    }
}
