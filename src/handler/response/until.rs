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

use std::any::Any;
use std::io::{self, Write};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::{HOLD_BACK, ResponseState, ResponseWriter, misuse};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::handler::sink::{FinalHead, Length, Sink};
use crate::handler::{Handler, InterimSender, Request};
use crate::logging as log;
use crate::net::Duplex;
use crate::sync::{self, Condvar, Mutex};

/// How long a write may block behind the deadline. A write that begins just before it must be able to send
/// what does not block: otherwise the client would get the end of the stream without a byte.
const WRITE_MARGIN: Duration = Duration::from_millis(50);

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

type Late = Box<dyn FnOnce(&mut ResponseWriter<'_>) -> Result<()> + Send>;

/// The response outside of the time limit.
struct Outer {
    state: ResponseState,
    sink: Box<dyn Sink>,
}

impl Outer {
    fn writer(&mut self) -> ResponseWriter<'_> {
        ResponseWriter::new(&mut self.state, &mut *self.sink)
    }

    /// Responds in place of the handler.
    fn respond(&mut self, late: Late) -> Result<()> {
        let mut writer = self.writer();
        // The connection is not free before the handler returns. A hook, since a long response sends its
        // head before `late` returns.
        writer.on_head(|_, headers| {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        });
        if !matches!(sync::contain(|| late(&mut writer)), Some(Ok(()))) {
            writer.replace_with(StatusCode::SERVICE_UNAVAILABLE);
        }
        writer.finish()?;
        Ok(self.sink.release()?)
    }
}

/// The outer response, and who may write it.
struct Relay {
    slot: Mutex<Slot>,
    /// Goes with `slot`. Predicate: the stage is not `Replacing`. Notified by `replace`, awaited by the
    /// handler's thread when the handler has returned.
    replaced: Condvar,
}

struct Slot {
    /// `None` while a thread writes, and after the end.
    outer: Option<Box<Outer>>,
    /// `None` once it is called.
    late: Option<Late>,
    stage: Stage,
}

enum Stage {
    /// `due`: the deadline has passed while the handler's thread had the outer response.
    Waiting { due: bool },
    /// The response is the handler's.
    Passed,
    /// A thread responds in place of the handler.
    Replacing,
    /// The response in place of the handler's has ended.
    Replaced,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Passed,
    Replaced,
}

/// A step of the handler's response, as far as it matters to the race.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It begins the response.
    Begins,
    Continues,
}

impl Relay {
    /// Calls `step` with the outer response, without the lock.
    fn with<T>(
        &self,
        kind: Step,
        step: impl FnOnce(&mut ResponseWriter<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut borrowed = self.borrow(kind)?;
        let outcome = step(&mut borrowed.outer().writer());
        drop(borrowed);
        outcome
    }

    fn borrow(&self, kind: Step) -> io::Result<Borrowed<'_>> {
        let mut slot = self.slot.lock();
        if let Stage::Replacing | Stage::Replaced = slot.stage {
            return Err(too_late().into());
        }
        let Some(outer) = slot.outer.take() else {
            return Err(misuse("a response was written after its handler had returned").into());
        };
        if kind == Step::Begins {
            slot.stage = Stage::Passed;
        }
        Ok(Borrowed { relay: self, outer: Some(outer) })
    }

    /// Responds in place of the handler, unless its response has begun.
    fn replace(&self) {
        let (mut outer, late) = {
            let mut slot = self.slot.lock();
            let Slot { outer, late, stage } = &mut *slot;
            let Stage::Waiting { due } = stage else { return };
            let Some(outer) = outer.take() else {
                *due = true;
                return;
            };
            *stage = Stage::Replacing;
            (outer, late.take())
        };
        let responded = sync::contain(|| late.map_or(Ok(()), |late| outer.respond(late)));
        if let Some(Err(error)) = &responded {
            log::debug!("cannot respond in place of a handler that is late: {error}");
        }
        let mut slot = self.slot.lock();
        (slot.outer, slot.stage) = (Some(outer), Stage::Replaced);
        drop(slot);
        self.replaced.notify_all();
    }

    /// Returns `false` if the client has failed to send the body. That decides the response.
    fn has_no_failed_body(&self) -> bool {
        let slot = self.slot.lock();
        slot.outer.as_ref().is_none_or(|outer| outer.sink.body_failure().is_none())
    }

    /// Takes the outer response back when the handler has returned.
    fn take_back(&self) -> (Option<Box<Outer>>, Ending, Option<Late>) {
        let mut slot = self.slot.lock();
        while let Stage::Replacing = slot.stage {
            self.replaced.wait(&mut slot);
        }
        let ending = match slot.stage {
            Stage::Replaced => Ending::Replaced,
            _ => Ending::Passed,
        };
        slot.stage = Stage::Passed;
        (slot.outer.take(), ending, slot.late.take())
    }
}

/// Responds on another thread than the timer's, since the client may be slow to read.
fn start_replacing(relay: Arc<Relay>) {
    if let Err(error) = sync::spawn("hangup-late", None, move || relay.replace()) {
        log::error!("cannot start a thread to respond in place of a handler that is late: {error}");
    }
}

/// The outer response while the handler's thread writes. It is put back however that ends.
struct Borrowed<'a> {
    relay: &'a Relay,
    /// `Some` until it is put back.
    outer: Option<Box<Outer>>,
}

impl Borrowed<'_> {
    fn outer(&mut self) -> &mut Outer {
        self.outer.as_mut().expect("it is put back by the drop only")
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let begun = self.outer().writer().is_hijacked() || self.outer().writer().is_head_sent();
        let mut slot = self.relay.slot.lock();
        slot.outer = self.outer.take();
        if begun {
            slot.stage = Stage::Passed;
        }
        let is_due = matches!(slot.stage, Stage::Waiting { due: true });
        drop(slot);
        if is_due {
            self.relay.replace();
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

/// The wire of the handler's response: the outer response, as long as it may be written.
struct Gate {
    relay: Arc<Relay>,
    /// When the response must have begun.
    limit: Instant,
    /// When a response that was sent in part is cut off. `None` if the handler has set a write deadline.
    cut: Option<Instant>,
    /// The write deadline of the connection from before the response began, if that was changed.
    lasts: Option<Option<Instant>>,
    /// A part of the response was refused, because it came behind the deadline.
    has_cut: bool,
}

impl Gate {
    fn with<T>(
        &self,
        step: impl FnOnce(&mut ResponseWriter<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        self.relay.with(Step::Continues, step)
    }

    /// Passes on a part of the response. Behind the deadline, that fails if the head was sent, or if the
    /// part would be written now. Otherwise the response may still become a whole one.
    fn pass_on(
        &mut self,
        is_written: bool,
        step: impl FnOnce(&mut ResponseWriter<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let is_late = self.cut.is_some_and(|cut| cut <= sync::now());
        let has_cut = &mut self.has_cut;
        self.relay.with(Step::Continues, |outer| {
            if is_late && (is_written || outer.is_head_sent()) {
                *has_cut = true;
                return Err(too_late().into());
            }
            step(outer)
        })
    }
}

impl Sink for Gate {
    fn informational(&mut self, status: StatusCode, headers: &HeaderMap) -> io::Result<()> {
        self.with(|outer| Ok(outer.informational(status, headers)?))
    }

    fn head(&mut self, head: &FinalHead<'_>) -> io::Result<()> {
        if self.limit <= sync::now() {
            // The timer may be late.
            self.relay.replace();
        }
        let cut = self.cut;
        self.lasts = self.relay.with(Step::Begins, |outer| {
            // The inner response has decided on the type.
            outer.set_status(head.status).set_sniffing(false);
            let headers = outer.headers_mut();
            headers.clone_from(head.headers);
            if let Some(kind) = head.sniffed {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            }
            if let Length::Known(length) = head.length {
                outer.state.head.set_length(length);
            }
            let before = outer.sink.write_deadline();
            let cut = cut.and_then(|cut| cut.checked_add(WRITE_MARGIN));
            let changed = cut.filter(|cut| before.is_none_or(|before| before > *cut));
            if changed.is_some() {
                outer.set_write_deadline(changed);
            }
            Ok(changed.map(|_| before))
        })?;
        Ok(())
    }

    fn body(&mut self, data: &[u8]) -> io::Result<()> {
        self.pass_on(data.len() > HOLD_BACK, |outer| outer.write_all(data))
    }

    fn end(&mut self, trailers: Option<&HeaderMap>) -> io::Result<()> {
        let Some(trailers) = trailers else { return Ok(()) };
        self.with(|outer| {
            outer.trailers_mut().extend(trailers.clone());
            Ok(())
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on(true, |outer| outer.flush())
    }

    fn hijack(&mut self) -> Result<Duplex> {
        Ok(self.with(|outer| Ok(outer.hijack()?))?)
    }

    fn interim_sender(&mut self) -> io::Result<InterimSender> {
        self.with(|outer| Ok(outer.interim_sender()?))
    }

    fn body_failure(&self) -> Option<Error> {
        self.with(|outer| Ok(outer.body_failure())).ok().flatten()
    }

    fn set_read_deadline(&mut self, deadline: Option<Instant>) {
        let _ = self.with(|outer| {
            outer.set_read_deadline(deadline);
            Ok(())
        });
    }

    fn set_write_deadline(&mut self, deadline: Option<Instant>) {
        (self.cut, self.lasts) = (None, None);
        let _ = self.with(|outer| {
            outer.set_write_deadline(deadline);
            Ok(())
        });
    }

    fn write_deadline(&self) -> Option<Instant> {
        self.with(|outer| Ok(outer.sink.write_deadline())).ok().flatten()
    }

    fn release(&mut self) -> io::Result<()> {
        self.with(|outer| {
            outer.finish()?;
            outer.sink.release()
        })
    }

    fn detach(&mut self) -> Box<dyn Sink> {
        let (relay, lasts) = (Arc::clone(&self.relay), self.lasts);
        let Self { limit, cut, has_cut, .. } = *self;
        Box::new(Self { relay, limit, cut, lasts, has_cut })
    }

    fn attach(&mut self, sink: Box<dyn Any>) {
        if let Ok(gate) = sink.downcast::<Self>() {
            *self = *gate;
        }
    }
}

#[cold]
fn too_late() -> Error {
    let message = "the handler's time limit has passed, and its response was replaced or cut off";
    Error::message(ErrorKind::Timeout(TimeLimit::Call), message)
}
