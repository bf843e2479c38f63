//! Handlers under web servers, over FastCGI and as CGI programs. The web servers' configurations are the
//! documented ones, in `docs/deploy/`.

mod apache;
mod cgi_fcgi;
mod children;
pub(crate) mod deploy;
mod lighttpd;
pub(crate) mod nginx;
mod php;
mod streaming;
mod systemd;

/// The handler of the program that web servers start by themselves.
#[path = "../../../examples/gateway/answer.rs"]
pub(crate) mod answer;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crossbeam_channel::Receiver;
use hangup::http::StatusCode;
use hangup::testing::TestServer;
use hangup::{Client, Handler, fcgi};

use crate::process::{Folder, PATIENCE, pattern};

/// As much as no buffer on its way takes.
pub(crate) const LARGE: usize = 5 << 20;

/// A FastCGI server in this process.
pub(crate) struct App {
    pub(crate) server: TestServer,
    /// Where it listens: a path or an address.
    pub(crate) place: String,
}

impl App {
    /// Listens on a Unix socket that every user may connect to, since the web server may run as any.
    pub(crate) fn unix(folder: &Folder, handler: impl Handler) -> Self {
        let place = folder.path().join("app.sock");
        let listening =
            fcgi::Server::with_handler(handler).listen_unix(&place).expect("a Unix socket");
        fs::set_permissions(&place, Permissions::from_mode(0o666)).expect("a socket of ours");
        let place = place.to_str().expect("UTF-8").to_owned();
        Self { server: TestServer::listening(listening), place }
    }

    pub(crate) fn tcp(handler: impl Handler) -> Self {
        let listening =
            fcgi::Server::with_handler(handler).listen("127.0.0.1:0").expect("a free port");
        let server = TestServer::listening(listening);
        let place = server.addr().to_string();
        Self { server, place }
    }
}

/// A client whose calls end, whatever the web server does.
pub(crate) fn client() -> Client {
    Client::builder().timeout(PATIENCE).build()
}

/// The answer to a GET, which must be of this status.
#[track_caller]
pub(crate) fn get(client: &Client, url: &str, status: StatusCode) -> String {
    let mut response = client.get(url).send().expect(url);
    assert_eq!(response.status(), status, "{url}");
    response.body_mut().read_text(LARGE as u64 * 2).expect(url)
}

/// Sends `body` and returns what comes back.
#[track_caller]
pub(crate) fn post(client: &Client, url: &str, body: Vec<u8>) -> Vec<u8> {
    let length = body.len();
    let mut response = client.post(url).body(body).send().expect(url);
    assert_eq!(response.status(), StatusCode::OK, "{url}: {length} bytes");
    response.body_mut().read_bytes(LARGE as u64 * 2).expect(url).to_vec()
}

/// Sends the requests that every web server must pass to the gateway at the prefix `base`. `echoes` bodies,
/// up to large ones, come back.
#[track_caller]
pub(crate) fn converse(base: &str, echoes: usize) {
    let client = client();
    let url = |path: &str| format!("{base}{path}");
    assert!(get(&client, &url("/a?b=c"), StatusCode::OK).ends_with("/a\n"));
    assert_eq!(get(&client, &url("/missing"), StatusCode::NOT_FOUND), "not found\n");
    assert_eq!(get(&client, &url("/log"), StatusCode::OK), "logged\n");
    let who = get(&client, &url("/who"), StatusCode::OK);
    assert!(who.starts_with("http 127.0.0.1:") && !who.contains(":0 to"), "{who}");
    for number in 0..echoes {
        let body = body(number, number * 37 % 4000);
        assert!(post(&client, &url("/echo"), body.clone()) == body, "{number}");
    }
    let digest = post(&client, &url("/digest"), pattern(LARGE));
    assert_eq!(String::from_utf8_lossy(&digest), format!("{LARGE} {DIGEST}\n"));
    assert!(post(&client, &url("/echo"), pattern(LARGE)) == pattern(LARGE));
    assert!(get(&client, &url("/large"), StatusCode::OK).len() == LARGE);
    get(&client, &url("/panic"), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(get(&client, &url("/after"), StatusCode::OK).ends_with("/after\n"));
}

/// The SHA-256 of `pattern(LARGE)`, by `sha256sum`.
const DIGEST: &str = "16b632f11cf950dda67dc4c184a3f9e0aa1ffa4c18927bb8977e7da97ca25bca";

/// A body like no other: it begins with its number.
pub(crate) fn body(number: usize, length: usize) -> Vec<u8> {
    let mut body = number.to_string().into_bytes();
    body.extend(pattern(length));
    body.truncate(length);
    body
}

/// The next thing that a handler reports.
#[track_caller]
pub(crate) fn next<T>(reports: &Receiver<T>) -> T {
    reports.recv_timeout(PATIENCE).expect("a report")
}
