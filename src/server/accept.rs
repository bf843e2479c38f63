//! The accept loop.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::conn::Conn;
use super::panics;
use super::registry::{Registry, Ticket};
use super::response::write_refusal;
use super::scope::Link;
use super::{CONN_THREAD, Shared};
use crate::net::{Addr, Listener, Stream};
use crate::sync;

/// The first wait after a failed accept, doubled up to [`MAX_BACK_OFF`]. What fails here (no
/// descriptors, no memory) is mended by connections ending, not by trying again at once.
const MIN_BACK_OFF: Duration = Duration::from_millis(5);
const MAX_BACK_OFF: Duration = Duration::from_secs(1);

/// Accepts connections until the listener is closed.
pub(super) fn run(shared: &Arc<Shared>, listener: &Listener) {
    let mut back_off = MIN_BACK_OFF;
    loop {
        match listener.accept() {
            Ok(Some((stream, remote))) => {
                back_off = MIN_BACK_OFF;
                start(shared, stream, remote);
            }
            Ok(None) => return,
            Err(error) => {
                log::warn!("cannot accept a connection, trying again in {back_off:?}: {error}");
                if shared.closed.wait_timeout(back_off).is_some() {
                    return;
                }
                back_off = (back_off * 2).min(MAX_BACK_OFF);
            }
        }
    }
}

/// Starts the thread of a new connection. What takes time of TLS is left to it.
pub(super) fn start(shared: &Arc<Shared>, stream: Stream, remote: Addr) {
    let stream = match &shared.options.acceptor {
        None => stream,
        Some(acceptor) => match acceptor.begin(stream) {
            Ok(stream) => stream,
            Err(error) => return log::error!("{remote}: {error}"),
        },
    };
    let Some(ticket) = Registry::admit(shared, &stream, &remote) else { return stream.close() };
    if let Err(error) = spawn(shared, stream.clone(), remote, Arc::clone(&ticket)) {
        log::error!("no thread for a connection: {error}");
        // On the accepting thread: whatever cannot be done without waiting is left undone.
        let mut answer = Vec::new();
        let text = "no room for another connection\n";
        write_refusal(&mut answer, StatusCode::SERVICE_UNAVAILABLE, text, false);
        let _ = stream.try_write_vectored(&[IoSlice::new(&answer)]);
        // What the client has sent already must not turn the close into a reset.
        let _ = stream.try_read(&mut [0; 4096]);
        stream.close();
        ticket.closed();
    }
}

fn spawn(
    shared: &Arc<Shared>,
    stream: Stream,
    remote: Addr,
    ticket: Arc<Ticket>,
) -> std::io::Result<()> {
    let stack = shared.options.stack_size;
    let shared = Arc::clone(shared);
    let thread = sync::spawn(CONN_THREAD, stack, move || {
        panics::remember();
        let local = stream.local_addr().unwrap_or(Addr::Unknown);
        let link = Link { remote, local, tls: None };
        let refused = ticket.is_refused();
        let conn = Conn::new(shared, stream, link, ticket);
        match refused {
            true => conn.turn_away(),
            false => conn.run(),
        }
    });
    thread.map(drop)
}
