//! A WebSocket at both ends: tungstenite speaks on the connection of a 101.

use hangup::http::StatusCode;
use hangup::net::Duplex;
use hangup::testing::TestServer;
use hangup::{Client, Error, Request, ResponseExt, ResponseWriter, Result};
use tungstenite::WebSocket;
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;
use tungstenite::handshake::server::{create_response_with_body, write_response};
use tungstenite::protocol::Role;

/// The client's end.
fn connect(client: &Client, url: &str) -> Result<WebSocket<Duplex>> {
    let key = generate_key();
    let request = client.get(url).header("connection", "upgrade").header("upgrade", "websocket");
    let request = request.header("sec-websocket-version", "13").header("sec-websocket-key", &key);
    let mut response = request.send()?;
    let proof = response.headers().get("sec-websocket-accept");
    let is_proven = proof.is_some_and(|proof| *proof == derive_accept_key(key.as_bytes()));
    match response.take_duplex() {
        Some(duplex) if is_proven => Ok(WebSocket::from_raw_socket(duplex, Role::Client, None)),
        _ => Err(Error::other(format!("no WebSocket: {}", response.status()))),
    }
}

/// The server's end.
fn accept(w: &mut ResponseWriter, r: &Request) -> Result<WebSocket<Duplex>> {
    let response = create_response_with_body(r, || ())
        .map_err(|error| Error::status(StatusCode::BAD_REQUEST, error.to_string()))?;
    let mut duplex = w.hijack()?;
    write_response(&mut duplex, &response).map_err(Error::other)?;
    Ok(WebSocket::from_raw_socket(duplex, Role::Server, None))
}

#[test]
fn a_message_is_sent_back() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let server = TestServer::new(|w, r| {
        let mut socket = accept(w, r)?;
        let message = socket.read().map_err(Error::other)?;
        socket.send(message).map_err(Error::other)
    });
    let client = Client::new();
    let mut socket = connect(&client, &server.url("/"))?;
    socket.send("hello".into())?;
    assert_eq!(socket.read()?.into_text()?, "hello");

    assert_eq!(client.get(server.url("/")).send()?.status(), 400);
    Ok(())
}
