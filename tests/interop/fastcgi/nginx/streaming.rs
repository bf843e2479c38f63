//! Which bodies nginx streams, and which it buffers.

use std::io;

use crossbeam_channel::unbounded;
use hangup::http::StatusCode;
use hangup::{ErrorKind, Request, RequestExt, ResponseWriter, Result};

use crate::fastcgi::streaming::{
    expect_pieces, expect_upload, go_away, piecewise, reporting, waiting,
};
use crate::fastcgi::{App, LARGE, client, get, next};
use crate::process::{Folder, PATIENCE, pattern};

#[test]
#[ignore = "needs nginx"]
fn a_response_arrives_as_it_is_written() {
    let ((handler, tell), folder) = (piecewise(), Folder::new());
    let app = App::unix(&folder, handler);
    let nginx = super::before(&app.place);
    expect_pieces(&nginx.url("/stream/"), &tell);
    expect_pieces(&nginx.url("/header"), &tell);
    assert_eq!(nginx.complaints(), [""; 0]);
}

#[test]
#[ignore = "needs nginx"]
fn an_upload_arrives_as_it_is_sent() {
    let ((handler, seen), folder) = (reporting(), Folder::new());
    let app = App::unix(&folder, handler);
    let nginx = super::before(&app.place);
    for has_length in [true, false] {
        expect_upload(&nginx.url("/stream/"), &seen, has_length);
    }
    assert_eq!(nginx.complaints(), [""; 0]);
}

#[test]
#[ignore = "needs nginx and curl"]
fn a_client_that_goes_away_ends_the_context() {
    let ((handler, heard), folder) = (waiting(), Folder::new());
    let app = App::unix(&folder, handler);
    let nginx = super::before(&app.place);
    for path in ["/", "/stream/"] {
        go_away(&nginx.url(path), &heard);
    }
    assert_eq!(nginx.complaints(), [""; 0]);
}

/// A handler that answers while it reads, and more than fits into buffers, waits for what nginx does not
/// send: once an answer has begun, nginx sends no more of its request, not even of one that it holds. At
/// its time limit it gives the request up, and that ends the wait.
#[test]
#[ignore = "needs nginx"]
fn nginx_does_not_carry_both_ways_at_once() {
    let (report, seen) = unbounded();
    let handler = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let outcome = io::copy(r.body_mut(), w).map_err(hangup::Error::from);
        let context = r.context().wait_timeout(PATIENCE).map(|why| why.to_string());
        report.send((outcome.map_err(|error| error.kind()), context)).expect("the test listens");
        Ok(())
    };
    let folder = Folder::new();
    let app = App::unix(&folder, handler);
    let nginx = super::with(&app.place, &[("fastcgi_read_timeout 60s", "fastcgi_read_timeout 1s")]);
    for path in ["/", "/stream/"] {
        let mut response = client().post(nginx.url(path)).body(pattern(LARGE)).send().unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.body_mut().read_bytes(LARGE as u64).is_err(), "{path}");
        let (outcome, context) = next(&seen);
        assert_eq!(outcome, Err(ErrorKind::IncompleteBody), "{path}");
        assert!(context.is_some(), "{path}");
    }
}

#[test]
#[ignore = "needs nginx"]
fn silence_is_answered_504_and_ends_the_context() {
    let ((handler, heard), folder) = (waiting(), Folder::new());
    let app = App::unix(&folder, handler);
    let nginx = super::with(&app.place, &[("fastcgi_read_timeout 60s", "fastcgi_read_timeout 1s")]);
    get(&client(), &nginx.url("/"), StatusCode::GATEWAY_TIMEOUT);
    let words = [next(&heard), next(&heard)];
    assert!(format!("{words:?}").contains("closed"), "{words:?}");
    let complaints = nginx.complaints();
    assert!(
        complaints.len() == 1 && complaints[0].contains("upstream timed out"),
        "{complaints:?}"
    );
}
