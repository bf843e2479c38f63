//! Custom redirect policies.

use hangup::client::{RedirectAction, RedirectPolicy};
use hangup::{Client, Error, ErrorKind, ResponseExt};

use crate::client::{get, text};
use crate::support::alone;
use crate::support::scripted_server::{Peer, Peers};

fn redirect(peer: &mut Peer, to: &str) {
    peer.send(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 4\r\n\r\nmove"));
}

/// Follows redirects within the host, fails on a path that it knows, and stops at any other.
fn within_the_host() -> RedirectPolicy {
    RedirectPolicy::custom(|hop| {
        let next = &hop.next().uri;
        if next.path() == "/login" {
            return RedirectAction::fail(Error::other("login needed"));
        }
        let stays = next.authority() == hop.url().authority();
        if stays { RedirectAction::follow() } else { RedirectAction::stop() }
    })
}

#[test]
fn a_policy_follows_and_stops() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().redirects(within_the_host()).build();
    let call = get(&client, peers.url("/a"));
    let mut peer = peers.accept();
    for (path, to) in [("/a", "/b"), ("/b", "/c"), ("/c", "http://unknown.invalid/")] {
        peer.expect_request(&format!("GET {path} "));
        redirect(&mut peer, to);
    }
    let response = call.finish().unwrap();
    assert_eq!((response.status().as_u16(), response.redirects()), (302, 2));
    assert!(response.redirect_error().is_none(), "the policy has stopped");
    let history: Vec<_> = response.history().iter().map(|hop| hop.url().to_string()).collect();
    assert_eq!(history, [peers.url("/a"), peers.url("/b")]);
    let first = &response.history()[0];
    assert_eq!(first.status(), 302);
    assert_eq!(first.headers()["location"], "/b");
    assert_eq!(text(Ok(response)), "move");
}

#[test]
fn a_policy_fails_the_call() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().redirects(within_the_host()).build();
    let call = get(&client, peers.url("/a"));
    let mut peer = peers.accept();
    peer.expect_request("GET /a ");
    redirect(&mut peer, "/login");
    let error = call.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    assert!(error.to_string().contains("login needed"), "{error}");
}

#[test]
fn a_policy_has_a_limit() {
    alone!();
    let peers = Peers::new();
    let policy = RedirectPolicy::custom(|hop| {
        assert_eq!(hop.history().len() as u32 + 1, hop.url().path()[1..].parse::<u32>().unwrap());
        RedirectAction::follow()
    });
    let client = Client::builder().redirects(policy.with_limit(2)).build();
    let call = get(&client, peers.url("/1"));
    let mut peer = peers.accept();
    for number in 1..=3 {
        peer.expect_request(&format!("GET /{number} "));
        redirect(&mut peer, &format!("/{}", number + 1));
    }
    let error = call.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyRedirects);
    assert_eq!(error.take_response().unwrap().history().len(), 2);
}
