//! C23: the scripted server, the recorder and the black hole that users test their programs with.

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use hangup::http::{HeaderMap, Response};
use hangup::testing::{BlackHole, Recorder, Script, TestServer};
use hangup::{Body, Client, ErrorKind, ResponseExt, TimeLimit};

use super::text;
use crate::support::scripted_server::in_background;
use crate::support::{Over, PATIENCE, alone, over_each};

over_each![
    c23_declared_connections_are_served_in_order,
    c23_each_fault_reaches_the_client,
    #[cfg_attr(windows, ignore = "Wine ends the stream before it resets the connection")]
    c23_a_reset_reaches_the_client,
    c23_a_client_may_be_served_by_hand,
    c23_a_request_is_received_whole,
    c23_a_script_may_serve_any_number_of_connections,
];

/// The limit of a step whose end a test waits for.
const SHORT: Duration = Duration::from_millis(100);

/// Returns the message of the panic that `test` ends in.
fn failure_of(test: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(test)).expect_err("the script fails");
    payload.downcast_ref::<String>().expect("a formatted message").clone()
}

/// Sends a request without looking at its outcome.
fn poke(script: &Script, path: &str) {
    let _ = Client::new().get(script.url(path)).header("connection", "close").send();
}

fn c23_declared_connections_are_served_in_order(over: Over) {
    alone!();
    let script = over
        .script()
        .connection(|peer| {
            let last = Response::builder().header("connection", "close").body("first").unwrap();
            peer.expect("GET /a").respond_with(last).close()
        })
        .connection(|peer| {
            peer.expect("POST /b").with_header("content-length", "4").with_body("text");
            peer.respond(201, "second").expect("HEAD /c").respond(200, "unsent")
        });
    let client = over.client();
    assert_eq!(text(client.get(script.url("/a")).send()), "first");
    assert_eq!(text(client.post(script.url("b")).body("text").send()), "second");
    let head = client.head(script.url("/c")).send().unwrap();
    assert_eq!(head.headers()["content-length"], "6");
    let requests = script.finish();
    let targets: Vec<_> = requests.iter().map(|one| (one.connection(), one.target())).collect();
    assert_eq!(targets, [(1, "/a"), (2, "/b"), (2, "/c")]);
    assert_eq!(requests[1].text(), "text");
}

fn c23_each_fault_reaches_the_client(over: Over) {
    alone!();
    const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    let script = over
        .script()
        .connection(|peer| peer.expect("GET /").send(HALF).close())
        .connection(|peer| peer.expect("GET /").send(HALF).reset())
        .connection(|peer| peer.expect("GET /").send("HTTP/1.1 200 OK\r\n\r\nall?").cut())
        .connection(|peer| peer.expect("GET /").close())
        .connection(|peer| peer.expect("GET /").send("HTTP/1.1 200 OK\r\nbroken").half_close())
        .connection(|peer| peer.expect("GET /").stay_silent())
        .connection(|peer| {
            peer.expect("GET /").drip("HTTP/1.1 200 OK\r\n", SHORT / 10).delay(SHORT)
        });
    let client = over.client_builder().response_head_timeout(SHORT).build();
    let call = || {
        let mut response = client.get(script.url("/")).send().map_err(|error| error.kind())?;
        response.text().map_err(|error| error.kind())
    };
    let silent = ErrorKind::Timeout(TimeLimit::ResponseHead);
    assert_eq!(call(), Err(ErrorKind::IncompleteBody));
    assert!(matches!(call(), Err(ErrorKind::Receive | ErrorKind::IncompleteBody)));
    match over.is_encrypted() {
        true => assert_eq!(call(), Err(ErrorKind::IncompleteBody)),
        false => assert_eq!(call().as_deref(), Ok("all?")),
    }
    assert_eq!(call(), Err(ErrorKind::EmptyReply));
    assert_eq!(call(), Err(ErrorKind::MalformedMessage));
    assert_eq!(call(), Err(silent));
    assert_eq!(call(), Err(silent));
    script.finish();
}

fn c23_a_reset_reaches_the_client(over: Over) {
    alone!();
    let script = over.script().connection(|peer| peer.expect("GET /").reset());
    let client = over.client();
    let error = client.get(script.url("/")).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Receive);
    script.finish();
}

fn c23_a_client_may_be_served_by_hand(over: Over) {
    alone!();
    let script = over.script();
    let (client, url) = (over.client(), script.url("/a"));
    let call = in_background(move || text(client.get(url).send()));
    let mut peer = script.accept();
    let request = peer.expect_request("GET /a*");
    assert_eq!((request.method(), request.target()), ("GET", "/a"));
    assert_eq!(request.header("ACCEPT"), Some("*/*"));
    peer.expect_nothing().without_header("cookie").respond(200, "ok");
    assert_eq!(call.finish(), "ok");
    peer.expect_end();
    assert_eq!(script.accepted(), 1);
    assert!(script.finish().is_empty(), "only declared connections keep their requests");
}

fn c23_a_request_is_received_whole(over: Over) {
    alone!();
    let script = over.script().connection(|peer| {
        peer.expect_head("PUT /a").inform(100, &HeaderMap::new()).with_body("to be continued");
        peer.respond(200, "a").expect("PUT /b");
        assert_eq!(peer.request().trailers(), "Etag: 7\n");
        let early = HeaderMap::from_iter([("link".parse().unwrap(), "</a>".parse().unwrap())]);
        peer.with_body("chunks").inform(103, &early).respond(204, "").expect_closed();
        peer
    });
    let client = over.client();
    let send = |path: &str, body: Body| client.put(script.url(path)).body(body);
    let body = Body::from_chunks(["to be ", "continued"]);
    assert_eq!(text(send("/a", body).expect_continue().send()), "a");
    let trailers = || HeaderMap::from_iter([("etag".parse().unwrap(), "7".parse().unwrap())]);
    let chunks = Body::from_chunks(["chunks"]).with_trailers(trailers);
    assert_eq!(send("/b", chunks).send().unwrap().status(), 204);
    client.close_idle_connections();
    assert_eq!(script.finish().len(), 2);
}

fn c23_a_script_may_serve_any_number_of_connections(over: Over) {
    alone!();
    let script = over
        .script()
        .connection(|peer| peer.expect("GET /").respond(200, "declared"))
        .connections(|peer| {
            while let Some(request) = peer.next_request() {
                peer.respond(200, request.target());
            }
            peer
        });
    for (path, expected) in [("/", "declared"), ("/a", "/a"), ("/b", "/b")] {
        let client = over.client();
        assert_eq!(text(client.get(script.url(path)).send()), expected);
    }
    assert_eq!(script.accepted(), 3);
    assert_eq!(script.finish().len(), 3);
}

#[test]
fn c23_a_failure_names_connection_step_line_and_bytes() {
    alone!();
    let line = line!() + 5;
    let script = Script::new()
        .connection(|peer| peer.expect("GET /a").respond(200, "ok"))
        .connection(|peer| {
            peer.expect("GET /b").respond(200, "ok");
            peer.expect("GET /c")
        });
    let client = Client::new();
    let closing = client.get(script.url("/a")).header("connection", "close");
    assert_eq!(text(closing.send()), "ok");
    assert_eq!(text(client.get(script.url("/b")).send()), "ok");
    client.get(script.url("/d")).send().unwrap_err();
    let message = failure_of(|| drop(script.finish()));
    let begin = format!("connection 2, step 3, tests/behaviour/client/script.rs:{line}:");
    assert!(message.contains(&begin), "{message}");
    let received = "expected the request GET /c; received \"GET /d HTTP/1.1\\r\\n";
    assert!(message.contains(received), "{message}");
}

#[test]
fn c23_each_broken_expectation_fails_the_test() {
    alone!();
    let script = || Script::new().step_limit(SHORT);
    let check = |script: Script, expected: &str| {
        poke(&script, "/a");
        let message = failure_of(|| drop(script));
        assert!(message.contains(expected), "{expected}: {message}");
        assert_eq!(message.matches("connection ").count(), 1, "one failure: {message}");
    };
    let plain = |peer: &mut hangup::testing::Peer| _ = peer.expect("GET /a").respond(200, "ok");
    check(
        script().connection(|peer| peer.expect("").with_header("accept", "x")),
        "step 2, tests/behaviour/client/script.rs:",
    );
    check(
        script().connection(|peer| peer.expect("").with_header("accept", "x")),
        "expected the header accept: x; received \"GET /a HTTP/1.1\\r\\nHost: ",
    );
    check(
        script().connection(|peer| peer.expect("").without_header("Accept")),
        "expected no header Accept; received ",
    );
    check(
        script().connection(|peer| peer.expect("").with_body("x")),
        "expected the body \"x\"; received nothing",
    );
    check(
        script().connection(|peer| peer.expect("GET /a").expect_end()),
        "expected the end of the connection; received nothing, then nothing for 100ms",
    );
    check(
        script().connection(|peer| peer.expect("GET /a").respond(200, "").expect("GET /b")),
        "expected the request GET /b; received nothing, then the client closed the connection",
    );
    check(
        script().connection(|peer| {
            peer.expect_head("GET /a").with_body("").expect_nothing().expect("")
        }),
        "step 4, ",
    );
    check(
        script().connection(|peer| peer.respond(200, "")),
        "connection 1: expected nothing after",
    );
    check(
        script().connection(move |peer| {
            plain(peer);
            assert_eq!(peer.request().target(), "/b", "another target");
            peer
        }),
        "connection 1: panicked: assertion `left == right` failed: another target",
    );
    check(
        script()
            .connection(move |peer| {
                plain(peer);
                peer
            })
            .connection(|peer| peer),
        "connection 2: the client did not connect",
    );
}

#[test]
fn c23_an_unexpected_connection_or_request_fails_the_test() {
    alone!();
    let script = Script::new().connection(|peer| peer.expect("GET /a").respond(200, "ok"));
    poke(&script, "/a");
    poke(&script, "/b");
    let message = failure_of(|| drop(script));
    let expected = "connection 2: expected no connection after 1; received \"GET /b HTTP/1.1";
    assert!(message.contains(expected), "{message}");

    let script = Script::new().connection(|peer| peer.expect("GET /a").respond(200, "ok"));
    let client = Client::builder().response_head_timeout(SHORT).build();
    assert_eq!(text(client.get(script.url("/a")).send()), "ok");
    client.post(script.url("/b")).send().unwrap_err();
    let message = failure_of(|| drop(script));
    let expected = "connection 1: expected nothing after the last step; received \"POST /b HTTP";
    assert!(message.contains(expected), "{message}");

    let script = Script::new();
    let mut socket = std::net::TcpStream::connect(script.addr()).unwrap();
    socket.write_all(b"\xffhello").unwrap();
    let message = failure_of(|| drop(script.finish()));
    assert!(message.contains("expected no further connection; one sent "), "{message}");
}

#[test]
fn c23_a_client_that_does_not_connect_or_is_silent_ends_a_step() {
    alone!();
    let script = Script::new().step_limit(SHORT);
    let message = failure_of(|| drop(script.accept()));
    assert_eq!(message, "connection 1: the client did not connect within 100ms");
    let _silent = std::net::TcpStream::connect(script.addr()).unwrap();
    let mut peer = script.accept();
    let message = failure_of(|| drop(peer.expect_request("GET")));
    assert!(message.ends_with("received nothing, then nothing for 100ms"), "{message}");
    assert!(message.starts_with("connection 2, step 1, tests/behaviour/"), "{message}");
}

/// The threads of a script end with the test also if they would wait for much longer.
#[test]
fn c23_a_test_that_panics_ends_its_script_at_once() {
    alone!();
    let begun = Instant::now();
    let script = Script::new()
        .step_limit(10 * PATIENCE)
        .connection(|peer| peer.expect("GET /a").delay(10 * PATIENCE).respond(200, ""))
        .connection(|peer| peer.expect("GET /never"))
        .connection(|peer| peer);
    let client = Client::builder().response_head_timeout(SHORT).build();
    client.get(script.url("/a")).send().unwrap_err();
    let waiting = std::net::TcpStream::connect(script.addr()).unwrap();
    let message = failure_of(move || {
        let _script = script;
        panic!("{}", "the test's own reason".to_owned());
    });
    assert_eq!(message, "the test's own reason");
    assert_eq!((&waiting).read(&mut [0]).unwrap_or(0), 0);
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

#[test]
fn c23_a_script_runs_in_memory() {
    alone!();
    runs(Script::in_memory());
    runs(Script::new());
    let script = Script::in_memory();
    script.refuse_connections();
    let client = Client::builder().dialer(script.dialer()).build();
    assert_eq!(client.get(script.url("/")).send().unwrap_err().kind(), ErrorKind::Connect);
}

#[cfg(unix)] // The crate has no Unix sockets on Windows.
#[test]
fn c23_a_script_runs_on_a_unix_socket() {
    alone!();
    let path = std::env::temp_dir().join(format!("hangup-script-{}", std::process::id()));
    runs(Script::on_unix_socket(&path));
    assert!(!path.exists());
}

/// Serves one request of a client that dials the script under another name.
fn runs(script: Script) {
    let script = script.connection(|peer| {
        peer.expect("GET /a").with_header("host", "some.test").respond(200, "ok")
    });
    let client = Client::builder().dialer(script.dialer()).build();
    assert_eq!(text(client.get("http://some.test/a").send()), "ok");
    script.finish();
}

#[test]
fn c23_a_script_refuses_connections_once_told_so() {
    alone!();
    let script = Script::new();
    let url = script.url("/");
    script.refuse_connections();
    assert_eq!(Client::new().get(url).send().unwrap_err().kind(), ErrorKind::Connect);
}

#[test]
fn c23_another_protocol_follows_a_switch() {
    alone!();
    let script = Script::new().connection(|peer| {
        peer.expect("GET /").with_header("upgrade", "echo");
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhi",
        );
        let mut word = [0; 5];
        peer.read_exact(&mut word).unwrap();
        peer.write_all(&word).unwrap();
        peer.half_close()
    });
    let request = Client::new().get(script.url("/"));
    let request = request.header("connection", "upgrade").header("upgrade", "echo");
    let mut duplex = request.send().unwrap().take_duplex().unwrap();
    duplex.write_all(b"hello").unwrap();
    let mut text = String::new();
    duplex.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hihello");
    drop(duplex);
    script.finish();
}

#[test]
fn c23_a_black_hole_never_connects() {
    alone!();
    let hole = BlackHole::new();
    let client = Client::builder().connect_timeout(SHORT).build();
    let error = client.get(hole.url("/")).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Connect));
}

#[test]
fn c23_a_recorder_keeps_requests_and_sends_its_responses() {
    alone!();
    let recorder = Recorder::new()
        .respond(Response::builder().status(201).header("x-a", "b").body("made").unwrap())
        .respond(Response::new(String::from("second")));
    let server = TestServer::with_handler(recorder.clone());
    let client = Client::new();
    let mut made = client.put(server.url("/a?b")).header("x-c", "d").body("text").send().unwrap();
    assert_eq!((made.status().as_u16(), made.headers()["x-a"].to_str().unwrap()), (201, "b"));
    assert_eq!(made.text().unwrap(), "made");
    assert_eq!(text(client.get(server.url("/")).send()), "second");
    let none = client.get(server.url("/")).send().unwrap();
    assert_eq!(none.status(), 500);
    assert_eq!(none.into_body().read_text(100).unwrap(), "the recorder has no response left\n");

    let requests = recorder.take_requests();
    assert_eq!((requests.len(), recorder.requests().len()), (3, 0));
    assert_eq!(
        (requests[0].method().as_str(), requests[0].uri().to_string()),
        ("PUT", "/a?b".to_owned())
    );
    assert_eq!(
        (&requests[0].headers()["x-c"], &requests[0].body()[..]),
        (&"d".parse().unwrap(), &b"text"[..])
    );
    let plain = Recorder::new();
    let request = hangup::Request::get("/").body("").unwrap();
    assert_eq!(hangup::testing::call(&plain, request).unwrap().status(), 200);
    assert_eq!(plain.requests().len(), 1);
}

#[cfg(feature = "tls")]
#[test]
fn c23_handshakes_may_fail_or_never_come() {
    alone!();
    let script = Over::Tls
        .script()
        .failed_handshake()
        .plain_connection(|peer| peer.stay_silent())
        .plain_connection(|peer| peer.send("HTTP/1.1 400 Bad Request\r\n\r\n").close())
        .connection(|peer| peer.expect("GET /").respond(200, "ok"));
    let distrusting = Client::new();
    let kind = |client: &Client| client.get(script.url("/")).send().unwrap_err().kind();
    assert_eq!(kind(&distrusting), ErrorKind::UntrustedCertificate);
    let hurried = Over::Tls.client_builder().tls_handshake_timeout(SHORT).build();
    assert_eq!(kind(&hurried), ErrorKind::Timeout(TimeLimit::TlsHandshake));
    let client = Over::Tls.client();
    assert_eq!(kind(&client), ErrorKind::TlsHandshake);
    assert_eq!(text(client.get(script.url("/")).send()), "ok");
    script.finish();
}

#[cfg(feature = "tls")]
#[test]
fn c23_the_certificate_of_tests_is_trusted_by_its_clients_alone() {
    use hangup::testing::{tls_acceptor, tls_connector};

    alone!();
    let server = hangup::Server::with_handler(Recorder::new()).tls(tls_acceptor());
    let server = TestServer::with(server);
    let client = server.client();
    for host in ["example.com", "a.example.com", "example.org", "localhost", "127.0.0.1", "[::1]"] {
        assert_eq!(client.get(format!("https://{host}/")).send().unwrap().status(), 200, "{host}");
    }
    let untrusted = |client: &Client, url: &str| {
        client.get(url).send().is_err_and(|error| error.kind() == ErrorKind::UntrustedCertificate)
    };
    assert!(untrusted(&client, "https://other.test/"));
    assert!(untrusted(&Client::new(), &server.url("/")));
    let plain = Client::builder().tls(tls_connector()).build();
    assert_eq!(plain.get(server.url("/")).send().unwrap().status(), 200);
    drop((client, plain));

    let script = Script::in_memory().tls(tls_acceptor()).connection(|peer| {
        peer.expect("CONNECT a.example.com:443").respond(200, "").start_tls(&tls_acceptor());
        peer.expect("GET /").respond(200, "within")
    });
    let proxy = hangup::client::Proxy::new("https://localhost:1").unwrap().tls(tls_connector());
    let client = script.client_builder().proxy(proxy).build();
    assert_eq!(text(client.get("https://a.example.com/").send()), "within");
    drop(client);
    script.finish();
}

#[cfg(unix)] // The crate has no Unix sockets on Windows.
#[test]
fn c23_a_servers_client_reaches_it_on_a_unix_socket() {
    alone!();
    let path = std::env::temp_dir().join(format!("hangup-recorder-{}", std::process::id()));
    let recorder = Recorder::new();
    let listening = hangup::Server::with_handler(recorder.clone()).listen_unix(&path).unwrap();
    let server = TestServer::listening(listening);
    assert_eq!(server.client().get("http://example.com/a").send().unwrap().status(), 200);
    assert_eq!(recorder.requests()[0].headers()["host"], "example.com");
}
