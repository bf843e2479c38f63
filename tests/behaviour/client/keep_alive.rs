//! T10: the effect of `Keep-Alive` on the idle time of a connection.

use std::time::{Duration, Instant};

use hangup::{Client, ResponseExt};

use super::{get, text};
use crate::support::scripted_server::{Peer, Peers, eventually};
use crate::support::{Over, alone, over_each};

over_each![each way:
    t10_keep_alive_shortens_the_stay_in_the_pool,
    t10_keep_alive_never_lengthens_the_stay_in_the_pool,
    t10_keep_alive_max_limits_the_requests_of_a_connection,
    t10_an_invalid_keep_alive_is_ignored,
];

/// Runs an exchange whose response has this header.
fn exchange(client: &Client, peers: &Peers, peer: Option<Peer>, keep_alive: &str) -> Peer {
    let call = get(client, peers.url("/"));
    let is_reused = peer.is_some();
    let mut peer = peer.unwrap_or_else(|| peers.accept());
    peer.expect_request("GET /");
    peer.send(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: {keep_alive}\r\n\r\nok"
    ));
    let response = call.finish();
    assert_eq!(response.as_ref().unwrap().is_connection_reused(), is_reused);
    assert_eq!(text(response), "ok");
    peer
}

fn t10_keep_alive_shortens_the_stay_in_the_pool(over: Over) {
    alone!(waits);
    let peers = over.peers();
    let client = over.client();
    let begun = Instant::now();
    let mut peer = exchange(&client, &peers, None, "timeout=2, max=100");
    peer.expect_end();
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    eventually("it is out of the pool", || client.idle_connections() == 0);
    // The latest answer counts: what the peer said before is over.
    let peer = exchange(&client, &peers, None, "timeout=600");
    let mut peer = exchange(&client, &peers, Some(peer), "Timeout = \"1\"");
    peer.expect_end();
    let mut peer = exchange(&client, &peers, None, "timeout=0");
    assert_eq!(client.idle_connections(), 0);
    peer.expect_end();
}

fn t10_keep_alive_never_lengthens_the_stay_in_the_pool(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().idle_timeout(Duration::from_millis(30)).build();
    let mut peer = exchange(&client, &peers, None, "timeout=600");
    peer.expect_end();
}

fn t10_keep_alive_max_limits_the_requests_of_a_connection(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let mut peer = exchange(&client, &peers, None, "timeout=60, max=0");
    assert_eq!(client.idle_connections(), 0);
    peer.expect_end();
    // A peer that counts, one that says its number once, and one that always says the same.
    for rest in [["max=1", "max=0"], ["timeout=60", ""], ["max=2", "max=2"]] {
        let peer = exchange(&client, &peers, None, "max=2");
        let peer = exchange(&client, &peers, Some(peer), rest[0]);
        assert_eq!(client.idle_connections(), 1, "{rest:?}");
        let mut peer = exchange(&client, &peers, Some(peer), rest[1]);
        assert_eq!(client.idle_connections(), 0, "{rest:?}");
        peer.expect_end();
    }
}

fn t10_an_invalid_keep_alive_is_ignored(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let mut peer = None;
    for odd in ["", "300", "timeout", "timeout=", "max=-1", "timeout=x, max=y", ",,;=,"] {
        peer = Some(exchange(&client, &peers, peer, odd));
        assert_eq!(client.idle_connections(), 1, "{odd:?}");
    }
}
