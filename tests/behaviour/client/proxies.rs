//! C13: proxies.

use hangup::client::{Proxy, ProxyPolicy};
use hangup::{Client, ErrorKind, ResponseExt};

use super::text;
use crate::support::scripted_server::{Peer, Peers, in_background};
use crate::support::{Over, alone, over_each};

over_each![c13_a_tunnel_carries_the_connection_to_the_origin];

/// Returns a builder of a client that takes `proxy` for everything.
fn through(over: Over, proxy: Proxy) -> hangup::client::ClientBuilder {
    over.client_builder().proxy(proxy)
}

fn http_proxy(peers: &Peers) -> Proxy {
    Proxy::new(format!("http://{}", peers.addr())).unwrap()
}

#[test]
fn c13_an_http_url_is_forwarded_in_absolute_form() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().proxy(http_proxy(&peers)).build();
    let call = in_background(move || {
        let one = client.get("http://user:pass@Origin.test/a?b#c").send().unwrap();
        assert_eq!(one.proxy().unwrap().address(), one.remote_addr().unwrap().to_string());
        drop(one);
        let two = client.get("http://other.test:8080/").send().unwrap();
        assert!(two.is_connection_reused());
        client
    });
    let mut peer = peers.accept();
    let one = peer.expect_request("GET http://origin.test/a?b HTTP/1.1");
    assert_eq!(one.field("host"), Some("origin.test"));
    assert_eq!(one.field("proxy-authorization"), None);
    peer.answer(200, "one");
    let two = peer.expect_request("GET http://other.test:8080/ HTTP/1.1");
    assert_eq!(two.field("host"), Some("other.test:8080"));
    peer.answer(200, "two");
    call.finish();
}

fn c13_a_tunnel_carries_the_connection_to_the_origin(over: Over) {
    alone!();
    let peers = over.peers();
    let client = through(over, http_proxy(&peers).tunnel_all(true)).build();
    let call = in_background(move || text(client.get(over.url("localhost:99", "/a")).send()));
    let mut proxy = peers.accept_plain();
    let connect = proxy.expect_request("CONNECT localhost:99 HTTP/1.1");
    assert_eq!(connect.field("host"), Some("localhost:99"));
    assert!(connect.field("user-agent").unwrap().starts_with("hangup/"));
    proxy.send("HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n\r\n");
    let mut origin: Peer = proxy.carrying(over);
    let request = origin.expect_request("GET /a HTTP/1.1");
    assert_eq!(request.field("host"), Some("localhost:99"));
    origin.answer(200, "through");
    assert_eq!(call.finish(), "through");
}

#[test]
fn c13_a_refused_tunnel_is_an_error_with_the_status() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().proxy(http_proxy(&peers).tunnel_all(true)).build();
    let call = in_background(move || client.get("http://origin.test/").send().unwrap_err());
    let mut proxy = peers.accept();
    proxy.expect_request("CONNECT origin.test:80");
    proxy.send("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nno route\n");
    let error = call.finish();
    assert_eq!((error.kind(), error.status_code().unwrap().as_u16()), (ErrorKind::Proxy, 502));
    let expected =
        format!("proxy {}: 502 Bad Gateway to CONNECT origin.test:80: \"no route\"", peers.addr());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn c13_a_policy_of_none_goes_directly() {
    alone!();
    let peers = Peers::new();
    let proxies = Peers::new();
    let client = Client::builder().proxy(http_proxy(&proxies)).build();
    let url = peers.url("/");
    let call = in_background(move || text(client.get(url).proxy(ProxyPolicy::none()).send()));
    let mut peer = peers.accept();
    peer.expect_request("GET / HTTP/1.1");
    peer.answer(200, "direct");
    assert_eq!(call.finish(), "direct");
}
