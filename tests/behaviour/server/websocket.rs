//! WebSocket connections that the server has handed over.

use std::net::Shutdown;

use hangup::websocket::Upgrade;
use hangup::{Context, Error, Request, ResponseWriter, Result};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{CloseFrame, Role, frame::coding::CloseCode};
use tungstenite::{Message, WebSocket};

use super::{next, reports};
use crate::support::{Over, PATIENCE, alone, over_each};

over_each![
    h13_frames_behind_the_handshake_are_not_lost,
    h13_a_program_closes_its_sockets_at_shutdown,
    h13_a_page_over_https_has_an_origin_of_https,
];

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn handshake(fields: &str) -> String {
    format!(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n{fields}\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
}

fn switched() -> String {
    let proof = derive_accept_key(KEY.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-Websocket-Accept: {proof}\r\n\r\n"
    )
}

/// Sends each message back, until the client closes.
fn echo(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let duplex = Upgrade::new().accept(w, r)?.into_duplex();
    let mut socket = WebSocket::from_raw_socket(duplex, Role::Server, None);
    loop {
        match socket.read() {
            Ok(message) if message.is_text() || message.is_binary() => {
                socket.send(message).map_err(Error::other)?;
            }
            Ok(_) => {}
            Err(tungstenite::Error::ConnectionClosed) => return Ok(()),
            Err(error) => return Err(Error::other(error)),
        }
    }
}

fn h13_frames_behind_the_handshake_are_not_lost(over: Over) {
    alone!();
    let server = over.server(echo);
    let mut peer = over.connect(&server);
    // Frames masked with zeros, in the same write as the request and behind it.
    peer.send([handshake("").as_bytes(), b"\x81\x85\0\0\0\0ear"].concat());
    peer.expect_text(&switched());
    peer.send(b"ly\x81\x82\0\0\0\0ab").send(b"\x88\x82\0\0\0\0\x03\xe8");
    assert_eq!(peer.expect_bytes(7), b"\x81\x05early");
    assert_eq!(peer.expect_bytes(4), b"\x81\x02ab");
    assert_eq!(peer.expect_bytes(4), b"\x88\x02\x03\xe8");
    peer.expect_end();
}

/// The connection does not belong to the server any more, so the program ends it by its own context.
fn h13_a_program_closes_its_sockets_at_shutdown(over: Over) {
    alone!();
    let (stop, (report, ended)) = (Context::new(), reports());
    let stopping = stop.clone();
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
        let duplex = Upgrade::new().accept(w, r)?.into_duplex();
        let stream = duplex.stream().clone();
        let mut socket = WebSocket::from_raw_socket(duplex, Role::Server, None);
        let reader = stopping.clone();
        let waker = std::thread::spawn(move || {
            reader.wait();
            stream.set_read_deadline(Some(std::time::Instant::now()));
        });
        let woken = socket.read().expect_err("nothing is sent");
        assert!(matches!(woken, tungstenite::Error::Io(_)), "{woken}");
        waker.join().unwrap();
        socket.get_ref().stream().set_read_deadline(None);
        let (code, reason) = (CloseCode::Away, "restarting".into());
        socket.close(Some(CloseFrame { code, reason })).map_err(Error::other)?;
        let closed = socket.read().map_err(Error::other)?;
        report.send(closed).unwrap();
        Ok(())
    });
    let mut peer = over.connect(&server);
    peer.send(handshake("")).expect_text(&switched());
    assert!(server.handle().shutdown(PATIENCE), "a hijacked connection is not waited for");
    stop.cancel();
    assert_eq!(peer.expect_bytes(4), b"\x88\x0c\x03\xe9");
    assert_eq!(peer.expect_bytes(10), b"restarting");
    peer.send(b"\x88\x82\0\0\0\0\x03\xe9");
    let expected = CloseFrame { code: CloseCode::Away, reason: "".into() };
    assert_eq!(next(&ended), Message::Close(Some(expected)));
    peer.expect_end();
    let _ = peer.stream().shutdown(Shutdown::Both);
}

/// Only over TLS the server knows the scheme. Behind a proxy either may be right.
fn h13_a_page_over_https_has_an_origin_of_https(over: Over) {
    alone!();
    let server = over.server(echo);
    for (origin, expected) in [
        ("https://a", 101),
        ("http://a", if over.is_encrypted() { 403 } else { 101 }),
        ("https://b", 403),
    ] {
        let mut peer = over.connect(&server);
        peer.send(handshake(&format!("Origin: {origin}\r\n")));
        assert_eq!(peer.expect_head().status, expected, "{origin}");
        peer.half_close();
    }
}
