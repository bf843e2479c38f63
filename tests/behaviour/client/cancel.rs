//! T14: any thread can cancel a call at any stage, and no other call ends.

use std::io::Read;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use hangup::{Body, Client, Context, Error};

use super::{Response, get, send, text};
use crate::support::scripted_server::{Background, BlackHole, counted_body, fed, in_background};
use crate::support::{Over, PATIENCE, alone, over_each, rounds};

over_each![each way:
    t14_a_call_with_a_cancelled_context_sends_nothing,
    t14_cancel_ends_a_call_that_queues_for_a_connection,
    t14_cancel_ends_a_call_that_resolves,
    t14_cancel_ends_a_call_that_dials,
    t14_cancel_ends_a_call_that_writes,
    t14_cancel_ends_a_call_whose_body_source_blocks,
    t14_cancel_ends_a_call_that_withholds_its_body,
    t14_cancel_ends_a_call_that_waits_for_the_head,
    t14_cancel_ends_a_read_of_the_body,
    t14_cancel_ends_a_read_of_a_body_without_a_length,
    t14_the_error_distinguishes_a_deadline_from_a_cancellation,
    t14_a_late_cancel_does_not_touch_the_next_call,
    t14_a_cancelled_call_frees_its_place,
];

/// The time that "within milliseconds" may take on a busy machine.
const PROMPT: Duration = Duration::from_secs(2);

/// A length that exceeds every socket buffer.
const ENORMOUS: u64 = 1 << 30;

/// Cancels the call, which must end at once with the reason.
fn cancel<T: std::fmt::Debug>(context: &Context, call: Background<Result<T, Error>>) {
    assert!(call.is_running(), "it has not waited");
    context.cancel_with("enough");
    let cancelled = Instant::now();
    let error = call.finish().unwrap_err();
    assert!(cancelled.elapsed() < PROMPT, "{:?}", cancelled.elapsed());
    assert!(error.is_cancelled() && !error.is_timeout(), "{error}");
    assert!(error.to_string().contains("enough"), "{error}");
}

fn get_within(
    client: &Client,
    url: String,
    context: &Context,
) -> Background<hangup::Result<Response>> {
    let context = context.clone();
    send(client, move |client| client.get(url).context(&context))
}

fn t14_a_call_with_a_cancelled_context_sends_nothing(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let context = Context::new();
    context.cancel();
    let error = get_within(&client, peers.url("/"), &context).finish().unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    peers.expect_no_more();
    // Nor over a connection that is there.
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    let error = get_within(&client, peers.url("/"), &context).finish().unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert_eq!(client.idle_connections(), 1);
    client.close_idle_connections();
    assert_eq!(peer.expect_closed(), b"");
}

fn t14_cancel_ends_a_call_that_queues_for_a_connection(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().max_connections_per_host(1).build();
    let first = get(&client, peers.url("/first"));
    let mut peer = peers.accept();
    peer.expect_request("GET /first");
    let context = Context::new();
    let queued = get_within(&client, peers.url("/queued"), &context);
    let next = get(&client, peers.url("/next"));
    cancel(&context, queued);
    peer.answer(200, "first");
    assert_eq!(text(first.finish()), "first");
    peer.expect_request("GET /next");
    peer.answer(200, "next");
    assert_eq!(text(next.finish()), "next");
}

fn t14_cancel_ends_a_call_that_resolves(over: Over) {
    alone!();
    let peers = over.peers();
    let addr = peers.addr();
    let (entering, entered) = bounded(1);
    let (release, released) = bounded::<()>(0);
    let client = over
        .client_builder()
        .resolver(move |host: &str, _: u16, _: &Context| {
            if host == "slow.test" {
                entering.send(()).unwrap();
                let _ = released.recv();
            }
            Ok(vec![addr])
        })
        .build();
    let context = Context::new();
    let call = get_within(&client, over.url("slow.test", "/"), &context);
    entered.recv_timeout(PATIENCE).unwrap();
    cancel(&context, call);
    // Others are not held up by a resolver that is.
    let other = get(&client, over.url("fast.test", "/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.answer(200, "ok");
    assert_eq!(text(other.finish()), "ok");
    drop(release);
}

fn t14_cancel_ends_a_call_that_dials(over: Over) {
    alone!();
    let hole = BlackHole::new();
    let (entering, entered) = bounded(1);
    let addr = hole.addr;
    let client = over
        .client_builder()
        .resolver(move |_: &str, _: u16, _: &Context| {
            entering.send(()).unwrap();
            Ok(vec![addr])
        })
        .build();
    let context = Context::new();
    let call = get_within(&client, over.url("silent.test", "/"), &context);
    entered.recv_timeout(PATIENCE).unwrap();
    cancel(&context, call);
}

fn t14_cancel_ends_a_call_that_writes(over: Over) {
    alone!();
    let peers = over.peers_with_small_buffers();
    let client = over.client();
    for in_memory in [false, true] {
        let (feeder, mut body) = counted_body(ENORMOUS);
        if in_memory {
            body = Body::from(vec![0; 16 << 20]);
        }
        let context = Context::new();
        let (url, of_call) = (peers.url("/"), context.clone());
        let call = send(&client, move |client| client.put(url).context(&of_call).body(body));
        let mut peer = peers.accept();
        peer.expect_head("PUT /");
        cancel(&context, call);
        feeder.expect_dropped();
        peer.expect_closed();
    }
}

fn t14_cancel_ends_a_call_whose_body_source_blocks(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (mut feeder, source) = fed();
    let context = Context::new();
    let (url, of_call) = (peers.url("/"), context.clone());
    let body = Body::from_reader(source);
    let call = send(&client, move |client| client.put(url).context(&of_call).body(body));
    let mut peer = peers.accept();
    peer.expect_head("PUT /");
    feeder.wait_until_asked();
    cancel(&context, call);
    assert!(!peer.expect_closed().ends_with(b"0\r\n\r\n"), "a cut body that looks complete");
    feeder.end();
    feeder.expect_dropped();
}

fn t14_cancel_ends_a_call_that_withholds_its_body(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().expect_continue_timeout(PATIENCE * 2).build();
    let (feeder, body) = counted_body(10);
    let context = Context::new();
    let (url, of_call) = (peers.url("/"), context.clone());
    let call =
        send(&client, move |client| client.put(url).context(&of_call).body(body).expect_continue());
    let mut peer = peers.accept();
    peer.expect_head("PUT /");
    cancel(&context, call);
    feeder.expect_dropped();
    assert_eq!(peer.expect_closed(), b"");
}

fn t14_cancel_ends_a_call_that_waits_for_the_head(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for begun in ["", "HTTP/1.1 200 OK\r\nConte"] {
        let context = Context::new();
        let call = get_within(&client, peers.url("/"), &context);
        let other = get(&client, peers.url("/"));
        let (mut one, mut two) = (peers.accept(), peers.accept());
        one.expect_request("GET /");
        two.expect_request("GET /");
        one.send(begun);
        two.send(begun);
        cancel(&context, call);
        // Which of the two was the cancelled one's shows only now.
        let rest = match begun {
            "" => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            _ => "nt-Length: 2\r\n\r\nok",
        };
        let _ = (one.try_send(rest), two.try_send(rest));
        assert_eq!(text(other.finish()), "ok");
        client.close_idle_connections();
        one.expect_closed();
        two.expect_closed();
    }
}

/// Cancels a call whose body is being read. `answer` begins the response.
fn cancel_within_body(over: Over, answer: &str) {
    let peers = over.peers();
    let client = over.client();
    let context = Context::new();
    let call = get_within(&client, peers.url("/"), &context);
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send(answer);
    let mut response = call.finish().unwrap();
    let (reading, begun) = bounded(1);
    let read = in_background(move || {
        let mut text = [0; 5];
        response.body_mut().read_exact(&mut text).unwrap();
        reading.send(()).unwrap();
        response.body_mut().read_bytes(1000)
    });
    begun.recv_timeout(PATIENCE).unwrap();
    cancel(&context, read);
    peer.expect_closed();
}

fn t14_cancel_ends_a_read_of_the_body(over: Over) {
    alone!();
    cancel_within_body(over, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
    cancel_within_body(over, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n");
}

/// The end of the connection delimits such a body, but not if the client closed it.
fn t14_cancel_ends_a_read_of_a_body_without_a_length(over: Over) {
    alone!();
    for _ in 0..rounds(200) {
        cancel_within_body(over, "HTTP/1.1 200 OK\r\n\r\nbegun");
    }
}

fn t14_the_error_distinguishes_a_deadline_from_a_cancellation(over: Over) {
    alone!(waits);
    let peers = over.peers();
    let client = over.client();
    // With a connection at hand, the request is sent well before the deadline.
    let call = get(&client, peers.url("/first"));
    let mut peer = peers.accept();
    peer.expect_request("GET /first");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    let context = Context::with_timeout(Duration::from_millis(500));
    let call = get_within(&client, peers.url("/"), &context);
    peer.expect_request("GET / ");
    let error = call.finish().unwrap_err();
    assert!(error.is_timeout() && !error.is_cancelled(), "{error}");
    let text = "timed out waiting for the whole call: deadline exceeded after 500ms";
    assert_eq!(error.to_string(), text);
    peer.expect_closed();
}

/// A call that is cancelled just when its response arrives may have returned its connection, and another call
/// may use it. The cancellation once closed the connection of that other call.
fn t14_a_late_cancel_does_not_touch_the_next_call(over: Over) {
    alone!();
    let peers = over.peers().serve(|_, peer| {
        while peer.next_request("GET /").is_some() {
            // A cancelled call may have closed the connection.
            let _ = peer.try_send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let client = over.client_builder().max_connections_per_host(1).build();
    let others = [(); 2].map(|()| {
        let (client, url) = (client.clone(), peers.url("/"));
        in_background(move || {
            for _ in 0..rounds(2000) {
                let mut response = client.get(&url).send().expect("nobody cancels this call");
                assert_eq!(response.body_mut().read_text(10).unwrap(), "ok");
            }
        })
    });
    let cancelling = {
        let (client, url) = (client.clone(), peers.url("/"));
        in_background(move || {
            for round in 0..rounds(2000) {
                let context = Context::new();
                let canceller = context.clone();
                let (go, gone) = bounded::<()>(0);
                let thread = std::thread::spawn(move || {
                    let _ = gone.recv();
                    (0..round % 200).for_each(|_| std::hint::spin_loop());
                    canceller.cancel();
                });
                drop(go);
                if let Ok(mut response) = client.get(&url).context(&context).send() {
                    let _ = response.body_mut().read_text(10);
                }
                thread.join().unwrap();
            }
        })
    };
    cancelling.finish();
    others.into_iter().for_each(|others| others.finish());
    drop(client);
}

fn t14_a_cancelled_call_frees_its_place(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().max_connections_per_host(1).build();
    for _ in 0..20 {
        let context = Context::new();
        let call = get_within(&client, peers.url("/"), &context);
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        cancel(&context, call);
        peer.expect_closed();
    }
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}
