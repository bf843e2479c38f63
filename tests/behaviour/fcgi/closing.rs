//! Every end of a connection loses no response before it.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::Instant;

use hangup::{Request, ResponseWriter, fcgi};
use socket2::{Domain, Socket, Type};

use super::raw::{STDOUT, WebServer, opened, record, request};
use super::{next, path, reason, reports, serve, serve_with};
use crate::support::{PATIENCE, alone};

/// Returns a connection on which `bytes` bytes of a response have arrived and are unread.
fn answered(server: &hangup::testing::TestServer, bytes: usize) -> WebServer {
    let socket = TcpStream::connect(server.addr()).unwrap();
    socket.set_nodelay(true).unwrap();
    let look = socket.try_clone().unwrap();
    let mut peer = WebServer::over(socket.into());
    let until = Instant::now() + PATIENCE;
    peer.send(request(1, "/answered", "", true));
    let mut buf = [0; 4096];
    loop {
        assert!(Instant::now() < until, "no answer");
        match look.peek(&mut buf) {
            Ok(count) if count >= bytes => return peer,
            Ok(_) => std::thread::yield_now(),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    }
}

/// Returns the length of the response to `/answered`, with all its records.
fn length_of_answer(server: &hangup::testing::TestServer) -> usize {
    let mut peer = WebServer::connect(server);
    peer.send(request(1, "/answered", "", false));
    let mut length = 0;
    while let Some(record) = peer.next() {
        length += 8 + record.content.len();
    }
    length
}

/// Bytes that the web server had not read yet were lost with the reset.
#[test]
fn f04_a_malformed_record_loses_no_response() {
    const LENGTH: usize = 300_000;
    alone!();
    let (report, written) = reports();
    let (server, _) = serve(move |w: &mut ResponseWriter, r: &mut Request| {
        w.write_all(&[b'x'; LENGTH])?;
        w.flush()?;
        report.send(()).unwrap();
        reason(r);
        Ok(())
    });
    // Most of it stays in the server's buffer.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&server.addr().into()).unwrap();
    let mut peer = WebServer::over(TcpStream::from(socket).into());
    peer.send(opened(1, "/", true));
    next(&written);
    peer.send([&[2; 8][..], &[b'?'; 100_000]].concat());
    assert!(server.handle().shutdown(PATIENCE));
    let mut received = 0;
    while let Some(record) = peer.next() {
        assert_eq!((record.kind, record.id), (STDOUT, 1), "it is not ended as if it were whole");
        received += record.content.iter().filter(|byte| **byte == b'x').count();
    }
    assert!(received >= LENGTH, "{received}");
}

#[test]
fn f04_a_time_limit_loses_no_response_before_it() {
    alone!();
    let limit = std::time::Duration::from_millis(20);
    let (server, _) = serve_with(fcgi::Server::new(path).read_header_timeout(limit));
    let length = length_of_answer(&server);
    let mut peer = answered(&server, length);
    peer.send(&record(99, 5, &[b'x'; 60_000])[..50_000]);
    peer.expect_answer(1).expect("200 OK", "/answered");
    peer.expect_end();
}
