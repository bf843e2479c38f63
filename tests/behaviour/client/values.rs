//! C2, C3: values in the query and in the body of a request.

use std::collections::BTreeMap;
use std::fmt;

use hangup::client::RequestBuilder;
use hangup::http::{Request, Uri};
use hangup::{Body, Client, ErrorKind, ResponseExt};

use super::{send, text};
use crate::support::scripted_server::{Peer, Peers, Received};
use crate::support::{Over, alone, over_each};

over_each![c03_a_form_and_json_are_sent];

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Sends a request, answers it, and returns it.
fn sent(
    peers: &Peers,
    peer: &mut Option<Peer>,
    client: &Client,
    request: impl FnOnce(&Client) -> RequestBuilder + Send + 'static,
) -> Received {
    let call = send(client, request);
    let peer = peer.get_or_insert_with(|| peers.accept());
    let received = peer.expect_request("");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    received
}

#[test]
fn c02_pairs_are_appended_to_the_query_of_the_url() {
    alone!();
    let (peers, client, mut peer) = (Peers::new(), Client::new(), None);
    for (given, line) in [
        ("", "GET /?q=x+y%26z&n=1&n=2 HTTP/1.1"),
        ("/p?", "GET /p?q=x+y%26z&n=1&n=2 HTTP/1.1"),
        ("/p?a=%20b#top", "GET /p?a=%20b&q=x+y%26z&n=1&n=2 HTTP/1.1"),
        ("/p?a&", "GET /p?a&q=x+y%26z&n=1&n=2 HTTP/1.1"),
    ] {
        let url = peers.url(given);
        let request = sent(&peers, &mut peer, &client, move |client| {
            client.get(url).query("q", "x y&z").query_pairs([("n", 1), ("n", 2)])
        });
        assert_eq!(request.head.lines().next().unwrap(), line);
    }
    let prepared = Request::post(peers.url("/p?x=1")).body("").unwrap();
    let request = sent(&peers, &mut peer, &client, move |client| {
        client.prepare(prepared).query("k", "ü").query_pairs(BTreeMap::from([("m", 'z')]))
    });
    assert!(request.head.starts_with("POST /p?x=1&k=%C3%BC&m=z HTTP/1.1"), "{}", request.head);
}

#[test]
fn c02_the_url_of_a_response_has_the_query() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let url = peers.url("/").replace("//", "//user:secret@");
    let call = send(&client, move |client| client.get(url).query("q", "ä").query("r", 2));
    let mut peer = peers.accept();
    let request = peer.expect_request("GET /?q=%C3%A4&r=2 ");
    assert!(request.has("authorization", "Basic dXNlcjpzZWNyZXQ="), "{}", request.head);
    peer.send("HTTP/1.1 302 Found\r\nLocation: ?s=3\r\nContent-Length: 0\r\n\r\n");
    let request = peer.expect_request("GET /?s=3 ");
    assert!(!request.head.to_lowercase().contains("referer"), "{}", request.head);
    peer.answer(200, "");
    let response = call.finish().unwrap();
    assert_eq!(response.history()[0].url().to_string(), peers.url("/?q=%C3%A4&r=2"));
    assert_eq!(response.url().unwrap().to_string(), peers.url("/?s=3"));
    assert!(!format!("{response:?}").contains("secret"));
}

struct Faulty;

impl fmt::Display for Faulty {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

#[test]
fn c02_a_query_that_cannot_be_sent_is_an_error_at_send() {
    alone!();
    let client = Client::new();
    let long = "x".repeat(70_000);
    for (request, kind, expected) in [
        (
            client.get("http://u:secret@a/").query("q", &long).query("r", 1),
            ErrorKind::InvalidUrl,
            "invalid URL \"http://a/\": it is too long",
        ),
        (
            client.get("http://u:secret@a/").query("q", Faulty),
            ErrorKind::InvalidMessage,
            "invalid message: the value of \"q\" cannot be written as text",
        ),
        (
            client.get("http://u:secret@a:x/").query("q", 1),
            ErrorKind::InvalidUrl,
            "invalid URL \"http://***@a:x/\": port is not a number",
        ),
        (
            client.get(Uri::from_static("/path")).query("q", 1),
            ErrorKind::InvalidUrl,
            "invalid URL \"/path\": scheme missing",
        ),
    ] {
        assert!(!format!("{request:?}").contains("secret"), "{request:?}");
        let error = request.send().unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, expected));
    }
}

fn c03_a_form_and_json_are_sent(over: Over) {
    alone!();
    let (peers, client, mut peer) = (over.peers(), over.client(), None);
    let url = peers.url("/");
    let long = "ü".repeat(100_000);
    let value = long.clone();
    let request = sent(&peers, &mut peer, &client, move |client| {
        client.post(url).form([("a", "1 2"), ("b", "&"), ("c", &value)])
    });
    let body = format!("a=1+2&b=%26&c={}", "%C3%BC".repeat(100_000));
    assert_eq!(request.field("content-type"), Some(FORM));
    assert_eq!(request.field("content-length"), Some(&*body.len().to_string()));
    assert_eq!(request.body, body.as_bytes());

    let url = peers.url("/");
    let value = long.clone();
    let request = sent(&peers, &mut peer, &client, move |client| client.put(url).json(&[value]));
    assert_eq!(request.field("content-type"), Some(JSON));
    assert_eq!(request.body, format!("[\"{long}\"]").as_bytes());
}

/// The content type of a body counts if there is no header, wherever that is set.
#[test]
fn c03_the_callers_content_type_counts() {
    alone!();
    let (peers, mut peer) = (Peers::new(), None);
    let client = Client::new();
    type Build = fn(&Client, String) -> RequestBuilder;
    let builds: [(Build, &str, &[u8]); 10] = [
        (|client, url| client.post(url).form([("a", 1)]), FORM, b"a=1"),
        (|client, url| client.post(url).json(&1), JSON, b"1"),
        (|client, url| client.post(url).header("content-type", "x/y").json(&1), "x/y", b"1"),
        (|client, url| client.post(url).json(&1).header("content-type", "x/y"), "x/y", b"1"),
        (
            |client, url| client.post(url).form([("", "")]).header("Content-Type", "x/y"),
            "x/y",
            b"=",
        ),
        // The last body counts, with its type.
        (|client, url| client.post(url).json(&1).form([("a", 1)]), FORM, b"a=1"),
        (|client, url| client.post(url).form([("a", 1)]).json(&1), JSON, b"1"),
        (|client, url| client.post(url).json(&1).body("plain"), "", b"plain"),
        // An empty form is a form.
        (|client, url| client.post(url).form([("", ""); 0]), FORM, b""),
        (|client, url| client.post(url).body(Body::json("x").unwrap()), JSON, b"\"x\""),
    ];
    for (build, content_type, body) in builds {
        let url = peers.url("/");
        let request = sent(&peers, &mut peer, &client, move |client| build(client, url));
        assert_eq!(request.field("content-type").unwrap_or_default(), content_type);
        assert_eq!(request.body, body);
    }
    // That of the client's default headers counts as well.
    let client = Client::builder().default_header("content-type", "d/d").build();
    let url = peers.url("/");
    let request = sent(&peers, &mut None, &client, move |client| client.post(url).json(&1));
    assert_eq!(request.field("content-type"), Some("d/d"));
}

#[test]
fn c03_a_form_is_sent_again_after_a_redirect() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    for (status, line, content_type) in [(307, "POST /b", Some(FORM)), (303, "GET /b", None)] {
        let url = peers.url("/a");
        let call = send(&client, move |client| client.post(url).form([("a", 1)]));
        let mut peer = peers.accept();
        peer.expect_request("POST /a");
        peer.send(format!("HTTP/1.1 {status} X\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"));
        let request = peer.expect_request(line);
        assert_eq!(request.field("content-type"), content_type);
        assert_eq!(request.body.len(), if content_type.is_some() { 3 } else { 0 });
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        call.finish().unwrap();
    }
}

#[test]
fn c03_a_value_that_json_cannot_hold_is_an_error_at_send() {
    alone!();
    struct Refusing;
    impl serde::Serialize for Refusing {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("refused by its type"))
        }
    }
    let client = Client::new();
    let map = BTreeMap::from([([1], 2)]);
    for (request, reason) in [
        (client.post("http://a/").json(&map), "key must be a string"),
        (client.post("http://a/").json(&Refusing), "refused by its type"),
        (client.post("http://a/").json(&Refusing).body("x"), "refused by its type"),
    ] {
        let error = request.send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMessage);
        assert!(error.is_caller_fault());
        let text = format!("invalid message: the value cannot be written as JSON: {reason}");
        assert_eq!(error.to_string(), text);
        assert!(error.cause().unwrap().is::<serde_json::Error>());
    }
}
