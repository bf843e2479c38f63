//! Bodies in both directions: framing, trailers, sources that fail, what is refused.

use std::io::{self, Read};

use hangup::http::header::{ETAG, HeaderValue};
use hangup::http::{HeaderMap, Method, Version};
use hangup::{Body, Client, ErrorKind};

use super::{get, send, text};
use crate::support::scripted_server::{Peers, counted_body, fed, in_background};
use crate::support::{Over, alone, over_each, pattern};

over_each![
    a_response_that_cannot_have_a_body_has_none_despite_its_length,
    trailers_come_with_the_end_of_a_body,
    trailers_are_sent_behind_chunks,
    a_response_that_is_cut_short_is_an_error,
    #[cfg_attr(windows, ignore = "Wine ends the stream before it resets the connection")]
    a_reset_is_not_the_end_of_a_body_without_framing,
    a_source_that_fails_is_the_callers_error_and_an_incomplete_message,
    a_source_that_is_too_short_is_an_error,
    a_source_that_panics_fails_its_call,
    a_content_length_of_zero_is_sent_where_one_is_expected,
    both_ways_carry_every_byte,
    a_response_body_can_be_the_body_of_a_request,
    a_response_is_read_as_it_arrives,
    lengths_beyond_32_bits_are_kept,
];

fn a_response_that_cannot_have_a_body_has_none_despite_its_length(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let mut peer = None;
    for (method, status) in [(Method::HEAD, 200), (Method::GET, 204), (Method::GET, 304)] {
        let url = peers.url("/");
        let call = send(&client, move |client| client.request(method, url));
        let peer = peer.get_or_insert_with(|| peers.accept());
        peer.expect_request("");
        peer.send(format!("HTTP/1.1 {status} Said\r\nContent-Length: 1000\r\n\r\n"));
        let response = call.finish().unwrap();
        assert_eq!(response.headers()["content-length"], "1000");
        assert_eq!(text(Ok(response)), "");
        assert_eq!(client.idle_connections(), 1, "{status}");
    }
}

fn trailers_come_with_the_end_of_a_body(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n");
    peer.send("ETag: 7\r\nX: y\r\n\r\n");
    let mut response = call.finish().unwrap();
    assert!(response.body_mut().take_trailers().is_none(), "too early");
    assert_eq!(response.body_mut().read_text(10).unwrap(), "ok");
    let trailers = response.body_mut().take_trailers().unwrap();
    assert_eq!((&trailers["etag"], trailers.len()), (&HeaderValue::from_static("7"), 2));
    assert_eq!(client.idle_connections(), 1);
}

fn trailers() -> HeaderMap {
    [(ETAG, HeaderValue::from_static("7"))].into_iter().collect()
}

fn trailers_are_sent_behind_chunks(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let url = peers.url("/");
    let call = send(&client, move |client| {
        client
            .post(url)
            .header("content-length", "4")
            .body(Body::from("text").with_trailers(trailers))
    });
    let mut peer = peers.accept();
    let request = peer.expect_request("POST /");
    assert!(request.has("transfer-encoding", "chunked"), "{}", request.head);
    assert_eq!(request.field("content-length"), None);
    assert_eq!(request.body, b"text");
    assert_eq!(request.trailers.to_lowercase(), "etag: 7\n");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    // HTTP/1.0 has no room for them.
    let body = Body::from("text").with_trailers(trailers);
    let error =
        client.post(peers.url("/")).version(Version::HTTP_10).body(body).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidMessage);
}

fn a_response_that_is_cut_short_is_an_error(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for (answer, whole) in [
        ("HTTP/1.1 200 OK\r\n\r\nok", true),
        ("HTTP/1.0 200 OK\r\n\r\nok", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", false),
    ] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.send(answer);
        peer.end();
        let outcome = call.finish().unwrap().body_mut().read_text(10);
        match outcome {
            Ok(text) => assert!(whole && text == "ok", "{answer}"),
            Err(error) => {
                assert!(!whole, "{answer}");
                assert_eq!(error.kind(), ErrorKind::IncompleteBody);
            }
        }
        peer.expect_closed();
    }
}

fn a_reset_is_not_the_end_of_a_body_without_framing(over: Over) {
    alone!();
    let (peers, client) = (over.peers(), over.client());
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\n\r\nok");
    let mut response = call.finish().unwrap();
    response.body_mut().read_exact(&mut [0; 2]).unwrap();
    peer.reset();
    assert_eq!(
        response.body_mut().read(&mut [0]).unwrap_err().kind(),
        io::ErrorKind::ConnectionReset
    );
}

fn a_source_that_fails_is_the_callers_error_and_an_incomplete_message(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for length in [None, Some(1000)] {
        let (feeder, source) = fed();
        let body = match length {
            None => Body::from_reader(source),
            Some(length) => Body::from_sized_reader(source, length),
        };
        let url = peers.url("/");
        let call = send(&client, move |client| client.post(url).body(body));
        let mut peer = peers.accept();
        feeder.feed("begun");
        peer.expect_head("POST /");
        feeder.wait_until_asked();
        feeder.fail("the disk is gone");
        let error = call.finish().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BodySource, "{error}");
        assert!(error.to_string().contains("the disk is gone"), "{error}");
        let came = peer.expect_closed();
        assert!(!came.ends_with(b"0\r\n\r\n") && came.len() < 1000, "it looks complete");
        feeder.expect_dropped();
    }
}

fn a_source_that_is_too_short_is_an_error(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for by_header in [false, true] {
        let url = peers.url("/");
        let call = send(&client, move |client| match by_header {
            true => {
                client.post(url).header("content-length", 5).body(Body::from_reader(&b"four"[..]))
            }
            false => client.post(url).body(Body::from_sized_reader(&b"four"[..], 5)),
        });
        let mut peer = peers.accept();
        let head = peer.expect_head("POST /").to_lowercase();
        assert!(head.contains("content-length: 5"), "{head}");
        let error = call.finish().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BodySource, "{error}");
        assert_eq!(peer.expect_closed(), b"four");
    }
}

/// Its panic ended the writer loop, and the caller waited for a write that no thread performed.
fn a_source_that_panics_fails_its_call(over: Over) {
    alone!();
    struct Panics;
    impl Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("as the test has it")
        }
    }
    let peers = over.peers();
    let client = over.client();
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).body(Body::from_reader(Panics)));
    let mut peer = peers.accept();
    peer.expect_head("POST /");
    let error = call.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodySource, "{error}");
    assert!(!peer.expect_closed().ends_with(b"0\r\n\r\n"));
    // So does one that panics for its trailers.
    let body = Body::from("text").with_trailers(|| panic!("as the test has it"));
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).body(body));
    let mut peer = peers.accept();
    peer.expect_head("POST /");
    assert_eq!(call.finish().unwrap_err().kind(), ErrorKind::BodySource);
    assert!(!peer.expect_closed().ends_with(b"0\r\n\r\n"));
}

#[test]
fn a_content_length_that_is_not_the_bodys_is_refused() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    for length in ["3", "5", "+4", "4, 4", "-1", "18446744073709551616", ""] {
        let request = client.post(peers.url("/")).header("content-length", length).body("four");
        let error = request.send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMessage, "{length}: {error}");
    }
    let twice = client.post(peers.url("/")).header("content-length", 4).header("content-length", 5);
    let error = twice.body("four").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidMessage, "{error}");
    peers.expect_no_more();
}

#[test]
fn a_value_that_would_inject_a_header_is_refused() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    for (name, value) in [
        ("x", "a\r\nInjected: yes"),
        ("x", "a\nb"),
        ("x\r\nInjected", "a"),
        ("x y", "a"),
        ("", "a"),
    ] {
        let error = client.get(peers.url("/")).header(name, value).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMessage, "{name:?} {value:?}: {error}");
    }
    assert!(client.get(peers.url("/")).bearer_auth("a\r\nInjected: yes").send().is_err());
    peers.expect_no_more();
    let url = peers.url("/ HTTP/1.1\r\nInjected: yes\r\n");
    let call = get(&client, url);
    let request = peers.accept().expect_request("GET /%20HTTP/1.1%0D%0AInjected:%20yes HTTP/1.1");
    assert_eq!(request.field("injected"), None);
    call.finish().unwrap_err();
}

fn a_content_length_of_zero_is_sent_where_one_is_expected(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let mut peer = None;
    for (method, length) in [
        (Method::POST, Some("0")),
        (Method::PUT, Some("0")),
        (Method::GET, None),
        (Method::DELETE, None),
    ] {
        let url = peers.url("/");
        let call = send(&client, move |client| client.request(method, url));
        let peer = peer.get_or_insert_with(|| peers.accept());
        let request = peer.expect_request("");
        assert_eq!(request.field("content-length"), length, "{}", request.head);
        assert_eq!(request.field("transfer-encoding"), None);
        peer.answer(200, "ok");
        assert_eq!(text(call.finish()), "ok");
    }
}

fn both_ways_carry_every_byte(over: Over) {
    alone!();
    let peers = over.peers().serve(|_, peer| {
        while let Some(request) = peer.next_request("POST /") {
            let length = request.body.len();
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
            peer.send(request.body);
        }
    });
    let client = over.client();
    for length in [0, 1, 4095, 4096, 65_535, 65_536, 65_537, 3_000_000] {
        let content = pattern(length);
        for body in [
            Body::from(content.clone()),
            Body::from_reader(io::Cursor::new(content.clone())),
            Body::from_sized_reader(io::Cursor::new(content.clone()), length as u64),
        ] {
            let mut response = client.post(peers.url("/")).body(body).send().unwrap();
            let echoed = response.body_mut().read_bytes(1 << 24).unwrap();
            assert!(echoed == content, "{length} bytes");
        }
    }
    assert_eq!(peers.connections(), 1);
    drop(client);
}

#[cfg(unix)] // The crate has no Unix sockets on Windows.
#[test]
fn a_unix_socket_serves_like_any_host() {
    use hangup::ResponseExt;

    alone!();
    let peers = Peers::on_unix_socket();
    let client = Client::builder().unix_socket(peers.path()).build();
    let call = get(&client, "http://anything.test/a".to_owned());
    let mut peer = peers.accept();
    let request = peer.expect_request("GET /a ");
    assert_eq!(request.field("host"), Some("anything.test"));
    peer.answer(200, "one");
    assert_eq!(text(call.finish()), "one");
    let call = get(&client, "http://anything.test/b".to_owned());
    peer.expect_request("GET /b ");
    peer.answer(200, "two");
    let response = call.finish().unwrap();
    assert!(response.is_connection_reused());
    assert_eq!(text(Ok(response)), "two");
    peer.end();
    peer.expect_closed();
}

/// A body from one server streams to another.
fn a_response_body_can_be_the_body_of_a_request(over: Over) {
    alone!();
    let (from, to) = (over.peers(), over.peers());
    let client = over.client();
    let call = get(&client, from.url("/"));
    let mut source = from.accept();
    source.expect_request("GET /");
    source.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none");
    let body = call.finish().unwrap().into_body();
    assert_eq!(body.len(), Some(6));
    let url = to.url("/");
    let call = send(&client, move |client| client.put(url).body(body));
    let mut sink = to.accept();
    sink.expect_head("PUT /");
    assert_eq!(sink.read_body(3), b"one");
    source.send("two");
    assert_eq!(sink.read_body(3), b"two");
    sink.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

fn a_response_is_read_as_it_arrives(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut response = call.finish().unwrap();
    for piece in ["one", "two"] {
        peer.send(format!("3\r\n{piece}\r\n"));
        let mut bytes = [0; 100];
        assert_eq!(response.body_mut().read(&mut bytes).unwrap(), 3);
        assert_eq!(&bytes[..3], piece.as_bytes());
    }
    let reading = in_background(move || response.body_mut().read_text(10).unwrap());
    peer.send("0\r\n\r\n");
    assert_eq!(reading.finish(), "");
}

/// A length of which the lower 32 bits are small.
const BEYOND_32_BITS: u64 = (1 << 32) + 3;

fn lengths_beyond_32_bits_are_kept(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (feeder, body) = counted_body(BEYOND_32_BITS);
    let url = peers.url("/");
    let call = send(&client, move |client| client.put(url).body(body));
    let mut peer = peers.accept();
    let head = peer.expect_head("PUT /");
    let length = format!("Content-Length: {BEYOND_32_BITS}");
    assert!(head.lines().any(|line| line == length), "{head}");
    peer.read_body(100_000);
    peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BEYOND_32_BITS}\r\n\r\nabcd"));
    let mut response = call.finish().unwrap();
    assert_eq!(response.body().len(), Some(BEYOND_32_BITS));
    let mut bytes = [0; 4];
    response.body_mut().read_exact(&mut bytes).unwrap();
    assert_eq!((&bytes, response.body().len()), (b"abcd", Some(BEYOND_32_BITS - 4)));
    peer.end();
    let error = response.body_mut().read(&mut bytes).unwrap_err();
    assert_eq!(hangup::Error::from(error).kind(), ErrorKind::IncompleteBody);
    feeder.expect_dropped();
}
