//! The layers and filters of a program outside of the crate, under a web server.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hangup::http::HeaderName;
use hangup::{
    ErrorKind, HandlerExt, Request, RequestExt, ResponseWriter, Result, TimeLimit as Limit, cgi,
};

use super::raw::{opened, request};
use super::{echo, next, path, reports, serve};
use crate::server::seams::{
    ConcurrencyLimit, Count, SetHeader, TimeLimit, Twice, UpperCase, Whole, any, filtered,
};
use crate::support::alone;

#[test]
fn l30_layers_and_filters_run_under_fastcgi() {
    alone!();
    let total = Arc::new(AtomicUsize::new(0));
    let of_filter = Arc::clone(&total);
    let handler = filtered(echo, move || {
        let total = Arc::clone(&of_filter);
        vec![any(Whole::default()), any(UpperCase), any(Count { bytes: 0, total })]
    });
    let handler = handler
        .layer(TimeLimit(Duration::from_secs(3600)))
        .layer(SetHeader(HeaderName::from_static("x-layer"), "ran"))
        .layer(ConcurrencyLimit::new(1));
    let (_server, mut peer) = serve(handler);
    for count in [5, 5000] {
        let answer = peer.send(request(1, "/", &"x".repeat(count), true)).expect_answer(1);
        answer.expect("200 OK", &"X".repeat(count));
        let head = answer.head.to_lowercase();
        assert!(head.contains("x-layer: ran"), "{head}");
        assert!(head.contains(&format!("content-length: {count}")), "{head}");
        assert_eq!(total.load(Ordering::SeqCst), count);
    }
}

#[test]
fn l30_a_filter_may_change_the_length_under_fastcgi() {
    alone!();
    let (_server, mut peer) = serve(filtered(echo, || vec![Twice::default()]));
    let answer = peer.send(request(1, "/", &"x".repeat(5000), true)).expect_answer(1);
    answer.expect("200 OK", &"x".repeat(10_000));
    assert!(!answer.head.to_lowercase().contains("content-length"));
}

/// The handler's time limit ends a read for which the web server sends nothing.
#[test]
fn l31_a_read_ends_with_the_narrowed_context_under_fastcgi() {
    alone!();
    let (failed, has_failed) = reports();
    let handler = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        if r.uri().path() == "/path" {
            return path(w, r);
        }
        let error = r.body_mut().read_text(100).expect_err("no body is sent");
        failed.send(error.kind()).unwrap();
        Err(error)
    };
    let (_server, mut peer) = serve(handler.layer(TimeLimit(Duration::from_millis(50))));
    let answer = peer.send(opened(1, "/", true)).expect_answer(1);
    answer.expect("503 Service Unavailable", "503 Service Unavailable\n");
    assert_eq!(next(&has_failed), ErrorKind::Timeout(Limit::Call));
    peer.send(request(2, "/path", "", true)).expect_answer(2).expect("200 OK", "/path");
}

#[test]
fn l32_layers_and_filters_run_under_cgi() {
    alone!();
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let body = r.body_mut().read_text(100)?;
        r.context().child().cancel();
        Ok(w.write_all(body.as_bytes())?)
    };
    let handler = filtered(handler, || vec![any(Whole::default()), any(UpperCase)]);
    let handler = handler.layer(TimeLimit(Duration::from_secs(3600)));
    let variables = [("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", "4")];
    let (near, far) = hangup::testing::stream_pair();
    cgi::serve_with(handler, variables, &b"body"[..], near, std::io::sink()).unwrap();
    let answer = std::io::read_to_string(far).unwrap();
    assert!(answer.starts_with("Status: 200 OK\r\n") && answer.ends_with("\r\n\r\nBODY"));
}
