//! H16: the numbers of a server.

use std::io::{Read, Write};
use std::time::Duration;

use hangup::metrics;
use hangup::server::{Requests, Snapshot, Stats};
use hangup::testing::TestServer;
use hangup::{Request, RequestExt, ResponseWriter, Result, Server};

use super::{next, reports};
use crate::support::scripted_server::{eventually, in_background};
use crate::support::{Over, RawClient, alone, over_each};

over_each![
    h16_a_request_is_counted_by_its_outcome,
    h16_connections_are_counted_by_state,
    h16_time_limits_are_counted_by_name,
    h16_bytes_are_counted,
];

fn behave(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let path = r.uri().path().to_owned();
    match path.as_str() {
        "/hijack" => drop(w.hijack()?),
        "/panic" => panic!("as the test asks for"),
        "/short" => {
            w.set_header("content-length", "10")?;
            w.flush()?;
        }
        "/gone" => {
            r.context().wait();
            w.write_all(b"too late")?;
        }
        "/error" => return Err(hangup::Error::other("a fault")),
        "/upload" => drop(r.body_mut().read_bytes(10)?),
        path => drop(w.set_status(path[1..].parse::<u16>().expect("a status"))),
    }
    Ok(())
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// Returns the numbers once all connections are closed, so that everything is counted.
fn settled(server: &TestServer) -> Snapshot {
    eventually("every connection is closed", || server.handle().connections() == 0);
    server.handle().stats()
}

fn h16_a_request_is_counted_by_its_outcome(over: Over) {
    alone!();
    let requests = |change: fn(&mut Requests)| {
        let mut requests = Requests::default();
        change(&mut requests);
        requests
    };
    for (request, expected) in [
        (get("/200"), requests(|all| all.success = 1)),
        (get("/204"), requests(|all| all.success = 1)),
        (get("/302"), requests(|all| all.redirection = 1)),
        (get("/404"), requests(|all| all.client_error = 1)),
        (get("/503"), requests(|all| all.server_error = 1)),
        (get("/error"), requests(|all| all.server_error = 1)),
        (get("/hijack"), requests(|all| all.hijacked = 1)),
        (get("/panic"), requests(|all| all.failed = 1)),
        (get("/short"), requests(|all| all.failed = 1)),
        (
            "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n".to_owned(),
            requests(|all| all.client_error = 1),
        ),
        (
            "GET / HTTP/9\r\n\r\n".to_owned(),
            requests(|all| (all.client_error, all.refused) = (1, 1)),
        ),
        (
            "GET / HTTP/1.1\r\n\r\n".to_owned(),
            requests(|all| (all.client_error, all.refused) = (1, 1)),
        ),
        (get("/200").repeat(5), requests(|all| all.success = 5)),
    ] {
        let server = over.server_with(Server::new(behave).stats(&Stats::new()));
        let mut peer = over.connect(&server);
        peer.send(&request).half_close();
        peer.rest();
        drop(peer);
        let snapshot = settled(&server);
        assert_eq!(snapshot.requests, expected, "{request}");
        let handled = expected.total() - expected.refused;
        assert_eq!(snapshot.handler_time.count(), handled, "{request}");
    }
}

#[test]
fn h16_a_client_that_left_is_counted() {
    alone!();
    let server = TestServer::new(behave);
    RawClient::connect(&server).send(get("/gone"));
    eventually("the request is counted", || server.handle().stats().requests.total() == 1);
    let snapshot = settled(&server);
    // The response to a client that has closed is either written into the void or not.
    let requests = &snapshot.requests;
    assert_eq!(requests.aborted + requests.success, 1, "{requests:?}");
}

fn h16_connections_are_counted_by_state(over: Over) {
    alone!();
    let (arrived, arrivals) = reports();
    let (go, gate) = crossbeam_channel::bounded::<()>(0);
    let server = over.server_with(
        Server::new(move |_: &mut ResponseWriter, r: &mut Request| {
            if r.uri().path() == "/wait" {
                arrived.send(()).map_err(hangup::Error::other)?;
                let _ = gate.recv();
            }
            Ok(())
        })
        .max_connections(4),
    );
    let stats = || server.handle().stats().connections;
    let mut idle = over.connect(&server);
    idle.send(get("/")).expect(200);
    let mut active = over.connect(&server);
    active.send(get("/wait"));
    next(&arrivals);
    let fresh = over.connect(&server);
    eventually("the new connection is accepted", || stats().accepted == 3);
    eventually("the first is idle again", || stats().idle == 1);
    let counted = stats();
    assert_eq!((counted.new, counted.active, counted.idle), (1, 1, 1), "{counted:?}");
    assert_eq!((counted.open(), counted.hijacked, counted.rejected), (3, 0, 0), "{counted:?}");
    drop(go);
    active.expect(200);
    drop((idle, active, fresh));
    let closed = settled(&server).connections;
    assert_eq!((closed.open(), closed.accepted), (0, 3), "{closed:?}");
}

#[test]
fn h16_a_connection_beyond_the_maximum_is_counted() {
    alone!();
    let (arrived, arrivals) = reports();
    let (go, gate) = crossbeam_channel::bounded::<()>(0);
    let server = TestServer::with(
        Server::new(move |_: &mut ResponseWriter, _: &mut Request| {
            arrived.send(()).map_err(hangup::Error::other)?;
            let _ = gate.recv();
            Ok(())
        })
        .max_connections(1),
    );
    let mut first = RawClient::connect(&server);
    first.send(get("/"));
    next(&arrivals);
    assert_eq!(RawClient::connect(&server).send(get("/")).expect_response().status, 503);
    drop(go);
    first.expect(200);
    drop(first);
    let snapshot = settled(&server);
    assert_eq!(snapshot.connections.rejected, 1);
    assert_eq!((snapshot.requests.success, snapshot.requests.server_error), (1, 1));
}

fn h16_time_limits_are_counted_by_name(over: Over) {
    alone!();
    const SHORT: Duration = Duration::from_millis(100);
    let server = over.server_with(
        Server::new(|_: &mut ResponseWriter, r: &mut Request| {
            r.body_mut().read_bytes(1 << 20)?;
            Ok(())
        })
        .read_header_timeout(SHORT)
        .idle_timeout(SHORT)
        .body_idle_timeout(SHORT),
    );
    over.connect(&server).expect_end();
    over.connect(&server).send("GET /").expect_end();
    let mut idle = over.connect(&server);
    idle.send(get("/")).expect(200);
    idle.expect_end();
    let mut slow = over.connect(&server);
    slow.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc");
    assert_eq!(slow.expect_response().status, 408);
    slow.expect_end();
    drop((idle, slow));
    let timeouts = settled(&server).timeouts;
    assert_eq!((timeouts.read_header, timeouts.idle, timeouts.body_idle), (2, 1, 1));
    assert_eq!((timeouts.read, timeouts.write, timeouts.write_idle), (0, 0, 0));
}

#[test]
fn h16_a_client_that_reads_nothing_is_counted() {
    alone!();
    let server = TestServer::with(
        Server::new(|w: &mut ResponseWriter, _: &mut Request| {
            let piece = [b'x'; 64 * 1024];
            loop {
                w.write_all(&piece)?;
            }
        })
        .write_idle_timeout(Duration::from_millis(100)),
    );
    let mut peer = RawClient::connect(&server);
    peer.send(get("/"));
    let snapshot = {
        eventually("the write has timed out", || server.handle().stats().timeouts.write_idle == 1);
        drop(peer);
        settled(&server)
    };
    assert_eq!((snapshot.requests.aborted, snapshot.requests.total()), (1, 1));
    // Only a collector makes the server measure times.
    assert_eq!(snapshot.handler_time.count(), 0);
}

fn h16_bytes_are_counted(over: Over) {
    alone!();
    let server = over.server(|w: &mut ResponseWriter, r: &mut Request| {
        let mut body = Vec::new();
        r.body_mut().read_to_end(&mut body)?;
        Ok(w.write_all(&body)?)
    });
    let mut peer = over.connect(&server);
    let body = "x".repeat(300_000);
    let request =
        format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let sent = request.len() as u64;
    let sending = in_background(move || {
        peer.send(request).half_close();
        let received = peer.rest();
        (peer, received.len() as u64)
    });
    let (peer, received) = sending.finish();
    drop(peer);
    let snapshot = settled(&server);
    assert_eq!((snapshot.bytes_received, snapshot.bytes_sent), (sent, received));
}

/// A handler shows the numbers of the server that it runs on, and of others.
#[test]
fn h16_a_handler_shows_the_numbers_of_several_servers() {
    alone!();
    let stats = Stats::new();
    let shown = metrics::Metrics::new(&stats);
    let one = TestServer::with(Server::with_handler(shown).stats(&stats));
    let other = TestServer::with(Server::new(behave).stats(&stats));
    let mut peer = RawClient::connect(&other);
    peer.send(get("/404")).expect(404);
    let mut peer = RawClient::connect(&one);
    eventually("both connections are counted", || {
        let text = peer.send(get("/metrics")).expect(200);
        assert!(text.ends_with("# EOF\n"), "{text}");
        [
            "http_server_connections{state=\"active\"} 1\n",
            "http_server_connections{state=\"idle\"} 1\n",
            "http_server_connections_accepted_total 2\n",
            "http_server_requests_total{outcome=\"client_error\"} 1\n",
        ]
        .iter()
        .all(|line| text.contains(line))
    });
    drop((one, other, peer));
    assert_eq!(stats.snapshot().connections.open(), 0);
    assert_eq!(stats.snapshot().requests.client_error, 1);
}
