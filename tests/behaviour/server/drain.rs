//! Request bodies that the handler did not read, and stray empty lines.

use std::io::{Read, Write};

use hangup::{Request, ResponseWriter, Server};

use super::{also_in_memory, echo_path};
use crate::support::{Over, alone, over_each};

over_each![
    s10_an_unread_body_within_the_limit_keeps_the_connection,
    s10_an_unread_body_beyond_the_limit_closes_after_the_response,
    s10_a_chunked_body_beyond_the_limit_closes_after_the_response,
    s10_the_limit_counts_only_the_unread_rest,
    s10_the_response_is_sent_before_the_drain,
    s10_two_empty_lines_before_a_request_are_skipped,
    s10_an_unread_chunked_body_keeps_the_connection_if_its_end_has_arrived,
    s10_a_chunked_body_that_is_being_read_keeps_the_connection,
];

const LIMIT: usize = 256 * 1024;

fn s10_an_unread_body_within_the_limit_keeps_the_connection(over: Over) {
    alone!();
    also_in_memory(
        over,
        || Server::new(echo_path),
        |peer| {
            for size in [1, 4096, LIMIT - 1, LIMIT] {
                peer.send(format!("PUT /{size} HTTP/1.1\r\nHost: a\r\n"));
                peer.send(format!("Content-Length: {size}\r\n\r\n")).send(vec![b'x'; size]);
                let answer = peer.expect_response();
                assert_eq!(answer.field("connection"), None);
                assert_eq!(answer.text(), format!("/{size}"));
            }
            peer.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(peer.expect(200), "/next");
        },
    );
}

fn s10_an_unread_body_beyond_the_limit_closes_after_the_response(over: Over) {
    alone!();
    let server = over.server(echo_path);
    let mut peer = over.connect(&server);
    let size = LIMIT + 1;
    peer.send(format!("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"));
    let answer = peer.expect_response();
    assert_eq!((answer.field("connection"), answer.text().as_str()), (Some("close"), "/a"));
    peer.send_in_vain(vec![b'x'; size]);
    peer.send_in_vain("GET /never HTTP/1.1\r\nHost: a\r\n\r\n").expect_end();
}

fn s10_a_chunked_body_beyond_the_limit_closes_after_the_response(over: Over) {
    alone!();
    let server = over.server(echo_path);
    let mut peer = over.connect(&server);
    peer.send("PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let answer = peer.expect_response();
    assert_eq!((answer.field("connection"), answer.text().as_str()), (Some("close"), "/a"));
    let size = LIMIT + 1;
    peer.send_in_vain(format!("{size:x}\r\n")).send_in_vain(vec![b'x'; size]);
    peer.send_in_vain("\r\n0\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n").expect_end();
}

fn s10_the_limit_counts_only_the_unread_rest(over: Over) {
    alone!();
    also_in_memory(
        over,
        || {
            Server::new(|w: &mut ResponseWriter, r: &mut Request| {
                let mut part = vec![0; LIMIT];
                r.body_mut().read_exact(&mut part)?;
                echo_path(w, r)
            })
        },
        |peer| {
            let size = 2 * LIMIT;
            for path in ["/a", "/b"] {
                peer.send(format!(
                    "PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
                ));
                peer.send(vec![b'x'; size]);
                assert_eq!(peer.expect(200), path);
            }
        },
    );
}

/// A client that sends the rest only after the response would wait without end for a server that reads the
/// body first.
fn s10_the_response_is_sent_before_the_drain(over: Over) {
    alone!();
    also_in_memory(
        over,
        || Server::new(echo_path),
        |peer| {
            peer.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
            assert_eq!(peer.expect(200), "/a");
            peer.send("body").send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(peer.expect(200), "/b");
        },
    );
}

fn s10_two_empty_lines_before_a_request_are_skipped(over: Over) {
    alone!();
    also_in_memory(
        over,
        || Server::new(echo_path),
        |peer| {
            for lines in ["\r\n", "\r\n\r\n", ""] {
                peer.send("PUT /form HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
                peer.send(lines).send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
                assert_eq!(peer.expect(200), "/form");
                assert_eq!(peer.expect(200), "/next");
            }
        },
    );
}

/// The length of an unfinished chunked body is unknown. The response therefore says `Connection: close`, so
/// that the client does not lose the requests that it sends behind the body.
fn s10_an_unread_chunked_body_keeps_the_connection_if_its_end_has_arrived(over: Over) {
    alone!();
    const HEAD: &str = "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let whole = "5\r\nabcde\r\n1\r\nf\r\n0\r\nX-T: x\r\n\r\n";
    let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    also_in_memory(
        over,
        || Server::new(echo_path),
        |peer| {
            peer.send(format!("{HEAD}{whole}{next}"));
            let answer = peer.expect_response();
            assert_eq!((answer.status, answer.field("connection")), (200, None));
            assert_eq!(peer.expect(200), "/next");
        },
    );
    for cut in (0..whole.len()).map(|cut| &whole[..cut]).chain(["zz\r\n", "1;=\0\r\n"]) {
        also_in_memory(
            over,
            || Server::new(echo_path),
            |peer| {
                let answer = peer.send(format!("{HEAD}{cut}")).expect_response();
                assert_eq!(
                    (answer.status, answer.field("connection")),
                    (200, Some("close")),
                    "{cut:?}"
                );
                peer.half_close().expect_end();
            },
        );
    }
}

/// A handler that reads the body sees all of it.
fn s10_a_chunked_body_that_is_being_read_keeps_the_connection(over: Over) {
    alone!();
    let server = || {
        Server::new(|w: &mut ResponseWriter, r: &mut Request| {
            let mut start = [0; 40];
            r.body_mut().read_exact(&mut start)?;
            w.write_all(&start)?;
            w.flush()?;
            r.body_mut().copy_to(w)?;
            Ok(())
        })
    };
    also_in_memory(over, server, |peer| {
        peer.send("PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n");
        let head = peer.send([b'x'; 40]).send("\r\n").expect_head();
        assert_eq!(head.field("connection"), None);
        assert_eq!(peer.expect_chunk(), [b'x'; 40]);
        peer.send("1\r\ny\r\n0\r\n\r\n");
        assert_eq!(peer.expect_chunk(), b"y");
        peer.expect_text("0\r\n\r\n")
            .send("GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        peer.expect_head();
    });
}
