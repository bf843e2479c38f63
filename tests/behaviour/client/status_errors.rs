//! C7: a failing status as an error that keeps its response.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use hangup::http::StatusCode;
use hangup::{Body, Client, Context, ErrorKind, Request, ResponseExt, ResponseWriter, Server};

use super::{get, send, text};
use crate::support::scripted_server::{Peers, fed, in_background};
use crate::support::{Over, RawClient, alone, over_each};

over_each![
    c07_an_error_names_its_response_and_keeps_it,
    c07_a_body_that_comes_later_is_kept_whole,
    c07_the_connection_of_an_error_is_reused,
    c07_the_context_still_ends_the_body,
];

fn c07_an_error_names_its_response_and_keeps_it(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let url = peers.url("/rows?id=7").replace("//", "//user:secret@");
    let call = send(&client, move |client| client.delete(url).status_as_error(true));
    let mut peer = peers.accept();
    peer.expect_request("DELETE /rows");
    peer.send("HTTP/1.1 404 Not Here\r\nX-Id: 7\r\nContent-Length: 13\r\n\r\nno row 7\nmore");
    let error = call.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Status);
    assert_eq!(error.status_code(), Some(StatusCode::NOT_FOUND));
    assert!(!error.is_peer_fault() && !error.is_caller_fault() && !error.is_connect());
    let expected = format!("404 Not Found: DELETE {}: no row 7", peers.url("/rows?id=7"));
    assert_eq!(error.to_string(), expected);
    assert!(!format!("{error:?} {error:#}").contains("secret"), "{error:?}");

    let mut response = error.clone().take_response().unwrap();
    assert!(error.take_response().is_none(), "a clone has taken it");
    assert_eq!((response.status().as_u16(), response.reason()), (404, Some("Not Here")));
    assert_eq!(response.headers()["x-id"], "7");
    assert_eq!(response.text().unwrap(), "no row 7\nmore");
}

/// The first line is not waited for, if the body does not come with the head.
fn c07_a_body_that_comes_later_is_kept_whole(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for (head, first, last) in [
        ("Content-Length: 8", "", "no row 7"),
        ("Content-Length: 8", "no ro", "w 7"),
        ("Transfer-Encoding: chunked", "", "8\r\nno row 7\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "5\r\nno ro\r\n", "3\r\nw 7\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "5\r\nno ro", "\r\n3\r\nw 7\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "8\r\nno row 7\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "8\r\nno row 7\r\n0\r\n", "\r\n"),
        ("Connection: close", "no ro", "w 7"),
    ] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.send(format!("HTTP/1.1 500 Broken\r\n{head}\r\n\r\n{first}"));
        let error = call.finish().unwrap().error_for_status().unwrap_err();
        let expected = format!("500 Internal Server Error: GET {}", peers.url("/"));
        assert_eq!(error.to_string(), expected, "{head} {first:?}");
        peer.send(last);
        peer.end();
        assert_eq!(error.take_response().unwrap().text().unwrap(), "no row 7");
    }
}

#[test]
fn c07_the_first_line_of_a_short_text_is_quoted() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let long = "x".repeat(300);
    for (content_type, body, quoted) in [
        ("text/plain", "no row", ": no row"),
        ("text/plain; charset=iso-8859-1", "no row", ": no row"),
        ("application/json", "{\n \"error\": \"no row\"\n}", ": { \"error\": \"no row\" }"),
        ("application/problem+json", "{}", ": {}"),
        ("text/plain", "\n\n  no row  \r\nmore", ": no row"),
        ("text/plain", "\u{1b}[31mred", ": \\u{1b}[31mred"),
        ("text/plain", &long, &format!(": {}...", &long[..200])),
        ("text/plain", &"x\n".repeat(5000), ""),
        ("text/html", "no row", ""),
        ("text/plain", "<html>", ""),
        ("image/png", "no row", ""),
        ("text/plain", "", ""),
    ] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        let length = body.len();
        peer.send(format!(
            "HTTP/1.1 400 Bad\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        ));
        let error = call.finish().unwrap().error_for_status().unwrap_err();
        let expected = format!("400 Bad Request: GET {}{quoted}", peers.url("/"));
        assert_eq!(error.to_string(), expected, "{content_type}");
        assert_eq!(text(Ok(error.take_response().unwrap())), body);
    }
}

#[test]
fn c07_the_first_line_of_an_encoded_text_is_quoted() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().status_as_error(true).build();
    let json = r#"{"error": "no row"}"#;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(json.as_bytes()).unwrap();
    let encoded = encoder.finish().unwrap();
    let head = "HTTP/1.1 404 X\r\nContent-Type: application/json\r\nContent-Encoding: gzip";
    for (chunked, sent) in [(false, encoded.len()), (true, encoded.len()), (false, 5), (true, 5)] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        let (now, later) = encoded.split_at(sent);
        let length = encoded.len();
        let (framing, end) = match chunked {
            false => (format!("Content-Length: {length}\r\n\r\n"), ""),
            true => (format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n"), "\r\n0\r\n\r\n"),
        };
        let mut answer = [format!("{head}\r\n{framing}").as_bytes(), now].concat();
        if later.is_empty() {
            answer.extend_from_slice(end.as_bytes());
        }
        peer.send(answer);
        let error = call.finish().unwrap_err();
        // The rest of the body comes after the wait for it.
        if later.is_empty() {
            assert!(error.to_string().ends_with(": {\"error\": \"no row\"}"), "{error}");
        } else {
            assert!(error.to_string().ends_with(&peers.url("/")), "{error}");
            peer.send([later, end.as_bytes()].concat());
        }
        assert_eq!(text(Ok(error.take_response().unwrap())), json);
        peer.end();
    }
}

#[test]
fn c07_only_400_to_599_is_an_error() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().status_as_error(true).build();
    for (status, is_error) in [
        (200, false),
        (302, false),
        (399, false),
        (400, true),
        (499, true),
        (599, true),
        (600, false),
    ] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.send(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        let outcome = call.finish();
        assert_eq!(outcome.is_err(), is_error, "{status}");
        let response = outcome.unwrap_or_else(|error| error.take_response().unwrap());
        assert_eq!(response.error_for_status().is_err(), is_error, "{status}");
    }
}

#[test]
fn c07_a_call_overrides_its_client() {
    alone!();
    let peers = Peers::new();
    for (client, call, is_error) in [
        (None, None, false),
        (Some(true), None, true),
        (Some(true), Some(false), false),
        (None, Some(true), true),
    ] {
        let client =
            client.into_iter().fold(Client::builder(), |builder, on| builder.status_as_error(on));
        let url = peers.url("/");
        let call = send(&client.build(), move |client| {
            call.into_iter().fold(client.head(url), |request, on| request.status_as_error(on))
        });
        let mut peer = peers.accept();
        peer.expect_request("HEAD /");
        peer.send("HTTP/1.1 404 X\r\nContent-Length: 9\r\n\r\n");
        let outcome = call.finish();
        assert_eq!(outcome.is_err(), is_error);
        if let Err(error) = outcome {
            assert_eq!(error.to_string(), format!("404 Not Found: HEAD {}", peers.url("/")));
        }
    }
}

#[test]
fn c07_a_response_that_no_client_received_has_no_url() {
    let response = |status: u16, body: &'static str| {
        hangup::http::Response::builder().status(status).body(Body::from(body)).unwrap()
    };
    let error = response(503, "").error_for_status().unwrap_err();
    assert_eq!(error.to_string(), "503 Service Unavailable");
    let error = response(503, "busy").error_for_status().unwrap_err();
    assert_eq!(error.to_string(), "503 Service Unavailable: busy");
    assert_eq!(error.take_response().unwrap().text().unwrap(), "busy");
    let mut unread = response(404, "gone");
    assert_eq!(unread.text().unwrap(), "gone");
    assert_eq!(unread.error_for_status().unwrap_err().to_string(), "404 Not Found");
}

fn c07_the_connection_of_an_error_is_reused(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().status_as_error(true).build();
    let mut peer = None;
    for _ in 0..3 {
        let call = get(&client, peers.url("/"));
        let peer = peer.get_or_insert_with(|| peers.accept());
        peer.expect_request("GET /");
        peer.send("HTTP/1.1 403 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n");
        let error = call.finish().unwrap_err();
        assert!(error.to_string().starts_with("403 Forbidden: GET "), "{error}");
        drop(error);
        assert_eq!(client.idle_connections(), 1);
    }
}

fn c07_the_context_still_ends_the_body(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let context = Context::new();
    let (url, call) = (peers.url("/"), context.clone());
    let call = send(&client, move |client| client.get(url).context(&call).status_as_error(true));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 500 X\r\nContent-Length: 9\r\n\r\nno");
    let mut response = call.finish().unwrap_err().take_response().unwrap();
    let mut first = [0; 2];
    response.body_mut().read_exact(&mut first).unwrap();
    let reading = in_background(move || response.text());
    context.cancel();
    assert!(reading.finish().unwrap_err().is_cancelled());
    peer.expect_closed();
}

#[test]
fn c07_an_error_that_comes_early_ends_the_upload() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().status_as_error(true).build();
    let (mut feeder, source) = fed();
    let url = peers.url("/");
    let call = send(&client, move |client| client.put(url).body(Body::from_reader(source)));
    let mut peer = peers.accept();
    peer.expect_head("PUT /");
    peer.answer(413, "too much");
    let error = call.finish().unwrap_err();
    assert!(error.to_string().ends_with("/: too much"), "{error}");
    assert_eq!(error.take_response().unwrap().text().unwrap(), "too much");
    peer.expect_closed();
    feeder.feed("x");
    feeder.expect_dropped();
    feeder.end();
}

/// The status of another server is not that of the handler's response.
#[test]
fn c07_an_error_of_a_handlers_call_is_a_500() {
    alone!();
    let peers = Peers::new();
    let (client, url) = (Client::builder().status_as_error(true).build(), peers.url("/secret"));
    let handler = move |_: &mut ResponseWriter, _: &mut Request| {
        client.get(&url).send()?;
        Ok(())
    };
    let server = Over::Tcp.server_with(Server::new(handler));
    let mut asking = RawClient::connect(&server);
    asking.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut peer = peers.accept();
    peer.expect_request("GET /secret");
    peer.answer(401, "who are you?");
    let answer = asking.expect(500);
    assert!(!answer.contains("who are you") && !answer.contains("401"), "{answer}");
}
