//! Cancellation and deadlines.
//!
//! | file | contents |
//! | --- | --- |
//! | `mod.rs` | [`Context`], the handle |
//! | `node.rs` | the state behind it, and how a context ends |
//! | `timer.rs` | the thread that ends contexts at their deadlines |
//! | `error.rs` | [`ContextError`], and its conversion into the crate's error |

mod error;
#[cfg(all(test, hangup_shuttle))]
mod model;
mod node;
#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
mod timer;

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sync::channel::{Receiver, RecvTimeoutError};
use node::{Deadline, Node};

pub use error::ContextError;

/// A handle that cancels work, and that the work watches.
///
/// A context starts active and ends once, for good: when it is [cancelled](Self::cancel), when its deadline
/// passes, or when a context that it is derived from ends. Clones are handles of the same context, and
/// any thread may hold one. [`child`](Self::child) makes a context that ends with its parent, or earlier:
///
/// ```text
///            Context::new()                 cancel() here ends all four
///             ├── child()
///             └── child_with_timeout(5 s)   its deadline ends it and the one below
///                  └── child()
/// ```
///
/// A call of the [client](crate::client::RequestBuilder::context) takes a context, and a server's request
/// [has one](crate::RequestExt::context). Blocking calls of this crate that were given a context return
/// within milliseconds of its end.
///
/// # Watching it
///
/// Code can ask ([`is_done`](Self::is_done)), or block until the end ([`wait`](Self::wait)).
/// [`done`](Self::done) is a crossbeam receiver, to wait for the context and for other things at once:
///
/// ```
/// use hangup::Context;
/// use hangup::crossbeam_channel::{bounded, select};
/// use std::time::Duration;
///
/// let context = Context::with_timeout(Duration::from_millis(20));
/// let (_sender, results) = bounded::<u32>(1);
/// select! {
///     recv(results) -> result => panic!("nothing was sent: {result:?}"),
///     recv(context.done()) -> _ => {}
/// }
/// assert!(context.err().unwrap().is_deadline_exceeded());
/// ```
#[derive(Clone)]
pub struct Context(Arc<Node>);

impl Context {
    /// Creates a context that ends only when it is cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::build(None, None)
    }

    /// Creates a context that ends after `timeout`, or earlier when it is cancelled.
    #[must_use]
    pub fn with_timeout(timeout: Duration) -> Self {
        Self::build(None, Deadline::after(timeout))
    }

    /// Creates a context that ends at `deadline`, or earlier when it is cancelled.
    #[must_use]
    pub fn with_deadline(deadline: Instant) -> Self {
        Self::build(None, Some(Deadline::at(deadline)))
    }

    /// Creates a context that ends when this one does, or earlier when it is itself cancelled.
    #[must_use]
    pub fn child(&self) -> Self {
        Self::build(Some(self), None)
    }

    /// Creates a child that also ends after `timeout`.
    #[must_use]
    pub fn child_with_timeout(&self, timeout: Duration) -> Self {
        Self::build(Some(self), Deadline::after(timeout))
    }

    /// Creates a child that also ends at `deadline`.
    #[must_use]
    pub fn child_with_deadline(&self, deadline: Instant) -> Self {
        Self::build(Some(self), Some(Deadline::at(deadline)))
    }

    fn build(parent: Option<&Self>, own: Option<Deadline>) -> Self {
        Self(Node::new(parent.map(|parent| &parent.0), own))
    }

    /// Ends this context and everything derived from it. Does nothing if it has ended.
    ///
    /// Blocked calls are woken before this returns. They may return later, on their own threads.
    ///
    /// ```
    /// use hangup::Context;
    /// use std::thread;
    ///
    /// let context = Context::new();
    /// let watched = context.child();
    /// let worker = thread::spawn(move || watched.wait());
    /// context.cancel();
    /// assert!(worker.join().unwrap().is_cancelled());
    /// ```
    pub fn cancel(&self) {
        self.0.end(ContextError::cancelled(None));
    }

    /// Ends this context as [`cancel`](Self::cancel) does, with a reason.
    /// [`ContextError::cause`] returns it.
    ///
    /// ```
    /// let context = hangup::Context::new();
    /// context.cancel_with("the user closed the window");
    /// assert_eq!(context.err().unwrap().to_string(), "cancelled: the user closed the window");
    /// ```
    pub fn cancel_with(&self, cause: impl Into<Box<dyn StdError + Send + Sync>>) {
        self.0.end(ContextError::cancelled(Some(Arc::from(cause.into()))));
    }

    /// Returns `true` if the context has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.err().is_some()
    }

    /// Returns the reason for which the context has ended, or `None` if it has not.
    #[must_use]
    pub fn err(&self) -> Option<ContextError> {
        if let Some(error) = self.0.outcome() {
            return Some(error);
        }
        let passed = self.deadline().is_some_and(|deadline| deadline <= crate::sync::now());
        passed.then(|| {
            self.0.end_by_deadline();
            self.0.outcome().expect("it has just ended")
        })
    }

    /// Returns the instant at which the context ends by itself: the earliest deadline of the context and its
    /// ancestors.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline.map(|deadline| deadline.at)
    }

    /// Returns a receiver that disconnects when the context ends, for use in
    /// [`select!`](crossbeam_channel::select). No message ever arrives on it.
    ///
    /// A clone of the receiver also disconnects once the last handle of its context is dropped.
    #[must_use]
    pub fn done(&self) -> &Receiver<Infallible> {
        self.0.arm();
        self.0.done()
    }

    /// Waits until the context has ended, and returns the reason.
    ///
    /// # Blocking
    ///
    /// Blocks without limit if the context has no deadline. Any thread that holds the context, or one of
    /// its ancestors, can end the wait with [`cancel`](Self::cancel).
    pub fn wait(&self) -> ContextError {
        let _ = self.done().recv();
        self.err().expect("a done channel disconnects after the outcome is known")
    }

    /// Waits until the context has ended, and returns the reason; `None` if it has not ended after
    /// `timeout`.
    ///
    /// # Blocking
    ///
    /// Blocks as [`wait`](Self::wait) does, but at most for `timeout`.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<ContextError> {
        match self.done().recv_timeout(timeout) {
            Err(RecvTimeoutError::Timeout) => None,
            Ok(_) | Err(RecvTimeoutError::Disconnected) => self.err(),
        }
    }

    /// Runs `hook` once, when the context ends (at once if it has), on the thread that ends it.
    /// Dropping the guard removes the hook. A hook that has started may still be running then.
    pub(crate) fn on_done(&self, hook: impl FnOnce(&ContextError) + Send + 'static) -> HookGuard {
        let id = self.0.add_hook(hook);
        HookGuard { context: self.clone(), id }
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("deadline", &self.deadline())
            .field("err", &self.0.outcome())
            .finish_non_exhaustive()
    }
}

/// Removes its hook when it is dropped.
#[must_use = "dropping the guard removes the hook"]
pub(crate) struct HookGuard {
    context: Context,
    id: u64,
}

impl Drop for HookGuard {
    fn drop(&mut self) {
        self.context.0.remove_hook(self.id);
    }
}
