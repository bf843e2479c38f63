//! The time limits of the thread that reads a connection.

use std::time::Instant;

use http::StatusCode;

use super::closing::after;
use super::reader::{Ending, Gathering, Reader};
use super::record::{self, kind};
use crate::h1::CloseReason;
use crate::net::Buffer;
use crate::serving::Gone;
use crate::sync::now;

impl Reader {
    /// Sets the limit for the record that has begun to arrive. A body's record has a new one whenever more
    /// of it arrives: how long a body may take, its handler decides.
    pub(super) fn expect_rest(&mut self, buffer: &Buffer) {
        if buffer.is_empty() {
            return;
        }
        let active = match record::peek(buffer.data()) {
            Some((kind::STDIN, id)) => self.conn.active(id),
            _ => None,
        };
        if let Some(active) = active {
            active.inbox.stir();
            self.partial = None;
        }
        self.partial = self.partial.or_else(|| self.patience());
    }

    /// Returns the deadline for parameters, or a record, that begin now.
    pub(super) fn patience(&self) -> Option<Instant> {
        after(self.conn.shared.options.read_header_timeout)
    }

    /// Returns the earliest deadline of what has begun to arrive.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let gathering = self.gathering.values().filter_map(|gathering| gathering.deadline);
        gathering.chain(self.partial).min()
    }

    /// Ends what is over its time limit. Returns how the connection ends, if it does.
    pub(super) fn timed_out(&mut self, buffer: &mut Buffer) -> Option<Ending> {
        let now = now();
        let late = |gathering: &Gathering| gathering.deadline.is_some_and(|until| until <= now);
        let late = self.gathering.iter().filter(|(_, it)| late(it)).map(|(id, _)| *id);
        for id in late.collect::<Vec<_>>() {
            let text = "the web server took too long to send the request's variables\n";
            self.refuse(id, StatusCode::REQUEST_TIMEOUT, text.to_owned());
        }
        if self.partial.is_some_and(|until| until <= now) {
            self.partial = None;
            if self.conn.close_if_idle() {
                return Some(Ending(Gone::Closed, CloseReason::TimedOut));
            }
        }
        if self.conn.is_idle_too_long() {
            return self.idle_too_long(buffer);
        }
        None
    }

    /// Ends the connection, unless a request has just arrived.
    fn idle_too_long(&mut self, buffer: &mut Buffer) -> Option<Ending> {
        if !std::mem::replace(&mut self.looked, true)
            && let Ok(1..) = buffer.fill(|room| self.conn.stream.try_read(room))
        {
            return None;
        }
        let closes = self.conn.close_if_idle();
        closes.then_some(Ending(Gone::Closed, CloseReason::IdleTooLong))
    }
}
