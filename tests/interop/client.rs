//! Our client against other servers.

use std::io::Read;
use std::process::Command;

use hangup::http::StatusCode;
use hangup::{Body, Client, ErrorKind, ResponseExt};

use crate::nginx;
use crate::process::{Folder, Server, free_addr, pattern, text};

#[test]
#[ignore = "needs nginx"]
fn nginx() {
    let (folder, addr) = (Folder::new(), free_addr());
    folder.file("index.html", b"hello from a file\n");
    folder.file("large", &pattern(5 << 20));
    let http = format!(
        "client_max_body_size 64k;
         keepalive_requests 5;
         server {{
           listen {addr};
           location /moved {{ return 302 /index.html; }}
           location /refuse {{ client_max_body_size 0; return 403; }}
           location /close {{ keepalive_timeout 0; return 200 'bye'; }}
         }}"
    );
    let server = nginx::start(&folder, addr, &http);
    let client = Client::new();

    // nginx closes after five requests, at any moment. No call fails.
    for _ in 0..50 {
        let mut response = client.get(server.url("/")).send().unwrap();
        assert_eq!(response.body_mut().read_text(100).unwrap(), "hello from a file\n");
    }
    let mut response = client.get(server.url("/moved")).send().unwrap();
    assert_eq!(response.redirects(), 1);
    assert_eq!(response.body_mut().read_text(100).unwrap(), "hello from a file\n");

    let mut response = client.get(server.url("/large")).send().unwrap();
    let mut body = Vec::new();
    response.body_mut().read_to_end(&mut body).unwrap();
    assert!(body == pattern(5 << 20));

    // An upload that is refused while it is being written, and by nginx's limit: the answer arrives.
    for (path, status) in [("/refuse", StatusCode::FORBIDDEN), ("/", StatusCode::PAYLOAD_TOO_LARGE)]
    {
        let body = Body::from_sized_reader(std::io::repeat(b'x').take(20 << 20), 20 << 20);
        let response = client.put(server.url(path)).body(body).send().unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
    let mut response = client.get(server.url("/close")).send().unwrap();
    assert_eq!(response.body_mut().read_text(100).unwrap(), "bye");
    let mut response = client.get(server.url("/")).send().unwrap();
    assert!(!response.is_connection_reused());
    assert_eq!(response.body_mut().read_text(100).unwrap(), "hello from a file\n");
}

#[test]
#[ignore = "needs python3"]
fn pythons_http_server() {
    let (folder, addr) = (Folder::new(), free_addr());
    folder.file("file", &pattern(1 << 20));
    let mut command = Command::new("python3");
    command.args(["-m", "http.server", "--bind", "127.0.0.1", &addr.port().to_string()]);
    let server = Server::start(command.current_dir(folder.path()), addr);
    let client = Client::new();
    for _ in 0..10 {
        // It speaks HTTP/1.0 and closes after each answer.
        let mut response = client.get(server.url("/file")).send().unwrap();
        assert!(!response.is_connection_reused());
        assert!(response.body_mut().read_bytes(2 << 20).unwrap() == pattern(1 << 20));
    }
    let response = client.get(server.url("/missing")).send().unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[test]
#[ignore = "needs go"]
fn gos_net_http() {
    let script = r#"
package main

import (
	"io"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Trailer", "X-Checksum")
		io.Copy(w, r.Body)
		w.Header().Set("X-Checksum", r.Trailer.Get("X-Checksum"))
	})
	http.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "ok")
	})
	http.HandleFunc("/panic", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	http.ListenAndServe(os.Args[1], nil)
}
"#;
    let (folder, addr) = (Folder::new(), free_addr());
    let file = folder.file("server.go", script.as_bytes());
    let program = folder.path().join("server");
    text("go", &["build", "-o", program.to_str().unwrap(), &file]);
    let server = Server::start(Command::new(&program).arg(addr.to_string()), addr);
    let client = Client::new();

    for round in 0..20 {
        let sent = pattern(round * 10_000);
        let body = Body::from_reader(std::io::Cursor::new(sent.clone())).with_trailers(|| {
            let value = hangup::http::HeaderValue::from_static("5d41402a");
            [(hangup::http::HeaderName::from_static("x-checksum"), value)].into_iter().collect()
        });
        let request = client.post(server.url("/echo")).header("trailer", "x-checksum");
        let mut response = request.body(body).send().unwrap();
        let mut got = Vec::new();
        response.body_mut().read_to_end(&mut got).unwrap();
        assert!(got == sent, "{round}");
        let trailers = response.body_mut().take_trailers().unwrap();
        assert_eq!(trailers["x-checksum"], "5d41402a");
    }
    let mut response = client.get(server.url("/hints")).send().unwrap();
    assert_eq!(response.body_mut().read_text(10).unwrap(), "ok");
    let mut response = client.get(server.url("/panic")).send().unwrap();
    let error = response.body_mut().read_text(100).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IncompleteBody);
}
