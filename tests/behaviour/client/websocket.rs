//! C22: WebSocket by tungstenite on the connection of a 101, at both ends and without an adapter.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Instant;

use crossbeam_channel::unbounded;
use hangup::http::StatusCode;
use hangup::net::{Duplex, Stream};
use hangup::testing::Parked;
use hangup::{Client, Context, Request, ResponseExt, ResponseWriter, Result};
use tungstenite::error::ProtocolError;
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{CloseFrame, Role, frame::coding::CloseCode};
use tungstenite::{Error, Message, WebSocket};

use crate::support::scripted_server::in_background;
use crate::support::{Over, PATIENCE, alone, over_each, pattern};

over_each![
    c22_messages_pass_in_both_directions,
    c22_bytes_behind_either_head_are_not_lost,
    c22_big_messages_cross_in_both_directions_at_once,
    c22_a_peer_that_is_gone_is_noticed_at_either_end,
    c22_another_thread_ends_or_wakes_a_read,
    c22_a_context_closes_the_connection,
    c22_a_half_close_leaves_the_other_direction_open,
    c22_the_upgrade_passes_a_proxy,
];

/// Upgrades a request on the server.
fn upgrade(w: &mut ResponseWriter, r: &mut Request) -> Result<Duplex> {
    let key = r.headers().get("sec-websocket-key").ok_or(StatusCode::BAD_REQUEST)?;
    let accept = derive_accept_key(key.as_bytes());
    let mut duplex = w.hijack()?;
    duplex.write_all(switch(&accept).as_bytes())?;
    Ok(duplex)
}

fn switch(accept: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

fn server_socket(w: &mut ResponseWriter, r: &mut Request) -> Result<WebSocket<Duplex>> {
    Ok(WebSocket::from_raw_socket(upgrade(w, r)?, Role::Server, None))
}

/// Asks for an upgrade as a client, and checks the server's proof.
fn connect(client: &Client, url: &str) -> Duplex {
    let key = generate_key();
    let request = client.get(url).header("connection", "Upgrade").header("upgrade", "websocket");
    let request = request.header("sec-websocket-version", "13").header("sec-websocket-key", &key);
    let mut response = request.send().expect("a response");
    assert_eq!(response.headers()["sec-websocket-accept"], derive_accept_key(key.as_bytes()));
    response.take_duplex().expect("a 101")
}

fn client_socket(client: &Client, url: &str) -> WebSocket<Duplex> {
    WebSocket::from_raw_socket(connect(client, url), Role::Client, None)
}

/// Sends each message back, until the client closes.
fn echo(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let mut socket = server_socket(w, r)?;
    loop {
        match socket.read() {
            Ok(message) if message.is_text() || message.is_binary() => {
                socket.send(message).map_err(hangup::Error::other)?;
            }
            Ok(_) => {}
            Err(Error::ConnectionClosed) => return Ok(()),
            Err(error) => return Err(hangup::Error::other(error)),
        }
    }
}

fn c22_messages_pass_in_both_directions(over: Over) {
    alone!();
    let server = over.server(echo);
    let client = over.client();
    let mut socket = client_socket(&client, &server.url("/"));
    for message in [
        Message::text("hello"),
        Message::text(""),
        Message::binary(pattern(70_000)),
        Message::binary(pattern(1)),
    ] {
        socket.send(message.clone()).unwrap();
        assert_eq!(socket.read().unwrap(), message);
    }
    socket.send(Message::Ping("there?".into())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong("there?".into()));
    let frame = CloseFrame { code: CloseCode::Normal, reason: "done".into() };
    socket.close(Some(frame.clone())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Close(Some(frame)));
    assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
    // The connection does not return to the pool.
    assert_eq!(client.idle_connections(), 0);
}

fn c22_bytes_behind_either_head_are_not_lost(over: Over) {
    alone!();
    // A frame in the same segment as the 101.
    let script = over.script().connection(|peer| {
        let request = peer.expect_request("GET /");
        let accept = derive_accept_key(request.header("sec-websocket-key").unwrap().as_bytes());
        let early = [switch(&accept).as_bytes(), b"\x81\x05early"].concat();
        peer.send(early).send(b"\x88\x00").half_close().expect_closed();
        peer
    });
    let mut socket = client_socket(&over.client(), &script.url("/"));
    assert_eq!(socket.read().unwrap(), Message::text("early"));
    assert_eq!(socket.read().unwrap(), Message::Close(None));
    drop(socket);
    script.finish();
    // A frame in the same segment as the request: masked with zeros.
    let server = over.server(echo);
    let mut raw = over.connect(&server);
    let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    raw.send([head.as_bytes(), b"\x81\x85\0\0\0\0early"].concat());
    raw.expect_text(&switch("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(raw.expect_bytes(7), b"\x81\x05early");
}

/// Both ends send far more than the buffers between them hold, and each reads meanwhile on another thread.
fn c22_big_messages_cross_in_both_directions_at_once(over: Over) {
    alone!();
    const COUNT: usize = 6;
    fn exchange(duplex: Duplex, role: Role) {
        let mut writer = WebSocket::from_raw_socket(duplex.stream().clone(), role, None);
        let mut reader = WebSocket::from_raw_socket(duplex, role, None);
        thread::scope(|scope| {
            scope.spawn(move || {
                for number in 0..COUNT {
                    writer.send(Message::binary(pattern(4_000_000 + number))).unwrap();
                }
            });
            for number in 0..COUNT {
                let message = reader.read().unwrap().into_data();
                assert!(message == pattern(4_000_000 + number), "{}", message.len());
            }
        });
    }
    let server = over.server(|w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        exchange(upgrade(w, r)?, Role::Server);
        Ok(())
    });
    exchange(connect(&over.client(), &server.url("/")), Role::Client);
}

fn c22_a_peer_that_is_gone_is_noticed_at_either_end(over: Over) {
    alone!();
    let is_cut_off = |error: &Error| match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => true,
        // Wine ends the stream before it resets the connection.
        Error::Io(error) if cfg!(windows) && error.kind() == ErrorKind::UnexpectedEof => true,
        Error::Io(error) => error.kind() == ErrorKind::ConnectionReset,
        _ => false,
    };
    // The client is gone.
    let (seen, server_saw) = unbounded();
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let mut socket = server_socket(w, r)?;
        let _ = seen.send(socket.read().unwrap_err());
        Ok(())
    });
    drop(client_socket(&over.client(), &server.url("/")));
    let error = server_saw.recv_timeout(PATIENCE).unwrap();
    assert!(is_cut_off(&error), "{error}");
    // The server sees a reset while the client still has the stream.
    let duplex = connect(&over.client(), &server.url("/"));
    duplex.stream().reset();
    let error = server_saw.recv_timeout(PATIENCE).unwrap();
    assert!(is_cut_off(&error), "{error}");
    // The server is gone.
    let server = over.server(|w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        server_socket(w, r)?.send(Message::text("bye")).map_err(hangup::Error::other)
    });
    let mut socket = client_socket(&over.client(), &server.url("/"));
    assert_eq!(socket.read().unwrap(), Message::text("bye"));
    let error = socket.read().unwrap_err();
    assert!(is_cut_off(&error), "{error}");
}

fn wait_until_reading(stream: &Stream) {
    assert!(stream.wait_until_parked(Parked::Read, PATIENCE), "no thread reads");
}

fn c22_another_thread_ends_or_wakes_a_read(over: Over) {
    alone!();
    let server = over.server(echo);
    let mut socket = client_socket(&over.client(), &server.url("/"));
    let stream = socket.get_ref().stream().clone();
    // A thread wakes the reader, which sends a message of the thread and reads on.
    let (outbox, messages) = unbounded::<Message>();
    let reading = in_background(move || {
        loop {
            socket.get_ref().stream().set_read_deadline(None);
            messages.try_iter().for_each(|message| socket.send(message).unwrap());
            match socket.read() {
                Err(Error::Io(error)) if error.kind() == ErrorKind::TimedOut => {}
                outcome => return (socket, outcome),
            }
        }
    });
    wait_until_reading(&stream);
    outbox.send(Message::text("from another thread")).unwrap();
    stream.set_read_deadline(Some(Instant::now()));
    let (mut socket, outcome) = reading.finish();
    assert_eq!(outcome.unwrap(), Message::text("from another thread"));
    // A thread ends the connection under the reader.
    let reading = in_background(move || socket.read().unwrap_err());
    wait_until_reading(&stream);
    stream.close();
    assert!(
        matches!(reading.finish(), Error::Io(error) if error.kind() == ErrorKind::ConnectionAborted)
    );
}

fn c22_a_context_closes_the_connection(over: Over) {
    alone!();
    let server = over.server(echo);
    let client = over.client();
    let context = Context::new();
    let mut duplex = connect(&client, &server.url("/"));
    duplex.close_with(&context);
    let stream = duplex.stream().clone();
    let mut socket = WebSocket::from_raw_socket(duplex, Role::Client, None);
    socket.send(Message::text("a")).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("a"));
    let reading = in_background(move || (socket.read().unwrap_err(), Instant::now()));
    wait_until_reading(&stream);
    let cancelled = Instant::now();
    context.cancel();
    let (error, ended) = reading.finish();
    assert!(matches!(error, Error::Io(error) if error.kind() == ErrorKind::ConnectionAborted));
    assert!(ended - cancelled < PATIENCE / 5, "{:?}", ended - cancelled);
    // One that has ended already closes it at once. One that was taken back does not.
    let mut duplex = connect(&client, &server.url("/"));
    duplex.close_with(&context);
    assert!(duplex.stream().is_closed());
    let mut duplex = connect(&client, &server.url("/"));
    let later = Context::new();
    duplex.close_with(&later);
    let (stream, _) = duplex.into_parts();
    later.cancel();
    assert!(!stream.is_closed());
}

fn c22_a_half_close_leaves_the_other_direction_open(over: Over) {
    alone!();
    let server = over.server(|w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let mut socket = server_socket(w, r)?;
        assert_eq!(socket.read().unwrap(), Message::text("last"));
        assert!(socket.read().is_err());
        // The end of the client's stream does not keep the server from sending.
        let stream = socket.get_ref().stream().clone();
        let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
        socket.send(Message::text("heard")).map_err(hangup::Error::other)
    });
    let mut socket = client_socket(&over.client(), &server.url("/"));
    socket.send(Message::text("last")).unwrap();
    socket.get_ref().stream().shutdown(Shutdown::Write).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("heard"));
}

/// The tunnel of a proxy carries the upgraded connection.
fn c22_the_upgrade_passes_a_proxy(over: Over) {
    alone!();
    let script = over.script().plain_connection(move |peer| {
        peer.expect("CONNECT host.test:*").respond(200, "");
        over.secure(peer);
        let request = peer.expect_request("GET /chat");
        let accept = derive_accept_key(request.header("sec-websocket-key").unwrap().as_bytes());
        peer.send(switch(&accept));
        let mut socket = WebSocket::from_raw_socket(&mut *peer, Role::Server, None);
        let message = socket.read().unwrap();
        socket.send(message).unwrap();
        assert!(socket.read().unwrap().is_close());
        assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
        peer.half_close().expect_closed();
        peer
    });
    let proxy = hangup::client::Proxy::new(format!("http://{}", script.addr())).unwrap();
    let client = over.client_builder().proxy(proxy.tunnel_all(true)).build();
    let mut socket = client_socket(&client, &over.url("host.test:99", "/chat"));
    socket.send(Message::text("through")).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("through"));
    socket.close(None).unwrap();
    assert!(socket.read().is_ok_and(|message| message.is_close()));
    drop(socket);
    script.finish();
}
