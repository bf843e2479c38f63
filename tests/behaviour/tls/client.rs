//! The client over TLS.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use hangup::TlsVersion;
use hangup::testing::TestServer;
use hangup::tls::{Acceptor, ClientCertificates, Connector, Roots};
use hangup::{
    Client, Context, ErrorKind, Request, ResponseExt, ResponseWriter, Result, Server, TimeLimit,
};

use super::raw_tls::RawTlsServer;
use super::{RawTls, acceptor, connector, identity_of, trusting};
use crate::support::alone;
use crate::support::scripted_server::{eventually, in_background};

fn ok(w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    Ok(w.write_all(b"ok")?)
}

fn server() -> TestServer {
    TestServer::with(Server::new(ok).tls(acceptor()))
}

fn text(response: Result<hangup::Response>) -> String {
    response.expect("a response").body_mut().read_text(1000).expect("a whole body")
}

#[test]
fn tls_a_connection_is_reused_and_a_session_resumed() {
    alone!();
    let server = server();
    let client = Client::builder().tls(connector()).build();
    for reused in [false, true] {
        let response = client.get(server.url("/")).send().unwrap();
        assert_eq!(response.is_connection_reused(), reused);
        let tls = response.tls().expect("it came by TLS").clone();
        assert_eq!((tls.version(), tls.alpn()), (TlsVersion::Tls13, Some("http/1.1")));
        assert_eq!(tls.peer_certificates().len(), 1);
        let timings = response.timings().unwrap();
        assert_eq!(timings.secure.is_zero(), reused, "{timings:?}");
        assert_eq!(text(Ok(response)), "ok");
    }
    client.close_idle_connections();
    let response = client.get(server.url("/")).send().unwrap();
    assert!(!response.is_connection_reused() && response.tls().unwrap().is_resumed());
    let plain = TestServer::new(ok);
    assert!(client.get(plain.url("/")).send().unwrap().tls().is_none());
}

#[test]
fn tls_connections_are_shared_only_by_requests_of_the_same_connector() {
    alone!();
    let server = server();
    let client = Client::builder().tls(connector()).build();
    let other = Connector::builder().dangerously_accept_any_certificate().build().unwrap();
    let reused = |connector: &Connector| {
        let response = client.get(server.url("/")).tls(connector).send().unwrap();
        let reused = response.is_connection_reused();
        text(Ok(response));
        reused
    };
    assert!(!reused(&connector()));
    assert!(!reused(&other));
    assert!(reused(&connector()) && reused(&other));
    assert_eq!(client.idle_connections(), 2);
}

#[test]
fn tls_the_error_says_what_is_wrong_with_a_certificate() {
    alone!();
    let server = server();
    let unknown = Client::builder().tls(trusting(&identity_of(&["127.0.0.1"]).1)).build();
    let error = unknown.get(server.url("/")).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UntrustedCertificate);
    assert!(error.is_connect() && error.to_string().contains("127.0.0.1"), "{error}");
    // The default roots do not include the tests' authority.
    let error = Client::new().get(server.url("/")).send().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::UntrustedCertificate | ErrorKind::InvalidTlsConfig),
        "{error}"
    );
    let resolver = |_: &str, port: u16, _: &Context| Ok(vec![(Ipv4Addr::LOCALHOST, port).into()]);
    let elsewhere = Client::builder().tls(connector()).resolver(resolver).build();
    let url = server.url("/").replace("127.0.0.1", "example.org");
    let error = elsewhere.get(url).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UntrustedCertificate);
    assert!(error.to_string().contains("example.org"), "{error}");
    let insecure = Connector::builder().dangerously_accept_any_certificate().build().unwrap();
    assert_eq!(text(Client::new().get(server.url("/")).tls(&insecure).send()), "ok");
}

#[test]
fn tls_an_expired_certificate_is_not_trusted() {
    alone!();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let pem = params.self_signed(&key).unwrap().pem();
    let identity = hangup::tls::Identity::from_pem(&pem, key.serialize_pem()).unwrap();
    let server = TestServer::with(Server::new(ok).tls(Acceptor::new(identity).unwrap()));
    let client = Client::builder().tls(trusting(&pem)).build();
    let error = client.get(server.url("/")).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UntrustedCertificate);
    assert!(error.to_string().contains("expired"), "{error}");
}

#[test]
fn tls_a_client_certificate_is_presented() {
    alone!();
    let (identity, server_pem) = identity_of(&["127.0.0.1"]);
    let (own, own_pem) = identity_of(&["client"]);
    let clients = ClientCertificates::Required(own_pem.into_bytes());
    let acceptor = Acceptor::builder(identity).client_certificates(clients).build().unwrap();
    let server = TestServer::with(Server::new(ok).tls(acceptor));
    let connector = || Connector::builder().roots(Roots::only_pem(&server_pem).unwrap());
    let known = Client::builder().tls(connector().identity(own).build().unwrap()).build();
    assert_eq!(text(known.get(server.url("/")).send()), "ok");
    // The server's refusal comes when the client takes the handshake to be done.
    let unknown = Client::builder().tls(connector().build().unwrap()).build();
    let error = unknown.get(server.url("/")).send().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Receive | ErrorKind::Send), "{error:?}");
}

/// Returns a listener whose handshakes never end.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    (listener, url)
}

#[test]
fn tls_the_handshake_has_a_separate_time_limit() {
    alone!();
    let (_listener, url) = silent();
    let limit = Duration::from_millis(20);
    let client = Client::builder().tls(connector()).tls_handshake_timeout(limit).build();
    let error = client.get(&url).send().unwrap_err();
    assert_eq!(error.timed_out(), Some(TimeLimit::TlsHandshake));
    let error = Client::new().get(&url).timeout(limit).send().unwrap_err();
    assert_eq!(error.timed_out(), Some(TimeLimit::Call));
}

#[test]
fn tls_cancel_ends_a_call_in_its_handshake() {
    alone!();
    let (listener, url) = silent();
    let client = Client::builder().tls(connector()).build();
    let context = Context::new();
    let call = in_background({
        let (client, context) = (client.clone(), context.clone());
        move || client.get(&url).context(&context).send()
    });
    let (mut peer, _) = listener.accept().unwrap();
    // It has said hello, and waits for the answer.
    peer.read_exact(&mut [0; 5]).unwrap();
    context.cancel();
    assert!(call.finish().unwrap_err().is_cancelled());
    // The dial may still be of use to the next call, until the client goes.
    drop(client);
    while peer.read(&mut [0; 1000]).unwrap() > 0 {}
}

#[test]
fn tls_the_error_says_that_the_peer_speaks_no_tls() {
    alone!();
    let plain = TestServer::new(ok);
    let url = plain.url("/").replace("http:", "https:");
    let client = Client::builder().tls(connector()).build();
    let error = client.get(url).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TlsHandshake, "{error}");
}

/// Requests `/` from `peers`, which send `answer` before `leave`.
fn ask(answer: &'static str, leave: fn(&mut RawTls)) -> Result<String> {
    let peers = RawTlsServer::new();
    let client = Client::builder().tls(trusting(peers.pem())).build();
    let url = peers.url("/");
    let call = in_background(move || -> Result<String> {
        let mut response = client.get(url).send()?;
        response.body_mut().read_text(1000)
    });
    let mut peer = peers.accept();
    assert!(peer.expect_head().starts_with("GET / HTTP/1.1"));
    peer.send(answer);
    leave(&mut peer);
    call.finish()
}

#[test]
fn tls_a_cut_stream_does_not_end_a_body_without_a_length() {
    alone!();
    let unframed = "HTTP/1.1 200 OK\r\n\r\nwhole";
    assert_eq!(ask(unframed, RawTls::close_notify).unwrap(), "whole");
    let error = ask(unframed, |peer| peer.cut()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IncompleteBody, "{error}");
    // It spoke of a last chunk, in a body that has no chunks.
    let cause = error.cause().expect("a cause");
    assert_eq!(cause.to_string(), "body incomplete: the stream was cut off");
}

#[test]
fn tls_a_framed_body_is_whole_however_the_stream_ends() {
    alone!();
    for framed in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n",
    ] {
        assert_eq!(ask(framed, RawTls::close_notify).unwrap(), "whole");
        assert_eq!(ask(framed, |peer| peer.cut()).unwrap(), "whole");
    }
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nwhole";
    assert_eq!(ask(short, |peer| peer.cut()).unwrap_err().kind(), ErrorKind::IncompleteBody);
    assert_eq!(ask("", |peer| peer.cut()).unwrap_err().kind(), ErrorKind::EmptyReply);
    assert_eq!(ask("", RawTls::close_notify).unwrap_err().kind(), ErrorKind::EmptyReply);
}

/// A server may send tickets and key updates at any time. An idle connection stays usable.
#[test]
fn tls_records_without_data_do_not_prevent_reuse() {
    alone!();
    let peers = RawTlsServer::new();
    let client = Client::builder().tls(trusting(peers.pem())).build();
    let get = |client: &Client| {
        let (client, url) = (client.clone(), peers.url("/"));
        in_background(move || text(client.get(url).send()))
    };
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let call = get(&client);
    let mut peer = peers.accept();
    peer.expect_head();
    peer.send(answer);
    peer.update_keys();
    assert_eq!(call.finish(), "ok");
    peer.update_keys();
    eventually("it is idle", || client.idle_connections() == 1);
    for _ in 0..3 {
        let call = get(&client);
        peer.expect_head();
        peer.send(answer);
        peer.update_keys();
        assert_eq!(call.finish(), "ok");
    }
    assert_eq!(client.idle_connections(), 1);
}

#[test]
fn tls_an_idle_connection_that_ends_is_dropped_without_a_warning() {
    alone!();
    let peers = RawTlsServer::new();
    let client = Client::builder().tls(trusting(peers.pem())).build();
    for leave in [RawTls::close_notify as fn(&mut RawTls), |peer| peer.cut(), |peer| peer.reset()] {
        let call = in_background({
            let (client, url) = (client.clone(), peers.url("/"));
            move || text(client.get(url).send())
        });
        let mut peer = peers.accept();
        peer.expect_head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        assert_eq!(call.finish(), "ok");
        leave(&mut peer);
        eventually("it is out of the pool", || client.idle_connections() == 0);
    }
}
