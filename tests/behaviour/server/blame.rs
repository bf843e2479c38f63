//! The status of an error depends on its cause: the client, the handler, or a server that the handler called.

use std::io::Write;
use std::time::Duration;

use hangup::http::StatusCode;
use hangup::{Body, Error, Request, RequestExt, ResponseWriter, Result, Server};
use log::Level;

use super::{echo_path, next, reports, served, served_with};
use crate::support::{Over, PATIENCE, alone, logs, over_each};

over_each![
    h01_a_failed_request_body_decides_the_status,
    h01_a_body_that_is_too_slow_is_answered_with_408,
    h01_a_request_whose_body_was_cut_off_gets_no_response,
    h01_an_error_after_the_head_sends_no_second_response,
    h01_an_error_of_a_call_that_the_handler_made_is_a_500,
    h01_a_forwarded_body_that_fails_still_decides_the_status,
    h01_an_error_with_a_status_is_sent_with_that_status,
    h01_the_text_of_other_errors_is_not_sent,
    h01_a_client_that_does_not_read_its_response_is_not_a_warning,
    h02_a_hook_turns_errors_into_responses,
    h02_a_hook_writes_the_servers_refusals,
    h02_a_hook_that_fails_leaves_a_plain_response,
];

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const CHUNKED: &str = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Returns an upload of a declared length.
fn upload(declared: usize, sent: &str) -> String {
    format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {declared}\r\n\r\n{sent}")
}

/// Reads the body, and converts the error in one of the ways of real programs.
fn read_in_some_way(way: &str, r: &mut Request) -> Result<()> {
    let outcome = match way {
        "text" => return r.body_mut().read_text(4).map(drop),
        "bytes" => return r.body_mut().read_bytes(4).map(drop),
        _ => r.body_mut().read_bytes(4),
    };
    outcome.map(drop).map_err(|error| match way {
        "string" => Error::from(format!("cannot read: {error}")),
        "io" => std::io::Error::other("cannot read").into(),
        "boxed" => Error::other(Box::<dyn std::error::Error + Send + Sync>::from(error)),
        _ => Error::status(StatusCode::IM_A_TEAPOT, "cannot read"),
    })
}

fn h01_a_failed_request_body_decides_the_status(over: Over) {
    alone!();
    logs::collect();
    let trailers = "T: x\r\n".repeat(200);
    let bodies = [
        (format!("{CHUNKED}zz\r\n"), 400),
        (format!("{CHUNKED}2\r\nabc\r\n0\r\n\r\n"), 400),
        (format!("{CHUNKED}0\r\nno field\r\n\r\n"), 400),
        (format!("{CHUNKED}0\r\n{trailers}\r\n"), 431),
        (format!("{CHUNKED}5\r\nabcde\r\n0\r\n\r\n"), 413),
        (upload(5, "abcde"), 413),
        (upload(500_000, &"x".repeat(500_000)), 413),
    ];
    for way in ["text", "bytes", "string", "io", "boxed", "status"] {
        for (request, status) in &bodies {
            let (_server, _far, mut peer) =
                served(over, move |_: &mut ResponseWriter, r: &mut Request| {
                    read_in_some_way(way, r)
                });
            peer.send_in_vain(request).send_in_vain(GET);
            let answer = peer.expect_response();
            assert_eq!(answer.status, *status, "{way}: {request:?}");
            assert_eq!(answer.field("connection"), Some("close"));
            peer.expect_end();
        }
    }
    assert_eq!(logs::of_servers(Level::Warn), [""; 0]);
    let told = logs::of_servers(Level::Debug);
    assert!(told.iter().any(|line| line.contains("PUT / answered with 413")), "{told:?}");
    let (_server, _far, mut peer) = served(over, |_: &mut ResponseWriter, r: &mut Request| {
        r.body_mut().read_text(100).map(drop)
    });
    peer.send(upload(1, "")).send(b"\xff");
    assert_eq!(peer.expect_response().status, 400, "not UTF-8");
    let (_server, _far, mut peer) = served(over, |_: &mut ResponseWriter, r: &mut Request| {
        r.body_mut().read_json::<u8>(100).map(drop)
    });
    peer.send(upload(3, "700"));
    assert_eq!(peer.expect_response().status, 400, "no such number");
}

fn h01_a_body_that_is_too_slow_is_answered_with_408(over: Over) {
    alone!();
    logs::collect();
    let server =
        Server::new(|_: &mut ResponseWriter, r: &mut Request| read_in_some_way("string", r));
    let (_server, _far, mut peer) =
        served_with(over, server.read_timeout(Duration::from_millis(50)));
    let answer = peer.send(upload(4, "ab")).expect_response();
    assert_eq!((answer.status, answer.field("connection")), (408, Some("close")));
    peer.half_close().expect_end();
    assert_eq!(logs::of_servers(Level::Warn), [""; 0]);
}

fn h01_a_request_whose_body_was_cut_off_gets_no_response(over: Over) {
    alone!();
    logs::collect();
    let (begin, begun) = reports();
    let (report, seen) = reports();
    let server = over.server(move |_: &mut ResponseWriter, r: &mut Request| {
        begin.send(()).unwrap();
        let outcome = read_in_some_way("string", r);
        report.send(outcome.is_err()).unwrap();
        outcome
    });
    for cut in [upload(4, "ab"), format!("{CHUNKED}4\r\nab")] {
        let mut peer = over.connect(&server);
        peer.send(&cut).half_close();
        peer.expect_silence_to_the_end();
        assert!(next(&seen));
        next(&begun);
        let mut peer = over.connect(&server);
        peer.send(&cut);
        // A reset drops a request that was not read.
        next(&begun);
        peer.reset();
        assert!(next(&seen));
    }
    assert!(server.handle().shutdown(PATIENCE));
    assert_eq!(logs::of_servers(Level::Warn), [""; 0]);
}

fn h01_an_error_after_the_head_sends_no_second_response(over: Over) {
    alone!();
    logs::collect();
    let (_server, _far, mut peer) = served(over, |w: &mut ResponseWriter, r: &mut Request| {
        w.write_all(b"begun")?;
        w.flush()?;
        read_in_some_way("string", r)
    });
    let answer = peer.send(format!("{CHUNKED}zz\r\n")).expect_head();
    assert_eq!(answer.status, 200);
    assert_eq!(peer.expect_chunk(), b"begun");
    peer.expect_silence_to_the_end();
    assert_eq!(logs::of_servers(Level::Warn), [""; 0]);
}

/// A forwarding handler that fails because its upstream failed gets a 500: its client did nothing wrong.
fn h01_an_error_of_a_call_that_the_handler_made_is_a_500(over: Over) {
    alone!();
    logs::collect();
    let (peers, client) = (over.peers(), over.client());
    let url = over.url(peers.addr(), "/upstream");
    let (_server, _far, mut peer) = served(over, move |w: &mut ResponseWriter, r: &mut Request| {
        let response = client.get(&url).send()?;
        let (parts, mut body) = response.into_parts();
        let _ = (parts, r.body_mut().read_bytes(100)?);
        body.read_bytes(4)?;
        echo_path(w, r)
    });
    for answer in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
        "not HTTP\r\n\r\n",
    ] {
        peer.send(upload(4, "abcd"));
        let mut upstream = peers.accept();
        upstream.expect_request("GET /upstream");
        upstream.send(answer);
        assert_eq!(peer.expect(500), "500 Internal Server Error\n", "{answer:?}");
    }
    assert_eq!(logs::of_servers(Level::Warn).len(), 3);
}

fn h01_a_forwarded_body_that_fails_still_decides_the_status(over: Over) {
    alone!();
    let (peers, client) = (over.peers(), over.client());
    let url = over.url(peers.addr(), "/upstream");
    let (_server, _far, mut peer) = served(over, move |_: &mut ResponseWriter, r: &mut Request| {
        let body = std::mem::replace(r.body_mut(), Body::empty());
        client.put(&url).body(body).send().map(drop)
    });
    peer.send(format!("{CHUNKED}2\r\nab\r\nzz\r\n"));
    let _upstream = peers.accept();
    let answer = peer.expect_response();
    assert_eq!((answer.status, answer.field("connection")), (400, Some("close")));
}

fn h01_an_error_with_a_status_is_sent_with_that_status(over: Over) {
    alone!();
    logs::collect();
    let (_server, _far, mut peer) = served(over, |w: &mut ResponseWriter, r: &mut Request| {
        w.set_header("x-secret", 1)?;
        w.write_all(b"half an answer")?;
        Err(match r.uri().path() {
            "/text" => Error::status(StatusCode::NOT_FOUND, "no row 7"),
            "/bare" => StatusCode::CONFLICT.into(),
            "/io" => std::io::Error::from(Error::from(StatusCode::GONE)).into(),
            "/long" => Error::status(StatusCode::BAD_REQUEST, "x".repeat(5000)),
            "/none" => StatusCode::NO_CONTENT.into(),
            "/interim" => StatusCode::CONTINUE.into(),
            _ => Error::status(StatusCode::SERVICE_UNAVAILABLE, "later"),
        })
    });
    let long = "x".repeat(5000) + "\n";
    for (path, status, text) in [
        ("/text", 404, "no row 7\n"),
        ("/bare", 409, "409 Conflict\n"),
        ("/io", 410, "410 Gone\n"),
        ("/long", 400, &long),
        ("/none", 204, ""),
    ] {
        peer.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let answer = peer.expect_response();
        assert_eq!((answer.status, answer.text().as_str()), (status, text));
        assert_eq!((answer.field("x-secret"), answer.field("connection")), (None, None));
    }
    peer.send("HEAD /long HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(peer.expect_head().field("content-length"), Some("5001"));
    assert_eq!(logs::of_servers(Level::Warn), [""; 0]);
    peer.send("GET /server HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(peer.expect(503), "later\n");
    peer.send("GET /interim HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(peer.expect_response().status, 500);
    assert_eq!(logs::of_servers(Level::Warn).len(), 2);
}

fn h01_the_text_of_other_errors_is_not_sent(over: Over) {
    alone!();
    logs::collect();
    let (_server, _far, mut peer) = served(over, |_: &mut ResponseWriter, _: &mut Request| {
        Err(Error::from("the password is swordfish"))
    });
    assert_eq!(peer.send(GET).expect(500), "500 Internal Server Error\n");
    let warnings = logs::of_servers(Level::Warn);
    assert!(warnings.len() == 1 && warnings[0].contains("swordfish"), "{warnings:?}");
}

fn h01_a_client_that_does_not_read_its_response_is_not_a_warning(over: Over) {
    alone!();
    logs::collect();
    let (report, reports) = reports();
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
        report.send(()).unwrap();
        let context = r.context();
        context.wait();
        let mut outcome = Ok(());
        while outcome.is_ok() {
            outcome = w.write_all(&[0; 100_000]);
        }
        report.send(()).unwrap();
        Ok(outcome?)
    });
    let mut peer = over.connect(&server);
    peer.send(GET);
    // A reset drops a request that was not read.
    next(&reports);
    peer.reset();
    next(&reports);
    assert!(server.handle().shutdown(PATIENCE));
    assert_eq!(logs::of_servers(Level::Warn), [""; 0]);
}

/// Responds to errors with JSON.
fn problem(error: &Error, status: StatusCode, r: &Request) -> hangup::http::Response<String> {
    let text = error.status_code().map_or(String::new(), |_| error.to_string());
    let json = format!("{{{} {} {:?}}}", status.as_u16(), r.uri().path(), text);
    let response = hangup::http::Response::builder().status(status);
    response.header("content-type", "application/problem+json").body(json).unwrap()
}

fn h02_a_hook_turns_errors_into_responses(over: Over) {
    alone!();
    let handler = |_: &mut ResponseWriter, r: &mut Request| match r.uri().path() {
        "/row" => Err(Error::status(StatusCode::NOT_FOUND, "no row")),
        "/body" => r.body_mut().read_bytes(2).map(drop),
        _ => Err(Error::from("secret")),
    };
    let (_server, _far, mut peer) = served_with(over, Server::new(handler).on_error(problem));
    let mut ask = |request: &str| {
        let answer = peer.send(request).expect_response();
        assert_eq!(answer.field("content-type"), Some("application/problem+json"));
        (answer.status, answer.text())
    };
    let row = r#"{404 /row "404 Not Found: no row"}"#.to_owned();
    assert_eq!(ask("GET /row HTTP/1.1\r\nHost: a\r\n\r\n"), (404, row));
    assert_eq!(ask("GET /x HTTP/1.1\r\nHost: a\r\n\r\n"), (500, r#"{500 /x ""}"#.to_owned()));
    let body = "PUT /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(ask(body), (413, r#"{413 /body ""}"#.to_owned()));
    peer.expect_end();
}

fn h02_a_hook_writes_the_servers_refusals(over: Over) {
    alone!();
    for (request, status, path) in [
        ("nonsense\r\n\r\n".to_owned(), 400, ""),
        ("GET /a HTTP/1.1\r\n\r\n".to_owned(), 400, ""),
        ("GET /a HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n".to_owned(), 417, "/a"),
        ("PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n".to_owned(), 501, "/a"),
        (format!("GET /a HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(6000)), 431, ""),
    ] {
        let server = Server::new(echo_path).max_header_bytes(1000).on_error(problem);
        let (_server, _far, mut peer) = served_with(over, server);
        let answer = peer.send(&request).send_in_vain(GET).expect_response();
        assert_eq!(answer.status, status, "{request:?}");
        assert_eq!(answer.field("content-type"), Some("application/problem+json"));
        assert_eq!(answer.field("connection"), Some("close"));
        let start = format!("{{{status} {path} ");
        assert!(answer.text().starts_with(&start), "{:?}", answer.text());
        peer.expect_end();
    }
    let server = Server::new(echo_path).max_connections(0).on_error(problem);
    let server = over.server_with(server);
    let mut peer = over.connect(&server);
    assert!(peer.send_in_vain(GET).expect(503).starts_with("{503  "));
}

fn h02_a_hook_that_fails_leaves_a_plain_response(over: Over) {
    alone!();
    let server = |how: &'static str| {
        let failing = |_: &mut ResponseWriter, _: &mut Request| Err(StatusCode::CONFLICT.into());
        let body = || Body::replayable(None, || Err(std::io::Error::other("on purpose")));
        Server::new(failing).on_error(move |_: &Error, _: StatusCode, _: &Request| match how {
            "panic" => panic!("on purpose"),
            "error" => Err(Error::from("on purpose")),
            "interim" => Ok(status(StatusCode::PROCESSING)),
            _ => Ok(hangup::http::Response::new(body())),
        })
    };
    for how in ["error", "interim", "body"] {
        let (_server, _far, mut peer) = served_with(over, server(how));
        assert_eq!(peer.send(GET).expect(500), "500 Internal Server Error\n");
    }
    let (_server, _far, mut peer) = served_with(over, server("panic"));
    peer.send(GET).expect_end();
    let (_server, _far, mut peer) = served_with(over, server("panic"));
    peer.send("nonsense\r\n\r\n");
    peer.expect_silence_to_the_end();
}

fn status(status: StatusCode) -> hangup::Response {
    hangup::http::Response::builder().status(status).body(Body::empty()).unwrap()
}
