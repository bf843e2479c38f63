//! The shared state of a context, and how it ends.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use super::error::ContextError;
use super::timer::{self, Expire, TimerGuard};
use crate::sync::Mutex;
use crate::sync::channel::{Receiver, Sender, bounded};

/// The state that all clones of a context share.
pub(super) struct Node {
    /// The earliest of this context's deadline and its ancestors'.
    pub(super) deadline: Option<Deadline>,
    /// Keeps the ancestors alive, through which a cancellation arrives.
    pub(super) parent: Option<Arc<Node>>,
    state: Mutex<State>,
    /// Made on first use. Nothing is ever sent: it disconnects when the context ends.
    done: OnceLock<Receiver<Infallible>>,
}

/// The instant at which a context ends by itself.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    /// The time limit that it was made from, if any.
    limit: Option<Duration>,
}

impl Deadline {
    /// Returns `None` if the deadline is too far away to be represented.
    pub(super) fn after(limit: Duration) -> Option<Self> {
        Some(Self { at: Instant::now().checked_add(limit)?, limit: Some(limit) })
    }

    pub(super) fn at(at: Instant) -> Self {
        Self { at, limit: None }
    }
}

#[derive(Default)]
struct State {
    outcome: Option<ContextError>,
    /// The sender of `Node::done`; dropped when the context ends.
    done: Option<Sender<Infallible>>,
    children: Vec<Weak<Node>>,
    hooks: Vec<(u64, Hook)>,
    next_hook: u64,
    /// Set once the deadline is on the timer's list.
    timer: Option<TimerGuard>,
}

type Hook = Box<dyn FnOnce(&ContextError) + Send>;

impl Node {
    pub(super) fn new(parent: Option<&Arc<Node>>, own: Option<Deadline>) -> Arc<Self> {
        let inherited = parent.and_then(|parent| parent.deadline);
        let node = Arc::new(Self {
            deadline: own.into_iter().chain(inherited).min_by_key(|deadline| deadline.at),
            parent: parent.cloned(),
            state: Mutex::new(State::default()),
            done: OnceLock::new(),
        });
        if let Some(parent) = parent {
            parent.adopt(&node);
        }
        node
    }

    /// Adds `child` to the contexts that end with this one.
    fn adopt(&self, child: &Arc<Node>) {
        let ended = {
            let mut state = self.state.lock();
            if state.outcome.is_none() {
                // Drops the entries of dead children, so that a long-lived parent does not grow.
                if state.children.len() == state.children.capacity() {
                    state.children.retain(|child| child.strong_count() > 0);
                }
                state.children.push(Arc::downgrade(child));
            }
            state.outcome.clone()
        };
        if let Some(error) = ended {
            child.end(error);
        }
    }

    /// Returns the recorded outcome. A deadline that has passed unnoticed is not in it.
    pub(super) fn outcome(&self) -> Option<ContextError> {
        self.state.lock().outcome.clone()
    }

    pub(super) fn done(&self) -> &Receiver<Infallible> {
        if let Some(done) = self.done.get() {
            return done;
        }
        let mut state = self.state.lock();
        self.done.get_or_init(|| {
            let (sender, receiver) = bounded(0);
            state.done = state.outcome.is_none().then_some(sender);
            receiver
        })
    }

    /// Puts the deadline on the timer's list, so that the context ends even if nothing looks at it.
    pub(super) fn arm(self: &Arc<Self>) {
        let Some(deadline) = self.deadline else { return };
        let mut state = self.state.lock();
        if state.outcome.is_none() && state.timer.is_none() {
            let node: Weak<dyn Expire> = Arc::<Self>::downgrade(self);
            state.timer = Some(timer::schedule(deadline.at, node));
        }
    }

    /// Adds a hook that runs when the context ends, at once if it has. Returns the hook's number.
    pub(super) fn add_hook(
        self: &Arc<Self>,
        hook: impl FnOnce(&ContextError) + Send + 'static,
    ) -> u64 {
        let mut state = self.state.lock();
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
        id
    }

    pub(super) fn remove_hook(&self, id: u64) {
        let hook = {
            let mut state = self.state.lock();
            let place = state.hooks.iter().position(|(other, _)| *other == id);
            place.map(|place| state.hooks.swap_remove(place))
        };
        // Outside the lock: the hook may own values of the user's, whose `Drop` is unknown.
        drop(hook);
    }

    /// Ends the context and everything derived from it.
    ///
    /// A work list takes the place of recursion, since contexts may be nested to any depth.
    pub(super) fn end(&self, error: ContextError) {
        let mut next = self.end_alone(&error);
        while let Some(child) = next.pop() {
            if let Some(child) = child.upgrade() {
                next.append(&mut child.end_alone(&error));
            }
        }
    }

    pub(super) fn end_by_deadline(&self) {
        let limit = self.deadline.and_then(|deadline| deadline.limit);
        self.end(ContextError::deadline_exceeded(limit));
    }

    /// Ends this context without its children, which it returns. The first outcome stays.
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

    #[cfg(all(test, not(hangup_shuttle)))]
    pub(super) fn count_children(&self) -> usize {
        self.state.lock().children.len()
    }
}

impl Expire for Node {
    fn expire(&self) {
        self.end_by_deadline();
    }
}

impl Drop for Node {
    /// Drops the ancestors that only this context kept alive in a loop, not recursively: contexts may be
    /// nested to any depth.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(node) = parent {
            parent = Arc::into_inner(node).and_then(|mut node| node.parent.take());
        }
    }
}
