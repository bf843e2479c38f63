//! C1, C2: URLs, and other parts of a request that may be invalid.

use hangup::client::RedirectPolicy;
use hangup::http::header::TRANSFER_ENCODING;
use hangup::http::{Request, Uri};
use hangup::{Client, Context, ErrorKind, ResponseExt};

use super::{get, send, text};
use crate::support::scripted_server::{Peers, in_background};
use crate::support::{alone, logs};

/// Answers one request for `target`, and returns its head.
fn answer_one(peers: &Peers, target: &str) -> String {
    let mut peer = peers.accept();
    let request = peer.expect_request(&format!("GET {target} "));
    peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    peer.expect_closed();
    request.head
}

#[test]
fn c01_a_request_is_sent_as_it_is_shown() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    for (given, target) in [
        ("", "/"),
        ("?a[]=1", "/?a[]=1"),
        ("/a b?c d#e", "/a%20b?c%20d"),
        ("/\"<>`{}|^\\'%", "/%22%3C%3E%60{}|^\\'%"),
        ("/ü/%C3%BC?€", "/%C3%BC/%C3%BC?%E2%82%AC"),
        ("/a/../b/./c", "/b/c"),
    ] {
        let url = format!(" HTTP://{}{given}\n", peers.addr());
        let call = get(&client, url);
        let head = answer_one(&peers, target);
        assert!(head.contains(&format!("\r\nHost: {}\r\n", peers.addr())), "{head}");
        let response = call.finish().unwrap();
        assert_eq!(response.url().unwrap().to_string(), peers.url(target));
    }
}

#[test]
fn c01_a_url_may_be_a_string_or_a_uri() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let (string, uri): (_, Uri) = (peers.url("/a"), peers.url("/a").parse().unwrap());
    type Send = fn(&Client, &String, &Uri) -> hangup::Result<super::Response>;
    let forms: [Send; 6] = [
        |client, string, _| client.get(string).send(),
        |client, string, _| client.get(string.as_str()).send(),
        |client, string, _| client.get(string.clone()).send(),
        |client, string, _| client.get(std::borrow::Cow::from(string)).send(),
        |client, _, uri| client.get(uri).send(),
        |client, _, uri| client.get(uri.clone()).send(),
    ];
    for form in forms {
        let (client, string, uri) = (client.clone(), string.clone(), uri.clone());
        let call = in_background(move || form(&client, &string, &uri));
        answer_one(&peers, "/a");
        assert_eq!(text(call.finish()), "ok");
    }
}

#[test]
fn c02_user_and_password_may_be_any_bytes() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let call = get(&client, peers.url("/").replace("//", "//%ff:%00@"));
    let head = answer_one(&peers, "/");
    // 0xff, a colon, 0x00.
    assert!(head.contains("\r\nAuthorization: Basic /zoA\r\n"), "{head}");
    let response = call.finish().unwrap();
    assert_eq!(response.url().unwrap().to_string(), peers.url("/"));
}

#[test]
fn c02_a_password_is_in_no_error_and_no_log_line() {
    alone!();
    logs::collect();
    let peers = Peers::new();
    let client = Client::new();
    let with_password = |path: &str| peers.url(path).replace("//", "//user:secret@");
    let mut shown = Vec::new();

    // Redirects: one that is followed, and one that cannot be.
    let call = get(&client, with_password("/a"));
    let mut peer = peers.accept();
    peer.expect_request("GET /a ");
    peer.send(elsewhere(&with_password("/b")));
    peer.expect_request("GET /b ");
    peer.send(elsewhere("http://user:secret@host:port/"));
    let response = call.finish().unwrap();
    shown.push(
        format!("{response:?}").replace(response.headers()["location"].to_str().unwrap(), ""),
    );
    shown.push(format!("{:?} {:?}", response.history(), response.redirect_url()));
    shown.push(response.redirect_error().unwrap().to_string());
    drop(response);

    // A stale connection, on which the request is sent again, and one that closes.
    let call = get(&client, with_password("/c"));
    peer.expect_request("GET /c ");
    drop(peer);
    peers.accept().expect_request("GET /c ");
    shown.push(format!("{0} {0:?} {0:#}", call.finish().unwrap_err()));

    // A status, too many redirects, and no connection.
    let call = send(&client, {
        let url = with_password("/d");
        move |client| client.get(url).redirects(RedirectPolicy::limited(0))
    });
    let mut peer = peers.accept();
    peer.expect_request("GET /d ");
    peer.send(elsewhere(&with_password("/d")));
    shown.push(format!("{0} {0:?} {0:#}", call.finish().unwrap_err()));
    let call = get(&client, with_password("/e"));
    peer.expect_request("GET /e ");
    peer.answer(401, "");
    let error = call.finish().unwrap().error_for_status().unwrap_err();
    shown.push(format!("{error} {error:?}"));
    drop((error, peer));
    let closed = with_password("/f");
    drop(peers);
    let request = client.get(&closed).query("q", 1);
    shown.push(format!("{request:?}"));
    shown.push(format!("{0} {0:?} {0:#}", request.send().unwrap_err()));

    shown.extend(logs::all());
    assert!(shown.len() > 10, "{shown:#?}");
    for text in shown {
        // `Basic dXNlcjpzZWNyZXQ=` are the credentials as they are sent.
        assert!(!text.contains("secret") && !text.contains("dXNlcjpzZWNyZXQ"), "{text}");
    }
}

#[test]
fn c01_a_bad_url_is_an_error_at_send() {
    alone!();
    let client = Client::new();
    let error = client.get("localhost:7999").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidUrl);
    assert_eq!(error.to_string(), r#"invalid URL "localhost:7999": scheme missing"#);
    let error = client.get("http://user:secret@host:port/").send().unwrap_err();
    assert_eq!(error.to_string(), r#"invalid URL "http://***@host:port/": port is not a number"#);
    let error = client.execute(Request::get("/path").body(()).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), r#"invalid URL "/path": scheme missing"#);
    let error = client.get("ftp://user:secret@host/").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedScheme);
    assert!(error.to_string().contains("ftp") && !error.to_string().contains("secret"), "{error}");
}

/// The loopback interface can be a zone. A link-local address needs one.
#[cfg(target_os = "linux")]
#[test]
fn c01_a_zone_is_used_to_connect_and_not_sent() {
    alone!();
    let peers = Peers::on_ipv6();
    let port = peers.addr().port();
    let mut hosts = vec![("::1".to_owned(), "lo".to_owned()), ("::1".to_owned(), "1".to_owned())];
    hosts.extend(link_local());
    for (address, zone) in hosts {
        let client = Client::new();
        let url = format!("http://[{address}%25{zone}]:{port}/a");
        let call = get(&client, url);
        let mut peer = peers.accept();
        let host = format!("[{address}]:{port}");
        for path in ["/a", "/b", "/c"] {
            let request = peer.expect_request(&format!("GET {path} "));
            assert_eq!(request.field("host"), Some(&*host), "{zone}");
            match path {
                "/a" => peer.send(elsewhere("/b")),
                "/b" => peer.send(elsewhere(&format!("http://{host}/c"))),
                _ => peer.answer(200, "ok"),
            }
        }
        let response = call.finish().unwrap();
        assert_eq!(response.url().unwrap().to_string(), format!("http://{host}/c"));
        assert_eq!(text(Ok(response)), "ok");
    }
    let error = Client::new().get(format!("http://[::1%25no-such-0]:{port}/")).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Resolve);
    assert!(error.to_string().contains("no-such-0"), "{error}");
}

fn elsewhere(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

/// Returns this machine's link-local addresses, each with its interface.
#[cfg(target_os = "linux")]
fn link_local() -> Vec<(String, String)> {
    let all = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let address = |line: &str| {
        let mut words = line.split_whitespace();
        let (digits, name) = (words.next()?, words.next_back()?);
        let address = u128::from_str_radix(digits, 16).ok()?;
        let address = std::net::Ipv6Addr::from_bits(address);
        address.is_unicast_link_local().then(|| (address.to_string(), name.to_owned()))
    };
    all.lines().filter_map(address).collect()
}

#[test]
fn c01_an_error_of_a_header_names_it() {
    alone!();
    let client = Client::new();
    let get = || client.get("http://127.0.0.1:9/");
    for (request, name) in [
        (get().header("X Bad", "x"), "X Bad"),
        (get().header("", "x"), "\"\""),
        (get().header("X-Token", "secret\n"), "x-token"),
        (get().header("X-Token", b"secret\0".as_slice()), "x-token"),
        (get().bearer_auth("secret\n"), "authorization"),
        (get().header("Transfer-Encoding", "chunked"), "transfer-encoding"),
        (get().header(TRANSFER_ENCODING, ""), "transfer-encoding"),
    ] {
        let error = request.send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMessage);
        let shown = error.to_string();
        assert!(shown.contains(name) && !shown.contains("secret"), "{shown}");
    }
    for (builder, name) in [
        (Client::builder().default_header("X Bad", "x"), "X Bad"),
        (Client::builder().default_header("X-Token", "secret\n"), "x-token"),
        (Client::builder().user_agent("me\n"), "user-agent"),
        (Client::builder().default_header("transfer-encoding", "gzip"), "transfer-encoding"),
    ] {
        let error = builder.build().get("http://127.0.0.1:9/").send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMessage);
        let shown = error.to_string();
        assert!(shown.contains(name) && !shown.contains("secret"), "{shown}");
    }
}

#[test]
fn c01_default_headers_may_be_text() {
    alone!();
    let peers = Peers::new();
    let name = String::from("X-Number");
    let client = Client::builder()
        .user_agent("me/1")
        .default_header("X-Text", String::from("text"))
        .default_header(&name, 7)
        .build();
    let call = get(&client, peers.url("/"));
    let head = answer_one(&peers, "/");
    for line in ["User-Agent: me/1", "X-Text: text", "X-Number: 7"] {
        assert!(head.lines().any(|other| other == line), "{head}");
    }
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn t14_a_request_built_by_hand_can_have_a_context() {
    alone!();
    let client = Client::new();
    let ended = Context::new();
    ended.cancel_with("enough");
    let request = || Request::get("http://127.0.0.1:9/");
    let error = client.execute(request().extension(ended.clone()).body(()).unwrap()).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    let request = request().body(()).unwrap();
    let error = client.prepare(request).context(&ended).send().unwrap_err();
    assert!(error.is_cancelled(), "{error}");

    let peers = Peers::new();
    let url = peers.url("/a");
    let call = send(&client, move |client| {
        client.prepare(Request::put(url).header("x-other", "kept").body("text").unwrap())
    });
    let mut peer = peers.accept();
    let request = peer.expect_request("PUT /a ");
    assert_eq!((request.field("x-other"), &*request.body), (Some("kept"), &b"text"[..]));
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}
