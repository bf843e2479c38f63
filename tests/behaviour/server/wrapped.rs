//! Layers whose work depends on the connection: compression with flushes, and access logs.

use std::io::Write;

use crossbeam_channel::Receiver;
use hangup::http::Version;
use hangup::layers::{AccessLog, Compress};
use hangup::testing::TestServer;
use hangup::websocket::Upgrade;
use hangup::{
    Handler, HandlerExt, OutcomeKind, Request, RequestExt, ResponseWriter, Result, ReverseProxy,
    Server,
};

use super::{echo_path, in_memory, next, reports};
use crate::support::{Over, PATIENCE, RawClient, alone};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n";

#[test]
fn h09_a_flushed_piece_reaches_the_client_compressed() {
    alone!();
    let (write, pieces) = reports::<Vec<u8>>();
    let handler = move |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        w.set_header("content-type", "text/event-stream")?;
        while let Ok(piece) = pieces.recv_timeout(PATIENCE) {
            w.write_all(&piece)?;
            w.flush()?;
            if piece.is_empty() {
                break;
            }
        }
        Ok(())
    };
    let (_server, _, mut peer) = in_memory(handler.layer(Compress::new()));
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    let mut sent = Vec::new();
    peer.send(GET);
    for piece in [&b"data: 1\n\n"[..], b"d", &[b'x'; 3000], &[b'y'; 20_000], b"data: 2\n\n"] {
        write.send(piece.to_vec()).unwrap();
        if sent.is_empty() {
            let head = peer.expect_head();
            assert_eq!(head.field("content-encoding"), Some("gzip"));
            assert_eq!(head.field("transfer-encoding"), Some("chunked"));
        }
        sent.extend_from_slice(piece);
        // Nothing else is sent before all of this has arrived.
        while decoder.get_ref().len() < sent.len() {
            decoder.write_all(&peer.expect_chunk()).unwrap();
            decoder.flush().unwrap();
        }
        assert!(*decoder.get_ref() == sent);
    }
    write.send(Vec::new()).unwrap();
    loop {
        let chunk = peer.expect_chunk();
        if chunk.is_empty() {
            break;
        }
        decoder.write_all(&chunk).unwrap();
    }
    assert!(decoder.finish().unwrap() == sent);
}

type Logged = (String, Option<u16>, OutcomeKind);

/// Logs the requests of a handler to a channel.
fn logged(handler: impl Handler) -> (impl Handler, Receiver<Logged>) {
    let (report, lines) = reports();
    let log = AccessLog::with(move |record| {
        let status = record.status.map(|status| status.as_u16());
        let _ = report.send((record.target.to_string(), status, record.outcome));
    });
    (handler.layer(log), lines)
}

fn line(target: &str, status: Option<u16>, outcome: OutcomeKind) -> Logged {
    (target.to_owned(), status, outcome)
}

#[test]
fn h09_the_log_says_that_a_client_has_left() {
    alone!();
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        match r.uri().path() {
            "/stream" => loop {
                w.write_all(&[b'a'; 10_000])?;
            },
            "/wait" => drop(r.context().done().recv_timeout(PATIENCE)),
            "/upload" => drop(r.body_mut().read_bytes(1000)?),
            _ => {}
        }
        Ok(())
    };
    let (handler, lines) = logged(handler);
    let server = Over::Tcp.server(handler);
    let connect = || RawClient::connect(&server);

    let mut peer = connect();
    peer.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").expect_head();
    // There is always more to read, so there is no orderly end.
    peer.reset();
    assert_eq!(next(&lines), line("/stream", Some(200), OutcomeKind::ClientLeft));

    // The handler notices it, and returns without an error.
    let mut peer = connect();
    peer.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    peer.close();
    let (_, _, outcome) = next(&lines);
    assert_eq!(outcome, OutcomeKind::ClientLeft);

    let mut peer = connect();
    peer.send("PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
    peer.close();
    assert_eq!(next(&lines), line("/upload", None, OutcomeKind::ClientLeft));

    let mut peer = connect();
    peer.send("GET /empty HTTP/1.1\r\nHost: a\r\n\r\n").expect(200);
    peer.close();
    assert_eq!(next(&lines), line("/empty", Some(200), OutcomeKind::Complete));
}

#[test]
fn h09_pipelined_requests_are_logged_in_order() {
    alone!();
    let (handler, lines) = logged(echo_path);
    let (_server, _, mut peer) = in_memory(handler);
    let paths: Vec<_> = (0..20).map(|number| format!("/{number}")).collect();
    let requests: String =
        paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    peer.send(requests);
    for path in &paths {
        assert_eq!(peer.expect(200), *path);
        assert_eq!(next(&lines), line(path, Some(200), OutcomeKind::Complete));
    }
}

#[test]
fn h09_a_connection_that_was_taken_over_is_logged() {
    alone!();
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        assert_eq!(r.version(), Version::HTTP_11);
        let mut connection = w.hijack()?;
        Ok(connection.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?)
    };
    let (handler, lines) = logged(handler);
    let (_server, _, mut peer) = in_memory(handler);
    peer.send(GET).expect_text("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    assert_eq!(next(&lines), line("/", None, OutcomeKind::Hijacked));
}

/// The line of a WebSocket or of a proxied upgrade had the status 000.
#[test]
fn h09_a_switch_of_protocols_is_logged_with_its_status() {
    alone!();
    let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let socket = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        Upgrade::new().accept(w, r).map(drop)
    };
    let (handler, lines) = logged(socket);
    let server = Over::Tcp.server(handler);
    RawClient::connect(&server).send(upgrade).expect_head();
    assert_eq!(next(&lines), line("/", Some(101), OutcomeKind::Hijacked));

    let (handler, lines) = logged(ReverseProxy::new(server.url("/")));
    let proxy = Over::Tcp.server(handler);
    let mut client = RawClient::connect(&proxy);
    client.send(upgrade).expect_head();
    client.close();
    assert_eq!(next(&lines), line("/", Some(101), OutcomeKind::Hijacked));
}

#[test]
fn h09_responses_without_a_handler_are_logged() {
    alone!();
    let (report, lines) = reports();
    let log = AccessLog::with(move |record| {
        let status = record.status.map(|status| status.as_u16());
        let line = format!("{:?} {} {}", record.client, record.method, record.target);
        let times = (record.first_byte.is_some(), !record.duration.is_zero());
        let _ = report.send((line, status, record.outcome, times));
    });
    let refusals = log.refusals();
    let server = Server::with_handler(echo_path.layer(log)).max_header_bytes(1000);
    let server = server.read_header_timeout(PATIENCE).on_refused(refusals);
    let server = TestServer::listening(server.listen("127.0.0.1:0").unwrap());
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(10_000));
    for (request, line, status) in [
        ("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a", 200),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS *", 204),
        ("GET /a b HTTP/1.1\r\n\r\n", "- -", 400),
        (&*long, "- -", 431),
        ("GET /a HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", "GET /a", 417),
        ("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "PUT /a", 400),
        ("PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n", "PUT /a", 501),
    ] {
        // Not those of the request before.
        let mut peer = RawClient::connect(&server);
        peer.send("DELETE /before HTTP/1.1\r\nHost: a\r\n\r\n").expect(200);
        assert_eq!(next(&lines).1, Some(200));
        peer.send_in_vain(request);
        assert_eq!(peer.expect_response().status, status, "{request}");
        let line = format!("Some(127.0.0.1) {line}");
        // The beginning of a refused request is not known.
        let times = (status == 200, status == 200);
        let expected = (line, Some(status), OutcomeKind::Complete, times);
        assert_eq!(next(&lines), expected, "{request}");
    }
}
