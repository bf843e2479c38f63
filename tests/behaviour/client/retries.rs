//! C15: retries with back-off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use hangup::client::{Attempt, Jitter, Next, Retry};
use hangup::http::{Method, StatusCode};
use hangup::{Body, Client, Context, ErrorKind, Request, ResponseExt, TimeLimit};

use super::{get, send, text};
use crate::support::scripted_server::{Peers, eventually, fed};
use crate::support::{Over, PATIENCE, alone, over_each};

over_each![each way:
    c15_a_failing_status_is_retried_on_the_same_connection,
    c15_a_connection_that_ends_without_a_response_is_retried,
    c15_a_post_is_retried_only_on_request,
    c15_a_post_is_retried_if_nothing_was_sent,
    c15_a_post_whose_redirect_fails_to_connect_is_not_retried,
    c15_a_post_that_a_middleware_sends_twice_is_not_retried,
    c15_a_body_that_cannot_be_sent_again_is_not_retried,
    c15_the_last_result_is_returned_when_the_retries_are_used_up,
    c15_a_retry_after_sets_the_wait,
    c15_a_wait_that_passes_the_calls_limit_is_not_begun,
    c15_cancel_ends_a_wait,
    c15_the_limit_of_a_step_is_retried_and_that_of_the_call_is_not,
];

/// Retries whose waits are short.
fn quick(retries: u32) -> Retry {
    Retry::new(retries).backoff(Duration::from_millis(1), Duration::from_millis(2))
}

/// Retries whose first wait exceeds every test.
fn patient(retries: u32) -> Retry {
    Retry::new(retries).backoff(Duration::from_secs(3600), Duration::from_secs(3600))
}

fn c15_a_failing_status_is_retried_on_the_same_connection(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().retry(quick(3)).build();
    let url = peers.url("/");
    let call = send(&client, move |client| client.put(url).body("again"));
    let mut peer = peers.accept();
    for status in [503, 429] {
        assert_eq!(peer.expect_request("PUT / ").body, b"again");
        peer.answer(status, "not yet");
    }
    assert_eq!(peer.expect_request("PUT / ").body, b"again");
    peer.answer(200, "ok");
    let response = call.finish();
    assert_eq!(response.as_ref().unwrap().attempts(), 3);
    assert_eq!(text(response), "ok");
    peers.expect_no_more();
}

fn c15_a_connection_that_ends_without_a_response_is_retried(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().retry(quick(2)).build();
    let call = get(&client, peers.url("/"));
    for _ in 0..2 {
        peers.accept().expect_request("GET /");
    }
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

fn c15_a_post_is_retried_only_on_request(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().retry(quick(1)).build();
    for (all, key, attempts) in [(false, None, 1), (true, None, 2), (false, Some("7"), 2)] {
        let url = peers.url("/");
        let call = send(&client, move |client| {
            let request = client.post(url).body("once").retry(quick(1).all_methods(all));
            match key {
                Some(key) => request.header("idempotency-key", key),
                None => request,
            }
        });
        let mut peer = peers.accept();
        for _ in 0..attempts {
            peer.expect_request("POST /");
            peer.answer(503, "no");
        }
        let response = call.finish().unwrap();
        assert_eq!((response.status().as_u16(), response.attempts()), (503, attempts));
        drop(response);
        client.close_idle_connections();
        assert_eq!(peer.expect_closed(), b"");
    }
}

fn c15_a_post_is_retried_if_nothing_was_sent(over: Over) {
    alone!();
    let peers = over.peers();
    let addr = peers.addr();
    let lookups = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lookups);
    let client = over
        .client_builder()
        .resolver(move |_: &str, _: u16, _: &Context| {
            match counted.fetch_add(1, Ordering::SeqCst) {
                0 => Err(std::io::ErrorKind::NotFound.into()),
                _ => Ok(vec![addr]),
            }
        })
        .retry(quick(1))
        .build();
    let url = over.url(format_args!("localhost:{}", addr.port()), "/");
    let call = send(&client, move |client| client.post(url).body("once"));
    let mut peer = peers.accept();
    assert_eq!(peer.expect_request("POST /").body, b"once");
    peer.answer(200, "ok");
    let response = call.finish();
    assert_eq!(response.as_ref().unwrap().attempts(), 2);
    assert_eq!(text(response), "ok");
    assert_eq!(lookups.load(Ordering::SeqCst), 2);
}

fn c15_a_post_whose_redirect_fails_to_connect_is_not_retried(over: Over) {
    alone!();
    for as_middleware in [false, true] {
        let peers = over.peers();
        let builder = over.client_builder();
        let client = match as_middleware {
            true => builder.wrap(quick(2)).build(),
            false => builder.retry(quick(2)).build(),
        };
        let statuses = [301, 302, 303, 307, 308];
        let mut peer = None;
        for status in statuses {
            let url = peers.url("/order");
            let call = send(&client, move |client| client.post(url).body("once"));
            let peer = peer.get_or_insert_with(|| peers.accept());
            peer.expect_request("POST /order");
            let location = "http://127.0.0.1:1/";
            let head = format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\n");
            peer.send(format!("{head}Content-Length: 0\r\n\r\n"));
            let error = call.finish().unwrap_err();
            assert!(error.is_connect(), "{status}: {error}");
            peer.expect_nothing_sent();
        }
        peers.expect_no_more();
    }
}

fn c15_a_post_that_a_middleware_sends_twice_is_not_retried(over: Over) {
    alone!();
    let peers = over.peers();
    let twice = |request: Request, next: Next<'_>| {
        drop(next.run(request)?);
        next.run(Request::post("http://127.0.0.1:1/").body(Body::empty()).unwrap())
    };
    let client = over.client_builder().retry(quick(2)).wrap_hop(twice).build();
    let url = peers.url("/order");
    let call = send(&client, move |client| client.post(url).body("once"));
    let mut peer = peers.accept();
    peer.expect_request("POST /order");
    peer.answer(200, "done");
    let error = call.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    peer.expect_nothing_sent();
    peers.expect_no_more();
}

fn c15_a_body_that_cannot_be_sent_again_is_not_retried(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().retry(quick(3)).build();
    let (mut feeder, source) = fed();
    let url = peers.url("/");
    let call = send(&client, move |client| client.put(url).body(Body::from_reader(source)));
    let mut peer = peers.accept();
    feeder.feed("once");
    feeder.end();
    assert_eq!(peer.expect_request("PUT /").body, b"once");
    peer.answer(503, "no");
    let response = call.finish().unwrap();
    assert_eq!((response.status().as_u16(), response.attempts()), (503, 1));
}

fn c15_the_last_result_is_returned_when_the_retries_are_used_up(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().retry(quick(2)).status_as_error(true).build();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    for number in 1..=3 {
        peer.expect_request("GET /");
        peer.answer(502, &format!("failure {number}"));
    }
    let error = call.finish().unwrap_err();
    assert_eq!(error.status_code(), Some(StatusCode::BAD_GATEWAY));
    let mut response = error.take_response().unwrap();
    assert_eq!((response.attempts(), response.text().unwrap().as_str()), (3, "failure 3"));
}

fn c15_a_retry_after_sets_the_wait(over: Over) {
    alone!(waits);
    let peers = over.peers();
    // Without the field the test would not end.
    let client = over.client_builder().retry(patient(1)).build();
    // A date has no fractions of a second, so two of them are one or more.
    let date = || httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
    let seconds = || "1".to_owned();
    for value in [&seconds as &dyn Fn() -> String, &date] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        let (begun, value) = (Instant::now(), value());
        peer.send(format!(
            "HTTP/1.1 503 Busy\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n"
        ));
        peer.expect_request("GET /");
        let waited = begun.elapsed();
        assert!(waited >= Duration::from_millis(900), "{value}: {waited:?}");
        peer.answer(200, "ok");
        assert_eq!(text(call.finish()), "ok");
        client.close_idle_connections();
    }
    // A wait beyond the limit is not begun.
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 429 Wait\r\nRetry-After: 121\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(call.finish().unwrap().attempts(), 1);
}

fn c15_a_wait_that_passes_the_calls_limit_is_not_begun(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().retry(patient(1)).timeout(PATIENCE).build();
    let begun = Instant::now();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.answer(503, "busy");
    let response = call.finish();
    assert!(begun.elapsed() < PATIENCE / 2);
    assert_eq!(text(response), "busy");
    let client = over.client_builder().retry(patient(1).max_elapsed(PATIENCE)).build();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.answer(503, "busy");
    assert_eq!(text(call.finish()), "busy");
}

fn c15_cancel_ends_a_wait(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().retry(patient(1)).build();
    let context = Context::new();
    let (url, of_call) = (peers.url("/"), context.clone());
    let call = send(&client, move |client| client.get(url).context(&of_call));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.answer(503, "busy");
    // The response was dropped before the wait, so its connection is idle.
    eventually("the wait begins", || client.idle_connections() == 1);
    assert!(call.is_running());
    let cancelled = Instant::now();
    context.cancel_with("enough");
    let error = call.finish().unwrap_err();
    assert!(cancelled.elapsed() < Duration::from_secs(2));
    assert!(error.is_cancelled() && error.to_string().contains("enough"), "{error}");
    assert_eq!(client.idle_connections(), 1);
}

fn c15_the_limit_of_a_step_is_retried_and_that_of_the_call_is_not(over: Over) {
    alone!(waits);
    let limit = Duration::from_millis(100);
    // On a busy machine a peer that answers may be too late as well.
    let served = over.peers().serve(|number, peer| {
        while peer.next_request("GET /").is_some() {
            if number > 0 {
                peer.answer(200, "ok");
            }
        }
    });
    let client = over.client_builder().retry(quick(50)).response_head_timeout(limit).build();
    let response = client.get(served.url("/")).send();
    assert!(response.as_ref().unwrap().attempts() > 1);
    assert_eq!(text(response), "ok");
    drop((client, served));
    let silent = over.peers().serve(|_, peer| while peer.next_request("GET /").is_some() {});
    let client = over.client_builder().retry(quick(5)).timeout(5 * limit).build();
    let error = client.get(silent.url("/")).send();
    assert_eq!(error.unwrap_err().timed_out(), Some(TimeLimit::Call));
}

#[test]
fn c15_a_closure_decides_by_the_response() {
    alone!();
    let served = Peers::new().serve(|_, peer| {
        let mut left = 2;
        while let Some(_request) = peer.next_request("GET /") {
            let ready = if left > 0 { "no" } else { "yes" };
            left -= 1;
            peer.send(format!("HTTP/1.1 200 OK\r\nReady: {ready}\r\nContent-Length: 0\r\n\r\n"));
        }
    });
    let client = Client::new();
    let ready = |attempt: &Attempt<'_>| {
        assert_eq!(attempt.method(), Method::GET);
        attempt.result().is_ok_and(|response| response.headers()["ready"] == "no")
    };
    let retry = quick(9).when(ready).jitter(Jitter::Full);
    let response = client.get(served.url("/")).retry(retry).send().unwrap();
    assert_eq!((response.attempts(), &response.headers()["ready"]), (3, &"yes".parse().unwrap()));
    drop(response);
    drop(client);
}

#[test]
fn c15_retries_are_a_middleware_too_and_can_be_left_out() {
    alone!();
    let served = Peers::new().serve(|_, peer| {
        while let Some(_request) = peer.next_request("GET /") {
            peer.answer(503, "busy");
        }
    });
    // It retries what is inside of it, an error for a status as well.
    let client = Client::builder().wrap(quick(2)).status_as_error(true).build();
    let error = client.get(served.url("/")).send().unwrap_err();
    assert_eq!(error.status_code(), Some(StatusCode::SERVICE_UNAVAILABLE));
    drop(client);
    let client = Client::builder().retry(quick(2)).build();
    let response = client.get(served.url("/")).retry(None).send().unwrap();
    assert_eq!(response.attempts(), 1);
    drop(response);
    drop(client);
}

#[test]
fn c15_an_error_of_the_caller_is_not_retried() {
    alone!();
    let client = Client::builder().retry(patient(3)).build();
    for (url, kind) in
        [("nonsense", ErrorKind::InvalidUrl), ("ftp://a/", ErrorKind::UnsupportedScheme)]
    {
        assert_eq!(client.get(url).send().unwrap_err().kind(), kind);
    }
    let request = client.get("http://127.0.0.1:1/").header("transfer-encoding", "chunked");
    assert_eq!(request.send().unwrap_err().kind(), ErrorKind::InvalidMessage);
}
