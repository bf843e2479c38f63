//! C9: the redirects that led to a response.

use hangup::client::{RedirectAction, RedirectPolicy};
use hangup::http::HeaderMap;
use hangup::{Body, Client, ErrorKind, ResponseExt};

use super::{Response, get, send, text};
use crate::support::alone;
use crate::support::scripted_server::{Peer, Peers, fed};

/// Answers with a redirect that has a header of its path.
fn redirect(peer: &mut Peer, request: &str, status: u16, to: &str) {
    peer.expect_request(&format!("{request} "));
    peer.send(format!(
        "HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nX-Of: {request}\r\nSet-Cookie: a=1\r\n\
         Set-Cookie: b=2\r\nContent-Length: 4\r\n\r\nmove"
    ));
}

/// Returns the history as lines.
fn history(response: &Response) -> Vec<String> {
    assert_eq!(response.redirects() as usize, response.history().len());
    let of = |headers: &HeaderMap| headers["x-of"].to_str().unwrap().to_owned();
    let lines = response.history().iter().map(|hop| {
        assert_eq!(hop.headers().get_all("set-cookie").iter().count(), 2);
        let path = hop.url().path_and_query().unwrap();
        format!("{} {path} {}", hop.status().as_u16(), of(hop.headers()))
    });
    lines.collect()
}

#[test]
fn c09_each_redirect_is_in_the_history() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let url = peers.url("/a?x#top").replace("//", "//user:secret@");
    let call = send(&client, move |client| client.post(url).body("text"));
    let mut peer = peers.accept();
    redirect(&mut peer, "POST /a?x", 308, "/b c#d");
    redirect(&mut peer, "POST /b%20c", 307, "./b");
    redirect(&mut peer, "POST /b", 302, "?y=ü");
    redirect(&mut peer, "GET /b?y=%C3%BC", 301, "/b");
    redirect(&mut peer, "GET /b", 303, &peers.url("/z").replace("//", "//other:secret@"));
    peer.expect_request("GET /z ");
    peer.answer(200, "there");
    let response = call.finish().unwrap();
    let expected = [
        "308 /a?x POST /a?x",
        "307 /b%20c POST /b%20c",
        "302 /b POST /b",
        "301 /b?y=%C3%BC GET /b?y=%C3%BC",
        "303 /b GET /b",
    ];
    assert_eq!(history(&response), expected);
    assert_eq!(response.url().unwrap().to_string(), peers.url("/z"));
    for hop in response.history() {
        assert_eq!(hop.url().authority().unwrap().as_str(), peers.addr().to_string());
        assert!(!format!("{hop:?}").contains("secret"), "{hop:?}");
    }
    assert!(response.redirect_url().is_none() && response.redirect_error().is_none());
    assert_eq!(text(Ok(response)), "there");
}

#[test]
fn c09_a_response_without_redirects_has_no_history() {
    alone!();
    let peers = Peers::new();
    for policy in [RedirectPolicy::default(), RedirectPolicy::none()] {
        let client = Client::builder().redirects(policy).build();
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.answer(204, "");
        let response = call.finish().unwrap();
        assert!(response.history().is_empty() && response.redirect_url().is_none());
    }
}

/// The history ends before the redirect that was not followed. That is the response.
#[test]
fn c09_a_redirect_that_is_not_followed_keeps_the_history() {
    alone!();
    let peers = Peers::new();
    let stops = RedirectPolicy::custom(|hop| match hop.next().uri.path() {
        "/stop" => RedirectAction::stop(),
        _ => RedirectAction::follow(),
    });
    for (policy, to, follows, is_usable, refusal) in [
        (stops, "/stop", true, true, None),
        (RedirectPolicy::none(), "/b", false, true, None),
        (RedirectPolicy::default(), "ftp://a/", true, false, Some(ErrorKind::InvalidRedirect)),
        (RedirectPolicy::default(), "http://", true, false, Some(ErrorKind::InvalidRedirect)),
        (RedirectPolicy::default(), "", true, false, Some(ErrorKind::InvalidRedirect)),
    ] {
        let client = Client::builder().redirects(policy).build();
        let call = get(&client, peers.url("/a"));
        let mut peer = peers.accept();
        let mut expected = Vec::new();
        if follows {
            redirect(&mut peer, "GET /a", 302, "/last");
            redirect(&mut peer, "GET /last", 301, to);
            expected.push("302 /a GET /a");
        } else {
            redirect(&mut peer, "GET /a", 301, to);
        }
        let response = call.finish().unwrap();
        assert_eq!(response.status().as_u16(), 301);
        assert_eq!(history(&response), expected, "{to}");
        assert_eq!(response.redirect_url().is_some(), is_usable, "{to}");
        assert_eq!(response.redirect_error().map(hangup::Error::kind), refusal, "{to}");
        assert_eq!(response.headers()["location"], to);
        assert_eq!(text(Ok(response)), "move");
    }
}

#[test]
fn c09_a_body_that_cannot_be_sent_again_keeps_the_history() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let (mut feeder, source) = fed();
    feeder.feed("text");
    feeder.end();
    let url = peers.url("/a");
    let call = send(&client, move |client| client.put(url).body(Body::from_reader(source)));
    let mut peer = peers.accept();
    redirect(&mut peer, "PUT /a", 307, "/b");
    let response = call.finish().unwrap();
    assert!(history(&response).is_empty());
    assert_eq!(response.redirect_error().unwrap().kind(), ErrorKind::InvalidMessage);
    assert_eq!(response.redirect_url().unwrap().to_string(), peers.url("/b"));
}

#[test]
fn c09_too_many_redirects_keep_the_history() {
    alone!();
    let peers = Peers::new();
    for limit in [0, 1, 3] {
        let client = Client::builder().redirects(RedirectPolicy::limited(limit)).build();
        let call = get(&client, peers.url("/loop"));
        let mut peer = peers.accept();
        for _ in 0..=limit {
            redirect(&mut peer, "GET /loop", 302, "/loop");
        }
        let error = call.finish().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooManyRedirects);
        let at = peers.url("/loop");
        let expected = format!("too many redirects: more than {limit}: 302 Found from {at}");
        assert_eq!(error.to_string(), expected);
        let response = error.take_response().unwrap();
        assert_eq!(history(&response), vec!["302 /loop GET /loop"; limit as usize]);
        assert_eq!(response.redirect_url().unwrap().to_string(), at);
        assert_eq!(text(Ok(response)), "move");
    }
}

#[test]
fn c09_a_failing_status_keeps_the_history() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().status_as_error(true).build();
    let url = peers.url("/a");
    let call = send(&client, move |client| client.post(url).body("text"));
    let mut peer = peers.accept();
    redirect(&mut peer, "POST /a", 303, "/b");
    peer.expect_request("GET /b ");
    peer.answer(410, "gone for good");
    let error = call.finish().unwrap_err();
    let expected = format!("410 Gone: GET {}: gone for good", peers.url("/b"));
    assert_eq!(error.to_string(), expected);
    assert_eq!(history(&error.take_response().unwrap()), ["303 /a POST /a"]);
}
