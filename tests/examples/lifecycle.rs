use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use hangup::http::{HeaderMap, HeaderValue, Method};
use hangup::{Body, Client, ResponseExt};
use rustix::process::Signal;

use crate::programs::{Folder, Running, absent_on_windows, body, program, read_all, run};

#[test]
fn plain_answers() {
    let server = Running::lifecycle(&[]);
    for (target, status, expected) in [
        ("/", "200 OK", "ok\n"),
        ("/sleep?ms=1", "200 OK", "ok\n"),
        ("/wait?ms=1", "200 OK", "timeout\n"),
        ("/close-notify?ms=1", "200 OK", "timeout\n"),
        ("/early-hints", "103 Early Hints", "HTTP/1.1 200 OK"),
        ("/status/404", "404 Not Found", "404 Not Found\n"),
        ("/status/204", "204 No Content", ""),
        ("/status/205", "205 Reset Content", ""),
        ("/status/304", "304 Not Modified", ""),
        ("/status/1", "400 Bad Request", "a final status"),
        ("/error", "500 Internal Server Error", "500 Internal Server Error\n"),
        ("/bytes/many", "400 Bad Request", "\"many\" is not a number"),
        ("/nothing", "404 Not Found", "not found\n"),
        ("/bytes/1/2", "404 Not Found", "not found\n"),
        ("/header-smuggle?v=a%0d%0aX-B:b", "500 Internal", "500 Internal Server Error\n"),
    ] {
        let answer = server.get(target);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {answer}");
        assert!(body(&answer).starts_with(expected), "{target}: {answer}");
    }
    assert!(server.get("/header-smuggle?v=a%20b").contains("\r\nX-Value: a b\r\n"));
    assert!(!server.get("/header-smuggle?v=a%0d%0aX-B:b").contains("X-B"));
    assert!(server.get("/early-hints").contains("\r\nLink: </style.css>; rel=preload\r\n"));
}

#[test]
fn methods_are_checked() {
    let server = Running::lifecycle(&[]);
    let client = Client::new();
    for (method, path, allow) in [
        (Method::POST, "/", "GET, HEAD"),
        (Method::GET, "/upload", "POST"),
        (Method::PUT, "/wait", "GET, HEAD, POST"),
        (Method::POST, "/events", "GET, HEAD, DELETE"),
    ] {
        let response = client.request(method, server.url(path)).send().unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["allow"]),
            (405, &allow.parse::<HeaderValue>().unwrap()),
            "{path}"
        );
    }
    let response = client.head(server.url("/bytes/1000")).send().unwrap();
    assert_eq!(response.headers()["content-length"], "1000");
    let response = client.request(Method::PATCH, server.url("/echo")).send().unwrap();
    assert_eq!(response.status(), 200);
}

#[test]
fn bodies_come_back() {
    let server = Running::lifecycle(&[]);
    let client = Client::new();
    let request = client.post(server.url("/echo")).header("content-type", "x/y").body("hello");
    let mut response = request.send().unwrap();
    assert_eq!(response.headers()["content-type"], "x/y");
    assert_eq!(response.body_mut().read_text(10).unwrap(), "hello");

    let trailers = || {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("7"));
        trailers
    };
    let chunks = Body::from_chunks(["a", "b"]).with_trailers(trailers);
    let mut response = client.put(server.url("/echo")).body(chunks).send().unwrap();
    assert_eq!(response.body_mut().read_text(10).unwrap(), "ab");
    assert_eq!(response.body_mut().take_trailers(), Some(trailers()));

    let mut response = client.post(server.url("/upload")).body("abc").send().unwrap();
    assert_eq!(
        response.body_mut().read_text(1000).unwrap(),
        "{\"bytes\":3,\"sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}\n"
    );
}

#[test]
fn an_upload_is_echoed_while_it_is_sent() {
    let server = Running::lifecycle(&[]);
    let mut stream = server.connect();
    stream
        .write_all(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        )
        .unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut seen = String::new();
    while !seen.ends_with("hello\r\n") {
        assert_ne!(reader.read_line(&mut seen).unwrap(), 0, "{seen}");
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    while !seen.ends_with("0\r\n\r\n") {
        assert_ne!(reader.read_line(&mut seen).unwrap(), 0, "{seen}");
    }
}

#[test]
fn an_early_answer_arrives_during_the_upload() {
    let server = Running::lifecycle(&[]);
    let endless = Body::from_sized_reader(std::io::repeat(0), 1 << 40);
    let mut response = Client::new().post(server.url("/early")).body(endless).send().unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!(response.body_mut().read_text(10).unwrap(), "no\n");
}

#[test]
fn bytes_and_lines() {
    let server = Running::lifecycle(&[]);
    let client = Client::new();
    let mut response = client.get(server.url("/bytes/100000")).send().unwrap();
    assert_eq!(response.headers()["content-length"], "100000");
    let bytes = response.body_mut().read_bytes(100_000).unwrap();
    assert!(bytes.iter().enumerate().all(|(i, byte)| usize::from(*byte) == i % 251));
    let mut response = client.get(server.url("/stream/3?ms=1")).send().unwrap();
    assert_eq!(response.body_mut().read_text(100).unwrap(), "line 1\nline 2\nline 3\n");
    let mut response = client.get(server.url("/addr")).send().unwrap();
    let addr = response.body_mut().read_text(100).unwrap();
    assert_eq!(addr.trim_end(), response.local_addr().unwrap().to_string());
}

#[test]
fn types_are_guessed() {
    let server = Running::lifecycle(&[]);
    for (kind, expected) in [
        ("html", "text/html; charset=utf-8"),
        ("png", "image/png"),
        ("text", "text/plain; charset=utf-8"),
        ("binary", "application/octet-stream"),
    ] {
        let response = Client::new().get(server.url(&format!("/sniff/{kind}"))).send().unwrap();
        assert_eq!(response.headers()["content-type"], expected, "{kind}");
    }
}

#[test]
fn trailers_are_declared_and_sent() {
    let answer = Running::lifecycle(&[]).get("/trailers");
    assert!(answer.contains("\r\nTrailer: X-Checksum\r\n"), "{answer}");
    assert!(
        answer.ends_with("\r\n\r\n5\r\nhello\r\n0\r\nX-Checksum: 5d41402a\r\n\r\n"),
        "{answer}"
    );
}

#[test]
fn broken_answers_are_never_whole() {
    let server = Running::lifecycle(&[]);
    assert_eq!(server.get("/panic"), "");
    let late = server.get("/panic-late");
    assert!(late.contains("the first half\n") && !late.contains("0\r\n\r\n"), "{late}");
    let short = server.get("/short");
    assert!(short.contains("Content-Length: 100"), "{short}");
    assert_eq!(body(&short), "x".repeat(50));
    assert_eq!(body(&server.get("/overlong")), "x".repeat(10));
    assert_eq!(server.events(1), ["overlong refused"]);
}

#[test]
fn a_client_that_goes_away_is_noticed() {
    let server = Running::lifecycle(&[]);
    let mut client = server.connect();
    client.write_all(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    drop(client);
    assert_eq!(server.events(1), ["wait cancelled"]);
    let mut client = server.connect();
    client.write_all(b"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc").unwrap();
    drop(client);
    assert_eq!(server.events(2)[1], "wait cancelled");
    let mut client = server.connect();
    client.write_all(b"GET /close-notify HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert!(read_all(client).ends_with("fired\n"));
    assert_eq!(server.events(3)[2], "close-notify fired");
    server.get("/wait?ms=1");
    server.get("/close-notify?ms=1");
    assert_eq!(server.events(5)[3..], ["wait timeout", "close-notify timeout"]);
    let cleared = Client::new().delete(server.url("/events")).send().unwrap();
    assert_eq!(cleared.status(), 204);
    assert!(server.events(0).is_empty());
}

#[test]
fn asking_for_close_notify_spoils_nothing() {
    let server = Running::lifecycle(&[]);
    let answers = server.exchange(
        &[
            "GET /close-notify-discard HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3),
            "GET /close-notify-hijack HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        ]
        .concat(),
    );
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 4, "{answers}");
    let hijacked = answers.rsplit_once("X-Addr: ").unwrap().1;
    let addr = hijacked.lines().next().unwrap();
    assert_eq!(answers.matches(addr).count(), 4, "one connection: {answers}");
}

#[test]
fn a_hijacked_connection_echoes_bytes() {
    let server = Running::lifecycle(&[]);
    let mut stream = server.connect();
    stream.write_all(b"GET /hijack HTTP/1.1\r\nHost: x\r\n\r\nright behind ").unwrap();
    stream.write_all(b"and later").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let answer = read_all(stream);
    assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
    assert!(answer.contains("Connection: Upgrade\r\nUpgrade: echo\r\n"), "{answer}");
    assert_eq!(body(&answer), "right behind and later");
}

#[test]
fn states_are_counted() {
    if absent_on_windows("the number of threads") {
        return;
    }
    let server = Running::lifecycle(&[]);
    let idle = server.connect();
    server.get("/");
    server.get("/close-notify-hijack");
    // The closed one is counted a moment after its client has seen it close; so is each that asks.
    let state = server.state(|state| state["closed"]["now"].as_u64() >= Some(1));
    assert_eq!(state["new"]["now"], 1, "{state}");
    assert_eq!(state["active"]["now"], 1, "{state}");
    assert_eq!(state["hijacked"]["now"], 1, "{state}");
    assert!(state["threads"].as_u64().unwrap() >= 3, "{state}");
    drop(idle);
}

#[test]
fn it_listens_on_a_unix_socket() {
    if absent_on_windows("Unix sockets") {
        return;
    }
    let folder = Folder::new("unix");
    let path = folder.path("socket");
    let server = Running::listening("lifecycle", &["--unix", &path]);
    assert_eq!(server.place, format!("unix:{path}"));
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("ok\n"), "{answer}");
    server.signal(Signal::INT);
    assert_eq!(server.ended().0.code(), Some(0));
    assert!(!folder.has("socket"));
}

#[test]
fn a_signal_lets_running_requests_finish() {
    let server = Running::lifecycle(&[]);
    let mut stream = server.connect();
    stream.write_all(b"GET /stream/2?ms=200 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut reader = BufReader::new(stream);
    let mut answer = String::new();
    while !answer.ends_with("line 1\n\r\n") {
        assert_ne!(reader.read_line(&mut answer).unwrap(), 0, "{answer}");
    }
    server.signal(Signal::TERM);
    reader.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("line 2\n") && answer.ends_with("0\r\n\r\n"), "{answer}");
    let (status, rest) = server.ended();
    assert_eq!((status.code(), rest.as_str()), (Some(0), ""));
}

#[test]
fn grace_has_an_end() {
    let mut command = program("lifecycle", &["--addr", "127.0.0.1:0", "--grace-ms", "50"]);
    command.env("RUST_LOG", "hangup=warn");
    let server = Running::start(command);
    let mut stream = server.connect();
    stream.write_all(b"GET /stream/2?ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut first = [0; 16];
    stream.read_exact(&mut first).unwrap();
    server.signal(Signal::TERM);
    server.said("shutdown grace period is over, closing 1 connection");
    assert_eq!(server.ended().0.code(), Some(0));
}

/// The process once ended with unread input on its sockets, which resets them: the response before was lost.
#[test]
fn s17_the_end_of_the_grace_loses_no_response() {
    const SIZE: usize = 400_000;
    for last in ["GET /wait?ms=20000", "GET /sleep?ms=20000", "POST /upload"] {
        let options = ["--addr", "127.0.0.1:0", "--grace-ms", "100"];
        let server = Running::start(program("lifecycle", &options));
        let mut stream = server.connect();
        let length = if last.starts_with('P') { "Content-Length: 9000000\r\n" } else { "" };
        let first = format!("GET /bytes/{SIZE} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(first.as_bytes()).unwrap();
        // One response is written, and is read only when the server has ended.
        stream.peek(&mut [0]).unwrap();
        let second =
            format!("{last} HTTP/1.1\r\nHost: x\r\n{length}\r\nGET /unread HTTP/1.1\r\nX: ");
        stream.write_all(second.as_bytes()).unwrap();
        server.state(|state| state["active"]["now"].as_u64() == Some(2));
        stream.write_all(&[b'x'; 50_000]).unwrap();
        server.signal(Signal::TERM);
        assert_eq!(server.ended().0.code(), Some(0), "{last}");
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        assert!(all.len() > SIZE, "{last}: {} bytes", all.len());
    }
}

#[test]
fn limits_are_taken_from_the_command_line() {
    let server = Running::lifecycle(&["--idle-timeout-ms", "20", "--max-header-bytes=100"]);
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    // It ends by itself.
    assert!(read_all(stream).ends_with("ok\n"));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(5000));
    assert!(server.exchange(&long).starts_with("HTTP/1.1 431 "));
    let server = Running::lifecycle(&["--max-connections", "1"]);
    let _first = server.connect();
    assert!(server.get("/").starts_with("HTTP/1.1 503 "));
}

#[test]
fn a_bad_command_line_is_one_line_and_2() {
    let server = Running::lifecycle(&[]);
    let taken = server.place.trim_start_matches("http://");
    for args in [
        &["--nonsense"][..],
        &["--addr"],
        &["--addr", "nowhere"],
        &["--addr", taken],
        &["--grace-ms", "soon"],
        &["--idle-timeout-ms", "-1"],
        &["--tls-cert", "x"],
        &["--tls-key", "x"],
        &["--tls-cert", "x", "--tls-key", "x"],
        &["stray"],
    ] {
        let ran = run("lifecycle", args);
        assert_eq!((ran.code, ran.err.lines().count()), (Some(2), 1), "{args:?}: {ran:?}");
        assert!(ran.out.is_empty(), "{ran:?}");
    }
    let help = run("lifecycle", &["--help"]);
    assert_eq!(help.code, Some(0));
    assert!(help.out.contains("--tls-cert FILE") && help.out.contains("SIGHUP"), "{help:?}");
}
