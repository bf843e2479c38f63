//! C20: a connection that its owner manages.

use std::io::Read;
use std::time::Duration;

use hangup::client::{Connection, RedirectPolicy};
use hangup::http::Request;
use hangup::{Client, Context, ErrorKind, ResponseExt, Result};

use super::{Response, get, text};
use crate::support::scripted_server::{
    Background, BlackHole, Peer, Peers, eventually, in_background,
};
use crate::support::{Over, alone, over_each};

over_each![each way:
    c20_a_connection_makes_round_trips_and_shows_its_state,
    c20_a_second_request_needs_the_end_of_the_first_response,
    c20_a_connection_is_given_back_to_the_pool,
    c20_a_connection_that_is_given_back_early_is_idle_after_its_response,
    c20_an_idle_connection_that_is_given_back_is_closed_in_time,
    c20_a_dropped_connection_is_closed,
    c20_a_dropped_connection_leaves_its_response_readable,
    c20_close_ends_a_response_too,
    c20_the_end_of_the_servers_stream_is_noticed,
    c20_a_request_for_another_host_is_refused,
    c20_redirects_are_not_followed,
    c20_it_does_not_count_at_the_limit_until_it_is_given_back,
    c20_the_context_ends_connecting,
];

fn connect(peers: &Peers, client: &Client) -> (Connection, Peer) {
    let (client, url) = (client.clone(), peers.url("/base"));
    let connecting = in_background(move || client.connect(url));
    let peer = peers.accept();
    (connecting.finish().expect("a connection"), peer)
}

/// Sends a GET on another thread, and returns the connection as well.
fn send(
    connection: Connection,
    path: impl Into<String>,
) -> Background<(Connection, Result<Response>)> {
    let path = path.into();
    in_background(move || {
        let request = Request::get(path).body(hangup::Body::empty()).unwrap();
        let response = connection.send(request);
        (connection, response)
    })
}

fn exchange(connection: Connection, peer: &mut Peer, path: &str) -> Connection {
    let call = send(connection, path);
    peer.expect_request(&format!("GET {path} "));
    peer.answer(200, "ok");
    let (connection, response) = call.finish();
    assert_eq!(text(response), "ok");
    connection
}

fn c20_a_connection_makes_round_trips_and_shows_its_state(over: Over) {
    alone!();
    let (peers, client) = (over.peers(), over.client());
    let (mut connection, mut peer) = connect(&peers, &client);
    assert_eq!(connection.remote_addr().ip(), Some(peers.addr()));
    assert_eq!(connection.tls().is_some(), over.is_encrypted());
    assert!(connection.is_open() && connection.is_idle());
    assert_eq!(connection.requests(), 0);
    for number in 1..4 {
        connection = exchange(connection, &mut peer, "/x?y=1");
        assert_eq!(connection.requests(), number);
        assert!(connection.is_open() && connection.is_idle());
        assert!(connection.idle_for().is_some());
    }
    let whole = peers.url("/whole");
    let call = send(connection, whole);
    assert!(peer.expect_request("GET /whole ").has("user-agent", concat!("hangup/", "0.1.0")));
    peer.answer(404, "no");
    let (connection, response) = call.finish();
    assert_eq!(text(response), "no");
    assert_eq!((client.idle_connections(), client.waiting_calls()), (0, 0));
    drop(connection);
    peers.expect_no_more();
}

fn c20_a_second_request_needs_the_end_of_the_first_response(over: Over) {
    alone!();
    let (peers, client) = (over.peers(), over.client());
    let (connection, mut peer) = connect(&peers, &client);
    let call = send(connection, "/first");
    peer.expect_request("GET /first");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfo");
    let (connection, response) = call.finish();
    let error = connection.send(Request::get("/second").body("").unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    assert!(connection.is_open() && !connection.is_idle() && connection.idle_for().is_none());
    peer.send("ur");
    assert_eq!(text(response), "four");
    exchange(connection, &mut peer, "/second");
}

fn c20_a_connection_is_given_back_to_the_pool(over: Over) {
    alone!();
    let (peers, client) = (over.peers(), over.client());
    for used in [false, true] {
        let (mut connection, mut peer) = connect(&peers, &client);
        if used {
            connection = exchange(connection, &mut peer, "/by-hand");
        }
        connection.give_back();
        assert_eq!(client.idle_connections(), 1);
        let call = get(&client, peers.url("/by-pool"));
        peer.expect_request("GET /by-pool");
        peer.answer(200, "ok");
        let response = call.finish();
        assert_eq!(response.as_ref().unwrap().is_connection_reused(), used);
        assert_eq!(text(response), "ok");
        client.close_idle_connections();
        peer.expect_closed();
    }
}

fn c20_a_connection_that_is_given_back_early_is_idle_after_its_response(over: Over) {
    alone!();
    let (peers, client) = (over.peers(), over.client());
    let (connection, mut peer) = connect(&peers, &client);
    let call = send(connection, "/");
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfo");
    let (connection, response) = call.finish();
    connection.give_back();
    assert_eq!(client.idle_connections(), 0);
    peer.send("ur");
    assert_eq!(text(response), "four");
    assert_eq!(client.idle_connections(), 1);
}

fn c20_an_idle_connection_that_is_given_back_is_closed_in_time(over: Over) {
    alone!(waits);
    let peers = over.peers();
    let client = over.client_builder().idle_timeout(Duration::from_millis(100)).build();
    for used in [false, true] {
        let (mut connection, mut peer) = connect(&peers, &client);
        if used {
            connection = exchange(connection, &mut peer, "/");
        }
        // The limit of the pool does not hold yet.
        eventually("the connection is idle for longer than the limit", || {
            connection.idle_for() > Some(Duration::from_millis(200))
        });
        assert!(connection.is_open());
        connection.give_back();
        assert_eq!(peer.expect_closed(), b"");
        // Over TLS its end is sent before the pool has dropped it.
        eventually("the pool is empty", || client.idle_connections() == 0);
    }
}

fn c20_a_dropped_connection_is_closed(over: Over) {
    alone!();
    let (peers, client) = (over.peers(), over.client());
    for used in [false, true] {
        let (mut connection, mut peer) = connect(&peers, &client);
        if used {
            connection = exchange(connection, &mut peer, "/");
        }
        drop(connection);
        assert_eq!(peer.expect_closed(), b"");
        assert_eq!(client.idle_connections(), 0);
    }
}

fn c20_a_dropped_connection_leaves_its_response_readable(over: Over) {
    alone!();
    let (peers, client) = (over.peers(), over.client());
    let (connection, mut peer) = connect(&peers, &client);
    let call = send(connection, "/");
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfo");
    let (connection, response) = call.finish();
    drop(connection);
    peer.send("ur");
    assert_eq!(text(response), "four");
    assert_eq!(peer.expect_closed(), b"");
    assert_eq!(client.idle_connections(), 0);
}

fn c20_close_ends_a_response_too(over: Over) {
    alone!();
    let (peers, client) = (over.peers(), over.client());
    let (connection, mut peer) = connect(&peers, &client);
    let call = send(connection, "/");
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfo");
    let (connection, response) = call.finish();
    connection.close();
    let error = response.unwrap().body_mut().read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(hangup::Error::from(error).kind(), ErrorKind::Closed);
    peer.expect_closed();
}

fn c20_the_end_of_the_servers_stream_is_noticed(over: Over) {
    alone!();
    let (peers, client) = (over.peers(), over.client());
    for used in [false, true] {
        let (mut connection, mut peer) = connect(&peers, &client);
        if used {
            connection = exchange(connection, &mut peer, "/");
        }
        drop(peer);
        eventually("it sees the end", || !connection.is_open());
        assert!((0..1000).all(|_| !connection.is_open()), "it is not open again");
        let error = connection.send(Request::get("/").body("").unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Send, "{error}");
        assert!(error.to_string().contains("the connection is closed"), "{error}");
        connection.give_back();
        assert_eq!(client.idle_connections(), 0);
    }
}

fn c20_a_request_for_another_host_is_refused(over: Over) {
    alone!();
    let (peers, client) = (over.peers(), over.client());
    let (connection, mut peer) = connect(&peers, &client);
    for other in ["http://other.test/", "http://127.0.0.1:1/", "ftp://127.0.0.1/"] {
        let error = connection.send(Request::get(other).body("").unwrap()).unwrap_err();
        assert!(error.is_caller_fault(), "{error}");
    }
    let connection = exchange(connection, &mut peer, "/still");
    assert_eq!(connection.requests(), 1);
}

fn c20_redirects_are_not_followed(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().redirects(RedirectPolicy::limited(5)).build();
    let (connection, mut peer) = connect(&peers, &client);
    let call = send(connection, "/");
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n");
    let (connection, response) = call.finish();
    assert_eq!(response.unwrap().status(), 302);
    assert!(connection.is_idle());
}

fn c20_it_does_not_count_at_the_limit_until_it_is_given_back(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().max_connections_per_host(1).build();
    let (first, mut first_peer) = connect(&peers, &client);
    let (second, mut second_peer) = connect(&peers, &client);
    first.give_back();
    second.give_back();
    assert_eq!(client.idle_connections(), 1);
    assert_eq!(second_peer.expect_closed(), b"");
    client.close_idle_connections();
    first_peer.expect_closed();
    // Its place is free.
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

fn c20_the_context_ends_connecting(over: Over) {
    alone!();
    let hole = BlackHole::new();
    let (client, context) = (over.client(), Context::new());
    let (url, of_call) = (over.url(hole.addr, "/"), context.clone());
    let connecting = in_background(move || client.get(url).context(&of_call).connect());
    assert!(connecting.is_running());
    context.cancel();
    assert!(connecting.finish().unwrap_err().is_cancelled());
    let client = over.client_builder().connect_timeout(Duration::from_millis(50)).build();
    let error = client.connect(over.url(hole.addr, "/")).unwrap_err();
    assert!(error.is_timeout() && error.is_connect(), "{error}");
}
