//! H11: the reverse proxy between a client and an upstream that are scripted.

use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crossbeam_channel::unbounded;
use hangup::net::{Dial, DialOptions, Hangup, Parked, Stream, Target};
use hangup::testing::{BlackHole, Peer, Script, TestServer};
use hangup::{Body, Client, Context, ReverseProxy, Server};
use log::Level;

use super::malformed::MALFORMED;
use crate::support::{PATIENCE, RawClient, alone, logs, noticed_at_once, pattern};

const GET: &str = "GET / HTTP/1.1\r\nHost: front\r\n\r\n";
const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: front\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Puts a proxy before a script.
fn before(script: &Script) -> TestServer {
    TestServer::with_handler(ReverseProxy::new(script.url("/")).pseudonym("edge"))
}

/// Starts a proxy, a client of it, and the upstream's end of the connection for the client's request.
fn forwarded(request: &str) -> (Script, TestServer, RawClient, Peer) {
    let script = Script::new();
    let server = before(&script);
    let mut client = RawClient::connect(&server);
    client.send(request);
    let peer = script.accept();
    (script, server, client, peer)
}

/// Returns the URL of a port on which no server listens, and the socket that keeps the port from others.
fn refusing() -> (socket2::Socket, String) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, format!("http://{addr}/"))
}

#[test]
fn h11_a_client_that_leaves_ends_the_call_that_waits_for_its_head() {
    alone!();
    noticed_at_once(|| {
        let (_script, _server, client, mut peer) = forwarded(GET);
        peer.expect("GET /");
        let left = Instant::now();
        client.close();
        peer.expect_closed();
        left.elapsed()
    });
}

#[test]
fn h11_a_client_that_leaves_ends_the_call_that_reads_a_body() {
    alone!();
    noticed_at_once(|| {
        let (_script, _server, mut client, mut peer) = forwarded(GET);
        peer.expect("GET /").send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        client.expect_head();
        client.expect_bytes(4);
        let left = Instant::now();
        client.close();
        peer.expect_closed();
        left.elapsed()
    });
}

#[test]
fn h11_a_client_that_leaves_ends_the_call_that_uploads() {
    alone!();
    noticed_at_once(|| {
        let (_script, _server, client, mut peer) = forwarded(&[CHUNKED, "4\r\nhalf\r\n"].concat());
        peer.expect_head("POST /").read_bytes(9);
        let left = Instant::now();
        client.close();
        peer.expect_closed();
        left.elapsed()
    });
}

#[test]
fn h11_a_client_that_leaves_ends_the_call_whose_upstream_reads_nothing() {
    alone!();
    noticed_at_once(|| {
        let script = Script::new().receive_buffer(4096);
        let (report, dialled) = unbounded();
        let client = Client::builder()
            .dialer(move |target: &Target, context: &Context| {
                let connection = DialOptions::new().dial(target, context)?;
                report.send(connection.stream.clone()).unwrap();
                Ok(connection)
            })
            .build();
        let proxy = ReverseProxy::new(script.url("/")).client(&client).idle_timeout(PATIENCE);
        let server = TestServer::with_handler(proxy);
        let mut client = RawClient::connect(&server);
        client.send(CHUNKED);
        let mut peer = script.accept();
        peer.expect_head("POST /");
        let uploads = client.stream().clone();
        let upload = std::thread::spawn(move || {
            let chunk = [&b"10000\r\n"[..], &pattern(0x10000), b"\r\n"].concat();
            while (&uploads).write_all(&chunk).is_ok() {}
        });
        let upstream: Stream = dialled.recv_timeout(PATIENCE).unwrap();
        assert!(upstream.wait_until_parked(Parked::Write, PATIENCE), "the proxy is in a write");
        let left = Instant::now();
        client.reset();
        // The upstream would see the end only behind megabytes in the buffers.
        let ended = upstream.wait_hangup(Hangup::Broken).unwrap_err();
        let noticed = left.elapsed();
        assert_eq!(ended.kind(), std::io::ErrorKind::ConnectionAborted, "the proxy closes it");
        upload.join().unwrap();
        noticed
    });
}

#[test]
fn h11_a_client_that_leaves_ends_the_call_that_connects() {
    alone!();
    let hole = BlackHole::new();
    let server = TestServer::with_handler(ReverseProxy::new(hole.url("/")));
    let mut client = RawClient::connect(&server);
    client.send(GET);
    client.close();
    // The handler would wait 10 s for a connection.
    assert!(server.handle().shutdown(Duration::from_secs(5)));
}

#[test]
fn h11_an_early_response_reaches_a_client_that_uploads() {
    alone!();
    let (_script, _server, mut client, mut peer) = forwarded(&[CHUNKED, "4\r\nhalf\r\n"].concat());
    peer.expect_head("POST /").read_bytes(9);
    peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!(client.expect(403), "no");
    peer.expect_closed();
}

#[test]
fn h11_both_directions_stream_at_once() {
    alone!();
    // A response to a body of which nothing was read would close the client's connection.
    let (_script, _server, mut client, mut peer) = forwarded(&[CHUNKED, "1\r\nx\r\n"].concat());
    peer.expect_head("POST /").read_bytes(6);
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.expect_head();
    for word in ["one", "two", "six"] {
        client.send(format!("3\r\n{word}\r\n"));
        assert_eq!(peer.read_bytes(8), format!("3\r\n{word}\r\n").as_bytes());
        peer.send(format!("3\r\n{word}\r\n"));
        assert_eq!(client.expect_chunk(), word.as_bytes());
    }
    client.send("0\r\nX-Up: 1\r\n\r\n");
    assert_eq!(peer.read_bytes(14), b"0\r\nX-Up: 1\r\n\r\n");
    peer.send("0\r\nX-Down: 2\r\n\r\n");
    client.expect_text("0\r\nX-Down: 2\r\n\r\n");
    // Both connections are kept.
    client.send(GET);
    peer.expect("GET /").respond(200, "again");
    assert_eq!(client.expect(200), "again");
}

#[test]
fn h11_an_upstream_that_breaks_off_breaks_the_response() {
    alone!();
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let (_script, _server, mut client, mut peer) = forwarded(GET);
        peer.expect("GET /").send(head);
        let text = if head.contains("chunked") { "4\r\nhalf\r\n" } else { "half" };
        client.expect_head();
        client.expect_text(text);
        peer.close();
        // Nothing follows that would end the body.
        client.expect_silence_to_the_end();
    }
}

#[test]
#[cfg_attr(windows, ignore = "Wine ends the stream before it resets the connection")]
fn h11_a_body_that_the_upstream_resets_does_not_look_complete() {
    alone!();
    let request = "GET / HTTP/1.0\r\n\r\n";
    let (_script, _server, mut client, mut peer) = forwarded(request);
    peer.expect("GET /").send("HTTP/1.1 200 OK\r\n\r\nhalf");
    client.expect_head();
    client.expect_text("half");
    peer.reset();
    client.expect_reset();
}

#[test]
fn h11_a_bad_response_is_a_502() {
    alone!();
    for response in [
        "",
        "HTTP/1.1 200",
        "what is this?\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nA : b\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ] {
        let (_script, _server, mut client, mut peer) = forwarded(GET);
        peer.expect("GET /").send(response).half_close();
        assert_eq!(client.expect(502), "502 Bad Gateway\n", "{response:?}");
    }
}

#[test]
fn h11_an_upstream_that_cannot_be_reached_is_a_502_and_a_slow_one_a_504() {
    alone!();
    let (_kept, url) = refusing();
    let server = TestServer::with_handler(ReverseProxy::new(url));
    RawClient::connect(&server).send(GET).expect(502);

    let hole = BlackHole::new();
    let proxy = ReverseProxy::new(hole.url("/")).connect_timeout(Duration::from_millis(20));
    let server = TestServer::with_handler(proxy);
    RawClient::connect(&server).send(GET).expect(504);

    let script = Script::new().connection(|peer| peer.expect("GET /").stay_silent());
    let proxy = ReverseProxy::new(script.url("/")).head_timeout(Duration::from_millis(20));
    let server = TestServer::with_handler(proxy);
    RawClient::connect(&server).send(GET).expect(504);

    let half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    let script =
        Script::new().connection(move |peer| peer.expect("GET /").send(half).stay_silent());
    let proxy = ReverseProxy::new(script.url("/")).idle_timeout(Duration::from_millis(20));
    let server = TestServer::with_handler(proxy);
    let mut client = RawClient::connect(&server);
    client.send(GET).expect_head();
    client.expect_text("half").expect_silence_to_the_end();
}

/// The log said `502 Bad Gateway` only, and not which upstream failed, or how.
#[test]
fn h11_the_log_has_the_reason_of_a_502_and_the_client_has_not() {
    alone!();
    logs::collect();
    let (_kept, url) = refusing();
    let addr = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let server = TestServer::with_handler(ReverseProxy::new(&url));
    assert_eq!(RawClient::connect(&server).send(GET).expect(502), "502 Bad Gateway\n");
    let (script, _server, mut client, mut peer) = forwarded(GET);
    peer.expect("GET /").half_close();
    assert_eq!(client.expect(502), "502 Bad Gateway\n");
    let lines = logs::of_servers(Level::Warn);
    let told = format!("handler of GET / failed: 502 Bad Gateway: upstream {addr}: cannot connect");
    assert!(lines[0].contains(&told), "{lines:?}");
    let told = format!("502 Bad Gateway: upstream {}: ", script.addr());
    assert!(lines[1].contains(&told), "{lines:?}");
}

/// A scanner that asks for a tunnel is no fault of the server's.
#[test]
fn h11_a_refused_connect_is_no_warning() {
    alone!();
    logs::collect();
    let script = Script::new();
    let server = before(&script);
    let mut client = RawClient::connect(&server);
    client.send("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
    client.expect(501);
    assert_eq!(logs::of_servers(Level::Warn), [""; 0]);
    let lines = logs::of_servers(Level::Debug);
    let told = "CONNECT example.com:443 answered with 501";
    assert!(lines.iter().any(|line| line.contains(told)), "{lines:?}");
}

/// Some servers add trailers to the header.
#[test]
fn h11_trailers_do_not_tell_of_another_client() {
    alone!();
    let trailers = "X-Sum: 1\r\nX-Forwarded-For: 192.0.2.1\r\nX_Forwarded_Host: evil\r\n\
                    Forwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n\r\n";
    let request = format!("{CHUNKED}2\r\nab\r\n0\r\n{trailers}");
    let (_script, _server, mut client, mut peer) = forwarded(&request);
    let expected = "2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n";
    let body = peer.expect_head("POST /").read_bytes(expected.len());
    assert_eq!(String::from_utf8_lossy(&body), expected);
    peer.respond(200, "");
    client.expect(200);
}

#[test]
fn h11_another_upstream_takes_the_place_of_one_that_cannot_be_reached() {
    alone!();
    let script = Script::new();
    let (_kept, url) = refusing();
    let proxy = ReverseProxy::new(url).upstream(script.url("/"));
    let server = TestServer::with_handler(proxy);
    let mut client = RawClient::connect(&server);
    // A body from a connection can be read once, and the first upstream has not read it.
    client.send([CHUNKED, "4\r\nbody\r\n0\r\n\r\n"].concat());
    let mut peer = script.accept();
    peer.expect("POST /").with_body("body").respond(200, "one");
    assert_eq!(client.expect(200), "one");
    for _ in 0..3 {
        client.send(GET);
        peer.expect("GET /").respond(200, "two");
        assert_eq!(client.expect(200), "two");
    }
}

#[test]
fn h11_there_is_a_503_if_every_upstream_is_left_out() {
    alone!();
    let ((_one, first), (_other, second)) = (refusing(), refusing());
    let proxy = ReverseProxy::new(first).upstream(second).max_failures(1, PATIENCE);
    let server = TestServer::with_handler(proxy);
    let mut client = RawClient::connect(&server);
    client.send(GET).expect(502);
    client.send(GET).expect(503);
}

#[test]
fn h11_interim_responses_arrive_at_once_and_not_at_old_clients() {
    alone!();
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    // With a body that is still sent, another thread reads the response.
    for request in [GET, CHUNKED] {
        let (_script, _server, mut client, mut peer) = forwarded(request);
        // Neither framing nor fields of the upstream's connection.
        peer.expect_head("*").send("HTTP/1.1 103 Early Hints\r\nConnection: x-a\r\nX-A: b\r\n");
        peer.send("Content-Length: 4\r\nTransfer-Encoding: chunked\r\nLink: </a>\r\n\r\n");
        client.expect_text(hints);
        peer.send("HTTP/1.1 204 No Content\r\n\r\n");
        client.expect_response();
    }
    let (_script, _server, mut client, mut peer) = forwarded("GET / HTTP/1.0\r\n\r\n");
    peer.expect("GET /").send(hints).respond(200, "ok");
    assert_eq!(client.expect(200), "ok");
}

#[test]
fn h11_an_expectation_is_forwarded() {
    alone!();
    let expecting =
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    let (_script, _server, mut client, mut peer) = forwarded(expecting);
    peer.expect_head("POST /").with_header("expect", "100-continue");
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    client.expect_text("HTTP/1.1 100 Continue\r\n\r\n").send("body");
    peer.with_body("body").respond(200, "ok");
    assert_eq!(client.expect(200), "ok");

    let (_script, _server, mut client, mut peer) = forwarded(expecting);
    peer.expect_head("POST /").respond(403, "no");
    assert_eq!(client.expect(403), "no");
    client.expect_end();
    assert_eq!(peer.expect_closed(), b"");
}

#[test]
fn h11_a_body_that_the_client_breaks_decides_the_response() {
    alone!();
    for (body, status) in [("x\r\n", Some(400)), ("4\r\nhal", None)] {
        let (_script, _server, mut client, mut peer) = forwarded(CHUNKED);
        peer.expect_head("POST /");
        client.send(body);
        if status.is_none() {
            client.half_close();
        }
        // The upstream never sees the end of the body.
        assert!(!peer.expect_closed().windows(5).any(|bytes| bytes == b"0\r\n\r\n"));
        match status {
            Some(status) => drop(client.expect(status)),
            // The client has gone. If it only half-closed, it may see that it counts as gone.
            None => assert!(!client.rest().starts_with(b"HTTP/1.1 2")),
        }
    }
}

const UPGRADE: &str =
    "GET / HTTP/1.1\r\nHost: front\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n";

fn upgraded() -> (Script, TestServer, RawClient, Peer) {
    let (script, server, mut client, mut peer) = forwarded(&[UPGRADE, "ahead up"].concat());
    peer.expect("GET /").with_header("upgrade", "echo").with_header("connection", "Upgrade");
    peer.send([SWITCH, "X-A: b\r\n\r\nahead down"].concat());
    let head = client.expect_head();
    assert_eq!((head.status, head.field("upgrade")), (101, Some("echo")));
    assert_eq!((head.field("connection"), head.field("x-a")), (Some("Upgrade"), Some("b")));
    client.expect_text("ahead down");
    assert_eq!(peer.read_bytes(8), b"ahead up");
    (script, server, client, peer)
}

#[test]
fn h11_an_upgraded_connection_passes_bytes_and_half_closes() {
    alone!();
    let (_script, _server, mut client, mut peer) = upgraded();
    client.send("ping");
    assert_eq!(peer.read_bytes(4), b"ping");
    client.half_close();
    peer.expect_end().send("the rest");
    client.expect_text("the rest");
    peer.close();
    client.expect_end();
}

#[test]
fn h11_either_side_of_an_upgraded_connection_ends_the_other() {
    alone!();
    noticed_at_once(|| {
        let (_script, _server, client, mut peer) = upgraded();
        let left = Instant::now();
        client.reset();
        peer.expect_closed();
        left.elapsed()
    });
    noticed_at_once(|| {
        let (_script, _server, mut client, mut peer) = upgraded();
        let left = Instant::now();
        peer.reset();
        client.expect_silence_to_the_end();
        left.elapsed()
    });
}

fn upgraded_with_limit(limit: Duration) -> (Script, TestServer, RawClient, Peer) {
    let script = Script::new();
    let proxy = ReverseProxy::new(script.url("/")).tunnel_idle_timeout(limit);
    let server = TestServer::with_handler(proxy);
    let mut client = RawClient::connect(&server);
    client.send(UPGRADE);
    let mut peer = script.accept();
    peer.expect("GET /");
    peer.send([SWITCH, "\r\n"].concat());
    client.expect_head();
    (script, server, client, peer)
}

#[test]
fn h11_a_tunnel_that_carries_nothing_ends() {
    alone!();
    let (_script, _server, mut client, mut peer) = upgraded_with_limit(Duration::from_millis(100));
    client.expect_silence_to_the_end();
    peer.expect_closed();
}

#[test]
fn h11_a_direction_that_carries_something_keeps_the_other_alive() {
    alone!(waits);
    let limit = Duration::from_secs(2);
    let (_script, _server, mut client, mut peer) = upgraded_with_limit(limit);
    let begun = Instant::now();
    while begun.elapsed() < limit + limit / 4 {
        client.send("x");
        peer.read_bytes(1);
        std::thread::park_timeout(limit / 20);
    }
    peer.send("alive");
    client.expect_text("alive");
}

#[test]
fn h11_a_client_that_reads_nothing_ends_its_tunnel() {
    alone!();
    let (_script, _server, client, peer) = upgraded_with_limit(Duration::from_millis(200));
    let piece = pattern(1 << 16);
    while peer.stream().write_all(&piece).is_ok() {}
    drop(client);
}

/// A client that has closed its sending side looks as one that has gone away. It once got a 499.
#[test]
fn h11_a_half_closed_client_gets_its_response_where_the_server_says_so() {
    alone!();
    let (_script, _server, mut client, mut peer) = forwarded(GET);
    peer.expect("GET /");
    client.half_close();
    peer.expect_closed();
    client.expect_end();

    let script = Script::new();
    let proxy = ReverseProxy::new(script.url("/"));
    let listening = Server::with_handler(proxy).cancel_on_half_close(false).listen("127.0.0.1:0");
    let server = TestServer::listening(listening.unwrap());
    let mut client = RawClient::connect(&server);
    client.send(GET).half_close();
    script.accept().expect("GET /").respond(200, "all the same");
    assert_eq!(client.expect(200), "all the same");
}

#[test]
fn h11_an_upstream_that_accepts_nothing_of_an_upload_is_a_504() {
    alone!();
    let script = Script::new().receive_buffer(4096);
    let limit = Duration::from_millis(100);
    let proxy = ReverseProxy::new(script.url("/")).idle_timeout(limit);
    let server = TestServer::with_handler(proxy);
    let mut client = RawClient::connect(&server);
    client.send("POST / HTTP/1.1\r\nHost: front\r\nContent-Length: 100000000\r\n\r\n");
    let mut peer = script.accept();
    peer.expect_head("POST /");
    let uploads = client.stream().clone();
    let upload = std::thread::spawn(move || {
        let piece = pattern(1 << 16);
        while (&uploads).write_all(&piece).is_ok() {}
    });
    client.expect(504);
    drop(client);
    upload.join().unwrap();
}

#[test]
fn h11_a_refused_upgrade_is_an_ordinary_response() {
    alone!();
    let (_script, _server, mut client, mut peer) = forwarded(UPGRADE);
    peer.expect("GET /").respond(200, "no");
    assert_eq!(client.expect(200), "no");
    client.send(GET);
    peer.expect("GET /").without_header("upgrade").respond(200, "later");
    assert_eq!(client.expect(200), "later");
}

#[test]
fn h11_nothing_but_one_well_framed_request_reaches_the_upstream() {
    alone!();
    let script = Script::new().connections(|peer| {
        while let Some(request) = peer.next_request() {
            // A smuggled request would be a second one here.
            assert!(!request.target().contains("smuggled"), "{}", request.head());
            let framings = [request.header("content-length"), request.header("transfer-encoding")];
            assert!(framings.iter().flatten().count() < 2, "{}", request.head());
            peer.respond(200, "ok");
        }
        peer
    });
    let server = before(&script);
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for (request, _) in MALFORMED {
        let mut client = RawClient::connect(&server);
        client.send(GET).expect(200);
        client.send_in_vain([request, smuggled].concat());
        assert!(client.expect_response().status >= 400, "{request:?}");
        client.expect_end();
    }
    for body in [
        "g\r\nx",
        "ffffffffffffffffff\r\n",
        "1\r\nxy\r\n",
        "0\r\nHost: x\r\n\r\n",
        "1;a\nb\r\nx\r\n",
    ] {
        let (_script, _server, mut client, mut peer) = forwarded(CHUNKED);
        peer.expect_head("POST /");
        client.send_in_vain([body, smuggled].concat());
        let came = peer.expect_closed();
        assert!(!came.windows(8).any(|bytes| bytes == b"smuggled"), "{body:?}");
        assert!(!came.ends_with(b"0\r\n\r\n"), "{body:?}");
    }
    // Fields that Connection names frame the message all the same.
    for named in ["content-length", "transfer-encoding", "host, content-length"] {
        let mut client = RawClient::connect(&server);
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: {named}\r\n");
        client.send([&head, "Content-Length: 35\r\n\r\n", smuggled].concat());
        client.expect(200);
    }
    drop(server);
    script.finish();
}

#[test]
fn h11_a_large_body_passes_in_both_directions() {
    alone!();
    let body = pattern(1 << 20);
    let expected = body.clone();
    let script = Script::new().connection(move |peer| {
        peer.expect("PUT /").with_header("content-length", "1048576").with_body(&expected);
        peer.respond(200, &expected)
    });
    let server = before(&script);
    let client = Client::new();
    let mut response = client.put(server.url("/")).body(Body::from(body.clone())).send().unwrap();
    assert!(response.body_mut().read_bytes(2 << 20).unwrap() == body);
}
