//! SIGINT and SIGTERM, received by a thread for each context.

use std::io;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, signal_name};

use crate::context::Context;
use crate::sync;

/// The stack of the thread that receives signals, in bytes. It runs hooks of contexts, which are short.
const STACK: usize = 256 * 1024;

/// Ends `context` at the first signal.
pub(super) fn end_at_signal(context: Context) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    sync::spawn("hangup-signals", Some(STACK), move || {
        for signal in signals.forever() {
            if context.is_done() {
                // Fails for an unknown signal only.
                let _ = emulate_default_handler(signal);
            }
            let name = signal_name(signal).unwrap_or("a signal");
            context.cancel_with(format!("the process received {name}"));
        }
    })?;
    Ok(())
}
