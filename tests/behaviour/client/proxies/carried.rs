//! Everything that a connection carries also passes through each proxy.

use std::io::{Read, Write};

use hangup::{Body, ResponseExt};

use super::{Way, each_way};
use crate::client::{get, send, text};
use crate::support::alone;
use crate::support::scripted_server::{Peers, counted_body, in_background};

each_way![
    c13_a_connection_is_kept_and_used_again,
    c13_a_body_goes_up_and_comes_down,
    c13_an_upgrade_leads_to_a_duplex,
    c13_interim_responses_and_trailers_arrive,
    c13_an_early_response_ends_the_upload,
    c13_a_stale_connection_is_replaced,
    c13_a_response_knows_its_proxy,
];

fn c13_a_connection_is_kept_and_used_again(way: Way) {
    alone!();
    let peers = Peers::new();
    let client = way.client(&peers);
    let first = get(&client, way.url("/first"));
    let mut origin = way.accept(&peers);
    let request = origin.expect_request(&way.request("GET", "/first"));
    assert_eq!(request.field("host"), Some(super::ORIGIN));
    assert_eq!(request.field("proxy-authorization"), None);
    origin.answer(200, "first");
    assert_eq!(text(first.finish()), "first");
    let second = get(&client, way.url("/second"));
    origin.expect_request(&way.request("GET", "/second"));
    origin.answer(200, "second");
    let second = second.finish();
    assert!(second.as_ref().unwrap().is_connection_reused());
    assert_eq!(text(second), "second");
    peers.expect_no_more();
}

fn c13_a_body_goes_up_and_comes_down(way: Way) {
    alone!();
    let peers = Peers::new();
    let client = way.client(&peers);
    let body = "0123456789".repeat(50_000);
    let streamed = Body::from_reader(std::io::Cursor::new(body.clone()));
    let url = way.url("/a?b=c");
    let call = send(&client, move |client| client.put(url).body(streamed));
    let mut origin = way.accept(&peers);
    let request = origin.expect_request(&way.request("PUT", "/a?b=c"));
    assert!(request.body == body.as_bytes() && request.has("transfer-encoding", "chunked"));
    origin.answer(200, &body);
    assert!(text(call.finish()) == body);
}

fn c13_an_upgrade_leads_to_a_duplex(way: Way) {
    alone!();
    let peers = Peers::new();
    let client = way.client(&peers);
    let url = way.url("/chat");
    let call = send(&client, |client| {
        client.get(url).header("upgrade", "echo").header("connection", "upgrade")
    });
    let mut origin = way.accept(&peers);
    origin.expect_request(&way.request("GET", "/chat"));
    origin.send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nfirst",
    );
    let mut response = call.finish().unwrap();
    let mut duplex = response.take_duplex().expect("a connection to take over");
    let mut first = [0; 5];
    duplex.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"first");
    duplex.write_all(b"second").unwrap();
    assert_eq!(origin.read_body(6), b"second");
}

fn c13_interim_responses_and_trailers_arrive(way: Way) {
    alone!();
    let peers = Peers::new();
    let client = way.client(&peers);
    let (sender, seen) = crossbeam_channel::unbounded();
    let url = way.url("/");
    let call = send(&client, move |client| {
        client.get(url).on_informational(move |status, _| sender.send(status.as_u16()).unwrap())
    });
    let mut origin = way.accept(&peers);
    origin.expect_request(&way.request("GET", "/"));
    origin.send("HTTP/1.1 103 Early Hints\r\n\r\n");
    origin.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n",
    );
    let mut response = call.finish().unwrap();
    assert_eq!(response.body_mut().read_text(10).unwrap(), "ok");
    assert_eq!(response.body_mut().take_trailers().unwrap()["x-sum"], "7");
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [103]);
    drop(response);
    assert_eq!(client.idle_connections(), 1);
}

fn c13_an_early_response_ends_the_upload(way: Way) {
    alone!();
    let peers = Peers::new();
    let client = way.client(&peers);
    let (feeder, body) = counted_body(1 << 30);
    let url = way.url("/up");
    let call = send(&client, move |client| client.post(url).body(body));
    let mut origin = way.accept(&peers);
    origin.expect_head(&way.request("POST", "/up"));
    origin.answer(403, "no");
    assert_eq!(text(call.finish()), "no");
    feeder.expect_dropped();
}

fn c13_a_stale_connection_is_replaced(way: Way) {
    alone!();
    let peers = Peers::new();
    let client = way.client(&peers);
    let first = get(&client, way.url("/first"));
    let mut origin = way.accept(&peers);
    origin.expect_request(&way.request("GET", "/first"));
    origin.answer(200, "first");
    assert_eq!(text(first.finish()), "first");
    // The proxy closes while the next request is on its way.
    let second = get(&client, way.url("/second"));
    origin.expect_request(&way.request("GET", "/second"));
    drop(origin);
    let mut origin = way.accept(&peers);
    origin.expect_request(&way.request("GET", "/second"));
    origin.answer(200, "second");
    assert_eq!(text(second.finish()), "second");
}

fn c13_a_response_knows_its_proxy(way: Way) {
    alone!();
    let peers = Peers::new();
    let client = way.client(&peers);
    let url = way.url("/a");
    let call = in_background(move || client.get(&url).send().map(|response| (response, client)));
    let mut origin = way.accept(&peers);
    origin.expect_request(&way.request("GET", "/a"));
    origin.answer(200, "");
    let (response, _client) = call.finish().unwrap();
    assert_eq!(response.proxy(), Some(&way.proxy(&peers)));
    assert_eq!(response.remote_addr().unwrap().ip(), Some(peers.addr()));
    assert_eq!(response.url().unwrap().to_string(), way.url("/a"));
    // The session with the proxy is not one with the origin.
    assert_eq!(response.tls().is_some(), way.origin().is_encrypted());
    let timings = response.timings().unwrap();
    assert!(!timings.proxy.is_zero(), "{timings:?}");
}
