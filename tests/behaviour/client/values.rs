//! C2, C3, C6, C7: queries, bodies of pairs and of JSON, and responses that are read whole.

use hangup::http::{Request, StatusCode};
use hangup::{Client, ErrorKind, ResponseExt};

use super::send;
use crate::support::alone;
use crate::support::scripted_server::Peers;

#[test]
fn c02_pairs_are_appended_to_the_query_of_the_url() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let url = peers.url("/?a=%20b#top");
    let call = send(&client, move |client| {
        client.get(url).query("q", "x y&z").query_pairs([("n", 1), ("n", 2)])
    });
    let mut peer = peers.accept();
    peer.expect_request("GET /?a=%20b&q=x+y%26z&n=1&n=2 HTTP/1.1");
    peer.answer(200, "");
    call.finish().unwrap();

    let prepared = Request::post(peers.url("/p?")).body("").unwrap();
    let call = send(&client, move |client| client.prepare(prepared).query("k", "ü"));
    peer.expect_request("POST /p?k=%C3%BC HTTP/1.1");
    peer.answer(200, "");
    call.finish().unwrap();
}

#[test]
fn c03_a_form_and_json_bring_their_content_type() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).form([("a", "1 2"), ("b", "&")]));
    let mut peer = peers.accept();
    let request = peer.expect_request("POST /");
    assert_eq!(request.field("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.body, b"a=1+2&b=%26");
    peer.answer(200, "");
    call.finish().unwrap();

    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).json(&[1, 2]));
    let request = peer.expect_request("POST /");
    assert_eq!(request.field("content-type"), Some("application/json"));
    assert_eq!(request.body, b"[1,2]");
    peer.answer(200, "[3]");
    assert_eq!(call.finish().unwrap().json::<Vec<u32>>().unwrap(), [3]);
}

#[test]
fn c07_a_failing_status_is_an_error_that_keeps_the_response() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let url = peers.url("/rows?id=7");
    let call = send(&client, move |client| client.delete(url).status_as_error(true));
    let mut peer = peers.accept();
    peer.expect_request("DELETE /rows");
    peer.answer(404, "no row 7");
    let error = call.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Status);
    assert_eq!(error.status_code(), Some(StatusCode::NOT_FOUND));
    assert_eq!(error.take_response().unwrap().text().unwrap(), "no row 7");
    assert!(error.take_response().is_none());
}
