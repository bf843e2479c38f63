//! `Expect: 100-continue`.

use std::io::Write;

use hangup::http::{HeaderMap, StatusCode};
use hangup::{Request, ResponseWriter, Server};

use super::{also_in_memory, echo_path};
use crate::support::{Over, alone, over_each};

over_each![
    s11_a_100_is_sent_with_the_first_read_and_once,
    s11_a_handler_that_does_not_read_sends_no_100_and_the_connection_is_closed,
    s11_no_100_after_the_final_head,
    s11_a_handler_may_send_the_100_itself,
    s11_a_100_does_not_overtake_the_responses_before_it,
    s11_a_request_without_content_gets_no_100,
    s11_an_http_1_0_client_gets_no_100,
    s11_an_unknown_expectation_is_417,
    s10_a_client_that_does_not_wait_for_its_100_keeps_its_connection,
    s11_expect_is_one_list_over_all_its_lines,
];

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

fn waiting(length: usize) -> String {
    format!(
        "PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: {length}\r\n\r\n"
    )
}

fn s11_a_100_is_sent_with_the_first_read_and_once(over: Over) {
    alone!();
    also_in_memory(
        over,
        || {
            Server::new(|w: &mut ResponseWriter, r: &mut Request| {
                let body = r.body_mut().read_text(100)?;
                Ok(w.write_all(body.as_bytes())?)
            })
        },
        |peer| {
            for _ in 0..3 {
                peer.send(waiting(10)).expect_text(CONTINUE);
                peer.send("hello").send("world");
                assert_eq!(peer.expect(200), "helloworld");
            }
        },
    );
}

fn s11_a_handler_that_does_not_read_sends_no_100_and_the_connection_is_closed(over: Over) {
    alone!();
    also_in_memory(
        over,
        || Server::new(echo_path),
        |peer| {
            peer.send(waiting(10));
            let answer = peer.expect_response();
            assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
            peer.expect_end();
        },
    );
}

fn s11_no_100_after_the_final_head(over: Over) {
    alone!();
    also_in_memory(
        over,
        || {
            Server::new(|w: &mut ResponseWriter, r: &mut Request| {
                w.set_header("content-length", 4)?;
                w.flush()?;
                // The client sends it all the same.
                let body = r.body_mut().read_bytes(100)?;
                Ok(w.write_all(&body)?)
            })
        },
        |peer| {
            peer.send(waiting(4));
            let answer = peer.expect_head();
            assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
            peer.send("body").expect_text("body").expect_end();
        },
    );
}

fn s11_a_handler_may_send_the_100_itself(over: Over) {
    alone!();
    also_in_memory(
        over,
        || {
            Server::new(|w: &mut ResponseWriter, r: &mut Request| {
                w.informational(StatusCode::CONTINUE, &HeaderMap::new())?;
                let body = r.body_mut().read_bytes(100)?;
                Ok(w.write_all(&body)?)
            })
        },
        |peer| {
            for _ in 0..2 {
                peer.send(waiting(4)).expect_text(CONTINUE).send("body");
                let answer = peer.expect_response();
                assert_eq!((answer.text().as_str(), answer.field("connection")), ("body", None));
            }
        },
    );
}

/// The 100 once overtook earlier responses that were held back.
fn s11_a_100_does_not_overtake_the_responses_before_it(over: Over) {
    alone!();
    also_in_memory(
        over,
        || {
            Server::new(|w: &mut ResponseWriter, r: &mut Request| {
                let body = r.body_mut().read_text(100)?;
                Ok(write!(w, "{} {body}", r.uri())?)
            })
        },
        |peer| {
            peer.send(["GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", &waiting(4)].concat());
            assert_eq!(peer.expect(200), "/1 ");
            peer.expect_text(CONTINUE).send("body");
            assert_eq!(peer.expect(200), "/a body");
        },
    );
}

fn s11_a_request_without_content_gets_no_100(over: Over) {
    alone!();
    also_in_memory(
        over,
        || Server::new(echo_path),
        |peer| {
            let without = "GET /b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n";
            for (request, path) in [(waiting(0).as_str(), "/a"), (without, "/b")] {
                peer.send(request);
                let answer = peer.expect_response();
                assert_eq!((answer.field("connection"), answer.text().as_str()), (None, path));
            }
        },
    );
}

fn s11_an_http_1_0_client_gets_no_100(over: Over) {
    alone!();
    also_in_memory(
        over,
        || {
            Server::new(|w: &mut ResponseWriter, r: &mut Request| {
                let body = r.body_mut().read_bytes(100)?;
                Ok(w.write_all(&body)?)
            })
        },
        |peer| {
            peer.send("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody");
            assert_eq!(peer.expect(200), "body");
            peer.expect_end();
        },
    );
}

fn s11_an_unknown_expectation_is_417(over: Over) {
    alone!();
    also_in_memory(
        over,
        || Server::new(echo_path),
        |peer| {
            peer.send("GET / HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\n\r\n");
            let answer = peer.expect_response();
            assert_eq!((answer.status, answer.field("connection")), (417, Some("close")));
            peer.half_close().expect_end();
        },
    );
}

/// Such a body has arrived or will, so the server can read and discard it.
fn s10_a_client_that_does_not_wait_for_its_100_keeps_its_connection(over: Over) {
    alone!();
    const CHUNKED: &str = "PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    for (request, rest) in [
        (waiting(10) + "hello", "world"),
        (waiting(10) + "helloworld", ""),
        (format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\n"), ""),
    ] {
        let server = || Server::new(echo_path);
        also_in_memory(over, server, |peer| {
            let answer = peer.send(&request).expect_response();
            assert_eq!((answer.status, answer.field("connection")), (200, None), "{request}");
            peer.send(rest).send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(peer.expect(200), "/next");
        });
    }
}

fn s11_expect_is_one_list_over_all_its_lines(over: Over) {
    alone!();
    let reading = || {
        Server::new(|w: &mut ResponseWriter, r: &mut Request| {
            let body = r.body_mut().read_text(100)?;
            Ok(w.write_all(body.as_bytes())?)
        })
    };
    let head = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n";
    also_in_memory(over, reading, |peer| {
        for lines in [
            "Expect: 100-continue, 100-Continue",
            "Expect: 100-continue\r\nExpect: 100-continue",
            "Expect:\r\nExpect: , 100-continue ,",
        ] {
            peer.send(format!("{head}{lines}\r\n\r\n")).expect_text(CONTINUE);
            peer.send("hi");
            assert_eq!(peer.expect(200), "hi", "{lines}");
        }
        for lines in ["Expect:", "Expect: ,\r\nExpect: , ,"] {
            peer.send(format!("{head}{lines}\r\n\r\nhi"));
            assert_eq!(peer.expect(200), "hi", "{lines}");
        }
    });
    for lines in [
        "Expect: 100-continue, a-miracle",
        "Expect: 100-continue\r\nExpect: a-miracle",
        "Expect: 100-continue;a=b",
    ] {
        also_in_memory(over, reading, |peer| {
            peer.send(format!("{head}{lines}\r\n\r\n"));
            let answer = peer.expect_response();
            assert_eq!((answer.status, answer.field("connection")), (417, Some("close")));
            peer.half_close().expect_end();
        });
    }
}
