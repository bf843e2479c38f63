//! Which connection a request gets.

use std::thread;
use std::time::Duration;

use hangup::{Body, Context, ErrorKind, TimeLimit, testing};

use super::app::{NO_CONTENT, STDOUT, end, next, record, upstream};
use super::{beside, get, post};

#[test]
fn h12_a_connection_is_reused_if_its_response_has_ended_well() {
    let whole = [record(STDOUT, NO_CONTENT), end(0, 0)].concat();
    for (what, response, reused) in [
        ("an end", whole.clone(), true),
        ("a status of the program", [record(STDOUT, NO_CONTENT), end(9, 0)].concat(), true),
        ("a protocol status", [record(STDOUT, NO_CONTENT), end(0, 2)].concat(), false),
        ("bytes behind the end", [&whole[..], b"x"].concat(), false),
    ] {
        let (upstream, apps) = upstream();
        let app = || {
            let first = next(&apps);
            first.request();
            first.write(&response);
            let second = if reused { first } else { next(&apps) };
            second.request();
            second.answer(NO_CONTENT);
        };
        beside(app, || {
            for _ in 0..2 {
                assert_eq!(testing::call(&upstream, get("/")).unwrap().status(), 204, "{what}");
            }
        });
    }
}

#[test]
fn h12_without_keep_alive_each_request_has_a_connection() {
    let (upstream, apps) = upstream();
    let upstream = upstream.keep_connections(false);
    let app = || {
        for _ in 0..2 {
            let app = next(&apps);
            assert!(!app.request().keep);
            app.answer(NO_CONTENT);
            assert!(app.record().is_none());
        }
    };
    beside(app, || {
        for _ in 0..2 {
            assert_eq!(testing::call(&upstream, get("/")).unwrap().status(), 204);
        }
    });
}

#[test]
fn h12_a_connection_that_was_closed_while_idle_is_not_used() {
    let (upstream, apps) = upstream();
    let app = || {
        let first = next(&apps);
        first.request();
        first.answer(NO_CONTENT);
        first.0.close();
        let second = next(&apps);
        second.request();
        second.answer(NO_CONTENT);
    };
    beside(app, || {
        assert_eq!(testing::call(&upstream, get("/")).unwrap().status(), 204);
        while testing::call(&upstream, post("x")).unwrap().status() != 204 {}
    });
}

#[test]
fn h12_an_idempotent_request_is_repeated_if_its_connection_was_stale() {
    for (body, repeated) in [(Some("x"), false), (None, true)] {
        let (upstream, apps) = upstream();
        let app = || {
            let first = next(&apps);
            first.request();
            first.answer(NO_CONTENT);
            first.request();
            first.0.close();
            if repeated {
                let second = next(&apps);
                second.request();
                second.answer(NO_CONTENT);
            }
        };
        beside(app, || {
            assert_eq!(testing::call(&upstream, get("/")).unwrap().status(), 204);
            let request = body.map_or_else(|| get("/"), post);
            let status = testing::call(&upstream, request).unwrap().status();
            assert_eq!(status, if repeated { 204 } else { 502 });
        });
        assert!(apps.is_empty());
    }
}

#[test]
fn h12_a_new_connection_is_not_repeated() {
    let (upstream, apps) = upstream();
    beside(
        || next(&apps).0.close(),
        || {
            let kind = upstream.send(get("/"), &Context::new()).unwrap_err().kind();
            let lost = [ErrorKind::EmptyReply, ErrorKind::Send, ErrorKind::Receive];
            assert!(lost.contains(&kind), "{kind:?}");
        },
    );
    assert!(apps.is_empty());
}

#[test]
fn h12_requests_wait_for_a_connection_up_to_a_limit() {
    let (upstream, apps) = upstream();
    let upstream = upstream.max_connections(1).queue_timeout(Duration::from_millis(5));
    let first = upstream.clone();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || testing::call(&first, get("/")).unwrap().status());
        let app = next(&apps);
        app.request();
        let error = upstream.send(get("/"), &Context::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Queue));
        let patient = upstream.clone().queue_timeout(None);
        let second = scope.spawn(move || testing::call(&patient, get("/")).unwrap().status());
        app.answer(NO_CONTENT);
        app.request();
        app.answer(NO_CONTENT);
        for call in [waiting, second] {
            assert_eq!(call.join().unwrap(), 204);
        }
    });
    assert!(apps.is_empty());
}

#[test]
fn h12_an_idle_connection_does_not_starve_a_new_one() {
    // As PHP with two processes: the third connection is accepted once one of the others is closed.
    let (upstream, apps) = upstream();
    thread::scope(|scope| {
        let call = || {
            let upstream = upstream.clone();
            scope.spawn(move || testing::call(&upstream, get("/")).unwrap().status())
        };
        let first = call();
        let one = next(&apps);
        one.request();
        let second = call();
        let two = next(&apps);
        one.answer(NO_CONTENT);
        first.join().unwrap();
        // The process is free once the idle connection is closed.
        assert!(one.record().is_none());
        two.request();
        two.answer(NO_CONTENT);
        assert_eq!(second.join().unwrap(), 204);
    });
}

#[test]
fn h12_a_body_that_was_not_sent_whole_ends_the_connection() {
    let (upstream, apps) = upstream();
    let (sender, source) = crossbeam_channel::unbounded::<&str>();
    let app = || {
        let first = next(&apps);
        first.head();
        first.answer(NO_CONTENT);
        while first.record().is_some() {}
        let second = next(&apps);
        second.request();
        second.answer(NO_CONTENT);
    };
    beside(app, || {
        let early = testing::call(&upstream, post(Body::from_chunks(source))).unwrap();
        assert_eq!(early.status(), 204);
        assert_eq!(testing::call(&upstream, get("/")).unwrap().status(), 204);
    });
    drop(sender);
}
