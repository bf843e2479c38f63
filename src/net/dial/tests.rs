#[cfg(target_os = "linux")]
mod linux;
#[cfg(unix)]
mod unix;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::thread;

use socket2::{Domain, Type};

use super::*;
use crate::net::stream::tests::blocks;

/// An address that never accepts: its listener's queue is full, so the system drops SYNs.
struct BlackHole {
    address: SocketAddr,
    _listener: socket2::Socket,
    _queued: Vec<socket2::Socket>,
}

impl BlackHole {
    fn new(ip: IpAddr) -> Self {
        let listener =
            socket2::Socket::new(Domain::for_address((ip, 0).into()), Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::new(ip, 0).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut queued = Vec::new();
        // A queue of length 0 holds one or two connections.
        loop {
            let socket =
                socket2::Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
            let limit = Duration::from_millis(100);
            let connected = socket.connect_timeout(&address.into(), limit);
            if connected.is_err() {
                return Self { address, _listener: listener, _queued: queued };
            }
            queued.push(socket);
        }
    }
}

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn host() -> Target {
    Target::Host { host: "x.test".to_owned(), port: 80 }
}

/// Returns options that resolve every name to these addresses.
fn resolving_to(addresses: &[SocketAddr]) -> DialOptions {
    let addresses = addresses.to_vec();
    let resolver = Resolver::new(move |_: &str, _: u16, _: &Context| Ok(addresses.clone()));
    DialOptions::new().resolver(resolver)
}

/// Returns an address without a listener.
fn refusing() -> SocketAddr {
    TcpListener::bind((V4, 0)).unwrap().local_addr().unwrap()
}

#[test]
fn a_dialled_socket_is_blocking_and_has_its_options() {
    let listener = TcpListener::bind((V4, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let options = resolving_to(&[address]);
    let dialed = dial(&host(), &options, &Context::new()).unwrap();
    assert_eq!(dialed.remote, Addr::Ip(address));
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"hello").unwrap();
    let mut stream = dialed.stream;
    stream.read_exact(&mut [0; 5]).unwrap();
    let socket = stream.into_tcp().unwrap();
    assert!(blocks(&socket));
    let socket = socket2::Socket::from(socket);
    assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
}

#[test]
fn the_other_family_is_tried_at_once_after_a_failure() {
    let Ok(listener) = TcpListener::bind((V6, 0)) else { return };
    let answering = listener.local_addr().unwrap();
    let mut options = resolving_to(&[refusing(), answering]);
    options.fallback_delay = Duration::from_secs(600);
    let dialed = dial(&host(), &options, &Context::new()).unwrap();
    assert_eq!(dialed.remote, Addr::Ip(answering));
}

#[test]
fn a_silent_address_gets_only_its_share_of_the_time() {
    let hole = BlackHole::new(V4);
    let listener = TcpListener::bind((V4, 0)).unwrap();
    let answering = listener.local_addr().unwrap();
    let mut options = resolving_to(&[hole.address, answering]);
    options.connect_timeout = Some(Duration::from_millis(1600));
    let dialed = dial(&host(), &options, &Context::new()).unwrap();
    assert_eq!(dialed.remote, Addr::Ip(answering));
    // The first of two addresses got half of the time that the look-up had left.
    assert!(dialed.resolved_in + dialed.connected_in >= Duration::from_millis(790), "{dialed:?}");
}

#[test]
fn the_error_lists_every_address() {
    let (one, other) = (refusing(), refusing());
    let error = dial(&host(), &resolving_to(&[one, other]), &Context::new()).unwrap_err();
    let DialError::Connect { tried, .. } = &error else { panic!("{error}") };
    assert!(tried.iter().all(|(_, error)| error.kind() == io::ErrorKind::ConnectionRefused));
    let text = error.to_string();
    assert!(text.starts_with("cannot connect to x.test:80: "), "{text}");
    assert!(text.contains(&one.to_string()) && text.contains(&other.to_string()), "{text}");
}

#[test]
fn a_timeout_names_its_phase() {
    let hole = BlackHole::new(V4);
    // A literal address needs no thread for a look-up, which a busy machine might not run in time.
    let target = Target::host(hole.address.ip().to_string(), hole.address.port());
    let options = DialOptions::new().connect_timeout(Duration::from_millis(100));
    let error = dial(&target, &options, &Context::new()).unwrap_err();
    assert!(matches!(error, DialError::TimedOut(Phase::Connect)), "{error}");
    assert_eq!(error.to_string(), "timed out while connecting");
}

#[test]
fn a_context_ends_a_dial() {
    let hole = BlackHole::new(V4);
    let options = resolving_to(&[hole.address]);
    let context = Context::new();
    thread::scope(|scope| {
        let dialing = scope.spawn(|| dial(&host(), &options, &context));
        // The cancel must reach the dial before and during its connect.
        context.cancel();
        let error = dialing.join().unwrap().unwrap_err();
        assert!(matches!(&error, DialError::Cancelled(why) if why.is_cancelled()), "{error}");
    });
    let error = dial(&host(), &options, &Context::with_timeout(Duration::from_millis(20)));
    assert!(
        matches!(&error, Err(DialError::Cancelled(why)) if why.is_deadline_exceeded()),
        "{error:?}"
    );
}

#[test]
fn the_local_address_is_used() {
    let listener = TcpListener::bind((V4, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let mut options = resolving_to(&[address]);
    options.local_addr = Some(V4);
    let dialed = dial(&host(), &options, &Context::new()).unwrap();
    assert_eq!(dialed.stream.local_addr().unwrap().ip().unwrap().ip(), V4);
    options.local_addr = Some(V6);
    let error = dial(&host(), &options, &Context::new()).unwrap_err().to_string();
    assert!(error.contains("other family"), "{error}");
}

#[test]
fn an_ended_context_prevents_a_dial() {
    let asked = |_: &str, _: u16, _: &Context| -> io::Result<_> { panic!("asked") };
    let options = DialOptions::new().resolver(Resolver::new(asked));
    let context = Context::new();
    context.cancel_with("enough");
    let error = dial(&host(), &options, &context).unwrap_err();
    assert_eq!(error.to_string(), "cancelled: enough");
}

#[test]
fn targets_are_displayed_in_the_usual_form() {
    let text = |host: &str| Target::Host { host: host.to_owned(), port: 80 }.to_string();
    assert_eq!(text("example.org"), "example.org:80");
    assert_eq!((text("::1"), text("[::1]")), ("[::1]:80".into(), "[::1]:80".into()));
    assert_eq!(Target::Unix("/run/app".into()).to_string(), "unix:/run/app");
}
