//! The accept loop.

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::conn::Conn;
use super::panics;
use super::registry::{Registry, Ticket};
use super::signals::Addrs;
use super::{CONN_THREAD, Shared};
use crate::net::{Addr, Listener, Stream};
use crate::sync;

/// The first wait after a failed accept, doubled up to [`MAX_BACK_OFF`]. What fails here (no
/// descriptors, no memory) is mended by connections ending, not by trying again at once.
const MIN_BACK_OFF: Duration = Duration::from_millis(5);
const MAX_BACK_OFF: Duration = Duration::from_secs(1);

/// How many connections beyond the maximum may be told so at the same time; the others are closed
/// without a word.
const MAX_REFUSALS: usize = 16;

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

/// Starts the thread of a new connection.
pub(super) fn start(shared: &Arc<Shared>, stream: Stream, remote: Addr) {
    let full = shared.options.max_connections.is_some_and(|most| shared.registry.count() >= most);
    let refusal = match full {
        true => match Refusal::begin(shared) {
            Some(refusal) => Some(refusal),
            None => return stream.close(),
        },
        false => None,
    };
    let Some(ticket) = Registry::enter(shared, &stream, &remote) else { return stream.close() };
    if let Err(error) = spawn(shared, stream.clone(), remote, ticket, refusal) {
        log::error!("no thread for a connection: {error}");
        let answer = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\
            Content-Length: 0\r\n\r\n";
        let _ = stream.try_write_vectored(&[IoSlice::new(answer)]);
        stream.close();
    }
}

fn spawn(
    shared: &Arc<Shared>,
    stream: Stream,
    remote: Addr,
    ticket: Ticket,
    refusal: Option<Refusal>,
) -> std::io::Result<()> {
    let stack = shared.options.stack_size;
    let shared = Arc::clone(shared);
    let thread = sync::spawn(CONN_THREAD, stack, move || {
        panics::remember();
        let local = stream.local_addr().unwrap_or(Addr::Unknown);
        let conn = Conn::new(shared, stream, Addrs { remote, local }, ticket);
        match refusal {
            Some(_) => conn.turn_away(),
            None => conn.run(),
        }
    });
    thread.map(drop)
}

/// One of the few connections that are told that there are too many.
struct Refusal(Arc<Shared>);

impl Refusal {
    fn begin(shared: &Arc<Shared>) -> Option<Self> {
        let count: &AtomicUsize = &shared.refusals;
        if count.fetch_add(1, Ordering::Relaxed) >= MAX_REFUSALS {
            count.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self(Arc::clone(shared)))
    }
}

impl Drop for Refusal {
    fn drop(&mut self) {
        self.0.refusals.fetch_sub(1, Ordering::Relaxed);
    }
}
