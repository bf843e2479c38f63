//! H14: listeners, groups of servers, and the PROXY protocol.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use hangup::net::Network;
use hangup::server::Group;
use hangup::{Context, Request, RequestExt, ResponseWriter, Result, Server, fcgi};

use socket2::{Domain, Socket, Type};

use super::echo_path;
use crate::support::scripted_server::in_background;
use crate::support::{Over, PATIENCE, alone, over_each, until_refused};

over_each![
    h14_a_proxy_header_names_the_client,
    h14_a_proxy_header_may_say_nothing,
    h14_a_connection_without_a_proxy_header_is_closed,
    h14_only_proxies_send_the_header,
    h14_a_proxy_header_has_the_time_of_a_head,
];

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const LINE: &str = "PROXY TCP4 203.0.113.7 192.0.2.1 51000 443\r\n";

/// Responds with the two addresses, and with the scheme.
fn addresses(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let (remote, local) = (r.remote_addr().expect("an address"), r.local_addr().expect("one"));
    Ok(write!(w, "{remote} {local} {}", r.is_https())?)
}

fn networks(list: &[&str]) -> Vec<Network> {
    list.iter().map(|text| text.parse().expect("a network")).collect()
}

fn behind_proxy(over: Over, server: Server) -> hangup::testing::TestServer {
    over.server_with(server.proxy_protocol(networks(&["127.0.0.0/8"])))
}

fn h14_a_proxy_header_names_the_client(over: Over) {
    alone!();
    let server = behind_proxy(over, Server::new(addresses));
    let binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\xcb\0\x71\x07\xc0\0\x02\x01\xc7\x38\x01\xbb\
                   \x20\0\x05\x01\0\0\0\0";
    for (header, tls) in [(LINE.as_bytes(), false), (binary, true)] {
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream.write_all(header).unwrap();
        let mut peer = over.carried_by(stream);
        let https = tls || over.is_encrypted();
        for _ in 0..2 {
            let expected = format!("203.0.113.7:51000 192.0.2.1:443 {https}");
            assert_eq!(peer.send(GET).expect(200), expected);
        }
    }
}

fn h14_a_proxy_header_may_say_nothing(over: Over) {
    alone!();
    let server = behind_proxy(over, Server::new(addresses));
    for header in [&b"PROXY UNKNOWN\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        let here = stream.local_addr().unwrap();
        stream.write_all(header).unwrap();
        let mut peer = over.carried_by(stream);
        let expected = format!("{here} {} {}", server.addr(), over.is_encrypted());
        assert_eq!(peer.send(GET).expect(200), expected);
    }
}

fn h14_a_connection_without_a_proxy_header_is_closed(over: Over) {
    alone!();
    let server = behind_proxy(over, Server::new(addresses));
    for begin in [GET, "PROXY TCP4 nonsense\r\n", "PROXY", "\r\n\r\n\0\r\nQUIX\n\r\n\r\n", ""] {
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream.write_all(begin.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"", "{begin:?}");
    }
}

fn h14_only_proxies_send_the_header(over: Over) {
    alone!();
    let server = over.server_with(Server::new(echo_path).proxy_protocol(networks(&["10.0.0.0/8"])));
    assert_eq!(over.connect(&server).send(GET).expect(200), "/a");
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.write_all(LINE.as_bytes()).unwrap();
    stream.write_all(GET.as_bytes()).unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    let text = String::from_utf8_lossy(&received);
    assert!(over.is_encrypted() || text.starts_with("HTTP/1.1 400 "), "{text}");
}

fn h14_a_proxy_header_has_the_time_of_a_head(over: Over) {
    alone!();
    let server = Server::new(addresses).read_header_timeout(Duration::from_millis(150));
    let server = behind_proxy(over, server);
    for begin in ["", "PROXY TCP4 "] {
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream.write_all(begin.as_bytes()).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "{begin:?}");
    }
    assert_eq!(server.handle().stats().timeouts.read_header, 2);
}

fn get(addr: SocketAddr) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(b"GET /a HTTP/1.0\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

#[test]
fn h14_a_group_is_served_and_shut_down_together() {
    alone!();
    let group = Group::new()
        .with(Server::new(echo_path).listen("127.0.0.1:0").unwrap())
        .with(Server::new(addresses).listen("127.0.0.1:0").unwrap())
        .with(fcgi::Server::new(echo_path).listen("127.0.0.1:0").unwrap());
    let addrs: Vec<_> = group.local_addrs().filter_map(hangup::net::Addr::ip).collect();
    let (handle, stop) = (group.handle(), Context::new());
    let until = stop.clone();
    let served = in_background(move || group.serve_until(&until, PATIENCE));
    assert!(get(addrs[0]).ends_with("\r\n\r\n/a"));
    assert!(get(addrs[1]).ends_with(" false"));
    let mut open = TcpStream::connect(addrs[0]).unwrap();
    open.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    open.read_exact(&mut [0]).unwrap();
    assert!(handle.connections() >= 1);
    stop.cancel();
    served.finish().unwrap();
    addrs.into_iter().for_each(until_refused);
    assert_eq!(handle.connections(), 0);
    assert!(handle.shutdown(Duration::ZERO));
}

#[cfg(unix)] // The crate has no Unix sockets on Windows.
#[test]
fn h14_a_group_may_have_a_unix_socket() {
    alone!();
    let path = std::env::temp_dir().join(format!("hangup-group-{}", std::process::id()));
    let group = Group::new()
        .with(Server::new(echo_path).listen("127.0.0.1:0").unwrap())
        .with(Server::new(echo_path).listen_unix(&path).unwrap());
    assert_eq!(group.local_addrs().last(), Some(&hangup::net::Addr::Unix(Some(path.clone()))));
    let stop = Context::new();
    let until = stop.clone();
    let served = in_background(move || group.serve_until(&until, PATIENCE));
    let mut unix = std::os::unix::net::UnixStream::connect(&path).unwrap();
    unix.write_all(GET.as_bytes()).unwrap();
    let mut begin = [0; 12];
    unix.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    stop.cancel();
    served.finish().unwrap();
    assert!(!path.exists());
}

/// A listener that is closed behind the server's back is an end without an error. One that cannot accept is
/// an error.
#[test]
fn h14_a_server_that_cannot_accept_ends_its_group() {
    alone!();
    let unusable = TcpListener::from(Socket::new(Domain::IPV4, Type::STREAM, None).unwrap());
    let healthy = Server::new(echo_path).listen("127.0.0.1:0").unwrap();
    let addr = healthy.local_addr().ip().unwrap();
    let group = Group::new().with(healthy).with(Server::new(echo_path).listen_on(unusable));
    let error = group.serve().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
    until_refused(addr);
    Group::new().serve().unwrap();
}

#[cfg(unix)] // Windows has no such option.
#[test]
fn h14_sockets_share_a_port_by_an_option() {
    use hangup::net::ListenOptions;

    alone!();
    let first = ListenOptions::new().reuse_port(true).bind_tcp("127.0.0.1:0").unwrap();
    let addr = first.local_addr().unwrap().ip().unwrap();
    let second = ListenOptions::new().reuse_port(true).backlog(1).bind_tcp(addr).unwrap();
    let error = ListenOptions::new().bind_tcp(addr).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    let group = Group::new()
        .with(Server::new(echo_path).listen_on(first))
        .with(Server::new(echo_path).listen_on(second));
    let handle = group.handle();
    let served = in_background(move || group.serve());
    for _ in 0..20 {
        assert!(get(addr).ends_with("\r\n\r\n/a"));
    }
    assert!(handle.shutdown(PATIENCE));
    served.finish().unwrap();
}

#[cfg(unix)] // The crate has no Unix sockets on Windows.
#[test]
fn h14_a_unix_socket_has_its_permissions() {
    use std::os::unix::fs::PermissionsExt;

    use hangup::net::ListenOptions;

    alone!();
    let path = std::env::temp_dir().join(format!("hangup-mode-{}", std::process::id()));
    for mode in [0o600, 0o666] {
        let listener = ListenOptions::new().unix_mode(mode).bind_unix(&path).unwrap();
        let file = std::fs::metadata(&path).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, mode);
        drop(listener);
        assert!(!path.exists());
    }
}
