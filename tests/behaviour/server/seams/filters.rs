//! Filters between a handler and the wire.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hangup::http::header::{CONTENT_LENGTH, ETAG};
use hangup::http::{HeaderMap, StatusCode};
use hangup::{
    Error, ErrorKind, Filter, FilterOutput, Handler, Head, Request, ResponseWriter, Result, Server,
};

use super::super::{in_memory, in_memory_with, next, reports};
use super::{Count, GET, Twice, UpperCase, Whole, any, filtered};
use crate::support::{Answer, Over, alone};

const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";

fn length(answer: &Answer) -> Option<&str> {
    answer.field("content-length")
}

/// Writes `count` letters in pieces of 100.
fn letters(count: usize) -> impl Fn(&mut ResponseWriter, &mut Request) -> Result<()> + Clone {
    move |w: &mut ResponseWriter, _: &mut Request| {
        for piece in vec![b'a'; count].chunks(100) {
            w.write_all(piece)?;
        }
        Ok(())
    }
}

#[test]
fn l10_three_filters_of_a_stranger() {
    alone!();
    for count in [0, 1, 2048, 2049, 100_000] {
        let total = Arc::new(AtomicUsize::new(usize::MAX));
        let of_filter = Arc::clone(&total);
        let handler = filtered(letters(count), move || {
            let total = Arc::clone(&of_filter);
            vec![any(Whole::default()), any(UpperCase), any(Count { bytes: 0, total })]
        });
        let (_server, _, mut peer) = in_memory(handler);
        for _ in 0..2 {
            let answer = peer.send(GET).expect_response();
            assert_eq!(length(&answer), Some(count.to_string().as_str()));
            assert_eq!(answer.text(), "A".repeat(count));
            assert_eq!(total.swap(usize::MAX, Ordering::SeqCst), count);
        }
        assert_eq!(peer.send(HEAD).expect_head().status, 200);
        assert_eq!(peer.send(GET).expect(200).len(), count);
    }
}

/// Marks where the bytes come from.
struct Mark(&'static str);

impl Filter for Mark {
    fn head(&mut self, head: &mut Head<'_>) {
        head.headers_mut().remove(CONTENT_LENGTH);
        head.headers_mut().append("x-mark", self.0.parse().unwrap());
    }

    fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        out.write_all(format!("<{}>", self.0).as_bytes())?;
        out.write_all(data)?;
        out.write_all(format!("</{}>", self.0).as_bytes())
    }
}

#[test]
fn l11_the_filter_that_was_added_last_sees_the_bytes_first() {
    alone!();
    let handler = |w: &mut ResponseWriter, _: &mut Request| {
        w.filter(Mark("inner"));
        Ok(w.write_all(b"body")?)
    };
    let (_server, _, mut peer) = in_memory(filtered(handler, || vec![Mark("outer")]));
    let answer = peer.send(GET).expect_response();
    assert_eq!(answer.fields("x-mark"), ["inner", "outer"]);
    // The inner filter's three writes are three pieces for the outer one.
    let body = "<outer><inner></outer><outer>body</outer><outer></inner></outer>";
    assert_eq!(answer.text(), body);
    assert_eq!(length(&answer), Some(body.len().to_string().as_str()));
}

#[test]
fn l12_a_filter_that_keeps_the_length_keeps_content_length() {
    alone!();
    let handler = |w: &mut ResponseWriter, r: &mut Request| {
        let count = r.uri().path()[1..].parse().unwrap();
        w.send(hangup::Response::new("b".repeat(count)))
    };
    let (_server, _, mut peer) = in_memory(filtered(handler, || vec![UpperCase]));
    for count in [1, 5000] {
        let request = format!("GET /{count} HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = peer.send(&request).expect_response();
        assert_eq!(length(&answer), Some(count.to_string().as_str()));
        assert_eq!(answer.text(), "B".repeat(count));
        let answer = peer.send(request.replace("GET", "HEAD")).expect_head();
        assert_eq!(length(&answer), Some(count.to_string().as_str()));
    }
}

#[test]
fn l12_a_filter_that_changes_the_length_has_the_body_sent_in_chunks() {
    alone!();
    let handler =
        |w: &mut ResponseWriter, _: &mut Request| w.send(hangup::Response::new("ab".repeat(3000)));
    let (_server, _, mut peer) = in_memory(filtered(handler, || vec![Twice::default()]));
    let answer = peer.send(GET).expect_response();
    assert_eq!((length(&answer), answer.field("transfer-encoding")), (None, Some("chunked")));
    assert_eq!(answer.text(), "aabb".repeat(3000));
    // Only the body of a GET's response would show its length.
    assert_eq!(length(&peer.send(HEAD).expect_head()), None);
    assert_eq!(peer.send(GET).expect(200).len(), 12_000);
}

/// Declares a length that the filter does not keep.
#[test]
fn l12_a_length_that_is_not_kept_fails_the_response() {
    alone!();
    struct Longer;
    impl Filter for Longer {
        fn end(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
            out.write_all(b"more")
        }
    }
    struct Shorter;
    impl Filter for Shorter {
        fn body(&mut self, _: &[u8], _: &mut FilterOutput<'_>) -> io::Result<()> {
            Ok(())
        }
    }
    let (_server, _, mut peer) = in_memory(filtered(letters(10), || vec![Longer]));
    peer.send(GET).expect(500);
    let (_server, _, mut peer) = in_memory(filtered(letters(10), || vec![Shorter]));
    assert_eq!(length(&peer.send(GET).expect_head()), Some("10"));
    peer.expect_end();
}

/// The filter has removed the length that the handler does not keep. Without it a FIN would make the body
/// look complete.
#[test]
#[cfg_attr(windows, ignore = "Wine ends the stream before it resets the connection")]
fn l12_a_short_response_to_an_old_client_is_reset() {
    alone!();
    let handler = |w: &mut ResponseWriter, _: &mut Request| {
        w.set_header("content-length", 9000)?;
        Ok(w.write_all(&[b'a'; 5000])?)
    };
    let server = Over::Tcp.server(filtered(handler, || vec![Twice::default()]));
    let mut peer = Over::Tcp.connect(&server);
    peer.send("GET / HTTP/1.0\r\n\r\n").expect_reset();
}

#[test]
fn l13_a_response_without_a_body_gets_none_from_a_filter() {
    alone!();
    let handler = |w: &mut ResponseWriter, r: &mut Request| {
        w.set_status(r.uri().path()[1..].parse::<u16>().unwrap());
        Ok(())
    };
    struct Always;
    impl Filter for Always {
        fn head(&mut self, head: &mut Head<'_>) {
            let has = if head.has_body() { "yes" } else { "no" };
            head.headers_mut().insert("x-body", has.parse().unwrap());
            head.headers_mut().remove(CONTENT_LENGTH);
        }
        fn end(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
            out.write_all(b"end")
        }
    }
    let (_server, _, mut peer) = in_memory(filtered(handler, || vec![Always]));
    for (status, has, body) in [(204, "no", ""), (304, "no", ""), (200, "yes", "end")] {
        let request = format!("GET /{status} HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = peer.send(request).expect_response();
        assert_eq!((answer.status, answer.field("x-body")), (status, Some(has)));
        assert_eq!(answer.text(), body);
    }
    let answer = peer.send("HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\n").expect_head();
    assert_eq!(answer.field("x-body"), Some("no"));
}

/// A filter that answers a conditional request once it knows the body.
#[test]
fn l13_a_filter_may_turn_the_response_into_a_304() {
    alone!();
    struct Tag(Whole);
    impl Filter for Tag {
        fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
            self.0.body(data, out)
        }
        fn end(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
            let mut head = out.head().expect("nothing was written");
            head.headers_mut().insert(ETAG, "\"1\"".parse().unwrap());
            head.set_status(StatusCode::NOT_MODIFIED);
            self.0.end(out)
        }
    }
    let handler = filtered(letters(5000), || vec![Tag(Whole::default())]);
    let (_server, _, mut peer) = in_memory(handler);
    for _ in 0..2 {
        let answer = peer.send(GET).expect_response();
        assert_eq!((answer.status, answer.field("etag")), (304, Some("\"1\"")));
    }
}

#[test]
fn l14_a_flush_pushes_what_filters_have_buffered() {
    alone!();
    let (go_on, may_go_on) = reports::<()>();
    let handler = move |w: &mut ResponseWriter, _: &mut Request| {
        w.flush()?;
        for word in [&b"one"[..], b"two"] {
            next(&may_go_on);
            w.write_all(word)?;
            w.flush()?;
        }
        Ok(())
    };
    let handler = filtered(handler, || vec![any(UpperCase), any(Twice::default())]);
    let (_server, _, mut peer) = in_memory(handler);
    let answer = peer.send(GET).expect_head();
    assert_eq!(answer.field("transfer-encoding"), Some("chunked"));
    for word in ["OONNEE", "TTWWOO"] {
        go_on.send(()).unwrap();
        assert_eq!(peer.expect_chunk(), word.as_bytes());
    }
    assert_eq!(peer.expect_chunk(), b"");
}

#[test]
fn l14_a_filter_that_needs_the_whole_body_stops_flushes() {
    alone!();
    let handler = |w: &mut ResponseWriter, _: &mut Request| {
        w.write_all(b"one ")?;
        w.flush()?;
        assert!(w.is_head_sent());
        Ok(w.write_all(b"two")?)
    };
    let (_server, _, mut peer) = in_memory(filtered(handler, || vec![Whole::default()]));
    let answer = peer.send(GET).expect_response();
    assert_eq!((length(&answer), answer.text().as_str()), (Some("7"), "one two"));
}

/// Fails at the given byte.
struct FailAt(usize);

impl Filter for FailAt {
    fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        match self.0.checked_sub(data.len()) {
            Some(left) => self.0 = left,
            None => return Err(io::Error::other("on purpose")),
        }
        out.write_all(data)
    }
}

/// The status of an error that comes while nothing was sent, and the filters that it passes through.
#[test]
fn l15_an_error_response_passes_through_filters_that_have_not_begun() {
    alone!();
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        w.write_all(b"half a response")?;
        if r.uri().path() == "/begun" {
            w.flush()?;
        }
        Err(Error::other("on purpose"))
    };
    let server =
        Server::with_handler(filtered(handler, || vec![any(UpperCase), any(Whole::default())]));
    let server = server.on_error(|_: &Error, status: StatusCode, _: &Request| {
        hangup::http::Response::builder().status(status).body("the hook's page").unwrap()
    });
    let (_server, _, mut peer) = in_memory_with(server);
    assert_eq!(peer.send(GET).expect(500), "THE HOOK'S PAGE");
    // These filters have seen a part of the other response, so they are gone.
    let begun = "GET /begun HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(peer.send(begun).expect(500), "the hook's page");
    assert_eq!(peer.send(GET).expect(500), "THE HOOK'S PAGE");
}

#[test]
fn l15_a_filter_that_fails_is_the_handlers_failure() {
    alone!();
    let (_server, _, mut peer) =
        in_memory(filtered(letters(100), || vec![any(UpperCase), any(FailAt(50))]));
    assert_eq!(peer.send(GET).expect(500), "500 Internal Server Error\n");
    // The connection serves on. Behind the head, an error breaks the response off.
    assert_eq!(peer.send(GET).expect(500), "500 Internal Server Error\n");
    let (_server, _, mut peer) = in_memory(filtered(letters(9000), || vec![FailAt(5000)]));
    assert_eq!(peer.send(GET).expect_head().status, 200);
    peer.rest();
}

/// A handler that does not look at its errors gains nothing by it.
#[test]
fn l15_nothing_passes_a_filter_that_has_failed() {
    alone!();
    let (seen, outcomes) = reports();
    let handler = move |w: &mut ResponseWriter, _: &mut Request| {
        for _ in 0..3 {
            let outcome = w.write_all(&[b'x'; 3000]);
            seen.send(outcome.map_err(|error| error.to_string())).unwrap();
        }
        Ok(())
    };
    let (_server, _, mut peer) =
        in_memory(filtered(handler, || vec![any(Whole::default()), any(FailAt(0))]));
    peer.send(GET).expect(500);
    for _ in 0..3 {
        assert!(next(&outcomes).unwrap_err().contains("on purpose"));
    }
}

#[test]
fn l15_a_filter_that_panics_is_a_handler_that_panics() {
    alone!();
    struct Panics;
    impl Filter for Panics {
        fn end(&mut self, _: &mut FilterOutput<'_>) -> io::Result<()> {
            panic!("on purpose");
        }
    }
    impl Drop for Panics {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("on purpose");
            }
        }
    }
    let (_server, _, mut peer) = in_memory(filtered(letters(10), || vec![Panics]));
    peer.send(GET).expect_end();
}

#[test]
fn l16_interim_responses_hijacks_and_trailers() {
    alone!();
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        match r.uri().path() {
            "/hints" => {
                w.informational(StatusCode::EARLY_HINTS, &HeaderMap::new())?;
                Ok(w.write_all(b"final")?)
            }
            "/trailers" => {
                w.headers_mut().insert("trailer", "x-sum".parse().unwrap());
                w.write_all(b"body")?;
                w.trailers_mut().insert("x-sum", 4.into());
                Ok(())
            }
            _ => {
                let mut connection = w.hijack()?;
                assert_eq!(w.hijack().unwrap_err().kind(), ErrorKind::Misuse);
                Ok(connection.write_all(b"raw")?)
            }
        }
    };
    let (_server, _, mut peer) =
        in_memory(filtered(handler, || vec![any(UpperCase), any(Twice::default())]));
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(peer.send(get("/hints")).expect_head().status, 103);
    assert_eq!(peer.expect(200), "FFIINNAALL");
    let answer = peer.send(get("/trailers")).expect_response();
    assert_eq!((answer.text().as_str(), answer.trailers.as_str()), ("BBOODDYY", "X-Sum: 4\r\n"));
    peer.send(get("/hijack")).expect_text("raw").expect_end();
}

#[test]
fn l17_a_filter_that_comes_too_late_is_ignored() {
    alone!();
    let handler = |w: &mut ResponseWriter, _: &mut Request| {
        w.write_all(b"one")?;
        w.flush()?;
        w.filter(UpperCase);
        Ok(w.write_all(b"two")?)
    };
    let (_server, _, mut peer) = in_memory(handler);
    assert_eq!(peer.send(GET).expect(200), "onetwo");
}

/// The bytes that a log would report.
#[test]
fn l18_bytes_sent_counts_the_body() {
    alone!();
    let (seen, counts) = reports();
    let counting = |handler: fn(&mut ResponseWriter, &mut Request) -> Result<()>| {
        use hangup::HandlerExt;
        let seen = seen.clone();
        handler.layer_fn(move |w, r, next| {
            assert_eq!(w.bytes_sent(), 0);
            let outcome = next.handle(w, r);
            seen.send(w.bytes_sent()).unwrap();
            outcome
        })
    };
    let (_server, _, mut peer) = in_memory(counting(|w, _| letters(5)(w, &mut Request::default())));
    peer.send(GET).expect(200);
    peer.send(HEAD).expect_head();
    assert_eq!((next(&counts), next(&counts)), (5, 0));
    let handler = counting(|w, _| letters(70_000)(w, &mut Request::default()));
    let (_server, _, mut peer) = in_memory(handler);
    assert_eq!(peer.send(GET).expect(200).len(), 70_000);
    assert_eq!(next(&counts), 70_000);
    let twice: Box<dyn Handler> = Box::new(counting(|w, _| {
        w.filter(Twice::default());
        w.write_all(&[b'x'; 4000])?;
        Ok(w.flush()?)
    }));
    let (_server, _, mut peer) = in_memory(twice);
    assert_eq!(peer.send(GET).expect(200).len(), 8000);
    assert_eq!(next(&counts), 8000);
}

/// A layer may catch the panic. The rest must not reach the client past the filter.
#[test]
fn l15_nothing_passes_a_filter_that_has_panicked() {
    alone!();
    struct Panics;
    impl Filter for Panics {
        fn body(&mut self, _: &[u8], _: &mut FilterOutput<'_>) -> io::Result<()> {
            panic!("on purpose")
        }
    }
    let handler = |w: &mut ResponseWriter, _: &mut Request| {
        w.filter(Panics);
        let write = || w.write_all(&[b'a'; 5000]);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(write)).unwrap_err();
        Ok(w.write_all(b"plain")?)
    };
    let (_server, _, mut peer) = in_memory(handler);
    peer.send(GET).expect(500);
}

#[test]
fn l16_the_first_write_passes_the_head_on() {
    alone!();
    struct Writes;
    impl Filter for Writes {
        fn head(&mut self, head: &mut Head<'_>) {
            head.headers_mut().remove(CONTENT_LENGTH);
        }
        fn end(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
            assert!(out.head().is_some());
            out.write_all(b"!")?;
            assert!(out.head().is_none());
            Ok(())
        }
    }
    let empty = |_: &mut ResponseWriter, _: &mut Request| Ok(());
    let (_server, _, mut peer) = in_memory(filtered(empty, || vec![Writes]));
    assert_eq!(peer.send(GET).expect(200), "!");
}
