//! T13: limits, the queue, dialling with fallback.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hangup::{Body, Client, Context, ErrorKind, ResponseExt, TimeLimit};

use super::{get, send, text};
use crate::support::scripted_server::{BlackHole, Peers, eventually, fed, in_background};
use crate::support::{Over, PATIENCE, alone, over_each, rounds, wait_until_ended};

over_each![
    t13_a_limit_for_each_host_has_a_fair_queue,
    t13_a_waiting_call_dials_when_a_connection_closes,
    t13_a_queued_call_fails_at_its_deadline,
    t13_every_end_of_a_connection_frees_its_place,
    t13_the_limit_for_each_host_is_never_exceeded,
    t13_idle_connections_are_limited_over_all_hosts,
    t13_a_response_head_beyond_the_limit_is_an_error,
    t13_a_failed_dial_fails_the_call_that_it_was_for,
    t13_a_dial_that_no_call_waits_for_takes_no_place,
    t13_a_connection_that_no_call_waits_for_any_more_is_pooled,
    c19_the_limit_for_queueing_ends_a_call_without_a_place,
    c19_the_limit_for_queueing_does_not_end_a_dial,
];

fn t13_a_limit_for_each_host_has_a_fair_queue(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().max_connections_per_host(1).build();
    let first = get(&client, peers.url("/0"));
    let mut peer = peers.accept();
    peer.expect_request("GET /0");
    let queued: Vec<_> = (1..=4)
        .map(|number| {
            let call = get(&client, peers.url(&format!("/{number}")));
            // The order of the queue is that in which they came to it.
            eventually("it is queued", || client.waiting_calls() == number);
            call
        })
        .collect();
    let mut answered = first;
    for (number, next) in (1..).zip(queued) {
        peer.answer(200, "ok");
        assert_eq!(text(answered.finish()), "ok");
        peer.expect_request(&format!("GET /{number}"));
        answered = next;
    }
    peer.answer(200, "ok");
    assert_eq!(text(answered.finish()), "ok");
    peers.expect_no_more();
}

fn t13_a_waiting_call_dials_when_a_connection_closes(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().max_connections_per_host(1).build();
    let first = get(&client, peers.url("/first"));
    let mut peer = peers.accept();
    peer.expect_request("GET /first");
    let queued = get(&client, peers.url("/queued"));
    peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(text(first.finish()), "ok");
    let mut peer = peers.accept();
    peer.expect_request("GET /queued");
    peer.answer(200, "ok");
    assert_eq!(text(queued.finish()), "ok");
}

fn t13_a_queued_call_fails_at_its_deadline(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().max_connections_per_host(1).build();
    let first = get(&client, peers.url("/first"));
    let mut peer = peers.accept();
    peer.expect_request("GET /first");
    let url = peers.url("/queued");
    let context = Context::with_timeout(Duration::from_millis(30));
    let queued = send(&client, move |client| client.get(url).context(&context));
    let error = queued.finish().unwrap_err();
    assert_eq!(error.timed_out(), Some(TimeLimit::Call), "{error}");
    // The call that failed delays no other.
    let next = get(&client, peers.url("/next"));
    peer.answer(200, "ok");
    assert_eq!(text(first.finish()), "ok");
    peer.expect_request("GET /next");
    peer.answer(200, "ok");
    assert_eq!(text(next.finish()), "ok");
}

/// At a limit of one, a leaked place makes the next call wait without end. Every end of a connection frees its
/// place exactly once: two connections are never open together.
fn t13_every_end_of_a_connection_frees_its_place(over: Over) {
    alone!();
    let peers = over.peers();
    let refusing = Arc::new(AtomicUsize::new(0));
    let (addr, refused) = (peers.addr(), Arc::clone(&refusing));
    let client = over
        .client_builder()
        .max_connections_per_host(1)
        .resolver(move |_: &str, _: u16, _: &Context| match refused.load(Ordering::Relaxed) {
            0 => Ok(vec![addr]),
            _ => Err(std::io::Error::other("no such host")),
        })
        .build();
    let url = move || over.url("host.test", "/");
    for round in 0..3 {
        // The dial fails.
        refusing.store(1, Ordering::Relaxed);
        assert_eq!(client.get(url()).send().unwrap_err().kind(), ErrorKind::Resolve);
        refusing.store(0, Ordering::Relaxed);
        for ending in 0..7 {
            let (feeder, source) = fed();
            let call = send(&client, move |client| match ending {
                4 => client.post(url()).body(Body::from_reader(source)),
                _ => client.get(url()),
            });
            let mut peer = peers.accept();
            peer.expect_head("");
            match ending {
                0 => peer.send("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
                1 => peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
                2 => peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nleft over"),
                3 => peer.send("this is not HTTP\r\n\r\n"),
                4 => {
                    feeder.wait_until_asked();
                    feeder.fail("as the test has it");
                }
                5 => peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"),
                _ => peer.end(),
            }
            if ending == 5 {
                peer.end();
            }
            drop(call.finish());
            peer.expect_closed();
            assert_eq!(client.idle_connections(), 0, "{round} {ending}");
        }
    }
    let call = get(&client, url());
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peers.expect_no_more();
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

fn t13_the_limit_for_each_host_is_never_exceeded(over: Over) {
    alone!();
    const LIMIT: usize = 3;
    let open = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&open);
    let peers = over.peers().serve(move |number, peer| {
        let now = counting.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(now <= LIMIT, "{now} connections");
        for _ in 0..number % 4 {
            peer.next_request("POST /");
            let _ = peer.try_send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
        peer.next_request("POST /");
        // Before the client closes it, and opens another.
        counting.fetch_sub(1, Ordering::SeqCst);
        let _ =
            peer.try_send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    });
    let client = over.client_builder().max_connections_per_host(LIMIT).build();
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (client, url) = (client.clone(), peers.url("/"));
            in_background(move || {
                for _ in 0..rounds(100) {
                    assert_eq!(text(client.post(&url).send()), "ok");
                }
            })
        })
        .collect();
    calls.into_iter().for_each(|call| call.finish());
    drop(client);
}

fn t13_idle_connections_are_limited_over_all_hosts(over: Over) {
    alone!();
    let (one, other) = (over.peers(), over.peers());
    let client = over.client_builder().max_idle_connections(1).build();
    let exchange = |peers: &Peers| {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.answer(200, "ok");
        assert_eq!(text(call.finish()), "ok");
        peer
    };
    let mut first = exchange(&one);
    let mut second = exchange(&other);
    // The one that has been idle longest goes.
    first.expect_closed();
    assert_eq!(client.idle_connections(), 1);
    client.close_idle_connections();
    second.expect_closed();
    drop(client);

    let client = over.client_builder().max_idle_connections(0).build();
    let call = get(&client, one.url("/"));
    let mut peer = one.accept();
    peer.expect_request("GET /");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    assert_eq!(client.idle_connections(), 0);
    peer.expect_closed();
}

fn t13_a_response_head_beyond_the_limit_is_an_error(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().max_response_head(1000).build();
    for (length, fits) in [(900, true), (1100, false), (100_000, false)] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        let field = "x".repeat(length);
        let sent =
            peer.try_send(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: {field}\r\n\r\n"));
        assert!(sent.is_ok() || !fits, "{sent:?}");
        match call.finish() {
            Ok(_) => assert!(fits, "{length}"),
            Err(error) => {
                assert!(!fits, "{error}");
                assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
            }
        }
        client.close_idle_connections();
        peer.expect_closed();
    }
}

#[test]
fn t13_after_a_refused_connect_the_next_address_is_tried() {
    alone!();
    let peers = Peers::new();
    let alive = peers.addr();
    let refusing = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let dead = refusing.local_addr().unwrap();
    drop(refusing);
    // Of the same family, and of the other.
    for dead in [dead, (std::net::Ipv6Addr::LOCALHOST, dead.port()).into()] {
        let client = Client::builder()
            .resolver(move |_: &str, _: u16, _: &Context| Ok(vec![dead, alive]))
            .build();
        let call = get(&client, "http://host.test/".to_owned());
        let mut peer = peers.accept();
        let request = peer.expect_request("GET /");
        assert_eq!(request.field("host"), Some("host.test"));
        peer.answer(200, "ok");
        let response = call.finish().unwrap();
        assert_eq!(response.remote_addr().unwrap().ip(), Some(alive));
    }
    let client =
        Client::builder().resolver(move |_: &str, _: u16, _: &Context| Ok(vec![dead])).build();
    let error = client.get("http://host.test/").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains("host.test"), "{error}");
}

#[test]
fn t13_after_a_silent_address_the_next_is_tried_soon() {
    alone!();
    let peers = Peers::new();
    let (silent, alive) = (BlackHole::v6(), peers.addr());
    let dead = silent.addr;
    let client = Client::builder()
        .resolver(move |_: &str, _: u16, _: &Context| Ok(vec![dead, alive]))
        .build();
    let call = get(&client, "http://host.test/".to_owned());
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

/// Of two dialling calls, the first once got whichever connection was established first. If the other dial
/// then failed, the second call waited without end.
fn t13_a_failed_dial_fails_the_call_that_it_was_for(over: Over) {
    alone!(waits);
    let (hole, peers) = (BlackHole::new(), over.peers());
    let (dead, alive) = (hole.addr, peers.addr());
    let number = AtomicUsize::new(0);
    let (entering, entered) = crossbeam_channel::unbounded();
    let client = over
        .client_builder()
        .resolver(move |_: &str, _: u16, _: &Context| {
            let first = number.fetch_add(1, Ordering::SeqCst) == 0;
            entering.send(()).unwrap();
            Ok(vec![if first { dead } else { alive }])
        })
        .build();
    let failing = get(&client, over.url("host.test", "/first"));
    entered.recv_timeout(PATIENCE).unwrap();
    // The other call would share a look-up that still runs.
    wait_until_ended("hangup-resolve");
    let other = get(&client, over.url("host.test", "/second"));
    let mut peer = peers.accept();
    peer.expect_request("GET /second");
    drop(hole);
    assert_eq!(failing.finish().unwrap_err().kind(), ErrorKind::Connect);
    peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(text(other.finish()), "ok");
}

/// The place of a cancelled call was once taken until its dial timed out, half a minute later.
fn t13_a_dial_that_no_call_waits_for_takes_no_place(over: Over) {
    alone!();
    let (hole, peers) = (BlackHole::new(), over.peers());
    let (dead, alive) = (hole.addr, peers.addr());
    let number = AtomicUsize::new(0);
    let (dialling, dialled) = crossbeam_channel::unbounded();
    let client = over
        .client_builder()
        .max_connections_per_host(1)
        .resolver(move |_: &str, _: u16, _: &Context| {
            let number = number.fetch_add(1, Ordering::SeqCst);
            dialling.send(()).unwrap();
            Ok(vec![if number < 2 { dead } else { alive }])
        })
        .build();
    // A call would join a lookup that still runs.
    let looked_up = || {
        dialled.recv_timeout(PATIENCE).unwrap();
        wait_until_ended("hangup-resolve");
    };
    let call = |context: &Context| {
        let context = context.clone();
        send(&client, move |client| client.get(over.url("host.test", "/")).context(&context))
    };
    let (first, second) = (Context::new(), Context::new());
    let dials = call(&first);
    looked_up();
    let queued = call(&second);
    eventually("it is queued", || client.waiting_calls() == 2);
    first.cancel();
    assert!(dials.finish().unwrap_err().is_cancelled());
    looked_up();
    second.cancel();
    assert!(queued.finish().unwrap_err().is_cancelled());
    let call = get(&client, over.url("host.test", "/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

/// Another call's connection became free before the dial ended. The new connection is kept for the next call,
/// and watched until then.
fn t13_a_connection_that_no_call_waits_for_any_more_is_pooled(over: Over) {
    alone!();
    let peers = over.peers();
    let addr = peers.addr();
    let number = AtomicUsize::new(0);
    let (entering, entered) = crossbeam_channel::unbounded();
    let (release, released) = crossbeam_channel::bounded::<()>(0);
    let client = over
        .client_builder()
        .resolver(move |_: &str, _: u16, _: &Context| {
            if number.fetch_add(1, Ordering::SeqCst) == 1 {
                entering.send(()).unwrap();
                let _ = released.recv();
            }
            Ok(vec![addr])
        })
        .build();
    let first = get(&client, over.url("host.test", "/first"));
    let mut used = peers.accept();
    used.expect_request("GET /first");
    let second = get(&client, over.url("host.test", "/second"));
    entered.recv_timeout(PATIENCE).unwrap();
    used.answer(200, "one");
    assert_eq!(text(first.finish()), "one");
    used.expect_request("GET /second");
    used.answer(200, "two");
    assert_eq!(text(second.finish()), "two");

    drop(release);
    let mut late = peers.accept();
    eventually("both are idle", || client.idle_connections() == 2);
    late.end();
    eventually("its end is noticed", || client.idle_connections() == 1);
    late.expect_closed();
}

/// A call that waits for a place has a limit for that, which does not count the time of its dial.
fn c19_the_limit_for_queueing_ends_a_call_without_a_place(over: Over) {
    alone!();
    let peers = over.peers();
    let limit = Duration::from_millis(50);
    let client = over.client_builder().max_connections_per_host(1).queue_timeout(limit).build();
    let first = get(&client, peers.url("/first"));
    let mut peer = peers.accept();
    peer.expect_request("GET /first");
    let error = get(&client, peers.url("/queued")).finish().unwrap_err();
    assert_eq!(error.timed_out(), Some(TimeLimit::Queue), "{error}");
    assert!(error.is_connect(), "nothing was sent");
    assert_eq!(client.waiting_calls(), 0);
    let url = peers.url("/patient");
    let patient = send(&client, move |client| client.get(url).queue_timeout(None));
    peer.answer(200, "ok");
    assert_eq!(text(first.finish()), "ok");
    peer.expect_request("GET /patient");
    peer.answer(200, "ok");
    assert_eq!(text(patient.finish()), "ok");
}

fn c19_the_limit_for_queueing_does_not_end_a_dial(over: Over) {
    alone!();
    let peers = over.peers();
    let addr = peers.addr();
    let (entering, entered) = crossbeam_channel::bounded(1);
    let (release, released) = crossbeam_channel::bounded::<()>(0);
    let limit = Duration::from_millis(20);
    let client = over
        .client_builder()
        .queue_timeout(limit)
        .max_connections_per_host(1)
        .resolver(move |_: &str, _: u16, _: &Context| {
            entering.send(()).unwrap();
            let _ = released.recv();
            Ok(vec![addr])
        })
        .build();
    let call = get(&client, over.url("host.test", "/"));
    entered.recv_timeout(PATIENCE).unwrap();
    let _ = crossbeam_channel::after(3 * limit).recv();
    assert!(call.is_running());
    drop(release);
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}
