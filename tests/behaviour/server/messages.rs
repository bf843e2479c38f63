//! Unusual requests that are valid.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hangup::server::ConnState;
use hangup::testing::TestServer;
use hangup::{Request, RequestExt, ResponseWriter, Result, Server};

use super::{also_in_memory, echo_path};
use crate::support::{Over, RawClient, alone, over_each};

over_each![
    h07_options_of_the_whole_server_never_reach_the_handler,
    h07_an_unknown_minor_version_is_served_as_http_1_1,
    s09_the_authority_of_an_absolute_target_replaces_host,
    s09_stray_characters_are_the_same_in_path_and_query,
    s09_blanks_before_a_chunk_extension_are_ignored,
];

/// Responds with the target and every Host.
fn echo_target(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let hosts: Vec<_> = r.headers().get_all("host").iter().collect();
    Ok(write!(w, "{:?} {} {hosts:?}", r.version(), r.uri())?)
}

fn h07_options_of_the_whole_server_never_reach_the_handler(over: Over) {
    alone!();
    let served = Arc::new(AtomicUsize::new(0));
    let server = || {
        let served = Arc::clone(&served);
        Server::new(move |w: &mut ResponseWriter, r: &mut Request| {
            served.fetch_add(1, Ordering::Relaxed);
            echo_path(w, r)
        })
    };
    also_in_memory(over, server, |peer| {
        served.store(0, Ordering::Relaxed);
        for body in
            ["\r\n", "Content-Length: 2\r\n\r\nhi", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
        {
            peer.send(format!("OPTIONS * HTTP/1.1\r\nHost: a\r\n{body}"));
            let answer = peer.expect_head();
            assert_eq!(answer.status, 204, "{body:?}");
            for name in ["content-length", "transfer-encoding", "content-type", "connection"] {
                assert_eq!(answer.field(name), None, "{body:?}: {answer:?}");
            }
            assert!(answer.field("date").is_some());
        }
        assert_eq!(served.load(Ordering::Relaxed), 0);
        // Together with others, and of a resource.
        peer.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS /a HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(peer.expect_head().status, 204);
        assert_eq!(peer.expect(200), "/a");
        peer.send("OPTIONS * HTTP/1.0\r\n\r\n");
        let answer = peer.expect_head();
        assert_eq!((answer.status, answer.field("connection")), (204, Some("close")));
        peer.expect_end();
        assert_eq!(served.load(Ordering::Relaxed), 1);
    });
}

fn h07_an_unknown_minor_version_is_served_as_http_1_1(over: Over) {
    alone!();
    also_in_memory(
        over,
        || Server::new(echo_target),
        |peer| {
            for minor in [2, 3, 9] {
                peer.send(format!("GET /a HTTP/1.{minor}\r\nHost: a\r\n\r\n"));
                let answer = peer.expect_response();
                assert_eq!((answer.status, answer.field("connection")), (200, None));
                assert_eq!(answer.text(), "HTTP/1.1 /a [\"a\"]");
            }
            // With what HTTP/1.1 asks for.
            peer.send("GET /a HTTP/1.2\r\n\r\n");
            assert_eq!(peer.expect_response().status, 400);
            peer.expect_end();
        },
    );
}

fn s09_the_authority_of_an_absolute_target_replaces_host(over: Over) {
    alone!();
    also_in_memory(
        over,
        || Server::new(echo_target),
        |peer| {
            for (target, host, seen) in [
                ("http://a.test/p?q", "a.test", "http://a.test/p?q [\"a.test\"]"),
                ("http://a.test:81/", "b.test", "http://a.test:81/ [\"a.test:81\"]"),
                ("https://[::1]:8080/", "", "https://[::1]:8080/ [\"[::1]:8080\"]"),
                ("/p", "b.test", "/p [\"b.test\"]"),
            ] {
                peer.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
                assert_eq!(peer.expect(200), format!("HTTP/1.1 {seen}"), "{target}");
            }
            peer.send("GET http://a.test/ HTTP/1.1\r\nHost: b\r\nHost: c\r\n\r\n");
            assert_eq!(peer.expect_response().status, 400);
        },
    );
}

fn s09_stray_characters_are_the_same_in_path_and_query(over: Over) {
    alone!();
    let server = over.server(echo_path);
    let mut peer = over.connect(&server);
    for byte in (0x21..0x7f).map(char::from).filter(|byte| *byte != '?') {
        for (before, path) in [("/a", format!("/a{byte}")), ("/?a", "/".to_owned())] {
            peer.send(format!("GET {before}{byte} HTTP/1.1\r\nHost: a\r\n\r\n"));
            let answer = peer.expect_response();
            if "\"#<>`".contains(byte) {
                assert_eq!(answer.status, 400, "{before}{byte}");
                peer.half_close();
                peer = over.connect(&server);
            } else {
                assert_eq!((answer.status, answer.text()), (200, path), "{before}{byte}");
            }
        }
    }
}

fn s09_blanks_before_a_chunk_extension_are_ignored(over: Over) {
    alone!();
    let server = || {
        Server::new(|w: &mut ResponseWriter, r: &mut Request| {
            let body = r.body_mut().read_text(100)?;
            Ok(w.write_all(body.as_bytes())?)
        })
    };
    also_in_memory(over, server, |peer| {
        for chunk in ["2 ; a=b", "2\t;a", "2;a = b", "2 \t ; a ; b = \"c\"", "02 ;"] {
            let head = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            peer.send(format!("{head}{chunk}\r\nhi\r\n0 ; last\r\n\r\n"));
            assert_eq!(peer.expect(200), "hi", "{chunk}");
        }
    });
}

/// Such clients once had the address that the socket reports: `::ffff:127.0.0.1`.
#[test]
fn h05_ipv4_clients_of_a_dual_stack_listener_have_ipv4_addresses() {
    alone!();
    let (report, connections) = super::reports();
    let server = Server::new(|w: &mut ResponseWriter, r: &mut Request| {
        let (remote, local) = (r.remote_addr().unwrap(), r.local_addr().unwrap());
        Ok(write!(w, "{remote} {local}")?)
    });
    let server = server.on_connection_state(move |connection, state| {
        if state == ConnState::New {
            report.send(connection.remote_addr().to_string()).unwrap();
        }
    });
    let listening = server.listen((Ipv6Addr::UNSPECIFIED, 0)).expect("a dual-stack listener");
    let server = TestServer::listening(listening);
    let port = server.addr().port();
    for ip in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
        let at = SocketAddr::new(ip, port);
        let stream = TcpStream::connect(at).expect("a listener for both families");
        let mut peer = RawClient::over(stream.into());
        let own = peer.stream().local_addr().unwrap();
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(peer.expect(200), format!("{own} {at}"));
        assert_eq!(super::next(&connections), own.to_string());
    }
}
