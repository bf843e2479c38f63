//! The places under every order of their threads: none is lost, and none is taken twice.

use std::sync::Arc;

use super::turns::{Refused, Turns};
use crate::Context;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::explore::{Limits, explore, perhaps};
use crate::sync::{JoinHandle, spawn};

fn start(body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    spawn("model", None, body).expect("there is always room")
}

/// Requests come, wait, and give up in any order.
#[test]
fn h09_places_are_neither_lost_nor_doubled() {
    explore(3000, Limits::Never, || {
        let turns = Arc::new(Turns::new(1));
        let running = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..3)
            .map(|number| {
                let (turns, running) = (Arc::clone(&turns), Arc::clone(&running));
                let context = Context::new();
                let leaver = (number > 0 && perhaps()).then(|| {
                    let context = context.clone();
                    start(move || context.cancel())
                });
                let may_leave = leaver.is_some();
                let request = start(move || match turns.enter(10, || context) {
                    Ok(_turn) => {
                        assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "one at once");
                        running.fetch_sub(1, Ordering::SeqCst);
                    }
                    Err(Refused::ContextEnded(error)) => assert!(error.is_cancelled() && may_leave),
                    Err(Refused::QueueFull) => panic!("there is room"),
                });
                [Some(request), leaver]
            })
            .collect();
        for thread in threads.into_iter().flatten().flatten() {
            thread.join().expect("it does not panic");
        }
        assert_eq!((turns.running(), turns.waiting()), (0, 0));
        assert!(turns.enter(0, Context::new).is_ok(), "the place is free");
    });
}
