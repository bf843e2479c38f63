//! Sending a part of a file without a copy through this process.
//!
//! `sendfile` takes no flag that keeps it from blocking, and the socket stays in blocking mode for its
//! readers. So it gets the shortest send time-out that the system knows, one tick of at most 10 ms. All
//! other writes pass a flag, and are not concerned. When the time has run out the thread waits for room as
//! any writer does, where deadlines and a close wake it. A close ends a blocked `sendfile` as well.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Socket;
use crate::net::wake;

/// The most bytes of one system call. Deadlines are checked between two calls.
const MOST_AT_ONCE: u64 = 1 << 20;

/// The system rounds it up to one tick of its clock.
const SHORTEST: Duration = Duration::from_micros(1);

/// `true` once the socket has the [`SHORTEST`] send time-out.
#[derive(Default)]
pub(super) struct SendTimeout(AtomicBool);

impl Socket {
    /// Sends some of `file`, from `offset` on, at most `length` bytes. Returns 0 at the end of the file.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the system cannot do it with this file, and those of a write.
    pub(in crate::net) fn send_file(
        &self,
        file: &File,
        offset: u64,
        length: u64,
    ) -> io::Result<usize> {
        if !self.send_timeout.0.load(Ordering::Relaxed) {
            self.socket.with(|socket| socket.set_write_timeout(Some(SHORTEST)))?;
            self.send_timeout.0.store(true, Ordering::Relaxed);
        }
        let most = usize::try_from(length.min(MOST_AT_ONCE)).expect("a MiB fits");
        self.write_by(|| {
            let send = |socket: &socket2::Socket| {
                wake::try_send_file(wake::pollable(socket), file, offset, most)
            };
            self.socket.with(send)
        })
    }

    /// Removes the send time-out of a socket that is handed out.
    pub(super) fn clear_send_timeout(&self) -> io::Result<()> {
        if self.send_timeout.0.swap(false, Ordering::Relaxed) {
            self.socket.with(|socket| socket.set_write_timeout(None))?;
        }
        Ok(())
    }
}
