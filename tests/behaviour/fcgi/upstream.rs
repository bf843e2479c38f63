//! The client side of FastCGI and CGI behind a server: what happens when one side leaves.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use hangup::testing::TestServer;
use hangup::{Handler, Request, RequestExt, ResponseWriter, Result, Server, fcgi};

use super::{echo, next, reports};
use crate::support::{PATIENCE, RawClient, alone, pattern, rounds};

/// The longest time from a client's end to the abort of its request.
const SOON: Duration = Duration::from_millis(20);

/// Starts an application, and a server in front of it.
fn serve(handler: impl Handler) -> (TestServer, TestServer) {
    let app = fcgi::Server::with_handler(handler).listen("127.0.0.1:0").expect("a free port");
    let app = TestServer::listening(app);
    let upstream = fcgi::Upstream::tcp(app.addr().to_string());
    (in_front(upstream), app)
}

fn in_front(handler: impl Handler) -> TestServer {
    TestServer::listening(Server::with_handler(handler).listen("127.0.0.1:0").expect("a free port"))
}

#[test]
fn h12_a_client_that_leaves_aborts_its_request_at_every_stage() {
    alone!();
    let (sender, ended) = reports();
    let (begun_sender, begun) = reports();
    let waits = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let context = r.context();
        match r.uri().path() {
            "/head" => {}
            "/body" => {
                w.write_all(b"begun")?;
                w.flush()?;
            }
            _ => r.body_mut().read_exact(&mut [0; 4])?,
        }
        begun_sender.send(()).expect("a test that listens");
        context.wait_timeout(PATIENCE).ok_or("the context does not end")?;
        sender.send(Instant::now()).expect("a test that listens");
        Ok(())
    };
    let (server, _app) = serve(waits);
    for request in [
        "GET /head HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /body HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
        "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        // The least of several times: a loaded machine is no fault of the server.
        let took = (0..5).map(|_| {
            let mut client = RawClient::connect(&server);
            client.send(request);
            next(&begun);
            let left = Instant::now();
            client.reset();
            next(&ended).saturating_duration_since(left)
        });
        let least = took.min().expect("some");
        assert!(least < SOON, "{least:?} for {request:?}");
    }
}

#[test]
fn h12_an_application_that_leaves_ends_the_response() {
    alone!();
    let (sender, seen) = reports::<()>();
    let dies = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        if r.uri().path() == "/body" {
            w.write_all(b"begun")?;
            w.flush()?;
            next(&seen);
        }
        panic!("as an application that crashes")
    };
    let (server, app) = serve(dies);
    let mut client = RawClient::connect(&server);
    client.send("GET /body HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.expect_head().status, 200);
    assert_eq!(client.expect_chunk(), b"begun");
    sender.send(()).expect("a handler that waits");
    // A client never takes half a response for a complete one.
    let mut rest = Vec::new();
    let _ = client.stream().read_to_end(&mut rest);
    assert!(rest.is_empty(), "{}", rest.escape_ascii());
    drop(app);
    let mut client = RawClient::connect(&server);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.expect_response().status, 502);
}

#[test]
fn h12_many_uploads_leave_nothing_behind() {
    alone!();
    let (server, _app) = serve(echo);
    upload(&server);
}

#[cfg(unix)] // Windows has no such program.
#[test]
fn h12_many_uploads_to_programs_leave_nothing_behind() {
    alone!();
    let script =
        hangup::cgi::Script::new("/bin/sh").arg("-c").arg("echo Content-Type: a/b; echo; cat");
    upload(&in_front(script));
}

/// Sends many bodies to a handler that returns them.
fn upload(server: &TestServer) {
    let body = pattern(100_000);
    let mut client = RawClient::connect(server);
    for _ in 0..rounds(100) {
        client
            .send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()));
        client.send(&body);
        let answer = client.expect_response();
        assert!(answer.status == 200 && answer.body == body);
    }
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("3\r\nabc\r\n0\r\n\r\n");
    assert_eq!(client.expect_response().body, b"abc");
}
