//! The accept loop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::ServerCore;
use super::registry::NotAdmitted;
use super::thread_cache::{self, Accepted};
use crate::logging as log;
use crate::net::{Addr, Listener, Stream, is_shortage, is_transient};
use crate::sync::now;

/// The first wait after an accept that failed for a shortage, doubled up to [`MAX_BACK_OFF`].
/// Connections that end mend a shortage of descriptors or memory; trying again at once does not.
const MIN_BACK_OFF: Duration = Duration::from_millis(5);
const MAX_BACK_OFF: Duration = Duration::from_secs(1);

/// How many queued connections a graceful shutdown accepts: as many as Linux queues by default.
const LAST_ACCEPTS: usize = 4096;

/// How long it accepts them. Another process that shares the listening socket takes what comes later.
const LAST_CALL: Duration = Duration::from_secs(1);

/// Accepts connections until the server is shut down.
///
/// # Errors
///
/// The first that says that no connection will ever be accepted.
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
                log::warn!("cannot accept a connection, trying again in {back_off:?}: {error}");
                core.closed.wait_timeout(back_off);
                back_off = (back_off * 2).min(MAX_BACK_OFF);
            }
            Err(error) if is_transient(&error) => {
                log::debug!("a connection failed before it was accepted: {error}");
            }
            Err(error) => return Err(error),
        }
    }
    empty_queue(core, listener);
    Ok(())
}

/// Accepts the connections that the system has queued. Without effect on a listener that is closed.
fn empty_queue(core: &Arc<ServerCore>, listener: &Listener) {
    let until = now() + LAST_CALL;
    for _ in 0..LAST_ACCEPTS {
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

/// Enters a new connection and has a thread serve it.
pub(super) fn start(core: &Arc<ServerCore>, stream: Stream, remote: Addr) {
    let Some(stream) = core.protocol.admit(stream, &remote) else { return };
    let guard = match core.admit(&stream, &remote) {
        Ok(guard) => guard,
        Err(reason) => {
            if reason == NotAdmitted::Overloaded {
                core.protocol.no_room(&stream);
            }
            return stream.close();
        }
    };
    let accepted = Accepted { stream: stream.clone(), remote, guard: Arc::clone(&guard) };
    if let Err(error) = thread_cache::dispatch(core, accepted) {
        log::error!("no thread for a connection: {error}");
        core.protocol.no_room(&stream);
        stream.close();
        guard.closed();
    }
}
