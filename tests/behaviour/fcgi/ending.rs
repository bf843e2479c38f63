//! Requests that are aborted or cut off, that panic, or that end with a shutdown.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use hangup::net::Parked;
use hangup::{ErrorKind, Request, RequestExt, ResponseWriter, Result, TimeLimit, fcgi};

use super::raw::{
    ABORT, END, GET_VALUES, GET_VALUES_RESULT, PARAMS, STDIN, STDOUT, WebServer, begin, opened,
    record, request, variables,
};
use super::{echo, next, path, reason, reports, serve, serve_here, serve_with};
use crate::support::{PATIENCE, alone};

#[test]
fn f05_an_abort_ends_the_context_and_the_body_and_is_answered() {
    alone!();
    let (report, seen) = reports();
    let (_server, mut peer) = serve(move |_: &mut ResponseWriter, r: &mut Request| {
        let mut buf = [0; 10];
        let outcome = loop {
            match r.body_mut().read(&mut buf) {
                Ok(0) => break "ended".to_owned(),
                Ok(count) => report.send(format!("{count} bytes")).unwrap(),
                Err(error) => break hangup::Error::from(error).to_string(),
            }
        };
        report.send(outcome).unwrap();
        report.send(reason(r)).unwrap();
        Ok(())
    });
    // Before its body, within it, and behind it.
    peer.send(opened(1, "/", true)).send(record(ABORT, 1, &[]));
    assert_eq!(peer.expect(END, 1), [0; 8]);
    assert!(next(&seen).contains("aborted the request"));
    assert!(next(&seen).contains("aborted the request"));

    peer.send(opened(1, "/", true)).send(record(STDIN, 1, b"some"));
    assert_eq!(next(&seen), "4 bytes");
    peer.send(record(ABORT, 1, &[])).expect(END, 1);
    assert!(next(&seen).contains("aborted the request"));
    assert!(next(&seen).contains("aborted the request"));

    peer.send(request(1, "/", "all", true));
    assert_eq!((next(&seen).as_str(), next(&seen).as_str()), ("3 bytes", "ended"));
    peer.send(record(ABORT, 1, &[])).expect(END, 1);
    assert!(next(&seen).contains("aborted the request"));
}

#[test]
fn f05_an_abort_before_the_parameters_is_answered() {
    alone!();
    let (_server, mut peer) = serve(path);
    peer.send(begin(1, 1, true)).send(record(PARAMS, 1, &variables("/")));
    peer.send(record(ABORT, 1, &[])).expect(END, 1);
    peer.send(request(1, "/next", "", true)).expect_answer(1).expect("200 OK", "/next");
    // A request that was to be the last, too.
    peer.send(begin(1, 1, false)).send(record(ABORT, 1, &[])).expect(END, 1);
    peer.expect_end();
}

/// The id of an aborted request is free, even while its handler runs.
#[test]
fn f05_the_output_of_an_aborted_handler_is_discarded() {
    alone!();
    let (release, released) = bounded::<()>(0);
    let (report, seen) = reports();
    let (_server, mut peer) = serve(move |w: &mut ResponseWriter, r: &mut Request| {
        if r.uri().path() == "/stubborn" {
            report.send(None).unwrap();
            released.recv_timeout(PATIENCE).unwrap();
            w.write_all(b"too late")?;
            report.send(w.flush().err().map(|error| error.kind())).unwrap();
            return Ok(());
        }
        path(w, r)
    });
    peer.send(opened(1, "/stubborn", true));
    assert_eq!(next(&seen), None);
    peer.send(record(ABORT, 1, &[])).expect(END, 1);
    peer.send(request(1, "/next", "", true)).expect_answer(1).expect("200 OK", "/next");
    release.send(()).unwrap();
    assert_eq!(next(&seen), Some(std::io::ErrorKind::BrokenPipe));
    peer.send(request(1, "/last", "", true)).expect_answer(1).expect("200 OK", "/last");
}

/// Reports that a request has begun, and then the reason for which its context ends.
fn reporting(report: Sender<String>) -> impl hangup::Handler {
    move |_: &mut ResponseWriter, r: &mut Request| {
        report.send("begun".to_owned()).unwrap();
        report.send(reason(r)).unwrap();
        Ok(())
    }
}

#[test]
fn f09_the_contexts_of_all_requests_end_with_the_connection() {
    alone!();
    let (report, seen) = reports();
    let (_server, mut peer) = serve(reporting(report));
    peer.send([opened(1, "/", true), request(2, "/", "body", true)].concat());
    assert_eq!([next(&seen), next(&seen)], ["begun", "begun"]);
    peer.half_close();
    assert!([next(&seen), next(&seen)].iter().all(|why| why.contains("closed")));
    // A web server that only ended its stream still gets a response.
    let answers = peer.expect_answers(2);
    assert!(answers.iter().all(|(_, answer)| answer.head.starts_with("Status: 200")));
    peer.expect_end();
}

#[test]
#[cfg_attr(windows, ignore = "Wine ends the stream before it resets the connection")]
fn f09_the_context_of_a_request_ends_with_a_reset() {
    alone!();
    let (report, seen) = reports();
    let (_server, mut peer) = serve(reporting(report));
    peer.send(opened(1, "/", true));
    assert_eq!(next(&seen), "begun");
    peer.reset();
    assert!(next(&seen).contains("failed"));
}

#[test]
fn f09_a_body_that_the_connection_cuts_short_is_an_error() {
    alone!();
    let (report, seen) = reports();
    let (_server, mut peer) = serve(move |_: &mut ResponseWriter, r: &mut Request| {
        report.send(r.body_mut().read_bytes(100).map_err(|error| error.kind())).unwrap();
        Ok(())
    });
    peer.send(opened(1, "/", true)).send(record(STDIN, 1, b"some")).half_close();
    assert_eq!(next(&seen), Err(ErrorKind::IncompleteBody));
    // Nor is one that is shorter than its CONTENT_LENGTH; and what is beyond it is none of it.
    let (report, seen) = reports();
    let (_server, mut peer) = serve(move |_: &mut ResponseWriter, r: &mut Request| {
        report.send(r.body_mut().read_bytes(100).map_err(|error| error.kind())).unwrap();
        Ok(())
    });
    let length = super::raw::pairs(&[("CONTENT_LENGTH", "4")]);
    for (body, outcome) in [("abc", Err(ErrorKind::IncompleteBody)), ("abcdef", Ok("abcd"))] {
        let params = [variables("/"), length.clone()].concat();
        peer.send([begin(1, 1, true), record(PARAMS, 1, &params), record(PARAMS, 1, &[])].concat());
        peer.send([record(STDIN, 1, body.as_bytes()), record(STDIN, 1, &[])].concat());
        assert_eq!(next(&seen), outcome.map(Into::into));
        peer.expect_answer(1);
    }
}

#[test]
fn f09_a_panic_ends_its_request_only() {
    alone!();
    let (_server, mut peer) =
        serve(|w: &mut ResponseWriter, r: &mut Request| match r.uri().path() {
            "/panic" => panic!("on purpose"),
            "/late" => {
                w.write_all(b"half")?;
                w.flush()?;
                panic!("on purpose");
            }
            "/error" => Err("on purpose".into()),
            "/short" => {
                w.set_header("content-length", "10")?;
                w.write_all(b"half")?;
                Ok(())
            }
            _ => path(w, r),
        });
    peer.send([opened(9, "/other", true), request(1, "/panic", "", true)].concat());
    let mut answers = peer.expect_answers(2);
    answers.sort_by_key(|(id, _)| *id);
    answers[0].1.expect("500", "500 Internal Server Error\n");
    assert_ne!(answers[0].1.exit, 0);
    answers[1].1.expect("200 OK", "/other");
    peer.send(request(1, "/late", "", true));
    let answer = peer.expect_answer(1);
    answer.expect("200 OK", "half");
    assert_ne!(answer.exit, 0);
    peer.send(request(1, "/error", "", true));
    peer.expect_answer(1).expect("500", "500 Internal Server Error\n");
    peer.send(request(1, "/short", "", true));
    assert_ne!(peer.expect_answer(1).exit, 0);
    peer.send(request(1, "/fine", "", true)).expect_answer(1).expect("200 OK", "/fine");
}

/// A panic payload that panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// Such a request once got no response, and its thread was lost.
#[test]
fn f09_a_panic_whose_payload_panics_ends_its_request_only() {
    alone!();
    let (_server, mut peer) = serve(|w: &mut ResponseWriter, r: &mut Request| {
        match r.uri().path() {
            "/panic" => std::panic::panic_any(Bomb),
            "/left" => drop(r.extensions_mut().insert(std::sync::Arc::new(Bomb))),
            _ => {}
        }
        path(w, r)
    });
    for (target, status) in [("/panic", "500"), ("/left", "200 OK")].repeat(3) {
        let answer = peer.send(request(1, target, "", true)).expect_answer(1);
        assert!(answer.head.starts_with(&format!("Status: {status}")), "{answer:?}");
        assert_ne!(answer.exit, 0);
    }
    peer.send(request(1, "/fine", "", true)).expect_answer(1).expect("200 OK", "/fine");
}

/// An abort during a write is answered when the write has ended, and the connection stays open until then.
#[test]
fn f05_an_abort_during_a_write_is_answered_after_it() {
    alone!();
    let server = fcgi::Server::new(|w: &mut ResponseWriter, _: &mut Request| {
        Ok(w.write_all(&vec![b'x'; 4 << 20])?)
    });
    let (_handle, mut peer, far) = serve_here(server);
    peer.send(opened(1, "/", false));
    assert!(far.wait_until_parked(Parked::Write, PATIENCE));
    peer.send([record(ABORT, 1, &[]), record(GET_VALUES, 0, &[])].concat());
    // The server processes no record that it reads after the end of the last request.
    assert!(far.wait_until_parked(Parked::Read, PATIENCE), "both records are read");
    let mut values = 0;
    loop {
        let record = peer.next().expect("an END_REQUEST");
        match record.kind {
            END => break,
            GET_VALUES_RESULT => values += 1,
            _ => assert_eq!((record.kind, record.id), (STDOUT, 1)),
        }
    }
    assert_eq!(values, 0, "the end comes first");
    assert_eq!(peer.next().expect("the values").kind, GET_VALUES_RESULT);
    peer.expect_end();
}

#[test]
fn f09_a_handler_writes_to_the_error_stream() {
    alone!();
    let (_server, mut peer) = serve(|w: &mut ResponseWriter, r: &mut Request| {
        let mut errors = r.error_stream().expect("FastCGI");
        write!(errors, "something is ")?;
        w.write_all(b"fine")?;
        writeln!(errors, "odd")?;
        Ok(())
    });
    peer.send(request(1, "/", "", true));
    let answer = peer.expect_answer(1);
    answer.expect("200 OK", "fine");
    assert_eq!(answer.errors, "something is odd\n");
}

#[test]
fn f01_a_hijack_is_an_error_with_a_reason() {
    alone!();
    let (_server, mut peer) = serve(|w: &mut ResponseWriter, _: &mut Request| {
        let error = w.hijack().expect_err("there is nothing to hijack");
        Ok(write!(w, "{:?}: {error}", error.kind())?)
    });
    peer.send(request(1, "/", "", true));
    let answer = peer.expect_answer(1);
    assert!(answer.body.starts_with("Misuse") && answer.body.contains("FastCGI"), "{answer:?}");
}

#[test]
fn f01_deadlines_of_the_handler_apply() {
    alone!();
    let (report, seen) = reports();
    let (_server, mut peer) = serve(move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let soon = || Some(Instant::now() + Duration::from_millis(5));
        w.set_read_deadline(soon());
        let error = r.body_mut().read_bytes(10).unwrap_err();
        report.send(error.timed_out()).unwrap();
        w.set_write_deadline(soon());
        let error = loop {
            if let Err(error) = w.write_all(&[0; 60_000]) {
                break hangup::Error::from(error);
            }
        };
        report.send(error.timed_out()).unwrap();
        Err(error)
    });
    peer.send(opened(1, "/", true));
    assert_eq!(next(&seen), Some(TimeLimit::Request));
    assert_eq!(next(&seen), Some(TimeLimit::Send));
}

#[test]
fn f09_shutdown_lets_requests_finish_and_closes_idle_connections() {
    alone!();
    let (report, begun) = reports();
    let (server, mut busy) = serve(move |w: &mut ResponseWriter, r: &mut Request| {
        report.send(()).unwrap();
        echo(w, r)
    });
    let mut idle = WebServer::connect(&server);
    idle.send(request(1, "/", "", true)).expect_answer(1).expect("200 OK", "");
    next(&begun);
    busy.send(opened(1, "/", true));
    next(&begun);
    let handle = server.handle();
    let shutdown = std::thread::spawn(move || handle.shutdown(PATIENCE));
    idle.expect_end();
    busy.send([record(STDIN, 1, b"last"), record(STDIN, 1, &[])].concat());
    busy.expect_answer(1).expect("200 OK", "last");
    busy.expect_end();
    drop(busy);
    assert!(shutdown.join().unwrap());
}

#[test]
fn f07_only_listed_web_servers_may_connect() {
    alone!();
    let elsewhere = vec!["192.0.2.1".parse().unwrap()];
    let (_server, mut peer) = serve_with(fcgi::Server::new(path).web_servers(elsewhere));
    peer.expect_closed();
    let here = vec!["192.0.2.1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
    let (_server, mut peer) = serve_with(fcgi::Server::new(path).web_servers(here));
    peer.send(request(1, "/", "", true)).expect_answer(1).expect("200 OK", "/");
}

#[cfg(unix)] // The crate has no Unix sockets on Windows.
#[test]
fn f07_unix_sockets_are_listened_on() {
    alone!();
    let path_of_socket = std::env::temp_dir().join(format!("hangup-fcgi-{}", std::process::id()));
    let server = fcgi::Server::new(path).web_servers(vec![]).listen_unix(&path_of_socket).unwrap();
    let _server = hangup::testing::TestServer::listening(server);
    let stream = std::os::unix::net::UnixStream::connect(&path_of_socket).unwrap();
    let mut peer = WebServer::over(stream.into());
    peer.send(request(1, "/", "", false)).expect_answer(1).expect("200 OK", "/");
    peer.expect_end();
}
