//! Event streams whose client goes away, and other things that only a connection shows.

use std::time::{Duration, Instant};

use crossbeam_channel::{never, unbounded};
use hangup::events::Event;
use hangup::{Request, ResponseWriter, Server};

use super::{next, reports};
use crate::support::{Over, alone, noticed_at_once, over_each};

over_each![
    h13_a_client_that_leaves_a_silent_stream_is_noticed,
    h13_time_limits_of_a_response_do_not_end_a_stream,
];

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn h13_a_client_that_leaves_a_silent_stream_is_noticed(over: Over) {
    alone!();
    let (report, ended) = reports();
    let server = over.server(move |w: &mut ResponseWriter, r: &mut Request| {
        r.body_mut().read_bytes(100)?;
        let mut events = w.events(r)?;
        events.send("first")?;
        events.forward(&never::<Event>())?;
        report.send((Instant::now(), events.is_closed())).unwrap();
        Ok(())
    });
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    for (request, resets) in [(GET, false), (GET, true), (post, false)] {
        noticed_at_once(|| {
            let mut peer = over.connect(&server);
            peer.send(request);
            assert_eq!(peer.expect_head().field("content-type"), Some("text/event-stream"));
            assert_eq!(peer.expect_chunk(), b"data: first\n\n");
            let begun = Instant::now();
            if resets {
                peer.reset()
            } else {
                peer.close()
            }
            let (noticed, closed) = next(&ended);
            assert!(closed);
            noticed - begun
        });
    }
}

/// A limit on the whole request or response is meant for those that have an end.
fn h13_time_limits_of_a_response_do_not_end_a_stream(over: Over) {
    alone!();
    let limit = Duration::from_millis(30);
    let (go_on, source) = unbounded::<&str>();
    let server = Server::new(move |w: &mut ResponseWriter, r: &mut Request| {
        w.events(r)?.heartbeat(limit).forward(&source)
    });
    let server = over.server_with(server.read_timeout(limit).write_timeout(limit));
    let mut peer = over.connect(&server);
    peer.send(GET).expect_head();
    for _ in 0..3 {
        assert_eq!(peer.expect_chunk(), b":\n\n");
    }
    go_on.send("late").unwrap();
    while peer.expect_chunk() != b"data: late\n\n" {}
}

/// A stream of HTTP/1.0 ends with its connection. A server that is closed ends it as well.
#[test]
fn h13_closing_the_server_ends_a_stream() {
    alone!();
    for version in ["1.0", "1.1"] {
        let (report, ended) = reports();
        let server = Over::Tcp.server(move |w: &mut ResponseWriter, r: &mut Request| {
            let mut events = w.events(r)?;
            events.forward(&never::<Event>())?;
            report.send(events.is_closed()).unwrap();
            Ok(())
        });
        let mut peer = Over::Tcp.connect(&server);
        peer.send(format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n"));
        let head = peer.expect_head();
        assert_eq!(head.field("transfer-encoding").is_some(), version == "1.1", "{head:?}");
        server.handle().close();
        assert!(next(&ended));
        peer.expect_silence_to_the_end();
    }
}
