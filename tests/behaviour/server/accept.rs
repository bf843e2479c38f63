//! Accepting, and having no room.

use std::io::{Read, Seek, Write};
use std::process::Command;
use std::time::Instant;

use crossbeam_channel::bounded;
use hangup::testing::TestServer;
use hangup::{Request, ResponseWriter, Server};

use super::{echo_path, reports};
use crate::support::{PATIENCE, RawClient, alone};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn s16_a_connection_too_many_is_503_and_room_is_used_again() {
    let _alone = alone();
    let (report, states) = reports();
    let server = Server::new(echo_path).max_connections(2);
    let server = TestServer::with(server.on_connection_state(move |connection, state| {
        if state == hangup::server::ConnState::Closed {
            report.send(connection.remote_addr().ip()).unwrap();
        }
    }));
    let (mut one, mut two) = (RawClient::connect(&server), RawClient::connect(&server));
    one.send(GET).expect(200);
    two.send(GET).expect(200);

    let mut third = RawClient::connect(&server);
    let answer = third.expect_response();
    assert_eq!((answer.status, answer.field("connection")), (503, Some("close")));
    assert!(answer.field("date").is_some() && !answer.body.is_empty());
    assert_eq!(server.handle().connections(), 2);

    let address = one.stream().local_addr().unwrap().ip();
    drop(one);
    while states.recv_timeout(PATIENCE).expect("a closed connection") != address {}
    // The third is still lingering: that takes no room from a fourth.
    let mut fourth = RawClient::connect(&server);
    fourth.send(GET).expect(200);
    two.send(GET).expect(200);
    third.half_close().expect_end();
}

#[test]
fn s16_a_client_that_has_sent_its_request_already_reads_the_503() {
    let _alone = alone();
    let server = TestServer::with(Server::new(echo_path).max_connections(0));
    for _ in 0..20 {
        let mut peer = RawClient::connect(&server);
        peer.send_in_vain(GET);
        assert_eq!(peer.expect_response().status, 503);
        peer.half_close().expect_end();
    }
}

#[test]
fn s16_of_many_too_many_all_are_closed_and_the_server_lives() {
    let _alone = alone();
    let server = TestServer::with(Server::new(echo_path).max_connections(1));
    let mut one = RawClient::connect(&server);
    one.send(GET).expect(200);
    let others: Vec<_> = (0..100).map(|_| RawClient::connect(&server)).collect();
    for mut other in others {
        // Told so, or closed without a word; served never.
        let said = String::from_utf8(other.rest()).unwrap();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 503 "), "{said}");
    }
    one.send(GET).expect(200);
}

#[test]
fn s16_a_thread_whose_connection_has_ended_serves_another() {
    let _alone = alone();
    let server = TestServer::new(|w: &mut ResponseWriter, r: &mut Request| {
        assert_ne!(r.uri().path(), "/panic", "on purpose");
        Ok(write!(w, "{:?}", std::thread::current().id())?)
    });
    let mut earlier = std::collections::HashSet::new();
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Also after a handler has panicked there.
        RawClient::connect(&server).send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").expect_end();
        let thread = RawClient::connect(&server).send(GET).expect(200);
        if !earlier.insert(thread) {
            return;
        }
        // A thread is free some moment after its connection's end, of which it tells nobody.
        assert!(Instant::now() < deadline, "{} threads for as many connections", earlier.len());
    }
}

/// The connection was closed before the answer was written to it.
#[test]
fn s16_without_a_thread_a_connection_is_answered_with_503() {
    let _alone = alone();
    // No address space has room for such a stack.
    let server = TestServer::with(Server::new(echo_path).stack_size(1 << 47));
    for _ in 0..3 {
        let mut peer = RawClient::connect(&server);
        let answer = peer.expect_response();
        assert_eq!((answer.status, answer.field("connection")), (503, Some("close")));
        assert!(answer.field("date").is_some());
        peer.expect_end();
    }
    assert!(server.handle().shutdown(PATIENCE));
}

#[test]
fn s16_a_client_that_is_gone_before_it_is_accepted_harms_nobody() {
    let _alone = alone();
    let listening = Server::new(echo_path).listen("127.0.0.1:0").unwrap();
    let addr = listening.local_addr().ip().unwrap();
    for _ in 0..20 {
        let stream = std::net::TcpStream::connect(addr).unwrap();
        RawClient::over(stream.into()).reset();
    }
    let server = TestServer::listening(listening);
    RawClient::connect(&server).send(GET).expect(200);
}

/// Runs [`out_of_descriptors`] where running out of them harms no other test.
#[test]
fn s16_out_of_descriptors_the_server_waits_and_goes_on() {
    let _alone = alone();
    let this = std::env::current_exe().unwrap();
    let outcome = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""])
        .arg(this)
        .args(["--exact", "server::accept::out_of_descriptors", "--ignored"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&outcome.stdout);
    assert!(outcome.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run in a process of its own by the test above"]
fn out_of_descriptors() {
    let (go, gone) = bounded::<()>(0);
    let (arrived, arrivals) = reports();
    let server = TestServer::new(move |w: &mut ResponseWriter, r: &mut Request| {
        if r.uri().path() == "/wait" {
            arrived.send(()).unwrap();
            let _ = gone.recv_timeout(PATIENCE);
        }
        Ok(w.write_all(b"served")?)
    });
    let mut first = RawClient::connect(&server);
    first.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    super::next(&arrivals);
    let mut stat = std::fs::File::open("/proc/self/stat").unwrap();
    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    assert!(files.len() > 10, "the limit is not in force");
    // One descriptor for a client: the server has none left to accept it with.
    files.pop();
    let mut second = RawClient::connect(&server);
    second.send(GET);
    // Meanwhile the loop waits instead of spinning: it has eaten no time to speak of.
    let before = cpu_ticks(&mut stat);
    std::thread::park_timeout(std::time::Duration::from_millis(300));
    assert!(cpu_ticks(&mut stat) - before < 15, "it spins");
    drop(files);
    assert_eq!(second.expect(200), "served");
    drop(go);
    assert_eq!(first.expect(200), "served");
}

/// The processor time this process has used, in ticks of 10 ms.
fn cpu_ticks(stat: &mut std::fs::File) -> u64 {
    let mut text = String::new();
    stat.rewind().unwrap();
    stat.read_to_string(&mut text).unwrap();
    let fields: Vec<_> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn s16_a_unix_socket_is_served_as_well() {
    let _alone = alone();
    use hangup::RequestExt;
    let path = std::env::temp_dir().join(format!("hangup-behaviour-{}", std::process::id()));
    let (report, ends) = reports();
    let server = Server::new(move |w: &mut ResponseWriter, r: &mut Request| {
        assert_eq!(r.remote_socket_addr(), None);
        if r.uri().path() == "/wait" {
            report.send(r.context().wait_timeout(PATIENCE).is_some()).unwrap();
        }
        echo_path(w, r)
    });
    let server = TestServer::listening(server.listen_unix(&path).unwrap());
    let connect = || {
        let stream = std::os::unix::net::UnixStream::connect(&path).expect("a server that listens");
        RawClient::over(stream.into())
    };
    let mut peer = connect();
    for _ in 0..3 {
        assert_eq!(peer.send(GET).expect(200), "/a");
    }
    peer.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    drop(peer);
    assert!(super::next(&ends));
    assert_eq!(connect().send(GET).expect(200), "/a");
    drop(server);
    assert!(!path.exists(), "the socket's file is removed");
}
