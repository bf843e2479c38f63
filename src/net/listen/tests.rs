#[cfg(unix)]
mod unix;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use socket2::Domain;

use super::*;
use crate::net::ListenOptions;
use crate::net::stream::tests::blocks;
use crate::sync::channel;

fn port_of(listener: &Listener) -> SocketAddr {
    listener.local_addr().unwrap().ip().unwrap()
}

#[test]
fn an_accepted_socket_has_its_options() {
    let listener = Listener::bind_tcp("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(port_of(&listener)).unwrap();
    let (mut stream, peer) = listener.accept().unwrap().unwrap();
    assert_eq!(peer.ip(), Some(client.local_addr().unwrap()));
    client.write_all(b"hello").unwrap();
    stream.read_exact(&mut [0; 5]).unwrap();

    let socket = stream.into_tcp().unwrap();
    assert!(blocks(&socket));
    let socket = socket2::Socket::from(socket);
    assert!(socket.tcp_nodelay().unwrap());
    assert!(socket.keepalive().unwrap());
}

#[test]
fn close_ends_every_accept_and_frees_the_port() {
    let listener = Listener::bind_tcp("127.0.0.1:0").unwrap();
    let address = port_of(&listener);
    thread::scope(|scope| {
        let (entering, entered) = channel::bounded(2);
        let waiters = [(); 2].map(|()| {
            let (listener, entering) = (&listener, entering.clone());
            scope.spawn(move || {
                entering.send(()).unwrap();
                listener.accept()
            })
        });
        entered.recv().unwrap();
        entered.recv().unwrap();
        listener.close();
        listener.close();
        for waiter in waiters {
            assert!(waiter.join().unwrap().unwrap().is_none());
        }
    });
    assert!(listener.is_closed());
    assert!(listener.accept().unwrap().is_none());
    assert_eq!(listener.local_addr().unwrap().ip(), Some(address));
    // Binds without the option to share an address, while the old handle still exists.
    let plain = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    plain.bind(&address.into()).unwrap();
}

#[test]
fn a_port_can_be_bound_again_at_once() {
    let listener = Listener::bind_tcp("127.0.0.1:0").unwrap();
    let address = port_of(&listener);
    let client = TcpStream::connect(address).unwrap();
    // The side that closes first enters TIME_WAIT.
    drop(listener.accept().unwrap().unwrap());
    drop(listener);
    let again = Listener::bind_tcp(address).unwrap();
    assert_eq!(Listener::bind_tcp(port_of(&again)).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    drop(client);
}

#[test]
fn the_unspecified_ipv6_address_accepts_ipv4() {
    // Skipped on a machine without IPv6.
    let Ok(listener) = Listener::bind_tcp("[::]:0") else { return };
    let port = port_of(&listener).port();
    let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert!(listener.accept().unwrap().is_some());
}

/// Listens twice on one port, first for IPv6 alone. Returns `None` if that fails again and again.
fn both_families() -> Option<[Listener; 2]> {
    // A port that is free for IPv6 may be in use for IPv4.
    (0..100).find_map(|_| {
        let ipv6 = ListenOptions::new().only_ipv6(true).bind_tcp("[::]:0").ok()?;
        let ipv4 = Listener::bind_tcp(("0.0.0.0", port_of(&ipv6).port())).ok()?;
        Some([ipv6, ipv4])
    })
}

#[test]
fn h14_an_ipv6_address_may_leave_ipv4_to_another_listener() {
    if Listener::bind_tcp("[::]:0").is_err() {
        return;
    }
    let [ipv6, ipv4] = both_families().expect("a port that is free for both");
    let port = port_of(&ipv6).port();
    for (listener, host) in [(&ipv4, "127.0.0.1"), (&ipv6, "::1"), (&ipv4, "127.0.0.1")] {
        let client = TcpStream::connect((host, port)).unwrap();
        let (_, peer) = listener.accept().unwrap().unwrap();
        assert_eq!(peer.ip(), Some(client.local_addr().unwrap()));
    }
}

#[test]
fn h15_a_stopped_listener_accepts_queued_connections_only() {
    let listener = Listener::bind_tcp("127.0.0.1:0").unwrap();
    let _clients = [(); 3].map(|()| TcpStream::connect(port_of(&listener)).unwrap());
    listener.stop();
    for _ in 0..3 {
        assert!(listener.accept().unwrap().is_some());
    }
    assert!(listener.accept().unwrap().is_none());
}

#[test]
fn errors_of_one_connection_and_shortages_are_transient() {
    use rustix::io::Errno;
    for error in [Errno::CONNABORTED, Errno::CONNRESET, Errno::MFILE, Errno::NOBUFS] {
        assert!(is_transient(&error.into()), "{error:?}");
    }
    for error in [Errno::MFILE, Errno::NOBUFS] {
        assert!(is_shortage(&error.into()), "{error:?}");
    }
    for error in [Errno::CONNABORTED, Errno::CONNRESET] {
        assert!(!is_shortage(&error.into()), "{error:?}");
    }
    for error in [Errno::BADF, Errno::INVAL, Errno::NOTSOCK] {
        assert!(!is_transient(&error.into()), "{error:?}");
    }
    assert!(!is_transient(&io::Error::other("no number at all")));
}

/// The network of a Windows system fails as a whole. Accepting again at once would fail again.
#[cfg(windows)]
#[test]
fn a_failed_network_is_waited_for_on_windows() {
    let down = io::Error::from(rustix::io::Errno::NETDOWN);
    assert!(is_shortage(&down) && is_transient(&down));
}
