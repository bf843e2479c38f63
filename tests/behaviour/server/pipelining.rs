//! Pipelined requests.

use std::io::Write;

use crossbeam_channel::bounded;
use hangup::testing::Parked;
use hangup::{Request, ResponseWriter, Server};

use super::{also_in_memory, echo_path, served};
use crate::support::{Over, PATIENCE, alone, over_each, rounds};

over_each![
    s18_pipelined_requests_are_answered_in_order,
    s18_responses_to_buffered_requests_are_written_together,
    s18_a_response_does_not_wait_for_the_rest_of_a_request,
    s18_a_flush_also_sends_the_responses_before,
    s18_a_request_behind_the_last_is_not_served,
    s18_many_requests_at_once_and_a_client_that_reads_late,
    s18_requests_may_be_cut_anywhere,
];

fn get(number: usize) -> String {
    format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn s18_pipelined_requests_are_answered_in_order(over: Over) {
    alone!();
    also_in_memory(
        over,
        || {
            Server::new(|w: &mut ResponseWriter, r: &mut Request| {
                let body = r.body_mut().read_text(100)?;
                // Short ones, long ones, and flushed ones.
                let number: usize = r.uri().path()[1..].parse()?;
                let filler = "x".repeat(number % 7 * 1000);
                write!(w, "{number} {body} {filler}")?;
                if number % 5 == 0 {
                    w.flush()?;
                }
                Ok(())
            })
        },
        |peer| {
            for round in 0..10 {
                let numbers = round * 10..round * 10 + 10;
                let put = |number| match number % 3 {
                    0 => get(number),
                    _ => format!(
                        "PUT /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{number:02}"
                    ),
                };
                peer.send(numbers.clone().map(put).collect::<String>());
                for number in numbers {
                    let body = if number % 3 == 0 { String::new() } else { format!("{number:02}") };
                    let filler = "x".repeat(number % 7 * 1000);
                    assert_eq!(peer.expect(200), format!("{number} {body} {filler}"));
                }
            }
        },
    );
}

fn s18_responses_to_buffered_requests_are_written_together(over: Over) {
    alone!();
    also_in_memory(
        over,
        || Server::new(echo_path),
        |peer| {
            peer.send([get(1), get(2), get(3)].concat());
            let together = peer.read_once();
            assert_eq!(together.matches("HTTP/1.1 200 OK").count(), 3, "{together}");
        },
    );
}

fn s18_a_response_does_not_wait_for_the_rest_of_a_request(over: Over) {
    alone!();
    let head = "PUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
    for cut in ["P", "PUT /2 HTTP/1.1\r\n", head, &[head, "bo"].concat()] {
        also_in_memory(
            over,
            || {
                Server::new(|w: &mut ResponseWriter, r: &mut Request| {
                    let body = r.body_mut().read_text(100)?;
                    Ok(write!(w, "{} {body}", r.uri())?)
                })
            },
            |peer| {
                peer.send([&get(1), cut].concat());
                assert_eq!(peer.expect(200), "/1 ", "cut at {cut:?}");
                peer.send(&[head, "body"].concat()[cut.len()..]);
                assert_eq!(peer.expect(200), "/2 body");
            },
        );
    }
}

fn s18_a_flush_also_sends_the_responses_before(over: Over) {
    alone!();
    let (go, gone) = bounded::<()>(0);
    let (_server, _far, mut peer) = served(over, move |w: &mut ResponseWriter, r: &mut Request| {
        if r.uri().path() == "/2" {
            w.flush()?;
            gone.recv_timeout(PATIENCE).unwrap();
        }
        echo_path(w, r)
    });
    peer.send([get(1), get(2)].concat());
    assert_eq!(peer.expect(200), "/1");
    assert_eq!(peer.expect_head().status, 200);
    go.send(()).unwrap();
    assert_eq!(peer.expect_chunk(), b"/2");
}

fn s18_a_request_behind_the_last_is_not_served(over: Over) {
    alone!();
    let last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    also_in_memory(
        over,
        || Server::new(echo_path),
        |peer| {
            peer.send([&get(1), last, &get(2)].concat());
            assert_eq!(peer.expect(200), "/1");
            assert_eq!(peer.expect(200), "/last");
            peer.expect_end();
            peer.half_close();
        },
    );
}

fn s18_many_requests_at_once_and_a_client_that_reads_late(over: Over) {
    alone!();
    const ANSWER: usize = 20_000;
    let (_server, far, mut peer) =
        served(over, |w: &mut ResponseWriter, _: &mut Request| Ok(w.write_all(&[b'x'; ANSWER])?));
    // More answers than any connection holds.
    peer.send(get(1).repeat(1000));
    assert!(far.wait_until_parked(Parked::Write, PATIENCE));
    for _ in 0..rounds(1000) {
        assert_eq!(peer.expect_response().body.len(), ANSWER);
    }
}

fn s18_requests_may_be_cut_anywhere(over: Over) {
    alone!();
    let server = over.server(|w: &mut ResponseWriter, r: &mut Request| {
        let body = r.body_mut().read_text(100)?;
        Ok(write!(w, "{} {body}", r.uri())?)
    });
    let text = "PUT /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nbod\r\n1;x=y\r\ny\r\n0\r\nX-T: 1\r\n\r\n\
        GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut peer = over.connect(&server);
    for cut in 1..text.len() {
        peer.send(&text[..cut]).send(&text[cut..]);
        assert_eq!(peer.expect(200), "/1 body", "cut at {cut}");
        assert_eq!(peer.expect(200), "/2 ", "cut at {cut}");
    }
    // And byte by byte.
    for byte in text.as_bytes() {
        peer.send([*byte]);
    }
    assert_eq!(peer.expect(200), "/1 body");
    assert_eq!(peer.expect(200), "/2 ");
}
