use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;

use socket2::Domain;

use super::*;
use crate::sync::channel;

/// Returns an unused path for one test.
fn fresh_path(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("hangup-{}-{name}", std::process::id()));
    let _ = fs::remove_file(&path);
    path
}

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

    let socket = socket2::Socket::from(stream.into_tcp().unwrap());
    assert!(socket.tcp_nodelay().unwrap());
    assert!(socket.keepalive().unwrap());
    assert!(!socket.nonblocking().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE);
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

#[test]
fn a_socket_file_comes_and_goes_with_its_listener() {
    let path = fresh_path("comes-and-goes");
    let listener = Listener::bind_unix(&path).unwrap();
    assert_eq!(listener.local_addr().unwrap(), Addr::Unix(Some(path.clone())));
    let mut client = UnixStream::connect(&path).unwrap();
    let (mut stream, peer) = listener.accept().unwrap().unwrap();
    assert_eq!(peer, Addr::Unix(None));
    client.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    assert_eq!(stream.local_addr().unwrap(), Addr::Unix(Some(path.clone())));
    listener.close();
    assert!(!path.exists());
}

#[test]
fn a_stale_socket_file_is_replaced_and_a_live_one_is_not() {
    let path = fresh_path("stale");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "the standard library does not remove the file");
    let listener = Listener::bind_unix(&path).unwrap();
    assert_eq!(Listener::bind_unix(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    UnixStream::connect(&path).unwrap();
    drop(listener);
    assert!(!path.exists());
}

#[test]
fn a_file_that_is_not_a_socket_is_kept() {
    let (file, link) = (fresh_path("file"), fresh_path("link"));
    fs::write(&file, "precious").unwrap();
    assert_eq!(Listener::bind_unix(&file).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert!(Listener::bind_unix(&link).is_err());
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert!(link.is_symlink());
    fs::remove_file(&link).unwrap();
    fs::remove_file(&file).unwrap();
}

#[test]
fn the_file_of_another_listener_is_kept() {
    let (path, aside) = (fresh_path("ours"), fresh_path("aside"));
    let first = Listener::bind_unix(&path).unwrap();
    // Kept under another name, so that its inode is not reused.
    fs::rename(&path, &aside).unwrap();
    let second = Listener::bind_unix(&path).unwrap();
    drop(first);
    assert!(path.exists());
    drop(second);
    assert!(!path.exists());
    fs::remove_file(&aside).unwrap();
}

#[test]
fn sockets_of_the_standard_library_are_taken_over() {
    let path = fresh_path("taken-over");
    let unix = UnixListener::bind(&path).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();

    let from_tcp = Listener::from_fd(tcp.as_fd().try_clone_to_owned().unwrap()).unwrap();
    let _client = TcpStream::connect(address).unwrap();
    let accepted = from_tcp.accept().unwrap().unwrap().0;
    assert!(accepted.into_tcp().unwrap().nodelay().unwrap());
    drop(from_tcp);
    let from_tcp = Listener::from(tcp);
    let _client = TcpStream::connect(address).unwrap();
    assert!(from_tcp.accept().unwrap().is_some());

    let from_unix = Listener::from_fd(unix.as_fd().try_clone_to_owned().unwrap()).unwrap();
    let _client = UnixStream::connect(&path).unwrap();
    assert!(from_unix.accept().unwrap().unwrap().0.into_unix().is_ok());
    drop(from_unix);
    drop(Listener::from(unix));
    assert!(path.exists(), "the listener did not create the file");
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_socket_that_does_not_listen_is_refused() {
    let refused = |fd: OwnedFd| Listener::from_fd(fd).unwrap_err().kind();
    let connected = UnixStream::pair().unwrap().0;
    assert_eq!(refused(connected.into()), io::ErrorKind::InvalidInput);
    let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    assert_eq!(refused(datagrams.into()), io::ErrorKind::InvalidInput);
    let file = fs::File::open("/dev/null").unwrap();
    assert_eq!(refused(file.into()), io::ErrorKind::InvalidInput);
}

#[test]
fn s16_accept_reports_a_socket_that_does_not_listen() {
    let connected: OwnedFd = UnixStream::pair().unwrap().0.into();
    let listener = Listener::from(UnixListener::from(connected));
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert!(listener.accept().unwrap().is_none());
}

#[test]
#[cfg_attr(hangup_portable, ignore = "on Linux, /dev/fd does not duplicate sockets")]
fn h14_a_listening_socket_is_inherited_by_its_number() {
    use std::os::fd::AsRawFd;
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let listener = Listener::inherited(tcp.as_raw_fd()).unwrap();
    let _client = TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
    assert!(listener.accept().unwrap().is_some());
    listener.close();
    // The descriptor itself was duplicated, and still listens.
    TcpStream::connect(tcp.local_addr().unwrap()).unwrap();

    let file = fs::File::open("/dev/null").unwrap();
    let refused = |number| Listener::inherited(number).unwrap_err();
    assert_eq!(refused(file.as_raw_fd()).kind(), io::ErrorKind::InvalidInput);
    assert!(refused(-1).raw_os_error().is_some());
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
    for error in [Errno::CONNABORTED, Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::PERM] {
        assert!(is_transient(&error.into()), "{error:?}");
    }
    for error in [Errno::BADF, Errno::INVAL, Errno::NOTSOCK] {
        assert!(!is_transient(&error.into()), "{error:?}");
    }
    assert!(!is_transient(&io::Error::other("no number at all")));
}
