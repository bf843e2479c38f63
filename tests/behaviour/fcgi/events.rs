//! Event streams under a web server.

use std::time::{Duration, Instant};

use crossbeam_channel::never;
use hangup::events::Event;
use hangup::{Request, ResponseWriter};

use super::raw::{ABORT, END, STDOUT, WebServer, record, request};
use super::{next, reports, serve};
use crate::support::alone;

/// Reads STDOUT until it ends with `text`.
fn expect_output(peer: &mut WebServer, text: &str) -> String {
    let mut output = String::new();
    while !output.ends_with(text) {
        output += std::str::from_utf8(&peer.expect(STDOUT, 1)).expect("UTF-8");
    }
    output
}

#[test]
fn h13_a_stream_ends_when_the_web_server_aborts_the_request() {
    alone!();
    let (report, ended) = reports();
    let (_server, mut peer) = serve(move |w: &mut ResponseWriter, r: &mut Request| {
        let mut events = w.events(r)?.heartbeat(Duration::from_millis(5));
        events.send(Event::new("first").id("1"))?;
        events.forward(&never::<Event>())?;
        report.send((Instant::now(), events.is_closed())).unwrap();
        Ok(())
    });
    let mut delays = Vec::new();
    for _ in 0..5 {
        peer.send(request(1, "/", "", true));
        let output = expect_output(&mut peer, "data: first\nid: 1\n\n");
        assert!(output.contains("Content-Type: text/event-stream\r\n"), "{output}");
        assert!(output.contains("X-Accel-Buffering: no\r\n"), "{output}");
        expect_output(&mut peer, ":\n\n");
        let begun = Instant::now();
        peer.send(record(ABORT, 1, &[]));
        let (noticed, closed) = next(&ended);
        assert!(closed);
        delays.push(noticed - begun);
        // Heartbeats may have been sent before.
        while peer.next().expect("the end of the request").kind != END {}
    }
    let fastest = delays.into_iter().min().unwrap();
    assert!(fastest < Duration::from_millis(20), "{fastest:?}");
}
