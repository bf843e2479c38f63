//! Signals that end a program: SIGINT and SIGTERM on Unix, Ctrl-C and Ctrl-Break on Windows.
//!
//! ```no_run
//! use hangup::{Server, signals};
//! use std::io::Write;
//! use std::time::Duration;
//!
//! let stop = signals::termination()?;
//! Server::new(|w, _| Ok(w.write_all(b"hello")?))
//!     .listen("127.0.0.1:8080")?
//!     .serve_until(&stop, Duration::from_secs(10))?;
//! # Ok::<(), std::io::Error>(())
//! ```

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod platform;

use std::io;

use crate::context::Context;

/// Returns a context that ends at the first SIGINT or SIGTERM, on Windows at the first Ctrl-C or Ctrl-Break.
///
/// [`serve_until`](crate::server::Listening::serve_until) then shuts a server down gracefully, and a call
/// of a client with this context, or a child of it, ends. The context's
/// [cause](crate::ContextError::cause) names the signal.
///
/// The second signal ends the process at once, as it would without this. So does the first if the context
/// has ended already.
///
/// The handlers are the process's, and stay until it ends. Each call returns a separate context. On Unix, other
/// handlers for these signals run as well if they were set with `signal-hook`. On Windows, handlers that
/// were set before do not run any more.
///
/// On Windows, a console that closes ends its programs at once, as do the end of the user's session and the
/// machine's shutdown. A server has no time then for a graceful shutdown.
///
/// # Errors
///
/// The system's, if a handler cannot be set or no thread can be started. On Windows
/// [`AlreadyExists`](io::ErrorKind::AlreadyExists), if the process has set a handler with `ctrlc`.
pub fn termination() -> io::Result<Context> {
    let context = Context::new();
    platform::end_at_signal(context.clone())?;
    Ok(context)
}
