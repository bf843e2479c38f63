//! The accept loop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::core::{Accepted, ServerCore};
use super::registry::AdmitError;
use crate::logging as log;
use crate::net::{Addr, Listener, Stream, is_shortage, is_transient};
use crate::sync::now;

/// The first pause after accepting failed for a shortage of descriptors or memory. Connections that end
/// relieve the shortage; an immediate retry would not.
const MIN_BACK_OFF: Duration = Duration::from_millis(5);

/// The longest pause. Each failure in a row doubles the pause up to this.
const MAX_BACK_OFF: Duration = Duration::from_secs(1);

/// How many queued connections a graceful shutdown accepts: as many as Linux queues by default.
const MAX_LAST_ACCEPTS: usize = 4096;

/// How long a graceful shutdown accepts queued connections. Later ones are for another process that shares
/// the listening socket.
const LAST_ACCEPTS_LIMIT: Duration = Duration::from_secs(1);

/// Accepts connections until the server is shut down.
///
/// # Errors
///
/// The first error after which no connection can be accepted.
pub(super) fn run(core: &Arc<ServerCore>, listener: &Listener) -> io::Result<()> {
    let mut back_off = MIN_BACK_OFF;
    while !core.registry.is_stopping() {
        match listener.accept() {
            Ok(Some((stream, remote))) => {
                back_off = MIN_BACK_OFF;
                start(core, stream, remote);
            }
            Ok(None) => break,
            Err(error) if is_shortage(&error) => {
                log::warn!("accept failed, retrying in {back_off:?}: {error}");
                core.registry.pause(back_off);
                back_off = (back_off * 2).min(MAX_BACK_OFF);
            }
            Err(error) if is_transient(&error) => {
                log::debug!("connection failed before it was accepted: {error}");
            }
            Err(error) => return Err(error),
        }
    }
    empty_queue(core, listener);
    Ok(())
}

/// Accepts the connections that the system has queued. Has no effect on a closed listener.
fn empty_queue(core: &Arc<ServerCore>, listener: &Listener) {
    let until = now() + LAST_ACCEPTS_LIMIT;
    for _ in 0..MAX_LAST_ACCEPTS {
        match listener.accept() {
            Ok(Some((stream, remote))) => start(core, stream, remote),
            Err(error) if is_transient(&error) && !is_shortage(&error) => {}
            Ok(None) | Err(_) => return,
        }
        if now() >= until {
            return;
        }
    }
}

/// Admits a new connection and dispatches it to a thread.
pub(super) fn start(core: &Arc<ServerCore>, stream: Stream, remote: Addr) {
    let Some(stream) = core.protocol.prepare(stream, &remote) else { return };
    let guard = match core.admit(&stream, &remote) {
        Ok(guard) => guard,
        Err(reason) => {
            if reason == AdmitError::Overloaded {
                core.protocol.reject(&stream);
            }
            return stream.close();
        }
    };
    let accepted = Accepted { stream: stream.clone(), remote, guard: Arc::clone(&guard) };
    if let Err(error) = core.dispatch(accepted) {
        log::error!("cannot start a thread for a connection: {error}");
        core.protocol.reject(&stream);
        stream.close();
        guard.closed();
    }
}
