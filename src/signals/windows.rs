//! Ctrl-C and Ctrl-Break, received by the thread of `ctrlc`.

use std::{io, process};

use crate::context::Context;
use crate::sync::Mutex;

/// The exit status of a process that Windows itself ends at Ctrl-C: `STATUS_CONTROL_C_EXIT`.
const ENDED_BY_CTRL_C: i32 = 0xC000_013A_u32 as i32;

/// The contexts of all calls. `ctrlc` accepts one handler in a process, which is set with the first.
static CONTEXTS: Mutex<Vec<Context>> = Mutex::new(Vec::new());

/// Ends `context` at the first signal.
pub(super) fn end_at_signal(context: Context) -> io::Result<()> {
    let mut contexts = CONTEXTS.lock();
    if contexts.is_empty() {
        ctrlc::set_handler(end_all).map_err(|error| match error {
            ctrlc::Error::System(error) => error,
            other => io::Error::new(io::ErrorKind::AlreadyExists, other),
        })?;
    }
    contexts.push(context);
    Ok(())
}

/// Ends the contexts, or the process if one of them has ended before.
fn end_all() {
    let contexts = CONTEXTS.lock().clone();
    if contexts.iter().any(Context::is_done) {
        process::exit(ENDED_BY_CTRL_C);
    }
    // `ctrlc` does not tell which key was pressed.
    contexts
        .iter()
        .for_each(|context| context.cancel_with("the process received Ctrl-C or Ctrl-Break"));
}
