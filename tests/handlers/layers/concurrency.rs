//! `ConcurrencyLimit`.

use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use hangup::layers::ConcurrencyLimit;
use hangup::{Context, Handler, HandlerExt, Request, RequestExt, ResponseWriter, Result};

use super::{call, header, request};

const PATIENCE: Duration = Duration::from_secs(10);

/// A handler that reports its request's number and waits until it may continue.
fn gate() -> (impl Handler, Receiver<String>, Sender<()>) {
    let (report, begun) = unbounded();
    let (release, released) = unbounded::<()>();
    let handler = move |_: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        report.send(number(r)).unwrap();
        released.recv_timeout(PATIENCE).expect("it is released");
        assert_ne!(number(r), "panics", "on purpose");
        Ok(())
    };
    (handler, begun, release)
}

fn number(r: &Request) -> String {
    r.headers()["x-number"].to_str().unwrap().to_owned()
}

fn numbered(number: impl ToString) -> Request {
    request("GET", &[("x-number", &number.to_string())])
}

/// Waits until `condition` holds. No event announces it.
fn eventually(condition: impl Fn() -> bool) {
    let (_sender, never) = bounded::<()>(0);
    for _ in 0..10_000 {
        if condition() {
            return;
        }
        let _ = never.recv_timeout(Duration::from_millis(1));
    }
    panic!("the condition never held");
}

#[test]
fn h09_requests_beyond_the_limit_wait_in_order_or_are_refused() {
    let (handler, begun, release) = gate();
    let limit = ConcurrencyLimit::new(2).queue(3).retry_after(Duration::from_millis(2500));
    let handler = &handler.layer(limit.clone());
    thread::scope(|scope| {
        for number in 0..5 {
            scope.spawn(move || assert_eq!(call(handler, numbered(number)).status(), 200));
            eventually(|| limit.running() + limit.waiting() == number + 1);
        }
        let mut first = [begun.recv().unwrap(), begun.recv().unwrap()];
        first.sort();
        assert_eq!(first, ["0", "1"]);
        let refused = call(handler, numbered(5));
        assert_eq!((refused.status().as_u16(), &*header(&refused, "retry-after")), (503, "3"));
        for number in ["2", "3", "4"] {
            assert!(begun.is_empty());
            release.send(()).unwrap();
            assert_eq!(begun.recv_timeout(PATIENCE).unwrap(), number);
        }
        release.send(()).unwrap();
        release.send(()).unwrap();
    });
    assert_eq!((limit.running(), limit.waiting()), (0, 0));
}

#[test]
fn h09_a_wait_ends_with_its_time_or_its_context() {
    let (handler, begun, release) = gate();
    let limit = ConcurrencyLimit::new(1).queue(10).max_wait(Duration::from_millis(20));
    let handler = &handler.layer(limit.clone());
    thread::scope(|scope| {
        scope.spawn(|| call(handler, numbered(0)));
        begun.recv_timeout(PATIENCE).unwrap();
        // Its time.
        let refused = call(handler, numbered(1));
        assert_eq!((refused.status().as_u16(), &*header(&refused, "retry-after")), (503, "1"));
        // The deadline of the request.
        let mut request = numbered(2);
        request.set_context(Context::with_timeout(Duration::from_millis(1)));
        assert_eq!(call(handler, request).status(), 503);
        // The client leaves.
        let context = Context::new();
        let mut request = numbered(3);
        request.set_context(context.clone());
        let left = scope.spawn(move || {
            let patient = limit.clone().max_wait(PATIENCE);
            let handler = |_: &mut ResponseWriter, _: &mut Request| -> Result<()> { Ok(()) };
            // There is no response.
            hangup::testing::call(&handler.layer(patient), request).unwrap_err().status_code()
        });
        context.cancel();
        assert_eq!(left.join().unwrap().map(|status| status.as_u16()), Some(499));
        release.send(()).unwrap();
    });
    // Every place was given back.
    release.send(()).unwrap();
    assert_eq!(call(handler, numbered(4)).status(), 200);
}

#[test]
fn h09_a_panic_gives_the_place_back() {
    let (handler, _begun, release) = gate();
    let limit = ConcurrencyLimit::new(1);
    let handler = handler.layer(limit.clone());
    for _ in 0..3 {
        release.send(()).unwrap();
        hangup::testing::call(&handler, numbered("panics")).unwrap_err();
        assert_eq!(limit.running(), 0);
    }
    release.send(()).unwrap();
    assert_eq!(call(&handler, numbered(1)).status(), 200);
}

#[test]
#[should_panic(expected = "refuse every request")]
fn h09_a_limit_of_0_is_refused() {
    let _ = ConcurrencyLimit::new(0);
}
