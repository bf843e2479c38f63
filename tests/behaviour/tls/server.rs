//! The server over TLS.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crossbeam_channel::{bounded, unbounded};
use hangup::net::Duplex;
use hangup::server::ConnState::{self, Active, Closed, Idle, New};
use hangup::testing::TestServer;
use hangup::tls::{Acceptor, ClientCertificates, Connector, Roots};
use hangup::{Client, Request, RequestExt, ResponseExt, ResponseWriter, Result, Server};

use super::raw_tls::serve;
use super::{RawTls, acceptor, connector, identity_of, trusting};
use crate::support::{PATIENCE, RawClient, alone};

fn path(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    Ok(w.write_all(r.uri().path().as_bytes())?)
}

fn client() -> Client {
    Client::builder().tls(connector()).build()
}

fn text(response: Result<hangup::Response>) -> String {
    response.expect("a response").body_mut().read_text(1000).expect("a whole body")
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn tls_the_handler_sees_the_tls_info() {
    alone!();
    let (identity, server_pem) = identity_of(&["localhost", "127.0.0.1"]);
    let (of_client, client_pem) = identity_of(&["client"]);
    let clients = ClientCertificates::Optional(client_pem.into_bytes());
    let acceptor = Acceptor::builder(identity).client_certificates(clients).build().unwrap();
    let server = Server::new(|w: &mut ResponseWriter, r: &mut Request| {
        let tls = r.tls().expect("it came by TLS");
        let name = tls.server_name().unwrap_or("no name").to_owned();
        let certificates = tls.peer_certificates().len();
        Ok(write!(w, "{} {name} {certificates} {:?}", tls.version(), tls.alpn())?)
    });
    let server = TestServer::with(server.tls(acceptor));
    let roots = || Connector::builder().roots(Roots::only_pem(&server_pem).unwrap());
    let anonymous = Client::builder().tls(roots().build().unwrap()).build();
    let named = server.url("/").replace("127.0.0.1", "localhost");
    assert_eq!(text(anonymous.get(&named).send()), "TLSv1.3 localhost 0 Some(\"http/1.1\")");
    assert_eq!(text(anonymous.get(server.url("/")).send()), "TLSv1.3 no name 0 Some(\"http/1.1\")");
    let known = Client::builder().tls(roots().identity(of_client).build().unwrap()).build();
    assert_eq!(text(known.get(&named).send()), "TLSv1.3 localhost 1 Some(\"http/1.1\")");
}

#[test]
fn tls_plain_http_gets_a_400_that_names_https() {
    alone!();
    let (report, states) = unbounded();
    let server = Server::new(path).tls(acceptor());
    let server =
        TestServer::with(server.on_connection_state(move |_, state| report.send(state).unwrap()));
    let told_so = |script: &dyn Fn(&mut RawClient)| {
        let mut peer = RawClient::connect(&server);
        script(&mut peer);
        peer.expect_end();
        drop(peer);
        let seen: Vec<ConnState> = states.iter().take(2).collect();
        assert_eq!(seen, [New, Closed]);
    };
    told_so(&|peer| {
        let answer = peer.send(GET).expect_response();
        assert_eq!((answer.status, answer.field("connection")), (400, Some("close")));
        assert!(answer.field("date").is_some());
        assert!(answer.text().contains("HTTPS"), "{answer:?}");
    });
    told_so(&|peer| {
        let answer = peer.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").expect_head();
        assert_eq!(answer.status, 400);
    });
    // More than is looked at: closing must not turn the answer into a reset.
    told_so(&|peer| {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
        peer.send_in_vain(format!("{head}{}", "x".repeat(100_000)));
        assert_eq!(peer.expect_response().status, 400);
    });
}

/// A server that performs handshakes on the accepting thread lets one silent client block all others.
#[test]
fn tls_silent_clients_block_no_other_and_are_closed() {
    alone!(waits);
    let limit = Duration::from_secs(2);
    let server = TestServer::with(Server::new(path).tls(acceptor()).tls_handshake_timeout(limit));
    let mut silent: Vec<_> = (0..5).map(|_| TcpStream::connect(server.addr()).unwrap()).collect();
    // A record that never ends is silence, too.
    silent[0].write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
    let client = client();
    let begun = Instant::now();
    assert_eq!(text(client.get(server.url("/a")).send()), "/a");
    assert!(begun.elapsed() < limit * 3 / 4, "it had to wait for the silent ones");
    for mut socket in silent {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        // The client that had begun a handshake gets a TLS alert.
        let mut last_words = Vec::new();
        socket.read_to_end(&mut last_words).unwrap();
        assert!(last_words.len() < 10, "{last_words:?}");
    }
    assert_eq!(text(client.get(server.url("/b")).send()), "/b");
}

#[test]
fn tls_a_shutdown_does_not_wait_for_a_handshake() {
    alone!();
    let (report, states) = unbounded();
    let server = Server::new(path).tls(acceptor()).tls_handshake_timeout(None);
    let server =
        TestServer::with(server.on_connection_state(move |_, state| report.send(state).unwrap()));
    let _silent = TcpStream::connect(server.addr()).unwrap();
    assert_eq!(states.recv_timeout(PATIENCE).unwrap(), New);
    server.handle().shutdown(Duration::from_millis(50));
    assert_eq!(states.recv_timeout(PATIENCE).unwrap(), Closed);
}

#[test]
fn tls_one_connection_too_many_gets_503() {
    alone!();
    let (report, begun) = unbounded();
    let (go, gone) = crossbeam_channel::bounded::<()>(0);
    let busy = move |w: &mut ResponseWriter, r: &mut Request| {
        report.send(()).unwrap();
        let _ = gone.recv_timeout(PATIENCE);
        path(w, r)
    };
    let server = TestServer::with(Server::new(busy).tls(acceptor()).max_connections(1));
    let url = server.url("/");
    let first = std::thread::spawn(move || text(client().get(url).send()));
    begun.recv_timeout(PATIENCE).unwrap();
    let second = Client::builder().tls(connector()).build();
    assert_eq!(second.get(server.url("/")).send().unwrap().status(), 503);
    drop(go);
    assert_eq!(first.join().unwrap(), "/");
}

#[test]
fn tls_certificates_are_renewed_while_the_server_runs() {
    alone!();
    let (old, old_pem) = identity_of(&["127.0.0.1"]);
    let (new, new_pem) = identity_of(&["127.0.0.1"]);
    let acceptor = Acceptor::new(old).unwrap();
    let server = TestServer::with(Server::new(path).tls(acceptor.clone()));
    let early = Client::builder().tls(trusting(&old_pem)).build();
    assert_eq!(text(early.get(server.url("/")).send()), "/");
    acceptor.replace(&Acceptor::new(new).unwrap());
    let late = Client::builder().tls(trusting(&new_pem)).build();
    assert_eq!(text(late.get(server.url("/")).send()), "/");
    let response = early.get(server.url("/")).send();
    assert!(response.as_ref().unwrap().is_connection_reused(), "it is not touched");
    text(response);
    let too_late = Client::builder().tls(trusting(&old_pem)).build();
    let error = too_late.get(server.url("/")).send().unwrap_err();
    assert_eq!(error.kind(), hangup::ErrorKind::UntrustedCertificate);
}

/// A record with half a request arrives during a background read.
#[test]
fn tls_a_request_may_be_split_over_records() {
    alone!();
    let (release, released) = bounded::<()>(0);
    let (report, seen) = unbounded();
    let (server, pem) = serve(Server::new(move |w: &mut ResponseWriter, r: &mut Request| {
        if r.uri().path() == "/wait" {
            let (context, notify) = (r.context(), r.close_notify());
            report.send("begun").unwrap();
            notify.recv_timeout(PATIENCE).expect("the next request begins");
            report.send("next").unwrap();
            released.recv_timeout(PATIENCE).expect("to be released");
            assert!(!context.is_done(), "it has not gone away");
        }
        path(w, r)
    }));
    let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    for cut in [1, 4, next.len() - 1] {
        let mut peer = RawTls::connect(&server, &pem);
        peer.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(seen.recv_timeout(PATIENCE), Ok("begun"));
        let (begin, rest) = next.split_at(cut);
        // The first half comes byte by byte: each is less than a record.
        for byte in peer.records(begin) {
            peer.send_records(&[byte]);
        }
        assert_eq!(seen.recv_timeout(PATIENCE), Ok("next"));
        peer.send(rest);
        release.send_timeout((), PATIENCE).unwrap();
        assert!(peer.expect_head().starts_with("HTTP/1.1 200"));
        peer.expect_text("/wait");
        assert!(peer.expect_head().starts_with("HTTP/1.1 200"));
        peer.expect_text("/next");
    }
}

/// A key update makes the socket readable without a byte of data.
#[test]
fn tls_a_record_without_data_is_no_request_and_no_hangup() {
    alone!();
    let (release, released) = bounded::<()>(0);
    let (report, seen) = unbounded();
    let (server, pem) = serve(Server::new(move |w: &mut ResponseWriter, r: &mut Request| {
        let (context, notify) = (r.context(), r.close_notify());
        report.send(()).unwrap();
        released.recv_timeout(PATIENCE).expect("to be released");
        assert!(!context.is_done() && notify.is_empty());
        path(w, r)
    }));
    let mut peer = RawTls::connect(&server, &pem);
    for _ in 0..3 {
        peer.send(GET);
        seen.recv_timeout(PATIENCE).unwrap();
        peer.update_keys();
        release.send_timeout((), PATIENCE).unwrap();
        assert!(peer.expect_head().starts_with("HTTP/1.1 200"));
        peer.expect_text("/");
        // And between two requests.
        peer.update_keys();
    }
}

#[test]
fn tls_the_context_ends_with_a_close_notify_a_cut_and_a_reset() {
    alone!();
    let (begin, begun) = unbounded();
    let (report, seen) = unbounded();
    let (server, pem) = serve(Server::new(move |_: &mut ResponseWriter, r: &mut Request| {
        let context = r.context();
        begin.send(()).unwrap();
        report.send(context.wait_timeout(PATIENCE).map(|why| why.to_string())).unwrap();
        Ok(())
    }));
    let ends = |leave: fn(&mut RawTls), why: &str| {
        let mut peer = RawTls::connect(&server, &pem);
        peer.send(GET);
        begun.recv_timeout(PATIENCE).unwrap();
        leave(&mut peer);
        let ended = seen.recv_timeout(PATIENCE).unwrap().expect("the context ends");
        assert!(ended.contains(why), "{ended}");
    };
    ends(RawTls::close_notify, "the client closed the connection");
    ends(|peer| peer.cut(), "the connection to the client failed");
    ends(RawTls::reset, "the connection to the client failed");
}

#[test]
fn tls_hijack_gives_the_encrypted_stream() {
    alone!();
    fn echo(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
        let _context = r.context();
        let (stream, received) = w.hijack()?.into_parts();
        let stream = stream.into_tcp().expect_err("a TCP stream would be the encrypted bytes");
        assert!(stream.tls().is_some());
        (&stream).write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
        (&stream).write_all(&received)?;
        std::io::copy(&mut &stream, &mut &stream)?;
        Ok(stream.shutdown(Shutdown::Write)?)
    }
    let (server, pem) = serve(Server::new(echo));
    let mut peer = RawTls::connect(&server, &pem);
    peer.send(format!("{GET}right behind it"));
    assert!(peer.expect_head().starts_with("HTTP/1.1 101"));
    peer.expect_text("right behind it");
    peer.send("later");
    peer.expect_text("later");
    peer.close_notify();
    assert_eq!(peer.read(&mut [0]).unwrap(), 0, "a close_notify answers it");
}

#[test]
fn tls_an_upgrade_gives_a_duplex_on_both_sides() {
    alone!();
    let server = Server::new(|w: &mut ResponseWriter, _: &mut Request| {
        let mut stream: Duplex = w.hijack()?;
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello ")?;
        let mut name = [0; 5];
        stream.read_exact(&mut name)?;
        Ok(stream.write_all(&name)?)
    });
    let server = TestServer::with(server.tls(acceptor()));
    let request = client().get(server.url("/")).header("upgrade", "x").send();
    let mut stream = request.unwrap().take_duplex().expect("a connection");
    stream.write_all(b"world").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("a close_notify at its end");
    assert_eq!(said, "hello world");
}

#[test]
fn tls_works_over_memory_streams() {
    alone!();
    let (near, far) = hangup::testing::stream_pair();
    let handle = Server::new(path).tls(acceptor()).serve_stream(far);
    let context = hangup::Context::new();
    let stream = connector().connect(near, "localhost", PATIENCE, &context).unwrap();
    let mut peer = RawClient::over(stream);
    assert_eq!(peer.send(GET).expect(200), "/");
    handle.close();
    assert!(handle.shutdown(PATIENCE));
    peer.expect_end();
}

#[test]
fn tls_states_are_those_of_any_connection() {
    alone!();
    let (report, states) = unbounded();
    let server = Server::new(path).tls(acceptor());
    let server = server.on_connection_state(move |_, state| report.send(state).unwrap());
    let server = TestServer::with(server);
    let client = client();
    text(client.get(server.url("/")).send());
    text(client.get(server.url("/")).send());
    drop(client);
    let seen: Vec<ConnState> = (0..6).map(|_| states.recv_timeout(PATIENCE).unwrap()).collect();
    assert_eq!(seen, [New, Active, Idle, Active, Idle, Closed]);
}
