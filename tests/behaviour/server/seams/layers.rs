//! Layers around handlers.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use hangup::http::HeaderName;
use hangup::testing::TestServer;
use hangup::{Handler, HandlerExt, Layer, Request, RequestExt, ResponseWriter, Result, respond};

use super::super::{in_memory, next, reports};
use super::{ConcurrencyLimit, GET, SetHeader, TimeLimit};
use crate::support::{RawClient, alone};

const TRACE: HeaderName = HeaderName::from_static("x-trace");

/// Adds its name to a header before and after the handler.
fn trace(name: &'static str) -> impl Layer {
    move |w: &mut ResponseWriter<'_>, r: &mut Request, next: &dyn Handler| {
        w.headers_mut().append(TRACE, name.parse().unwrap());
        let outcome = next.handle(w, r);
        w.headers_mut().append(TRACE, format!("/{name}").parse().unwrap());
        outcome
    }
}

#[test]
fn l01_the_layer_that_was_added_last_runs_first() {
    alone!();
    let handler = respond(|_| Ok("body"));
    let (_server, _, mut peer) = in_memory(handler.layer(trace("inner")).layer(trace("outer")));
    let answer = peer.send(GET).expect_response();
    assert_eq!(answer.fields("x-trace"), ["outer", "inner", "/inner", "/outer"]);
    assert_eq!(answer.text(), "body");
}

#[test]
fn l01_layers_may_be_shared_boxed_and_stacked_around_any_handler() {
    alone!();
    let handler: Box<dyn Handler> = Box::new(super::super::echo_path);
    let shared: Arc<dyn Layer> = Arc::new(trace("shared"));
    let boxed: Box<dyn Layer> = Box::new(trace("boxed"));
    let (_server, _, mut peer) = in_memory(handler.layer(boxed).layer(Arc::clone(&shared)));
    let answer = peer.send(GET).expect_response();
    assert_eq!(answer.fields("x-trace"), ["shared", "boxed", "/boxed", "/shared"]);
}

/// A time limit, a header and a concurrency limit around one handler.
#[test]
fn l02_three_layers_of_a_stranger() {
    alone!();
    let (busy, is_busy) = reports();
    let handler = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        match r.uri().path() {
            "/wait" => {
                busy.send(()).unwrap();
                Err(r.context().wait().into())
            }
            _ => Ok(w.write_all(b"in time")?),
        }
    };
    let name = HeaderName::from_static("x-frame-options");
    let server = TestServer::with_handler(
        handler
            .layer(TimeLimit(Duration::from_millis(300)))
            .layer(ConcurrencyLimit::new(1))
            .layer(SetHeader(name, "DENY")),
    );
    let (mut first, mut second) = (RawClient::connect(&server), RawClient::connect(&server));
    let answer = first.send(GET).expect_response();
    assert_eq!((answer.status, answer.field("x-frame-options")), (200, Some("DENY")));

    first.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    next(&is_busy);
    let answer = second.send(GET).expect_response();
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
    assert_eq!(answer.field("x-frame-options"), Some("DENY"));

    // An error response carries nothing that was set before it.
    let answer = first.expect_response();
    assert_eq!((answer.status, answer.field("x-frame-options")), (503, None));
    assert_eq!(answer.text(), "503 Service Unavailable\n");
    // Both connections serve on.
    first.send(GET).expect(200);
    second.send(GET).expect(200);
}

/// A layer may answer itself, call the handler twice, or change the request.
#[test]
fn l03_a_layer_decides_whether_and_with_what_the_handler_runs() {
    alone!();
    let handler = |w: &mut ResponseWriter, r: &mut Request| {
        let mut body = String::new();
        r.body_mut().read_to_string(&mut body)?;
        Ok(write!(w, "[{} {body}]", r.uri().path())?)
    };
    let layered = handler.layer_fn(|w, r, next| match r.uri().path() {
        "/twice" => next.handle(w, r).and_then(|()| next.handle(w, r)),
        "/never" => Ok(w.write_all(b"layer")?),
        "/other" => {
            *r.uri_mut() = "/changed".parse().unwrap();
            *r.body_mut() = "changed".into();
            next.handle(w, r)
        }
        _ => next.handle(w, r),
    });
    let (_server, _, mut peer) = in_memory(layered);
    let mut post = |path: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        peer.send(head).expect(200)
    };
    assert_eq!(post("/twice"), "[/twice hi][/twice ]");
    assert_eq!(post("/never"), "layer");
    assert_eq!(post("/other"), "[/changed changed]");
    assert_eq!(post("/plain"), "[/plain hi]");
}
