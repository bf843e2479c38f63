//! A graceful shutdown, and idle connections closed for new ones, lose no request that has arrived.

use std::thread;
use std::time::Duration;

use hangup::fcgi;

use super::raw::{WebServer, request};
use super::{path, serve, serve_with};
use crate::support::scripted_server::eventually;
use crate::support::{PATIENCE, alone, rounds, until_refused};

#[test]
fn h15_a_request_that_was_sent_before_the_shutdown_is_answered() {
    alone!();
    for round in 0..rounds(40) {
        let (server, mut peer) = serve(path);
        // Until it accepts.
        peer.send(request(1, "/", "", true)).expect_answer(1).expect("200 OK", "/");
        let mut peer = match round % 4 {
            0 => WebServer::connect(&server),
            _ => peer,
        };
        peer.send(request(1, "/b", "", true));
        let handle = server.handle();
        let stops = thread::spawn(move || handle.shutdown(PATIENCE));
        peer.expect_answer(1).expect("200 OK", "/b");
        peer.expect_end();
        drop(peer);
        assert!(stops.join().unwrap());
    }
}

#[test]
fn h15_a_request_whose_first_byte_has_arrived_is_answered() {
    alone!();
    let (server, mut peer) = serve(path);
    peer.send(request(1, "/", "", true)).expect_answer(1).expect("200 OK", "/");
    let bytes = request(1, "/b", "", true);
    peer.send(&bytes[..1]);
    let handle = server.handle();
    let stops = thread::spawn(move || handle.shutdown(PATIENCE));
    until_refused(server.addr());
    peer.send(&bytes[1..]).expect_answer(1).expect("200 OK", "/b");
    peer.expect_end();
    drop(peer);
    assert!(stops.join().unwrap());
}

#[test]
fn h15_a_silent_new_connection_is_closed_at_the_end_of_the_grace() {
    alone!(waits);
    let (server, mut peer) = serve(path);
    let mut silent = WebServer::connect(&server);
    peer.send(request(1, "/", "", true)).expect_answer(1).expect("200 OK", "/");
    let mut new = WebServer::connect(&server);
    let handle = server.handle();
    let stops = thread::spawn(move || handle.shutdown(Duration::from_secs(2)));
    until_refused(server.addr());
    peer.expect_end();
    new.send(request(1, "/b", "", true)).expect_answer(1).expect("200 OK", "/b");
    new.expect_end();
    silent.expect_end();
    stops.join().unwrap();
}

#[test]
fn f09_the_connection_that_is_idle_longest_is_closed_for_a_new_one() {
    alone!();
    let (server, mut one) = serve_with(fcgi::Server::new(path).max_connections(2));
    let mut two = WebServer::connect(&server);
    for peer in [&mut one, &mut two] {
        peer.send(request(1, "/", "", true)).expect_answer(1).expect("200 OK", "/");
    }
    // A connection is idle only after its last answer has been written.
    let all_idle = || {
        eventually("both are idle", || {
            let connections = server.handle().stats().connections;
            (connections.idle, connections.open()) == (2, 2)
        });
    };
    all_idle();
    one.send(request(1, "/", "", true)).expect_answer(1).expect("200 OK", "/");
    all_idle();
    let mut third = WebServer::connect(&server);
    third.send(request(1, "/c", "", true)).expect_answer(1).expect("200 OK", "/c");
    two.expect_end();
    one.send(request(1, "/", "", true)).expect_answer(1).expect("200 OK", "/");
}
