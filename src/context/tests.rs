use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    assert!(root.0.count_children() < 100);
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
    assert!(innermost.0.parent.as_ref().unwrap().outcome().is_some());
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
    let text = "deadline exceeded";
    assert_eq!(error.to_string(), format!("{text} after 0ns"));
    let moment = Context::with_deadline(Instant::now()).err().unwrap();
    assert_eq!((moment.time_limit(), moment.to_string().as_str()), (None, text));
    let cancelled = Context::new();
    cancelled.cancel_with("enough");
    let error = cancelled.err().unwrap();
    assert!(error.time_limit().is_none() && error.source().is_none(), "printed once");
}
