//! C18: the events of a call.

use std::sync::Arc;

use hangup::client::{CallEvent, CallId, Observe, Proxy, Retry};
use hangup::net::DialError;
use hangup::{Body, Client, Context};
use parking_lot::Mutex;

use super::{get, send, text};
use crate::support::scripted_server::{Peers, eventually, fed};
use crate::support::{Over, alone, over_each};

over_each![each way:
    c18_the_events_of_a_call_come_in_their_order,
    c18_a_reused_connection_and_a_redirect_are_shown,
    c18_a_streamed_body_and_interim_responses_are_shown,
    c18_heads_are_shown_as_they_are_sent,
    c18_why_a_connection_is_closed_is_shown,
    c18_a_stale_connection_is_shown,
    c18_a_panic_of_an_observer_does_not_touch_the_call,
];

type Seen = Arc<Mutex<Vec<(CallId, String)>>>;

/// Returns an observer that notes the texts of events, and its notes.
fn noting() -> (impl Fn(CallId, &CallEvent<'_>) + Send + Sync + 'static, Seen) {
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    let observer = move |call: CallId, event: &CallEvent<'_>| {
        noted.lock().push((call, format!("{event:?}")));
    };
    (observer, seen)
}

/// Returns the texts so far.
fn texts(seen: &Seen) -> Vec<String> {
    std::mem::take(&mut *seen.lock()).into_iter().map(|(_, text)| text).collect()
}

fn name(text: &str) -> &str {
    text.split([' ', '{']).next().unwrap()
}

/// Returns the names so far.
fn names(seen: &Seen) -> Vec<String> {
    texts(seen).iter().map(|text| name(text).to_owned()).collect()
}

/// The names of an exchange whose response is read to its end.
const EXCHANGE: [&str; 6] =
    ["SentHead", "SentBody", "FirstByte", "ReceivedHead", "BodyDone", "Returned"];

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
    let expected =
        [&["Begun", "Queued", "Connecting", "Connected"], tls, &["GotConnection"], &EXCHANGE];
    let first = seen.lock()[0].0;
    assert!(seen.lock().iter().all(|(call, _)| *call == first));
    assert_eq!(names(&seen), expected.concat());
}

fn c18_a_reused_connection_and_a_redirect_are_shown(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (observer, seen) = noting();
    let url = peers.url("/from");
    let call = send(&client, move |client| client.get(url).observe(observer));
    let mut peer = peers.accept();
    peer.expect_request("GET /from");
    peer.send("HTTP/1.1 302 Found\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n");
    peer.expect_request("GET /to");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    let texts = texts(&seen);
    let at = texts.iter().position(|text| name(text) == "Redirected").expect("a redirect");
    assert!(texts[at].contains("302") && texts[at].contains("/to"), "{}", texts[at]);
    assert!(texts[at + 1].contains("reused: true"), "{}", texts[at + 1]);
    let after: Vec<_> = texts[at + 1..].iter().map(|text| name(text)).collect();
    assert_eq!(after, [&["GotConnection"][..], &EXCHANGE].concat());
    // It was for one call.
    let call = get(&client, peers.url("/next"));
    peer.expect_request("GET /next");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    assert!(seen.lock().is_empty());
}

fn c18_a_streamed_body_and_interim_responses_are_shown(over: Over) {
    alone!();
    let peers = over.peers();
    let (observer, seen) = noting();
    let client = over.client_builder().observe(observer).build();
    let (mut feeder, source) = fed();
    let url = peers.url("/");
    let call = send(&client, move |client| client.put(url).body(Body::from_reader(source)));
    let mut peer = peers.accept();
    feeder.feed("streamed");
    feeder.end();
    assert_eq!(peer.expect_request("PUT /").body, b"streamed");
    eventually("the end is shown", || seen.lock().iter().any(|(_, text)| name(text) == "SentBody"));
    peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    peer.send("3\r\nabc\r\n0\r\n\r\n");
    assert_eq!(text(call.finish()), "abc");
    let texts = texts(&seen);
    let from = texts.iter().position(|text| name(text) == "SentHead").unwrap();
    let expected = [
        "SentHead",
        "SentBody { bytes: 18 }",
        "FirstByte",
        "Informational { status: 103 }",
        "ReceivedHead { status: 200 }",
        "BodyDone { bytes: 3 }",
        "Returned",
    ];
    for (text, expected) in texts[from..].iter().zip(expected) {
        assert!(text.starts_with(expected), "{text} for {expected}");
    }
    assert_eq!(texts.len() - from, expected.len());
}

/// Collects heads as bytes.
#[derive(Default)]
struct Heads(Mutex<Vec<Vec<u8>>>);

impl Observe for Heads {
    fn event(&self, _: CallId, event: &CallEvent<'_>) {
        match event {
            CallEvent::SentHead { head, .. } => self.0.lock().push(head.to_vec()),
            CallEvent::ReceivedHead { head, .. } => {
                self.0.lock().push(head.as_bytes().to_vec());
            }
            _ => {}
        }
    }
}

fn c18_heads_are_shown_as_they_are_sent(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let heads = Arc::new(Heads::default());
    let (url, observer) = (peers.url("/p?q"), Arc::clone(&heads));
    let call = send(&client, move |client| client.get(url).bearer_auth("secret").observe(observer));
    let mut peer = peers.accept();
    let received = peer.expect_request("GET /p?q");
    peer.send("HTTP/1.1 200 Fine\r\nx-ODD:  y \r\nContent-Length: 0\r\n\r\n");
    call.finish().unwrap();
    let heads = heads.0.lock();
    assert_eq!(heads[0], [received.head.as_bytes(), b"\r\n\r\n"].concat());
    assert!(received.has("authorization", "Bearer secret"));
    assert_eq!(heads[1], b"HTTP/1.1 200 Fine\r\nx-ODD:  y \r\nContent-Length: 0\r\n\r\n");
}

fn c18_why_a_connection_is_closed_is_shown(over: Over) {
    alone!();
    let peers = over.peers();
    let (observer, seen) = noting();
    let client = over.client_builder().observe(observer).build();
    let closed = |reason: &str| {
        let texts = texts(&seen);
        let found = texts.iter().any(|text| *text == format!("Closed {{ reason: {reason} }}"));
        assert!(found, "no {reason}: {texts:?}");
    };
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(text(call.finish()), "ok");
    closed("PeerAskedToClose");
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx");
    drop(call.finish().unwrap());
    closed("BodyNotRead");
    let context = Context::new();
    let (url, of_call) = (peers.url("/"), context.clone());
    let call = send(&client, move |client| client.get(url).context(&of_call));
    peers.accept().expect_request("GET /");
    context.cancel();
    assert!(call.finish().is_err());
    let texts = texts(&seen);
    assert!(texts.iter().any(|text| name(text) == "Failed"), "{texts:?}");
}

fn c18_a_stale_connection_is_shown(over: Over) {
    alone!();
    let peers = over.peers();
    let (observer, seen) = noting();
    let client = over.client_builder().observe(observer).build();
    let call = get(&client, peers.url("/first"));
    let mut peer = peers.accept();
    peer.expect_request("GET /first");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    texts(&seen);
    let call = get(&client, peers.url("/second"));
    peer.expect_request("GET /second");
    drop(peer);
    let mut peer = peers.accept();
    peer.expect_request("GET /second");
    peer.answer(200, "again");
    assert_eq!(text(call.finish()), "again");
    let names = names(&seen);
    assert!(names.contains(&"Resent".to_owned()), "{names:?}");
}

fn c18_a_panic_of_an_observer_does_not_touch_the_call(over: Over) {
    alone!();
    let peers = over.peers();
    let (observer, seen) = noting();
    let client = over
        .client_builder()
        .observe(|_: CallId, _: &CallEvent<'_>| panic!("an observer of the test"))
        .observe(observer)
        .max_connections_per_host(1)
        .build();
    let mut peer = None;
    for _ in 0..2 {
        let call = get(&client, peers.url("/"));
        let peer = peer.get_or_insert_with(|| peers.accept());
        peer.expect_request("GET /");
        peer.answer(200, "ok");
        assert_eq!(text(call.finish()), "ok");
    }
    assert_eq!(names(&seen).iter().filter(|name| *name == "Returned").count(), 2);
}

#[test]
fn c18_a_dial_is_shown_with_its_lookup_and_its_failures() {
    alone!();
    let peers = Peers::new();
    let open = peers.addr();
    let closed = Peers::new().addr();
    let (observer, seen) = noting();
    let client = Client::builder()
        .resolver(move |_: &str, _: u16, _: &Context| Ok(vec![closed, open]))
        .observe(observer)
        .build();
    let call = get(&client, "http://two.test/".to_owned());
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    let texts = texts(&seen);
    let expected = [
        "Begun",
        "Queued",
        "Resolving { host: \"two.test\", port: 80 }",
        &format!("Resolved {{ host: \"two.test\", addresses: [{closed}, {open}] }}"),
        &format!("Connecting {{ address: Ip({closed}) }}"),
        &format!("ConnectFailed {{ address: Ip({closed})"),
        &format!("Connecting {{ address: Ip({open}) }}"),
        &format!("Connected {{ address: Ip({open}) }}"),
        "GotConnection { reused: false, idle: None",
    ];
    for (text, expected) in texts.iter().zip(expected) {
        assert!(text.starts_with(expected), "{text} for {expected}");
    }
}

#[test]
fn c18_retries_failures_and_nothing_secret_are_shown() {
    alone!();
    let (observer, seen) = noting();
    let retry = Retry::new(1).backoff(Default::default(), Default::default());
    let client = Client::builder()
        .dialer(|_: &hangup::net::Target, _: &Context| -> Result<_, DialError> {
            Err(DialError::other("closed for the day"))
        })
        .retry(retry)
        .observe(observer)
        .build();
    let request = client.get("http://user:hidden@shop.test/x#y").bearer_auth("hidden");
    request.send().unwrap_err();
    let texts = texts(&seen);
    let names: Vec<_> = texts.iter().map(|text| name(text)).collect();
    assert_eq!(names, ["Begun", "Queued", "Retrying", "Queued", "Failed"]);
    assert!(texts[0].contains("http://shop.test/x"), "{}", texts[0]);
    assert!(texts[2].contains("attempt: 1, wait: 0ns"), "{}", texts[2]);
    assert!(texts[4].contains("closed for the day"), "{}", texts[4]);
    assert!(texts.iter().all(|text| !text.contains("hidden")), "{texts:?}");
}

#[test]
fn c18_calls_have_different_numbers() {
    alone!();
    let (observer, seen) = noting();
    let client = Client::builder().observe(observer).build();
    for _ in 0..2 {
        client.get("http://127.0.0.1:1/").send().unwrap_err();
    }
    let numbers: std::collections::BTreeSet<u64> =
        seen.lock().iter().map(|(call, _)| call.number()).collect();
    assert_eq!(numbers.len(), 2);
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
    assert_eq!(names(&seen)[..5], connecting);
}
