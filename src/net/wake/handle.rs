//! The socket of a stream where only a close resets a connection.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use socket2::Socket;

use crate::sync::Mutex;

/// A socket whose connection any thread can reset. `None` after that. Each call holds the socket while it
/// runs, so the last of them closes it.
pub(in crate::net) struct Handle(Mutex<Option<Arc<Socket>>>);

impl Handle {
    pub(in crate::net) fn new(socket: Socket) -> Self {
        Self(Mutex::new(Some(Arc::new(socket))))
    }

    /// Calls the system with the socket.
    ///
    /// # Errors
    ///
    /// Those of the call, and `NotConnected` after a [`reset`](Self::reset).
    pub(in crate::net) fn with<T>(
        &self,
        call: impl FnOnce(&Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        let socket = self.0.lock().clone();
        call(&*socket.ok_or(io::ErrorKind::NotConnected)?)
    }

    /// Returns the socket, unless it was reset.
    pub(in crate::net) fn into_inner(self) -> Result<Socket, Self> {
        let socket = self.0.lock().take();
        socket.and_then(Arc::into_inner).ok_or(self)
    }

    /// Resets a TCP connection, once the calls of other threads have ended. The caller must have woken
    /// those that wait in `poll`. A descriptor that was handed out delays the reset.
    pub(in crate::net) fn reset(&self) -> io::Result<()> {
        let Some(socket) = self.0.lock().take() else { return Ok(()) };
        // A close that lingers for no time drops what is unsent and resets the connection.
        let lingers = socket.set_linger(Some(Duration::ZERO));
        // Ends a call of another thread that still has the socket. A peer does not notice the end of the
        // reading side.
        let how = if lingers.is_ok() { Shutdown::Read } else { Shutdown::Both };
        let _ = socket.shutdown(how);
        lingers
    }
}
