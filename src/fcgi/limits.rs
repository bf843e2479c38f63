//! The time limits of a connection's reader.

use std::time::Instant;

use http::StatusCode;

use super::reader::{ConnEnd, PendingParams, Reader};
use super::record::{self, kind};
use crate::h1::CloseReason;
use crate::net::Buffer;
use crate::serving::{Disconnect, Limit, after};
use crate::sync::now;

impl Reader {
    /// Sets the deadline for a record that has begun to arrive. For a record of a body it restarts whenever
    /// bytes arrive, since the handler decides how long a body may take.
    pub(super) fn expect_rest(&mut self, buffer: &Buffer) {
        if buffer.is_empty() {
            return;
        }
        let active = match record::peek(buffer.data()) {
            Some((kind::STDIN, id)) => self.conn.active(id),
            _ => None,
        };
        if let Some(active) = active {
            active.inbox.progress();
            self.partial = None;
        }
        self.partial = self.partial.or_else(|| self.head_deadline());
    }

    /// Returns the deadline for parameters, or a record, that begin now.
    pub(super) fn head_deadline(&self) -> Option<Instant> {
        after(self.conn.shared.options.read_header_timeout)
    }

    /// Returns the earliest deadline of what has begun to arrive.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let pending = self.pending.values().filter_map(|pending| pending.deadline);
        pending.chain(self.partial).min()
    }

    /// Ends the requests and records whose deadline has passed. Returns the end of the connection, if it
    /// ends.
    pub(super) fn timed_out(&mut self, buffer: &mut Buffer) -> Option<ConnEnd> {
        let now = now();
        let late = |pending: &PendingParams| pending.deadline.is_some_and(|until| until <= now);
        let late = self.pending.iter().filter(|(_, it)| late(it)).map(|(id, _)| *id);
        for id in late.collect::<Vec<_>>() {
            self.conn.guard.counting().timed_out(Limit::ReadHeader);
            let text = "web server took too long to send the variables\n";
            self.refuse(id, StatusCode::REQUEST_TIMEOUT, text.to_owned());
        }
        if self.partial.is_some_and(|until| until <= now) {
            self.partial = None;
            if self.conn.close_if_idle() {
                return Some(ConnEnd(Disconnect::Closed, CloseReason::TimedOut));
            }
        }
        if self.conn.is_idle_too_long() {
            return self.idle_too_long(buffer);
        }
        None
    }

    /// Ends the connection, unless a request has just arrived.
    fn idle_too_long(&mut self, buffer: &mut Buffer) -> Option<ConnEnd> {
        if !std::mem::replace(&mut self.rechecked, true) {
            if let Ok(1..) = buffer.fill(|room| self.conn.stream.try_read(room)) {
                return None;
            }
        }
        let closes = self.conn.close_if_idle();
        if closes {
            self.conn.guard.counting().timed_out(Limit::Idle);
        }
        closes.then_some(ConnEnd(Disconnect::Closed, CloseReason::IdleTooLong))
    }
}
