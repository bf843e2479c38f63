//! Resolvers and dialers as another crate writes them, through public paths only.

#![allow(clippy::disallowed_methods, reason = "threads of a test need no name")]

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use hangup::net::Stream;
use hangup::net::{
    Addr, Dial, DialError, DialEvent, DialOptions, Dialed, Phase, Resolve, Resolver, Target,
};
use hangup::{Context, ContextError, testing};
use parking_lot::Mutex;

fn target() -> Target {
    Target::host("service.test", 80)
}

/// Names from a table, and all others from another resolver.
struct Hosts<R> {
    table: HashMap<String, SocketAddr>,
    fallback: R,
}

impl<R: Resolve> Resolve for Hosts<R> {
    fn resolve(&self, host: &str, port: u16, context: &Context) -> io::Result<Vec<SocketAddr>> {
        match self.table.get(host) {
            Some(address) => Ok(vec![*address]),
            None => self.fallback.resolve(host, port, context),
        }
    }
}

#[test]
fn a_resolver_can_wrap_the_systems() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let table = HashMap::from([("service.test".to_owned(), address)]);
    let resolver = Resolver::new(Hosts { table, fallback: Resolver::system() });
    let options = DialOptions::new().resolver(resolver);
    let dialed = options.dial(&target(), &Context::new()).unwrap();
    assert_eq!(dialed.remote, Addr::Ip(address));
    let localhost = Target::host("localhost", address.port());
    options.dial(&localhost, &Context::new()).unwrap();
}

#[test]
fn a_resolver_that_blocks_holds_no_dial() {
    let (gave_up, seen) = crossbeam_channel::bounded(1);
    let blocks = move |_: &str, _: u16, context: &Context| {
        gave_up.send(context.wait()).unwrap();
        Err(io::ErrorKind::Interrupted.into())
    };
    let options = DialOptions::new()
        .connect_timeout(Duration::from_millis(20))
        .resolver(Resolver::new(blocks));
    let error = options.dial(&target(), &Context::new()).unwrap_err();
    assert!(matches!(error, DialError::TimedOut(Phase::Resolve)), "{error}");
    assert!(seen.recv().unwrap().is_cancelled(), "the resolver learns that it may stop");
}

#[test]
fn a_resolver_that_panics_fails_its_dial() {
    let panics = |_: &str, _: u16, _: &Context| -> io::Result<Vec<SocketAddr>> {
        panic!("as the test has it")
    };
    let options = DialOptions::new().resolver(Resolver::new(panics));
    let error = options.dial(&target(), &Context::new()).unwrap_err();
    assert_eq!(error.to_string(), "cannot resolve service.test: the resolver panicked");
}

/// Counts dials, and repeats one that failed.
struct Retrying<D> {
    inner: D,
    dials: AtomicUsize,
}

impl<D: Dial> Dial for Retrying<D> {
    fn dial(&self, target: &Target, context: &Context) -> Result<Dialed, DialError> {
        self.dials.fetch_add(1, Ordering::Relaxed);
        self.inner.dial(target, context).or_else(|_| {
            self.dials.fetch_add(1, Ordering::Relaxed);
            self.inner.dial(target, context)
        })
    }
}

#[test]
fn a_dialer_can_wrap_the_crates() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dialer = Retrying { inner: DialOptions::new(), dials: AtomicUsize::new(0) };
    let closed = Target::host("127.0.0.1", unused.port());
    let error = dialer.dial(&closed, &Context::new()).unwrap_err();
    assert!(matches!(error, DialError::Connect { .. }), "{error}");
    assert_eq!(dialer.dials.into_inner(), 2);
}

/// Speaks to a proxy first, over a TCP connection that it makes itself.
fn through_a_proxy(proxy: SocketAddr) -> impl Dial {
    move |target: &Target, context: &Context| -> Result<Dialed, DialError> {
        if let Some(ended) = context.err() {
            return Err(ended.into());
        }
        let mut tcp = TcpStream::connect(proxy)?;
        writeln!(tcp, "{target}")?;
        let mut verdict = [0];
        tcp.read_exact(&mut verdict)?;
        match &verdict {
            b"+" => Ok(Dialed::new(Stream::from(tcp))),
            _ => Err(DialError::other(format!("proxy {proxy} refused {target}"))),
        }
    }
}

#[test]
fn a_dialer_can_return_a_standard_socket_and_errors_of_its_choice() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap();
    let peer = thread::spawn(move || {
        for verdict in [b"+", b"-"] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = [0; "service.test:80\n".len()];
            stream.read_exact(&mut line).unwrap();
            assert_eq!(line, *b"service.test:80\n");
            stream.write_all(verdict).unwrap();
        }
    });
    let dialer = through_a_proxy(proxy);
    let dialed = dialer.dial(&target(), &Context::new()).unwrap();
    assert_eq!(dialed.remote, Addr::Ip(proxy));
    let error = dialer.dial(&target(), &Context::new()).unwrap_err();
    assert_eq!(error.to_string(), format!("proxy {proxy} refused service.test:80"));
    peer.join().unwrap();
    let ended = Context::new();
    ended.cancel();
    let error = dialer.dial(&target(), &ended).unwrap_err();
    let cancelled = |ended: &ContextError| ended.is_cancelled();
    assert!(matches!(&error, DialError::Cancelled(ended) if cancelled(ended)), "{error}");
}

#[test]
fn c19_the_events_of_a_dial_are_shown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let options = DialOptions::new().on_event(move |event: &DialEvent<'_>| {
        noted.lock().push(match event {
            DialEvent::Resolving { host, .. } => format!("resolving {host}"),
            DialEvent::Resolved { addresses, .. } => format!("{} or more", addresses.len().min(1)),
            DialEvent::Connecting { .. } => "connecting".to_owned(),
            DialEvent::Connected { address, .. } => format!("connected to {address}"),
            // The other family has no listener.
            _ => return,
        });
    });
    options.dial(&Target::host("localhost", port), &Context::new()).unwrap();
    let mut texts = std::mem::take(&mut *seen.lock());
    texts.dedup();
    let connected = format!("connected to 127.0.0.1:{port}");
    assert_eq!(texts, ["resolving localhost", "1 or more", "connecting", &connected]);
    options.dial(&Target::host("127.0.0.1", port), &Context::new()).unwrap();
    assert_eq!(*seen.lock(), ["connecting", &connected]);
}

#[test]
fn a_dialer_can_return_a_stream_in_memory() {
    let (connecting, peers) = crossbeam_channel::unbounded();
    let dialer: Box<dyn Dial + '_> = Box::new(|_: &Target, _: &Context| {
        let (ours, theirs) = testing::stream_pair();
        connecting.send(theirs).unwrap();
        Ok(Dialed::new(ours))
    });
    let mut dialed = dialer.dial(&Target::unix("/run/app.sock"), &Context::new()).unwrap();
    assert_eq!(dialed.remote, Addr::Memory);
    dialed.stream.write_all(b"x").unwrap();
    peers.recv().unwrap().read_exact(&mut [0]).unwrap();
}

/// Unix sockets, and sockets as descriptors.
#[cfg(unix)]
mod unix {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use hangup::Client;

    use super::*;

    /// A socket of the caller carries requests, whatever it was before it became a stream.
    #[test]
    fn c19_a_dialer_can_return_a_socket_and_a_descriptor_of_the_caller() {
        type Make = fn(UnixStream) -> Stream;
        let makes: [Make; 2] =
            [Stream::from, |unix| Stream::try_from(OwnedFd::from(unix)).expect("a stream socket")];
        for make in makes {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let ours = Mutex::new(Some(ours));
            let client = Client::builder()
                .dialer(move |_: &Target, _: &Context| -> Result<Dialed, DialError> {
                    let own = ours.lock().take().ok_or(DialError::other("only once"))?;
                    Ok(Dialed::new(make(own)))
                })
                .build();
            let call = thread::spawn(move || client.get("http://any.test/").send());
            let mut request = [0; "GET / HTTP/1.1\r\nHost: any.test\r\n".len()];
            theirs.read_exact(&mut request).unwrap();
            assert_eq!(request, *b"GET / HTTP/1.1\r\nHost: any.test\r\n");
            theirs.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
            let mut response = call.join().unwrap().unwrap();
            assert_eq!(response.body_mut().read_text(10).unwrap(), "ok");
        }
    }

    #[test]
    fn c19_a_descriptor_that_is_no_stream_socket_is_refused() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(Stream::try_from(OwnedFd::from(file)).is_err());
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let error = Stream::try_from(OwnedFd::from(udp)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
