//! Content codings: what is offered, what is decoded, and what becomes of the connection.

use std::io::{self, Read, Write};
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use hangup::client::{ClientBuilder, Next, RequestBuilder};
use hangup::http::HeaderValue;
use hangup::http::header::{ACCEPT_ENCODING, RANGE};
use hangup::{Client, Context, Error, ErrorKind, Request, ResponseExt};

use super::{Response, get, send, text};
use crate::support::scripted_server::{Peer, in_background};
use crate::support::{Over, PATIENCE, alone, over_each};

over_each![
    c08_codings_are_offered_and_undone,
    c08_a_flushed_piece_is_read_before_the_next_is_sent,
    c08_a_cut_off_transfer_stays_an_incomplete_body,
    c08_damaged_data_fails_the_read_and_closes_the_connection,
    c08_bytes_behind_the_data_do_not_cost_the_connection,
    c08_cancel_ends_a_read_of_an_encoded_body,
];

const OFFER: &str = "gzip, deflate, br, zstd";

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Sends a response with a Content-Length.
fn answer(peer: &mut Peer, status: u16, fields: &str, body: &[u8]) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n{fields}\r\n");
    peer.send([head.as_bytes(), body].concat());
}

const GZIP: &str = "Content-Encoding: gzip\r\n";

fn c08_codings_are_offered_and_undone(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let zipped = gzip(b"plain text");
    let mut peer = None;
    for chunked in [false, true] {
        let call = get(&client, peers.url("/"));
        let peer = peer.get_or_insert_with(|| peers.accept());
        let request = peer.expect_request("GET /");
        assert_eq!(request.field("accept-encoding"), Some(OFFER));
        match chunked {
            false => answer(peer, 200, "content-encoding: GZip\r\nETag: 7\r\n", &zipped),
            true => {
                peer.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nETag: 7\r\n");
                peer.send(format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", zipped.len()));
                peer.send(&zipped);
                peer.send("\r\n0\r\nX-Sum: 8\r\n\r\n");
            }
        }
        let mut response = call.finish().unwrap();
        let names: Vec<_> = response.headers().keys().map(|name| name.as_str()).collect();
        assert!(!names.contains(&"content-encoding") && !names.contains(&"content-length"));
        assert_eq!(response.headers()["etag"], "7");
        let encoded = response.encoded().expect("it was decoded");
        let expected = if chunked { "gzip" } else { "GZip" };
        let length = (!chunked).then_some(zipped.len() as u64);
        assert_eq!((encoded.content_encoding(), encoded.content_length()), (expected, length));
        assert_eq!(response.body().len(), None);
        assert_eq!(response.text().unwrap(), "plain text");
        assert_eq!(client.idle_connections(), 1, "it is free before the body is dropped");
        let trailers = response.body_mut().take_trailers();
        assert_eq!(trailers.is_some_and(|trailers| trailers["x-sum"] == "8"), chunked);
    }
}

fn c08_a_flushed_piece_is_read_before_the_next_is_sent(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n");
    let mut response = call.finish().unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for piece in ["first", "second"] {
        encoder.write_all(piece.as_bytes()).unwrap();
        encoder.flush().unwrap();
        peer.send(std::mem::take(encoder.get_mut()));
        let mut read = vec![0; 1000];
        let count = response.body_mut().read(&mut read).unwrap();
        assert_eq!(&read[..count], piece.as_bytes());
    }
    peer.send(encoder.finish().unwrap());
    peer.end();
    assert_eq!(response.body_mut().read_text(10).unwrap(), "");
}

fn c08_a_cut_off_transfer_stays_an_incomplete_body(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let zipped = gzip(b"plain text");
    // Also if all of the data, or none of it, has come.
    for sent in [0, 1, 10, 15, zipped.len()] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        let length = zipped.len() + 1;
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{GZIP}\r\n"));
        peer.send(&zipped[..sent]);
        peer.end();
        let error = call.finish().unwrap().text().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IncompleteBody, "{sent}: {error}");
    }
    // A message that is whole, with data that is not.
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    answer(&mut peer, 200, GZIP, &zipped[..20]);
    let error = call.finish().unwrap().text().unwrap_err();
    assert_eq!(error.to_string(), "cannot decode the body: gzip: the data ends early");
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.is_peer_fault());
}

fn c08_damaged_data_fails_the_read_and_closes_the_connection(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n{GZIP}\r\n<html>"));
    let mut response = call.finish().unwrap();
    for _ in 0..2 {
        let error = Error::from(response.body_mut().read(&mut [0; 100]).unwrap_err());
        assert_eq!(error.to_string(), "cannot decode the body: gzip: the data is not gzip");
        assert_eq!(error.kind(), ErrorKind::Decode);
    }
    drop(response);
    peer.expect_closed();
    assert_eq!(client.idle_connections(), 0);
}

fn c08_bytes_behind_the_data_do_not_cost_the_connection(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let garbage = vec![0; 100_000];
    let mut peer = None;
    for body in [
        [gzip(b"plain ").as_slice(), &gzip(b"text"), &garbage].concat(),
        [gzip(b"").as_slice(), &gzip(b"plain text"), b"\x1f\x8b"].concat(),
    ] {
        let call = get(&client, peers.url("/"));
        let peer = peer.get_or_insert_with(|| peers.accept());
        peer.expect_request("GET /");
        answer(peer, 200, GZIP, &body);
        let mut response = call.finish().unwrap();
        assert_eq!(response.text().unwrap(), "plain text");
        assert_eq!(client.idle_connections(), 1);
    }
}

fn c08_cancel_ends_a_read_of_an_encoded_body(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    // Blocked, and with more to decode than the test reads.
    for bomb in [false, true] {
        let context = Context::new();
        let (url, call) = (peers.url("/"), context.clone());
        let call = send(&client, move |client| client.get(url).context(&call));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n{GZIP}\r\n"));
        let zeros = gzip(&vec![0; if bomb { 1 << 24 } else { 1000 }]);
        peer.send(&zeros[..zeros.len() - 9]);
        let mut response = call.finish().unwrap();
        response.body_mut().read_exact(&mut [0; 500]).unwrap();
        let (begun, has_begun) = crossbeam_channel::bounded(1);
        let read = in_background(move || {
            begun.send(()).unwrap();
            io::copy(response.body_mut(), &mut io::sink())
        });
        has_begun.recv_timeout(PATIENCE).unwrap();
        context.cancel_with("enough");
        let cancelled = Instant::now();
        let error = Error::from(read.finish().unwrap_err());
        assert!(cancelled.elapsed() < PATIENCE / 2, "{:?}", cancelled.elapsed());
        assert!(error.is_cancelled() && error.to_string().contains("enough"), "{error}");
        peer.expect_closed();
    }
}

/// A request, and the Accept-Encoding that it is sent with.
type Case = (fn(RequestBuilder) -> RequestBuilder, Option<&'static str>);

/// Sends the requests in turn over one connection, each to be answered with gzip data.
fn each_answered_with_gzip(client: &Client, requests: Vec<Case>) {
    let peers = Over::Tcp.peers();
    let zipped = gzip(b"plain text");
    let mut peer = None;
    for (number, (change, offer)) in requests.into_iter().enumerate() {
        let url = peers.url("/");
        let call = send(client, move |client| change(client.get(url)));
        let peer = peer.get_or_insert_with(|| peers.accept());
        let request = peer.expect_request("GET /");
        assert_eq!(request.field("accept-encoding"), offer, "{number}: {}", request.head);
        answer(peer, 200, GZIP, &zipped);
        let mut response = call.finish().unwrap();
        let decoded = response.encoded().is_some();
        assert_eq!(decoded, offer == Some(OFFER), "{number}");
        assert_eq!(response.headers().contains_key("content-encoding"), !decoded, "{number}");
        assert_eq!(response.headers().contains_key("content-length"), !decoded, "{number}");
        let expected = if decoded { b"plain text".as_slice() } else { &zipped };
        assert_eq!(response.bytes().unwrap(), expected, "{number}");
    }
}

#[test]
fn c08_a_request_that_decides_on_its_coding_gets_it_as_it_is() {
    alone!();
    each_answered_with_gzip(
        &Client::new(),
        vec![
            (|get| get, Some(OFFER)),
            (|get| get.header("accept-encoding", "gzip"), Some("gzip")),
            (|get| get.header("accept-encoding", "identity"), Some("identity")),
            (|get| get.header("accept-encoding", ""), Some("")),
            (|get| get.header("range", "bytes=0-"), None),
            (|get| get.decode(false), None),
            (|get| get.decode(false).decode(true).header("x", "y"), Some(OFFER)),
        ],
    );
}

#[test]
fn c08_a_client_may_decide_as_well() {
    alone!();
    type Change = fn(ClientBuilder) -> ClientBuilder;
    for (change, offer) in [
        ((|client| client.decode(false)) as Change, None),
        (|client| client.no_default_headers(), None),
        (|client| client.no_default_headers().decode(true), Some(OFFER)),
        (|client| client.default_header("Accept-Encoding", "gzip"), Some("gzip")),
        (|client| client.default_header("range", "bytes=0-"), None),
    ] {
        let client = change(Client::builder()).build();
        each_answered_with_gzip(
            &client,
            vec![(|get| get, offer), (|get| get.header("x", "y"), offer)],
        );
    }
    let client = Client::builder().decode(false).build();
    each_answered_with_gzip(&client, vec![(|get| get.decode(true), Some(OFFER))]);
}

#[test]
fn c08_responses_without_a_whole_body_are_left_alone() {
    alone!();
    let peers = Over::Tcp.peers();
    let client = Client::new();
    let zipped = gzip(b"plain text");
    let mut peer = None;
    for (method, status, has_body) in
        [("HEAD", 200, false), ("GET", 204, false), ("GET", 304, false), ("GET", 206, true)]
    {
        let url = peers.url("/");
        let call = send(&client, move |client| client.request(method.parse().unwrap(), url));
        let peer = peer.get_or_insert_with(|| peers.accept());
        assert_eq!(peer.expect_request(method).field("accept-encoding"), Some(OFFER));
        let length = zipped.len();
        peer.send(format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n{GZIP}\r\n"));
        peer.send(if has_body { zipped.as_slice() } else { b"" });
        let mut response = call.finish().unwrap();
        assert_eq!(response.headers()["content-encoding"], "gzip", "{method} {status}");
        assert_eq!(response.headers()["content-length"], length.to_string().as_str());
        assert!(response.encoded().is_none());
        let expected = if has_body { zipped.as_slice() } else { b"" };
        assert_eq!(response.bytes().unwrap(), expected, "{method} {status}");
    }
}

#[test]
fn c08_what_the_build_does_not_know_is_left_alone() {
    alone!();
    let peers = Over::Tcp.peers();
    let client = Client::new();
    let mut peer = None;
    for coding in ["compress", "gzip, aes128gcm", "identity", "", "x-unknown"] {
        let call = get(&client, peers.url("/"));
        let peer = peer.get_or_insert_with(|| peers.accept());
        peer.expect_request("GET /");
        answer(peer, 200, &format!("Content-Encoding: {coding}\r\n"), b"as it is");
        let mut response = call.finish().unwrap();
        assert_eq!(response.headers()["content-encoding"], coding);
        assert_eq!((response.body().len(), response.encoded()), (Some(8), None));
        assert_eq!(response.text().unwrap(), "as it is");
    }
    let call = get(&client, peers.url("/"));
    let peer = peer.as_mut().unwrap();
    peer.expect_request("GET /");
    answer(peer, 200, "Content-Encoding: gzip, gzip\r\nContent-Encoding: gzip, gzip,gzip\r\n", b"");
    let error = call.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    let expected = "cannot decode the body: it has 5 content codings, the limit is 4";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn c08_an_empty_body_is_empty_in_any_coding() {
    alone!();
    let peers = Over::Tcp.peers();
    let client = Client::new();
    let mut peer = None;
    for coding in ["gzip", "deflate", "br", "zstd", "gzip, br"] {
        for chunked in [false, true] {
            let call = get(&client, peers.url("/"));
            let peer = peer.get_or_insert_with(|| peers.accept());
            peer.expect_request("GET /");
            let framing = if chunked { "Transfer-Encoding: chunked" } else { "Content-Length: 0" };
            let end = if chunked { "0\r\n\r\n" } else { "" };
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n{framing}\r\n\r\n{end}"
            ));
            assert_eq!(text(call.finish()), "", "{coding}");
            assert_eq!(client.idle_connections(), 1);
        }
    }
}

#[test]
fn c08_several_codings_and_fields_are_undone() {
    alone!();
    let peers = Over::Tcp.peers();
    let client = Client::new();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    let nested = gzip(&gzip(&gzip(b"plain text")));
    answer(
        &mut peer,
        200,
        "Content-Encoding: gzip, ,x-gzip\r\nContent-Encoding: GZIP\r\n",
        &nested,
    );
    let mut response = call.finish().unwrap();
    assert_eq!(response.encoded().unwrap().content_encoding(), "gzip, ,x-gzip, GZIP");
    assert_eq!(response.text().unwrap(), "plain text");
}

#[test]
fn c08_each_hop_offers_and_the_last_response_is_decoded() {
    alone!();
    let (first, second) = (Over::Tcp.peers(), Over::Tcp.peers());
    let client = Client::new();
    let call = get(&client, first.url("/"));
    let mut peer = first.accept();
    assert_eq!(peer.expect_request("GET /").field("accept-encoding"), Some(OFFER));
    let location = format!("{GZIP}Location: {}\r\n", second.url("/"));
    answer(&mut peer, 302, &location, b"not gzip");
    let mut peer = second.accept();
    assert_eq!(peer.expect_request("GET /").field("accept-encoding"), Some(OFFER));
    answer(&mut peer, 200, GZIP, &gzip(b"plain text"));
    let response = call.finish().unwrap();
    assert_eq!(response.history()[0].headers()["content-encoding"], "gzip");
    assert_eq!(text(Ok(response)), "plain text");
}

#[test]
fn c08_a_response_that_an_error_keeps_is_decoded() {
    alone!();
    let peers = Over::Tcp.peers();
    let client = Client::builder()
        .redirects(hangup::client::RedirectPolicy::limited(0))
        .status_as_error(true)
        .build();
    let mut peer = None;
    for (status, kind) in [(302, ErrorKind::TooManyRedirects), (404, ErrorKind::Status)] {
        let call = get(&client, peers.url("/"));
        let peer = peer.get_or_insert_with(|| peers.accept());
        peer.expect_request("GET /");
        answer(peer, status, &format!("{GZIP}Location: /\r\n"), &gzip(b"plain text"));
        let error = call.finish().unwrap_err();
        assert_eq!(error.kind(), kind);
        if status == 404 {
            assert!(error.to_string().contains("plain text"), "{error}");
        }
        let mut response = error.take_response().unwrap();
        assert!(response.encoded().is_some());
        assert_eq!(response.text().unwrap(), "plain text");
    }
}

#[test]
fn c08_middlewares_see_the_offer_and_may_change_it() {
    alone!();
    type Change = fn(&mut Request);
    for (change, offer) in [
        ((|_| {}) as Change, Some(OFFER)),
        (|request| _ = request.headers_mut().remove(ACCEPT_ENCODING), None),
        (
            |request| {
                let own = HeaderValue::from_static("gzip");
                request.headers_mut().insert(ACCEPT_ENCODING, own);
            },
            Some("gzip"),
        ),
        (
            |request| {
                let own = HeaderValue::from_static("gzip");
                request.headers_mut().append(ACCEPT_ENCODING, own);
            },
            Some(OFFER),
        ),
        (
            |request| {
                request.headers_mut().insert(RANGE, HeaderValue::from_static("bytes=0-"));
            },
            None,
        ),
    ] {
        // As a middleware of the client, of the call, and as both.
        let hop = move |mut request: Request, next: Next<'_>| -> hangup::Result<Response> {
            assert_eq!(request.headers()[ACCEPT_ENCODING], OFFER);
            change(&mut request);
            let response = next.run(request)?;
            assert_eq!(response.headers()["content-encoding"], "gzip", "not decoded yet");
            Ok(response)
        };
        let look = |request: Request, next: Next<'_>| -> hangup::Result<Response> {
            assert!(!request.headers().contains_key(ACCEPT_ENCODING), "not offered yet");
            next.run(request)
        };
        let clients = [
            Client::builder().wrap(look).wrap_hop(hop).build(),
            Client::builder()
                .wrap_hop(|r: Request, next: Next<'_>| next.run(r))
                .wrap_hop(hop)
                .build(),
        ];
        let peers = Over::Tcp.peers();
        for client in clients {
            let url = peers.url("/");
            let call = send(&client, move |client| {
                client.get(url).wrap_hop(|r: Request, next: Next<'_>| next.run(r))
            });
            let mut peer = peers.accept();
            let request = peer.expect_request("GET /");
            assert_eq!(request.field("accept-encoding"), offer, "{}", request.head);
            let changed = request.head.to_lowercase().matches("accept-encoding").count() != 1
                || offer != Some(OFFER);
            answer(&mut peer, 200, GZIP, &gzip(b"plain text"));
            let response = call.finish().unwrap();
            assert_eq!(response.encoded().is_none(), changed, "{offer:?}");
        }
    }
}

#[test]
fn c08_a_middleware_of_the_call_that_decides_counts() {
    alone!();
    let client = Client::builder()
        .wrap(|mut request: Request, next: Next<'_>| {
            request.headers_mut().insert(RANGE, HeaderValue::from_static("bytes=0-"));
            let response = next.run(request)?;
            assert!(response.encoded().is_none());
            Ok(response)
        })
        .build();
    each_answered_with_gzip(&client, vec![(|get| get, None)]);
}

#[test]
fn c08_a_bomb_is_bounded_by_its_readers_limit() {
    alone!();
    let peers = Over::Tcp.peers();
    let client = Client::new();
    let bomb = gzip(&vec![b'x'; 32 << 20]);
    type Read = fn(&mut Response) -> hangup::Result<()>;
    for read in [
        (|response| response.text().map(drop)) as Read,
        |response| response.bytes_with_limit(1000).map(drop),
        |response| {
            let body = std::mem::take(response.body_mut()).limited(1 << 20);
            Ok(io::copy(&mut { body }, &mut io::sink()).map(drop)?)
        },
    ] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        answer(&mut peer, 200, &format!("{GZIP}Connection: close\r\n"), &bomb);
        let error = read(&mut call.finish().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    }
}

/// A few hundred bytes that decode to MiB of data without content.
#[test]
fn c08_a_small_body_without_content_cannot_keep_a_call_busy() {
    alone!();
    // Empty blocks behind the header of a member.
    let mut body = gzip(b"")[..10].to_vec();
    body.extend_from_slice(&b"\0\0\0\xff\xff".repeat(1 << 20));
    for _ in 0..3 {
        body = gzip(&body);
    }
    assert!(body.len() < 1000, "{}", body.len());
    let fields = "Content-Encoding: gzip, gzip\r\nContent-Encoding: gzip, gzip\r\n";
    let peers = Over::Tcp.peers();
    for status_as_error in [false, true] {
        let client = Client::builder().status_as_error(status_as_error).build();
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        answer(&mut peer, 404, &format!("{fields}Content-Type: text/plain\r\n"), &body);
        let mut response = match call.finish() {
            Ok(response) => response,
            Err(error) => error.take_response().unwrap(),
        };
        let error = response.text().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.to_string().contains("more than 1 MiB"), "{error}");
    }
}
