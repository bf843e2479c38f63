//! Closing a connection loses no response, whatever else the client has sent.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use hangup::server::ConnState::New;
use hangup::testing::TestServer;
use hangup::{Request, ResponseWriter, Server};

use super::{echo_path, next, reports};
use crate::support::{Over, PATIENCE, RawClient, alone, over_each, rounds, until_refused};

over_each![
    s17_a_large_response_survives_a_graceful_shutdown,
    s17_a_large_response_survives_an_immediate_shutdown,
    s15_a_large_response_survives_the_close_of_an_idle_connection,
    s13_responses_survive_a_pipelined_request_that_fails,
    s15_a_request_that_crosses_the_close_causes_no_reset,
    h15_a_request_that_was_sent_before_the_shutdown_is_answered,
    h15_a_request_whose_first_byte_has_arrived_is_answered,
    h15_pipelined_requests_are_answered,
    h15_a_pipelined_request_behind_a_body_is_answered,
    h15_connections_in_the_accept_queue_are_served,
    h15_a_new_connection_may_send_its_request_during_a_shutdown,
    h15_a_silent_new_connection_is_closed_at_the_end_of_the_grace,
];

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const LARGE: usize = 6 << 20;
/// The end of a large response, which fits into the sockets' buffers.
const BUFFERED: usize = 64 << 10;

/// A server whose responses to `/large` do not fit into the client's buffers. The handler reports when all is
/// written, and returns after a signal.
struct Large {
    server: TestServer,
    answers: Receiver<()>,
    go: Option<Sender<()>>,
}

impl Large {
    fn new(over: Over, options: impl FnOnce(Server) -> Server) -> Self {
        let (answered, answers) = reports();
        let (go, gone) = bounded::<()>(0);
        let server = Server::new(move |w: &mut ResponseWriter, r: &mut Request| {
            if r.uri().path() != "/large" {
                return echo_path(w, r);
            }
            w.headers_mut().insert("content-length", LARGE.into());
            w.write_all(&vec![b'x'; LARGE])?;
            w.flush()?;
            answered.send(()).unwrap();
            let _ = gone.recv_timeout(PATIENCE);
            Ok(())
        });
        Self { server: over.server_with(options(server)), answers, go: Some(go) }
    }

    /// Requests a large response and reads only until the server has written all of it. The rest stays in the
    /// sockets' buffers. Returns the number of bytes read.
    fn begin(&self, peer: &mut RawClient) -> usize {
        peer.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(peer.expect_head().status, 200);
        let mut read = 0;
        while read < LARGE - BUFFERED {
            if self.answers.try_recv().is_ok() {
                return read;
            }
            read += peer.expect_bytes(16 * 1024).len();
        }
        // A busy machine may report late.
        self.answers.recv_timeout(PATIENCE).expect("all of it is written");
        read
    }

    /// Lets the handler return.
    fn go_on(&mut self) {
        self.go = None;
    }
}

/// Reads the rest after a pause in which a reset could arrive.
#[track_caller]
fn end_large(peer: &mut RawClient, read: usize) {
    thread::park_timeout(Duration::from_millis(50));
    assert_eq!(peer.expect_bytes(LARGE - read).len(), LARGE - read);
}

/// The head did not announce the close, and a byte of the next request is unread when the response ends.
fn s17_a_large_response_survives_a_graceful_shutdown(over: Over) {
    alone!();
    let mut large = Large::new(over, |server| server);
    let mut peer = over.connect(&large.server);
    let read = large.begin(&mut peer);
    peer.send("G");
    let handle = large.server.handle();
    let stops = thread::spawn(move || handle.shutdown(PATIENCE));
    until_refused(large.server.addr());
    large.go_on();
    end_large(&mut peer, read);
    let answer = peer.send("ET /b HTTP/1.1\r\nHost: a\r\n\r\n").expect_response();
    assert_eq!((answer.text().as_str(), answer.field("connection")), ("/b", Some("close")));
    peer.expect_end();
    drop(peer);
    assert!(stops.join().unwrap());
}

fn s17_a_large_response_survives_an_immediate_shutdown(over: Over) {
    alone!();
    let mut large = Large::new(over, |server| server);
    let mut peer = over.connect(&large.server);
    let read = large.begin(&mut peer);
    peer.send(GET);
    large.server.handle().close();
    large.go_on();
    end_large(&mut peer, read);
    peer.expect_end();
}

/// The client cannot see the end behind the response, and sends another request.
fn s15_a_large_response_survives_the_close_of_an_idle_connection(over: Over) {
    alone!();
    let idle = Duration::from_millis(50);
    let mut large = Large::new(over, |server| server.idle_timeout(idle));
    let mut peer = over.connect(&large.server);
    let read = large.begin(&mut peer);
    large.go_on();
    thread::park_timeout(4 * idle);
    peer.send_in_vain(GET);
    end_large(&mut peer, read);
    peer.rest();
}

fn s15_a_request_that_crosses_the_close_causes_no_reset(over: Over) {
    alone!();
    let server = over.server_with(Server::new(echo_path).idle_timeout(Duration::from_millis(150)));
    let mut peer = over.connect(&server);
    peer.send(GET).expect(200);
    peer.stream().wait_readable().unwrap();
    peer.send(GET);
    thread::park_timeout(Duration::from_millis(30));
    peer.send(GET).expect_end();
}

fn s13_responses_survive_a_pipelined_request_that_fails(over: Over) {
    alone!();
    const ANSWER: usize = 1 << 20;
    let server = over.server(|w: &mut ResponseWriter, r: &mut Request| {
        match r.uri().path() {
            "/large" => w.write_all(&vec![b'x'; ANSWER])?,
            "/half" => {
                w.write_all(&vec![b'y'; 20_000])?;
                panic!("on purpose");
            }
            _ => panic!("on purpose"),
        }
        Ok(())
    });
    for fails in ["/panic", "/half"] {
        let mut peer = over.connect(&server);
        let second = format!("GET {fails} HTTP/1.1\r\nHost: a\r\n\r\n");
        let first = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n";
        // The bytes behind them are never read.
        peer.send([first, &second, &"x".repeat(100_000)].concat());
        thread::park_timeout(Duration::from_millis(50));
        assert_eq!(peer.expect_response().body.len(), ANSWER);
        // The connection ends with FIN and the response is incomplete.
        let rest = peer.rest();
        assert!(!rest.ends_with(b"\r\n0\r\n\r\n"), "{fails} looks whole");
    }
}

/// The request may be anywhere between the socket and its handler when the shutdown begins.
fn h15_a_request_that_was_sent_before_the_shutdown_is_answered(over: Over) {
    alone!();
    for round in 0..rounds(40) {
        let server = over.server(echo_path);
        // Until it accepts.
        over.connect(&server).send(GET).expect(200);
        let mut peer = over.connect(&server);
        if round % 4 != 0 {
            peer.send(GET).expect(200);
        }
        if round % 8 == 1 {
            // Its thread is parked.
            thread::park_timeout(Duration::from_millis(150));
        }
        peer.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
        let handle = server.handle();
        let stops = thread::spawn(move || handle.shutdown(PATIENCE));
        assert_eq!(peer.expect(200), "/b", "round {round}");
        peer.expect_end();
        drop(peer);
        assert!(stops.join().unwrap());
    }
}

fn h15_a_request_whose_first_byte_has_arrived_is_answered(over: Over) {
    alone!();
    let server = over.server(echo_path);
    let mut peer = over.connect(&server);
    peer.send(GET).expect(200);
    peer.send("G");
    let handle = server.handle();
    let stops = thread::spawn(move || handle.shutdown(PATIENCE));
    until_refused(server.addr());
    thread::park_timeout(Duration::from_millis(200));
    let answer = peer.send("ET /b HTTP/1.1\r\nHost: a\r\n\r\n").expect_response();
    assert_eq!((answer.text().as_str(), answer.field("connection")), ("/b", Some("close")));
    peer.expect_end();
    drop(peer);
    assert!(stops.join().unwrap());
}

fn h15_pipelined_requests_are_answered(over: Over) {
    alone!();
    let (arrived, arrivals) = reports();
    let (go, gone) = bounded::<()>(0);
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
        if r.uri().path() == "/wait" {
            arrived.send(()).unwrap();
            let _ = gone.recv_timeout(PATIENCE);
        }
        echo_path(w, r)
    });
    let mut peer = over.connect(&server);
    peer.send(["GET /wait HTTP/1.1\r\nHost: a\r\n\r\n", GET].concat());
    next(&arrivals);
    // This one is only in the socket.
    peer.send("GET /c HTTP/1.1\r\nHost: a\r\n\r\n");
    let handle = server.handle();
    let stops = thread::spawn(move || handle.shutdown(PATIENCE));
    until_refused(server.addr());
    drop(go);
    let answers = [(); 3].map(|()| peer.expect_response());
    let said = answers.each_ref().map(|answer| (answer.text(), answer.field("connection")));
    let said = said.each_ref().map(|(text, connection)| (text.as_str(), *connection));
    assert_eq!(said, [("/wait", None), ("/a", None), ("/c", Some("close"))]);
    peer.expect_end();
    drop(peer);
    assert!(stops.join().unwrap());
}

fn h15_a_pipelined_request_behind_a_body_is_answered(over: Over) {
    alone!();
    let (arrived, arrivals) = reports();
    let (go, gone) = bounded::<()>(0);
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
        let body = r.body_mut().read_bytes(100)?;
        if !body.is_empty() {
            arrived.send(()).unwrap();
            let _ = gone.recv_timeout(PATIENCE);
        }
        echo_path(w, r)
    });
    let mut peer = over.connect(&server);
    peer.send(["POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", GET].concat());
    next(&arrivals);
    let handle = server.handle();
    let stops = thread::spawn(move || handle.shutdown(PATIENCE));
    until_refused(server.addr());
    drop(go);
    assert_eq!((peer.expect(200), peer.expect(200)), ("/b".to_owned(), "/a".to_owned()));
    peer.expect_end();
    drop(peer);
    assert!(stops.join().unwrap());
}

/// The system has queued these connections when the shutdown begins.
fn h15_connections_in_the_accept_queue_are_served(over: Over) {
    alone!();
    let (report, states) = reports();
    let (go, gone) = bounded::<()>(0);
    let server = Server::new(echo_path).on_connection_state(move |_, state| {
        if state == New {
            // On the accepting thread, which accepts no other meanwhile.
            report.send(()).unwrap();
            let _ = gone.recv_timeout(PATIENCE);
        }
    });
    let server = over.server_with(server);
    let addr = server.addr();
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let stream = TcpStream::connect(addr).unwrap();
            thread::spawn(move || {
                let mut peer = over.carried_by(stream);
                peer.send(GET).expect_response().field("connection").map(str::to_owned)
            })
        })
        .collect();
    next(&states);
    let handle = server.handle();
    let stops = thread::spawn(move || handle.shutdown(PATIENCE));
    drop(go);
    for client in clients {
        client.join().expect("it is served");
    }
    assert!(stops.join().unwrap());
}

fn h15_a_new_connection_may_send_its_request_during_a_shutdown(over: Over) {
    alone!();
    let (report, states) = reports();
    let server = Server::new(echo_path).on_connection_state(move |_, state| {
        report.send(state).unwrap();
    });
    let server = over.server_with(server);
    let mut peer = over.connect(&server);
    assert_eq!(next(&states), New);
    let handle = server.handle();
    let stops = thread::spawn(move || handle.shutdown(PATIENCE));
    until_refused(server.addr());
    thread::park_timeout(Duration::from_millis(300));
    let answer = peer.send(GET).expect_response();
    assert_eq!((answer.text().as_str(), answer.field("connection")), ("/a", Some("close")));
    peer.expect_end();
    drop(peer);
    assert!(stops.join().unwrap());
}

fn h15_a_silent_new_connection_is_closed_at_the_end_of_the_grace(over: Over) {
    alone!(waits);
    let (report, states) = reports();
    let server = Server::new(echo_path).on_connection_state(move |_, state| {
        report.send(state).unwrap();
    });
    let server = over.server_with(server);
    // Over TLS one of them has not even begun its handshake.
    let mut peer = over.connect(&server);
    let mut silent = TcpStream::connect(server.addr()).unwrap();
    assert_eq!((next(&states), next(&states)), (New, New));
    let begun = Instant::now();
    server.handle().shutdown(Duration::from_millis(200));
    peer.expect_end();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = silent.read(&mut [0; 100]).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}
