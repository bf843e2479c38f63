//! C14: the environment names the proxies of a client that sets none.

use hangup::client::ProxyPolicy;
use hangup::{Client, Context, ErrorKind, ResponseExt};

use crate::client::{get, send, text};
use crate::support::alone;
use crate::support::scripted_server::Peers;

/// Returns a client that resolves every name to `peers`, the proxies of the environment included.
fn client(peers: &Peers) -> Client {
    let addr = peers.addr();
    Client::builder().resolver(move |_: &str, _: u16, _: &Context| Ok(vec![addr])).build()
}

#[test]
fn c14_a_client_takes_the_proxies_of_the_environment() {
    alone!(env: [
        ("http_proxy", "http://u:p@proxy.test:3128"),
        ("HTTPS_PROXY", "tunnel.test"),
        ("NO_PROXY", "direct.test, 10.0.0.0/8"),
    ]);
    let peers = Peers::new();
    let client = client(&peers);
    let call = get(&client, "http://host.test/".to_owned());
    let mut proxy = peers.accept();
    let request = proxy.expect_request("GET http://host.test/ HTTP/1.1");
    assert_eq!(request.field("proxy-authorization"), Some("Basic dTpw"));
    proxy.answer(200, "forwarded");
    let response = call.finish();
    let shown = response.as_ref().unwrap().proxy().unwrap().to_string();
    assert_eq!(shown, "http://proxy.test:3128");
    assert_eq!(text(response), "forwarded");

    let call = get(&client, "http://direct.test/".to_owned());
    let mut origin = peers.accept();
    let request = origin.expect_request("GET / HTTP/1.1");
    assert_eq!(request.field("proxy-authorization"), None);
    origin.answer(200, "direct");
    assert_eq!(text(call.finish()), "direct");

    // Loopback addresses are not special.
    let call = get(&client, "http://127.0.0.1:1/".to_owned());
    proxy.expect_request("GET http://127.0.0.1:1/ HTTP/1.1");
    proxy.answer(200, "");
    text(call.finish());

    let call = send(&client, |client| client.get("http://host.test/").proxy(ProxyPolicy::none()));
    let mut origin = peers.accept();
    origin.expect_request("GET / HTTP/1.1");
    origin.answer(200, "");
    assert!(call.finish().unwrap().proxy().is_none());
}

#[cfg(feature = "tls")]
#[test]
fn c14_an_https_url_takes_a_tunnel_through_the_proxy_of_the_environment() {
    alone!(env: [("http_proxy", "proxy.test"), ("HTTPS_PROXY", "u:secret@tunnel.test")]);
    let peers = Peers::new();
    let client = client(&peers);
    let call = get(&client, "https://host.test/".to_owned());
    let mut proxy = peers.accept();
    let request = proxy.expect_request("CONNECT host.test:443 HTTP/1.1");
    assert!(request.field("proxy-authorization").is_some());
    proxy.answer(403, "no");
    let error = call.finish().unwrap_err();
    let text = "proxy tunnel.test:1080: 403 Said to CONNECT host.test:443";
    assert_eq!(error.to_string(), text);
}

#[test]
fn c14_an_invalid_variable_is_an_error_of_each_call_that_uses_it() {
    alone!(env: [("all_proxy", "ftp://u:secret@proxy.test"), ("no_proxy", "direct.test")]);
    let peers = Peers::new();
    let client = client(&peers);
    let error = get(&client, "http://host.test/".to_owned()).finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedScheme);
    let text = "unsupported URL scheme: \"ftp\" in \"ftp://***@proxy.test\" \
                in the environment variable all_proxy";
    assert_eq!(error.to_string(), text);
    peers.expect_no_more();
    let call = get(&client, "http://direct.test/".to_owned());
    let mut origin = peers.accept();
    origin.expect_request("GET / HTTP/1.1");
    origin.answer(200, "");
    call.finish().unwrap();
}

#[test]
fn c14_a_client_without_proxies_ignores_the_environment() {
    alone!(env: [("all_proxy", "proxy.test"), ("HTTP_PROXY", "proxy.test")]);
    let peers = Peers::new();
    let addr = peers.addr();
    let client = Client::builder()
        .proxy(ProxyPolicy::none())
        .resolver(move |host: &str, _: u16, _: &Context| {
            assert_eq!(host, "host.test");
            Ok(vec![addr])
        })
        .build();
    let call = get(&client, "http://host.test/".to_owned());
    let mut origin = peers.accept();
    origin.expect_request("GET / HTTP/1.1");
    origin.answer(200, "");
    call.finish().unwrap();
}

#[cfg(not(windows))] // The names of its variables have no case.
#[test]
fn c14_http_proxy_in_upper_case_is_ignored() {
    alone!(env: [("HTTP_PROXY", "proxy.test")]);
    connects_directly();
}

#[cfg(windows)]
#[test]
fn c14_http_proxy_is_ignored_in_a_cgi_program() {
    alone!(env: [("HTTP_PROXY", "proxy.test"), ("REQUEST_METHOD", "GET")]);
    connects_directly();
}

#[track_caller]
fn connects_directly() {
    let peers = Peers::new();
    let client = client(&peers);
    let call = get(&client, "http://host.test/".to_owned());
    let mut origin = peers.accept();
    origin.expect_request("GET / HTTP/1.1");
    origin.answer(200, "");
    call.finish().unwrap();
}
