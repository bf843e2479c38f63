//! Credentials for a proxy go to the proxy alone.

use hangup::Client;
use hangup::client::{Proxy, ProxyPolicy};

use super::{ORIGIN, Way, http_proxy};
use crate::client::{get, send, text};
use crate::support::scripted_server::Peers;
use crate::support::{Over, alone, over_each};

over_each![c13_a_tunnel_has_the_credentials_in_its_connect_alone];

/// `u:p`, as Basic credentials.
const BASIC: &str = "Basic dTpw";

fn proxy(peers: &Peers) -> Proxy {
    http_proxy(peers).basic_auth("u", "p")
}

fn c13_a_tunnel_has_the_credentials_in_its_connect_alone(over: Over) {
    alone!();
    let peers = Peers::new();
    let way = Way::Tunnel(over);
    let client = way.client_builder(&peers).proxy(proxy(&peers).tunnel_all(true)).build();
    // One that the caller sets overrides that of the proxy.
    let mut tunnels = Vec::new();
    for (own, expected) in [(None, BASIC), (Some("Token own"), "Token own")] {
        let url = way.url("/");
        let call = send(&client, move |client| {
            let request = client.get(url).header("authorization", "for the origin");
            match own {
                Some(value) => request.header("proxy-authorization", value),
                None => request,
            }
        });
        let mut peer = peers.accept_plain();
        let connect = peer.expect_request("CONNECT host.test:");
        assert_eq!(connect.field("proxy-authorization"), Some(expected));
        assert_eq!(connect.field("authorization"), None);
        peer.send("HTTP/1.1 200 OK\r\n\r\n");
        let mut origin = peer.carrying(over);
        let request = origin.expect_request("GET / HTTP/1.1");
        assert_eq!(request.field("proxy-authorization"), None);
        assert_eq!(request.field("authorization"), Some("for the origin"));
        origin.answer(200, "ok");
        assert_eq!(text(call.finish()), "ok");
        tunnels.push(origin);
    }
    assert_eq!(client.idle_connections(), 2, "each has its tunnel");
}

#[test]
fn c13_a_forwarded_request_has_the_credentials() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().proxy(proxy(&peers)).build();
    let call = get(&client, Way::Forward.url("/one"));
    let mut peer = peers.accept();
    let request = peer.expect_request("GET http://host.test/one");
    assert_eq!(request.field("proxy-authorization"), Some(BASIC));
    peer.answer(407, "who are you");
    assert_eq!(call.finish().unwrap().status(), 407, "it is the response");

    let call = send(&client, |client| {
        client.get(Way::Forward.url("/two")).header("proxy-authorization", "Token own")
    });
    let request = peer.expect_request("GET http://host.test/two");
    assert_eq!(request.field("proxy-authorization"), Some("Token own"));
    assert_eq!(request.head.matches("uthorization").count(), 1, "{}", request.head);
    peer.answer(200, "");
    text(call.finish());
}

#[test]
fn c13_an_origin_never_gets_the_credentials_of_a_proxy() {
    alone!();
    let peers = Peers::new();
    for client in [
        Client::builder().proxy(ProxyPolicy::none()).build(),
        Client::builder().proxy(ProxyPolicy::all(proxy(&peers)).with_no_proxy("127.0.0.1")).build(),
        Client::builder()
            .proxy(ProxyPolicy::none())
            .default_header("proxy-authorization", "default")
            .build(),
    ] {
        let url = peers.url("/");
        let call =
            send(&client, |client| client.get(url).header("proxy-authorization", "Token own"));
        let mut peer = peers.accept();
        let request = peer.expect_request("GET / HTTP/1.1");
        assert_eq!(request.field("proxy-authorization"), None);
        peer.answer(200, "");
        text(call.finish());
    }
}

/// A CONNECT by hand goes to a proxy.
#[test]
fn c13_a_connect_by_hand_keeps_its_credentials() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().proxy(ProxyPolicy::none()).build();
    let url = peers.url("/");
    let call = send(&client, |client| {
        client
            .request(hangup::http::Method::CONNECT, url)
            .header("host", "far.test:1")
            .header("proxy-authorization", "Token own")
    });
    let mut peer = peers.accept();
    let request = peer.expect_head("CONNECT 127.0.0.1:");
    assert!(request.contains("Proxy-Authorization: Token own"), "{request}");
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    call.finish().unwrap();
}

#[test]
fn c13_a_redirect_takes_the_proxy_of_its_url() {
    alone!();
    let (peers, other) = (Peers::new(), Peers::new());
    let (first, second) = (proxy(&peers), http_proxy(&other));
    let policy = ProxyPolicy::custom(move |url| match url.host() {
        Some(ORIGIN) => Some(first.clone()),
        _ => Some(second.clone()),
    });
    let client = Client::builder().proxy(policy.with_no_proxy("127.0.0.1")).build();
    let direct = Peers::new();
    let call = get(&client, "http://host.test/".to_owned());
    let mut peer = peers.accept();
    let request = peer.expect_request("GET http://host.test/ ");
    assert_eq!(request.field("proxy-authorization"), Some(BASIC));
    peer.send("HTTP/1.1 302 Found\r\nLocation: http://other.test/x\r\nContent-Length: 0\r\n\r\n");
    let mut peer = other.accept();
    let request = peer.expect_request("GET http://other.test/x ");
    assert_eq!(request.field("proxy-authorization"), None);
    let location = direct.url("/y");
    peer.send(format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"));
    let mut peer = direct.accept();
    peer.expect_request("GET /y HTTP/1.1");
    peer.answer(200, "there");
    assert_eq!(text(call.finish()), "there");
}
