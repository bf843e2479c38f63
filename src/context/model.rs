//! Contexts under every order of their threads: each waiting thread is woken.

use std::sync::Arc;
use std::time::Duration;

use super::Context;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::channel::{bounded, select};
use crate::sync::explore::{Limits, any, explore, let_time_pass};
use crate::sync::{JoinHandle, now, spawn};

fn start(body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    spawn("model", None, body).expect("there is always room")
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("it does not panic");
    }
}

/// Two threads cancel while others wait, derive contexts and add hooks. Each waiter is woken, each hook runs
/// once, and all see the same outcome.
#[test]
fn each_waiter_is_woken_by_a_cancel() {
    explore(3000, Limits::Never, || {
        let root = Context::new();
        let hooks = Arc::new(AtomicUsize::new(0));
        let cancel = |cause: &'static str| {
            let root = root.clone();
            start(move || root.cancel_with(cause))
        };
        let wait = root.clone();
        let waits = start(move || assert!(wait.wait().is_cancelled()));
        let parent = root.clone();
        let derives = start(move || {
            let child = parent.child();
            let grandchild = child.child();
            assert!(grandchild.wait().is_cancelled());
            assert!(child.is_done() && parent.is_done());
        });
        let (hooked, counter) = (root.clone(), Arc::clone(&hooks));
        let hangs = start(move || {
            let (sender, ran) = bounded(1);
            let _guard = hooked.on_done(move |_| {
                counter.fetch_add(1, Ordering::SeqCst);
                sender.send(()).expect("it is waited for");
            });
            ran.recv().expect("the hook runs");
        });
        join([cancel("one"), cancel("other"), waits, derives, hangs]);
        assert_eq!(hooks.load(Ordering::SeqCst), 1);
        let cause = root.err().expect("it has ended").to_string();
        assert!(cause == "cancelled: one" || cause == "cancelled: other", "{cause}");
    });
}

/// One child ends by itself, and another loses its last handle, while their parent is cancelled.
#[test]
fn children_come_and_go_while_their_parent_ends() {
    explore(3000, Limits::Never, || {
        let root = Context::new();
        let (parent, canceller) = (root.clone(), root.clone());
        let comes = start(move || {
            for _ in 0..3 {
                let child = parent.child();
                if any(2) == 0 {
                    child.cancel();
                }
                let done = child.done().clone();
                drop(child);
                // No handle is left that a thread could wait on forever.
                assert!(done.recv().is_err());
            }
        });
        let ends = start(move || canceller.cancel());
        let late = root.child();
        assert!(late.wait().is_cancelled());
        join([comes, ends]);
    });
}

/// A hook that is removed before the end never runs. One that is removed during the end runs once or never.
#[test]
fn a_hook_runs_at_most_once() {
    explore(2000, Limits::Never, || {
        let context = Context::new();
        let runs = Arc::new(AtomicUsize::new(0));
        let count = |by: usize| {
            let runs = Arc::clone(&runs);
            move |_: &_| {
                runs.fetch_add(by, Ordering::SeqCst);
            }
        };
        drop(context.on_done(count(100)));
        let guard = context.on_done(count(1));
        let canceller = context.clone();
        let ends = start(move || canceller.cancel());
        drop(guard);
        join([ends]);
        assert!(runs.load(Ordering::SeqCst) <= 1);
    });
}

/// Deadlines pass at any moment, and the timer thread ends and is started again. Each waiter is woken, and
/// no deadline fires early.
#[test]
fn each_waiter_is_woken_by_a_deadline() {
    explore(1500, Limits::AnyMoment, || {
        let wait_for = |deadline| {
            let context = Context::with_deadline(deadline);
            let child = context.child();
            let waits = start(move || {
                assert!(child.wait().is_deadline_exceeded());
                assert!(now() >= deadline);
            });
            (context, waits)
        };
        let soon = wait_for(now() + Duration::from_secs(3));
        let late = wait_for(now() + Duration::from_secs(600));
        join([soon.1]);
        let another = wait_for(now() + Duration::from_secs(1));
        join([late.1, another.1]);
    });
}

/// An earlier deadline is set while the timer thread waits for a later one, or for any. It is notified.
#[test]
fn an_earlier_deadline_comes_first() {
    explore(1500, Limits::Never, || {
        let late = Context::with_timeout(Duration::from_secs(600));
        let other = late.clone();
        let arms = start(move || drop(other.done().clone()));
        let soon = Context::with_deadline(now());
        let armed = soon.done().clone();
        assert!(armed.recv().is_err());
        join([arms]);
        // The thread must end with the run.
        let_time_pass();
        let last = Context::with_deadline(now());
        assert!(last.done().recv().is_err());
    });
}

/// A deadline and a cancellation coincide: there is one outcome, and a select sees it.
#[test]
fn a_deadline_and_a_cancel_have_one_outcome() {
    explore(1500, Limits::AnyMoment, || {
        let context = Context::with_timeout(Duration::from_secs(5));
        let canceller = context.clone();
        let cancels = start(move || canceller.cancel());
        let (_sender, nothing) = bounded::<()>(1);
        select! {
            recv(nothing) -> _ => unreachable!("nothing is ever sent"),
            recv(context.done()) -> message => assert!(message.is_err()),
        }
        let first = context.err().expect("it has ended").is_cancelled();
        join([cancels]);
        assert_eq!(context.err().expect("it has ended").is_cancelled(), first);
    });
}
