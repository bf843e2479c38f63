//! The framing of responses.

use std::io::{Cursor, Read, Write};

use hangup::http::{HeaderMap, HeaderValue, StatusCode};
use hangup::{Body, ErrorKind, Request, Response, ResponseWriter, Server, respond};

use super::{also_in_memory, in_memory, served, served_with};
use crate::support::{Answer, Over, RawClient, alone, over_each};

over_each![
    s12_more_than_declared_is_refused,
    s12_less_than_declared_closes_the_connection,
    s12_a_longer_body_is_chunked,
    s12_a_flushed_body_is_chunked_and_arrives_piece_by_piece,
    s12_http_1_0_is_closed_after_a_body_of_unknown_length,
    s12_http_1_0_keeps_a_connection_that_it_asks_to_keep,
    s12_head_has_the_fields_of_get_and_no_body,
    s12_204_and_304_have_neither_body_nor_length,
    s12_205_has_no_body_and_a_length_of_zero,
    s12_head_has_the_content_type_of_get,
    s12_a_field_that_is_forbidden_in_trailers_aborts_the_response,
    s12_a_transfer_encoding_set_by_the_handler_is_ignored,
    s12_connection_close_set_by_the_handler_closes_the_connection,
    s12_a_tunnel_has_no_length_and_no_coding,
];

/// Returns the response to one request, and the connection.
fn ask(over: Over, handler: impl hangup::Handler, request: &str) -> (Answer, RawClient) {
    let (_server, _far, peer) = served(over, handler);
    answer(peer, request)
}

/// Does the same as [`ask`] in memory, for tests that concern only the response.
fn ask_in_memory(handler: impl hangup::Handler, request: &str) -> (Answer, RawClient) {
    let (_server, _far, peer) = in_memory(handler);
    answer(peer, request)
}

fn answer(mut peer: RawClient, request: &str) -> (Answer, RawClient) {
    peer.send(request);
    let answer = match request.starts_with("HEAD") {
        true => peer.expect_head(),
        false => peer.expect_response(),
    };
    peer.half_close();
    (answer, peer)
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
const OLD_GET: &str = "GET / HTTP/1.0\r\n\r\n";
const OLD_KEPT: &str = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";

fn writes(bytes: usize) -> impl hangup::Handler {
    move |w: &mut ResponseWriter, _: &mut Request| Ok(w.write_all(&vec![b'x'; bytes])?)
}

fn s12_more_than_declared_is_refused(over: Over) {
    alone!();
    let (answer, mut peer) = ask(
        over,
        |w: &mut ResponseWriter, _: &mut Request| {
            w.set_header("content-length", 5)?;
            w.write_all(b"hell")?;
            let error = hangup::Error::from(w.write_all(b"oo").unwrap_err());
            assert_eq!(error.kind(), ErrorKind::Misuse);
            Ok(w.write_all(b"o")?)
        },
        GET,
    );
    assert_eq!(answer.text(), "hello");
    peer.expect_end();
}

/// A Content-Length that was set later was not compared with the bytes written before: more bytes followed
/// the head than it declared.
#[test]
fn s12_more_written_than_declared_later_is_an_error() {
    alone!();
    for status in [200, 204] {
        let (answer, _) = ask_in_memory(
            move |w: &mut ResponseWriter, _: &mut Request| {
                w.write_all(b"far too much")?;
                match status {
                    200 => w.set_header("content-length", 3)?,
                    _ => w.set_status(StatusCode::NO_CONTENT),
                };
                Ok(())
            },
            GET,
        );
        assert_eq!((answer.status, answer.text().as_str()), (500, "500 Internal Server Error\n"));
    }
}

fn s12_less_than_declared_closes_the_connection(over: Over) {
    alone!();
    let (_server, _far, mut peer) = served(over, |w: &mut ResponseWriter, _: &mut Request| {
        w.set_header("content-length", 10)?;
        Ok(w.write_all(b"short")?)
    });
    peer.send([GET, GET].concat());
    assert_eq!(peer.expect_head().field("content-length"), Some("10"));
    peer.expect_text("short").expect_end();
}

#[test]
fn s12_a_short_body_gets_a_content_length() {
    alone!();
    for bytes in [0, 1, 2048] {
        let (answer, _) = ask_in_memory(writes(bytes), GET);
        assert_eq!(answer.field("content-length"), Some(bytes.to_string().as_str()));
        assert_eq!((answer.field("transfer-encoding"), answer.body.len()), (None, bytes));
        assert_eq!(answer.field("connection"), None);
    }
}

fn s12_a_longer_body_is_chunked(over: Over) {
    alone!();
    for bytes in [2049, 4096, 20_000, 1 << 20] {
        let server = over.server(writes(bytes));
        let mut peer = over.connect(&server);
        for _ in 0..2 {
            let answer = peer.send(GET).expect_response();
            assert_eq!(answer.field("transfer-encoding"), Some("chunked"));
            assert_eq!((answer.field("content-length"), answer.body.len()), (None, bytes));
        }
    }
}

fn s12_a_flushed_body_is_chunked_and_arrives_piece_by_piece(over: Over) {
    alone!();
    let (go, gone) = crossbeam_channel::bounded::<()>(0);
    let (_server, _far, mut peer) = served(over, move |w: &mut ResponseWriter, _: &mut Request| {
        w.write_all(b"one")?;
        w.flush()?;
        gone.recv().unwrap();
        w.write_all(b"two")?;
        w.flush()?;
        gone.recv().unwrap();
        Ok(())
    });
    peer.send(GET);
    assert_eq!(peer.expect_head().field("transfer-encoding"), Some("chunked"));
    assert_eq!(peer.expect_chunk(), b"one");
    go.send(()).unwrap();
    assert_eq!(peer.expect_chunk(), b"two");
    go.send(()).unwrap();
    assert_eq!(peer.expect_chunk(), b"");
}

fn s12_http_1_0_is_closed_after_a_body_of_unknown_length(over: Over) {
    alone!();
    for request in [OLD_GET, OLD_KEPT] {
        let (answer, _) = ask(over, writes(5000), request);
        assert_eq!(
            (answer.field("transfer-encoding"), answer.field("content-length")),
            (None, None)
        );
        assert_eq!((answer.field("connection"), answer.body.len()), (Some("close"), 5000));
    }
}

fn s12_http_1_0_keeps_a_connection_that_it_asks_to_keep(over: Over) {
    alone!();
    also_in_memory(
        over,
        || Server::with_handler(writes(10)),
        |peer| {
            for _ in 0..3 {
                let answer = peer.send(OLD_KEPT).expect_response();
                assert_eq!(answer.field("connection"), Some("keep-alive"));
                assert_eq!(answer.field("content-length"), Some("10"));
            }
            let answer = peer.send(OLD_GET).expect_response();
            assert_eq!(answer.field("connection"), Some("close"));
            peer.expect_end();
        },
    );
}

fn s12_head_has_the_fields_of_get_and_no_body(over: Over) {
    alone!();
    for (bytes, length, coding) in [(5, Some("5"), None), (5000, None, Some("chunked"))] {
        also_in_memory(
            over,
            || Server::with_handler(writes(bytes)),
            |peer| {
                for _ in 0..2 {
                    let answer = peer.send(HEAD).expect_head();
                    assert_eq!(answer.field("content-length"), length);
                    assert_eq!(answer.field("transfer-encoding"), coding);
                }
                peer.send(GET);
                assert_eq!(peer.expect_response().body.len(), bytes);
            },
        );
    }
    // Of a handler that knows better than to write a body, nothing is claimed.
    let (answer, mut peer) = ask(over, |_: &mut ResponseWriter, _: &mut Request| Ok(()), HEAD);
    assert_eq!(answer.field("content-length"), None);
    peer.expect_end();
    let (answer, mut peer) = ask(over, respond(|_| Ok("hello")), HEAD);
    assert_eq!(answer.field("content-length"), Some("5"));
    peer.expect_end();
}

fn s12_204_and_304_have_neither_body_nor_length(over: Over) {
    alone!();
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        also_in_memory(
            over,
            || {
                Server::new(move |w: &mut ResponseWriter, _: &mut Request| {
                    w.set_status(status).set_header("content-length", 7)?;
                    assert!(w.write_all(b"a body!").is_err());
                    Ok(())
                })
            },
            |peer| {
                for _ in 0..2 {
                    let answer = peer.send(GET).expect_response();
                    assert_eq!(answer.status, status.as_u16());
                    assert_eq!(answer.field("content-length"), None);
                    assert_eq!(answer.field("transfer-encoding"), None);
                }
            },
        );
    }
}

fn s12_205_has_no_body_and_a_length_of_zero(over: Over) {
    alone!();
    for declared in [None, Some(7)] {
        let server = || {
            Server::new(move |w: &mut ResponseWriter, r: &mut Request| {
                if r.uri().path() == "/sent" {
                    let response = hangup::http::Response::builder().status(205);
                    return w.send(response.body(Body::from("a body!")).unwrap());
                }
                w.set_status(StatusCode::RESET_CONTENT);
                if let Some(length) = declared {
                    w.set_header("content-length", length)?;
                }
                assert!(w.write_all(b"a body!").is_err());
                Ok(())
            })
        };
        also_in_memory(over, server, |peer| {
            for request in ["GET /", "HEAD /", "GET /sent", "HEAD /sent"] {
                peer.send(format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n"));
                let answer = peer.expect_head();
                assert_eq!(answer.status, 205, "{request}");
                assert_eq!(answer.field("content-length"), Some("0"), "{request}");
                assert_eq!(answer.field("transfer-encoding"), None, "{request}");
                assert_eq!(answer.field("content-type"), None, "{request}");
            }
        });
    }
}

/// A finished response once lost its trailers, since its body was not read.
fn s12_head_has_the_content_type_of_get(over: Over) {
    alone!();
    let server = || {
        Server::new(|w: &mut ResponseWriter, r: &mut Request| {
            let html = format!("<html>{}", " ".repeat(5000));
            let pieces = Cursor::new("<ht").chain(Cursor::new("ml>")).chain(Cursor::new("more"));
            let body = match r.uri().path() {
                "/written" => return Ok(w.write_all(b"<html>")?),
                "/long" => return Ok(w.write_all(html.as_bytes())?),
                "/bytes" => Body::from(&b"\x89PNG\r\n\x1A\n"[..]),
                "/binary" => Body::from(&b"a\0b"[..]),
                "/text" => Body::from("hello"),
                "/stream" => Body::from_reader(Cursor::new(html)),
                "/pieces" => Body::from_reader(pieces),
                "/nothing" => Body::from_reader(Cursor::new("")),
                _ => Body::empty(),
            };
            let mut response = Response::new(body);
            if r.uri().query() == Some("typed") {
                let kind = HeaderValue::from_static("text/x-own");
                response.headers_mut().insert("content-type", kind);
            }
            w.send(response)
        })
    };
    also_in_memory(over, server, |peer| {
        for path in [
            "/written",
            "/long",
            "/bytes",
            "/binary",
            "/text",
            "/text?typed",
            "/stream",
            "/pieces",
            "/pieces?typed",
            "/nothing",
            "/empty",
        ] {
            peer.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
            let got = peer.expect_response();
            peer.send(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
            let head = peer.expect_head();
            assert_eq!(head.field("content-type"), got.field("content-type"), "{path}");
            assert_eq!(got.field("content-type").is_some(), !got.body.is_empty(), "{path}");
        }
    });
}

#[test]
fn s12_interim_responses_come_first_and_are_not_sent_to_http_1_0() {
    alone!();
    let handler = |w: &mut ResponseWriter, _: &mut Request| {
        let mut headers = HeaderMap::new();
        headers.insert("link", HeaderValue::from_static("</a.css>; rel=preload"));
        w.informational(StatusCode::EARLY_HINTS, &headers)?;
        assert!(w.informational(StatusCode::SWITCHING_PROTOCOLS, &headers).is_err());
        assert!(w.informational(StatusCode::OK, &headers).is_err());
        w.write_all(b"final")?;
        w.flush()?;
        assert!(w.informational(StatusCode::EARLY_HINTS, &headers).is_err());
        Ok(())
    };
    let (_server, _far, mut peer) = in_memory(handler);
    peer.send(GET).expect_text("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n");
    assert_eq!(peer.expect(200), "final");
    assert_eq!(ask_in_memory(handler, OLD_GET).0.text(), "final");
}

#[test]
fn s12_an_interim_status_as_the_final_one_is_an_error() {
    alone!();
    let (answer, _) = ask_in_memory(
        |w: &mut ResponseWriter, _: &mut Request| {
            w.set_status(StatusCode::EARLY_HINTS);
            Ok(w.write_all(b"hello")?)
        },
        GET,
    );
    assert_eq!(answer.status, 500);
}

#[test]
fn s12_trailers_follow_a_chunked_body() {
    alone!();
    for written in [0, 10, 10_000] {
        let (answer, _) = ask_in_memory(
            move |w: &mut ResponseWriter, _: &mut Request| {
                w.set_header("trailer", "x-sum")?;
                w.write_all(&vec![b'x'; written])?;
                w.trailers_mut().insert("x-sum", written.into());
                Ok(())
            },
            GET,
        );
        assert_eq!(answer.field("transfer-encoding"), Some("chunked"));
        assert_eq!(answer.trailers, format!("X-Sum: {written}\r\n"));
    }
}

#[test]
fn s12_trailers_of_a_finished_response_follow_it_whatever_its_length() {
    alone!();
    for length in [5, 5000] {
        for declared in [false, true] {
            let (answer, _) = ask_in_memory(
                respond(move |_| {
                    let body = Body::from("x".repeat(length)).with_trailers(|| {
                        [(hangup::http::header::ETAG, HeaderValue::from_static("7"))]
                            .into_iter()
                            .collect()
                    });
                    let mut response = Response::new(body);
                    if declared {
                        response.headers_mut().insert("content-length", length.into());
                    }
                    Ok(response)
                }),
                GET,
            );
            assert_eq!((answer.body.len(), answer.trailers.as_str()), (length, "Etag: 7\r\n"));
            assert_eq!((answer.fields("trailer").len(), answer.field("content-length")), (0, None));
        }
    }
}

/// Forbidden trailers could give a proxy another length or route than the head.
fn s12_a_field_that_is_forbidden_in_trailers_aborts_the_response(over: Over) {
    alone!();
    let (_server, _far, mut peer) = served(over, |w: &mut ResponseWriter, _: &mut Request| {
        w.write_all(&[b'x'; 5000])?;
        w.trailers_mut().insert("content-length", 1.into());
        Ok(())
    });
    peer.send(GET);
    assert_eq!(peer.expect_head().field("transfer-encoding"), Some("chunked"));
    let rest = peer.rest();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "it must not look whole");
}

#[test]
fn s12_a_response_has_one_date() {
    alone!();
    let (answer, _) = ask_in_memory(writes(1), GET);
    let date = answer.field("date").expect("a date");
    assert!(date.len() == 29 && date.ends_with(" GMT"), "{date}");
    let (answer, _) = ask_in_memory(
        |w: &mut ResponseWriter, _: &mut Request| {
            w.set_header("date", "Thu, 01 Jan 1970 00:00:00 GMT")?;
            Ok(())
        },
        GET,
    );
    assert_eq!(answer.field("date"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
}

#[test]
fn s12_the_type_is_sniffed_when_none_is_set() {
    alone!();
    for (body, expected) in [
        (&b"<!DOCTYPE html><p>"[..], "text/html; charset=utf-8"),
        (b"plain", "text/plain; charset=utf-8"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\0\x01\x02", "application/octet-stream"),
    ] {
        for (request, flush) in [(GET, false), (GET, true), (HEAD, false)] {
            let (answer, _) = ask_in_memory(
                move |w: &mut ResponseWriter, _: &mut Request| {
                    w.write_all(body)?;
                    if flush {
                        w.flush()?;
                    }
                    Ok(())
                },
                request,
            );
            assert_eq!(answer.field("content-type"), Some(expected), "{body:?}");
        }
    }
    let (answer, _) = ask_in_memory(
        |w: &mut ResponseWriter, _: &mut Request| {
            w.set_header("content-type", "text/x-own")?;
            Ok(w.write_all(b"<!DOCTYPE html>")?)
        },
        GET,
    );
    assert_eq!(answer.field("content-type"), Some("text/x-own"));
    let (answer, _) = ask_in_memory(|_: &mut ResponseWriter, _: &mut Request| Ok(()), GET);
    assert_eq!(answer.field("content-type"), None);
}

#[test]
fn s12_a_bodys_type_is_sent_unless_the_response_has_one() {
    alone!();
    for (own, request) in [(None, GET), (None, HEAD), (Some("text/x-own"), GET)] {
        let (answer, _) = ask_in_memory(
            move |w: &mut ResponseWriter, _: &mut Request| {
                let csv = HeaderValue::from_static("text/csv");
                let mut response = Response::new(Body::from("a,b\n").with_content_type(csv));
                if let Some(own) = own {
                    response.headers_mut().insert("content-type", HeaderValue::from_static(own));
                }
                w.send(response)
            },
            request,
        );
        assert_eq!(answer.field("content-type"), Some(own.unwrap_or("text/csv")));
    }
}

#[test]
fn s12_a_header_value_with_a_line_break_is_an_error_and_no_second_header() {
    alone!();
    let (answer, _) = ask_in_memory(
        |w: &mut ResponseWriter, _: &mut Request| {
            for value in ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b"] {
                let error = w.set_header("x", value).map(|_| ()).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidMessage);
                assert!(error.to_string().contains("header \"x\""), "{error}");
            }
            assert!(w.set_header("x\r\ny", "z").is_err());
            w.set_header("location", "/\r\nSet-Cookie: stolen=1")?;
            Ok(())
        },
        GET,
    );
    assert_eq!(answer.status, 500);
    assert_eq!((answer.field("set-cookie"), answer.field("location")), (None, None));
}

fn s12_a_transfer_encoding_set_by_the_handler_is_ignored(over: Over) {
    alone!();
    for value in ["chunked", "gzip", "identity"] {
        for bytes in [10, 5000] {
            also_in_memory(
                over,
                || {
                    Server::new(move |w: &mut ResponseWriter, _: &mut Request| {
                        w.set_header("transfer-encoding", value)?;
                        Ok(w.write_all(&vec![b'x'; bytes])?)
                    })
                },
                |peer| {
                    for _ in 0..2 {
                        let answer = peer.send(GET).expect_response();
                        assert_eq!(answer.body, vec![b'x'; bytes]);
                        assert!(matches!(
                            answer.field("transfer-encoding"),
                            None | Some("chunked")
                        ));
                    }
                },
            );
        }
    }
}

#[test]
fn s12_a_content_length_that_is_no_number_is_answered_with_500() {
    alone!();
    for value in ["abc", "-1", "1, 1", "99999999999999999999"] {
        let (answer, _) = ask_in_memory(
            move |w: &mut ResponseWriter, _: &mut Request| {
                w.set_header("content-length", value)?;
                Ok(())
            },
            GET,
        );
        assert_eq!(answer.status, 500, "{value}");
    }
}

fn s12_connection_close_set_by_the_handler_closes_the_connection(over: Over) {
    alone!();
    for value in ["close", "Close", "x-own, close"] {
        let (_server, _far, mut peer) = served_with(
            over,
            Server::new(move |w: &mut ResponseWriter, _: &mut Request| {
                w.set_header("connection", value)?;
                Ok(())
            }),
        );
        let answer = peer.send(GET).expect_response();
        let said = answer.fields("connection");
        assert_eq!(said.iter().filter(|said| **said == "close").count(), 1, "{said:?}");
        assert_eq!(said.contains(&"x-own"), value.contains("x-own"), "{said:?}");
        peer.expect_end();
    }
}

/// The handler's value was once sent beside the server's `close`.
#[test]
fn s12_keep_alive_set_by_the_handler_changes_nothing() {
    alone!();
    let handler = |w: &mut ResponseWriter, _: &mut Request| {
        w.set_header("connection", "keep-alive")?;
        Ok(w.write_all(b"hello")?)
    };
    for (request, said) in [
        (GET, None),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", Some("close")),
        (OLD_GET, Some("close")),
        (OLD_KEPT, Some("keep-alive")),
    ] {
        assert_eq!(ask_in_memory(handler, request).0.field("connection"), said, "{request:?}");
    }
}

fn s12_a_tunnel_has_no_length_and_no_coding(over: Over) {
    alone!();
    const CONNECT: &str = "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n";
    for bytes in [0, 10, 5000] {
        let (answer, _) = ask(over, writes(bytes), CONNECT);
        assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
        assert_eq!(
            (answer.field("content-length"), answer.field("transfer-encoding")),
            (None, None)
        );
        assert_eq!(answer.body.len(), bytes);
    }
    // A refusal is an answer like any other.
    let (answer, _) = ask(
        over,
        |w: &mut ResponseWriter, _: &mut Request| {
            w.set_status(StatusCode::METHOD_NOT_ALLOWED);
            Ok(())
        },
        CONNECT,
    );
    assert_eq!((answer.status, answer.field("content-length")), (405, Some("0")));
    assert_eq!(answer.field("connection"), None);
}
