//! The scripted server that users test their clients with.

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use hangup::http::{HeaderMap, Response, StatusCode};
use hangup::testing::{Peer, Script};
use hangup::{Body, Client, Error, ErrorKind, ResponseExt};

use crate::support::alone;

/// Returns the message of the panic that `test` ends in.
fn failure_of(test: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(test)).expect_err("the script fails");
    payload.downcast_ref::<String>().expect("a formatted message").clone()
}

fn text(response: hangup::Result<Response<Body>>) -> hangup::Result<String> {
    Ok(response?.body_mut().read_text(1000)?)
}

#[test]
fn c23_declared_connections_are_served_in_order() {
    alone!();
    let script = Script::new()
        .connection(|peer| peer.expect("GET /a").respond(200, "first").close())
        .connection(|peer| {
            peer.expect("POST /b").with_header("content-length", "4").with_body("text");
            peer.respond(201, "second").expect("HEAD /c").respond(200, "unsent")
        });
    let client = Client::new();
    assert_eq!(text(client.get(script.url("/a")).send()).unwrap(), "first");
    assert_eq!(text(client.post(script.url("b")).body("text").send()).unwrap(), "second");
    let head = client.head(script.url("/c")).send().unwrap();
    assert_eq!(head.headers()["content-length"], "6");
    let requests = script.finish();
    let targets: Vec<_> = requests.iter().map(|one| (one.connection(), one.target())).collect();
    assert_eq!(targets, [(1, "/a"), (2, "/b"), (2, "/c")]);
    assert_eq!(requests[1].text(), "text");
}

#[test]
fn c23_each_fault_reaches_the_client() {
    alone!();
    let script = Script::new()
        .connection(|peer| {
            peer.expect("GET /").send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").close()
        })
        .connection(|peer| peer.expect("GET /").close())
        .connection(|peer| peer.expect("GET /").reset())
        .connection(|peer| peer.expect("GET /").send("HTTP/1.1 200 OK\r\nbroken"))
        .connection(|peer| peer.expect("GET /").stay_silent());
    let client = Client::builder().response_head_timeout(Duration::from_millis(50)).build();
    let call = || text(client.get(script.url("/")).send()).unwrap_err().kind();
    assert_eq!(call(), ErrorKind::IncompleteBody);
    assert_eq!(call(), ErrorKind::EmptyReply);
    assert_eq!(call(), ErrorKind::Receive);
    assert_eq!(call(), ErrorKind::Timeout(hangup::TimeLimit::ResponseHead));
    assert_eq!(call(), ErrorKind::Timeout(hangup::TimeLimit::ResponseHead));
    script.finish();
}

#[test]
fn c23_a_failure_names_connection_step_line_and_bytes() {
    alone!();
    let line = line!() + 6;
    let script = Script::new()
        .connection(|peer| peer.expect("GET /a").respond(200, "ok"))
        .connection(|peer| {
            peer.expect("GET /b").respond(200, "ok");
            peer.expect("GET /c")
        });
    let client = Client::new();
    for path in ["/a", "/b", "/d"] {
        let close = path == "/a";
        let mut call = client.get(script.url(path));
        if close {
            call = call.header("connection", "close");
        }
        let _ = call.send();
    }
    let message = failure_of(|| drop(script.finish()));
    let begin = format!("connection 2, step 3, tests/behaviour/client/script.rs:{line}:");
    assert!(message.contains(&begin), "{message}");
    assert!(
        message.contains("expected the request GET /c; received \"GET /d HTTP/1.1\\r\\n"),
        "{message}"
    );
}
