//! The events of a call, for code that watches it.

mod event;

use std::fmt;
use std::sync::{Arc, Weak};

pub use event::CallEvent;

use crate::logging as log;
use crate::net::DialEvent;
use crate::sync;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Code that watches calls: each of their steps as it happens.
///
/// [`ClientBuilder::observe`](super::ClientBuilder::observe) watches all calls of a client,
/// [`RequestBuilder::observe`](super::RequestBuilder::observe) one. A closure
/// `Fn(CallId, &CallEvent<'_>)` is an observer if the types of its parameters are written out. A call
/// without observers has none of their cost.
///
/// ```no_run
/// use hangup::Client;
/// use hangup::client::{CallEvent, CallId};
///
/// let client = Client::builder()
///     .observe(|call: CallId, event: &CallEvent<'_>| match event {
///         CallEvent::Connecting { address, .. } => eprintln!("{call}: trying {address}"),
///         CallEvent::GotConnection { reused: true, .. } => eprintln!("{call}: reused"),
///         event => eprintln!("{call}: {event:?}"),
///     })
///     .build();
/// # let _ = client;
/// ```
///
/// # Threads
///
/// An event is shown on the thread on which it happens, and that thread waits for the observer:
///
/// | events | thread |
/// | --- | --- |
/// | resolving, connecting, TLS, the steps of a proxy | `hangup-dial` |
/// | writing a request | the caller's, or `hangup-write` for a body that is streamed |
/// | reading a head | the caller's, or `hangup-read` for a body that waits for a 100 |
/// | the end of a body, the connection's return or end | the one that reads or drops the body |
/// | all others | the caller's |
///
/// A connection is made for the call that waits for it. If that call gets another connection meanwhile,
/// the later events of the dial go to the call that waits for the dial from then on, if there is one. A
/// cancellation may close a connection on the thread that cancels.
///
/// No lock of the crate is held meanwhile, so an observer may use the client. A panic of an observer is
/// contained and logged. The call continues.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an observer",
    note = "an observer is a function `fn(CallId, &CallEvent<'_>)`, or a type that implements `Observe`"
)]
pub trait Observe: Send + Sync {
    /// Sees one event of the call `call`. Does nothing by default.
    fn event(&self, call: CallId, event: &CallEvent<'_>) {
        let _ = (call, event);
    }
}

impl<F> Observe for F
where
    F: Fn(CallId, &CallEvent<'_>) + Send + Sync,
{
    fn event(&self, call: CallId, event: &CallEvent<'_>) {
        self(call, event);
    }
}

impl<O: Observe + ?Sized> Observe for Arc<O> {
    fn event(&self, call: CallId, event: &CallEvent<'_>) {
        (**self).event(call, event);
    }
}

/// The number of an observed call. No two calls of a process have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u64);

impl CallId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns the number. Calls are numbered from 1 in the order in which they begin.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The observers of a client or a call.
pub(super) type Observers = Vec<Arc<dyn Observe>>;

/// An observed call: its number, and its observers.
#[derive(Clone)]
pub(super) struct Trace(Arc<Observed>);

struct Observed {
    id: CallId,
    observers: Observers,
}

impl Trace {
    /// Begins a call that `observers` watch.
    pub(super) fn new(observers: Observers) -> Self {
        Self(Arc::new(Observed { id: CallId::next(), observers }))
    }

    /// Shows an event to the observers. The caller holds no lock.
    #[cold]
    pub(super) fn show(&self, event: &CallEvent<'_>) {
        for observer in &self.0.observers {
            if sync::contain(|| observer.event(self.0.id, event)).is_none() {
                log::error!("observer of call {} panicked", self.0.id);
            }
        }
    }
}

/// An observed call, seen from a place that outlives it. Dropping it drops no observer, so it may be under a
/// lock. Empty if the call is not observed.
#[derive(Clone, Default)]
pub(super) struct WeakTrace(Weak<Observed>);

impl WeakTrace {
    pub(super) fn new(trace: Option<&Trace>) -> Self {
        Self(trace.map_or_else(Weak::new, |Trace(observed)| Arc::downgrade(observed)))
    }

    /// Returns the call if it is observed and its response is not done with.
    pub(super) fn trace(&self) -> Option<Trace> {
        self.0.upgrade().map(Trace)
    }
}

/// Shows an event, which is made only if the call is observed.
#[inline]
pub(super) fn show<'a>(trace: Option<&Trace>, event: impl FnOnce() -> CallEvent<'a>) {
    if let Some(trace) = trace {
        trace.show(&event());
    }
}

/// The call that sees the events of a dial: the one that waits for it, if that is observed.
#[derive(Default)]
pub(super) struct DialWatch(Mutex<WeakTrace>);

impl DialWatch {
    /// Shows the later events to another call, or to none.
    pub(super) fn set(&self, trace: WeakTrace) {
        *self.0.lock() = trace;
    }

    fn trace(&self) -> Option<Trace> {
        let weak = self.0.lock().clone();
        weak.trace()
    }

    /// Shows an event of a dial, which is made only if the call is observed.
    pub(super) fn show<'a>(&self, event: impl FnOnce() -> CallEvent<'a>) {
        show(self.trace().as_ref(), event);
    }

    /// Shows an event of the dialler.
    pub(super) fn show_dial(&self, event: &DialEvent<'_>) {
        if let (Some(trace), Some(event)) = (self.trace(), event::of_dial(event)) {
            trace.show(&event);
        }
    }
}

impl fmt::Debug for DialWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DialWatch")
    }
}
