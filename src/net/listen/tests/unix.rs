//! Unix sockets, and sockets that arrive as descriptors.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use super::*;

/// Returns an unused path for one test.
fn fresh_path(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("hangup-{}-{name}", std::process::id()));
    let _ = fs::remove_file(&path);
    path
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
fn an_accepted_socket_has_the_period_of_its_probes() {
    let listener = Listener::bind_tcp("127.0.0.1:0").unwrap();
    let _client = TcpStream::connect(port_of(&listener)).unwrap();
    let (stream, _) = listener.accept().unwrap().unwrap();
    let socket = socket2::Socket::from(stream.into_tcp().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE);
}

#[test]
fn a_lack_of_memory_and_a_refusal_by_a_firewall_are_transient() {
    use rustix::io::Errno;
    for error in [Errno::NFILE, Errno::NOMEM, Errno::PERM] {
        assert!(is_transient(&error.into()), "{error:?}");
    }
}
