//! Signals that end a program.
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

use std::io;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, signal_name};

use crate::context::Context;
use crate::sync;

/// The stack of the thread that receives signals, in bytes. It runs hooks of contexts, which are short.
const STACK: usize = 256 * 1024;

/// Returns a context that ends at the first SIGINT or SIGTERM.
///
/// [`serve_until`](crate::server::Listening::serve_until) then shuts a server down gracefully, and a call
/// of a client with this context, or a child of it, ends. The context's
/// [cause](crate::ContextError::cause) names the signal.
///
/// The second signal ends the process at once, as it would without this. So does the first if the context
/// has ended already.
///
/// The handlers are the process's, and stay until it ends. Other handlers for these signals run as well, if
/// they were set with `signal-hook`. Each call returns a separate context.
///
/// # Errors
///
/// The system's, if a handler cannot be set or no thread can be started.
pub fn termination() -> io::Result<Context> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let context = Context::new();
    let ended = context.clone();
    sync::spawn("hangup-signals", Some(STACK), move || {
        for signal in signals.forever() {
            if ended.is_done() {
                // Fails for an unknown signal only.
                let _ = emulate_default_handler(signal);
            }
            let name = signal_name(signal).unwrap_or("a signal");
            ended.cancel_with(format!("the process received {name}"));
        }
    })?;
    Ok(context)
}
