//! Shutting down.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crossbeam_channel::{bounded, never};
use hangup::server::ConnState::Idle;
use hangup::testing::{Parked, TestServer};
use hangup::{Context, Request, RequestExt, ResponseWriter, Server};

use super::{echo_path, next, reports, served};
use crate::support::{Over, PATIENCE, RawClient, alone, over_each, rounds, until_refused};

over_each![
    s17_an_idle_connection_is_closed_at_once,
    s17_an_active_request_is_finished,
    s17_a_long_response_that_has_begun_is_finished,
    s17_a_connection_is_idle_only_when_its_responses_are_sent,
    s17_no_response_is_lost,
    s17_close_ends_running_requests,
    #[cfg_attr(windows, ignore = "Wine ends the stream before it resets the connection")]
    s17_close_does_not_make_a_body_without_a_length_look_whole,
    s17_close_ends_a_blocked_read_of_the_body_and_a_blocked_write,
    s17_the_port_is_free_when_it_returns,
    s17_a_handler_may_close_the_server_it_runs_on,
    s17_the_deadline_of_a_graceful_shutdown_is_kept,
];

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

fn s17_an_idle_connection_is_closed_at_once(over: Over) {
    alone!();
    for rest in [0, 300] {
        let server = over.server(echo_path);
        let mut idle = over.connect(&server);
        idle.send(GET).expect(200);
        // Also when its thread has given its buffers back and is parked.
        std::thread::park_timeout(Duration::from_millis(rest));
        let (handle, begun) = (server.handle(), Instant::now());
        let stops = std::thread::spawn(move || handle.shutdown(None));
        idle.expect_end();
        assert!(begun.elapsed() < Duration::from_secs(3), "a new one would be spared for longer");
        idle.close();
        assert!(stops.join().unwrap());
    }
}

fn s17_an_active_request_is_finished(over: Over) {
    alone!();
    let (arrived, arrivals) = reports();
    let (go, gone) = bounded::<()>(0);
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
        let context = r.context();
        arrived.send(context.clone()).unwrap();
        let _ = gone.recv_timeout(PATIENCE);
        assert!(!context.is_done(), "nobody has gone");
        echo_path(w, r)
    });
    let mut peer = over.connect(&server);
    peer.send(GET);
    next(&arrivals);
    let handle = server.handle();
    assert!(!handle.shutdown(Duration::ZERO), "it is still active");
    let waits = std::thread::spawn(move || handle.shutdown(PATIENCE));
    assert!(TcpStream::connect(server.addr()).is_err(), "nobody listens any more");
    drop(go);
    let answer = peer.expect_response();
    // The client need not find out by trying.
    assert_eq!((answer.text().as_str(), answer.field("connection")), ("/a", Some("close")));
    peer.expect_end();
    drop(peer);
    assert!(waits.join().unwrap());
}

fn s17_a_long_response_that_has_begun_is_finished(over: Over) {
    alone!();
    let (arrived, arrivals) = reports();
    let (go, gone) = bounded::<()>(0);
    let server = over.server(move |w: &mut ResponseWriter, _: &mut Request| {
        w.flush()?;
        arrived.send(()).unwrap();
        let _ = gone.recv_timeout(PATIENCE);
        Ok(w.write_all(&vec![b'x'; 1 << 20])?)
    });
    let mut peer = over.connect(&server);
    peer.send(GET);
    next(&arrivals);
    assert!(!server.handle().shutdown(Duration::ZERO));
    drop(go);
    assert_eq!(peer.expect_response().body.len(), 1 << 20);
    peer.expect_end();
    drop(peer);
    assert!(server.handle().shutdown(PATIENCE));
}

/// A connection once counted as idle while the last responses were in its buffer. A shutdown at that moment
/// lost them.
fn s17_a_connection_is_idle_only_when_its_responses_are_sent(over: Over) {
    alone!();
    let (read, reads) = bounded(1);
    let server = Server::new(echo_path).on_connection_state(move |_, state| {
        if state == Idle {
            reads.recv_timeout(PATIENCE).expect("the client has its answers");
        }
    });
    let server = over.server_with(server);
    let mut peer = over.connect(&server);
    peer.send([GET, GET].concat());
    assert_eq!(peer.expect(200), "/a");
    assert_eq!(peer.expect(200), "/a");
    read.send(()).unwrap();
}

fn s17_no_response_is_lost(over: Over) {
    alone!();
    for _ in 0..rounds(30) {
        let (answered, answers) = reports();
        let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
            echo_path(w, r)?;
            answered.send(()).unwrap();
            Ok(())
        });
        let mut peer = over.connect(&server);
        peer.send([GET, GET].concat());
        next(&answers);
        next(&answers);
        // Races with the end of the second answer.
        let handle = server.handle();
        let stops = std::thread::spawn(move || handle.shutdown(PATIENCE));
        assert_eq!(peer.expect(200), "/a");
        assert_eq!(peer.expect(200), "/a");
        peer.expect_end();
        drop(peer);
        assert!(stops.join().unwrap());
    }
}

fn s17_close_ends_running_requests(over: Over) {
    alone!();
    let (arrived, arrivals) = reports();
    let (report, ends) = reports();
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
        let context = r.context();
        arrived.send(()).unwrap();
        report.send(context.wait_timeout(PATIENCE).is_some()).unwrap();
        w.write_all(b"too late")?;
        w.flush().map_err(Into::into)
    });
    let mut peer = over.connect(&server);
    peer.send(GET);
    next(&arrivals);
    server.handle().close();
    assert!(next(&ends), "the handler learns of it");
    peer.expect_silence_to_the_end();
    drop(peer);
    assert!(server.handle().shutdown(PATIENCE));
}

/// The end of the connection delimits such a body, so the server must reset the connection.
fn s17_close_does_not_make_a_body_without_a_length_look_whole(over: Over) {
    alone!();
    let (begun, has_begun) = bounded(1);
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
        w.write_all(b"half")?;
        w.flush()?;
        begun.send(()).unwrap();
        r.context().wait();
        Ok(())
    });
    let mut peer = over.connect(&server);
    peer.send("GET / HTTP/1.0\r\n\r\n");
    next(&has_begun);
    server.handle().close();
    peer.expect_reset();
}

fn s17_close_ends_a_blocked_read_of_the_body_and_a_blocked_write(over: Over) {
    alone!();
    let (arrived, arrivals) = reports();
    let (server, far, mut peer) = served(over, move |_: &mut ResponseWriter, r: &mut Request| {
        arrived.send(()).unwrap();
        r.body_mut().read_bytes(100).map(|_| ())
    });
    peer.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    next(&arrivals);
    assert!(far.wait_until_parked(Parked::Read, PATIENCE));
    server.0.close();
    assert!(server.0.shutdown(PATIENCE));

    let (server, far, mut peer) = served(over, |w: &mut ResponseWriter, _: &mut Request| {
        loop {
            w.write_all(&[b'x'; 64 * 1024])?;
        }
    });
    peer.send(GET);
    assert!(far.wait_until_parked(Parked::Write, PATIENCE));
    server.0.close();
    assert!(server.0.shutdown(PATIENCE));
}

fn s17_the_port_is_free_when_it_returns(over: Over) {
    alone!();
    for graceful in [true, false] {
        let server = over.server(echo_path);
        let mut peer = over.connect(&server);
        peer.send(GET).expect(200);
        match graceful {
            true => assert!(server.handle().shutdown(PATIENCE)),
            false => server.handle().close(),
        }
        TcpListener::bind(server.addr()).expect("a free port");
    }
}

#[test]
fn s17_any_number_of_threads_may_shut_down_any_number_of_times() {
    alone!();
    let server = TestServer::new(echo_path);
    let mut peer = RawClient::connect(&server);
    peer.send(GET).expect(200);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (handle, addr) = (server.handle(), server.addr());
            scope.spawn(move || {
                match number % 2 {
                    0 => assert!(handle.shutdown(PATIENCE)),
                    _ => handle.close(),
                }
                TcpListener::bind(addr).map(drop).or_else(|error| {
                    // Another of these threads is trying the same at this moment.
                    (error.kind() == std::io::ErrorKind::AddrInUse).then_some(()).ok_or(error)
                })
            });
        }
    });
    server.handle().close();
    assert!(server.handle().shutdown(Duration::ZERO));
}

fn s17_a_handler_may_close_the_server_it_runs_on(over: Over) {
    alone!();
    let (to_handler, handles) = bounded::<hangup::server::ServerHandle>(1);
    let server = over.server(move |_: &mut ResponseWriter, r: &mut Request| {
        handles.recv_timeout(PATIENCE).unwrap().close();
        assert!(r.context().is_done());
        Ok(())
    });
    to_handler.send(server.handle()).unwrap();
    let mut peer = over.connect(&server);
    peer.send(GET).expect_silence_to_the_end();
    drop(peer);
    assert!(server.handle().shutdown(PATIENCE));
}

#[test]
fn s17_a_server_that_never_served_is_shut_down_as_well() {
    alone!();
    let listening = Server::new(echo_path).listen("127.0.0.1:0").unwrap();
    let (handle, addr) = (listening.handle(), listening.local_addr().ip().unwrap());
    assert!(handle.shutdown(PATIENCE));
    TcpListener::bind(addr).expect("a free port");
    listening.serve().unwrap();
}

#[test]
fn s17_serve_returns_when_the_server_is_shut_down() {
    alone!();
    let listening = Server::new(echo_path).listen("127.0.0.1:0").unwrap();
    let handle = listening.handle();
    let (returned, returns) = reports();
    let serving = std::thread::spawn(move || returned.send(listening.serve().is_ok()));
    assert!(handle.shutdown(PATIENCE));
    assert!(next(&returns));
    serving.join().unwrap().unwrap();
}

/// Running requests were once cut off if `main` ended after `serve`.
#[test]
fn s17_serve_returns_when_the_running_requests_have_ended() {
    alone!();
    let (arrived, arrivals) = reports();
    let (go, gone) = bounded::<()>(0);
    let listening = Server::new(move |w: &mut ResponseWriter, r: &mut Request| {
        arrived.send(()).unwrap();
        let _ = gone.recv_timeout(PATIENCE);
        echo_path(w, r)
    });
    let listening = listening.listen("127.0.0.1:0").unwrap();
    let (handle, addr) = (listening.handle(), listening.local_addr().ip().unwrap());
    let stop = Context::new();
    let stops = stop.clone();
    let (returned, returns) = reports();
    let serving = std::thread::spawn(move || {
        returned.send(listening.serve_until(&stops, PATIENCE).is_ok()).unwrap();
    });
    let mut peer = RawClient::over(TcpStream::connect(addr).unwrap().into());
    peer.send(GET);
    next(&arrivals);
    stop.cancel();
    until_refused(addr);
    assert!(returns.try_recv().is_err(), "a request is running");
    drop(go);
    let answer = peer.expect_response();
    assert_eq!((answer.text().as_str(), answer.field("connection")), ("/a", Some("close")));
    peer.expect_end();
    drop(peer);
    assert!(next(&returns));
    assert_eq!(handle.connections(), 0);
    serving.join().unwrap();
}

#[test]
fn s17_serve_returns_when_the_grace_is_over() {
    alone!();
    let (arrived, arrivals) = reports();
    let (report, ends) = reports();
    let listening = Server::new(move |_: &mut ResponseWriter, r: &mut Request| {
        arrived.send(()).unwrap();
        report.send(r.context().wait_timeout(PATIENCE).is_some()).unwrap();
        Ok(())
    });
    let listening = listening.listen("127.0.0.1:0").unwrap();
    let (handle, addr) = (listening.handle(), listening.local_addr().ip().unwrap());
    let stop = Context::new();
    let stops = stop.clone();
    let grace = Duration::from_millis(200);
    let serving = std::thread::spawn(move || listening.serve_until(&stops, grace));
    let mut peer = RawClient::over(TcpStream::connect(addr).unwrap().into());
    peer.send(GET);
    next(&arrivals);
    let begun = Instant::now();
    stop.cancel();
    serving.join().unwrap().unwrap();
    assert!(begun.elapsed() >= grace);
    assert!(next(&ends), "what is left is closed");
    drop(peer);
    assert!(handle.shutdown(PATIENCE));
}

/// `close` once had no effect on `serve` during the grace of an earlier shutdown.
#[test]
fn s17_close_ends_a_longer_grace() {
    alone!(waits);
    for grace in [None, Some(PATIENCE)] {
        let (arrived, arrivals) = reports();
        let (go, gone) = bounded::<()>(0);
        let listening = Server::new(move |_: &mut ResponseWriter, _: &mut Request| {
            arrived.send(()).unwrap();
            let _ = gone.recv_timeout(PATIENCE);
            Ok(())
        });
        let listening = listening.listen("127.0.0.1:0").unwrap();
        let (handle, addr) = (listening.handle(), listening.local_addr().ip().unwrap());
        let stop = Context::new();
        let stops = stop.clone();
        let (returned, returns) = reports();
        let serving = std::thread::spawn(move || {
            returned.send(listening.serve_until(&stops, grace).is_ok()).unwrap();
        });
        let mut peer = RawClient::over(TcpStream::connect(addr).unwrap().into());
        peer.send(GET);
        next(&arrivals);
        stop.cancel();
        until_refused(addr);
        handle.close();
        let begun = Instant::now();
        assert!(next(&returns), "the handler still runs");
        assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
        drop(go);
        drop(peer);
        assert!(handle.shutdown(PATIENCE));
        serving.join().unwrap();
    }
}

fn s17_the_deadline_of_a_graceful_shutdown_is_kept(over: Over) {
    alone!(waits);
    let (arrived, arrivals) = reports();
    let server = over.server(move |_: &mut ResponseWriter, r: &mut Request| {
        let context = r.context();
        arrived.send(()).unwrap();
        crossbeam_channel::select! {
            recv(context.done()) -> _ => {}
            recv(never::<()>()) -> _ => {}
            default(PATIENCE) => panic!("close ends it"),
        }
        Ok(())
    });
    let mut peer = over.connect(&server);
    peer.send(GET);
    next(&arrivals);
    let begun = Instant::now();
    assert!(!server.handle().shutdown(Duration::from_millis(50)));
    assert!(begun.elapsed() >= Duration::from_millis(50));
    server.handle().close();
    assert!(server.handle().shutdown(PATIENCE));
}
