//! Hijacked connections.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use hangup::net::Duplex;
use hangup::testing::{Parked, TestServer};
use hangup::{ErrorKind, Request, RequestExt, ResponseWriter, Result, Server};

use super::{also_in_memory, echo_path, next, reports, served};
use crate::support::{Over, PATIENCE, RawClient, alone, over_each};

over_each![
    s06_hijack_hands_over_every_byte,
    s06_hijack_hands_over_the_byte_of_the_background_read,
    s06_hijack_behind_a_body_hands_over_what_follows_it,
    s06_hijack_works_in_the_same_request_as_close_notify,
    s06_hijack_works_in_a_later_request_than_close_notify,
    s06_a_second_hijack_is_an_error,
    s06_hijack_is_an_error_once_the_response_has_begun,
    s06_responses_before_a_hijack_are_sent_first,
    s06_a_hijacked_connection_outlives_any_end_of_its_handler,
    s06_a_hijacked_connection_no_longer_counts,
    s06_a_101_is_sent_behind_the_100,
    s06_hijack_hands_over_the_unread_body,
];

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\n\r\n";

/// Switches to a protocol that echoes its input.
fn echo(mut connection: Duplex) -> Result<()> {
    connection.write_all(SWITCH.as_bytes())?;
    let mut buffer = [0; 100];
    loop {
        match connection.read(&mut buffer)? {
            0 => return Ok(()),
            count => connection.write_all(&buffer[..count])?,
        }
    }
}

/// Only plain TCP can hand out its socket. Under TLS the socket carries records.
#[test]
fn s06_hijack_gives_the_tcp_stream_itself() {
    alone!();
    let (report, sockets) = reports::<(TcpStream, Vec<u8>)>();
    let server = TestServer::new(move |w: &mut ResponseWriter, r: &mut Request| {
        // Deadlines and a background read, none of which may follow the socket.
        w.set_read_deadline(Some(Instant::now() + PATIENCE));
        w.set_write_deadline(Some(Instant::now() + PATIENCE));
        let _context = r.context();
        let (stream, received) = w.hijack()?.into_parts();
        assert_eq!((stream.read_deadline(), stream.write_deadline()), (None, None));
        let socket = stream.into_tcp().expect("it came by TCP");
        report.send((socket, received.to_vec())).unwrap();
        Ok(())
    });
    let mut peer = RawClient::connect(&server);
    peer.send("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\nbehind the head");
    let (mut socket, mut received) = next(&sockets);
    assert_eq!(socket.read_timeout().unwrap(), None);
    assert_eq!(socket.write_timeout().unwrap(), None);
    assert_eq!(socket.peer_addr().unwrap(), peer.stream().local_addr().unwrap().ip().unwrap());

    let rest = "behind the head".len() - received.len();
    let mut more = vec![0; rest];
    socket.read_exact(&mut more).unwrap();
    received.extend(more);
    assert_eq!(received, b"behind the head");
    assert_blocks(&mut socket);
    socket.write_all(b"over to you").unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    peer.expect_text("over to you").expect_end();
}

/// A read of a socket in non-blocking mode would return at once.
#[track_caller]
fn assert_blocks(socket: &mut TcpStream) {
    let (limit, begun) = (Duration::from_millis(50), Instant::now());
    socket.set_read_timeout(Some(limit)).unwrap();
    let kind = socket.read(&mut [0]).unwrap_err().kind();
    let expired = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
    assert!(expired.contains(&kind), "{kind}");
    assert!(begun.elapsed() > limit / 2, "{:?}", begun.elapsed());
    socket.set_read_timeout(None).unwrap();
}

fn s06_hijack_hands_over_every_byte(over: Over) {
    alone!();
    also_in_memory(
        over,
        || {
            Server::new(|w: &mut ResponseWriter, r: &mut Request| {
                let _context = r.context();
                echo(w.hijack()?)
            })
        },
        |peer| {
            let text = "GET / HTTP/1.1\r\nHost: a\r\n\r\nright behind it";
            peer.send(text).expect_text(SWITCH).expect_text("right behind it");
            peer.send("later").expect_text("later").half_close().expect_end();
        },
    );
}

fn s06_hijack_hands_over_the_byte_of_the_background_read(over: Over) {
    alone!();
    let (arrived, arrivals) = reports();
    let (_server, far, mut peer) = served(over, move |w: &mut ResponseWriter, r: &mut Request| {
        let notify = r.close_notify();
        arrived.send(()).unwrap();
        notify.recv_timeout(PATIENCE).expect("a byte");
        echo(w.hijack()?)
    });
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    next(&arrivals);
    assert!(far.wait_until_parked(Parked::Read, PATIENCE));
    drop(far);
    peer.send("first byte and the rest");
    peer.expect_text(SWITCH).expect_text("first byte and the rest");
    peer.half_close().expect_end();
}

fn s06_hijack_behind_a_body_hands_over_what_follows_it(over: Over) {
    alone!();
    also_in_memory(
        over,
        || {
            Server::new(|w: &mut ResponseWriter, r: &mut Request| {
                assert_eq!(r.body_mut().read_bytes(100)?, "body");
                echo(w.hijack()?)
            })
        },
        |peer| {
            peer.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbodymore");
            peer.expect_text(SWITCH).expect_text("more").half_close().expect_end();
        },
    );
}

fn s06_hijack_works_in_the_same_request_as_close_notify(over: Over) {
    alone!();
    also_in_memory(
        over,
        || {
            Server::new(|w: &mut ResponseWriter, r: &mut Request| {
                let notify = r.close_notify();
                let connection = w.hijack()?;
                assert!(notify.is_empty());
                echo(connection)
            })
        },
        |peer| {
            peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect_text(SWITCH);
            peer.send("x").expect_text("x").half_close().expect_end();
        },
    );
}

fn s06_hijack_works_in_a_later_request_than_close_notify(over: Over) {
    alone!();
    let (report, addresses) = reports();
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
        report.send(r.remote_addr().unwrap().to_string()).unwrap();
        match r.uri().path() {
            "/notify" => {
                let _notify = r.close_notify();
                echo_path(w, r)
            }
            _ => echo(w.hijack()?),
        }
    });
    let mut peer = over.connect(&server);
    peer.send("GET /notify HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(peer.expect(200), "/notify");
    peer.send("GET /hijack HTTP/1.1\r\nHost: a\r\n\r\n").expect_text(SWITCH);
    assert_eq!(next(&addresses), next(&addresses), "the same connection");
    peer.send("x").expect_text("x").half_close().expect_end();
}

fn s06_a_second_hijack_is_an_error(over: Over) {
    alone!();
    let (_server, _, mut peer) = served(over, |w: &mut ResponseWriter, _: &mut Request| {
        let connection = w.hijack()?;
        assert_eq!(w.hijack().unwrap_err().kind(), ErrorKind::Misuse);
        assert!(w.write_all(b"into the void").is_err());
        echo(connection)
    });
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect_text(SWITCH).half_close().expect_end();
}

fn s06_hijack_is_an_error_once_the_response_has_begun(over: Over) {
    alone!();
    let (_server, _, mut peer) = served(over, |w: &mut ResponseWriter, _: &mut Request| {
        w.flush()?;
        assert_eq!(w.hijack().unwrap_err().kind(), ErrorKind::Misuse);
        Ok(w.write_all(b"answered")?)
    });
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(peer.expect(200), "answered");
}

fn s06_responses_before_a_hijack_are_sent_first(over: Over) {
    alone!();
    let (_server, _, mut peer) =
        served(over, |w: &mut ResponseWriter, r: &mut Request| match r.uri().path() {
            "/hijack" => echo(w.hijack()?),
            _ => echo_path(w, r),
        });
    let (a, b) = ("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "GET /hijack HTTP/1.1\r\nHost: a\r\n\r\n");
    peer.send([a, b, "raw"].concat());
    assert_eq!(peer.expect(200), "/a");
    peer.expect_text(SWITCH).expect_text("raw").half_close().expect_end();
}

fn s06_a_hijacked_connection_outlives_any_end_of_its_handler(over: Over) {
    alone!();
    for ending in ["returns", "fails", "panics"] {
        let (report, connections) = reports();
        let server = over.server(move |w: &mut ResponseWriter, _: &mut Request| {
            report.send(w.hijack()?).unwrap();
            match ending {
                "fails" => Err("in vain".into()),
                "panics" => panic!("in vain"),
                _ => Ok(()),
            }
        });
        let mut peer = over.connect(&server);
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let connection = next(&connections);
        server.handle().shutdown(PATIENCE);
        let echo = std::thread::spawn(|| echo(connection));
        peer.expect_text(SWITCH).send("x").expect_text("x").half_close().expect_end();
        echo.join().unwrap().unwrap();
    }
}

/// A hijacked connection once belonged to the server until its handler returned. A graceful shutdown waited for
/// it, and `close` closed it.
fn s06_a_hijacked_connection_no_longer_counts(over: Over) {
    alone!();
    let (report, hijacked) = reports();
    let (go, gone) = bounded::<()>(0);
    let server = over.server(move |w: &mut ResponseWriter, _: &mut Request| {
        let connection = w.hijack()?;
        report.send(()).unwrap();
        let _ = gone.recv_timeout(PATIENCE);
        echo(connection)
    });
    let mut peer = over.connect(&server);
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    next(&hijacked);
    assert_eq!(server.handle().connections(), 0);
    assert!(server.handle().shutdown(PATIENCE));
    server.handle().close();
    drop(go);
    peer.expect_text(SWITCH).send("x").expect_text("x").half_close().expect_end();
}

/// RFC 9110 section 7.8: a client that asks for both gets the 100 first.
fn s06_a_101_is_sent_behind_the_100(over: Over) {
    alone!();
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    for (fields, reads, expected) in [
        ("Expect: 100-continue\r\nContent-Length: 4\r\n", false, interim),
        ("Expect: 100-continue\r\nContent-Length: 4\r\n", true, interim),
        ("Expect: 100-continue\r\n", false, interim),
        ("Content-Length: 4\r\n", false, ""),
    ] {
        let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
            if reads {
                r.body_mut().read_exact(&mut [0; 4])?;
            }
            echo(w.hijack()?)
        });
        let mut peer = over.connect(&server);
        peer.send(format!("PUT / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n{fields}\r\n"));
        peer.expect_text(expected);
        if reads {
            peer.send("body");
        }
        peer.expect_text(SWITCH).send("hello").expect_text("hello");
        peer.half_close().expect_end();
    }
}

/// The handler gets the bytes of the wire, with their framing if it read none. The body itself is gone.
fn s06_hijack_hands_over_the_unread_body(over: Over) {
    alone!();
    let body = "b".repeat(90);
    let chunks = format!("46\r\n{}\r\n14\r\n{}\r\n0\r\n\r\n", &body[..70], &body[70..]);
    let (length, chunked) = ("Content-Length: 90", "Transfer-Encoding: chunked");
    for (fields, body, read, rest) in [
        (length, &*body, 0, &*body),
        (length, &body, 40, &body[40..]),
        (length, &body, 90, ""),
        (chunked, &chunks, 0, &chunks),
        (chunked, &chunks, 90, ""),
    ] {
        let (report, seen) = reports::<(ErrorKind, String)>();
        let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
            r.body_mut().read_exact(&mut vec![0; read])?;
            let mut connection = w.hijack()?;
            let error = r.body_mut().read_bytes(10).unwrap_err();
            let mut rest = String::new();
            connection.read_to_string(&mut rest)?;
            report.send((error.kind(), rest)).unwrap();
            Ok(())
        });
        let mut peer = over.connect(&server);
        peer.send(format!("PUT / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}behind it"));
        peer.half_close();
        assert_eq!(next(&seen), (ErrorKind::Misuse, format!("{rest}behind it")));
        peer.expect_end();
    }
}
