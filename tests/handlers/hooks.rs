//! Callbacks before the head of a response, and at its end.

use std::io::{self, Write};
use std::sync::Arc;

use hangup::http::{HeaderMap, StatusCode};
use hangup::{
    Error, ErrorKind, Filter, FilterOutput, HandlerExt, OutcomeKind, Request, ResponseWriter,
    Result, respond, testing,
};
use parking_lot::Mutex;

type Handle = fn(&mut ResponseWriter, &mut Request) -> Result<()>;

fn empty(_: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    Ok(())
}

fn flushed_then(w: &mut ResponseWriter, outcome: Result<()>) -> Result<()> {
    w.write_all(b"half")?;
    w.flush()?;
    outcome
}

fn short(w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    w.set_header("content-length", 10)?;
    Ok(w.write_all(b"12345")?)
}

fn no_content(w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    w.set_status(204);
    Ok(())
}

fn own_error() -> Error {
    io::Error::other("disk full").into()
}

#[test]
fn h09_the_end_of_every_response_is_reported() {
    let table: [(&str, Handle, OutcomeKind, Option<u16>, u64); 9] = [
        ("empty", empty, OutcomeKind::Complete, Some(200), 0),
        ("text", |w, _| Ok(w.write_all(b"hello")?), OutcomeKind::Complete, Some(200), 5),
        ("status", |_, _| Err(StatusCode::NOT_FOUND.into()), OutcomeKind::Complete, Some(404), 14),
        ("error", |_, _| Err(own_error()), OutcomeKind::Complete, Some(500), 26),
        ("late error", |w, _| flushed_then(w, Err(own_error())), OutcomeKind::Failed, Some(200), 4),
        ("short", short, OutcomeKind::Failed, Some(200), 5),
        ("panic", |_, _| panic!("meant to"), OutcomeKind::Panicked, None, 0),
        (
            "late panic",
            |w, _| flushed_then(w, Ok(())).map(|()| panic!("meant to")),
            OutcomeKind::Panicked,
            Some(200),
            4,
        ),
        (
            "large",
            |w, _| (0..100).try_for_each(|_| Ok(w.write_all(&[b'a'; 100])?)),
            OutcomeKind::Complete,
            Some(200),
            10_000,
        ),
    ];
    for (name, handle, kind, status, bytes) in table {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let report = Arc::clone(&seen);
        let handler = handle.layer_fn(move |w, r, next| {
            let report = Arc::clone(&report);
            w.on_end(move |outcome| {
                assert_eq!(outcome.request().uri().path(), "/path");
                assert_eq!(outcome.first_byte().is_some(), outcome.status().is_some());
                let status = outcome.status().map(|status| status.as_u16());
                report.lock().push((outcome.kind(), status, outcome.bytes_sent()));
            });
            next.handle(w, r)
        });
        let _ = testing::call(&handler, Request::get("/path").body("").unwrap());
        assert_eq!(*seen.lock(), [(kind, status, bytes)], "{name}");
    }
}

#[test]
fn h09_a_request_that_is_cut_off_is_reported_as_its_clients() {
    struct Cut;
    impl io::Read for Cut {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let seen = Arc::new(Mutex::new(None));
    let report = Arc::clone(&seen);
    let handler = respond(|r| Ok(http_text(r.body_mut().read_text(10)?))).layer_fn(
        move |w: &mut ResponseWriter, r: &mut Request, next: &dyn hangup::Handler| {
            let report = Arc::clone(&report);
            w.on_end(move |outcome| *report.lock() = Some((outcome.kind(), outcome.status())));
            next.handle(w, r)
        },
    );
    let body = hangup::Body::from_reader(Cut);
    let error = testing::call(&handler, Request::put("/").body(body).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Receive);
    assert_eq!(*seen.lock(), Some((OutcomeKind::ClientLeft, None)));
}

fn http_text(text: String) -> hangup::Response {
    hangup::Response::new(text.into())
}

#[test]
fn h09_a_panic_of_a_hook_affects_nothing_else() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let report = Arc::clone(&seen);
    let handler = move |w: &mut ResponseWriter, _: &mut Request| {
        let (first, second) = (Arc::clone(&report), Arc::clone(&report));
        w.on_end(move |_| first.lock().push(1));
        w.on_end(|_| panic!("meant to"));
        w.on_end(move |_| second.lock().push(2));
        Ok(w.write_all(b"hello")?)
    };
    let mut response = testing::call(&handler, Request::new(())).unwrap();
    assert_eq!(response.body_mut().read_text(100).unwrap(), "hello");
    assert_eq!(*seen.lock(), [1, 2]);
}

/// Adds a mark to the head.
struct Mark;

impl Filter for Mark {
    fn head(&mut self, head: &mut hangup::Head<'_>) {
        head.headers_mut().append("x-order", "filter".parse().unwrap());
    }

    fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        out.write_all(data)
    }
}

#[test]
fn h10_a_hook_of_the_head_sees_it_last_and_in_every_response() {
    let handlers: [(Handle, Option<&str>); 4] = [
        (|w, _| Ok(w.write_all(b"hello")?), Some("5")),
        (|_, _| Err(StatusCode::NOT_FOUND.into()), Some("14")),
        (|w, _| flushed_then(w, Ok(())), None),
        (no_content, None),
    ];
    for (handle, length) in handlers {
        for filters in [0, 1] {
            let seen = Arc::new(Mutex::new(None::<HeaderMap>));
            let report = Arc::clone(&seen);
            let handler = handle.layer_fn(move |w, r, next| {
                let report = Arc::clone(&report);
                w.on_head(|_, headers| {
                    headers.append("x-order", "first".parse().unwrap());
                });
                w.on_head(move |status, headers| {
                    assert_ne!(status, 100);
                    headers.append("x-order", "second".parse().unwrap());
                    *report.lock() = Some(headers.clone());
                    // Framing is not a matter of headers.
                    headers.insert("content-length", 7.into());
                    headers.insert("transfer-encoding", "gzip".parse().unwrap());
                });
                (0..filters).for_each(|_| w.filter(Mark));
                next.handle(w, r)
            });
            let mut response = testing::call(&handler, Request::new(())).unwrap();
            let order: Vec<_> = response.headers().get_all("x-order").iter().collect();
            let expected = [&["filter"][..filters], &["first", "second"]].concat();
            assert_eq!(order, expected);
            let seen = seen.lock().take().unwrap();
            assert_eq!(seen.get("content-length").map(|value| value.to_str().unwrap()), length);
            let has_body = response.status() != 204;
            assert_eq!(seen.contains_key("content-type"), has_body);
            let sent = response.headers().get("content-length").map(|it| it.to_str().unwrap());
            assert_eq!(sent, length);
            assert!(!response.headers().contains_key("transfer-encoding"));
            assert_eq!(response.body_mut().read_bytes(100).unwrap().is_empty(), !has_body);
        }
    }
}
