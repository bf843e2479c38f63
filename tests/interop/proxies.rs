//! Our client through real proxies, and curl through the same ones.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process::Command;

use hangup::client::{ClientBuilder, Proxy, ProxyFailure, ProxyPolicy};
use hangup::testing::TestServer;
use hangup::{Body, Client, Request, ResponseExt, ResponseWriter, Result};

use crate::process::{Folder, PATIENCE, Server, free_addr, pattern, run};

/// As much as many reads of a proxy.
const LARGE: usize = 6 << 20;

/// Starts tinyproxy with Basic credentials `user:secret`.
pub(crate) fn tinyproxy(folder: &Folder) -> Server {
    let addr = free_addr();
    let config = format!(
        "Port {}\nListen {}\nTimeout 60\nMaxClients 50\nAllow 127.0.0.1\nBasicAuth user secret\n",
        addr.port(),
        addr.ip()
    );
    let file = folder.file("tinyproxy.conf", config.as_bytes());
    Server::start(Command::new("tinyproxy").args(["-d", "-c", &file]), addr)
}

/// Starts microsocks with the password `user:secret`.
pub(crate) fn microsocks() -> Server {
    let addr = free_addr();
    let (ip, port) = (addr.ip().to_string(), addr.port().to_string());
    let args = ["-i", &ip, "-p", &port, "-u", "user", "-P", "secret"];
    Server::start(Command::new("microsocks").args(args), addr)
}

pub(crate) fn answer(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    match r.uri().path() {
        // microsocks takes no bytes from one side while it waits for the other.
        "/echo" => w.write_all(&r.body_mut().read_bytes(LARGE as u64)?)?,
        "/large" => w.write_all(&pattern(LARGE))?,
        "/seen" => {
            let names = ["proxy-authorization", "authorization"];
            let seen = names.map(|name| r.headers().contains_key(name));
            write!(w, "{} {seen:?}", r.uri())?;
        }
        _ => w.write_all(b"ok\n")?,
    }
    Ok(())
}

/// A client whose calls end, whatever the proxy does.
fn client(proxy: impl Into<ProxyPolicy>) -> Client {
    builder(proxy).build()
}

fn builder(proxy: impl Into<ProxyPolicy>) -> ClientBuilder {
    Client::builder().proxy(proxy).timeout(PATIENCE)
}

fn proxy(scheme: &str, addr: SocketAddr) -> Proxy {
    Proxy::new(format!("{scheme}://user:secret@{addr}")).unwrap()
}

fn text(client: &Client, url: &str) -> String {
    client.get(url).send().unwrap().body_mut().read_text(1 << 20).unwrap()
}

/// Sends much in both directions, several times on one connection.
pub(crate) fn transfer(client: &Client, url: impl Fn(&str) -> String) {
    for round in 0..3 {
        let mut response = client.get(url("/large")).send().unwrap();
        assert!(response.body_mut().read_bytes(LARGE as u64).unwrap() == pattern(LARGE));
        assert!(response.proxy().is_some());
        assert_eq!(response.is_connection_reused(), round > 0);
    }
    let body = Body::from_reader(io::Cursor::new(pattern(LARGE)));
    let mut response = client.post(url("/echo")).body(body).send().unwrap();
    assert!(response.body_mut().read_bytes(LARGE as u64).unwrap() == pattern(LARGE));
}

#[test]
#[ignore = "needs tinyproxy"]
fn tinyproxy_forwards_and_tunnels() {
    let folder = Folder::new();
    let tinyproxy = tinyproxy(&folder);
    let server = TestServer::new(answer);
    let own = proxy("http", tinyproxy.addr);
    let seen = "/seen?a=b [false, true]";

    let forwarding = client(own.clone());
    let url = server.url("/seen?a=b").replace("http://", "http://me:mine@");
    assert_eq!(text(&forwarding, &url), seen);
    let tunnelling = client(own.clone().tunnel_all(true));
    assert_eq!(text(&tunnelling, &url), seen);
    transfer(&client(own.clone().tunnel_all(true)), |path| server.url(path));
    let mut response = forwarding.get(server.url("/large")).send().unwrap();
    assert!(response.body_mut().read_bytes(LARGE as u64).unwrap() == pattern(LARGE));

    // The proxy judges the credentials.
    let wrong = own.clone().basic_auth("user", "wrong");
    let status = |client: &Client| client.get(server.url("/")).send().map(|r| r.status().as_u16());
    assert_eq!(status(&client(wrong.clone())).unwrap(), 401);
    let error = status(&client(wrong.tunnel_all(true))).unwrap_err();
    assert_eq!(error.status_code().unwrap(), 401, "{error}");
    let none = Proxy::new(tinyproxy.addr.to_string()).unwrap();
    assert_eq!(status(&client(none.clone())).unwrap(), 407);
    let error = status(&client(none.tunnel_all(true))).unwrap_err();
    assert_eq!(error.status_code().unwrap(), 407, "{error}");
    assert_eq!(error.proxy_failure(), Some(ProxyFailure::Tunnel));

    // Nothing listens there.
    let nowhere = format!("http://{}/", free_addr());
    let error = tunnelling.get(&nowhere).send().unwrap_err();
    assert!(error.status_code().is_some_and(|status| status.is_server_error()), "{error}");
    assert!(forwarding.get(&nowhere).send().unwrap().status().is_server_error());

    let direct = client(ProxyPolicy::all(own).with_no_proxy("127.0.0.0/8"));
    assert!(direct.get(server.url("/")).send().unwrap().proxy().is_none());
}

#[test]
#[ignore = "needs microsocks"]
fn microsocks_tunnels() {
    let microsocks = microsocks();
    let server = TestServer::new(answer);
    let localhost = |path: &str| server.url(path).replace("127.0.0.1", "localhost");
    for scheme in ["socks5", "socks5h"] {
        let client = client(proxy(scheme, microsocks.addr));
        transfer(&client, |path| server.url(path));
        // For `socks5` it may have an IPv6 address, on which nothing listens.
        assert_eq!(text(&client, &localhost("/seen")), "/seen [false, false]");
    }
    let own = proxy("socks5h", microsocks.addr);
    for (proxy, url, expected) in [
        (
            own.clone().basic_auth("user", "wrong"),
            server.url("/"),
            "refused the user or the password",
        ),
        (Proxy::new(format!("socks5://{}", microsocks.addr)).unwrap(), server.url("/"), "demands"),
        (own.clone(), format!("http://{}/", free_addr()), "connection refused by the host"),
    ] {
        let error = client(proxy).get(url).send().unwrap_err();
        assert_eq!(error.proxy_failure(), Some(ProxyFailure::Socks));
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// The outcome of curl through a proxy: its exit code, the status of a CONNECT, the status of the response, and
/// the body.
fn curl(proxy: &str, tunnel: bool, url: &str) -> (i32, String) {
    let tunnel: &[&str] = if tunnel { &["--proxytunnel"] } else { &[] };
    let args = ["-sS", "--noproxy", "", "-x", proxy, "-w", " %{http_connect} %{http_code}", url];
    let output = run("curl", &[tunnel, &args].concat());
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// The same of our client, with the exit code that curl has for it.
fn ours(proxy: &str, tunnel: bool, url: &str) -> (i32, String) {
    let is_socks = proxy.starts_with("socks");
    let client = client(Proxy::new(proxy).unwrap().tunnel_all(tunnel));
    match client.get(url).send() {
        Ok(mut response) => {
            let connect = if tunnel && !is_socks { "200" } else { "000" };
            let mut body = String::new();
            response.body_mut().read_to_string(&mut body).unwrap();
            (0, format!("{body} {connect} {}", response.status().as_u16()))
        }
        Err(error) => {
            let code = match error.proxy_failure().unwrap_or_else(|| panic!("{error}")) {
                ProxyFailure::Resolve => 5,
                ProxyFailure::Connect => 7,
                ProxyFailure::Tunnel => 56,
                ProxyFailure::Socks => 97,
                other => panic!("{other:?}"),
            };
            let connect = error.status_code().map_or(0, |status| status.as_u16());
            (code, format!(" {connect:03} 000"))
        }
    }
}

#[test]
#[ignore = "needs curl, tinyproxy and microsocks"]
fn curl_has_the_same_through_proxies() {
    let folder = Folder::new();
    let (forwarder, microsocks) = (tinyproxy(&folder), microsocks());
    let tinyproxy = forwarder.addr;
    let server = TestServer::new(answer);
    let nowhere = free_addr();
    let socks = microsocks.addr;
    for (proxy, tunnel) in [
        (format!("http://user:secret@{tinyproxy}"), false),
        (format!("user:secret@{tinyproxy}"), true),
        (format!("http://us%65r:secret@{tinyproxy}/path?query"), true),
        (format!("http://{tinyproxy}"), true),
        (format!("http://user:wrong@{tinyproxy}"), true),
        (format!("http://user:secret@{nowhere}"), true),
        (format!("http://user:secret@{nowhere}"), false),
        ("http://proxy.invalid:80".to_owned(), false),
        ("http://proxy.invalid:80".to_owned(), true),
        (format!("socks5://user:secret@{socks}"), false),
        (format!("socks5h://user:secret@{socks}"), false),
        (format!("socks5://user:wrong@{socks}"), false),
        (format!("socks5h://{socks}"), false),
        (format!("socks5h://{nowhere}"), false),
    ] {
        for url in [server.url("/seen?a=b"), format!("http://{nowhere}/")] {
            if url.contains(&nowhere.to_string()) && !tunnel && !proxy.starts_with("socks") {
                continue; // The body is the proxy's own.
            }
            let (ours, curl) = (ours(&proxy, tunnel, &url), curl(&proxy, tunnel, &url));
            assert_eq!(ours, curl, "{proxy} {tunnel} {url}");
        }
    }
}
