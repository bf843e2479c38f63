//! T11: requests that are sent again, and those that are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hangup::client::RequestBuilder;
use hangup::http::Method;
use hangup::{Body, Client, ErrorKind, ResponseExt};

use super::{Response, get, send, text};
use crate::support::scripted_server::{Peer, Peers, fed};
use crate::support::{Over, alone, over_each, rounds};

over_each![each way:
    t11_idempotent_requests_are_sent_again,
    t11_other_requests_fail_with_one_clear_error,
    t11_an_idempotency_key_makes_any_method_repeatable,
    t11_a_replayable_body_is_sent_again,
    t11_a_consumed_body_is_not_sent_again,
    t11_a_fresh_connection_is_never_retried,
    t11_a_server_that_closes_new_connections_is_not_dialled_again,
    t11_a_request_whose_response_has_begun_is_not_sent_again,
    t11_several_stale_connections_are_skipped,
    t11_a_server_that_closes_after_n_responses_fails_no_call,
    t11_a_post_that_was_not_begun_is_sent_on_another_connection,
    t11_a_cancelled_call_is_not_retried,
    t11_a_call_whose_body_source_fails_is_not_retried,
    t11_a_body_source_that_fails_with_a_connection_error_is_not_retried,
];

/// Returns an idle connection that has carried one exchange.
fn used_connection(peers: &Peers, client: &Client) -> Peer {
    let call = get(client, peers.url("/first"));
    let mut peer = peers.accept();
    peer.expect_request("GET /first");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    peer
}

/// Sends the request over a used connection whose server reads it and closes. A second attempt is answered.
fn hung_up_on(
    over: Over,
    is_sent_again: bool,
    request: impl FnOnce(RequestBuilder) -> RequestBuilder + Send + 'static,
    method: Method,
) -> hangup::Result<Response> {
    let peers = over.peers();
    let client = over.client();
    let mut peer = used_connection(&peers, &client);
    let url = peers.url("/second");
    let begin = format!("{method} /second");
    let call = send(&client, move |client| request(client.request(method, url)));
    let first = peer.expect_request(&begin);
    drop(peer);
    if is_sent_again {
        let mut peer = peers.accept();
        let again = peer.expect_request(&begin);
        assert_eq!((again.head, again.body), (first.head, first.body));
        peer.answer(200, "again");
        let response = call.finish();
        assert!(!response.as_ref().unwrap().is_connection_reused());
        return response;
    }
    let outcome = call.finish();
    peers.expect_no_more();
    outcome
}

fn t11_idempotent_requests_are_sent_again(over: Over) {
    alone!();
    for method in [Method::GET, Method::OPTIONS, Method::TRACE] {
        assert_eq!(text(hung_up_on(over, true, |request| request, method)), "again");
    }
    hung_up_on(over, true, |request| request, Method::HEAD).unwrap();
}

fn t11_other_requests_fail_with_one_clear_error(over: Over) {
    alone!();
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let error = hung_up_on(over, false, |request| request.body("once"), method).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EmptyReply, "{error}");
    }
}

fn t11_an_idempotency_key_makes_any_method_repeatable(over: Over) {
    alone!();
    let response = hung_up_on(
        over,
        true,
        |request| request.header("idempotency-key", "7").body("twice"),
        Method::POST,
    );
    assert_eq!(text(response), "again");
}

fn t11_a_replayable_body_is_sent_again(over: Over) {
    alone!();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let body = Body::replayable(None, move || {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(Body::from("replayed"))
    });
    let response = hung_up_on(
        over,
        true,
        move |request| request.header("idempotency-key", "7").body(body),
        Method::PUT,
    );
    assert_eq!(text(response), "again");
    assert_eq!(opened.load(Ordering::Relaxed), 2);
}

fn t11_a_consumed_body_is_not_sent_again(over: Over) {
    alone!();
    let body = Body::from_chunks(["once"]);
    // It might be repeated, but cannot.
    let outcome = hung_up_on(
        over,
        false,
        move |request| request.header("idempotency-key", "7").body(body),
        Method::POST,
    );
    let error = outcome.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::EmptyReply | ErrorKind::Send), "{error}");
}

fn t11_a_fresh_connection_is_never_retried(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for _ in 0..20 {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        drop(peer);
        assert_eq!(call.finish().unwrap_err().kind(), ErrorKind::EmptyReply);
        peers.expect_no_more();
    }
}

/// The client once dialled without end if the server closed each connection as soon as it was accepted.
fn t11_a_server_that_closes_new_connections_is_not_dialled_again(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for _ in 0..rounds(100) {
        let call = get(&client, peers.url("/"));
        drop(peers.accept());
        let error = call.finish().unwrap_err();
        let kinds = [ErrorKind::EmptyReply, ErrorKind::Send, ErrorKind::Receive];
        assert!(kinds.contains(&error.kind()), "{error}");
        peers.expect_no_more();
    }
}

fn t11_a_request_whose_response_has_begun_is_not_sent_again(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for begun in ["H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let mut peer = used_connection(&peers, &client);
        let call = get(&client, peers.url("/second"));
        peer.expect_request("GET /second");
        peer.send(begun);
        drop(peer);
        let error = call.finish().unwrap_err();
        assert!(error.is_peer_fault(), "{error}");
        peers.expect_no_more();
    }
}

/// Every connection in the pool may have gone stale.
fn t11_several_stale_connections_are_skipped(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let calls: Vec<_> = (0..5).map(|_| get(&client, peers.url("/"))).collect();
    let mut all: Vec<_> = calls.iter().map(|_| peers.accept()).collect();
    // All before the first answer, whose connection would serve another call.
    all.iter_mut().for_each(|peer| drop(peer.expect_request("GET /")));
    all.iter_mut().for_each(|peer| peer.answer(200, "ok"));
    calls.into_iter().for_each(|call| assert_eq!(text(call.finish()), "ok"));
    assert_eq!(client.idle_connections(), 5);
    drop(all);
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).body("once"));
    let mut peer = peers.accept();
    peer.expect_request("POST /");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

/// The server closes after each response without announcing it. Its FIN may arrive before, with or after the next
/// request: a GET always gets its response.
fn t11_a_server_that_closes_after_n_responses_fails_no_call(over: Over) {
    alone!();
    let peers = over.peers().serve(|number, peer| {
        for _ in 0..1 + number % 3 {
            if peer.next_request("GET /").is_none() {
                return;
            }
            peer.answer(200, "ok");
        }
    });
    let client = over.client();
    for _ in 0..rounds(300) {
        assert_eq!(text(client.get(peers.url("/")).send()), "ok");
    }
    drop(client);
}

/// If no byte of a request has been written, every request may be repeated.
fn t11_a_post_that_was_not_begun_is_sent_on_another_connection(over: Over) {
    alone!();
    let peers = over.peers().serve(|_, peer| {
        if peer.next_request("POST /").is_some() {
            peer.answer(200, "ok");
            peer.end();
            peer.expect_closed();
        }
    });
    let client = over.client();
    for round in 0..rounds(300) {
        let body = if round % 2 == 0 {
            Body::from("in memory")
        } else {
            Body::replayable(None, || Ok(Body::from("streamed")))
        };
        let response = client.post(peers.url("/")).body(body).send();
        // The end of the stream has arrived with the answer, or a moment later.
        match response {
            Ok(mut response) => drop(response.body_mut().read_text(10).unwrap()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::EmptyReply, "{error}"),
        }
    }
    drop(client);
}

fn t11_a_cancelled_call_is_not_retried(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let mut peer = used_connection(&peers, &client);
    let context = hangup::Context::new();
    let (url, of_call) = (peers.url("/second"), context.clone());
    let call = send(&client, move |client| client.get(url).context(&of_call));
    peer.expect_request("GET /second");
    context.cancel();
    assert!(call.finish().unwrap_err().is_cancelled());
    peers.expect_no_more();
}

fn t11_a_call_whose_body_source_fails_is_not_retried(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let mut peer = used_connection(&peers, &client);
    let url = peers.url("/second");
    let body = Body::replayable(None, || {
        let (feeder, source) = fed();
        feeder.fail("the disk is gone");
        Ok(Body::from_reader(source))
    });
    let call =
        send(&client, move |client| client.put(url).header("idempotency-key", "7").body(body));
    peer.expect_head("PUT /second");
    assert_eq!(call.finish().unwrap_err().kind(), ErrorKind::BodySource);
    peers.expect_no_more();
}

/// The source reads from another server, which closes. Its error looks like one of the call's connection.
fn t11_a_body_source_that_fails_with_a_connection_error_is_not_retried(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let elsewhere = get(&client, peers.url("/source"));
    peers.accept().expect_request("GET /source");
    let hung_up = elsewhere.finish().unwrap_err();
    assert_eq!(hung_up.kind(), ErrorKind::EmptyReply);

    let mut peer = used_connection(&peers, &client);
    let url = peers.url("/second");
    let body = Body::replayable(None, move || Err(hung_up.clone().into()));
    let call =
        send(&client, move |client| client.put(url).header("idempotency-key", "7").body(body));
    peer.expect_head("PUT /second");
    assert_eq!(call.finish().unwrap_err().kind(), ErrorKind::EmptyReply);
    peers.expect_no_more();
}
