//! Layers of the crate, under a web server.

use std::io::Write;

use hangup::layers::{AccessLog, Compress, PanicPage, RequestId, SecurityHeaders};
use hangup::{HandlerExt, OutcomeKind, Request, RequestExt, ResponseWriter, Result};

use super::raw::{ABORT, opened, record, request};
use super::{next, reports, serve};
use crate::support::{PATIENCE, alone};

#[test]
fn h09_layers_run_under_fastcgi() {
    alone!();
    let (report, lines) = reports();
    let log = AccessLog::with(move |record| {
        let client = record.client.unwrap().to_string();
        let id = record.request_id.unwrap().len();
        let _ =
            report.send((record.target.to_string(), client, id, record.bytes_sent, record.outcome));
    });
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        match r.uri().path() {
            "/panic" => panic!("meant to"),
            "/wait" => {
                r.context().done().recv_timeout(PATIENCE).expect_err("the end of the context");
                Ok(())
            }
            _ => Ok(w.write_all(&[b'a'; 5000])?),
        }
    };
    let handler = handler
        .layer(Compress::new())
        .layer(PanicPage::new())
        .layer(SecurityHeaders::new())
        .layer(RequestId::new())
        .layer(log);
    let (_server, mut peer) = serve(handler);

    let answer = peer.send(request(1, "/?query", "", true)).expect_answer(1);
    answer.expect("200 OK", &"a".repeat(5000));
    let head = answer.head.to_lowercase();
    for name in ["x-request-id: ", "vary: accept-encoding", "x-frame-options: sameorigin"] {
        assert!(head.contains(name), "{head}");
    }
    let client = || "192.0.2.7".to_owned();
    let logged = next(&lines);
    assert_eq!(logged, ("/".to_owned(), client(), 32, 5000, OutcomeKind::Complete));

    let answer = peer.send(request(2, "/panic", "", true)).expect_answer(2);
    answer.expect("500 Internal Server Error", "500 Internal Server Error\n");
    let logged = next(&lines);
    assert_eq!(logged, ("/panic".to_owned(), client(), 32, 26, OutcomeKind::Panicked));

    // The client leaves, and the web server aborts the request.
    peer.send(opened(3, "/wait", true)).send(record(ABORT, 3, &[]));
    let (target, _, _, _, outcome) = next(&lines);
    assert_eq!((target.as_str(), outcome), ("/wait", OutcomeKind::ClientLeft));
}
