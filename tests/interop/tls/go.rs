//! Go's net/http at both ends.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hangup::http::StatusCode;
use hangup::{Body, Client, ResponseExt};

use super::authority::Authority;
use super::dialogue::Dialogue;
use super::{LARGE, client, client_of, https_localhost, serve_by, trusting};
use crate::process::{Folder, PATIENCE, pattern, text};

const CLIENT: &str = r#"
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

var client *http.Client

// Sends a body whose length is not known, unless there is none.
func ask(path string, sent string) (string, *tls.ConnectionState) {
	method, body := "GET", io.Reader(nil)
	if sent != "" {
		method, body = "POST", io.MultiReader(strings.NewReader(sent))
	}
	request, _ := http.NewRequest(method, os.Args[1]+path, body)
	response, err := client.Do(request)
	if err != nil {
		panic(err)
	}
	text, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.ProtoMajor != 1 {
		panic(fmt.Sprint(response.Proto, err))
	}
	return string(text), response.TLS
}

func main() {
	pem, err := os.ReadFile(os.Args[2])
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		transport := &http.Transport{
			// It offers h2 as well.
			ForceAttemptHTTP2: true,
			TLSClientConfig: &tls.Config{
				RootCAs: roots, MinVersion: version, MaxVersion: version,
				ClientSessionCache: tls.NewLRUClientSessionCache(0),
			},
		}
		client = &http.Client{Transport: transport}
		for connection := range 3 {
			addr, state := ask("/addr", "")
			if state.DidResume != (connection > 0) || state.NegotiatedProtocol != "http/1.1" {
				panic(fmt.Sprintf("connection %d: %+v", connection, state))
			}
			for number := range 20 {
				sent := strings.Repeat("x", 5000*number)
				if got, _ := ask("/echo", sent); got != sent && sent != "" {
					panic(fmt.Sprintf("%d bytes of %d", len(got), len(sent)))
				}
			}
			if again, _ := ask("/addr", ""); again != addr {
				panic("another connection")
			}
			transport.CloseIdleConnections()
		}
	}
	fmt.Println("ok")
}
"#;

#[test]
#[ignore = "needs go"]
fn as_the_client_of_our_server() {
    let (ca, folder) = (Authority::new(), Folder::new());
    let server = serve_by(&ca);
    let file = folder.file("client.go", CLIENT.as_bytes());
    let url = https_localhost(server.addr(), "");
    assert_eq!(text("go", &["run", &file, &url, ca.file()]), "ok\n");
}

const SERVER: &str = r#"
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/resumed", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.TLS.DidResume)
	})
	http.HandleFunc("/close", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
	})
	http.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		io.Copy(w, r.Body)
	})
	http.HandleFunc("/refuse", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
	})
	http.HandleFunc("/half", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	panic(http.ServeTLS(listener, nil, os.Args[1], os.Args[2]))
}
"#;

/// The server, running, and the beginning of its URLs.
fn server(folder: &Folder, ca: &Authority) -> (Dialogue, String) {
    let file = folder.file("server.go", SERVER.as_bytes());
    let program = folder.path().join("server");
    let program = program.to_str().expect("UTF-8");
    text("go", &["build", "-o", program, &file]);
    let signed = ca.server();
    let mut server = Dialogue::start(program, &[&signed.cert, &signed.key]);
    server.until("port ");
    let url = format!("https://localhost:{}", server.line());
    (server, url)
}

#[test]
#[ignore = "needs go"]
fn as_the_server_of_our_client() {
    let (ca, folder) = (Authority::new(), Folder::new());
    let (_server, url) = server(&folder, &ca);
    connections_and_sessions(&client_of(&ca), &url);
    bodies(&client_of(&ca), &url);
    expectations(&ca, &url);
}

fn connections_and_sessions(client: &Client, url: &str) {
    for connection in 0..3 {
        for request in 0..5 {
            let mut response = client.get(format!("{url}/resumed")).send().unwrap();
            assert_eq!(response.is_connection_reused(), request > 0);
            let resumed = response.tls().expect("what was agreed on").is_resumed();
            assert_eq!(resumed, connection > 0);
            assert_eq!(response.body_mut().read_text(10).unwrap(), resumed.to_string());
        }
        client.get(format!("{url}/close")).send().unwrap();
    }
}

fn bodies(client: &Client, url: &str) {
    let source = std::io::Cursor::new(pattern(LARGE));
    let mut response =
        client.post(format!("{url}/echo")).body(Body::from_reader(source)).send().unwrap();
    let mut got = Vec::new();
    response.body_mut().read_to_end(&mut got).unwrap();
    assert!(got == pattern(LARGE));

    let body = Body::from_sized_reader(std::io::repeat(b'x').take(200 << 20), 200 << 20);
    let response = client.post(format!("{url}/refuse")).body(body).send().unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);

    let mut response = client.get(format!("{url}/half")).send().unwrap();
    let error = response.body_mut().read_text(100).unwrap_err();
    assert_eq!(error.kind(), hangup::ErrorKind::IncompleteBody, "{error}");
}

/// A client that would wait for the 100 longer than for the whole call.
fn expectations(ca: &Authority, url: &str) {
    let client = client(trusting(ca)).expect_continue_timeout(2 * PATIENCE).build();
    for (path, status, sent) in
        [("/echo", StatusCode::OK, 1 << 20), ("/refuse", StatusCode::FORBIDDEN, 0)]
    {
        let count = Arc::new(AtomicU64::new(0));
        let body = Counted(std::io::repeat(b'x').take(1 << 20), Arc::clone(&count));
        let request = client.post(format!("{url}{path}")).header("expect", "100-continue");
        let mut response = request.body(Body::from_sized_reader(body, 1 << 20)).send().unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.body_mut().read_bytes(2 << 20).unwrap().len() as u64, sent);
        assert_eq!(count.load(Ordering::Relaxed), sent, "{path}");
    }
}

/// A body that counts what is read of it.
struct Counted<R>(R, Arc<AtomicU64>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(buf)?;
        self.1.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
