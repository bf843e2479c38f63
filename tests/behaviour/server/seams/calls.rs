//! Handlers that are called without a socket.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use hangup::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hangup::http::{HeaderMap, StatusCode};
use hangup::testing::{call, informational};
use hangup::{
    Body, Context, Error, ErrorKind, Handler, HandlerExt, Request, RequestExt, Response,
    ResponseWriter, Result, respond,
};

use super::super::echo_path;
use super::{TimeLimit, Twice, UpperCase, Whole, any, filtered};

fn get(path: &str) -> Request {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

fn post(body: impl Into<Body>) -> Request {
    Request::post("/").body(body.into()).unwrap()
}

fn text(response: Response) -> String {
    response.into_body().read_text(1 << 20).unwrap()
}

#[test]
fn l20_a_call_returns_what_a_client_would_receive() {
    let response = call(&echo_path, get("/path?query")).unwrap();
    assert_eq!(
        (response.status(), response.version()),
        (StatusCode::OK, hangup::http::Version::HTTP_11)
    );
    assert_eq!(response.headers()[CONTENT_LENGTH], "5");
    assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
    assert_eq!(text(response), "/path");

    let shared: Arc<dyn Handler> = Arc::new(respond(|r| {
        let body = r.body_mut().read_text(100)?;
        Ok((hangup::http::StatusCode::CREATED, body))
    }));
    let response = call(&shared, post("sent")).unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(text(response), "sent");
}

#[test]
fn l20_a_streamed_body_is_collected_with_its_trailers() {
    let handler = |w: &mut ResponseWriter, r: &mut Request| {
        let copied = io::copy(r.body_mut(), w)?;
        w.flush()?;
        w.trailers_mut().insert("x-copied", copied.into());
        Ok(())
    };
    let body = Body::from_reader(io::repeat(b'x').take(100_000));
    let mut response = call(&handler, post(body)).unwrap();
    assert_eq!(response.headers().get(CONTENT_LENGTH), None);
    assert_eq!(response.body_mut().read_bytes(1 << 20).unwrap().len(), 100_000);
    assert_eq!(response.body_mut().take_trailers().unwrap()["x-copied"], "100000");
}

#[test]
fn l20_a_response_to_head_has_no_body() {
    let request = Request::head("/path").body(()).unwrap();
    let response = call(&echo_path, request).unwrap();
    assert_eq!(response.headers()[CONTENT_LENGTH], "5");
    assert_eq!(text(response), "");
}

#[test]
fn l21_layers_and_filters_run() {
    let handler = filtered(echo_path, || vec![any(Whole::default()), any(UpperCase)]);
    let handler =
        filtered(handler.layer(TimeLimit(Duration::from_secs(3600))), || vec![Twice::default()]);
    let response = call(&handler, get("/a")).unwrap();
    assert_eq!(text(response), "//AA");
}

#[test]
fn l22_errors_become_the_servers_responses() {
    let fails = |how: fn(&mut Request) -> Result<()>| {
        move |w: &mut ResponseWriter, r: &mut Request| {
            w.write_all(b"half a response")?;
            how(r)
        }
    };
    let status = |handler: &dyn Handler, request| call(handler, request).unwrap().status();
    assert_eq!(status(&fails(|_| Err(Error::other("why"))), get("/")), 500);
    assert_eq!(status(&fails(|_| Err(StatusCode::NOT_FOUND.into())), get("/")), 404);
    let too_large = fails(|r| r.body_mut().read_bytes(3).map(drop));
    assert_eq!(status(&too_large, post("four")), 413);
    let failed = call(&fails(|_| Err(Error::status(StatusCode::CONFLICT, "taken"))), get("/"));
    assert_eq!(text(failed.unwrap()), "taken\n");
    assert_eq!(status(&echo_path, Request::options("*").body(Body::empty()).unwrap()), 204);
}

#[test]
fn l22_a_broken_off_response_is_an_error() {
    let panics = |_: &mut ResponseWriter, _: &mut Request| -> Result<()> { panic!("on purpose") };
    assert_eq!(call(&panics, get("/")).unwrap_err().kind(), ErrorKind::Other);
    let late = |w: &mut ResponseWriter, _: &mut Request| {
        w.write_all(b"begun")?;
        w.flush()?;
        Err(Error::status(StatusCode::CONFLICT, "too late"))
    };
    let error = call(&late, get("/")).unwrap_err();
    assert_eq!(error.status_code(), Some(StatusCode::CONFLICT));
    let short = |w: &mut ResponseWriter, _: &mut Request| {
        w.set_header(CONTENT_LENGTH, 10)?;
        Ok(w.write_all(b"short")?)
    };
    assert_eq!(call(&short, get("/")).unwrap_err().kind(), ErrorKind::Misuse);
    let broken = Body::from_reader(io::empty().chain(Fails));
    let reads = |_: &mut ResponseWriter, r: &mut Request| r.body_mut().read_bytes(9).map(drop);
    assert_eq!(call(&reads, post(broken)).unwrap_err().kind(), ErrorKind::Receive);
    let hijacks = |w: &mut ResponseWriter, _: &mut Request| w.hijack().map(drop);
    assert_eq!(call(&hijacks, get("/")).unwrap().status(), 500);
}

struct Fails;

impl Read for Fails {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

#[test]
fn l23_interim_responses_are_kept_with_the_response() {
    let handler = |w: &mut ResponseWriter, r: &mut Request| {
        let mut headers = HeaderMap::new();
        headers.insert("link", "</a>".parse().unwrap());
        w.informational(StatusCode::EARLY_HINTS, &headers)?;
        echo_path(w, r)
    };
    let response = call(&handler, get("/")).unwrap();
    let [hints] = informational(&response) else { panic!("one interim response") };
    assert_eq!(
        (hints.status(), &hints.headers()["link"]),
        (StatusCode::EARLY_HINTS, &"</a>".parse().unwrap())
    );
    assert!(informational(&call(&echo_path, get("/")).unwrap()).is_empty());
}

#[test]
fn l24_a_test_may_set_the_context() {
    let handler = |_: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        Err(r.context().wait_timeout(crate::support::PATIENCE).expect("it was cancelled").into())
    };
    let (mut request, context) = (get("/"), Context::new());
    request.set_context(context.clone());
    context.cancel();
    assert_eq!(call(&handler, request).unwrap().status(), 500);

    // Without one, the context ends when the handler has returned.
    let (send, receive) = super::super::reports();
    let handler = move |_: &mut ResponseWriter, r: &mut Request| {
        assert!(!r.context().is_done() && r.remote_addr().is_some());
        send.send(r.context()).unwrap();
        Ok(())
    };
    call(&handler, get("/")).unwrap();
    assert!(super::super::next(&receive).is_done());
}
