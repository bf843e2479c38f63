//! C12: passwords by host.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use hangup::client::{Netrc, Next, RequestBuilder};
use hangup::http::Uri;
use hangup::{Client, Context, ErrorKind, Request};

use super::{get, send, text};
use crate::support::scripted_server::{Peer, Peers};
use crate::support::{Over, alone, over_each};

over_each![c12_a_redirect_gets_the_login_of_its_own_host];

fn basic(pair: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(pair))
}

fn here(_: &str, port: u16, _: &Context) -> io::Result<Vec<SocketAddr>> {
    Ok(vec![([127, 0, 0, 1], port).into()])
}

/// Expects a request with these Basic credentials, or none.
fn expect(peer: &mut Peer, begin: &str, pair: Option<&str>) {
    let request = peer.expect_request(begin);
    assert_eq!(request.field("authorization"), pair.map(basic).as_deref(), "{begin}");
}

fn redirect(peer: &mut Peer, to: &str) {
    peer.send(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"));
}

const FILE: &str = "machine 127.0.0.1 login joe password secret
                    machine 127.0.0.1 login ann password other
                    machine host.test login h password 1
                    machine fast.test login f password 2
                    default login d password 3";

fn netrc() -> Netrc {
    Netrc::parse(FILE).unwrap()
}

fn client() -> Client {
    Client::builder().netrc(netrc()).resolver(here).build()
}

/// Sends a request that the peer answers, and checks its credentials.
fn check(
    peers: &Peers,
    url: &str,
    request: impl FnOnce(&Client, String) -> RequestBuilder + Send + 'static,
    authorization: Option<&str>,
) {
    let client = client();
    let url = url.replace("PORT", &peers.addr().port().to_string());
    let call = send(&client, move |client| request(client, url));
    let mut peer = peers.accept();
    let received = peer.expect_request("GET /a ");
    assert_eq!(received.field("authorization"), authorization);
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn c12_a_request_has_the_login_of_its_host() {
    alone!();
    let peers = Peers::new();
    for (url, pair) in [
        ("http://127.0.0.1:PORT/a", "joe:secret"),
        ("http://ann@127.0.0.1:PORT/a", "ann:other"),
        ("http://ann:@127.0.0.1:PORT/a", "ann:"),
        ("http://ann:own@127.0.0.1:PORT/a", "ann:own"),
        ("http://:own@127.0.0.1:PORT/a", ":own"),
        ("http://max@127.0.0.1:PORT/a", "max:"),
        ("http://HOST.test:PORT/a", "h:1"),
        ("http://unknown.test:PORT/a", "d:3"),
        ("http://d@unknown.test:PORT/a", "d:3"),
        ("http://e@unknown.test:PORT/a", "e:"),
    ] {
        check(&peers, url, |client, url| client.get(url), Some(&basic(pair)));
    }
}

#[test]
fn c12_an_authorization_of_the_caller_counts_more() {
    alone!();
    let peers = Peers::new();
    const URL: &str = "http://127.0.0.1:PORT/a";
    check(&peers, URL, |client, url| client.get(url).bearer_auth("t"), Some("Bearer t"));
    check(&peers, URL, |client, url| client.get(url).basic_auth("u", "p"), Some(&basic("u:p")));
    check(&peers, URL, |client, url| client.get(url).netrc(None), None);
    check(
        &peers,
        URL,
        |client, url| client.get(url).netrc(Netrc::parse("default login own password o").unwrap()),
        Some(&basic("own:o")),
    );
    // Only the password of the file counts, not that of another call.
    check(&peers, URL, |client, url| client.get(url), Some(&basic("joe:secret")));
}

#[test]
fn c12_a_host_never_gets_the_login_of_another_entry() {
    alone!();
    let peers = Peers::new();
    for (file, pair) in [
        (
            "machine 127.0.0.1 login bob password #secret1\n\
             machine other.example login dora password secret2",
            "bob:#secret1",
        ),
        ("machine 127.0.0.1 login bob\ndefault login x password y", "bob:"),
    ] {
        let netrc = Netrc::parse(file).unwrap();
        let request = |client: &Client, url| client.get(url).netrc(netrc);
        check(&peers, "http://127.0.0.1:PORT/a", request, Some(&basic(pair)));
    }
}

/// The peers are on this machine, and over TLS on others.
fn c12_a_redirect_gets_the_login_of_its_own_host(over: Over) {
    alone!();
    let (one, other) = (over.peers(), over.peers());
    let client = over.client_builder().netrc(netrc()).resolver(here).build();
    let to_one =
        |host: &str, path: &str| over.url(format_args!("{host}:{}", one.addr().port()), path);
    let to_other =
        |host: &str, path: &str| over.url(format_args!("{host}:{}", other.addr().port()), path);
    let (first, second) = match over.is_encrypted() {
        true => (("host.test", "h:1"), ("fast.test", "f:2")),
        false => (("127.0.0.1", "joe:secret"), ("127.0.0.1", "joe:secret")),
    };
    let call = get(&client, to_one(first.0, "/a"));
    let mut peer = one.accept();
    expect(&mut peer, "GET /a ", Some(first.1));
    redirect(&mut peer, "/b");
    expect(&mut peer, "GET /b ", Some(first.1));
    redirect(&mut peer, &to_other(second.0, "/c"));
    let mut elsewhere = other.accept();
    expect(&mut elsewhere, "GET /c ", Some(second.1));
    redirect(&mut elsewhere, &to_one(first.0, "/d"));
    expect(&mut peer, "GET /d ", Some(first.1));
    // The default entry is for the caller's own URLs.
    redirect(&mut peer, &to_other("localhost", "/e"));
    let mut elsewhere = other.accept();
    expect(&mut elsewhere, "GET /e ", None);
    elsewhere.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn c12_no_redirect_has_a_password_sent_in_the_clear() {
    alone!();
    let (one, other) = (Peers::new(), Peers::new());
    let client = client();
    let url = |host: &str, peers: &Peers, path: &str| {
        format!("http://{host}:{}{path}", peers.addr().port())
    };
    let call = get(&client, url("host.test", &one, "/a"));
    let mut peer = one.accept();
    expect(&mut peer, "GET /a ", Some("h:1"));
    redirect(&mut peer, "/b");
    expect(&mut peer, "GET /b ", Some("h:1"));
    redirect(&mut peer, &url("fast.test", &other, "/c"));
    let mut elsewhere = other.accept();
    expect(&mut elsewhere, "GET /c ", None);
    redirect(&mut elsewhere, &url("host.test", &one, "/d"));
    expect(&mut peer, "GET /d ", None);
    // Credentials in the Location are the server's.
    redirect(&mut peer, &url("u:p@fast.test", &other, "/e"));
    expect(&mut elsewhere, "GET /e ", Some("u:p"));
    elsewhere.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn c12_a_middleware_sees_and_decides_on_the_login() {
    alone!();
    let (one, other) = (Peers::new(), Peers::new());
    let elsewhere: Uri = format!("http://fast.test:{}/away", other.addr().port()).parse().unwrap();
    let client = Client::builder()
        .netrc(netrc())
        .resolver(here)
        .wrap(|request: Request, next: Next<'_>| {
            assert!(!request.headers().contains_key("authorization"), "not yet added");
            next.run(request)
        })
        .wrap_hop(move |mut request: Request, next: Next<'_>| {
            let value = request.headers()["authorization"].clone();
            assert!(value.is_sensitive() && value == "Basic am9lOnNlY3JldA==");
            match request.uri().path() {
                "/removed" => _ = request.headers_mut().remove("authorization"),
                "/away" => *request.uri_mut() = elsewhere.clone(),
                _ => {}
            }
            next.run(request)
        })
        .build();
    let mut kept = None;
    for (path, pair) in [("/left", Some("joe:secret")), ("/removed", None)] {
        let call = get(&client, one.url(path));
        let peer = kept.get_or_insert_with(|| one.accept());
        expect(peer, &format!("GET {path} "), pair);
        peer.answer(200, "ok");
        assert_eq!(text(call.finish()), "ok");
    }
    // The code of the caller chose the host, so it gets its login.
    let call = get(&client, one.url("/away"));
    let mut peer = other.accept();
    expect(&mut peer, "GET /away ", Some("f:2"));
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

/// A folder for files, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hangup-netrc-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn c12_a_file_that_cannot_be_read_is_an_error_that_names_it() {
    let folder = Folder::new("unreadable");
    let missing = folder.0.join("missing");
    let broken = folder.file("broken", "machine a login b password \"secret");
    let large = folder.file("large", &" ".repeat((1 << 20) + 1));
    for (path, kind) in [
        (&missing, ErrorKind::Io),
        (&folder.0, ErrorKind::Io),
        (&large, ErrorKind::Io),
        (&broken, ErrorKind::InvalidFile),
    ] {
        let error = Netrc::read(path).unwrap_err();
        let text = format!("{error:#} {error:?}");
        assert_eq!(error.kind(), kind, "{text}");
        assert!(text.contains(&*path.to_string_lossy()) && !text.contains("secret"), "{text}");
    }
    let fine = folder.file("fine", FILE);
    assert_eq!(format!("{:?}", Netrc::read(fine).unwrap()), "Netrc { entries: 5, .. }");
}

/// The environment belongs to the whole process, so each case has one.
#[test]
fn c12_the_file_of_the_user_is_found_by_the_environment() {
    const CASE: &str = "HANGUP_NETRC_CASE";
    if let Ok(expected) = std::env::var(CASE) {
        let shown =
            Netrc::from_home().map_or_else(|error| error.to_string(), |it| format!("{it:?}"));
        assert!(shown.contains(&expected), "{shown}");
        return;
    }
    let folder = Folder::new("home");
    let home = folder.0.to_str().unwrap();
    let run = |expected: &str, variable: Option<&str>| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let name = "client::netrc::c12_the_file_of_the_user_is_found_by_the_environment";
        command.args(["--exact", name]).env(CASE, expected).env_remove("NETRC");
        // The second is for Windows.
        command.env("HOME", home).env("USERPROFILE", home);
        command.envs(variable.map(|path| ("NETRC", path)));
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{expected}: {text}");
    };
    run("entries: 0", None);
    run("entries: 0", Some("/missing/file"));
    folder.file(".netrc", "machine a machine b");
    run("entries: 2", None);
    run("entries: 2", Some(""));
    let other = folder.file("other", "machine a");
    run("entries: 1", Some(other.to_str().unwrap()));
    run("entries: 0", Some("/missing/file"));
    folder.file(".netrc", "\"");
    run(".netrc: line 1", None);
}

#[test]
fn c12_no_error_shows_a_password() {
    alone!();
    let error = client().get("http://joe@127.0.0.1:1/").send().unwrap_err();
    let text = format!("{error:#} {error:?}");
    assert!(!text.contains("secret") && !text.contains("am9lOnNlY3JldA"), "{text}");
    let shown = format!("{:?} {:?}", client().get("http://127.0.0.1:1/"), client());
    assert!(!shown.contains("secret"), "{shown}");
}
