//! C18: the events of a call.

use std::sync::{Arc, Mutex};

use hangup::Client;
use hangup::client::{CallEvent, CallId, Proxy};

use super::{send, text};
use crate::support::{Over, alone, over_each};

over_each![each way: c18_the_events_of_a_call_come_in_their_order];

type Seen = Arc<Mutex<Vec<(u64, String)>>>;

/// Returns an observer that notes the names of events, and its notes.
fn noting() -> (impl Fn(CallId, &CallEvent<'_>) + Send + Sync + 'static, Seen) {
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    let observer = move |call: CallId, event: &CallEvent<'_>| {
        let text = format!("{event:?}");
        let name = text.split([' ', '{']).next().unwrap().to_owned();
        noted.lock().unwrap().push((call.number(), name));
    };
    (observer, seen)
}

fn take(seen: &Seen) -> Vec<String> {
    std::mem::take(&mut *seen.lock().unwrap()).into_iter().map(|(_, name)| name).collect()
}

fn c18_the_events_of_a_call_come_in_their_order(over: Over) {
    alone!();
    let peers = over.peers();
    let (observer, seen) = noting();
    let client = over.client_builder().observe(observer).build();
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).body("four"));
    let mut peer = peers.accept();
    assert_eq!(peer.expect_request("POST /").body, b"four");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    let tls: &[&str] = if over.is_encrypted() { &["TlsBegun", "TlsDone"] } else { &[] };
    let exchange = ["SentHead", "SentBody", "FirstByte", "ReceivedHead", "BodyDone", "Returned"];
    let expected =
        [&["Begun", "Queued", "Connecting", "Connected"], tls, &["GotConnection"], &exchange];
    assert_eq!(take(&seen), expected.concat());
}

#[test]
fn c18_a_proxys_response_to_connect_is_an_event() {
    alone!();
    let peers = Over::Tcp.peers();
    let (observer, seen) = noting();
    let proxy = Proxy::new(peers.url("")).unwrap().tunnel_all(true);
    let client = Client::builder().proxy(proxy).observe(observer).build();
    let call = send(&client, |client| client.get("http://host.test/"));
    let mut peer = peers.accept();
    peer.expect_request("CONNECT host.test:80");
    peer.answer(200, "");
    peer.expect_request("GET /");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    let connecting = ["Begun", "Queued", "Connecting", "Connected", "ProxyResponded"];
    assert_eq!(take(&seen)[..5], connecting);
}
