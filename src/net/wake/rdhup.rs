//! The state of a connection on systems whose `poll` reports the end of the peer's stream.

use std::io;

use rustix::event::PollFlags;
use rustix::fd::BorrowedFd;

use super::poll::{READ, look};
use crate::net::readiness::Readiness;

/// Returns what can be known of the peer without a read.
pub(in crate::net) fn readiness(socket: BorrowedFd<'_>) -> io::Result<Readiness> {
    let ready = look(socket, READ | PollFlags::RDHUP)?;
    Ok(Readiness {
        readable: !ready.is_empty(),
        peer_closed: ready.intersects(PollFlags::RDHUP | PollFlags::HUP),
        broken: ready.intersects(PollFlags::ERR | PollFlags::HUP),
    })
}
