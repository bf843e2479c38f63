//! The accept loop.

use std::sync::Arc;
use std::time::Duration;

use super::House;
use super::crew::{self, Arrival};
use crate::logging as log;
use crate::net::{Addr, Listener, Stream};

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

/// Enters a new connection and has a thread serve it.
pub(super) fn start(house: &Arc<House>, stream: Stream, remote: Addr) {
    let Some(stream) = house.protocol.admit(stream, &remote) else { return };
    let Some(ticket) = house.admit(&stream, &remote) else { return stream.close() };
    let arrival = Arrival { stream: stream.clone(), remote, ticket: Arc::clone(&ticket) };
    if let Err(error) = crew::employ(house, arrival) {
        log::error!("no thread for a connection: {error}");
        house.protocol.no_room(&stream);
        stream.close();
        ticket.closed();
    }
}
