//! The background read, and how it ends the request's context.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use hangup::testing::Parked;
use hangup::{Context, Request, RequestExt, ResponseWriter, Result, Server};

use super::{also_in_memory, echo_path, in_memory_with, next, reports, served, served_with};
use crate::support::{Over, PATIENCE, alone, over_each, rounds, threads};

over_each![
    s01_a_background_read_begins_when_the_body_has_ended,
    s01_without_a_look_at_the_context_no_background_read_starts,
    s02_an_aborted_background_read_returns_at_once,
    s02_many_requests_start_and_abort_a_read_without_a_wrong_byte,
    s03_a_request_that_is_cut_anywhere_keeps_the_byte_of_the_background_read,
    s03_a_byte_that_arrives_while_the_read_is_aborted_is_not_lost,
    s04_context_ends_with_the_clients_end_of_stream,
    s04_context_ends_with_a_half_close_and_the_response_is_still_sent,
    #[cfg_attr(windows, ignore = "Wine ends the stream before it resets the connection")]
    s04_context_ends_with_a_reset,
    s04_context_ends_in_a_later_request_of_the_connection,
    s04_context_ends_behind_an_unread_body,
    s04_context_ends_behind_a_buffered_pipelined_request,
    s04_context_ends_with_a_failed_write,
    s04_context_does_not_end_with_an_orderly_next_request,
    s04_context_ends_when_the_handler_returns,
    s04_context_ends_when_the_server_is_closed,
    s04_a_half_close_does_not_end_the_context_where_the_option_says_so,
    s04_a_reset_behind_an_ignored_half_close_ends_the_context,
    s07_the_body_can_be_read_while_the_connection_is_watched,
    s07_a_request_kept_beyond_its_handler_reads_nothing,
    s01_an_idle_connection_ends_its_watch_thread,
    s07_a_read_on_another_thread_fails_when_the_handler_returns,
];

/// The first report of a handler. A client that resets its connection earlier drops the request.
const BEGUN: &str = "begun";

/// Waits for its context. Reports that it has begun, and why the context ended.
fn reports_its_end() -> (Server, crossbeam_channel::Receiver<String>) {
    let (report, ends) = reports();
    let handler = move |_: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        report.send(BEGUN.to_owned()).unwrap();
        let end = r.context().wait_timeout(PATIENCE).map(|end| end.to_string());
        let _ = report.send(end.unwrap_or_default());
        Ok(())
    };
    (Server::new(handler), ends)
}

/// Looks at its context, which starts a background read, and responds with its path.
fn looks_and_answers(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let context = r.context();
    let mut body = String::new();
    r.body_mut().read_to_string(&mut body)?;
    assert!(!context.is_done(), "the client is there");
    write!(w, "{} {body}", r.uri().path())?;
    Ok(())
}

fn s01_a_background_read_begins_when_the_body_has_ended(over: Over) {
    alone!();
    let (report, reports) = reports();
    let (_server, far, mut peer) = served(over, move |_: &mut ResponseWriter, r: &mut Request| {
        let context = r.context();
        report.send(()).unwrap();
        r.body_mut().read_bytes(100)?;
        report.send(()).unwrap();
        context.wait_timeout(PATIENCE);
        Ok(())
    });
    // While the body is unread, the background read waits only for a hang-up.
    peer.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
    next(&reports);
    assert!(far.wait_until_parked(Parked::Hangup, PATIENCE));
    peer.send("x");
    next(&reports);
    assert!(far.wait_until_parked(Parked::Read, PATIENCE));
    peer.half_close();
    peer.expect(200);
}

fn s01_without_a_look_at_the_context_no_background_read_starts(over: Over) {
    alone!();
    let (arrived, arrivals) = reports();
    let (go, gone) = bounded::<()>(0);
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
        arrived.send(()).unwrap();
        let _ = gone.recv_timeout(PATIENCE);
        echo_path(w, r)
    });
    let mut peer = over.connect(&server);
    peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    next(&arrivals);
    assert!(threads().unwrap_or_default().iter().all(|name| name != "hangup-watch"));
    drop(go);
    assert_eq!(peer.expect(200), "/a");
}

fn s02_an_aborted_background_read_returns_at_once(over: Over) {
    alone!();
    let server = over.server(looks_and_answers);
    let mut peer = over.connect(&server);
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let begun = Instant::now();
            peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            peer.expect(200);
            begun.elapsed()
        })
        .collect();
    // A wait in the abort would delay every exchange. A busy machine delays most, but not the fastest
    // tenth. Wine takes milliseconds for each.
    let at_once = Duration::from_millis(if cfg!(windows) { 30 } else { 5 });
    times.sort_unstable();
    assert!(times[20] < at_once, "the fastest tenth takes {:?}", times[20]);
}

fn s02_many_requests_start_and_abort_a_read_without_a_wrong_byte(over: Over) {
    alone!();
    also_in_memory(
        over,
        || Server::new(looks_and_answers),
        |peer| {
            for number in 0..rounds(10_000) {
                peer.send(format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n"));
                assert_eq!(peer.expect(200), format!("/{number} "));
            }
        },
    );
}

fn s03_a_request_that_is_cut_anywhere_keeps_the_byte_of_the_background_read(over: Over) {
    alone!();
    let (report, reports) = reports();
    let (go, gone) = bounded(0);
    let (_server, far, mut peer) = served(over, move |w: &mut ResponseWriter, r: &mut Request| {
        let context = r.context();
        let notify = r.close_notify();
        let mut body = String::new();
        r.body_mut().read_to_string(&mut body)?;
        if r.uri().path() == "/first" {
            report.send(notify).unwrap();
            gone.recv_timeout(PATIENCE).unwrap();
            assert!(!context.is_done());
        }
        write!(w, "{} {body}", r.uri())?;
        Ok(())
    });
    let second = "POST /second?x=y HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    for cut in 1..second.len() {
        peer.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
        let notify = next(&reports);
        assert!(far.wait_until_parked(Parked::Read, PATIENCE));
        peer.send(&second[..cut]);
        // The background read has its byte.
        notify.recv_timeout(PATIENCE).unwrap();
        go.send(()).unwrap();
        assert_eq!(peer.expect(200), "/first ");
        peer.send(&second[cut..]);
        assert_eq!(peer.expect(200), "/second?x=y body", "cut at {cut}");
    }
}

fn s03_a_byte_that_arrives_while_the_read_is_aborted_is_not_lost(over: Over) {
    alone!();
    also_in_memory(
        over,
        || Server::new(looks_and_answers),
        |peer| {
            // The second half of each request races with the abort after the one before.
            for number in 0..rounds(500) {
                let one = format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n");
                let two = format!("PUT /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
                peer.send(one).send(two).send("x").send("y");
                assert_eq!(peer.expect(200), format!("/{number} "));
                assert_eq!(peer.expect(200), format!("/{number} xy"));
            }
        },
    );
}

fn s04_context_ends_with_the_clients_end_of_stream(over: Over) {
    alone!();
    let (report, contexts) = reports();
    let server = over.server(move |_: &mut ResponseWriter, r: &mut Request| {
        let context = r.context();
        report.send(context.clone()).unwrap();
        context.wait_timeout(PATIENCE);
        Ok(())
    });
    let mut peer = over.connect(&server);
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let context = next(&contexts);
    peer.close();
    let end = context.wait_timeout(PATIENCE).expect("the handler learns of it");
    assert_eq!(end.to_string(), "cancelled: the client closed the connection");
}

fn s04_context_ends_with_a_half_close_and_the_response_is_still_sent(over: Over) {
    alone!();
    let (server, ends) = reports_its_end();
    let server = over.server_with(server);
    let mut peer = over.connect(&server);
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").half_close();
    assert_eq!(next(&ends), BEGUN);
    assert_eq!(next(&ends), "cancelled: the client closed the connection");
    peer.expect(200);
    peer.expect_end();
}

fn s04_context_ends_with_a_reset(over: Over) {
    alone!();
    let (server, ends) = reports_its_end();
    let server = over.server_with(server);
    let mut peer = over.connect(&server);
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(next(&ends), BEGUN);
    peer.reset();
    let end = next(&ends);
    assert!(end.contains("failed: connection reset"), "{end}");
}

fn s04_context_ends_in_a_later_request_of_the_connection(over: Over) {
    alone!();
    let (report, ends) = reports();
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
        if r.uri().path() == "/wait" {
            report.send(r.context().wait_timeout(PATIENCE).is_some()).unwrap();
            return Ok(());
        }
        looks_and_answers(w, r)
    });
    let mut peer = over.connect(&server);
    for _ in 0..3 {
        peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(peer.expect(200), "/a ");
    }
    peer.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    drop(peer);
    assert!(next(&ends));
}

/// Other servers do not notice this end, since they do not read while the body is unread.
fn s04_context_ends_behind_an_unread_body(over: Over) {
    alone!();
    for reset in [false, true] {
        let (server, ends) = reports_its_end();
        let server = over.server_with(server);
        let mut peer = over.connect(&server);
        peer.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\npart of it");
        assert_eq!(next(&ends), BEGUN);
        match reset {
            true => peer.reset(),
            false => drop(peer),
        }
        assert_ne!(next(&ends), "", "reset: {reset}");
    }
}

/// Other servers do not notice this end either, since their background read has its byte.
fn s04_context_ends_behind_a_buffered_pipelined_request(over: Over) {
    alone!();
    for reset in [false, true] {
        for together in [false, true] {
            let (report, ends) = reports();
            let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
                if r.uri().path() == "/first" {
                    let (context, notify) = (r.context(), r.close_notify());
                    notify.recv_timeout(PATIENCE).expect("the pipelined request");
                    report.send(None).unwrap();
                    let end = context.wait_timeout(PATIENCE).map(|end| end.to_string());
                    report.send(end).unwrap();
                }
                echo_path(w, r)
            });
            let mut peer = over.connect(&server);
            let first = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n";
            let second = "GET /second HTTP/1.1\r\nHost: a\r\n\r\n";
            match together {
                true => peer.send([first, second].concat()),
                false => peer.send(first).send(second),
            };
            assert_eq!(next(&ends), None);
            match reset {
                true => peer.reset(),
                false => drop(peer),
            }
            assert!(next(&ends).is_some(), "reset: {reset}, together: {together}");
        }
    }
}

fn s04_context_ends_with_a_failed_write(over: Over) {
    alone!();
    let (report, ends) = reports();
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
        // First the failure, then the first look.
        while w.write_all(&[b'x'; 64 * 1024]).is_ok() {}
        report.send(r.context().is_done()).unwrap();
        report.send(r.close_notify().try_recv().is_ok()).unwrap();
        Ok(())
    });
    let mut peer = over.connect(&server);
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    peer.expect_head();
    peer.reset();
    assert!(next(&ends));
    assert!(next(&ends));
}

fn s04_context_does_not_end_with_an_orderly_next_request(over: Over) {
    alone!();
    let (report, contexts) = reports();
    let (go, gone) = bounded::<()>(0);
    let (_server, far, mut peer) = served(over, move |w: &mut ResponseWriter, r: &mut Request| {
        if r.uri().path() == "/first" {
            report.send(r.context()).unwrap();
            let _ = gone.recv_timeout(PATIENCE);
        }
        echo_path(w, r)
    });
    peer.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    let context = next(&contexts);
    assert!(far.wait_until_parked(Parked::Read, PATIENCE));
    peer.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
    // The background read has its byte, has fired the notification, and waits again.
    assert!(far.wait_until_parked(Parked::Hangup, PATIENCE));
    assert!(!context.is_done());
    drop(go);
    assert_eq!(peer.expect(200), "/first");
    assert_eq!(peer.expect(200), "/second");
}

fn s04_context_ends_when_the_handler_returns(over: Over) {
    alone!();
    let (report, contexts) = reports::<Context>();
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
        report.send(r.context()).unwrap();
        echo_path(w, r)
    });
    let mut peer = over.connect(&server);
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let end = next(&contexts).wait_timeout(PATIENCE).expect("the handler has returned");
    assert_eq!(end.to_string(), "cancelled: the handler has returned");
    peer.expect(200);
}

fn s04_context_ends_when_the_server_is_closed(over: Over) {
    alone!();
    let (report, contexts) = reports();
    let (server, far, mut peer) = served(over, move |_: &mut ResponseWriter, r: &mut Request| {
        let context = r.context();
        report.send(context.clone()).unwrap();
        context.wait_timeout(PATIENCE);
        Ok(())
    });
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let context = next(&contexts);
    assert!(far.wait_until_parked(Parked::Read, PATIENCE));
    server.0.close();
    let end = context.wait_timeout(PATIENCE).expect("the handler learns of it");
    assert_eq!(end.to_string(), "cancelled: the server closed the connection");
}

fn s04_a_half_close_does_not_end_the_context_where_the_option_says_so(over: Over) {
    alone!();
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
    ] {
        let (report, ends) = reports();
        let (go, gone) = bounded::<()>(0);
        let server = Server::new(move |_: &mut ResponseWriter, r: &mut Request| {
            let context = r.context();
            report.send(()).unwrap();
            let _ = gone.recv_timeout(PATIENCE);
            assert!(!context.is_done(), "a half-close is no hang-up");
            Ok(())
        });
        let server = over.server_with(server.cancel_on_half_close(false));
        let mut peer = over.connect(&server);
        peer.send(request).half_close();
        next(&ends);
        drop(go);
        peer.expect(200);
        peer.expect_end();
    }
}

/// An ignored half-close once ended the background read, so a reset behind it went unnoticed until the handler
/// wrote something.
fn s04_a_reset_behind_an_ignored_half_close_ends_the_context(over: Over) {
    alone!();
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\npart",
    ] {
        for in_memory in [false, true] {
            let (server, ends) = reports_its_end();
            let server = server.cancel_on_half_close(false);
            let (_server, far, mut peer) = match in_memory {
                false => served_with(over, server),
                true => in_memory_with(server),
            };
            peer.send(request).half_close();
            assert_eq!(next(&ends), BEGUN);
            assert!(far.wait_until_parked(Parked::Hangup, PATIENCE));
            assert!(ends.is_empty());
            peer.reset();
            let end = next(&ends);
            assert!(end.contains("reset"), "in memory: {in_memory}, {end}");
        }
    }
}

fn s07_the_body_can_be_read_while_the_connection_is_watched(over: Over) {
    alone!();
    also_in_memory(
        over,
        || {
            Server::new(|w: &mut ResponseWriter, r: &mut Request| {
                let context = r.context();
                let mut all = Vec::new();
                r.body_mut().read_to_end(&mut all)?;
                assert!(!context.is_done());
                w.write_all(&all)?;
                Ok(())
            })
        },
        |peer| {
            let head = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            let mut expected = String::new();
            peer.send(head);
            for number in 0..rounds(300) {
                let text = number.to_string();
                peer.send(format!("{:x}\r\n{text}\r\n", text.len()));
                expected.push_str(&text);
            }
            peer.send("0\r\n\r\n");
            assert_eq!(peer.expect(200), expected);
        },
    );
}

fn s07_a_request_kept_beyond_its_handler_reads_nothing(over: Over) {
    alone!();
    let (report, kept) = reports::<Request>();
    let (give, given) = reports::<Request>();
    let (ready, watched) = reports();
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
        let path = r.uri().path().to_owned();
        if path == "/kept" {
            report.send(std::mem::take(r)).unwrap();
        }
        if path == "/watched" {
            let notify = r.close_notify();
            // Asked of the request before, this must not take the watch away from this one.
            let _ = next(&given).close_notify();
            ready.send(()).unwrap();
            notify.recv_timeout(PATIENCE).expect("its own next request");
        }
        Ok(w.write_all(path.as_bytes())?)
    });
    let mut peer = over.connect(&server);
    peer.send("PUT /kept HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    let mut request = next(&kept);
    assert_eq!(peer.expect(200), "/kept");
    peer.send("body");
    // Served once its own body has been taken back and thrown away.
    peer.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(peer.expect(200), "/next");
    let error = request.body_mut().read_bytes(10).unwrap_err();
    assert_eq!(error.kind(), hangup::ErrorKind::Misuse);
    // Its context is asked for the first time, while the connection waits for a request.
    assert!(request.context().is_done());
    peer.send("GET /watched HTTP/1.1\r\nHost: a\r\n\r\n");
    give.send(request).unwrap();
    next(&watched);
    peer.send("GET /after HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(peer.expect(200), "/watched");
    assert_eq!(peer.expect(200), "/after");
}

/// A context that was used once keeps a thread. The thread ends after 1 s without a request.
fn s01_an_idle_connection_ends_its_watch_thread(over: Over) {
    alone!(waits);
    if threads().is_none() {
        return; // They cannot be listed on this system.
    }
    let watching = || threads().unwrap().iter().filter(|name| *name == "hangup-watch").count();
    let server = over.server(looks_and_answers);
    let mut peer = over.connect(&server);
    for _ in 0..2 {
        peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(peer.expect(200), "/a ");
        // It is there, and then it is not.
        for count in [1, 0] {
            let deadline = Instant::now() + PATIENCE;
            while watching() != count {
                assert!(Instant::now() < deadline, "{count} threads expected");
                std::thread::park_timeout(Duration::from_millis(10));
            }
        }
    }
    peer.half_close().expect_end();
}

fn s07_a_read_on_another_thread_fails_when_the_handler_returns(over: Over) {
    alone!();
    let (report, outcomes) = reports();
    let (_server, far, mut peer) = served(over, move |w: &mut ResponseWriter, r: &mut Request| {
        let mut body = std::mem::take(r.body_mut());
        let report = report.clone();
        let (begun, reading) = bounded(0);
        std::thread::spawn(move || {
            begun.send(()).unwrap();
            report.send(body.read_bytes(100).map(|bytes| bytes.len())).unwrap();
        });
        reading.recv().unwrap();
        echo_path(w, r)
    });
    peer.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    let _ = far;
    assert!(next(&outcomes).is_err());
    assert_eq!(peer.expect(200), "/a");
}
