//! `fetch` through proxies: scripted ones, and their failures as exit codes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use crate::programs::{Ran, program, run, run_with};
use crate::scripted::Scripted;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const REFUSED: &str = "HTTP/1.1 407 Auth\r\nContent-Length: 4\r\n\r\nauth";

fn fetch(args: &[&str]) -> Ran {
    run("fetch", args)
}

/// Runs it with a variable of the environment.
fn fetch_with(variable: (&str, &str), args: &[&str]) -> Ran {
    let mut command = program("fetch", args);
    command.env(variable.0, variable.1);
    run_with(command, b"")
}

#[test]
fn a_proxy_gets_the_whole_url_and_its_own_password() {
    let proxy = Scripted::new(&[OK, OK]);
    let address = proxy.url.trim_start_matches("http://");
    let args = ["-s", "-x", address, "-U", "me:secret", "-u", "a:b", "http://some.test/x?y"];
    assert_eq!(fetch(&args).out, "ok");
    let request = proxy.request();
    assert!(request.starts_with("GET http://some.test/x?y HTTP/1.1\r\nHost: some.test\r\n"));
    assert!(request.contains("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"), "{request}");
    assert!(request.contains("\r\nAuthorization: Basic YTpi\r\n"), "{request}");
    let ran = fetch_with(("http_proxy", &proxy.url), &["-s", "http://some.test/"]);
    assert_eq!(ran.out, "ok", "{ran:?}");
}

#[test]
fn some_hosts_take_no_proxy() {
    let (proxy, peer) = (Scripted::new(&[]), Scripted::new(&[OK, OK, OK, OK]));
    let through = ["-s", "-x", &proxy.url];
    for list in ["127.0.0.1", "*", "x.test, 127.0.0.0/8"] {
        let ran = fetch(&[&through[..], &["--noproxy", list, &peer.url]].concat());
        assert_eq!(ran.out, "ok", "{list}: {ran:?}");
    }
    let ran = fetch_with(("http_proxy", &proxy.url), &["-s", "-x", "", &peer.url]);
    assert_eq!(ran.out, "ok", "{ran:?}");
}

#[test]
fn failures_of_a_proxy_are_curls_exit_codes() {
    let proxy = |answer: &str| Scripted::new(&[answer]).url;
    for (code, proxy, url) in [
        (5, "http://name.invalid:3128".to_owned(), "http://some.test/"),
        (7, "http://127.0.0.1:1".to_owned(), "http://some.test/"),
        (7, "nothing://127.0.0.1:1".to_owned(), "http://some.test/"),
        (7, "socks5h://127.0.0.1:1".to_owned(), "http://some.test/"),
        (0, proxy(REFUSED), "http://some.test/"),
        (97, socks(b"\x05\xff"), "http://some.test/"),
        (97, socks(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "http://some.test/"),
    ] {
        let ran = fetch(&["-s", "-x", &proxy, url]);
        assert_eq!(ran.code, Some(code), "{proxy} {url}: {ran:?}");
    }
}

/// Starts a peer that sends this to a SOCKS client.
fn socks(says: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("socks5h://{}", listener.local_addr().expect("its address"));
    thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.write_all(says)?;
        // Unread bytes would cause a reset, which could overtake the answer.
        stream.read_to_end(&mut Vec::new())
    });
    url
}

#[cfg(feature = "tls")]
#[test]
fn a_refused_tunnel_is_a_receive_error() {
    let proxy = Scripted::new(&[REFUSED, REFUSED, ""]);
    let format = "%{http_connect} %{http_code} %{exitcode}";
    let args = ["-s", "-x", &proxy.url, "-A", "me/1", "-w", format, "https://some.test/"];
    let ran = fetch(&args);
    assert_eq!((ran.code, ran.out.as_str()), (Some(56), "407 000 56"), "{ran:?}");
    let request = proxy.request();
    assert!(request.starts_with("CONNECT some.test:443 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("User-Agent: me/1\r\n"), "{request}");
    // The head of the proxy's response is shown by -i. Its body is not the server's.
    let ran = fetch(&["-si", "-x", &proxy.url, "https://some.test/"]);
    assert!(
        ran.out.starts_with("HTTP/1.1 407 Auth\r\n") && ran.out.ends_with("\r\n\r\n"),
        "{ran:?}"
    );
    assert_eq!(fetch(&["-s", "-x", &proxy.url, "https://some.test/"]).code, Some(56));
}
