//! Every wait has a limit.

use std::io::Write;
use std::time::{Duration, Instant};

use hangup::{Request, RequestExt, ResponseWriter, Result, TimeLimit, fcgi};

use super::raw::{
    BEGIN, GET_VALUES, PARAMS, STDIN, WebServer, begin, opened, pairs, record, request, variables,
};
use super::{echo, next, path, reports, serve_here, serve_with};
use crate::support::{PATIENCE, alone};

/// Long enough that a test sends its request within it on a busy machine as well.
const SOON: Duration = Duration::from_millis(100);

#[test]
fn f09_a_new_connection_that_stays_idle_is_closed() {
    alone!();
    let (server, mut peer) = serve_with(fcgi::Server::new(path).idle_timeout(SOON));
    peer.expect_end();
    let mut peer = WebServer::connect(&server);
    peer.send(request(1, "/", "", true)).expect_answer(1).expect("200 OK", "/");
    peer.expect_end();
}

#[test]
fn f09_a_record_that_does_not_come_whole_ends_an_idle_connection() {
    alone!();
    let (idle, header) = (fcgi::Server::idle_timeout, fcgi::Server::read_header_timeout);
    for limit in [idle as fn(_, Option<Duration>) -> _, header] {
        let (server, mut peer) = serve_with(limit(fcgi::Server::new(path), Some(SOON)));
        // Neither the first bytes of its header nor those of its content make it wait anew.
        peer.send([1]);
        peer.expect_end();
        let mut peer = WebServer::connect(&server);
        peer.send(&record(BEGIN, 1, &[0, 1, 1, 0, 0, 0, 0, 0])[..10]);
        peer.expect_end();
    }
    // Nor does the rest of a body whose request has ended.
    let (_server, mut peer) = serve_with(fcgi::Server::new(path).read_header_timeout(SOON));
    peer.send(opened(1, "/", true)).send(&record(STDIN, 1, &[b'x'; 100])[..50]);
    peer.expect_answer(1).expect("200 OK", "/");
    peer.expect_end();
}

#[test]
fn f09_parameters_that_take_too_long_end_their_request_only() {
    alone!();
    let (_server, mut peer) = serve_with(fcgi::Server::new(echo).read_header_timeout(SOON));
    peer.send(opened(7, "/", true));
    peer.send(begin(1, 1, true)).send(record(PARAMS, 1, &variables("/")));
    let answer = peer.expect_answer(1);
    assert!(answer.head.starts_with("Status: 408") && answer.exit != 0, "{answer:?}");
    // Its later records are ignored, and its id is free.
    peer.send([record(PARAMS, 1, &[]), record(STDIN, 1, b"late")].concat());
    peer.send([record(STDIN, 7, b"other"), record(STDIN, 7, &[])].concat());
    peer.expect_answer(7).expect("200 OK", "other");
    peer.send(request(1, "/", "again", true)).expect_answer(1).expect("200 OK", "again");
}

/// A new request does not extend the limit of earlier ones.
#[test]
fn f09_each_request_has_a_deadline_for_its_own_parameters() {
    alone!();
    let limit = Duration::from_millis(200);
    let (_server, mut peer) = serve_with(fcgi::Server::new(path).read_header_timeout(limit));
    peer.send(begin(1, 1, true));
    let until = Instant::now() + PATIENCE;
    let late = loop {
        assert!(Instant::now() < until, "the first request never ends");
        peer.send(request(2, "/other", "", true));
        let mut answers = peer.expect_answers(1);
        match answers.pop().expect("one") {
            (2, answer) => answer.expect("200 OK", "/other"),
            (_, answer) => break answer,
        }
    };
    assert!(late.head.starts_with("Status: 408"), "{late:?}");
}

#[test]
fn f09_a_response_that_cannot_be_written_ends() {
    alone!();
    let (report, seen) = reports();
    let handler = move |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        let error = w.write_all(&vec![0; 64 << 20]).unwrap_err();
        report.send(hangup::Error::from(error).timed_out()).unwrap();
        Ok(())
    };
    let (_server, mut peer) =
        serve_with(fcgi::Server::new(handler.clone()).write_idle_timeout(SOON));
    peer.send(opened(1, "/", true));
    assert_eq!(next(&seen), Some(TimeLimit::WriteIdle));
    let (_server, mut peer) = serve_with(fcgi::Server::new(handler).write_timeout(SOON));
    peer.send(opened(1, "/", true));
    assert_eq!(next(&seen), Some(TimeLimit::Send));
}

#[test]
fn f09_the_error_stream_has_the_deadline_of_the_response() {
    alone!();
    let (report, seen) = reports();
    let handler = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        if r.uri().path() == "/moved" {
            w.set_write_deadline(Some(Instant::now() + SOON));
        }
        let mut errors = r.error_stream().expect("FastCGI");
        let line = [b'!'; 64 * 1024];
        let error = (0..1024).find_map(|_| errors.write_all(&line).err()).expect("no room");
        report.send(hangup::Error::from(error).timed_out()).unwrap();
        Ok(())
    };
    for (target, limit) in [("/", Some(SOON)), ("/moved", None)] {
        let server = fcgi::Server::new(handler.clone()).write_timeout(limit);
        let (_server, mut peer) = serve_with(server.write_idle_timeout(None));
        peer.send(opened(1, target, true));
        assert_eq!(next(&seen), Some(TimeLimit::Send));
    }
}

/// A web server that sends GET_VALUES and reads no result holds neither a thread nor a place.
#[test]
fn f09_a_peer_that_reads_no_values_does_not_hold_its_thread() {
    alone!();
    let asked = record(GET_VALUES, 0, &pairs(&[("FCGI_MAX_REQS", "")]).repeat(1000));
    for server in [
        fcgi::Server::new(path).write_timeout(SOON),
        fcgi::Server::new(path).write_idle_timeout(SOON),
    ] {
        let (server, mut peer) = serve_with(server);
        peer.flood(&asked);
        assert!(server.handle().shutdown(PATIENCE));
    }
}

/// Records that others have queued do not delay a handler that writes.
#[test]
fn f09_records_queued_behind_a_response_are_limited() {
    alone!();
    let (report, seen) = reports();
    let server = fcgi::Server::new(move |w: &mut ResponseWriter, _: &mut Request| {
        report.send(w.write_all(&vec![0; 64 << 20]).is_err()).unwrap();
        Ok(())
    });
    let (_handle, mut peer, far) = serve_here(server.write_idle_timeout(None));
    peer.send(opened(1, "/", true));
    assert!(far.wait_until_parked(hangup::net::Parked::Write, PATIENCE));
    peer.flood(record(77, 0, &[]).repeat(100));
    assert!(next(&seen), "the write fails with the connection");
}

/// The server looks for input once more before it closes an idle connection.
#[test]
fn f09_a_request_that_has_arrived_is_not_lost_to_the_idle_limit() {
    alone!();
    let (near, far) = hangup::testing::stream_pair();
    let mut peer = WebServer::over(near);
    peer.send(request(1, "/", "", true));
    let _handle = fcgi::Server::new(path).idle_timeout(Duration::ZERO).serve_stream(far);
    peer.expect_answer(1).expect("200 OK", "/");
    peer.expect_end();
}
