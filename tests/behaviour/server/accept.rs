//! Accepting connections, and refusing those beyond the limit.

use std::io::Write;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use hangup::server::ConnState;
use hangup::testing::TestServer;
use hangup::{Request, ResponseWriter, Server};

use super::{echo_path, reports};
use crate::support::scripted_server::eventually;
use crate::support::{Over, PATIENCE, RawClient, alone, over_each, rounds};

over_each![s16_the_connection_that_is_idle_longest_is_closed_for_a_new_one];

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

/// Blocks at `/wait` until `go` is dropped, and reports when it has begun.
fn busy(arrived: Sender<()>, go: Receiver<()>) -> impl hangup::Handler {
    move |w: &mut ResponseWriter, r: &mut Request| {
        if r.uri().path() == "/wait" {
            arrived.send(()).unwrap();
            let _ = go.recv_timeout(PATIENCE);
        }
        echo_path(w, r)
    }
}

const WAIT: &str = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn s16_one_connection_too_many_gets_503_if_none_is_idle() {
    alone!();
    let (arrived, arrivals) = reports();
    let (go, gone) = bounded(0);
    let (report, states) = reports();
    let server = Server::with_handler(busy(arrived, gone)).max_connections(2);
    let server =
        TestServer::with(server.on_connection_state(move |_, state| report.send(state).unwrap()));
    let (mut one, mut two) = (RawClient::connect(&server), RawClient::connect(&server));
    one.send(WAIT);
    two.send(WAIT);
    super::next(&arrivals);
    super::next(&arrivals);

    let mut third = RawClient::connect(&server);
    let answer = third.expect_response();
    assert_eq!((answer.status, answer.field("connection")), (503, Some("close")));
    assert!(answer.field("date").is_some() && !answer.body.is_empty());
    assert_eq!(server.handle().connections(), 2);

    drop(go);
    assert_eq!((one.expect(200), two.expect(200)), ("/wait".to_owned(), "/wait".to_owned()));
    // A response arrives before its connection is idle.
    for _ in 0..2 {
        while super::next(&states) != ConnState::Idle {}
    }
    // The third is still lingering: that takes no room from a fourth.
    let mut fourth = RawClient::connect(&server);
    fourth.send(GET).expect(200);
    third.half_close().expect_end();
}

fn s16_the_connection_that_is_idle_longest_is_closed_for_a_new_one(over: Over) {
    alone!();
    let (report, states) = reports();
    let server = over.server_with(Server::new(echo_path).max_connections(3).on_connection_state(
        move |connection, state| report.send((connection.remote_addr().ip(), state)).unwrap(),
    ));
    let until = |peer: &RawClient, state| {
        let address = peer.stream().local_addr().unwrap().ip();
        while states.recv_timeout(PATIENCE).expect("the state") != (address, state) {}
    };
    let [mut one, mut two, mut three] = [(); 3].map(|()| over.connect(&server));
    for peer in [&mut one, &mut two, &mut three] {
        peer.send(GET).expect(200);
        until(peer, ConnState::Idle);
    }
    one.send(GET).expect(200);
    until(&one, ConnState::Idle);
    let mut kept = Vec::new();
    // Both while their threads still wait for a next request at once, and when they are parked.
    for (idle, rest) in [(&mut two, Duration::ZERO), (&mut three, Duration::from_millis(300))] {
        std::thread::park_timeout(rest);
        let mut new = over.connect(&server);
        assert_eq!(new.send(GET).expect(200), "/a");
        until(&new, ConnState::Idle);
        idle.expect_end();
        one.send(GET).expect(200);
        kept.push(new);
    }
    assert!(server.handle().connections() <= 3);
}

/// The thread of the idle connection may be anywhere between the read and the handler. Its request is answered,
/// or another connection is closed instead.
#[test]
fn s16_closing_an_idle_connection_for_a_new_one_loses_no_request() {
    alone!();
    let server = TestServer::with(Server::new(echo_path).max_connections(1));
    let mut idle = RawClient::connect(&server);
    idle.send(GET).expect(200);
    for _ in 0..rounds(200) {
        idle.send(GET);
        let mut new = RawClient::connect(&server);
        // The one was answered, and made room before or after; or the other was one too many.
        let status = idle.expect_response().status;
        assert_eq!(status, 200);
        new.send_in_vain(GET);
        let answer = new.expect_response();
        match answer.status {
            200 => idle = new,
            status => {
                assert_eq!(status, 503);
                idle = RawClient::connect(&server);
                while idle.send(GET).expect_response().status == 503 {
                    idle = RawClient::connect(&server);
                }
            }
        }
    }
}

/// More connections are closed than may linger at the same time, and their clients do not react.
#[test]
fn s16_refused_clients_that_stay_connected_delay_no_other() {
    alone!();
    let server = TestServer::with(Server::new(echo_path).max_connections(20));
    let mut kept = Vec::new();
    for _ in 0..100 {
        let mut peer = RawClient::connect(&server);
        assert_eq!(peer.send(GET).expect(200), "/a");
        kept.push(peer);
        // The one that has been idle for the longest time makes room, so each begins its idle time in turn.
        eventually("no connection is in a request", || {
            let connections = server.handle().stats().connections;
            connections.new + connections.active == 0
        });
    }
    assert!(server.handle().connections() <= 20);
    kept[..80].iter_mut().for_each(RawClient::expect_silence_to_the_end);
}

#[cfg(target_os = "linux")] // Other systems do not shut down a socket that listens.
#[test]
fn s16_a_broken_listener_ends_serve_with_the_error() {
    alone!();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = listener.try_clone().unwrap();
    let listening = Server::new(echo_path).listen_on(listener);
    let (returned, returns) = reports();
    let serving = std::thread::spawn(move || returned.send(listening.serve()).unwrap());
    // It listens no more.
    rustix::net::shutdown(&other, rustix::net::Shutdown::Both).unwrap();
    let error = super::next(&returns).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::INVAL.raw_os_error()));
    serving.join().unwrap();
}

#[test]
fn s16_a_socket_that_does_not_listen_is_an_error_of_serve() {
    alone!();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let not_one = std::net::TcpListener::from(socket2::Socket::from(stream));
    let listening = Server::new(echo_path).listen_on(not_one);
    assert_eq!(listening.serve().unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

/// A library must not change what the process does with panics.
#[test]
fn s13_no_panic_hook_is_installed() {
    alone!();
    let (report, hooked) = reports();
    std::panic::set_hook(Box::new(move |info| drop(report.send(info.to_string()))));
    let server = TestServer::new(|_: &mut ResponseWriter, _: &mut Request| panic!("on purpose"));
    RawClient::connect(&server).send(GET).expect_end();
    drop(server);
    // Dropped with the last that has it.
    drop(std::panic::take_hook());
    assert!(super::next(&hooked).contains("on purpose"));
    assert!(hooked.recv_timeout(PATIENCE).is_err(), "another hook holds ours");
}

#[test]
fn s16_a_refused_client_that_has_sent_its_request_reads_the_503() {
    alone!();
    let server = TestServer::with(Server::new(echo_path).max_connections(0));
    for _ in 0..20 {
        let mut peer = RawClient::connect(&server);
        peer.send_in_vain(GET);
        assert_eq!(peer.expect_response().status, 503);
        peer.half_close().expect_end();
    }
}

#[test]
fn s16_many_connections_too_many_each_get_503() {
    alone!();
    let (arrived, arrivals) = reports();
    let (go, gone) = bounded(0);
    let server = TestServer::with(Server::with_handler(busy(arrived, gone)).max_connections(1));
    let mut one = RawClient::connect(&server);
    one.send(WAIT);
    super::next(&arrivals);
    let others: Vec<_> = (0..100).map(|_| RawClient::connect(&server)).collect();
    for mut other in others {
        let said = String::from_utf8(other.rest()).unwrap();
        assert!(said.starts_with("HTTP/1.1 503 "), "{said:?}");
    }
    drop(go);
    one.expect(200);
    one.send(GET).expect(200);
}

#[test]
fn s16_a_thread_whose_connection_has_ended_serves_another() {
    alone!();
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
        // A thread is free shortly after the end of its connection, which nothing signals.
        assert!(Instant::now() < deadline, "{} threads for as many connections", earlier.len());
    }
}

/// The connection was once closed before the response was written.
#[test]
fn s16_a_connection_for_which_no_thread_starts_gets_503() {
    alone!();
    // No address space has room for such a stack.
    let enormous = usize::try_from(1_u64 << 47).unwrap_or(3 << 30);
    let server = TestServer::with(Server::new(echo_path).stack_size(enormous));
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
fn s16_a_client_that_closes_before_it_is_accepted_does_no_harm() {
    alone!();
    let listening = Server::new(echo_path).listen("127.0.0.1:0").unwrap();
    let addr = listening.local_addr().ip().unwrap();
    for _ in 0..20 {
        let stream = std::net::TcpStream::connect(addr).unwrap();
        RawClient::over(stream.into()).reset();
    }
    let server = TestServer::listening(listening);
    RawClient::connect(&server).send(GET).expect(200);
}

/// Runs [`out_of_descriptors`] in a process with a limit of 64 descriptors.
#[cfg(unix)] // Windows has no such limit.
#[test]
fn s16_without_descriptors_the_server_waits_and_continues() {
    alone!();
    let this = std::env::current_exe().unwrap();
    let outcome = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""])
        .arg(this)
        .args(["--exact", "server::accept::out_of_descriptors", "--ignored"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&outcome.stdout);
    assert!(outcome.status.success() && said.contains("1 passed"), "{said}");
}

#[cfg(unix)]
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
    let before = cpu_time();
    std::thread::park_timeout(Duration::from_millis(300));
    assert!(cpu_time() - before < Duration::from_millis(150), "it spins");
    drop(files);
    assert_eq!(second.expect(200), "served");
    drop(go);
    assert_eq!(first.expect(200), "served");
}

/// Returns the processor time that this process has used.
#[cfg(all(unix, not(target_os = "netbsd")))]
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("a time that is not negative")
}

/// Returns zero: rustix does not read the processor time on NetBSD.
#[cfg(target_os = "netbsd")]
fn cpu_time() -> Duration {
    Duration::ZERO
}

#[cfg(unix)] // The crate has no Unix sockets on Windows.
#[test]
fn s16_a_unix_socket_is_served_as_well() {
    alone!();
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
