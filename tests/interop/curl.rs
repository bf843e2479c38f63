//! curl as the client of our server.

use std::fs;
use std::io::{self, Write};

use hangup::http::{HeaderMap, HeaderValue, StatusCode};
use hangup::testing::TestServer;
use hangup::{Request, RequestExt, ResponseWriter, Result, Server};

use crate::process::{Folder, pattern, run, text};

fn answer(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    match r.uri().path() {
        "/addr" => writeln!(w, "{}", r.remote_addr().expect("a connection"))?,
        "/echo" => {
            io::copy(r.body_mut(), w)?;
            if let Some(trailers) = r.body_mut().take_trailers() {
                w.trailers_mut().extend(trailers);
            }
        }
        "/refuse" => {
            w.set_status(StatusCode::FORBIDDEN);
            w.write_all(b"no\n")?;
        }
        "/trailers" => {
            w.set_header("trailer", "x-checksum")?;
            w.write_all(b"hello")?;
            w.trailers_mut().insert("x-checksum", HeaderValue::from_static("5d41402a"));
        }
        "/hints" => {
            let mut hints = HeaderMap::new();
            hints.insert("link", HeaderValue::from_static("</a.css>; rel=preload"));
            w.informational(StatusCode::EARLY_HINTS, &hints)?;
            w.write_all(b"ok\n")?;
        }
        "/large" => w.write_all(&[b'x'; 1 << 20])?,
        _ => w.write_all(b"ok\n")?,
    }
    Ok(())
}

fn curl(args: &[&str]) -> String {
    text("curl", &[&["-sS", "--max-time", "20"], args].concat())
}

#[test]
#[ignore = "needs curl"]
fn keep_alive() {
    let server = TestServer::new(answer);
    let url = server.url("/addr");
    let lines = curl(&[&url, &url, &url]);
    let addrs: Vec<_> = lines.lines().collect();
    assert_eq!(addrs.len(), 3);
    assert!(addrs.iter().all(|addr| *addr == addrs[0]), "one connection: {addrs:?}");
}

#[test]
#[ignore = "needs curl"]
fn uploads_with_a_length_and_in_chunks() {
    let (server, folder) = (TestServer::new(answer), Folder::new());
    let sent = folder.file("sent", &pattern(3 << 20));
    let got = folder.path().join("got");
    for chunked in [false, true] {
        let header = if chunked { "Transfer-Encoding: chunked" } else { "X-Plain: yes" };
        let (url, got_text) = (server.url("/echo"), got.to_str().unwrap());
        curl(&["-H", header, "-T", &sent, "-o", got_text, &url]);
        assert!(fs::read(&got).unwrap() == pattern(3 << 20), "chunked: {chunked}");
    }
}

#[test]
#[ignore = "needs curl"]
fn expect_100_continue_is_answered_when_the_body_is_read() {
    let (server, folder) = (TestServer::new(answer), Folder::new());
    let sent = folder.file("sent", &pattern(2 << 20));
    let output = run(
        "curl",
        &[
            "-sS",
            "-v",
            "--max-time",
            "20",
            "--expect100-timeout",
            "15",
            "-H",
            "Expect: 100-continue",
            "-T",
            &sent,
            "-o",
            "/dev/null",
            &server.url("/echo"),
        ],
    );
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && log.contains("< HTTP/1.1 100 Continue"), "{log}");
}

#[test]
#[ignore = "needs curl"]
fn an_upload_that_nobody_reads_gets_its_answer() {
    let (server, folder) = (TestServer::new(answer), Folder::new());
    let sent = folder.file("sent", &pattern(8 << 20));
    for expect in ["Expect:", "Expect: 100-continue"] {
        let printed =
            curl(&["-H", expect, "-T", &sent, "-w", "%{http_code}", &server.url("/refuse")]);
        assert_eq!(printed, "no\n403", "{expect}");
    }
}

#[test]
#[ignore = "needs curl"]
fn http_1_0_and_0_9() {
    let server = TestServer::new(answer);
    let printed = curl(&["--http1.0", "-i", &server.url("/large")]);
    assert!(printed.len() > 1 << 20, "{} bytes", printed.len());
    let head = curl(&["--http1.0", "-I", &server.url("/")]);
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("Connection: close"), "{head}");
    // The server rejects the request line without a version that curl would send.
    let raw = format!("printf 'GET /\\r\\n\\r\\n' | nc -N 127.0.0.1 {}", server.addr().port());
    let answer = text("sh", &["-c", &raw]);
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
}

#[test]
#[ignore = "needs curl"]
fn head_trailers_and_interim_responses() {
    let server = TestServer::new(answer);
    let head = curl(&["-I", &server.url("/")]);
    assert!(head.contains("Content-Length: 3"), "{head}");
    let raw = curl(&["--raw", &server.url("/trailers")]);
    assert!(raw.ends_with("0\r\nX-Checksum: 5d41402a\r\n\r\n"), "{raw:?}");
    let hints = curl(&["-i", &server.url("/hints")]);
    assert!(hints.starts_with("HTTP/1.1 103 Early Hints\r\nLink: </a.css>"), "{hints}");
    assert!(hints.ends_with("\r\n\r\nok\n"), "{hints}");
}

#[test]
#[ignore = "needs curl"]
fn a_head_beyond_the_limit_is_431() {
    let server = TestServer::with(Server::new(answer).max_header_bytes(8 << 10));
    for (size, status) in [(4_000, "200"), (20_000, "431"), (100_000, "431")] {
        let header = format!("X-Filler: {}", "x".repeat(size));
        let url = server.url("/");
        let printed = curl(&["-H", &header, "-o", "/dev/null", "-w", "%{http_code}", &url]);
        assert_eq!(printed, status, "{size}");
    }
}

#[test]
#[ignore = "needs curl"]
fn over_a_unix_socket() {
    let folder = Folder::new();
    let path = folder.path().join("socket");
    let _server = TestServer::listening(Server::new(answer).listen_unix(&path).unwrap());
    let printed = curl(&["--unix-socket", path.to_str().unwrap(), "http://localhost/"]);
    assert_eq!(printed, "ok\n");
}

#[test]
#[ignore = "needs nc"]
fn a_client_that_half_closes_gets_its_answer() {
    let server = TestServer::new(answer);
    let request = format!(
        "printf 'GET /addr HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' | nc -N 127.0.0.1 {}",
        server.addr().port()
    );
    let answer = text("sh", &["-c", &request]);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}
