//! `Timeout`, and `ResponseWriter::handle_until` below it.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded, unbounded};
use hangup::http::{HeaderMap, StatusCode};
use hangup::layers::{ETag, Timeout};
use hangup::{
    Body, Context, Error, ErrorKind, Filter, FilterOutput, Handler, HandlerExt, Head, Request,
    RequestExt, Response, ResponseWriter, Result, TimeLimit, testing,
};

use super::{call, handled, header, request, text};

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(10);

/// A limit whose response is reported, so that a handler can wait for it.
fn reported() -> (Timeout, crossbeam_channel::Receiver<()>) {
    let (report, is_late) = unbounded();
    let timeout = Timeout::new(SHORT).respond_with(move || {
        let _ = report.send(());
        Response::builder().status(504).header("x-late", "yes").body("late\n").unwrap()
    });
    (timeout, is_late)
}

#[test]
fn h09_a_handler_in_time_is_not_affected() {
    let streams = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        w.informational(StatusCode::EARLY_HINTS, &HeaderMap::new())?;
        w.set_status(201).set_header("x-own", "1")?.set_header("trailer", "x-sum")?;
        let size: usize = r.uri().query().unwrap().parse().unwrap();
        for _ in 0..size {
            w.write_all(b"x")?;
        }
        if size == 7 {
            w.flush()?;
        }
        w.trailers_mut().insert("x-sum", size.into());
        assert!(w.bytes_sent() <= size as u64);
        Ok(())
    };
    let (plain, limited) = (streams, streams.layer(Timeout::new(LONG)).layer(Timeout::new(LONG)));
    for (method, size) in [("GET", 0), ("GET", 7), ("GET", 5000), ("HEAD", 0), ("HEAD", 5000)] {
        let make = || {
            let mut request = request(method, &[]);
            *request.uri_mut() = format!("/?{size}").parse().unwrap();
            request
        };
        let (mut one, mut other) = (call(&plain, make()), call(&limited, make()));
        assert_eq!(one.status(), other.status());
        assert_eq!(one.headers(), other.headers());
        let interim = [&one, &other].map(|response| testing::informational(response).len());
        assert_eq!(interim, [1, 1]);
        let bodies = [&mut one, &mut other].map(|it| it.body_mut().read_text(10_000).unwrap());
        assert_eq!(bodies[0], bodies[1]);
        assert_eq!(one.body_mut().take_trailers(), other.body_mut().take_trailers());
    }
}

#[test]
fn h09_what_a_handler_sends_is_the_same_within_a_limit() {
    let sends: [fn(&mut ResponseWriter) -> Result<()>; 7] = [
        |w| w.send(Response::new("short")),
        |w| w.send(Response::new("x".repeat(5000))),
        |w| w.send(Response::new(Body::from_chunks(["a", "b", "c"]))),
        |w| w.send(Response::builder().status(204).body(Body::empty())?),
        |w| w.send(Response::builder().status(304).header("etag", "\"a\"").body(Body::empty())?),
        |w| {
            w.set_header("content-length", 3)?;
            Ok(w.write_all(b"abc")?)
        },
        |w| Ok(w.set_sniffing(false).write_all(b"<html>")?),
    ];
    for send in sends {
        let plain = move |w: &mut ResponseWriter, _: &mut Request| send(w);
        for method in ["GET", "HEAD"] {
            let one = call(&plain, request(method, &[]));
            let other = call(&plain.layer(Timeout::new(LONG)), request(method, &[]));
            assert_eq!((one.status(), one.headers()), (other.status(), other.headers()));
            assert_eq!(text(one), text(other));
        }
    }
}

#[test]
fn h09_the_headers_and_filters_of_layers_on_both_sides_apply() {
    struct Upper;
    impl Filter for Upper {
        fn head(&mut self, head: &mut Head<'_>) {
            head.headers_mut().insert("x-filter", "ran".parse().unwrap());
        }
        fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> std::io::Result<()> {
            out.write_all(&data.to_ascii_uppercase())
        }
    }
    let (report, ends) = unbounded();
    let around = |name: &'static str| {
        let report = report.clone();
        move |w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler| -> Result<()> {
            w.set_header(name, "set")?;
            w.on_head(move |_, headers| drop(headers.insert("x-head", name.parse().unwrap())));
            let report = report.clone();
            w.on_end(move |outcome| {
                report.send((name, outcome.status().map(|it| it.as_u16()))).unwrap();
            });
            next.handle(w, r)
        }
    };
    let filtered = |w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler| {
        w.filter(Upper);
        next.handle(w, r)
    };
    let fails = |_: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        Err(Error::status(StatusCode::CONFLICT, "taken"))
    };
    let ignores = |_: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        r.context().wait();
        Ok(())
    };
    let handlers: [(Box<dyn Handler>, u16, &str); 3] = [
        (Box::new(handled), 200, "HANDLED"),
        (Box::new(fails), 409, "TAKEN\n"),
        (Box::new(ignores), 504, "LATE\n"),
    ];
    for (handler, status, body) in handlers {
        // An inner filter sees the response of the handler only.
        let (timeout, _late) = reported();
        let timeout = if status == 504 { timeout } else { Timeout::new(LONG) };
        let handler = handler
            .layer(around("x-inner"))
            .layer(timeout)
            .layer(filtered)
            .layer(around("x-outer"));
        let response = call(&handler, request("GET", &[]));
        assert_eq!(response.status(), status);
        assert_eq!(header(&response, "x-filter"), "ran");
        assert_eq!(header(&response, "x-head"), "x-outer");
        assert_eq!(text(response), body);
        let seen: Vec<_> = ends.try_iter().collect();
        assert_eq!(seen, [("x-outer", Some(status)), ("x-inner", Some(status))]);
    }
}

/// The response goes out while the handler still runs. Its writes fail, and the client sees none of them.
#[test]
fn h09_a_handler_that_ignores_its_context_is_replaced() {
    let (timeout, is_late) = reported();
    let handler = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        w.set_status(201).set_header("x-own", "1")?;
        w.write_all(b"held back")?;
        is_late.recv_timeout(PATIENCE).expect("the response in its place");
        assert!(r.context().is_done());
        let error = w.flush().expect_err("it is too late");
        let error = Error::from(error);
        assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Call));
        assert!(error.to_string().contains("time limit has passed"), "{error}");
        assert!(w.write_all(&[0; 5000]).is_err());
        Err(error)
    };
    let response = call(&handler.layer(timeout), request("GET", &[]));
    assert_eq!(response.status(), 504);
    assert_eq!(
        (header(&response, "x-late"), header(&response, "x-own")),
        ("yes".into(), "".into())
    );
    assert_eq!(text(response), "late\n");
}

#[test]
fn h09_the_default_is_a_503() {
    let waits = |_: &mut ResponseWriter, r: &mut Request| Err(r.context().wait().into());
    for (timeout, after) in [
        (Timeout::new(SHORT), ""),
        (Timeout::new(SHORT).retry_after(Duration::from_millis(1500)), "2"),
        (Timeout::new(Duration::ZERO), ""),
    ] {
        for method in ["GET", "HEAD"] {
            let response = call(&waits.layer(timeout.clone()), request(method, &[]));
            assert_eq!(response.status(), 503);
            assert_eq!(header(&response, "retry-after"), after);
            let length: usize = header(&response, "content-length").parse().unwrap();
            let expected = "503 Service Unavailable: time limit exceeded\n";
            assert_eq!(length, expected.len());
            assert_eq!(text(response), if method == "HEAD" { "" } else { expected });
        }
    }
}

/// The body, the trailers and the choice of a type that a layer outside has begun.
#[test]
fn h09_a_limit_keeps_what_was_written_before() {
    let begins = |w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler| {
        w.set_sniffing(false).trailers_mut().insert("x-sum", "1".parse().unwrap());
        w.write_all(b"<html>")?;
        next.handle(w, r)
    };
    for limit in [LONG, SHORT] {
        let ends = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
            match limit {
                LONG => Ok(w.write_all(b"end")?),
                _ => Err(r.context().wait().into()),
            }
        };
        let (timeout, _late) = reported();
        let timeout = if limit == LONG { Timeout::new(LONG) } else { timeout };
        let mut response = call(&ends.layer(timeout).layer_fn(begins), request("GET", &[]));
        assert_eq!(header(&response, "content-type"), "");
        let body = response.body_mut().read_text(100).unwrap();
        assert_eq!(body, if limit == LONG { "<html>end" } else { "late\n" });
        let trailers = response.body_mut().take_trailers();
        assert_eq!(trailers.is_some_and(|it| it.contains_key("x-sum")), limit == LONG);
    }
}

/// The response has begun, but a filter outside still holds it.
#[test]
fn h09_a_response_that_was_not_sent_is_replaced() {
    let begins = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        w.set_header("x-own", "1")?;
        w.write_all(&[b'x'; 3000])?;
        r.context().wait();
        Ok(w.flush()?)
    };
    let (timeout, _late) = reported();
    let handler = begins.layer(timeout).layer(ETag::new());
    let response = call(&handler, request("GET", &[]));
    assert_eq!(response.status(), 504);
    assert_eq!(header(&response, "x-own"), "");
    assert_eq!(text(response), "late\n");
}

#[test]
fn h09_reading_the_body_ends_at_the_limit() {
    /// A body that never ends.
    struct Endless(Sender<()>);
    impl Read for Endless {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            let _ = self.0.send(());
            buf[0] = b'x';
            Ok(1)
        }
    }
    let reads = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let error = std::io::copy(r.body_mut(), &mut std::io::sink()).expect_err("it never ends");
        assert_eq!(Error::from(error).kind(), ErrorKind::Timeout(TimeLimit::Call));
        w.set_status(400);
        Err(Error::other("cannot read"))
    };
    let (sender, _receiver) = bounded(1);
    drop(_receiver);
    let request = Request::post("/").body(Body::from_reader(Endless(sender))).unwrap();
    assert_eq!(call(&reads.layer(Timeout::new(SHORT)), request).status(), 503);
}

/// Calls a handler that begins its response in time, if the machine is not too busy. Then a longer limit
/// is tried.
fn begun_in_time(handler: impl Handler) -> Result<Response> {
    let handler = Arc::new(handler);
    for limit in [5, 50, 500, 5000].map(Duration::from_millis) {
        let outcome =
            testing::call(&Arc::clone(&handler).layer(Timeout::new(limit)), request("GET", &[]));
        match outcome {
            Ok(response) if response.status() == 503 => {}
            outcome => return outcome,
        }
    }
    panic!("no limit is long enough");
}

/// Half of a response must not look like a whole one.
#[test]
fn h09_a_response_that_has_begun_is_cut_off() {
    for ignores in [false, true] {
        let outcome = begun_in_time(move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
            w.write_all(b"begun")?;
            w.flush()?;
            r.context().wait();
            let outcome = w.write_all(&[0; 5000]);
            let error = Error::from(outcome.expect_err("it is too late"));
            assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Call));
            if ignores { Ok(()) } else { Err(Error::other("cannot write")) }
        });
        outcome.expect_err("the connection breaks off");
    }
}

#[test]
fn h09_a_write_deadline_lets_a_stream_continue() {
    let response = begun_in_time(|w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        w.set_write_deadline(None);
        w.flush()?;
        r.context().wait();
        Ok(w.write_all(b"later")?)
    });
    assert_eq!(text(response.unwrap()), "later");
}

#[test]
fn h09_the_earliest_limit_counts() {
    let deadline = |_: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let left = r.deadline().unwrap() - Instant::now();
        assert_eq!(r.context().deadline(), r.deadline());
        Err(Error::status(StatusCode::CONFLICT, (left.as_secs() / 60).to_string()))
    };
    let minutes = |minutes: u64| Timeout::new(Duration::from_secs(60 * minutes + 30));
    for (inner, outer) in [(3, 5), (5, 3)] {
        let handler = deadline.layer(minutes(inner)).layer(minutes(outer));
        assert_eq!(text(call(&handler, request("GET", &[]))), "3\n");
        // A context that was set before.
        let mut narrowed = request("GET", &[]);
        narrowed.set_context(Context::with_timeout(Duration::from_secs(90)));
        assert_eq!(text(call(&handler, narrowed)), "1\n");
        let mut narrowed = request("GET", &[]);
        narrowed.set_context(Context::with_timeout(LONG));
        assert_eq!(text(call(&handler, narrowed)), "3\n");
    }
    let none = |w: &mut ResponseWriter, r: &mut Request| Ok(write!(w, "{:?}", r.deadline())?);
    assert_eq!(text(call(&none.layer(Timeout::by(|_| None)), request("GET", &[]))), "None");
}

#[test]
fn h09_nested_limits_replace_once() {
    let waits = |_: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        r.context().wait();
        Ok(())
    };
    let (inner, is_late) = reported();
    let response = call(&waits.layer(inner).layer(Timeout::new(LONG)), request("GET", &[]));
    assert_eq!((response.status().as_u16(), is_late.len()), (504, 1));
    let (outer, is_late) = reported();
    let late = is_late.clone();
    let ignores = move |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        late.recv_timeout(PATIENCE).expect("the response in its place");
        Ok(w.write_all(b"never seen")?)
    };
    let response =
        call(&ignores.layer(Timeout::by(|_| Some(LONG))).layer(outer), request("GET", &[]));
    assert_eq!(response.status(), 504);
}

#[test]
fn h09_panics_stay_panics() {
    let panics = |_: &mut ResponseWriter, _: &mut Request| -> Result<()> { panic!("on purpose") };
    testing::call(&panics.layer(Timeout::new(LONG)), request("GET", &[])).unwrap_err();
    // A function for the response that panics is replaced by a plain 503.
    let waits = |_: &mut ResponseWriter, r: &mut Request| Err(r.context().wait().into());
    let timeout = Timeout::new(SHORT).respond_with(|| -> Response<&str> { panic!("on purpose") });
    assert_eq!(call(&waits.layer(timeout), request("GET", &[])).status(), 503);
}

/// The handler and the deadline race for the response. One of them wins, and the response is whole.
#[test]
fn h09_one_of_the_two_wins() {
    for round in 0..300 {
        let limit = Duration::from_micros(round * 2);
        let spins = move |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
            let begun = Instant::now();
            while begun.elapsed() < limit {
                std::hint::spin_loop();
            }
            w.write_all(b"handled")?;
            w.flush().map_err(Error::from)
        };
        let response = call(&spins.layer(Timeout::new(limit)), request("GET", &[]));
        match response.status().as_u16() {
            200 => assert_eq!(text(response), "handled"),
            503 => assert!(text(response).starts_with("503")),
            other => panic!("{other}"),
        }
    }
}
