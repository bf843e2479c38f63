//! `httpbin` by its other ways in: the same handler over FastCGI and as a CGI program.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::programs::{PATIENCE, Running, absent_on_windows, program, run, run_with};

/// The variables that a web server sets for a request.
const VARIABLES: [(&str, &str); 9] = [
    ("REQUEST_METHOD", "POST"),
    ("REQUEST_URI", "/anything/x?a=b&a=c"),
    ("SERVER_PROTOCOL", "HTTP/1.1"),
    ("REMOTE_ADDR", "192.0.2.7"),
    ("CONTENT_TYPE", "application/x-www-form-urlencoded"),
    ("CONTENT_LENGTH", "9"),
    ("HTTP_HOST", "example.org"),
    ("HTTP_X_COLOUR", "red"),
    ("HTTPS", "on"),
];

const BODY: &[u8] = b"name=evil";

/// The response of `httpbin`, over either gateway.
fn expected() -> Value {
    json!({
        "args": {"a": ["b", "c"]},
        "data": "",
        "files": {},
        "form": {"name": "evil"},
        "headers": {
            "Content-Length": "9",
            "Content-Type": "application/x-www-form-urlencoded",
            "Host": "example.org",
            "X-Colour": "red",
        },
        "json": null,
        "method": "POST",
        "origin": "192.0.2.7",
        "url": "https://example.org/anything/x?a=b&a=c",
    })
}

/// The JSON in an answer whose head a web server would read.
fn answered(answer: &str) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("Status: 200 OK\r\n"), "{head}");
    serde_json::from_str(body).expect("JSON")
}

/// One request, and what STDOUT carried of its answer.
fn ask(mut web_server: impl Read + Write) -> String {
    let record = |kind: u8, content: &[u8]| {
        let length = (content.len() as u16).to_be_bytes();
        [&[1, kind, 0, 1, length[0], length[1], 0, 0], content].concat()
    };
    let mut variables = Vec::new();
    for (name, value) in VARIABLES {
        variables.extend([name.len() as u8, value.len() as u8]);
        variables.extend(name.bytes().chain(value.bytes()));
    }
    let begin = record(1, &[0, 1, 0, 0, 0, 0, 0, 0]);
    let request = [begin, record(4, &variables), record(4, &[]), record(5, BODY), record(5, &[])];
    web_server.write_all(&request.concat()).expect("the request is taken");
    let mut answer = Vec::new();
    web_server.read_to_end(&mut answer).expect("an answer, and the end");
    let (mut records, mut out) = (&answer[..], Vec::new());
    while let Some((header, rest)) = records.split_first_chunk::<8>() {
        let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
        if header[1] == 6 {
            out.extend_from_slice(&rest[..length]);
        }
        records = &rest[length + usize::from(header[6])..];
    }
    String::from_utf8(out).expect("text")
}

fn connect(addr: &str) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    stream
}

#[test]
fn httpbin_answers_over_fastcgi() {
    let bin = Running::listening("httpbin", &["--fcgi", "--addr", "127.0.0.1:0"]);
    let addr = bin.place.strip_prefix("fcgi://").expect("the line says how").to_owned();
    assert_eq!(answered(&ask(connect(&addr))), expected());
    bin.signal(Signal::TERM);
    let (status, rest) = bin.ended();
    assert!(status.success() && rest.is_empty(), "{status}: {rest}");
}

#[test]
fn httpbin_answers_over_fastcgi_on_a_unix_socket() {
    if absent_on_windows("Unix sockets") {
        return;
    }
    let path = std::env::temp_dir().join(format!("hangup-httpbin-{}", std::process::id()));
    let path = path.to_str().expect("UTF-8");
    let bin = Running::listening("httpbin", &["--unix", path, "--fcgi"]);
    assert_eq!(bin.place, format!("fcgi-unix:{path}"));
    let stream = UnixStream::connect(path).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    assert_eq!(answered(&ask(stream)), expected());
}

/// As a process manager starts it, or a web server: the listener is descriptor 0, and nothing is said.
#[test]
fn httpbin_answers_over_fastcgi_on_the_socket_that_it_inherits() {
    if absent_on_windows("inherited sockets") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("its address").to_string();
    let stdin = Stdio::from(OwnedFd::from(listener));
    let child = program("httpbin", &["--fcgi"]).stdin(stdin).spawn().expect("the program starts");
    let mut bin = Killed(child);
    assert_eq!(answered(&ask(connect(&addr))), expected());
    let pid = rustix::process::Pid::from_child(&bin.0);
    rustix::process::kill_process(pid, Signal::TERM).expect("it runs");
    assert!(bin.0.wait().expect("it ends").success());
    let mut said = String::new();
    bin.0.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
    assert_eq!(said, "");
}

/// A program that does not outlive its test, whatever comes of that.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn httpbin_answers_as_a_cgi_program() {
    let mut command = program("httpbin", &["--cgi"]);
    command.envs(VARIABLES);
    let ran = run_with(command, BODY);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_eq!(answered(&ran.out), expected());
}

#[test]
fn a_way_in_that_is_not_there_is_told() {
    for (args, code) in [
        (&["--fcgi"][..], 2),
        (&["--fcgi", "--cgi"], 2),
        (&["--fcgi", "--addr", "nowhere"], 2),
        (&["--cgi"], 1),
    ] {
        let ran = run("httpbin", args);
        assert_eq!((ran.code, ran.err.lines().count()), (Some(code), 1), "{args:?}: {ran:?}");
    }
}

/// Returns the response to these lines, without the parts that a proxy changes.
fn without_hops(server: &Running, lines: &str) -> (Vec<String>, Vec<String>) {
    let response = server.exchange(&format!("{lines}Host: test\r\nConnection: close\r\n\r\n"));
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    let shown = body.contains("\"headers\"");
    let is_hop = |field: &str| {
        field.starts_with("date:")
            || field.starts_with("via:")
            || (shown && field.starts_with("content-length:"))
    };
    let fields = head.lines().map(str::to_lowercase).filter(|field| !is_hop(field));
    let added = ["\"Connection\"", "\"Via\"", "\"X-Forwarded-"];
    let is_added = |line: &str| added.iter().any(|added| line.contains(added));
    let lines = body.lines().filter(|line| !is_added(line));
    let mut fields: Vec<_> = fields.collect();
    fields.sort();
    (fields, lines.map(|line| line.trim_end_matches(',').to_owned()).collect())
}

#[test]
fn httpbin_behind_a_proxy_over_fastcgi_answers_as_over_http() {
    if absent_on_windows("Unix sockets") {
        return;
    }
    let path = std::env::temp_dir().join(format!("hangup-proxied-{}", std::process::id()));
    let path = path.to_str().expect("UTF-8");
    let direct = Running::listening("httpbin", &["--addr", "127.0.0.1:0"]);
    let tcp = Running::listening("httpbin", &["--fcgi", "--addr", "127.0.0.1:0"]);
    let unix = Running::listening("httpbin", &["--fcgi", "--unix", path]);
    for place in [&tcp.place, &unix.place] {
        let proxy = Running::listening("proxy", &["--addr", "127.0.0.1:0", place, place]);
        for lines in [
            "GET /get?a=b&a=%20c HTTP/1.1\r\nX-Colour: red\r\nCookie: a=1\r\n",
            "HEAD /bytes/10?seed=1 HTTP/1.1\r\n",
            "GET /anything/a%20b/c HTTP/1.1\r\n",
            "GET /status/204 HTTP/1.1\r\n",
            "GET /status/304 HTTP/1.1\r\n",
            "GET /status/418 HTTP/1.1\r\n",
            "GET /redirect-to?url=/x HTTP/1.1\r\n",
            "GET /cookies/set?a=b&c=d HTTP/1.1\r\n",
            "GET /basic-auth/u/p HTTP/1.1\r\nAuthorization: Basic dTpw\r\n",
            "GET /range/100 HTTP/1.1\r\nRange: bytes=10-19\r\n",
            "GET /ip HTTP/1.1\r\n",
            "GET /html HTTP/1.1\r\n",
            "GET /nowhere HTTP/1.1\r\n",
            "DELETE /get HTTP/1.1\r\n",
        ] {
            assert_eq!(
                without_hops(&proxy, lines),
                without_hops(&direct, lines),
                "{place} {lines}"
            );
        }
    }
}

/// A web server that gives up before the request is whole leaves the program as it was.
#[test]
fn httpbin_survives_web_servers_that_hang_up() {
    let bin = Running::listening("httpbin", &["--fcgi", "--addr", "127.0.0.1:0"]);
    let addr = bin.place.strip_prefix("fcgi://").expect("the line says how").to_owned();
    for half in
        [&b"\x01"[..], b"\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00", b"GET / HTTP/1.1\r\n"]
    {
        let mut stream = connect(&addr);
        stream.write_all(half).expect("it is taken");
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(answered(&ask(connect(&addr))), expected());
}
