//! Dialers and resolvers.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use hangup::net::{Dial, DialError, DialOptions, Dialed, Resolve, Resolver, Stream, Target};
use hangup::{Client, Context, ErrorKind, ResponseExt, TimeLimit};
use parking_lot::Mutex;

use crate::client::{get, text};
use crate::support::alone;
use crate::support::scripted_server::Peers;

/// Leads every host to one address.
struct Pinned(SocketAddr);

impl Dial for Pinned {
    fn dial(&self, target: &Target, _: &Context) -> Result<Dialed, DialError> {
        assert_eq!(target.to_string(), "unknown.invalid:80");
        Ok(Dialed::new(Stream::from(TcpStream::connect(self.0).map_err(DialError::System)?)))
    }
}

/// Answers for one host, and asks the system for every other.
struct Hosts {
    system: Resolver,
    address: SocketAddr,
}

impl Resolve for Hosts {
    fn resolve(&self, host: &str, port: u16, context: &Context) -> io::Result<Vec<SocketAddr>> {
        match host {
            "unknown.invalid" => Ok(vec![self.address]),
            _ => self.system.resolve(host, port, context),
        }
    }
}

#[test]
fn a_dialer_makes_the_connections() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().dialer(Pinned(peers.addr())).build();
    let mut peer = None;
    for path in ["/a", "/b"] {
        let call = get(&client, format!("http://unknown.invalid{path}"));
        let peer = peer.get_or_insert_with(|| peers.accept());
        let request = peer.expect_request(&format!("GET {path} "));
        assert_eq!(request.field("host"), Some("unknown.invalid"));
        peer.answer(200, "ok");
        let response = call.finish().unwrap();
        assert_eq!(response.remote_addr().unwrap().ip(), Some(peers.addr()));
        assert_eq!(text(Ok(response)), "ok");
    }
}

#[test]
fn a_dialer_wraps_the_crates_own() {
    alone!();
    let peers = Peers::new();
    let (own, seen) = (DialOptions::new(), std::sync::Arc::new(Mutex::new(Vec::new())));
    let log = std::sync::Arc::clone(&seen);
    let client = Client::builder()
        .dialer(move |target: &Target, context: &Context| -> Result<Dialed, DialError> {
            log.lock().push(target.to_string());
            own.dial(target, context)
        })
        .build();
    let call = get(&client, peers.url("/a"));
    let mut peer = peers.accept();
    peer.expect_request("GET /a ");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    assert_eq!(*seen.lock(), [peers.addr().to_string()]);
}

#[test]
fn a_dialer_is_held_to_the_limit_for_connecting() {
    alone!();
    let client = Client::builder()
        .connect_timeout(Duration::from_millis(20))
        .dialer(|_: &Target, context: &Context| -> Result<Dialed, DialError> {
            Err(DialError::Cancelled(context.wait()))
        })
        .build();
    let error = client.get("http://unknown.invalid/").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Connect));
}

#[test]
fn the_panic_of_a_dialer_is_an_error_of_the_call() {
    alone!();
    let client = Client::builder()
        .dialer(|_: &Target, _: &Context| -> Result<Dialed, DialError> { panic!("no way") })
        .max_connections_per_host(1)
        .build();
    for _ in 0..2 {
        let error = client.get("http://unknown.invalid/").send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert!(error.to_string().contains("the dialer panicked"), "{error}");
    }
}

#[test]
fn a_resolver_finds_the_addresses() {
    alone!();
    let peers = Peers::new();
    let hosts = Hosts { system: Resolver::system(), address: peers.addr() };
    let client = Client::builder().resolver(hosts).build();
    let call = get(&client, "http://unknown.invalid/a".to_owned());
    let mut peer = peers.accept();
    peer.expect_request("GET /a ");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}
