//! The handshake of WebSocket: what is accepted, and the responses to everything else.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use hangup::testing::{self, stream_pair};
use hangup::websocket::Upgrade;
use hangup::{HandlerExt, Request, ResponseWriter, Server};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The proof for `KEY`, from RFC 6455 section 1.3.
const PROOF: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Sends `request` to a handler that upgrades it, writes the chosen protocol to the connection, and closes.
/// Returns all that the client receives.
fn exchange(upgrade: &Arc<Upgrade>, request: &str) -> String {
    let upgrade = Arc::clone(upgrade);
    let handler = move |w: &mut ResponseWriter, r: &mut Request| {
        w.set_header("set-cookie", "id=7")?.set_header("content-type", "text/plain")?;
        w.set_header("connection", "close")?.set_header("content-length", 9)?;
        let socket = upgrade.accept(w, r)?;
        let protocol = socket.protocol().unwrap_or("none").to_owned();
        let mut duplex = socket.into_duplex();
        Ok(write!(duplex, "speaks {protocol}")?)
    };
    let (mut near, far) = stream_pair();
    let handle = Server::new(handler).serve_stream(far);
    near.write_all(request.as_bytes()).unwrap();
    near.shutdown(Shutdown::Write).unwrap();
    let mut response = String::new();
    near.read_to_string(&mut response).unwrap();
    handle.shutdown(None);
    response
}

/// Returns the status of a response.
fn status(response: &str) -> u16 {
    response[9..12].parse().unwrap()
}

/// Makes the request of a good client, without the fields whose names begin `changes`, and with `changes`
/// instead. A change without a value only removes its field.
fn request(line: &str, changes: &[&str]) -> String {
    let usual = [
        "Host: example.com",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let name = |field: &str| field.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let kept = usual.iter().filter(|field| changes.iter().all(|new| name(new) != name(field)));
    let added = changes.iter().filter(|field| field.contains(':'));
    let fields: String = kept.chain(added).map(|field| format!("{field}\r\n")).collect();
    format!("{line}\r\n{fields}\r\n")
}

const GET: &str = "GET /ws HTTP/1.1";

#[test]
fn h13_the_101_proves_the_key_and_keeps_the_handlers_headers() {
    let upgrade = Arc::new(Upgrade::new());
    let response = exchange(&upgrade, &request(GET, &[]));
    let (head, rest) = response.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().collect();
    assert_eq!(lines.remove(0), "HTTP/1.1 101 Switching Protocols");
    lines.sort_unstable();
    let proof = format!("Sec-Websocket-Accept: {PROOF}");
    assert_eq!(lines, ["Connection: Upgrade", &proof, "Set-Cookie: id=7", "Upgrade: websocket"]);
    assert_eq!(rest, "speaks none");
}

#[test]
fn h13_a_handshake_is_checked() {
    let upgrade = Arc::new(Upgrade::new());
    let key = |key: &str| format!("Sec-WebSocket-Key: {key}");
    let twice = format!("Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Key: {KEY}");
    for (line, changes, expected) in [
        // The request line (section 4.2.1, item 1).
        (GET, &[][..], 101),
        ("GET / HTTP/1.1", &[], 101),
        ("GET /ws?a=b HTTP/1.1", &[], 101),
        ("GET http://example.com/ws HTTP/1.1", &[], 101),
        ("GET /ws HTTP/1.2", &[], 101),
        ("GET /ws HTTP/1.0", &[], 426),
        ("HEAD /ws HTTP/1.1", &[], 405),
        ("POST /ws HTTP/1.1", &[], 405),
        ("OPTIONS /ws HTTP/1.1", &[], 405),
        ("get /ws HTTP/1.1", &[], 405),
        // Upgrade and Connection (items 3 and 4).
        (GET, &["Connection: upgrade"], 101),
        (GET, &["Connection: keep-alive, Upgrade"], 101),
        (GET, &["Connection: keep-alive", "Connection: UPGRADE"], 101),
        (GET, &["Connection: keep-alive"], 426),
        (GET, &["Connection: upgrades"], 426),
        (GET, &["Connection:"], 426),
        (GET, &["Connection"], 426),
        (GET, &["Upgrade: WebSocket"], 101),
        (GET, &["Upgrade: h2c, websocket"], 101),
        (GET, &["Upgrade: h2c", "Upgrade: websocket"], 101),
        (GET, &["Upgrade: h2c"], 426),
        (GET, &["Upgrade: websocket/13"], 426),
        (GET, &["Upgrade: websockets"], 426),
        (GET, &["Upgrade:"], 426),
        (GET, &["Upgrade"], 426),
        // The version (item 6).
        (GET, &["Sec-WebSocket-Version"], 426),
        (GET, &["Sec-WebSocket-Version:"], 426),
        (GET, &["Sec-WebSocket-Version: 8"], 426),
        (GET, &["Sec-WebSocket-Version: 14"], 426),
        (GET, &["Sec-WebSocket-Version: 013"], 426),
        (GET, &["Sec-WebSocket-Version: 13, 8"], 426),
        (GET, &["Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"], 426),
        // The key (item 5).
        (GET, &["Sec-WebSocket-Key"], 400),
        (GET, &["Sec-WebSocket-Key:"], 400),
        (GET, &[&*twice], 400),
        (GET, &[&*key(KEY)], 101),
        (GET, &[&*format!("{}  ", key(KEY))], 101),
        (GET, &[&*key("AAAAAAAAAAAAAAAAAAAAAA==")], 101),
        // Bits that belong to no byte.
        (GET, &[&*key("AAAAAAAAAAAAAAAAAAAAAB==")], 101),
        (GET, &[&*key("AAAAAAAAAAAAAAAAAAAAAA")], 400),
        (GET, &[&*key("AAAAAAAAAAAAAAAAAAAAAA=")], 400),
        (GET, &[&*key("AAAAAAAAAAAAAAAAAAAAAA===")], 400),
        (GET, &[&*key("AAAAAAAAAAAAAAAAAAAA")], 400),
        (GET, &[&*key("AAAAAAAAAAAAAAAAAAAAAAA=")], 400),
        (GET, &[&*key("AAAAAAAAAAAAAAAAAAAAAAAA")], 400),
        (GET, &[&*key("AAAAAAAAAAA AAAAAAAAAA==")], 400),
        (GET, &[&*key("__________-----------A==")], 400),
        (GET, &[&*key(&"A".repeat(4000))], 400),
        // A body would be read as frames.
        (GET, &["Content-Length: 0"], 101),
        (GET, &["Content-Length: 5"], 400),
        (GET, &["Transfer-Encoding: chunked"], 400),
        // Extensions are not negotiated, and unknown fields are ignored.
        (GET, &["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"], 101),
        (GET, &["Sec-WebSocket-Accept: x", "X-Other: 1"], 101),
    ] {
        let response = exchange(&upgrade, &request(line, changes));
        assert_eq!(status(&response), expected, "{line} {changes:?}: {response}");
        let has = |text: &str| response.contains(text);
        assert!(!has("Sec-Websocket-Extensions") && !has("Sec-Websocket-Protocol"), "{response}");
        assert_eq!(has("Sec-Websocket-Accept"), expected == 101, "{response}");
        assert_eq!(has("\r\nAllow: GET\r\n"), expected == 405, "{response}");
        let asks = has("\r\nUpgrade: websocket\r\n") && has("\r\nSec-Websocket-Version: 13\r\n");
        assert_eq!(asks, expected == 426, "{response}");
    }
}

/// The connection of a refused handshake can be used for the next attempt.
#[test]
fn h13_a_refusal_keeps_the_connection() {
    let upgrade = Arc::new(Upgrade::new());
    let first = request(GET, &["Sec-WebSocket-Version: 7"]);
    let response = exchange(&upgrade, &format!("{first}{}", request(GET, &[])));
    let (refusal, accepted) = response.split_once("HTTP/1.1 101").unwrap();
    assert!(refusal.ends_with("the only version of WebSocket here is 13\n"), "{refusal}");
    assert!(refusal.contains("\r\nConnection: upgrade\r\n"), "{refusal}");
    assert!(accepted.ends_with("speaks none"));
}

#[test]
fn h13_the_servers_order_chooses_the_protocol() {
    let two = || Arc::new(Upgrade::new().protocols(["chat.v2", "chat.v1"]));
    for (upgrade, offered, expected) in [
        (two(), &[][..], None),
        (two(), &["chat.v1"], Some("chat.v1")),
        (two(), &["chat.v1, chat.v2"], Some("chat.v2")),
        (two(), &["chat.v1", "chat.v2"], Some("chat.v2")),
        (two(), &["x ,\tchat.v1,, y"], Some("chat.v1")),
        (two(), &["Chat.v1"], None),
        (two(), &["chat"], None),
        (two(), &[""], None),
        (two(), &["é, chat.v1"], Some("chat.v1")),
        (Arc::new(Upgrade::new()), &["chat.v1"], None),
    ] {
        let fields: Vec<_> =
            offered.iter().map(|names| format!("Sec-WebSocket-Protocol: {names}")).collect();
        let fields: Vec<_> = fields.iter().map(|field| &**field).collect();
        let response = exchange(&upgrade, &request(GET, &fields));
        let sent = response.lines().find_map(|line| line.strip_prefix("Sec-Websocket-Protocol: "));
        assert_eq!((status(&response), sent), (101, expected), "{offered:?}");
        assert!(response.ends_with(&format!("speaks {}", expected.unwrap_or("none"))));
    }
}

#[test]
fn h13_foreign_pages_may_not_connect() {
    let same = || Arc::new(Upgrade::new());
    let app = || Arc::new(Upgrade::new().allow_origins(["https://app.example.com", "null://x"]));
    let any = || Arc::new(Upgrade::new().any_origin());
    let (own, app_origin) = ("http://example.com", "https://app.example.com");
    for (upgrade, host, origin, expected) in [
        (same(), "example.com", "", 101),
        (same(), "example.com", own, 101),
        (same(), "EXAMPLE.com", "HTTP://example.COM", 101),
        // A proxy in front may speak HTTPS.
        (same(), "example.com", "https://example.com", 101),
        (same(), "example.com:80", own, 101),
        (same(), "example.com", "http://example.com:80", 101),
        (same(), "example.com:443", "https://example.com", 101),
        (same(), "example.com:8080", "http://example.com:8080", 101),
        (same(), "[::1]:8080", "http://[::1]:8080", 101),
        (same(), "[::1]:8080", "http://[::1]:8081", 403),
        (same(), "example.com", "https://example.com:80", 403),
        (same(), "example.com:443", own, 403),
        (same(), "example.com:8080", own, 403),
        (same(), "example.com", "http://example.com:8080", 403),
        (same(), "example.com", "http://evil.com", 403),
        (same(), "example.com", "http://example.com.evil.com", 403),
        (same(), "example.com", "http://evil-example.com", 403),
        (same(), "example.com", "http://sub.example.com", 403),
        (same(), "example.com", "http://example.com@evil.com", 403),
        (same(), "example.com", "http://evil.com@example.com", 403),
        (same(), "example.com", "http://example.com:99999", 403),
        (same(), "example.com", "http://example.com:", 403),
        (same(), "example.com", "http://example.com/", 403),
        (same(), "example.com", "ftp://example.com", 403),
        (same(), "example.com", "example.com", 403),
        (same(), "example.com", "http://", 403),
        (same(), "example.com", "null", 403),
        (same(), "example.com", " ", 403),
        (same(), "example.com", "é", 403),
        (same(), "example.com", "http://example.com\r\nOrigin: http://evil.com", 403),
        // The browser knows better where a proxy changes Host.
        (same(), "backend", "https://example.com\r\nSec-Fetch-Site: same-origin", 101),
        (same(), "backend", "https://example.com\r\nSec-Fetch-Site: same-site", 403),
        (same(), "backend", "https://example.com\r\nSec-Fetch-Site: cross-site", 403),
        (same(), "backend", "https://example.com\r\nSec-Fetch-Site: none", 403),
        (app(), "example.com", app_origin, 101),
        (app(), "example.com", "https://APP.example.com:443", 101),
        (app(), "example.com", own, 101),
        (app(), "example.com", "", 101),
        (app(), "example.com", "http://app.example.com", 403),
        (app(), "example.com", "https://app.example.com:444", 403),
        (app(), "example.com", "null", 403),
        (any(), "example.com", "http://evil.com", 101),
        (any(), "example.com", "null", 101),
        (any(), "example.com", "é", 101),
    ] {
        let host = format!("Host: {host}");
        let origin_field = format!("Origin: {origin}");
        let fields: &[&str] = if origin.is_empty() { &[&host] } else { &[&host, &origin_field] };
        let response = exchange(&upgrade, &request(GET, fields));
        assert_eq!(status(&response), expected, "{host} {origin}: {response}");
    }
}

#[test]
fn h13_options_of_another_form_panic() {
    let fails = |options: fn() -> Upgrade| std::panic::catch_unwind(options).is_err();
    assert!(fails(|| Upgrade::new().protocols(["a b"])));
    assert!(fails(|| Upgrade::new().protocols([""])));
    assert!(fails(|| Upgrade::new().allow_origins(["example.com"])));
    assert!(fails(|| Upgrade::new().allow_origins(["https://example.com/"])));
    assert!(fails(|| Upgrade::new().allow_origins(["*"])));
    assert!(!fails(|| Upgrade::new().any_origin().allow_origins(["https://a"])));
}

/// Neither `testing::call` nor FastCGI has a connection to hand over. Over FastCGI that is the response.
#[test]
fn h13_no_connection_to_hand_over_is_an_error() {
    let handler = |w: &mut ResponseWriter, r: &mut Request| Upgrade::new().accept(w, r).map(drop);
    let handshake = |method: &str| {
        let request = Request::builder().method(method).header("connection", "upgrade");
        let request = request.header("upgrade", "websocket").header("sec-websocket-version", "13");
        request.header("sec-websocket-key", KEY).body("").unwrap()
    };
    assert_eq!(testing::call(&handler, handshake("GET")).unwrap().status(), 500);
    assert_eq!(testing::call(&handler, handshake("PUT")).unwrap().status(), 405);
    let begun = handler.layer_fn(|w, r, next| {
        w.flush()?;
        next.handle(w, r)
    });
    testing::call(&begun, handshake("GET")).unwrap_err();
    // A request of FastCGI, as the CGI variables describe it.
    let variables = [
        ("REQUEST_METHOD", "GET"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("HTTP_CONNECTION", "upgrade"),
        ("HTTP_UPGRADE", "websocket"),
        ("HTTP_SEC_WEBSOCKET_VERSION", "13"),
        ("HTTP_SEC_WEBSOCKET_KEY", KEY),
    ];
    let (near, mut far) = stream_pair();
    hangup::cgi::serve_with(handler, variables, std::io::empty(), near, std::io::sink()).unwrap();
    let mut response = String::new();
    far.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("Status: 501 Not Implemented\r\n"), "{response}");
}
