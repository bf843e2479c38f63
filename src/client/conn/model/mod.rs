//! One client connection under every order of its parties: the caller, the reader loop, the writer
//! loop, and a peer that follows a script over a stream in memory.
//!
//! | model | races |
//! | --- | --- |
//! | `a_connection_serves_one_call_after_another` | giving back, and the reader loop's sleep, pause and watch |
//! | `an_early_response_…`, `a_response_that_crosses_…` | the end of sending against the end of the response |
//! | `the_peer_closes_…` | a hang-up or a reset against everything else |
//! | `a_call_is_cancelled_…`, `a_late_cancel_…`, `a_cancelled_call_…` | the end of a context against its exchange and the next |
//! | `an_idle_connection_…` | the idle timeout against the next exchange |
//! | `a_dropped_body_…`, `the_loops_…` | a body that is dropped, or held |
//! | `a_late_writer_…` | the writer loop's report against the end of the exchange |
//! | `a_withheld_body_…` | the 100, its limit, and a final response |
//! | `closing_crosses_giving_back` | two ways of leaving the exchange |
//!
//! A run ends when all of its threads have ended. A loop that outlives its connection, or a caller that
//! is not woken, is a deadlock and fails the run.

mod scene;

use std::sync::Arc;
use std::time::Duration;

use self::scene::{CHUNKED, LENGTH, Scene, any_way, any_way_under, get, read, start, upload};
use super::{Failure, Withhold};
use crate::client::options::CallOptions;
use crate::context::Context;
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::h1::CloseReason;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::channel::bounded;
use crate::sync::explore::{Limits, any, explore, perhaps};

/// Three calls in turn over a connection whose peer behaves: each finds it again, and gets its own
/// response.
#[test]
fn a_connection_serves_one_call_after_another() {
    explore(800, Limits::Never, || {
        let (scene, peer) = Scene::with(256, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}one"))?;
            peer.expect(b"\r\n0\r\n\r\n")?;
            peer.say(&format!("HTTP/1.1 100 Continue\r\n\r\n{CHUNKED}3\r\ntwo\r\n0\r\n\r\n"))?;
            peer.expect(b"\r\n\r\n")?;
            peer.say("HTTP/1.1 204 No Content\r\n\r\n")
        });
        let dropped = Arc::new(AtomicUsize::new(0));
        let options = any_way();
        let calls = [(get(), "one"), (upload(2, &dropped), "two"), (get(), "")];
        for (outgoing, expected) in calls {
            let outcome = scene.call(outgoing, &options).expect("it is there at once");
            let response = outcome.expect("the peer responds");
            assert_eq!(read(response).expect("it is whole"), expected);
        }
        // The last response has no body, so its caller may be ahead of the pool.
        assert!(scene.end() >= 2);
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        peer.join().expect("it does not panic");
    });
}

/// The peer responds while the request is still being sent, and reads no more of it: the caller gets the
/// response, the connection is not used again, and the source is dropped.
#[test]
fn an_early_response_is_delivered_and_ends_the_connection() {
    explore(1200, Limits::AnyMoment, || {
        let (scene, peer) = Scene::with(64, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}one"))
        });
        let dropped = Arc::new(AtomicUsize::new(0));
        let outcome = scene.call(upload(100, &dropped), &any_way());
        let response = outcome.expect("it is fresh").expect("the peer responds");
        if perhaps() {
            assert_eq!(read(response).expect("it is whole"), "one");
        } else {
            drop(response);
        }
        // Only the end of the response, or its drop, closes the connection.
        peer.join().expect("it does not panic");
        assert_eq!(scene.end(), 0);
    });
}

/// The end of a request crosses its response. If the connection is used again, the next call gets its
/// own response.
#[test]
fn a_response_that_crosses_the_end_of_its_request() {
    explore(1200, Limits::AnyMoment, || {
        let (scene, peer) = Scene::with(40, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}one"))?;
            peer.expect(b"\r\n0\r\n\r\n")?;
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}two"))
        });
        let dropped = Arc::new(AtomicUsize::new(0));
        let outcome = scene.call(upload(3, &dropped), &any_way());
        let response = outcome.expect("it is fresh").expect("the peer responds");
        assert_eq!(read(response).expect("it is whole"), "one");
        if scene.given_back() == 1 {
            assert_eq!(dropped.load(Ordering::SeqCst), 1, "it has been sent");
            if let Some(outcome) = scene.call(get(), &any_way()) {
                let response = outcome.expect("the peer responds");
                assert_eq!(read(response).expect("it is whole"), "two");
            }
        }
        scene.end();
        peer.join().expect("it does not panic");
    });
}

/// The peer hangs up at any moment of a call: the caller gets a whole response or an error.
#[test]
fn the_peer_closes_at_any_moment() {
    explore(1500, Limits::AnyMoment, || {
        let (early, resets) = (any(3), perhaps());
        let (scene, peer) = Scene::with(48, move |peer| {
            if early > 0 {
                peer.expect(b"\r\n\r\n")?;
            }
            if early > 1 {
                let response = format!("{CHUNKED}3\r\none\r\n0\r\n\r\n");
                peer.say(&response[..1 + any(response.len())])?;
            }
            match resets {
                true => peer.stream.reset(),
                false => peer.stream.close(),
            }
            Ok(())
        });
        let dropped = Arc::new(AtomicUsize::new(0));
        let uploads = perhaps();
        let outgoing = if uploads { upload(any(8), &dropped) } else { get() };
        if let Some(Ok(response)) = scene.call(outgoing, &any_way()) {
            if perhaps() {
                let text = read(response);
                assert!(text.is_err() || text.is_ok_and(|text| text == "one"));
            } else {
                drop(response);
            }
        }
        assert!(scene.end() <= 1);
        peer.join().expect("it does not panic");
    });
}

/// The call is cancelled at any moment: the caller returns, and the connection is either clean or
/// closed.
#[test]
fn a_call_is_cancelled_at_any_moment() {
    explore(1500, Limits::AnyMoment, || {
        let (scene, peer) = Scene::with(64, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{CHUNKED}3\r\none\r\n"))?;
            peer.expect(b"0\r\n\r\n")?;
            peer.say("0\r\n\r\n")?;
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}two"))
        });
        let dropped = Arc::new(AtomicUsize::new(0));
        let context = Context::new();
        let canceller = context.clone();
        let cancels = start("cancels", move || canceller.cancel());
        match scene.call(upload(3, &dropped), &any_way_under(&context)).expect("it is fresh") {
            Ok(response) => match read(response) {
                Ok(text) => assert_eq!(text, "one"),
                Err(error) => assert!(Error::from(error).is_cancelled()),
            },
            Err(failure) => assert!(failure.error.is_cancelled(), "{:?}", failure.error),
        }
        // The next call has another context, and the end of the first does not touch it.
        if scene.given_back() == 1 {
            let outcome = scene.call(get(), &any_way_under(&Context::new()));
            if let Some(Ok(response)) = outcome {
                assert_eq!(read(response).expect("it is whole"), "two");
            } else {
                assert!(scene.conn.is_closed());
            }
        }
        scene.end();
        cancels.join().expect("it does not panic");
        peer.join().expect("it does not panic");
    });
}

/// Cancelling a call after it has ended well closes nothing.
#[test]
fn a_late_cancel_does_not_end_the_next_call() {
    explore(1500, Limits::Never, || {
        let (scene, peer) = Scene::with(256, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{CHUNKED}3\r\none\r\n0\r\n\r\n"))?;
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}two"))
        });
        let context = Context::new();
        let outcome = scene.call(get(), &any_way_under(&context)).expect("it is fresh");
        let response = outcome.expect("the peer responds");
        assert_eq!(read(response).expect("it is whole"), "one");
        let late = context.clone();
        let cancels = start("cancels", move || late.cancel());
        let outcome = scene.call(get(), &any_way()).expect("it is there at once");
        let response = outcome.expect("the peer responds");
        assert_eq!(read(response).expect("it is whole"), "two");
        scene.end();
        cancels.join().expect("it does not panic");
        peer.join().expect("it does not panic");
    });
}

/// One call is cancelled at any moment, while another waits for its connection. Once the other has
/// begun, the cancellation does not touch it.
#[test]
fn a_cancelled_call_does_not_take_the_next_along() {
    explore(3000, Limits::Never, || {
        let first = [format!("{LENGTH}one"), format!("{CHUNKED}3\r\none\r\n0\r\n\r\n")];
        let first = first[any(2)].clone();
        let (scene, peer) = Scene::with(256, move |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&first)?;
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}two"))
        });
        let context = Context::new();
        let (canceller, conn) = (context.clone(), scene.conn.clone());
        let cancels = start("cancels", move || canceller.cancel());
        let one = start("one", move || {
            let id = conn.begin().expect("it is fresh");
            if let Ok(response) = conn.round_trip(id, get(), &any_way_under(&context)) {
                let text = read(response);
                assert!(text.is_err() || text.is_ok_and(|text| text == "one"));
            }
        });
        if let Some(id) = scene.begin_next() {
            let outcome = scene.conn.round_trip(id, get(), &any_way());
            let response = outcome.expect("the peer responds");
            assert_eq!(read(response).expect("it is whole"), "two");
        }
        for thread in [cancels, one] {
            thread.join().expect("it does not panic");
        }
        scene.end();
        peer.join().expect("it does not panic");
    });
}

/// A connection reaches its idle timeout while it is taken into use: it is closed before the call, or
/// serves the call.
#[test]
fn an_idle_connection_ends_before_a_call_or_after() {
    explore(1500, Limits::AnyMoment, || {
        let limit = Some(Duration::from_secs(90));
        let (scene, peer) = Scene::with_idle_timeout(limit, 256, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}one"))
        });
        if let Some(outcome) = scene.call(get(), &any_way()) {
            let response = outcome.expect("the peer responds");
            assert_eq!(read(response).expect("it is whole"), "one");
        }
        scene.end();
        peer.join().expect("it does not panic");
    });
}

/// A body is dropped unread: its rest is drained, or the connection is closed. The next call sees nothing
/// of it.
#[test]
fn a_dropped_body_leaves_nothing_behind() {
    explore(1500, Limits::AnyMoment, || {
        let (scene, peer) = Scene::with(256, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{CHUNKED}3\r\none\r\n3\r\none\r\n0\r\n\r\n"))?;
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}two"))
        });
        let outcome = scene.call(get(), &any_way()).expect("it is fresh");
        let response = outcome.expect("the peer responds");
        drop(response);
        if scene.given_back() == 1 {
            let outcome = scene.call(get(), &any_way());
            let response = outcome.map(|outcome| outcome.expect("the peer responds"));
            if let Some(response) = response {
                assert_eq!(read(response).expect("it is whole"), "two");
            }
        }
        scene.end();
        peer.join().expect("it does not panic");
    });
}

/// The writer loop sets a deadline only for the head of the response to its request: not for the
/// response's body, nor for the next call, however late it is.
#[test]
fn a_late_writer_sets_no_deadline_but_its_own() {
    explore(1500, Limits::AnyMoment, || {
        let (scene, peer) = Scene::with(256, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(CHUNKED)?;
            peer.expect(b"0\r\n\r\n")?;
            peer.say("3\r\none\r\n0\r\n\r\n")?;
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}two"))
        });
        let due = |limit| CallOptions { response_head: Some(limit), ..CallOptions::default() };
        let dropped = Arc::new(AtomicUsize::new(0));
        let outcome = scene.call(upload(1, &dropped), &due(Duration::from_secs(1)));
        match outcome.expect("it is fresh") {
            Ok(response) => assert_eq!(read(response).expect("it has no limit"), "one"),
            Err(Failure { error, .. }) => {
                assert_eq!(error.timed_out(), Some(TimeLimit::ResponseHead), "{error}");
            }
        }
        // The second call heeds deadlines, and its own never passes.
        if scene.given_back() == 1
            && let Some(outcome) = scene.call(get(), &due(Duration::MAX))
        {
            let response = outcome.expect("the peer responds");
            assert_eq!(read(response).expect("it is whole"), "two");
        }
        scene.end();
        peer.join().expect("it does not panic");
    });
}

/// A body waits for a 100: it is released by the 100 or by the limit, or not sent at all.
#[test]
fn a_withheld_body_is_sent_or_let_go() {
    explore(1500, Limits::AnyMoment, || {
        let (continues, final_answer) = (perhaps(), perhaps());
        let (scene, peer) = Scene::with(64, move |peer| {
            peer.expect(b"\r\n\r\n")?;
            if continues {
                peer.say("HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            if !final_answer {
                peer.expect(b"\r\n0\r\n\r\n")?;
            }
            peer.say(&format!("{LENGTH}one"))
        });
        let dropped = Arc::new(AtomicUsize::new(0));
        let mut outgoing = upload(3, &dropped);
        let (give_back, given_back) = bounded(1);
        outgoing.expect = Some(Box::new(Withhold { limit: Duration::from_secs(1), give_back }));
        let outcome = scene.call(outgoing, &any_way()).expect("it is fresh");
        let response = outcome.expect("the peer responds");
        assert_eq!(read(response).expect("it is whole"), "one");
        // The body comes back, or its sending has begun, so this wait always ends.
        if let Ok(body) = given_back.recv() {
            assert!(final_answer && dropped.load(Ordering::SeqCst) == 0);
            drop(body);
            assert_eq!(dropped.load(Ordering::SeqCst), 1);
        }
        scene.end();
        peer.join().expect("it does not panic");
    });
}

/// The connection is closed while its caller holds the response body and reads none of it: both loops
/// end.
#[test]
fn the_loops_do_not_wait_for_a_body_that_is_held() {
    explore(1500, Limits::Never, || {
        let (scene, peer) = Scene::with(64, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{CHUNKED}3\r\none\r\n"))
        });
        let (cancelled, uploads) = (perhaps(), perhaps());
        let dropped = Arc::new(AtomicUsize::new(0));
        let outgoing = if uploads { upload(100, &dropped) } else { get() };
        let context = Context::new();
        let outcome = scene.call(outgoing, &any_way_under(&context)).expect("it is fresh");
        let response = outcome.expect("the peer responds");
        match cancelled {
            true => context.cancel(),
            false => scene.conn.close(Error::new(ErrorKind::Closed), CloseReason::ShuttingDown),
        }
        // Two handles to the connection are left: the scene's and the body's.
        while Arc::strong_count(&scene.conn.0) > 2 {
            shuttle::thread::yield_now();
        }
        assert_eq!(dropped.load(Ordering::SeqCst), usize::from(uploads));
        assert!(read(response).is_err(), "it never looks whole");
        assert_eq!(scene.end(), 0);
        peer.join().expect("it does not panic");
    });
}

/// The connection is closed while it is given back: its pool hears of the end once, and last.
#[test]
fn closing_crosses_giving_back() {
    explore(1500, Limits::Never, || {
        let (scene, peer) = Scene::with(256, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}one"))
        });
        let conn = scene.conn.clone();
        let closes = start("closes", move || {
            conn.close(Error::new(ErrorKind::Closed), CloseReason::ShuttingDown);
        });
        if let Some(Ok(response)) = scene.call(get(), &any_way()) {
            let text = read(response);
            assert!(text.is_err() || text.is_ok_and(|text| text == "one"));
        }
        closes.join().expect("it does not panic");
        assert!(scene.end() <= 1);
        peer.join().expect("it does not panic");
    });
}
