//! The layers of `hangup::layers`, where a connection matters.

use std::io::Write;
use std::time::Duration;

use hangup::http::StatusCode;
use hangup::layers::{BodyLimit, ConcurrencyLimit, Timeout};
use hangup::{
    Error, ErrorKind, Handler, HandlerExt, Request, RequestExt, Response, ResponseWriter, Result,
};
use log::Level;

use super::{in_memory, next, reports, served};
use crate::support::{Over, PATIENCE, RawClient, alone, logs, over_each};

over_each![
    h09_the_client_gets_its_503_while_the_handler_still_runs,
    h09_a_blocked_write_ends_at_the_time_limit,
    h09_a_client_that_leaves_gives_up_its_place_in_the_queue,
    h09_an_upload_over_the_limit_gets_no_100,
    h09_head_has_the_framing_of_get_within_a_time_limit,
];

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const SHORT: Duration = Duration::from_millis(20);

/// Limits to be tried in turn until one is long enough for a handler to begin its response, and for its client to
/// read that.
const LIMITS: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(200), Duration::from_secs(2)];

/// The handler ignores its context. The responses to earlier requests come first.
fn h09_the_client_gets_its_503_while_the_handler_still_runs(over: Over) {
    alone!();
    logs::collect();
    let (release, released) = reports::<()>();
    let (failed, has_failed) = reports();
    let slow = move |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        next(&released);
        let outcome = w.write_all(&[b'x'; 5000]).map_err(Error::from);
        failed.send(outcome.as_ref().map_err(Error::kind).err()).unwrap();
        outcome
    };
    let slow = slow.layer(Timeout::new(SHORT).retry_after(Duration::from_secs(7)));
    let handler = move |w: &mut ResponseWriter, r: &mut Request| match r.uri().path() {
        "/" => Ok(w.write_all(b"first")?),
        _ => slow.handle(w, r),
    };
    let (_server, _far, mut peer) = served(over, handler);
    peer.send(format!("{GET}POST /slow?secret HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"));
    assert_eq!(peer.expect(200), "first");
    let late = peer.expect_response();
    assert_eq!((late.status, late.field("retry-after")), (503, Some("7")));
    assert_eq!(late.field("connection"), Some("close"));
    assert_eq!(late.text(), "503 Service Unavailable: time limit exceeded\n");
    // The end of the stream comes before the handler has returned.
    peer.expect_end();
    release.send(()).unwrap();
    assert_eq!(next(&has_failed), Some(ErrorKind::Timeout(hangup::TimeLimit::Call)));
    let warnings = logs::of_servers(Level::Warn);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("handler of POST /slow has not responded after"), "{warnings:?}");
}

/// The head of a long response leaves before the function that creates the response has returned. It
/// announced a connection that was half-closed, and a request behind it was handled without a response.
#[test]
fn h09_a_long_response_in_place_closes_the_connection() {
    alone!();
    let late = |_: &mut ResponseWriter, r: &mut Request| Err(r.context().wait().into());
    for (size, version) in [(9, 1), (5000, 1), (5000, 0)] {
        let page = move || Response::new("x".repeat(size));
        let (_server, _, mut peer) = in_memory(late.layer(Timeout::new(SHORT).respond_with(page)));
        peer.send(format!("GET / HTTP/1.{version}\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"));
        let response = peer.expect_response();
        assert_eq!(response.field("connection"), Some("close"));
        assert_eq!(response.text().len(), size);
        peer.expect_end();
    }
}

fn h09_a_blocked_write_ends_at_the_time_limit(over: Over) {
    alone!();
    let (failed, has_failed) = reports();
    let handler = move |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        let error = loop {
            if let Err(error) = w.write_all(&[b'x'; 64 * 1024]) {
                break Error::from(error);
            }
        };
        failed.send(error.is_timeout()).unwrap();
        Err(error)
    };
    let begun = LIMITS.iter().any(|limit| {
        let (_server, _far, mut peer) = served(over, handler.clone().layer(Timeout::new(*limit)));
        peer.send(GET);
        assert!(next(&has_failed), "the client reads nothing, so the write waits");
        peer.head_before_end().is_some_and(|head| head.status == 200)
    });
    assert!(begun);
}

/// A connection is reused after a response in time.
#[test]
fn h09_a_response_in_time_keeps_the_connection() {
    alone!();
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let body = r.body_mut().read_text(100)?;
        Ok(w.write_all(body.as_bytes())?)
    };
    let (_server, _, mut peer) = in_memory(handler.layer(Timeout::new(PATIENCE)));
    for _ in 0..3 {
        peer.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n").send("hello");
        assert_eq!(peer.expect(200), "hello");
        peer.send(GET);
        assert_eq!(peer.expect(200), "");
    }
}

/// An HTTP/1.0 client sees by a reset that a stream was cut off.
#[test]
fn h09_a_stream_that_is_cut_off_does_not_look_complete() {
    alone!();
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        w.write_all(b"begun")?;
        w.flush()?;
        r.context().wait();
        // The handler ignores the error of a write behind the limit.
        let _ = w.write_all(&[0; 5000]);
        Ok(())
    };
    let sees = |request: &str, check: fn(&mut RawClient)| {
        assert!(LIMITS.iter().any(|limit| {
            let (_server, _, mut peer) = in_memory(handler.layer(Timeout::new(*limit)));
            let head = peer.send(request).head_before_end();
            let begun = head.is_some_and(|head| head.status == 200);
            if begun {
                check(&mut peer);
            }
            begun
        }));
    };
    sees("GET / HTTP/1.0\r\n\r\n", |peer| peer.expect_text("begun").expect_reset());
    sees(GET, |peer| {
        assert_eq!(peer.expect_chunk(), b"begun");
        assert_eq!(peer.rest(), b"", "there is no last chunk");
    });
}

fn h09_a_client_that_leaves_gives_up_its_place_in_the_queue(over: Over) {
    alone!();
    let (begun, has_begun) = reports();
    let (release, released) = reports::<()>();
    let (outcome, has_ended) = reports();
    let handler = move |_: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        begun.send(()).unwrap();
        next(&released);
        Ok(())
    };
    let limit = ConcurrencyLimit::new(1).queue(1).max_wait(PATIENCE);
    let handler = handler.layer(limit.clone()).layer_fn(move |w, r, next| {
        let ended = next.handle(w, r);
        outcome.send(ended.as_ref().err().and_then(Error::status_code)).unwrap();
        ended
    });
    let server = over.server(handler);
    let mut first = over.connect(&server);
    first.send(GET);
    next(&has_begun);
    for _ in 0..3 {
        let mut second = over.connect(&server);
        second.send(GET);
        let mut third = over.connect(&server);
        // The second is in the queue once there is no room for this one.
        while limit.waiting() == 0 {
            std::thread::yield_now();
        }
        let refused = third.send(GET).expect_response();
        assert_eq!((refused.status, refused.field("retry-after")), (503, Some("1")));
        assert_eq!(next(&has_ended), Some(StatusCode::SERVICE_UNAVAILABLE));
        second.close();
        assert_eq!(next(&has_ended).map(|status| status.as_u16()), Some(499));
        assert_eq!(limit.waiting(), 0);
    }
    release.send(()).unwrap();
    assert_eq!(first.expect_response().status, 200);
    assert_eq!(next(&has_ended), None);
}

fn h09_an_upload_over_the_limit_gets_no_100(over: Over) {
    alone!();
    let (read, has_read) = reports();
    let handler = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let outcome = r.body_mut().read_text(1 << 20);
        read.send(outcome.is_ok()).unwrap();
        Ok(w.write_all(outcome.map_err(|_| Error::other("lost"))?.as_bytes())?)
    };
    let handler = handler.layer(BodyLimit::new(10));
    let head = "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
    let (_server, _far, mut peer) = served(over, handler.clone());
    peer.send(format!("{head}Content-Length: 10\r\n\r\n"));
    peer.expect_text("HTTP/1.1 100 Continue\r\n\r\n").send("0123456789");
    assert_eq!(peer.expect(200), "0123456789");
    assert!(next(&has_read));
    peer.send(format!("{head}Content-Length: 11\r\n\r\n"));
    let refused = peer.expect_response();
    assert_eq!((refused.status, refused.field("connection")), (413, Some("close")));
    peer.expect_end();
    assert!(has_read.is_empty());

    let (_server, _far, mut peer) = served(over, handler);
    peer.send(
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n",
    );
    let refused = peer.expect_response();
    assert_eq!((refused.status, refused.field("connection")), (413, Some("close")));
    assert!(!next(&has_read));
}

/// HEAD once had no Transfer-Encoding, since no body followed from which it could be decided.
fn h09_head_has_the_framing_of_get_within_a_time_limit(over: Over) {
    alone!();
    let handler = |w: &mut ResponseWriter, _: &mut Request| Ok(w.write_all(&[b'x'; 5000])?);
    let (_server, _far, mut peer) = served(over, handler.layer(Timeout::new(PATIENCE)));
    for method in ["HEAD", "GET"] {
        let head = peer.send(GET.replace("GET", method)).expect_head();
        assert_eq!(head.field("transfer-encoding"), Some("chunked"), "{method}");
    }
}
