//! The reported states of a connection.

use std::io::Write;

use crossbeam_channel::Receiver;
use hangup::server::ConnState::{self, Active, Closed, Hijacked, Idle, New};
use hangup::testing::TestServer;
use hangup::{Request, RequestExt, ResponseWriter, Result, Server};

use super::{echo_path, next, reports};
use crate::support::{Over, alone, over_each};

over_each![
    s14_states_come_in_order_and_the_last_one_once,
    s14_a_connection_closed_by_the_server_has_its_last_state_once,
    s14_a_refused_connection_is_new_and_closed,
    s14_the_callback_gets_the_connections_id_and_address,
];

fn various(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    match r.uri().path() {
        "/hijack" => {
            let mut connection = w.hijack()?;
            Ok(connection.write_all(b"raw")?)
        }
        "/panic" => panic!("on purpose"),
        "/error" => Err("on purpose".into()),
        "/context" => {
            let _context = r.context();
            echo_path(w, r)
        }
        _ => echo_path(w, r),
    }
}

fn recorded(over: Over, server: Server) -> (TestServer, Receiver<(u64, ConnState)>) {
    let (report, states) = reports();
    let server = server.on_connection_state(move |connection, state| {
        report.send((connection.id(), state)).unwrap();
    });
    (over.server_with(server), states)
}

/// Returns the states of the next connection, up to its last.
#[track_caller]
fn states_until_the_last(states: &Receiver<(u64, ConnState)>) -> Vec<ConnState> {
    let mut seen = Vec::new();
    loop {
        let (_, state) = next(states);
        seen.push(state);
        if matches!(state, Closed | Hijacked) {
            assert!(states.is_empty(), "more than the last: {states:?}");
            return seen;
        }
    }
}

fn s14_states_come_in_order_and_the_last_one_once(over: Over) {
    alone!();
    let (server, states) = recorded(over, Server::new(various).max_header_bytes(100));
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let huge = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(10_000));
    // The bytes to send, each with the number of responses.
    type Script<'a> = (&'a [(String, usize)], &'a [ConnState]);
    let scripts: &[Script] = &[
        (&[], &[New, Closed]),
        (&[("GET /half".into(), 0)], &[New, Active, Closed]),
        (&[("garbage\r\n\r\n".into(), 1)], &[New, Active, Closed]),
        (&[(huge, 1)], &[New, Active, Closed]),
        (&[(get("/"), 1)], &[New, Active, Idle, Closed]),
        (&[(get("/"), 1), (get("/context"), 1)], &[New, Active, Idle, Active, Idle, Closed]),
        (&[(get("/error"), 1), (get("/"), 1)], &[New, Active, Idle, Active, Idle, Closed]),
        (&[(get("/panic"), 0)], &[New, Active, Closed]),
        (&[(get("/"), 1), (get("/panic"), 0)], &[New, Active, Idle, Active, Closed]),
        (&[(get("/hijack"), 0)], &[New, Active, Hijacked]),
        (&[(get("/context"), 1), (get("/hijack"), 0)], &[New, Active, Idle, Active, Hijacked]),
        (&[("GET / HTTP/1.0\r\n\r\n".into(), 1)], &[New, Active, Closed]),
        // There is no idle time before a request that has arrived with the one before.
        (&[([get("/a"), get("/b")].concat(), 2)], &[New, Active, Idle, Closed]),
        (&[([get("/a"), get("/hijack")].concat(), 1)], &[New, Active, Hijacked]),
    ];
    for (requests, expected) in scripts {
        let mut peer = over.connect(&server);
        for (request, answers) in *requests {
            peer.send(request);
            for _ in 0..*answers {
                peer.expect_response();
            }
        }
        peer.half_close();
        assert_eq!(states_until_the_last(&states), *expected, "{requests:?}");
    }
}

fn s14_a_connection_closed_by_the_server_has_its_last_state_once(over: Over) {
    alone!(waits);
    let (server, states) = recorded(over, Server::new(various));
    let mut peer = over.connect(&server);
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    peer.expect(200);
    // The response arrives before its connection is idle.
    let until_idle = [(); 3].map(|()| next(&states).1);
    assert_eq!(until_idle, [New, Active, Idle]);
    server.close_client_connections();
    assert_eq!(states_until_the_last(&states), [Closed]);
    drop(server);
    assert!(states.is_empty());
}

fn s14_a_refused_connection_is_new_and_closed(over: Over) {
    alone!();
    let (server, states) = recorded(over, Server::new(various).max_connections(0));
    let mut peer = over.connect(&server);
    peer.expect(503);
    peer.half_close();
    assert_eq!(states_until_the_last(&states), [New, Closed]);
}

fn s14_the_callback_gets_the_connections_id_and_address(over: Over) {
    alone!();
    let (report, addresses) = reports();
    let server = Server::new(echo_path).on_connection_state(move |connection, state| {
        report.send((connection.id(), connection.remote_addr().ip(), state)).unwrap();
    });
    let server = over.server_with(server);
    let (one, two) = (over.connect(&server), over.connect(&server));
    let (first, second) = (next(&addresses), next(&addresses));
    assert_ne!(first.0, second.0);
    assert_eq!(first.1, one.stream().local_addr().unwrap().ip());
    assert_eq!(second.1, two.stream().local_addr().unwrap().ip());
}
