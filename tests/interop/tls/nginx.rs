//! nginx at both ends: it passes requests on to our server, and answers our client.

use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hangup::http::StatusCode;
use hangup::server::ConnState;
use hangup::testing::TestServer;
use hangup::tls::Acceptor;
use hangup::{Body, Client, ErrorKind, ResponseExt, Server};

use super::authority::{Authority, Signed};
use super::{LARGE, answer, client_of, https, https_localhost};
use crate::nginx;
use crate::process::{Folder, free_addr, pattern, text};

/// Returns the error log of nginx.
fn errors(folder: &Folder) -> String {
    fs::read_to_string(folder.path().join("error.log")).expect("nginx opens its log")
}

#[test]
#[ignore = "needs nginx, wrk and curl"]
fn as_the_client_of_our_server() {
    let (ca, folder, addr) = (Authority::new(), Folder::new(), free_addr());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let server = Server::new(answer).tls(Acceptor::new(ca.server().identity()).unwrap());
    let server = TestServer::with(server.on_connection_state(move |_, state| {
        counted.fetch_add(usize::from(state == ConnState::New), Ordering::Relaxed);
    }));
    let (upstream, roots) = (server.addr(), ca.file());
    let http = format!(
        "client_max_body_size 0;
         upstream ours {{ server {upstream}; keepalive 32; }}
         server {{
           listen {addr};
           proxy_http_version 1.1; proxy_set_header Connection '';
           proxy_ssl_verify on; proxy_ssl_trusted_certificate {roots};
           proxy_ssl_name localhost; proxy_ssl_server_name on;
           location / {{ proxy_pass https://ours; }}
           location /streamed/ {{ proxy_pass https://ours/; proxy_request_buffering off; }}
         }}"
    );
    let _nginx = nginx::start(&folder, addr, &http);

    let report = text("wrk", &["-t1", "-c16", "-d2", &format!("http://{addr}/")]);
    assert!(!report.contains("Non-2xx") && !report.contains("Socket errors"), "{report}");
    let (requests, connections) = (requests(&report), connections.load(Ordering::Relaxed));
    assert!(requests > 1000 && connections < requests / 10, "{connections} connections: {report}");

    // Not both ways at once: nginx may stop reading a request that is already being answered.
    let curl = |args: &[&str]| text("curl", &[&["-sS", "--max-time", "20"], args].concat());
    let sent = folder.file("sent", &pattern(LARGE));
    let got = folder.path().join("got");
    for path in ["/check", "/streamed/check"] {
        assert_eq!(curl(&["-T", &sent, &format!("http://{addr}{path}")]), "whole\n", "{path}");
    }
    curl(&["-o", got.to_str().expect("UTF-8"), &format!("http://{addr}/large")]);
    assert!(fs::read(&got).expect("a file") == pattern(LARGE));
    assert_eq!(errors(&folder), "");
}

/// How many requests wrk has made.
fn requests(report: &str) -> usize {
    let line = report.lines().find(|line| line.contains(" requests in ")).expect(report);
    line.trim().split(' ').next().and_then(|count| count.parse().ok()).expect(report)
}

#[test]
#[ignore = "needs nginx"]
fn as_the_server_of_our_client() {
    let (ca, folder, addr) = (Authority::new(), Folder::new(), free_addr());
    folder.file("index.html", b"hello from a file\n");
    folder.file("large", &pattern(LARGE));
    let http = format!(
        "keepalive_requests 5;
         {}
           location /upload/ {{
             client_max_body_size 0; dav_methods PUT; create_full_put_path on;
           }}
           location /refuse {{ client_max_body_size 0; return 403; }}
         }}",
        server_begins(addr, &ca.server())
    );
    let _nginx = nginx::start(&folder, addr, &http);
    let client = client_of(&ca);

    // nginx closes after five requests, at any moment. No call fails.
    let mut reused = 0;
    for _ in 0..50 {
        let mut response = client.get(https_localhost(addr, "/")).send().unwrap();
        assert_eq!(response.body_mut().read_text(100).unwrap(), "hello from a file\n");
        reused += usize::from(response.is_connection_reused());
    }
    assert_eq!(reused, 40);

    let mut response = client.get(https(addr, "/large")).send().unwrap();
    let mut body = Vec::new();
    response.body_mut().read_to_end(&mut body).unwrap();
    assert!(body == pattern(LARGE));

    for name in ["sized", "chunked"] {
        let source = std::io::Cursor::new(pattern(LARGE));
        let body = match name {
            "sized" => Body::from_sized_reader(source, LARGE as u64),
            _ => Body::from_reader(source),
        };
        let url = https(addr, &format!("/upload/{name}"));
        let response = client.put(url).body(body).send().unwrap();
        assert_eq!(response.status(), StatusCode::CREATED, "{name}");
        let stored = fs::read(folder.path().join("upload").join(name)).expect("a file");
        assert!(stored == pattern(LARGE), "{name}");
    }

    let body = Body::from_sized_reader(std::io::repeat(b'x').take(20 << 20), 20 << 20);
    let response = client.put(https(addr, "/refuse")).body(body).send().unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

/// The beginning of a `server {` with a certificate.
fn server_begins(addr: std::net::SocketAddr, signed: &Signed) -> String {
    let Signed { cert, key } = signed;
    format!("server {{ listen {addr} ssl; ssl_certificate {cert}; ssl_certificate_key {key};")
}

#[test]
#[ignore = "needs nginx"]
fn certificates_that_are_not_to_be_trusted() {
    let (ca, strangers, folder) = (Authority::new(), Authority::new(), Folder::new());
    let cases = [
        (strangers.server(), "UnknownIssuer"),
        (ca.server_of("other.example"), "not valid for name"),
        (ca.expired(), "expired"),
    ]
    .map(|(signed, reason)| (free_addr(), signed, reason));
    let plain = free_addr();
    let mut http = format!("server {{ listen {plain}; }}");
    for (addr, signed, _) in &cases {
        write!(http, "{} }}", server_begins(*addr, signed)).expect("room");
    }
    let _nginx = nginx::start(&folder, plain, &http);

    let client = client_of(&ca);
    for (addr, _, reason) in &cases {
        for (url, host) in
            [(https_localhost(*addr, "/"), "localhost"), (https(*addr, "/"), "127.0.0.1")]
        {
            let error = client.get(url).send().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UntrustedCertificate, "{error}");
            let text = error.to_string();
            assert!(text.contains(host) && text.contains(reason), "{host}, {reason}: {text}");
        }
    }
    let error = client.get(https_localhost(plain, "/")).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TlsHandshake, "{error}");
    // The roots of this machine do not include the test's authority.
    let error = Client::new().get(https_localhost(cases[1].0, "/")).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UntrustedCertificate, "{error}");
}
