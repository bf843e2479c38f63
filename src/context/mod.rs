//! Giving up: one value that says when a piece of work is no longer wanted.
//!
//! A [`Context`] is handed down from whoever asks for the work to whoever does it. Any thread that
//! holds a clone can [`cancel`](Context::cancel) it; a deadline ends it by itself; and what ends a
//! context ends everything derived from it:
//!
//! ```text
//!            Context::new()                 cancel() here ends all four
//!             ├── child()
//!             └── child_with_timeout(5 s)   its deadline ends it and the one below
//!                  └── child()
//! ```
//!
//! The work looks at its context in one of three ways: it asks ([`is_done`](Context::is_done)), it
//! waits ([`wait`](Context::wait)), or it waits for this and other things at once, since
//! [`done`](Context::done) is a crossbeam receiver:
//!
//! ```
//! use crossbeam_channel::{bounded, select};
//! use hangup::Context;
//! use std::time::Duration;
//!
//! let context = Context::with_timeout(Duration::from_millis(20));
//! let (_answer, answers) = bounded::<u32>(1);
//! select! {
//!     recv(answers) -> answer => panic!("nobody answers: {answer:?}"),
//!     recv(context.done()) -> _ => {}
//! }
//! assert!(context.err().unwrap().is_deadline_exceeded());
//! ```

#[cfg(all(test, hangup_shuttle))]
mod model;
mod timer;

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use crate::error::TimeLimit;
use crate::sync::Mutex;
use crate::sync::channel::{Receiver, RecvTimeoutError, Sender, bounded};

/// A handle on the question "is this still wanted?", shared by all its clones.
///
/// Cloning is cheap and gives another handle on the same context; [`child`](Self::child) makes a
/// new one that ends with this one, or earlier.
#[derive(Clone)]
pub struct Context(Arc<Node>);

struct Node {
    /// The earliest of this context's own deadline and its ancestors'.
    deadline: Option<Deadline>,
    /// Keeps the ancestors alive, through which a cancellation arrives.
    parent: Option<Context>,
    state: Mutex<State>,
    /// Made when somebody first asks for it. Nothing is ever sent: it disconnects.
    done: OnceLock<Receiver<Infallible>>,
}

/// When a context ends by itself.
#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    /// The time limit that it was made from, if it was.
    limit: Option<Duration>,
}

impl Deadline {
    fn after(limit: Duration) -> Option<Self> {
        Some(Self { at: Instant::now().checked_add(limit)?, limit: Some(limit) })
    }

    fn at(at: Instant) -> Self {
        Self { at, limit: None }
    }
}

#[derive(Default)]
struct State {
    outcome: Option<ContextError>,
    /// The other end of `Node::done`; dropped when the context ends.
    done: Option<Sender<Infallible>>,
    children: Vec<Weak<Node>>,
    hooks: Vec<(u64, Hook)>,
    next_hook: u64,
    /// Set once the timer thread knows of the deadline.
    timer: Option<timer::TimerGuard>,
}

type Hook = Box<dyn FnOnce(&ContextError) + Send>;

impl Context {
    /// A context that ends only when it is cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::build(None, None)
    }

    /// A context that ends after `timeout`, or earlier when it is cancelled.
    #[must_use]
    pub fn with_timeout(timeout: Duration) -> Self {
        Self::build(None, Deadline::after(timeout))
    }

    /// A context that ends at `deadline`, or earlier when it is cancelled.
    #[must_use]
    pub fn with_deadline(deadline: Instant) -> Self {
        Self::build(None, Some(Deadline::at(deadline)))
    }

    /// A context that ends when this one does, or earlier when it is itself cancelled.
    #[must_use]
    pub fn child(&self) -> Self {
        Self::build(Some(self), None)
    }

    /// A child that also ends after `timeout`.
    #[must_use]
    pub fn child_with_timeout(&self, timeout: Duration) -> Self {
        Self::build(Some(self), Deadline::after(timeout))
    }

    /// A child that also ends at `deadline`.
    #[must_use]
    pub fn child_with_deadline(&self, deadline: Instant) -> Self {
        Self::build(Some(self), Some(Deadline::at(deadline)))
    }

    fn build(parent: Option<&Self>, own: Option<Deadline>) -> Self {
        let inherited = parent.and_then(|parent| parent.0.deadline);
        let context = Self(Arc::new(Node {
            deadline: own.into_iter().chain(inherited).min_by_key(|deadline| deadline.at),
            parent: parent.cloned(),
            state: Mutex::new(State::default()),
            done: OnceLock::new(),
        }));
        if let Some(parent) = parent {
            parent.adopt(&context);
        }
        context
    }

    /// Enters `child` into the list of those that end with `self`.
    fn adopt(&self, child: &Self) {
        let ended = {
            let mut state = self.0.state.lock();
            if state.outcome.is_none() {
                // A long-lived parent of short-lived children forgets the dead as it goes.
                if state.children.len() == state.children.capacity() {
                    state.children.retain(|child| child.strong_count() > 0);
                }
                state.children.push(Arc::downgrade(&child.0));
            }
            state.outcome.clone()
        };
        if let Some(error) = ended {
            child.end(error);
        }
    }

    /// Ends this context and everything derived from it. The first end counts; later ones do
    /// nothing.
    ///
    /// Returns when every waiter has been told; what they then do, they do on their own threads.
    pub fn cancel(&self) {
        self.end(ContextError::cancelled(None));
    }

    /// As [`cancel`](Self::cancel), with the reason, which [`ContextError::cause`] hands out.
    pub fn cancel_with(&self, cause: impl Into<Box<dyn StdError + Send + Sync>>) {
        self.end(ContextError::cancelled(Some(Arc::from(cause.into()))));
    }

    /// Whether the context has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.err().is_some()
    }

    /// Why the context has ended, or `None` while it has not.
    #[must_use]
    pub fn err(&self) -> Option<ContextError> {
        if let Some(error) = &self.0.state.lock().outcome {
            return Some(error.clone());
        }
        let passed = self.deadline().is_some_and(|deadline| deadline <= crate::sync::now());
        passed.then(|| {
            self.0.end_by_deadline();
            self.0.state.lock().outcome.clone().expect("it has just ended")
        })
    }

    /// The moment at which the context ends by itself: the earliest of its own deadline and its
    /// ancestors'.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline.map(|deadline| deadline.at)
    }

    /// A receiver that becomes ready (disconnected) when the context ends, for use in
    /// [`select!`](crossbeam_channel::select). No message ever arrives on it.
    ///
    /// A clone of the receiver also becomes ready once the last handle on its context is gone.
    #[must_use]
    pub fn done(&self) -> &Receiver<Infallible> {
        self.arm();
        self.done_unarmed()
    }

    /// As [`done`](Self::done), for those whose own wait ends at the deadline: nobody else looks at
    /// the clock for them.
    pub(crate) fn done_unarmed(&self) -> &Receiver<Infallible> {
        if let Some(done) = self.0.done.get() {
            return done;
        }
        let mut state = self.0.state.lock();
        self.0.done.get_or_init(|| {
            let (sender, receiver) = bounded(0);
            state.done = state.outcome.is_none().then_some(sender);
            receiver
        })
    }

    /// Blocks until the context has ended, and says why.
    pub fn wait(&self) -> ContextError {
        let _ = self.done().recv();
        self.err().expect("a done channel disconnects after the outcome is known")
    }

    /// Blocks until the context has ended, but at most for `timeout`: `None` if it has not.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<ContextError> {
        match self.done().recv_timeout(timeout) {
            Err(RecvTimeoutError::Timeout) => None,
            Ok(_) | Err(RecvTimeoutError::Disconnected) => self.err(),
        }
    }

    /// Runs `hook` once, when the context ends (at once if it has), on the thread that ended it.
    /// Dropping the guard takes the hook back; one that has started may still be running then.
    pub(crate) fn on_done(&self, hook: impl FnOnce(&ContextError) + Send + 'static) -> HookGuard {
        let mut state = self.0.state.lock();
        let id = state.next_hook;
        state.next_hook += 1;
        match state.outcome.clone() {
            Some(error) => {
                drop(state);
                hook(&error);
            }
            None => {
                state.hooks.push((id, Box::new(hook)));
                drop(state);
                self.arm();
            }
        }
        HookGuard { context: self.clone(), id }
    }

    /// Makes sure that somebody ends the context at its deadline even if nobody asks.
    fn arm(&self) {
        let Some(deadline) = self.deadline() else { return };
        let mut state = self.0.state.lock();
        if state.outcome.is_none() && state.timer.is_none() {
            state.timer = Some(timer::schedule(deadline, Arc::downgrade(&self.0)));
        }
    }

    fn end(&self, error: ContextError) {
        self.0.end(error);
    }
}

impl Node {
    /// Ends the context, and everything derived from it.
    ///
    /// A list of those still to be ended takes the place of recursion: contexts may be nested to any
    /// depth.
    fn end(&self, error: ContextError) {
        let mut next = self.end_alone(&error);
        while let Some(child) = next.pop() {
            if let Some(child) = child.upgrade() {
                next.append(&mut child.end_alone(&error));
            }
        }
    }

    fn end_by_deadline(&self) {
        let limit = self.deadline.and_then(|deadline| deadline.limit);
        self.end(ContextError::deadline_exceeded(limit));
    }

    /// The one place where a context ends. The first outcome stays. Returns the children, which are
    /// still to be ended.
    ///
    /// Nothing is called while the lock is held: the children and hooks are taken out first.
    fn end_alone(&self, error: &ContextError) -> Vec<Weak<Node>> {
        let (children, hooks, done, guard) = {
            let mut state = self.state.lock();
            if state.outcome.is_some() {
                return Vec::new();
            }
            state.outcome = Some(error.clone());
            let State { children, hooks, done, timer, .. } = &mut *state;
            (std::mem::take(children), std::mem::take(hooks), done.take(), timer.take())
        };
        drop((done, guard));
        for (_, hook) in hooks {
            hook(error);
        }
        children
    }
}

impl Drop for Node {
    /// Drops the ancestors that only this context kept alive one after the other, not each within the
    /// other's drop: contexts may be nested to any depth.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(Context(node)) = parent {
            parent = Arc::into_inner(node).and_then(|mut node| node.parent.take());
        }
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state.lock();
        f.debug_struct("Context")
            .field("deadline", &self.deadline())
            .field("err", &state.outcome)
            .finish_non_exhaustive()
    }
}

/// Takes its hook back when it is dropped.
#[must_use = "dropping the guard takes the hook back"]
pub(crate) struct HookGuard {
    context: Context,
    id: u64,
}

impl Drop for HookGuard {
    fn drop(&mut self) {
        let hook = {
            let mut state = self.context.0.state.lock();
            let place = state.hooks.iter().position(|(id, _)| *id == self.id);
            place.map(|place| state.hooks.swap_remove(place))
        };
        // What the hook owns is the user's: it is dropped outside the lock.
        drop(hook);
    }
}

/// Why a [`Context`] has ended.
#[derive(Clone, Debug)]
pub struct ContextError {
    reason: Reason,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Cancelled,
    /// After this time limit, if the deadline was made from one.
    DeadlineExceeded(Option<Duration>),
}

impl ContextError {
    fn cancelled(cause: Option<Arc<dyn StdError + Send + Sync>>) -> Self {
        Self { reason: Reason::Cancelled, cause }
    }

    fn deadline_exceeded(limit: Option<Duration>) -> Self {
        Self { reason: Reason::DeadlineExceeded(limit), cause: None }
    }

    /// Returns `true` if the context was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.reason == Reason::Cancelled
    }

    /// Returns `true` if the context's deadline, or an ancestor's, has passed.
    #[must_use]
    pub fn is_deadline_exceeded(&self) -> bool {
        matches!(self.reason, Reason::DeadlineExceeded(_))
    }

    /// Returns the time limit that ran out: the duration given to [`Context::with_timeout`] or
    /// [`Context::child_with_timeout`]. `None` if the context was cancelled, or was given a moment
    /// instead of a duration.
    #[must_use]
    pub fn time_limit(&self) -> Option<Duration> {
        match self.reason {
            Reason::DeadlineExceeded(limit) => limit,
            Reason::Cancelled => None,
        }
    }

    /// Returns the cause that [`Context::cancel_with`] was given.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.cause.as_deref()
    }
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::Cancelled => f.write_str("cancelled")?,
            Reason::DeadlineExceeded(limit) => {
                write!(f, "timed out waiting for {}: deadline exceeded", TimeLimit::Call)?;
                if let Some(limit) = limit {
                    write!(f, " after {limit:?}")?;
                }
            }
        }
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl StdError for ContextError {
    /// Returns the cause's own source: the text of this error includes the cause.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref()?.source()
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;
    use crate::sync::channel;

    #[test]
    fn cancel_reaches_every_descendant_and_says_why() {
        let root = Context::new();
        let grandchild = root.child().child_with_timeout(Duration::from_secs(600));
        assert!(!grandchild.is_done());
        root.cancel_with("the user went home");
        let error = grandchild.err().expect("cancelled through two generations");
        assert!(error.is_cancelled() && !error.is_deadline_exceeded());
        assert_eq!(error.to_string(), "cancelled: the user went home");
        assert_eq!(error.cause().unwrap().to_string(), "the user went home");
    }

    #[test]
    fn a_child_ends_alone() {
        let root = Context::new();
        let (one, other) = (root.child(), root.child());
        one.cancel();
        assert!(one.is_done() && !other.is_done() && !root.is_done());
    }

    #[test]
    fn the_first_end_counts() {
        let context = Context::with_deadline(Instant::now());
        assert!(context.err().unwrap().is_deadline_exceeded());
        context.cancel();
        assert!(context.err().unwrap().is_deadline_exceeded());
    }

    #[test]
    fn a_deadline_is_the_earliest_of_the_line() {
        let soon = Instant::now() + Duration::from_secs(5);
        let parent = Context::with_deadline(soon);
        assert_eq!(parent.child_with_timeout(Duration::from_secs(60)).deadline(), Some(soon));
        assert_eq!(parent.child().deadline(), Some(soon));
    }

    #[test]
    fn a_deadline_wakes_those_who_wait() {
        let context = Context::with_timeout(Duration::from_millis(10));
        let clone = context.done().clone();
        assert!(context.wait().is_deadline_exceeded());
        assert!(clone.recv().is_err());
    }

    #[test]
    fn the_earlier_of_two_deadlines_fires_first() {
        let late = Context::with_timeout(Duration::from_secs(600));
        let _armed = late.done();
        let soon = Context::with_timeout(Duration::from_millis(10));
        assert!(soon.wait().is_deadline_exceeded());
        assert!(!late.is_done());
    }

    #[test]
    fn cancel_from_another_thread_wakes_a_select() {
        let context = Context::new();
        let other = context.clone();
        let thread = crate::sync::spawn("canceller", None, move || other.cancel()).unwrap();
        let nothing = channel::never::<()>();
        crossbeam_channel::select! {
            recv(nothing) -> _ => unreachable!("nothing is ever sent"),
            recv(context.done()) -> message => assert!(message.is_err()),
        }
        thread.join().unwrap();
    }

    #[test]
    fn a_child_of_an_ended_context_is_born_ended() {
        let root = Context::new();
        root.cancel();
        let child = root.child();
        assert!(child.is_done());
        assert!(child.done().try_recv().unwrap_err().is_disconnected());
    }

    #[test]
    fn hooks_run_once_unless_taken_back() {
        let (sender, receiver) = channel::unbounded();
        let context = Context::new();
        let (kept, dropped) = (sender.clone(), sender.clone());
        let _guard = context.on_done(move |_| kept.send("kept").unwrap());
        drop(context.on_done(move |_| dropped.send("dropped").unwrap()));
        context.cancel();
        context.cancel();
        let _late = context.on_done(move |_| sender.send("late").unwrap());
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["kept", "late"]);
    }

    #[test]
    fn a_parent_forgets_dead_children() {
        let root = Context::new();
        for _ in 0..10_000 {
            drop(root.child());
        }
        assert!(root.0.state.lock().children.len() < 100);
    }

    /// Deep enough to overflow the stack of a thread if each context ended, or was dropped, within its
    /// parent's end or its child's drop.
    const DEPTH: usize = 200_000;

    /// The innermost of that many nested contexts, each kept alive by its child alone.
    fn nested(root: &Context) -> Context {
        (1..DEPTH).fold(root.child(), |parent, _| parent.child())
    }

    #[test]
    fn t14_nested_contexts_end_and_drop_without_recursion() {
        let root = Context::new();
        let innermost = nested(&root);
        root.cancel_with("enough");
        assert_eq!(innermost.err().unwrap().to_string(), "cancelled: enough");
        assert!(innermost.0.parent.as_ref().unwrap().is_done());
        drop(root);
        drop(innermost);
        // The root goes last, or with the innermost.
        let root = Context::with_timeout(Duration::from_secs(600));
        let innermost = nested(&root);
        drop(innermost);
        assert_eq!(Arc::strong_count(&root.0), 1);
        drop(nested(&Context::new()));
    }

    #[test]
    fn t14_a_nested_context_that_others_hold_outlives_its_child() {
        let root = Context::new();
        let (held, below) = (root.child(), root.child());
        let innermost = nested(&held);
        drop(innermost);
        assert_eq!((Arc::strong_count(&held.0), Arc::strong_count(&root.0)), (1, 3));
        root.cancel();
        assert!(held.is_done() && below.is_done());
    }

    #[test]
    fn t15_a_deadline_says_after_which_limit_it_came() {
        let root = Context::with_timeout(Duration::ZERO);
        let error = root.child_with_timeout(Duration::from_secs(600)).err().unwrap();
        assert_eq!(error.time_limit(), Some(Duration::ZERO));
        let text = "timed out waiting for the whole call: deadline exceeded";
        assert_eq!(error.to_string(), format!("{text} after 0ns"));
        let moment = Context::with_deadline(Instant::now()).err().unwrap();
        assert_eq!((moment.time_limit(), moment.to_string().as_str()), (None, text));
        let cancelled = Context::new();
        cancelled.cancel_with("enough");
        let error = cancelled.err().unwrap();
        assert!(error.time_limit().is_none() && error.source().is_none(), "told once");
    }
}
