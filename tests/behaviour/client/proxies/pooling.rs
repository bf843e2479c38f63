//! Connections through proxies are pooled by proxy as well as by origin.

use hangup::client::{Proxy, ProxyFailure};
use hangup::http::{Method, Uri};
use hangup::net::{Dial, DialError, DialOptions, Target};
use hangup::{Client, Context, ErrorKind, ResponseExt};

use super::{ORIGIN, Way, http_proxy};
use crate::client::{get, send, text};
use crate::support::scripted_server::{Peers, eventually};
use crate::support::{Over, alone, over_each};

over_each![c13_a_tunnel_serves_one_origin, c13_bytes_behind_the_connect_are_never_the_response,];

#[test]
fn c13_an_http_url_is_forwarded_in_absolute_form() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().proxy(http_proxy(&peers)).build();
    let mut call = get(&client, "http://user:pass@Origin.test/a?b#c".to_owned());
    let mut peer = peers.accept();
    let one = peer.expect_request("GET http://origin.test/a?b HTTP/1.1");
    assert_eq!(one.field("host"), Some("origin.test"));
    assert!(one.field("authorization").unwrap().starts_with("Basic "));
    peer.answer(200, "one");
    text(call.finish());
    // The connection serves other origins.
    for (url, line, host) in [
        ("http://other.test:8080", "GET http://other.test:8080/ HTTP", "other.test:8080"),
        ("http://other.test:80/", "GET http://other.test/ HTTP", "other.test"),
        ("http://[::1]:99/x", "GET http://[::1]:99/x HTTP", "[::1]:99"),
        ("http://[fe80::1%25lo]/", "GET http://[fe80::1]/ HTTP", "[fe80::1]"),
        ("http://a/\u{e4} [b]", "GET http://a/%C3%A4%20[b] HTTP", "a"),
    ] {
        call = get(&client, url.to_owned());
        let request = peer.expect_request(line);
        assert_eq!(request.field("host"), Some(host));
        peer.answer(200, "");
        assert!(call.finish().unwrap().is_connection_reused(), "{url}");
    }
    // RFC 9112 section 3.2.4.
    let mut asterisk = hangup::http::uri::Parts::default();
    asterisk.scheme = Some("http".parse().unwrap());
    asterisk.authority = Some("a.test".parse().unwrap());
    asterisk.path_and_query = Some("*".parse().unwrap());
    let asterisk = Uri::from_parts(asterisk).unwrap();
    let call = send(&client, move |client| client.request(Method::OPTIONS, asterisk));
    peer.expect_request("OPTIONS http://a.test HTTP");
    peer.answer(200, "");
    text(call.finish());
    peers.expect_no_more();
}

fn c13_a_tunnel_serves_one_origin(over: Over) {
    alone!();
    let peers = Peers::new();
    let client = over.client_builder().proxy(http_proxy(&peers).tunnel_all(true)).build();
    let mut origins = Vec::new();
    for host in ["host.test:1", "localhost:1", "host.test:2"] {
        let call = get(&client, over.url(host, "/"));
        let mut proxy = peers.accept_plain();
        let request = proxy.expect_request(&format!("CONNECT {host} HTTP/1.1"));
        assert_eq!(request.field("host"), Some(host));
        proxy.send("HTTP/1.1 200 OK\r\n\r\n");
        let mut origin = proxy.carrying(over);
        origin.expect_request("GET / HTTP/1.1");
        origin.answer(200, host);
        assert_eq!(text(call.finish()), host);
        origins.push((host, origin));
    }
    for (host, origin) in &mut origins {
        let call = get(&client, over.url(&host, "/again"));
        origin.expect_request("GET /again HTTP/1.1");
        origin.answer(200, "");
        text(call.finish());
    }
    peers.expect_no_more();
    assert_eq!(client.idle_connections(), 3);
}

fn c13_bytes_behind_the_connect_are_never_the_response(over: Over) {
    alone!();
    let forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    let length = format!("Content-Length: {}\r\n", forged.len());
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (fields, body, text) in [
        (&*length, forged, "200 OK to CONNECT host.test:80 declares a body"),
        (&*length, "", "200 OK to CONNECT host.test:80 declares a body"),
        (chunked, forged, "200 OK to CONNECT host.test:80 declares a body"),
        ("", forged, "44 bytes in the tunnel before the first request"),
    ] {
        let peers = Peers::new();
        let client = over.client_builder().proxy(http_proxy(&peers).tunnel_all(true)).build();
        let call = get(&client, over.url(ORIGIN, "/"));
        let mut proxy = peers.accept_plain();
        proxy.expect_request("CONNECT host.test:");
        proxy.send(format!("HTTP/1.1 200 OK\r\n{fields}\r\n{body}"));
        if over.is_encrypted() {
            // The fields mean nothing, and the bytes reach the TLS session, to which they are no TLS.
            proxy.send(forged);
            let error = call.finish().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TlsHandshake, "{error}");
            continue;
        }
        let error = call.finish().unwrap_err();
        assert_eq!(error.proxy_failure(), Some(ProxyFailure::Tunnel), "{error}");
        assert_eq!(error.to_string(), format!("proxy {}: {text}", peers.addr()));
        assert_eq!(proxy.expect_closed(), b"", "no request was sent");
        assert_eq!(client.idle_connections(), 0);
    }
}

#[test]
fn c13_bytes_behind_the_socks_reply_are_never_the_response() {
    alone!();
    let peers = Peers::new();
    let socks = Proxy::new(format!("socks5h://{}", peers.addr())).unwrap();
    let client = Client::builder().proxy(socks).build();
    let call = get(&client, "http://host.test/".to_owned());
    let mut proxy = peers.accept();
    assert_eq!(proxy.read_body(3), b"\x05\x01\x00");
    proxy.send(b"\x05\x00");
    assert_eq!(proxy.read_body(16), b"\x05\x01\x00\x03\x09host.test\x00\x50");
    let reply =
        [b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50", &b"HTTP/1.1 204 \r\n\r\n"[..]].concat();
    proxy.send(reply);
    let error = call.finish().unwrap_err();
    assert_eq!(error.proxy_failure(), Some(ProxyFailure::Socks), "{error}");
    assert_eq!(proxy.expect_closed(), b"", "no request was sent");
}

#[test]
fn c13_another_proxy_or_other_credentials_are_another_connection() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let mut connections = Vec::new();
    for proxy in [
        http_proxy(&peers),
        http_proxy(&peers).basic_auth("one", ""),
        http_proxy(&peers).basic_auth("two", ""),
        http_proxy(&peers).tunnel_all(true),
    ] {
        let call = send(&client, move |client| client.get("http://host.test/").proxy(proxy));
        let mut peer = peers.accept();
        let connect = peer.expect_head("");
        if connect.starts_with("CONNECT") {
            peer.send("HTTP/1.1 200 OK\r\n\r\n");
            peer.expect_request("GET / ");
        }
        peer.answer(200, "");
        text(call.finish());
        connections.push(peer);
    }
    assert_eq!(client.idle_connections(), 4);
    // Equal proxies share them, however they were made.
    let same = Proxy::new(format!("one:@{}", peers.addr())).unwrap();
    let call = send(&client, move |client| client.get("http://other.test/").proxy(same));
    connections[1].expect_request("GET http://other.test/ ");
    connections[1].answer(200, "");
    text(call.finish());
    peers.expect_no_more();
}

#[test]
fn c13_the_limit_of_connections_counts_the_proxy_of_forwarded_requests() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().proxy(http_proxy(&peers)).max_connections_per_host(1).build();
    let first = get(&client, "http://one.test/".to_owned());
    let mut peer = peers.accept();
    peer.expect_request("GET http://one.test/");
    let second = get(&client, "http://two.test/".to_owned());
    eventually("it waits", || client.waiting_calls() == 1);
    peer.answer(200, "one");
    assert_eq!(text(first.finish()), "one");
    peer.expect_request("GET http://two.test/");
    peer.answer(200, "two");
    assert_eq!(text(second.finish()), "two");
    peers.expect_no_more();
}

#[cfg(unix)] // The crate has no Unix sockets on Windows.
#[test]
fn c13_a_unix_socket_takes_no_proxy() {
    alone!();
    let peers = Peers::on_unix_socket();
    let client = Client::builder()
        .unix_socket(peers.path())
        .proxy(Proxy::new("http://proxy.invalid").unwrap())
        .build();
    let call = get(&client, "http://host.test/".to_owned());
    let mut peer = peers.accept();
    peer.expect_request("GET / HTTP/1.1");
    peer.answer(200, "ok");
    let response = call.finish().unwrap();
    assert!(response.proxy().is_none());
}

#[test]
fn c13_a_dialer_dials_the_proxy() {
    alone!();
    let peers = Peers::new();
    let addr = peers.addr();
    let dialer = move |target: &Target, context: &Context| {
        assert_eq!(*target, Target::host("proxy.test", 3128));
        DialOptions::new().dial(&Target::host(addr.ip().to_string(), addr.port()), context)
    };
    let proxy = || Proxy::new("http://proxy.test:3128").unwrap();
    let client = Client::builder().dialer(dialer).proxy(proxy().tunnel_all(true)).build();
    let call = get(&client, "http://host.test/".to_owned());
    let mut peer = peers.accept();
    peer.expect_request("CONNECT host.test:80");
    peer.send("HTTP/1.1 200 OK\r\n\r\n");
    peer.expect_request("GET / HTTP/1.1");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");

    let failing = |_: &Target, _: &Context| Err(DialError::other("no"));
    let client = Client::builder().dialer(failing).proxy(proxy()).build();
    let error = get(&client, "http://host.test/".to_owned()).finish().unwrap_err();
    assert_eq!(
        (error.kind(), &*error.to_string()),
        (ErrorKind::Proxy, "proxy proxy.test:3128: no")
    );
}

#[test]
fn c13_a_panic_in_a_dialer_of_a_proxy_is_an_error() {
    alone!();
    let dialer = |_: &Target, _: &Context| panic!("dialer");
    let client =
        Client::builder().dialer(dialer).proxy(Proxy::new("http://proxy.test").unwrap()).build();
    get(&client, Way::Forward.url("/")).finish().unwrap_err();
    assert_eq!(client.waiting_calls(), 0);
}
