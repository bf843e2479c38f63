//! A signal that ends the waits of any number of idle streams at once.

use std::io;
use std::time::{Duration, Instant};

use rustix::fd::BorrowedFd;

use super::wake::{self, PollFd, Waker};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::now;

/// How often a waiting thread looks at a bell that has no descriptor.
const LOOK: Duration = Duration::from_millis(250);

/// One descriptor for all idle connections of a server. Once rung it stays rung.
#[derive(Debug)]
pub(crate) struct Bell {
    rung: AtomicBool,
    /// `None` if the process had no descriptor left. Waits then look every [`LOOK`].
    waker: Option<Waker>,
}

/// The end of a [`Stream::wait_idle`](super::Stream::wait_idle).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// A read would not block.
    Readable,
    /// The bell has been rung.
    Rung,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self { rung: AtomicBool::new(false), waker: Waker::new().ok() }
    }

    pub(crate) fn ring(&self) {
        self.rung.store(true, Ordering::SeqCst);
        if let Some(waker) = &self.waker {
            waker.signal();
        }
    }

    pub(super) fn is_rung(&self) -> bool {
        self.rung.load(Ordering::SeqCst)
    }

    /// Blocks until `socket` is readable or the bell is rung.
    ///
    /// # Errors
    ///
    /// `TimedOut` at `limit`.
    pub(super) fn wait(&self, socket: BorrowedFd<'_>, limit: Option<Instant>) -> io::Result<Woken> {
        let socket = PollFd::from_borrowed_fd(socket, wake::READ);
        loop {
            let readable = match &self.waker {
                Some(waker) => {
                    let mut fds = [socket.clone(), waker.poll_fd()];
                    wake::wait(&mut fds, limit)?;
                    !fds[0].revents().is_empty()
                }
                None => {
                    let look = now() + LOOK;
                    let until = limit.map_or(look, |limit| limit.min(look));
                    wake::wait(&mut [socket.clone()], Some(until))? > 0
                }
            };
            if readable {
                return Ok(Woken::Readable);
            }
            if self.is_rung() {
                return Ok(Woken::Rung);
            }
            if limit.is_some_and(|limit| limit <= now()) {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }
}
