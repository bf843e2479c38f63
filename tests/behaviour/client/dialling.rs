//! T13: dials in flight are shared, and never more than calls wait for.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use hangup::testing::Stream;
use hangup::{Client, Context, ErrorKind, TimeLimit};

use super::{get, send, text};
use crate::support::scripted_server::{Peers, eventually, in_background};
use crate::support::{Over, PATIENCE, alone, over_each, rounds};

over_each![
    t13_a_call_joins_a_dial_that_no_call_waits_for,
    t13_the_dial_of_a_cancelled_call_goes_to_the_next_in_the_queue,
    t13_a_call_whose_joined_dial_fails_dials_again,
    t13_a_storm_of_calls_dials_once_for_each_caller,
    t13_a_lookup_that_panics_frees_its_place,
    t13_a_resolver_that_never_returns_does_not_accumulate_threads,
];

/// Returns a resolver of `addr` whose lookups block from the second on, until the test releases them.
struct Gate {
    entered: Receiver<()>,
    release: Sender<io::Result<()>>,
}

fn gated(over: Over, addr: SocketAddr, limit: Option<usize>) -> (Client, Gate) {
    let number = AtomicUsize::new(0);
    let (entering, entered) = unbounded();
    let (release, released) = unbounded::<io::Result<()>>();
    let client = over
        .client_builder()
        .max_connections_per_host(limit)
        .resolver(move |_: &str, _: u16, _: &Context| {
            if number.fetch_add(1, Ordering::SeqCst) > 0 {
                entering.send(()).unwrap();
                released.recv().unwrap_or(Ok(()))?;
            }
            Ok(vec![addr])
        })
        .build();
    (client, Gate { entered, release })
}

/// A call whose dial was slow got the connection of another call. Its dial was forgotten, and the next call
/// dialled again.
fn t13_a_call_joins_a_dial_that_no_call_waits_for(over: Over) {
    alone!();
    let peers = over.peers();
    let (client, gate) = gated(over, peers.addr(), None);
    let first = get(&client, over.url("host.test", "/first"));
    let mut used = peers.accept();
    used.expect_request("GET /first");
    let second = get(&client, over.url("host.test", "/second"));
    gate.entered.recv_timeout(PATIENCE).unwrap();
    used.answer(200, "one");
    assert_eq!(text(first.finish()), "one");
    used.expect_request("GET /second");

    let third = get(&client, over.url("host.test", "/third"));
    eventually("it waits", || client.waiting_calls() == 1);
    gate.release.send(Ok(())).unwrap();
    let mut late = peers.accept();
    late.expect_request("GET /third");
    late.answer(200, "three");
    assert_eq!(text(third.finish()), "three");
    used.answer(200, "two");
    assert_eq!(text(second.finish()), "two");
    assert!(gate.entered.is_empty(), "a dial more than calls");
    peers.expect_no_more();
    assert_eq!(client.idle_connections(), 2);
}

/// At the host's limit a queued call takes over the dial of a call that got another connection.
fn t13_the_dial_of_a_cancelled_call_goes_to_the_next_in_the_queue(over: Over) {
    alone!();
    let peers = over.peers();
    let (client, gate) = gated(over, peers.addr(), Some(2));
    let first = get(&client, over.url("host.test", "/first"));
    let mut used = peers.accept();
    used.expect_request("GET /first");
    let second = get(&client, over.url("host.test", "/second"));
    gate.entered.recv_timeout(PATIENCE).unwrap();
    let third = get(&client, over.url("host.test", "/third"));
    eventually("both wait", || client.waiting_calls() == 2);
    used.answer(200, "one");
    assert_eq!(text(first.finish()), "one");
    used.expect_request("GET /second");
    gate.release.send(Ok(())).unwrap();
    let mut late = peers.accept();
    late.expect_request("GET /third");
    late.answer(200, "three");
    used.answer(200, "two");
    assert_eq!(text(third.finish()), "three");
    assert_eq!(text(second.finish()), "two");
}

/// The failure of a dial is the failure of the call that it was begun for. A call that joined it dials
/// for itself.
fn t13_a_call_whose_joined_dial_fails_dials_again(over: Over) {
    alone!();
    let peers = over.peers();
    let (client, gate) = gated(over, peers.addr(), None);
    let first = get(&client, over.url("host.test", "/first"));
    let mut used = peers.accept();
    used.expect_request("GET /first");
    let second = get(&client, over.url("host.test", "/second"));
    gate.entered.recv_timeout(PATIENCE).unwrap();
    used.answer(200, "one");
    assert_eq!(text(first.finish()), "one");
    used.expect_request("GET /second");

    let third = get(&client, over.url("host.test", "/third"));
    eventually("it waits", || client.waiting_calls() == 1);
    gate.release.send(Err(io::Error::other("no such host"))).unwrap();
    gate.entered.recv_timeout(PATIENCE).expect("a second dial");
    gate.release.send(Err(io::Error::other("no such host"))).unwrap();
    assert_eq!(third.finish().unwrap_err().kind(), ErrorKind::Resolve, "its own dial failed");
    used.answer(200, "two");
    assert_eq!(text(second.finish()), "two");
}

/// With a server whose handshakes are slow, there is at most one dial for each caller.
fn t13_a_storm_of_calls_dials_once_for_each_caller(over: Over) {
    alone!();
    const CALLERS: usize = 16;
    let calls = rounds(200);
    let slow = Duration::from_millis(20);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let (accepted, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (counting, ending) = (Arc::clone(&accepted), Arc::clone(&ended));
    let accepting = thread::spawn(move || {
        let mut peers = Vec::new();
        for socket in listener.incoming() {
            if ending.load(Ordering::SeqCst) {
                break;
            }
            let number = counting.fetch_add(1, Ordering::SeqCst) as u32;
            peers.push(thread::spawn(move || {
                thread::park_timeout(slow * (number % 4));
                if let Ok(stream) = over.accept(Stream::from(socket.unwrap())) {
                    answer_all(stream);
                }
            }));
        }
        peers.into_iter().for_each(|peer| peer.join().unwrap());
    });
    let client = over
        .client_builder()
        .resolver(move |_: &str, _: u16, _: &Context| {
            thread::park_timeout(slow);
            Ok(vec![addr])
        })
        .build();
    let callers = [(); CALLERS].map(|()| {
        let client = client.clone();
        in_background(move || {
            for _ in 0..calls {
                assert_eq!(text(client.get(over.url("host.test", "/")).send()), "ok");
            }
        })
    });
    callers.into_iter().for_each(|caller| caller.finish());
    drop(client);
    ended.store(true, Ordering::SeqCst);
    std::net::TcpStream::connect(addr).unwrap();
    accepting.join().unwrap();
    let dials = accepted.load(Ordering::SeqCst);
    assert!(dials <= CALLERS, "{dials} connections for {CALLERS} callers");
}

/// Answers each request, which has no body, until the client closes.
fn answer_all(mut stream: Stream) {
    use std::io::{Read, Write};

    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        seen.extend_from_slice(&piece[..count]);
        if seen.ends_with(b"\r\n\r\n") {
            seen.clear();
            if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
    }
}

fn t13_a_lookup_that_panics_frees_its_place(over: Over) {
    alone!();
    let peers = over.peers();
    let (addr, number) = (peers.addr(), AtomicUsize::new(0));
    let client = over
        .client_builder()
        .max_connections_per_host(1)
        .resolver(move |_: &str, _: u16, _: &Context| match number.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("as the test has it"),
            _ => Ok(vec![addr]),
        })
        .build();
    let error = get(&client, over.url("host.test", "/")).finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Resolve);
    assert!(error.to_string().contains("panicked"), "{error}");
    let call = get(&client, over.url("host.test", "/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

/// Each call to a host whose lookup hangs once leaked a thread.
fn t13_a_resolver_that_never_returns_does_not_accumulate_threads(over: Over) {
    alone!(waits);
    /// The most lookups that run at a time.
    const MOST: usize = 64;
    let (release, released) = bounded::<()>(0);
    let (entering, entered) = unbounded();
    // Enough to start the threads of all lookups: one that no call waits for is not begun.
    let limit = Duration::from_millis(500);
    let client = over
        .client_builder()
        .connect_timeout(limit)
        .resolver(move |host: &str, _: u16, _: &Context| {
            entering.send(host.to_owned()).unwrap();
            let _ = released.recv();
            Ok(Vec::new())
        })
        .build();
    for _ in 0..3 {
        let error = client.get(over.url("dead.test", "/")).send().unwrap_err();
        assert_eq!(error.timed_out(), Some(TimeLimit::Resolve), "{error}");
    }
    assert_eq!(entered.try_iter().collect::<Vec<_>>(), ["dead.test"]);
    let calls: Vec<_> = (0..MOST + 8)
        .map(|number| get(&client, over.url(format!("dead{number}.test"), "/")))
        .collect();
    for call in calls {
        let error = call.finish().unwrap_err();
        assert_eq!(error.timed_out(), Some(TimeLimit::Resolve), "{error}");
    }
    assert_eq!(entered.try_iter().count(), MOST - 1);
    let url = over.url("beyond.test", "/");
    let error = send(&client, move |client| client.get(url)).finish().unwrap_err();
    assert_eq!(error.timed_out(), Some(TimeLimit::Resolve));
    drop(release);
}

#[test]
fn t13_a_limit_of_no_connections_is_refused() {
    alone!();
    let refused = std::panic::catch_unwind(|| {
        let _ = Client::builder().max_connections_per_host(0).build();
    });
    let text = *refused.unwrap_err().downcast::<String>().expect("a text");
    assert!(text.contains("max_connections_per_host"), "{text}");
    drop(Peers::new());
}
