//! A policy decides once for each hop.

use hangup::client::{Proxy, ProxyPolicy};
use hangup::{Client, ErrorKind};

use super::http_proxy;
use crate::client::{get, send, text};
use crate::support::alone;
use crate::support::scripted_server::Peers;

#[test]
fn c13_a_call_may_have_another_policy() {
    alone!();
    let (peers, proxies, others) = (Peers::new(), Peers::new(), Peers::new());
    let client = Client::builder().proxy(http_proxy(&proxies)).build();
    let url = peers.url("/");
    let call = send(&client, |client| client.get(url).proxy(ProxyPolicy::none()));
    let mut peer = peers.accept();
    peer.expect_request("GET / HTTP/1.1");
    peer.answer(200, "direct");
    assert_eq!(text(call.finish()), "direct");
    let other = http_proxy(&others);
    let call = send(&client, |client| client.get("http://host.test/").proxy(other));
    let mut peer = others.accept();
    peer.expect_request("GET http://host.test/ HTTP/1.1");
    peer.answer(200, "other");
    assert_eq!(text(call.finish()), "other");
    let call = get(&client, "http://host.test/".to_owned());
    let mut peer = proxies.accept();
    peer.expect_request("GET http://host.test/ HTTP/1.1");
    peer.answer(200, "usual");
    assert_eq!(text(call.finish()), "usual");
}

#[test]
fn c13_a_panic_of_a_policy_passes_through_send() {
    alone!();
    let client = Client::builder().proxy(ProxyPolicy::custom(|_| panic!("the policy"))).build();
    let call = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        client.get("http://host.test/").send()
    }));
    assert!(call.is_err());
    let url = Peers::new().url("/");
    let error = client.get(url).proxy(ProxyPolicy::none()).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
}

#[test]
fn c13_a_policy_is_a_value_that_threads_share() {
    fn shared<T: Clone + Send + Sync + std::fmt::Debug>() {}
    shared::<Proxy>();
    shared::<ProxyPolicy>();
    let policy = ProxyPolicy::all(Proxy::new("u:secret@p").unwrap()).with_no_proxy("a");
    assert_eq!(format!("{policy:?}"), "ProxyPolicy::all(Proxy(http://p:1080)).with_no_proxy(..)");
    assert!(format!("{:?}", ProxyPolicy::custom(|_| None)).contains("custom"));
}
