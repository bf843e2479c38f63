//! The accept loop.

use std::sync::Arc;
use std::time::Duration;

use super::House;
use super::panics;
use super::registry::Ticket;
use crate::net::{Addr, Listener, Stream};
use crate::sync;

/// The first wait after a failed accept, doubled up to [`MAX_BACK_OFF`]. What fails here (no
/// descriptors, no memory) is mended by connections ending, not by trying again at once.
const MIN_BACK_OFF: Duration = Duration::from_millis(5);
const MAX_BACK_OFF: Duration = Duration::from_secs(1);

/// Accepts connections until the listener is closed.
pub(super) fn run(house: &Arc<House>, listener: &Listener) {
    let mut back_off = MIN_BACK_OFF;
    loop {
        match listener.accept() {
            Ok(Some((stream, remote))) => {
                back_off = MIN_BACK_OFF;
                start(house, stream, remote);
            }
            Ok(None) => return,
            Err(error) => {
                log::warn!("cannot accept a connection, trying again in {back_off:?}: {error}");
                if house.closed.wait_timeout(back_off).is_some() {
                    return;
                }
                back_off = (back_off * 2).min(MAX_BACK_OFF);
            }
        }
    }
}

/// Starts the thread of a new connection.
pub(super) fn start(house: &Arc<House>, stream: Stream, remote: Addr) {
    let Some(stream) = house.protocol.admit(stream, &remote) else { return };
    let Some(ticket) = house.admit(&stream, &remote) else { return stream.close() };
    if let Err(error) = spawn(house, stream.clone(), remote, Arc::clone(&ticket)) {
        log::error!("no thread for a connection: {error}");
        house.protocol.no_room(&stream);
        stream.close();
        ticket.closed();
    }
}

fn spawn(
    house: &Arc<House>,
    stream: Stream,
    remote: Addr,
    ticket: Arc<Ticket>,
) -> std::io::Result<()> {
    let protocol = Arc::clone(&house.protocol);
    let thread = sync::spawn(protocol.thread_name(), house.options.stack_size, move || {
        panics::remember();
        protocol.serve(stream, remote, ticket);
    });
    thread.map(drop)
}
