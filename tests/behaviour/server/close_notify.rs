//! Close-notify: one channel for each request.

use std::io::{Read, Write};

use crossbeam_channel::bounded;
use hangup::testing::Parked;
use hangup::{Request, RequestExt, ResponseWriter, Server};

use super::{also_in_memory, echo_path, next, reports, served};
use crate::support::{Over, PATIENCE, alone, over_each, rounds};

over_each![
    s05_close_notify_fires_when_the_client_closes,
    s05_close_notify_fires_at_a_pipelined_request_which_is_then_answered,
    s05_close_notify_fires_at_a_request_that_arrived_with_the_end_of_a_body,
    s05_close_notify_sends_at_most_one_value_for_each_request,
    s05_close_notify_stays_silent_while_nothing_happens,
    s05_requests_of_every_kind_share_one_connection,
];

fn s05_close_notify_fires_when_the_client_closes(over: Over) {
    alone!();
    for reset in [false, true] {
        let (begin, begun) = reports();
        let (report, fired) = reports();
        let server = over.server(move |_: &mut ResponseWriter, r: &mut Request| {
            begin.send(()).unwrap();
            report.send(r.close_notify().recv_timeout(PATIENCE).is_ok()).unwrap();
            Ok(())
        });
        let mut peer = over.connect(&server);
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        // A reset drops a request that was not read.
        next(&begun);
        match reset {
            true => peer.reset(),
            false => drop(peer),
        }
        assert!(next(&fired), "reset: {reset}");
    }
}

fn s05_close_notify_fires_at_a_pipelined_request_which_is_then_answered(over: Over) {
    alone!();
    also_in_memory(
        over,
        || {
            Server::new(|w: &mut ResponseWriter, r: &mut Request| {
                if r.uri().path() == "/first" {
                    r.close_notify().recv_timeout(PATIENCE).expect("the next request");
                }
                echo_path(w, r)
            })
        },
        |peer| {
            peer.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
            peer.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(peer.expect(200), "/first");
            assert_eq!(peer.expect(200), "/second");
        },
    );
}

/// A request that arrived in one read with the end of the body before it once fired no notification, since the
/// background read sees only later bytes.
fn s05_close_notify_fires_at_a_request_that_arrived_with_the_end_of_a_body(over: Over) {
    alone!();
    for asks_first in [false, true] {
        let (_server, _far, mut peer) =
            served(over, move |w: &mut ResponseWriter, r: &mut Request| {
                let early = asks_first.then(|| r.close_notify());
                let mut body = String::new();
                r.body_mut().read_to_string(&mut body)?;
                if r.uri().path() == "/first" {
                    let notify = early.unwrap_or_else(|| r.close_notify());
                    notify.recv_timeout(PATIENCE).expect("the next request");
                }
                Ok(write!(w, "{} {body}", r.uri())?)
            });
        let first = "PUT /first HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
        peer.send([first, "GET /second HTTP/1.1\r\nHost: a\r\n\r\n"].concat());
        assert_eq!(peer.expect(200), "/first body");
        assert_eq!(peer.expect(200), "/second ");
    }
}

fn s05_close_notify_sends_at_most_one_value_for_each_request(over: Over) {
    alone!();
    let (report, values) = reports();
    let server = over.server(move |_: &mut ResponseWriter, r: &mut Request| {
        let (one, same) = (r.close_notify(), r.close_notify());
        assert!(one.same_channel(&same));
        // Both reasons there are: the next request, then the end of the stream.
        one.recv_timeout(PATIENCE).expect("the next request");
        r.context().wait_timeout(PATIENCE).expect("the end of the stream");
        report.send(same.try_recv().is_ok()).unwrap();
        Ok(())
    });
    let mut peer = over.connect(&server);
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nG").half_close();
    assert!(!next(&values), "a second value");
}

fn s05_close_notify_stays_silent_while_nothing_happens(over: Over) {
    alone!();
    let (report, notifies) = reports();
    let (go, gone) = bounded::<()>(0);
    let (_server, far, mut peer) = served(over, move |w: &mut ResponseWriter, r: &mut Request| {
        report.send(r.close_notify()).unwrap();
        let _ = gone.recv_timeout(PATIENCE);
        echo_path(w, r)
    });
    peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let notify = next(&notifies);
    assert!(far.wait_until_parked(Parked::Read, PATIENCE));
    drop(go);
    assert_eq!(peer.expect(200), "/a");
    peer.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(peer.expect(200), "/b");
    assert!(notify.is_empty(), "the request after it is no news to a handler that has returned");
}

fn s05_requests_of_every_kind_share_one_connection(over: Over) {
    alone!();
    let server = || {
        Server::new(|w: &mut ResponseWriter, r: &mut Request| {
            let path = r.uri().path().to_owned();
            let uses = |what: char| path.contains(what);
            let context = uses('c').then(|| r.context());
            let notify = uses('n').then(|| r.close_notify());
            let mut body = String::new();
            if uses('b') {
                r.body_mut().read_to_string(&mut body)?;
            }
            if uses('h') {
                // Reads one byte of it and leaves the rest.
                let _ = r.body_mut().read(&mut [0])?;
            }
            if uses('f') {
                w.flush()?;
            }
            let late = uses('l').then(|| (r.context(), r.close_notify()));
            assert!(context.is_none_or(|context| !context.is_done()));
            assert!(late.is_none_or(|(context, _)| !context.is_done()));
            drop(notify);
            if uses('e') {
                return Ok(()); // without a word
            }
            Ok(write!(w, "{path} {body}")?)
        })
    };
    let features = ["", "c", "n", "cn", "b", "cb", "nb", "h", "ch", "l", "bl", "f", "cnblf", "e"];
    also_in_memory(over, server, |peer| {
        for number in 0..rounds(200) {
            let feature = features[number * 7 % features.len()];
            let path = format!("/{number}{feature}");
            let body = "x".repeat(number * 13 % 700);
            peer.send(format!("PUT {path} HTTP/1.1\r\nHost: a\r\n"));
            match number % 3 {
                0 => peer.send(format!("Content-Length: {}\r\n\r\n{body}", body.len())),
                1 if body.is_empty() => peer.send("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                1 => peer.send(format!(
                    "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                    body.len()
                )),
                _ => peer.send("Content-Length: 0\r\n\r\n"),
            };
            let body = if number % 3 == 2 { "" } else { &body };
            let body = if feature.contains('b') { body } else { "" };
            let expected = format!("{path} {body}");
            let answer = peer.expect(200);
            assert_eq!(answer, if feature == "e" { "" } else { expected.as_str() });
        }
    });
}
