//! The failures of proxies have a separate kind.

use std::io;
use std::time::Duration;

use hangup::client::{Proxy, ProxyFailure};
#[cfg(feature = "tls")]
use hangup::tls::{Connector, Roots};
use hangup::{Client, Context, Error, ErrorKind, TimeLimit};

use super::http_proxy;
use crate::client::{get, send, text};
use crate::support::alone;
use crate::support::scripted_server::{BlackHole, Peers};

/// Sends a request through the proxy of `client`, which fails.
fn failure(client: &Client, url: &str) -> Error {
    let error = get(client, url.to_owned()).finish().unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
    error
}

fn tunnelling(peers: &Peers) -> Client {
    Client::builder().proxy(http_proxy(peers).tunnel_all(true)).build()
}

/// Returns the error of a tunnel whose proxy answers `response`, and then closes if `closes`.
fn answered(response: &str, closes: bool) -> Error {
    let peers = Peers::new();
    let client = tunnelling(&peers);
    let call = get(&client, "http://host.test/".to_owned());
    let mut proxy = peers.accept();
    proxy.expect_request("CONNECT host.test:80");
    proxy.send(response);
    if closes {
        proxy.end();
    }
    let error = call.finish().unwrap_err();
    assert_eq!(proxy.expect_closed(), b"", "nothing follows");
    assert_eq!(client.idle_connections(), 0);
    let text = error.to_string();
    let begin = format!("proxy {}: ", peers.addr());
    assert!(text.starts_with(&begin), "{text}");
    assert_eq!(
        (error.kind(), error.proxy_failure()),
        (ErrorKind::Proxy, Some(ProxyFailure::Tunnel))
    );
    assert!(error.is_connect() && !error.is_timeout());
    error
}

#[test]
fn c13_a_refused_tunnel_is_an_error_with_the_status() {
    alone!();
    for (status, reason) in [
        (407, "Proxy Authentication Required"),
        (502, "Bad Gateway"),
        (403, "Forbidden"),
        (302, "Found"),
        (404, "Not Found"),
        (999, "Odd"),
    ] {
        let fields =
            "Location: http://evil.test/\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n";
        let error = answered(&format!("HTTP/1.1 {status} {reason}\r\n{fields}\r\nthe text"), false);
        assert_eq!(error.status_code().unwrap(), status);
        let expected = format!("{status} {reason} to CONNECT host.test:80: \"the text\"");
        assert!(error.to_string().ends_with(&expected), "{error}");
        assert!(error.take_response().is_none());
    }
}

#[test]
fn c13_a_proxy_that_speaks_no_http_or_closes_is_an_error() {
    alone!();
    for (response, text) in [
        ("", "connection closed before the tunnel was open"),
        ("HTTP/1.1 200 OK\r\nX: y", "connection closed before the tunnel was open"),
        ("HTTP/1.1 100 Continue\r\n\r\n", "connection closed before the tunnel was open"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "101 Switching Protocols to CONNECT host"),
        ("SSH-2.0-x\r\n", "invalid response to CONNECT host.test:80"),
        ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "invalid response to CONNECT host.test:80"),
    ] {
        let error = answered(response, true);
        assert_eq!(error.status_code().is_some(), text.starts_with("101"));
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn c13_a_proxy_that_cannot_be_reached_is_an_error() {
    alone!();
    let refusing = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = Proxy::new(format!("http://u:secret@{refusing}")).unwrap();
    for tunnels in [false, true] {
        let client = Client::builder().proxy(proxy.clone().tunnel_all(tunnels)).build();
        let error = failure(&client, "http://host.test/");
        assert_eq!(error.kind(), ErrorKind::Proxy);
        assert_eq!(error.proxy_failure(), Some(ProxyFailure::Connect));
        let begin = format!("proxy {refusing}: cannot connect to {refusing}: ");
        assert!(error.to_string().starts_with(&begin), "{error}");
    }
    let client = Client::builder()
        .resolver(|_: &str, _: u16, _: &Context| Err(io::Error::other("no such name")))
        .proxy(Proxy::new("http://proxy.test:3128").unwrap())
        .build();
    let error = failure(&client, "http://host.test/");
    assert_eq!(error.proxy_failure(), Some(ProxyFailure::Resolve));
    let expected = "proxy proxy.test:3128: cannot resolve proxy.test: no such name";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn c13_each_wait_for_a_proxy_has_a_named_limit() {
    alone!();
    let hole = BlackHole::new();
    let short = Duration::from_millis(50);
    let proxy = Proxy::new(hole.addr.to_string()).unwrap();
    let client = Client::builder().proxy(proxy).connect_timeout(short).build();
    let error = failure(&client, "http://host.test/");
    assert_eq!(error.timed_out(), Some(TimeLimit::Connect));
    let text = error.to_string();
    assert!(text.contains(&format!("proxy {}", hole.addr)), "{text}");

    let peers = Peers::new();
    for proxy in [
        http_proxy(&peers).tunnel_all(true),
        Proxy::new(format!("socks5h://{}", peers.addr())).unwrap(),
    ] {
        let client = Client::builder().proxy(proxy).proxy_timeout(short).build();
        let error = failure(&client, "http://host.test/");
        assert_eq!(error.timed_out(), Some(TimeLimit::Proxy));
        let expected = format!("timed out waiting for the proxy: proxy {}", peers.addr());
        assert_eq!(error.to_string(), expected);
        peers.accept().expect_closed();
    }
}

/// Each byte of the proxy's does not begin the limit anew.
#[test]
fn c13_a_proxy_that_drips_its_response_runs_out_of_time() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder()
        .proxy(http_proxy(&peers).tunnel_all(true))
        .proxy_timeout(Duration::from_millis(200))
        .build();
    let call = get(&client, "http://host.test/".to_owned());
    let mut proxy = peers.accept();
    proxy.expect_request("CONNECT");
    proxy.send("HTTP/1.1 200 OK\r\nX: ");
    while proxy.try_send("x").is_ok() {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    assert_eq!(call.finish().unwrap_err().timed_out(), Some(TimeLimit::Proxy));
}

#[cfg(feature = "tls")]
#[test]
fn c13_an_untrusted_proxy_is_an_error() {
    alone!();
    let peers = Peers::new();
    let way = super::Way::TunnelOverTls(crate::support::Over::Tls);
    // The client's connector trusts the tests' authority, and the proxy's own does not.
    let key = rcgen::KeyPair::generate().unwrap();
    let other = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    let roots = Roots::only_pem(other.pem()).unwrap();
    let connector = Connector::builder().roots(roots).build().unwrap();
    let proxy = way.proxy(&peers).tls(connector);
    let client = way.client_builder(&peers).proxy(proxy).build();
    let call = get(&client, way.url("/"));
    peers.accept_plain().refused_handshake();
    let error = call.finish().unwrap_err();
    assert_eq!(error.proxy_failure(), Some(ProxyFailure::UntrustedCertificate), "{error}");
    let begin = format!("proxy {}: certificate not trusted: ", peers.addr());
    assert!(error.to_string().starts_with(&begin), "{error}");

    // A proxy that speaks no TLS.
    let client = way.client(&peers);
    let call = get(&client, way.url("/"));
    let mut proxy = peers.accept_plain();
    proxy.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    let error = call.finish().unwrap_err();
    assert_eq!(error.proxy_failure(), Some(ProxyFailure::TlsHandshake), "{error}");

    // The origin's failure is not the proxy's.
    let call = send(&client, move |client| client.get("https://untrusted.test/"));
    let mut proxy = way.accept_proxied(&peers);
    proxy.expect_request("CONNECT untrusted.test:443");
    proxy.send("HTTP/1.1 200 OK\r\n\r\n");
    proxy.refused_handshake();
    let error = call.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UntrustedCertificate, "{error}");
    assert_eq!(error.proxy_failure(), None);
}

#[test]
fn c13_a_socks_proxy_that_refuses_is_an_error() {
    alone!();
    let peers = Peers::new();
    let proxy = Proxy::new(format!("socks5h://{}", peers.addr())).unwrap();
    let client = Client::builder().proxy(proxy).build();
    for (replies, text) in [
        (
            &b"\x05\x00\x05\x05"[..],
            "SOCKS connection to host.test:80 refused: connection refused by the host",
        ),
        (b"\x05\xff", "SOCKS proxy demands authentication"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not a SOCKS proxy: it sent \"HTTP/1.1 400 Bad\""),
        (b"\x05\x00", "connection closed before the tunnel was open"),
    ] {
        let call = get(&client, "http://host.test/".to_owned());
        let mut proxy = peers.accept();
        proxy.send(replies);
        proxy.end();
        let error = call.finish().unwrap_err();
        assert_eq!(error.proxy_failure(), Some(ProxyFailure::Socks));
        assert_eq!(error.to_string(), format!("proxy {}: {text}", peers.addr()));
        proxy.expect_closed();
    }
    // A name that the proxy cannot be sent.
    let long = format!("http://{}.test/", vec!["x".repeat(60); 5].join("."));
    let call = get(&client, long);
    let proxy = peers.accept();
    let error = call.finish().unwrap_err();
    assert!(error.to_string().contains("SOCKS host name of 309 bytes exceeds"), "{error}");
    drop(proxy);
}

/// `socks5` resolves by the client's resolver, whose failure is not the proxy's.
#[test]
fn c13_socks5_resolves_here_and_socks5h_there() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder()
        .resolver(|host: &str, port: u16, _: &Context| match host {
            "host.test" => Ok(vec![([192, 0, 2, 7], port).into()]),
            other => Err(io::Error::other(format!("asked for {other}"))),
        })
        .proxy(Proxy::new(format!("socks5://{}", peers.addr())).unwrap())
        .build();
    let call = get(&client, "http://host.test:81/".to_owned());
    let mut proxy = peers.accept();
    assert_eq!(proxy.read_body(3), b"\x05\x01\x00");
    proxy.send(b"\x05\x00");
    assert_eq!(proxy.read_body(10), b"\x05\x01\x00\x01\xc0\x00\x02\x07\x00\x51");
    proxy.send(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00");
    proxy.expect_request("GET / HTTP/1.1");
    proxy.answer(200, "here");
    assert_eq!(text(call.finish()), "here");

    let call = get(&client, "http://unknown.test/".to_owned());
    let error = call.finish().unwrap_err();
    assert_eq!((error.kind(), error.proxy_failure()), (ErrorKind::Resolve, None));
    assert_eq!(error.to_string(), "cannot resolve unknown.test: asked for unknown.test");

    let proxy = Proxy::new(format!("socks5h://{}", peers.addr())).unwrap();
    let call = send(&client, |client| client.get("http://unknown.test/").proxy(proxy));
    let mut proxy = peers.accept();
    assert_eq!(proxy.read_body(3), b"\x05\x01\x00");
    proxy.send(b"\x05\x00");
    assert_eq!(proxy.read_body(18), b"\x05\x01\x00\x03\x0cunknown.test\x00");
    drop(proxy);
    call.finish().unwrap_err();
}

/// A name may have addresses that the proxy cannot reach, such as IPv6 ones.
#[test]
fn c13_socks5_tries_each_address_of_a_name() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder()
        .resolver(|_: &str, port: u16, _: &Context| {
            Ok(vec![
                ("2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap(), port).into(),
                ([192, 0, 2, 7], port).into(),
            ])
        })
        .proxy(Proxy::new(format!("socks5://{}", peers.addr())).unwrap())
        .build();
    let refused = |code: u8, length: usize| {
        let mut proxy = peers.accept();
        assert_eq!(proxy.read_body(3), b"\x05\x01\x00");
        proxy.send(b"\x05\x00");
        proxy.read_body(length);
        proxy.send([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
        proxy
    };
    let call = get(&client, "http://host.test/".to_owned());
    refused(4, 22).expect_closed();
    let mut origin = refused(0, 10);
    origin.expect_request("GET / HTTP/1.1");
    origin.answer(200, "the second");
    assert_eq!(text(call.finish()), "the second");
    drop(origin);

    // The last one fails as well, or the refusal does not concern the address.
    let call = get(&client, "http://other.test/".to_owned());
    refused(3, 22).expect_closed();
    refused(5, 10).expect_closed();
    let error = call.finish().unwrap_err().to_string();
    assert!(error.ends_with("to 192.0.2.7:80 refused: connection refused by the host"), "{error}");
    let call = get(&client, "http://other.test/".to_owned());
    refused(2, 22).expect_closed();
    call.finish().unwrap_err();
    peers.expect_no_more();
}
