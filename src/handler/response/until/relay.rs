//! The response outside of a time limit, which two threads reach.

use std::io;
use std::sync::Arc;

use http::StatusCode;
use http::header::{CONNECTION, HeaderValue};

use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::handler::response::{ResponseState, ResponseWriter, misuse};
use crate::handler::sink::Sink;
use crate::logging as log;
use crate::sync::{self, Condvar, Mutex};

pub(super) type Late = Box<dyn FnOnce(&mut ResponseWriter<'_>) -> Result<()> + Send>;

/// The response outside of the time limit.
pub(super) struct Outer {
    pub(super) state: ResponseState,
    pub(super) sink: Box<dyn Sink>,
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
pub(super) struct Relay {
    pub(super) slot: Mutex<Slot>,
    /// Goes with `slot`. Predicate: the stage is not `Replacing`. Notified by `replace`, awaited by the
    /// handler's thread when the handler has returned.
    pub(super) replaced: Condvar,
}

pub(super) struct Slot {
    /// `None` while a thread writes, and after the end.
    pub(super) outer: Option<Box<Outer>>,
    /// `None` once it is called.
    pub(super) late: Option<Late>,
    pub(super) stage: Stage,
}

pub(super) enum Stage {
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
pub(super) enum Ending {
    Passed,
    Replaced,
}

/// A step of the handler's response, as far as it matters to the race.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It begins the response.
    Begins,
    Continues,
}

impl Relay {
    /// Calls `step` with the outer response, without the lock.
    pub(super) fn with<T>(
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
    pub(super) fn replace(&self) {
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
    pub(super) fn has_no_failed_body(&self) -> bool {
        let slot = self.slot.lock();
        slot.outer.as_ref().is_none_or(|outer| outer.sink.body_failure().is_none())
    }

    /// Takes the outer response back when the handler has returned.
    pub(super) fn take_back(&self) -> (Option<Box<Outer>>, Ending, Option<Late>) {
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
pub(super) fn start_replacing(relay: Arc<Relay>) {
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

#[cold]
pub(super) fn too_late() -> Error {
    let message = "the handler's time limit has passed, and its response was replaced or cut off";
    Error::message(ErrorKind::Timeout(TimeLimit::Call), message)
}
