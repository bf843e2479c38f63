//! The end of a call's context ends each wait for a proxy.

use std::time::Instant;

use hangup::client::Proxy;
use hangup::{Client, Context};

use super::{Way, http_proxy};
use crate::client::send;
use crate::support::alone;
use crate::support::scripted_server::{BlackHole, Peer, Peers};

/// The time in which a cancelled call returns.
const PROMPT: std::time::Duration = std::time::Duration::from_millis(20);

/// How often a call is cancelled. One that is prompt shows that nothing waits: a busy machine may delay
/// some.
const TRIES: usize = 10;

/// Cancels calls of `client` once `waits` has returned, which has the proxy let them wait.
fn cancel<T>(client: &Client, url: &str, mut waits: impl FnMut() -> T) {
    let fastest = (0..TRIES).map(|_| {
        let context = Context::new();
        let (of_call, url) = (context.clone(), url.to_owned());
        let call = send(client, move |client| client.get(url).context(&of_call));
        let waiting = waits();
        assert!(call.is_running(), "it has not waited");
        let begun = Instant::now();
        context.cancel_with("enough");
        let error = call.finish().unwrap_err();
        let took = begun.elapsed();
        assert!(error.is_cancelled() && error.to_string().contains("enough"), "{error}");
        drop(waiting);
        took
    });
    let fastest = fastest.min().unwrap();
    assert!(fastest < PROMPT, "{fastest:?}");
    assert_eq!((client.waiting_calls(), client.idle_connections()), (0, 0));
}

fn tunnelling(peers: &Peers) -> Client {
    Client::builder().proxy(http_proxy(peers).tunnel_all(true)).build()
}

/// Expects that the client has closed the connection.
fn closed(mut proxy: Peer) {
    proxy.expect_closed();
}

struct Closed(Option<Peer>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(closed);
    }
}

#[test]
fn c13_cancel_ends_a_call_that_dials_its_proxy() {
    alone!();
    let hole = BlackHole::new();
    let proxy = Proxy::new(hole.addr.to_string()).unwrap();
    let client = Client::builder().proxy(proxy).build();
    cancel(&client, "http://host.test/", || ());
}

#[cfg(feature = "tls")]
#[test]
fn c13_cancel_ends_a_call_in_the_handshake_with_its_proxy() {
    alone!();
    let peers = Peers::new();
    let way = Way::ForwardOverTls;
    let client = way.client(&peers);
    cancel(&client, &way.url("/"), || {
        let mut proxy = peers.accept_plain();
        proxy.read_body(5);
        Closed(Some(proxy))
    });
}

#[test]
fn c13_cancel_ends_a_call_whose_connect_has_no_response() {
    alone!();
    let peers = Peers::new();
    let client = tunnelling(&peers);
    cancel(&client, "http://host.test/", || {
        let mut proxy = peers.accept();
        proxy.expect_request("CONNECT host.test:80");
        Closed(Some(proxy))
    });
    // The response has begun, and drips.
    cancel(&client, "http://host.test/", || {
        let mut proxy = peers.accept();
        proxy.expect_request("CONNECT host.test:80");
        proxy.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX");
        Closed(Some(proxy))
    });
}

#[test]
fn c13_cancel_ends_a_call_in_each_step_of_socks() {
    alone!();
    let peers = Peers::new();
    let way = Way::Socks(crate::support::Over::Tcp);
    let client = way.client(&peers);
    cancel(&client, &way.url("/"), || {
        let mut proxy = peers.accept();
        proxy.read_body(4);
        Closed(Some(proxy))
    });
    cancel(&client, &way.url("/"), || {
        let mut proxy = peers.accept();
        proxy.read_body(4);
        proxy.send(b"\x05\x02");
        proxy.read_body(13);
        Closed(Some(proxy))
    });
    cancel(&client, &way.url("/"), || {
        let mut proxy = peers.accept();
        proxy.read_body(4);
        proxy.send(b"\x05\x00");
        proxy.read_body(16);
        proxy.send(b"\x05\x00\x00\x01");
        Closed(Some(proxy))
    });
}

#[cfg(feature = "tls")]
#[test]
fn c13_cancel_ends_a_call_in_the_handshake_with_its_origin() {
    alone!();
    let peers = Peers::new();
    for way in [
        Way::Tunnel(crate::support::Over::Tls),
        Way::TunnelOverTls(crate::support::Over::Tls),
        Way::Socks(crate::support::Over::Tls),
    ] {
        let client = way.client(&peers);
        cancel(&client, &way.url("/"), || {
            let mut proxy = way.accept_proxied(&peers);
            way.open(&mut proxy);
            proxy.read_body(5);
            Closed(Some(proxy))
        });
    }
}

/// A client that is dropped leaves no dial behind.
#[test]
fn c13_a_timeout_of_the_call_ends_it_too() {
    alone!();
    let peers = Peers::new();
    let client = tunnelling(&peers);
    // Long enough for a busy machine to send the CONNECT.
    let limit = std::time::Duration::from_millis(500);
    let call = send(&client, move |client| client.get("http://host.test/").timeout(limit));
    let mut proxy = peers.accept();
    proxy.expect_request("CONNECT host.test:80");
    let error = call.finish().unwrap_err();
    assert_eq!(error.timed_out(), Some(hangup::TimeLimit::Call), "{error}");
    proxy.expect_closed();
}
