//! `BodyLimit`.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hangup::layers::BodyLimit;
use hangup::{Body, Error, HandlerExt, Request, ResponseWriter, Result};

use super::{call, text};

fn sized(length: usize) -> Body {
    Body::from(vec![b'x'; length])
}

fn chunked(length: usize) -> Body {
    Body::from_chunks(vec![vec![b'x'; 7]; length / 7].into_iter().chain([vec![b'x'; length % 7]]))
}

fn upload(body: Body) -> Request {
    Request::post("/").body(body).unwrap()
}

/// Responds with the length of the body, and counts its calls.
fn measures(calls: Arc<AtomicUsize>) -> impl hangup::Handler {
    move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        calls.fetch_add(1, Ordering::SeqCst);
        let length = std::io::copy(r.body_mut(), &mut std::io::sink())?;
        Ok(write!(w, "{length}")?)
    }
}

#[test]
fn h09_bodies_over_the_limit_are_413() {
    let calls = Arc::new(AtomicUsize::new(0));
    for (inner, outer) in [(100, 100), (100, 1000), (1000, 100)] {
        let handler = measures(Arc::clone(&calls))
            .layer(BodyLimit::new(inner))
            .layer(BodyLimit::by(move |_| outer));
        for (body, status, called) in [
            (sized(0), 200, 1),
            (chunked(0), 200, 1),
            (sized(100), 200, 1),
            (chunked(100), 200, 1),
            (chunked(99), 200, 1),
            // The length tells, so the handler does not run.
            (sized(101), 413, 0),
            (sized(100_000), 413, 0),
            (chunked(101), 413, 1),
            (chunked(100_000), 413, 1),
        ] {
            let (length, before) = (body.len(), calls.load(Ordering::SeqCst));
            let response = call(&handler, upload(body));
            assert_eq!(response.status(), status, "{length:?} of {inner} in {outer}");
            assert_eq!(calls.load(Ordering::SeqCst) - before, called);
        }
    }
}

#[test]
fn h09_a_limit_of_0_allows_no_body() {
    let handler = measures(Arc::default()).layer(BodyLimit::new(0));
    for (body, status) in [(sized(0), 200), (chunked(0), 200), (sized(1), 413), (chunked(1), 413)] {
        assert_eq!(call(&handler, upload(body)).status(), status);
    }
}

#[test]
fn h09_the_text_names_both_lengths() {
    let handler = measures(Arc::default()).layer(BodyLimit::new(1));
    let response = call(&handler, upload(sized(5)));
    assert_eq!(text(response), "the body has 5 bytes, and the limit is 1 byte\n");
}

/// A handler that loses the error, or makes another of it, does not hide the cause.
#[test]
fn h09_the_client_gets_a_413_whatever_error_the_handler_makes() {
    type Reads = fn(&mut Request) -> Result<()>;
    let handlers: [Reads; 4] = [
        |r| r.body_mut().read_text(1 << 20).map(drop),
        |r| r.body_mut().read_text(1 << 20).map(drop).map_err(|_| Error::other("no database")),
        |r| {
            let _ = std::io::copy(r.body_mut(), &mut std::io::sink());
            Err(Error::status(hangup::http::StatusCode::BAD_REQUEST, "bad"))
        },
        |r| {
            let mut byte = [0; 1];
            while r.body_mut().read(&mut byte).is_ok_and(|count| count > 0) {}
            Err(Error::other("too short"))
        },
    ];
    for reads in handlers {
        let handler = move |_: &mut ResponseWriter, r: &mut Request| reads(r);
        let response = call(&handler.layer(BodyLimit::new(50)), upload(chunked(51)));
        assert_eq!(response.status(), 413);
    }
}

#[test]
fn h09_a_handler_that_reads_less_is_not_bothered() {
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        r.body_mut().read_exact(&mut [0; 50])?;
        Ok(w.write_all(b"enough")?)
    };
    let response = call(&handler.layer(BodyLimit::new(50)), upload(chunked(500)));
    assert_eq!(text(response), "enough");
}

#[test]
fn h09_trailers_pass() {
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        r.body_mut().read_text(100)?;
        let trailers = r.body_mut().take_trailers().expect("trailers");
        Ok(w.write_all(trailers["x-sum"].as_bytes())?)
    };
    let body = chunked(10).with_trailers(|| {
        [("x-sum".parse().unwrap(), "42".parse().unwrap())].into_iter().collect()
    });
    let response = call(&handler.layer(BodyLimit::new(50)), upload(body));
    assert_eq!(text(response), "42");
}
