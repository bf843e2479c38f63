//! `chat`: sockets, event streams and JSON in one conversation.

use std::io::Read;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use hangup::client::EventStream;
use hangup::net::Duplex;
use hangup::{Client, ResponseExt};
use rustix::process::Signal;
use serde_json::{Value, json};
use socket2::SockRef;
use tungstenite::handshake::client::generate_key;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

use crate::programs::{PATIENCE, Running};

fn chat(options: &[&str]) -> Running {
    Running::listening("chat", &[&["--addr", "127.0.0.1:0"], options].concat())
}

fn events(chat: &Running, target: &str) -> EventStream {
    Client::new().get(chat.url(target)).send().expect("a response").events().expect("events")
}

fn socket(chat: &Running, target: &str) -> WebSocket<Duplex> {
    let request = Client::new().get(chat.url(target)).header("connection", "upgrade");
    let request = request.header("upgrade", "websocket").header("sec-websocket-version", "13");
    let request = request.header("sec-websocket-key", generate_key());
    let duplex = request.send().expect("a response").take_duplex().expect("a 101");
    duplex.stream().set_read_deadline(Some(Instant::now() + PATIENCE));
    WebSocket::from_raw_socket(duplex, Role::Client, None)
}

fn post(client: &Client, chat: &Running, message: &Value) -> (u16, String) {
    let request = client.post(chat.url("/messages")).json(message);
    let mut response = request.send().expect("a response");
    (response.status().as_u16(), response.body_mut().read_text(1 << 20).expect("UTF-8"))
}

fn heard(socket: &mut WebSocket<Duplex>) -> Value {
    let message = socket.read().expect("a message").into_text().expect("text");
    serde_json::from_str(&message).expect("JSON")
}

fn read(events: &mut EventStream) -> (String, Value) {
    let event = events.next().expect("an event").expect("a stream");
    (event.id, serde_json::from_str(&event.data).expect("JSON"))
}

/// Waits until `/metrics` has this line.
fn counted(chat: &Running, line: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = Client::new().get(chat.url("/metrics")).send().unwrap().text().unwrap();
        assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1);
        if text.lines().any(|other| other == line) {
            return;
        }
        assert!(Instant::now() < deadline, "no {line:?} in {text}");
        thread::park_timeout(Duration::from_millis(2));
    }
}

#[test]
fn every_way_leads_into_one_conversation() {
    let chat = chat(&[]);
    let (mut one, mut two) = (socket(&chat, "/ws"), socket(&chat, "/ws?since=0"));
    let (mut stream, client) = (events(&chat, "/events"), Client::new());
    let first = json!({ "id": 1, "name": "ada", "text": "over a socket" });
    one.send(Message::text(r#"{"name":"ada","text":"over a socket"}"#)).unwrap();
    assert_eq!((heard(&mut one), heard(&mut two)), (first.clone(), first.clone()));
    assert_eq!(read(&mut stream), ("1".into(), first.clone()));

    let second = json!({ "id": 2, "name": "bob", "text": "by\nPOST" });
    let (status, text) = post(&client, &chat, &json!({ "name": "bob", "text": "by\nPOST" }));
    assert_eq!((status, serde_json::from_str(&text).unwrap()), (201, second.clone()));
    assert_eq!((heard(&mut one), heard(&mut two)), (second.clone(), second.clone()));
    assert_eq!(read(&mut stream), ("2".into(), second.clone()));

    // Those that come later get what they have missed.
    assert_eq!(heard(&mut socket(&chat, "/ws?since=1")), second);
    assert_eq!(read(&mut events(&chat, "/events?since=1")).1, second);
    let resumed = client.get(chat.url("/events")).header("last-event-id", "1").send().unwrap();
    assert_eq!(read(&mut resumed.events().unwrap()).1, second);
    assert_eq!(chat.json("/messages"), json!([first, second]));
    assert_eq!(chat.json("/messages?since=1"), json!([second]));
    assert_eq!(chat.json("/messages?since=2"), json!([]));

    // Invalid messages concern their sender only.
    for (message, status) in [
        (json!({ "name": "", "text": "x" }), 422),
        (json!({ "name": "x".repeat(33), "text": "x" }), 422),
        (json!({ "name": "x", "text": "x".repeat(4001) }), 422),
        (json!({ "name": "x", "text": "x".repeat(20_000) }), 413),
    ] {
        assert_eq!(post(&client, &chat, &message).0, status);
    }
    one.send(Message::text("no JSON")).unwrap();
    assert!(heard(&mut one)["error"].is_string());
    one.send(Message::binary(vec![0xff])).unwrap();
    assert!(heard(&mut one)["error"].is_string());

    // Members that leave are counted, in each way.
    counted(&chat, "chat_members{via=\"socket\"} 2");
    drop(two);
    one.close(None).unwrap();
    counted(&chat, "chat_members{via=\"socket\"} 0");
    counted(&chat, "chat_members{via=\"events\"} 1");
    drop(stream);
    counted(&chat, "chat_members{via=\"events\"} 0");
    counted(&chat, "chat_left_total{via=\"events\"} 3");
    // The server's numbers are in the same text. The sockets are those of `one`, `two` and the late one.
    counted(&chat, "http_server_requests_total{outcome=\"hijacked\"} 3");
}

#[test]
fn a_socket_that_breaks_the_rules_learns_why() {
    let chat = chat(&[]);
    for (frame, code) in [(Message::text("x".repeat(20_000)), 1009), (Message::Close(None), 1005)] {
        let mut socket = socket(&chat, "/ws");
        socket.send(frame).unwrap();
        let Message::Close(close) = socket.read().unwrap() else { panic!("no close frame") };
        assert_eq!(close.map_or(1005, |close| close.code.into()), code);
    }
    let foreign = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Origin: http://evil\r\n\r\n";
    assert!(chat.exchange(foreign).starts_with("HTTP/1.1 403 "));
}

/// A client that does not read must not keep the others waiting, nor grow the server's memory.
#[test]
fn a_client_that_does_not_read_is_dropped() {
    let chat = chat(&["--history", "10"]);
    let mut asleep: Vec<TcpStream> = Vec::new();
    for request in ["GET /events HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), handshake()] {
        let mut stream = chat.connect();
        SockRef::from(&stream).set_recv_buffer_size(4096).unwrap();
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        stream.read_exact(&mut [0; 12]).unwrap();
        asleep.push(stream);
    }
    counted(&chat, "chat_members{via=\"socket\"} 1");
    counted(&chat, "chat_members{via=\"events\"} 1");
    let (mut awake, client) = (socket(&chat, "/ws"), Client::new());
    let message = json!({ "name": "x", "text": "\u{1f600}".repeat(4000) });
    let mut posted = 0;
    while posted < 2000 {
        for _ in 0..50 {
            posted += 1;
            assert_eq!(post(&client, &chat, &message).0, 201);
            assert_eq!(heard(&mut awake)["id"], posted);
        }
        let text = client.get(chat.url("/metrics")).send().unwrap().text().unwrap();
        if text.contains("chat_dropped_total 2\n") {
            break;
        }
    }
    counted(&chat, "chat_dropped_total 2");
    assert_eq!(chat.json("/messages").as_array().unwrap().len(), 10);
}

fn handshake() -> String {
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_owned()
}

#[test]
fn members_are_dismissed_when_the_program_stops() {
    let chat = chat(&[]);
    let (mut socket, mut events) = (socket(&chat, "/ws"), events(&chat, "/events"));
    let begun = Instant::now();
    chat.signal(Signal::TERM);
    let Message::Close(Some(close)) = socket.read().unwrap() else { panic!("no close frame") };
    assert_eq!(u16::from(close.code), 1001);
    assert!(events.next().is_none(), "the stream ends as a whole");
    drop((socket, events));
    let (status, rest) = chat.ended();
    assert!(status.success() && rest.is_empty(), "{status}: {rest}");
    assert!(begun.elapsed() < Duration::from_secs(5), "not after the grace period");
}
