//! The response in place of a handler that is late.
//!
//! The handler writes to an inner response, whose sink is a [`Gate`]. Behind the gate is the response that
//! the layers outside see, with their filters and the wire. It lies in a [`Relay`] that two threads reach:
//!
//! ```text
//!   handler ──▶ inner ResponseWriter ──▶ Gate ──┐
//!                                               ├──▶ Relay: outer response ──▶ filters ──▶ sink
//!   a thread at the deadline, `late` ───────────┘
//! ```
//!
//! ```text
//!   Waiting ── the handler's head passes, or it returns ──▶ Passed
//!      │ the deadline
//!      ▼
//!   Replacing ── the other response has ended ──▶ Replaced: the handler's writes fail
//! ```
//!
//! The first of the two that changes `Waiting` wins. Each takes the outer response out of the relay while it
//! writes, so no lock is held then.

mod gate;
mod relay;

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use self::gate::Gate;
use self::relay::{Ending, Late, Outer, Relay, Slot, Stage, start_replacing, too_late};
use super::{ResponseState, ResponseWriter, misuse};
use crate::context::Context;
use crate::error::Result;
use crate::handler::{Handler, Request};
use crate::logging as log;
use crate::sync::{self, Condvar, Mutex};

impl ResponseWriter<'_> {
    /// Calls `next`, and responds with `late` in its place if its response has not begun at `deadline`.
    ///
    /// The response of `next` begins when its head is sent: when it flushes, has written more than 2 KiB, or
    /// returns. From the deadline on:
    ///
    /// * If it has not begun, `late` is called once with the writer, on another thread. The headers and
    ///   filters that the layers outside have set apply to its response. That response is sent at once. It
    ///   closes an HTTP connection, and ends a FastCGI request. Writes of `next` fail with a
    ///   [timeout](crate::TimeLimit::Call) as soon as they leave its buffer.
    /// * If it has begun, each write that leaves its buffers fails, and a blocked one returns within 50 ms.
    ///   The server then breaks off the response. If nothing of it was sent yet, `late` is called on this
    ///   thread when `next` has returned. If `next` calls
    ///   [`set_write_deadline`](Self::set_write_deadline), that deadline counts instead.
    ///
    /// If `next` returns an error behind the deadline, before `late` was called, `late` is called on this
    /// thread.
    ///
    /// Callbacks of [`on_head`](Self::on_head) that layers inside have added run before those of the layers
    /// outside.
    ///
    /// The request's context is not changed: [`RequestExt::set_deadline`](crate::RequestExt::set_deadline)
    /// ends it at the same time. [`layers::Timeout`](crate::layers::Timeout) does both.
    ///
    /// Returns `false` if `late` has responded.
    ///
    /// # Errors
    ///
    /// The error of `next`, unless `late` has responded. A timeout if `next` has returned, but its response
    /// was cut off at the deadline.
    ///
    /// # Blocking
    ///
    /// Until `next` has returned: a thread cannot be interrupted. The connection serves no other request
    /// before that.
    ///
    /// # Panics
    ///
    /// If `next` does.
    pub fn handle_until(
        &mut self,
        request: &mut Request,
        next: &dyn Handler,
        deadline: Instant,
        late: impl FnOnce(&mut ResponseWriter<'_>) -> Result<()> + Send + 'static,
    ) -> Result<bool> {
        if self.is_head_sent() {
            return Err(misuse("a time limit for a response that has begun"));
        }
        let mut lending = Lending::new(self, Box::new(late));
        let relay = Arc::clone(&lending.relay);
        let mut gate =
            Gate { relay, limit: deadline, cut: Some(deadline), lasts: None, has_cut: false };
        let limit = Context::with_deadline(deadline);
        let timer = limit.on_done({
            let relay = Arc::clone(&lending.relay);
            move |_| start_replacing(relay)
        });
        let mut writer = ResponseWriter::new(&mut lending.inner, &mut gate);
        let outcome = next.handle(&mut writer, request).and_then(|()| writer.finish().map(drop));
        drop(timer);
        if let Some(lasts) = gate.lasts.take() {
            // The rest in the buffers is sent within the limits of any other response.
            let _ = gate.with(|outer| {
                outer.set_write_deadline(lasts);
                Ok(())
            });
        }
        if outcome.is_err() && deadline <= sync::now() && lending.relay.has_no_failed_body() {
            lending.relay.replace();
        }
        match lending.end() {
            (Ending::Replaced, _) => {
                if let Err(error) = outcome {
                    log::debug!("a handler failed after its time limit: {error}");
                }
                Ok(false)
            }
            // The inner response has failed at the gate. Nothing of the outer one was sent.
            (Ending::Passed, Some(late)) if gate.has_cut && !self.is_on_wire() => {
                self.state.reset();
                late(self).map(|()| false)
            }
            // The outer one is incomplete.
            (Ending::Passed, _) if gate.has_cut => outcome.and(Err(too_late())),
            (Ending::Passed, _) => outcome.map(|()| true),
        }
    }
}

/// Lends a response to a relay. Gives it back also if the handler panics.
struct Lending<'r, 'w> {
    writer: &'r mut ResponseWriter<'w>,
    /// The response that the handler writes.
    inner: ResponseState,
    relay: Arc<Relay>,
}

impl<'r, 'w> Lending<'r, 'w> {
    fn new(writer: &'r mut ResponseWriter<'w>, late: Late) -> Self {
        let inner = ResponseState::continuing(writer.state);
        let outer = Box::new(Outer { state: mem::take(writer.state), sink: writer.sink.detach() });
        let slot =
            Slot { outer: Some(outer), late: Some(late), stage: Stage::Waiting { due: false } };
        let relay = Relay { slot: Mutex::new(slot), replaced: Condvar::new() };
        Self { writer, inner, relay: Arc::new(relay) }
    }

    fn end(mut self) -> (Ending, Option<Late>) {
        self.give_back()
    }

    fn give_back(&mut self) -> (Ending, Option<Late>) {
        let (outer, ending, late) = self.relay.take_back();
        if let Some(outer) = outer {
            let Outer { state, sink } = *outer;
            *self.writer.state = state;
            self.writer.sink.attach(sink.into_any());
            self.writer.state.adopt(&mut self.inner);
        }
        (ending, late)
    }
}

impl Drop for Lending<'_, '_> {
    fn drop(&mut self) {
        self.give_back();
    }
}
