//! `layers::Timeout` under a web server.

use std::time::Duration;

use hangup::layers::Timeout;
use hangup::{HandlerExt, Request, ResponseWriter, Result};

use super::raw::request;
use super::{next, reports, serve};
use crate::support::alone;

/// The web server gets the whole response, and the end of the request, while the handler still runs.
#[test]
fn h09_a_request_ends_at_its_time_limit() {
    alone!();
    let (release, released) = reports::<()>();
    let (ended, has_ended) = reports();
    let handler = move |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        next(&released);
        let outcome = w.send(hangup::Response::new("x".repeat(100_000)));
        ended.send(outcome.is_err()).unwrap();
        outcome
    };
    // A busy machine may take longer than the limit for a fast request.
    let handler = handler.layer(Timeout::new(Duration::from_millis(20)));
    let handler = handler.layer_fn(|w, r, next| match r.uri().path() {
        "/fast" => super::path(w, r),
        _ => next.handle(w, r),
    });
    let (_server, mut peer) = serve(handler);
    for _ in 0..2 {
        let answer = peer.send(request(1, "/slow", "", true)).expect_answer(1);
        let text = "503 Service Unavailable: time limit exceeded\n";
        answer.expect("503 Service Unavailable", text);
        // The id is free.
        peer.send(request(1, "/fast", "", true)).expect_answer(1).expect("200 OK", "/fast");
    }
    for _ in 0..2 {
        release.send(()).unwrap();
        assert!(next(&has_ended));
    }
    peer.send(request(1, "/fast", "", true)).expect_answer(1).expect("200 OK", "/fast");
}
