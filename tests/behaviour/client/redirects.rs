//! T16: redirects.

use hangup::client::{RedirectPolicy, RequestBuilder};
use hangup::http::header::{AUTHORIZATION, COOKIE};
use hangup::http::{HeaderValue, Method};
use hangup::{Body, Client, ErrorKind, ResponseExt};

use super::{get, send, text};
use crate::support::alone;
use crate::support::scripted_server::{Peer, Peers};

fn redirect(peer: &mut Peer, status: u16, to: &str) {
    peer.send(format!(
        "HTTP/1.1 {status} Elsewhere\r\nLocation: {to}\r\nContent-Length: 4\r\n\r\nmove"
    ));
}

#[test]
fn t16_methods_and_bodies() {
    let _alone = alone();
    for (status, method, then, with_body) in [
        (301, Method::GET, "GET", false),
        (301, Method::POST, "GET", false),
        (302, Method::POST, "GET", false),
        (302, Method::PUT, "PUT", true),
        (303, Method::POST, "GET", false),
        (303, Method::PUT, "GET", false),
        (303, Method::DELETE, "GET", false),
        (307, Method::POST, "POST", true),
        (308, Method::PUT, "PUT", true),
    ] {
        let peers = Peers::new();
        let client = Client::new();
        let url = peers.url("/a");
        let has_body = method != Method::GET;
        let call = send(&client, move |client| match has_body {
            true => client.request(method, url).header("content-type", "text/plain").body("text"),
            false => client.request(method, url),
        });
        let mut peer = peers.accept();
        peer.expect_request("");
        redirect(&mut peer, status, "/b");
        // On the same connection: the redirect's body has been drained.
        let followed = peer.expect_request(&format!("{then} /b "));
        assert_eq!(followed.body, if with_body { &b"text"[..] } else { b"" }, "{status}");
        assert_eq!(followed.field("content-type").is_some(), with_body, "{status}");
        assert_eq!(followed.field("content-length").is_some(), with_body, "{status}");
        peer.answer(200, "there");
        let response = call.finish().unwrap();
        assert_eq!(response.redirects(), 1);
        assert_eq!(response.url().unwrap().path(), "/b");
        assert_eq!(text(Ok(response)), "there");
        peers.expect_no_more();
    }
}

#[test]
fn t16_a_head_request_stays_one() {
    let _alone = alone();
    let peers = Peers::new();
    let client = Client::new();
    let url = peers.url("/a");
    let call = send(&client, move |client| client.head(url));
    let mut peer = peers.accept();
    peer.expect_request("HEAD /a");
    peer.send("HTTP/1.1 303 See Other\r\nLocation: /b\r\nContent-Length: 4\r\n\r\n");
    peer.expect_request("HEAD /b");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(text(call.finish()), "");
}

#[test]
fn t16_a_body_that_cannot_be_sent_again_leaves_the_redirect_to_the_caller() {
    let _alone = alone();
    let peers = Peers::new();
    let client = Client::new();
    let url = peers.url("/a");
    let call = send(&client, move |client| client.post(url).body(Body::from_chunks(["once"])));
    let mut peer = peers.accept();
    peer.expect_request("POST /a");
    redirect(&mut peer, 307, "/b");
    let response = call.finish().unwrap();
    assert_eq!((response.status().as_u16(), response.redirects()), (307, 0));
    assert_eq!(text(Ok(response)), "move");

    let url = peers.url("/a");
    let body = Body::replayable(None, || Ok(Body::from("again")));
    let call = send(&client, move |client| client.post(url).body(body));
    assert_eq!(peer.expect_request("POST /a").body, b"again");
    redirect(&mut peer, 307, "/b");
    assert_eq!(peer.expect_request("POST /b").body, b"again");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn t16_credentials_stay_with_their_host() {
    let _alone = alone();
    stay_with_their_host(&Client::new(), |client, url| {
        client.get(url.replace("http://", "http://user:secret@")).header("cookie", "a=b")
    });
}

/// What every request of a client has is as secret as what one has.
#[test]
fn t16_credentials_that_are_defaults_stay_with_their_host() {
    let _alone = alone();
    let client = Client::builder()
        .default_header(AUTHORIZATION, HeaderValue::from_static("Basic dXNlcjpzZWNyZXQ="))
        .default_header(COOKIE, HeaderValue::from_static("a=b"))
        .build();
    stay_with_their_host(&client, |client, url| client.get(url));
}

fn stay_with_their_host(client: &Client, request: fn(&Client, String) -> RequestBuilder<'_>) {
    let (one, other) = (Peers::new(), Peers::new());
    let url = one.url("/a");
    let call = send(client, move |client| request(client, url));
    let mut peer = one.accept();
    let request = peer.expect_request("GET /a");
    assert!(request.field("authorization").is_some() && request.field("cookie").is_some());
    assert!(!request.head.contains("secret"), "{}", request.head);
    redirect(&mut peer, 302, "/b");
    let request = peer.expect_request("GET /b");
    assert!(request.field("authorization").is_some() && request.field("cookie").is_some());
    redirect(&mut peer, 302, &other.url("/c"));
    let mut elsewhere = other.accept();
    let request = elsewhere.expect_request("GET /c");
    assert!(request.field("authorization").is_none() && request.field("cookie").is_none());
    assert_eq!(request.field("host").unwrap(), other.addr().to_string());
    // Nor do they come back with the next redirect.
    redirect(&mut elsewhere, 302, &one.url("/d"));
    let request = peer.expect_request("GET /d");
    assert!(request.field("authorization").is_none() && request.field("cookie").is_none());
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn t16_at_most_ten() {
    let _alone = alone();
    let peers = Peers::new();
    let client = Client::new();
    let call = get(&client, peers.url("/0"));
    let mut peer = peers.accept();
    for number in 0..=10 {
        peer.expect_request(&format!("GET /{number} "));
        redirect(&mut peer, 302, &format!("/{}", number + 1));
    }
    assert_eq!(call.finish().unwrap_err().kind(), ErrorKind::TooManyRedirects);
    // A loop is nothing else.
    let url = peers.url("/loop");
    let call = send(&client, move |client| client.get(url).redirects(RedirectPolicy::Follow(2)));
    for _ in 0..3 {
        peer.expect_request("GET /loop");
        redirect(&mut peer, 302, "/loop");
    }
    assert_eq!(call.finish().unwrap_err().kind(), ErrorKind::TooManyRedirects);
    assert_eq!(client.idle_connections(), 1);
}

#[test]
fn t16_locations_are_relative_to_what_was_asked_for() {
    let _alone = alone();
    let peers = Peers::new();
    let client = Client::new();
    let call = get(&client, peers.url("/a/b?c=d"));
    let mut peer = peers.accept();
    peer.expect_request("GET /a/b?c=d ");
    redirect(&mut peer, 302, "e?f=g#h");
    peer.expect_request("GET /a/e?f=g ");
    redirect(&mut peer, 302, "../i j");
    peer.expect_request("GET /i%20j ");
    redirect(&mut peer, 302, &format!("//{}/k", peers.addr()));
    peer.expect_request("GET /k ");
    peer.answer(200, "ok");
    let response = call.finish().unwrap();
    assert_eq!(response.redirects(), 3);
    assert_eq!(text(Ok(response)), "ok");
}

#[test]
fn t16_what_is_no_redirect_to_follow_is_the_answer() {
    let _alone = alone();
    let peers = Peers::new();
    let client = Client::new();
    for answer in [
        "HTTP/1.1 302 Found\r\nContent-Length: 4\r\n\r\nmove",
        "HTTP/1.1 300 Multiple Choices\r\nLocation: /b\r\nContent-Length: 4\r\n\r\nmove",
        "HTTP/1.1 200 OK\r\nLocation: /b\r\nContent-Length: 4\r\n\r\nmove",
    ] {
        let call = get(&client, peers.url("/a"));
        let mut peer = peers.accept();
        peer.expect_request("GET /a");
        peer.send(answer);
        assert_eq!(text(call.finish()), "move");
        client.close_idle_connections();
        peer.expect_closed();
    }
    let url = peers.url("/a");
    let call = send(&client, move |client| client.get(url).redirects(RedirectPolicy::Stop));
    let mut peer = peers.accept();
    peer.expect_request("GET /a");
    redirect(&mut peer, 302, "/b");
    assert_eq!(text(call.finish()), "move");
}

#[test]
fn t16_a_location_that_leads_nowhere_is_an_error() {
    let _alone = alone();
    let peers = Peers::new();
    let client = Client::new();
    for (location, kind) in [
        ("ftp://127.0.0.1/", ErrorKind::UnsupportedScheme),
        ("http://[half", ErrorKind::MalformedMessage),
        ("http://", ErrorKind::MalformedMessage),
    ] {
        let call = get(&client, peers.url("/a"));
        let mut peer = peers.accept();
        peer.expect_request("GET /a");
        redirect(&mut peer, 302, location);
        let error = call.finish().unwrap_err();
        assert_eq!(error.kind(), kind, "{location}: {error}");
        client.close_idle_connections();
        peer.expect_closed();
    }
}
