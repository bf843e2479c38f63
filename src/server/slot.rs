//! The slot from which a handler reads the body of its request.
//!
//! The handler owns the body: it may move it to another thread, keep it, or drop it. So the reading half
//! of the connection stays in a [`BodySlot`] that the handler and the connection share, and each read
//! borrows it:
//!
//! ```text
//!   Here ──read()──▶ Borrowed ──▶ Here
//!    │                  │ the handler has returned: the read is interrupted
//!    └── take_back() ◀──┘───────▶ Gone: later reads fail
//! ```

use std::io::{self, Read};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use http::HeaderMap;

use super::body::ConnBody;
use super::reader::ConnReader;
use crate::body::Incoming;
use crate::context::{Context, HookGuard};
use crate::error::{Error, ErrorKind};
use crate::net::Stream;
use crate::sync::{self, Condvar, Mutex};

/// How long a read may take to put the body back once the client has gone. It waits for nothing then.
const FAILING: Duration = Duration::from_millis(50);

/// The place from which a handler reads the body of its request, and from which the connection takes the
/// body back.
pub(super) struct BodySlot {
    slot: Mutex<Slot>,
    /// Goes with `slot`. The predicate is "not `Borrowed`". Notified by the end of a read, awaited by
    /// `take_back` and `failure`.
    returned: Condvar,
}

enum Slot {
    Here(Box<ConnBody>),
    /// A thread reads it. `interrupted` has the connection's read deadline from before the read was
    /// interrupted by the end of the handler's context.
    Borrowed {
        interrupted: Option<Option<Instant>>,
    },
    /// The handler has returned, or has hijacked the connection.
    Gone,
}

impl BodySlot {
    pub(super) fn new(body: ConnBody) -> Arc<Self> {
        Arc::new(Self { slot: Mutex::new(Slot::Here(Box::new(body))), returned: Condvar::new() })
    }

    /// Takes the body back for good, and ends a read that is in progress on another thread. Returns `None`
    /// if it was taken before.
    pub(super) fn take_back(&self, reader: &ConnReader) -> Option<Box<ConnBody>> {
        let mut slot = self.slot.lock();
        while let Slot::Borrowed { .. } = *slot {
            reader.stream().set_read_deadline(Some(Instant::now()));
            self.returned.wait(&mut slot);
        }
        match std::mem::replace(&mut *slot, Slot::Gone) {
            Slot::Here(body) => Some(body),
            Slot::Borrowed { .. } | Slot::Gone => None,
        }
    }

    /// Makes a read that is in progress return, since the handler's context has ended.
    fn interrupt(&self, stream: &Stream) {
        if let Slot::Borrowed { interrupted: interrupted @ None } = &mut *self.slot.lock() {
            *interrupted = Some(stream.read_deadline());
            stream.set_read_deadline(Some(Instant::now()));
        }
    }

    /// Calls `read` with the body, without the lock.
    fn with_body<T>(&self, read: impl FnOnce(&mut ConnBody) -> io::Result<T>) -> io::Result<T> {
        let mut borrowed = self.borrow()?;
        let outcome = read(borrowed.body());
        borrowed.is_whole = true;
        outcome
    }

    fn borrow(&self) -> io::Result<Borrowed<'_>> {
        let mut slot = self.slot.lock();
        match std::mem::replace(&mut *slot, Slot::Borrowed { interrupted: None }) {
            Slot::Here(body) => Ok(Borrowed { slot: self, body: Some(body), is_whole: false }),
            // `&mut` on the handler's end keeps a second reader out.
            Slot::Borrowed { .. } | Slot::Gone => {
                *slot = Slot::Gone;
                let message = "the request's body was read after its handler had returned";
                Err(Error::message(ErrorKind::Misuse, message).into())
            }
        }
    }

    /// Returns `of` of the body if it is in the slot.
    fn here<T>(&self, of: impl FnOnce(&mut ConnBody) -> T) -> Option<T> {
        match &mut *self.slot.lock() {
            Slot::Here(body) => Some(of(body)),
            Slot::Borrowed { .. } | Slot::Gone => None,
        }
    }

    /// Returns why the body could not be read, or why its reader did not accept it.
    ///
    /// # Blocking
    ///
    /// At most 50 ms, if the client has gone and another thread reads: a read that fails ends the request's
    /// context before it puts the body back.
    pub(super) fn failure(&self, reader: &ConnReader) -> Option<Error> {
        if reader.is_gone() {
            let until = sync::now() + FAILING;
            let mut slot = self.slot.lock();
            while let Slot::Borrowed { .. } = *slot {
                if self.returned.wait_until(&mut slot, until).timed_out() {
                    break;
                }
            }
        }
        self.here(|body| body.failure()).flatten()
    }

    /// Returns `true` if something behind the body has arrived, as [`ConnBody::has_next`].
    pub(super) fn has_next(&self, stream: &Stream) -> bool {
        self.here(|body| body.has_next(stream)).unwrap_or(false)
    }

    /// Returns `true` if unread bytes of the body have arrived. Does not wait.
    pub(super) fn has_begun(&self) -> bool {
        self.here(|body| body.has_begun()).unwrap_or(false)
    }

    /// Returns `true` if the connection can be reused behind a response that begins now, if it reads at
    /// most `limit` bytes of the body. That includes a body that another thread is reading.
    pub(super) fn keeps_connection(&self, limit: u64) -> bool {
        match &mut *self.slot.lock() {
            Slot::Here(body) => body.keeps_connection(limit),
            Slot::Borrowed { .. } => true,
            Slot::Gone => false,
        }
    }
}

/// A body that is being read. It is put back however the read ends, since the connection may be waiting
/// for it.
struct Borrowed<'a> {
    slot: &'a BodySlot,
    /// `Some` until it is put back.
    body: Option<Box<ConnBody>>,
    /// The read has returned, so the body can be read on.
    is_whole: bool,
}

impl Borrowed<'_> {
    fn body(&mut self) -> &mut ConnBody {
        self.body.as_mut().expect("the body is put back by the drop only")
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let Some(mut body) = self.body.take() else { return };
        if !self.is_whole {
            body.panicked();
        }
        let mut slot = self.slot.slot.lock();
        if let Slot::Borrowed { interrupted: Some(deadline) } = *slot {
            // A body that has ended has no deadline any more.
            let deadline = deadline.filter(|_| !body.is_ended());
            body.half.reader.stream().set_read_deadline(deadline);
        }
        *slot = Slot::Here(body);
        drop(slot);
        self.slot.returned.notify_all();
    }
}

/// The handler's end of a [`BodySlot`].
pub(super) struct BodyHandle {
    slot: Arc<BodySlot>,
    context: Option<SetContext>,
}

/// The context that the handler has set for its request.
struct SetContext {
    context: Context,
    /// Interrupts a read when the context ends.
    _interrupt: HookGuard,
}

impl BodyHandle {
    pub(super) fn new(slot: Arc<BodySlot>) -> Self {
        Self { slot, context: None }
    }
}

impl Read for BodyHandle {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // The context is looked at when the body is borrowed: an end before that does not interrupt.
        let context = self.context.as_ref().map(|set| &set.context);
        self.slot.with_body(|body| body.read(buf, context))
    }
}

impl Incoming for BodyHandle {
    fn remaining(&self) -> Option<u64> {
        self.slot.here(|body| body.remaining()).flatten()
    }

    fn is_ready(&mut self) -> bool {
        self.slot.here(ConnBody::is_ready).unwrap_or(true)
    }

    fn reject(&mut self, reason: &Error) {
        self.slot.here(|body| body.reject(reason));
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.slot.here(ConnBody::take_trailers).flatten()
    }

    fn set_context(&mut self, context: &Context) {
        let Some(stream) = self.slot.here(|body| body.half.reader.stream().clone()) else { return };
        let slot: Weak<BodySlot> = Arc::downgrade(&self.slot);
        let interrupt = context.on_done(move |_| {
            if let Some(slot) = slot.upgrade() {
                slot.interrupt(&stream);
            }
        });
        self.context = Some(SetContext { context: context.clone(), _interrupt: interrupt });
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;
    use crate::h1::Framing;
    use crate::net::{Buffer, Parked, memory};
    use crate::server::body::{Progress, ReadHalf};
    use crate::serving::Counting;

    fn slot_of(stream: Stream) -> (Arc<ConnReader>, Arc<BodySlot>) {
        let reader = ConnReader::new(stream, true, Counting::default());
        let half = ReadHalf { reader: Arc::clone(&reader), buffer: Buffer::default() };
        let body = ConnBody::new(half, Framing::Length(4), None, None);
        (reader, BodySlot::new(body))
    }

    /// The connection's thread once waited for ever for a body whose reader had died.
    #[test]
    fn s13_a_read_that_panics_gives_the_body_back() {
        let (_client, stream) = memory::pair();
        let (reader, slot) = slot_of(stream);
        let shared = Arc::clone(&slot);
        let (begun, has_begun) = crate::sync::channel::bounded(1);
        let read = crate::sync::spawn("reads", None, move || {
            let _ = shared.with_body::<()>(|_| {
                begun.send(()).unwrap();
                panic!("on purpose");
            });
        });
        has_begun.recv().unwrap();
        let body = slot.take_back(&reader).expect("it is given back");
        assert!(matches!(body.progress, Progress::Failed(_)));
        read.unwrap().join().unwrap_err();
    }

    #[test]
    fn the_end_of_a_set_context_interrupts_a_read_and_restores_the_deadline() {
        let (_client, stream) = memory::pair();
        let deadline = Some(Instant::now() + Duration::from_secs(100));
        stream.set_read_deadline(deadline);
        let (reader, slot) = slot_of(stream);
        let (mut handle, context) = (BodyHandle::new(Arc::clone(&slot)), Context::new());
        handle.set_context(&context);
        let (report, outcome) = crate::sync::channel::bounded(1);
        let read = crate::sync::spawn("reads", None, move || {
            report.send(handle.read(&mut [0; 4])).unwrap();
        });
        assert!(reader.stream().wait_until_parked(Parked::Read, Duration::from_secs(10)));
        context.cancel();
        let error = Error::from(outcome.recv().unwrap().unwrap_err());
        read.unwrap().join().unwrap();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert_eq!(reader.stream().read_deadline(), deadline);
        let body = slot.take_back(&reader).expect("it is in the slot");
        assert!(matches!(body.progress, Progress::Cancelled(_)) && body.failure().is_none());
    }
}
