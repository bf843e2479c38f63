//! C11: the cookie store in a call.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hangup::client::{CookieJar, CookieStore, Next, RedirectAction, RedirectPolicy};
use hangup::http::{HeaderValue, StatusCode, Uri};
use hangup::{Client, Context, ErrorKind, Request, ResponseExt};
use parking_lot::Mutex;

use super::{get, send, text};
use crate::support::scripted_server::{Peer, Peers};
use crate::support::{Over, alone, over_each};

over_each![each way:
    c11_a_cookie_goes_back_to_its_server,
    c11_every_hop_sets_and_has_its_own_cookies,
];

/// Sends a response with `Set-Cookie` fields.
fn answer(peer: &mut Peer, status: u16, cookies: &[&str]) {
    send_head(peer, status, "", cookies);
}

fn redirect(peer: &mut Peer, to: &str, cookies: &[&str]) {
    send_head(peer, 302, &format!("Location: {to}\r\n"), cookies);
}

fn send_head(peer: &mut Peer, status: u16, fields: &str, cookies: &[&str]) {
    let cookies: String = cookies.iter().map(|it| format!("Set-Cookie: {it}\r\n")).collect();
    peer.send(format!("HTTP/1.1 {status} Said\r\n{fields}{cookies}Content-Length: 2\r\n\r\nok"));
}

/// Expects a request with this Cookie field, or none.
fn expect(peer: &mut Peer, begin: &str, cookie: Option<&str>) {
    let request = peer.expect_request(begin);
    assert_eq!(request.field("cookie"), cookie, "{begin}");
    let lines = request.head.lines().filter(|line| line.to_lowercase().starts_with("cookie:"));
    assert_eq!(lines.count(), usize::from(cookie.is_some()), "{}", request.head);
}

/// Resolves every name to this machine.
fn here(_: &str, port: u16, _: &Context) -> io::Result<Vec<SocketAddr>> {
    Ok(vec![([127, 0, 0, 1], port).into()])
}

fn client_with(jar: &CookieJar) -> Client {
    Client::builder().cookies(jar.clone()).resolver(here).build()
}

fn c11_a_cookie_goes_back_to_its_server(over: Over) {
    alone!();
    let peers = over.peers();
    let jar = CookieJar::new();
    let client = over.client_builder().cookies(jar.clone()).build();
    let call = get(&client, peers.url("/a"));
    let mut peer = peers.accept();
    expect(&mut peer, "GET /a ", None);
    answer(&mut peer, 200, &["a=1", "b=2; Path=/x", "c=3; HttpOnly"]);
    assert_eq!(text(call.finish()), "ok");
    for (path, cookies) in [("/b", "a=1; c=3"), ("/x/y", "b=2; a=1; c=3")] {
        let url = peers.url(path);
        let call = send(&client, move |client| client.post(url).body("text"));
        expect(&mut peer, &format!("POST {path} "), Some(cookies));
        answer(&mut peer, 201, &["a=; Max-Age=0"]);
        text(call.finish());
        jar.set(peers.url("/"), "a=1").unwrap();
        jar.set(peers.url("/"), "c=; Max-Age=0").unwrap();
        jar.set(peers.url("/"), "c=3").unwrap();
    }
    assert_eq!(jar.snapshot().len(), 3);
    let call = get(&client, peers.url("/c"));
    expect(&mut peer, "GET /c ", Some("a=1; c=3"));
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

fn c11_every_hop_sets_and_has_its_own_cookies(over: Over) {
    alone!();
    let (one, other) = (over.peers(), over.peers());
    let jar = CookieJar::new();
    let client = over.client_builder().cookies(jar.clone()).resolver(here).build();
    let to_one = |path: &str| over.url(format_args!("host.test:{}", one.addr().port()), path);
    let to_other = |path: &str| over.url(format_args!("fast.test:{}", other.addr().port()), path);
    let call = get(&client, to_one("/a"));
    let mut peer = one.accept();
    expect(&mut peer, "GET /a ", None);
    redirect(&mut peer, "/b", &["a=1", "a2=1"]);
    expect(&mut peer, "GET /b ", Some("a=1; a2=1"));
    redirect(&mut peer, &to_other("/c"), &["a2=; Max-Age=0", "evil=1; Domain=fast.test"]);
    let mut elsewhere = other.accept();
    expect(&mut elsewhere, "GET /c ", None);
    redirect(&mut elsewhere, "/d", &["o=1", "evil=1; Domain=host.test"]);
    expect(&mut elsewhere, "GET /d ", Some("o=1"));
    redirect(&mut elsewhere, &to_one("/e"), &["o=2"]);
    expect(&mut peer, "GET /e ", Some("a=1"));
    answer(&mut peer, 500, &["last=1"]);
    let response = call.finish().unwrap();
    assert_eq!((response.status().as_u16(), response.redirects()), (500, 4));
    let kept: Vec<_> =
        jar.snapshot().iter().map(|it| format!("{}={}", it.name(), it.value())).collect();
    assert_eq!(kept, ["a=1", "o=2", "last=1"]);
}

/// The store's cookies and the request's own are one field, in curl's order.
#[test]
fn c11_cookies_of_the_request_follow_those_of_the_store() {
    alone!();
    let (peers, other) = (Peers::new(), Peers::new());
    let jar = CookieJar::new();
    let client = Client::builder()
        .cookies(jar.clone())
        .default_header("cookie", HeaderValue::from_static("default=1"))
        .resolver(here)
        .build();
    let call = get(&client, peers.url("/a"));
    let mut peer = peers.accept();
    expect(&mut peer, "GET /a ", Some("default=1"));
    answer(&mut peer, 200, &["j=1"]);
    text(call.finish());
    let call = get(&client, peers.url("/b"));
    expect(&mut peer, "GET /b ", Some("j=1; default=1"));
    peer.answer(200, "ok");
    text(call.finish());
    let url = peers.url("/c");
    let call = send(&client, move |client| {
        client.get(url).header("cookie", "own=1; j=own").header("cookie", "own2=1")
    });
    expect(&mut peer, "GET /c ", Some("j=1; own=1; j=own; own2=1"));
    redirect(&mut peer, "/d", &["k=1"]);
    expect(&mut peer, "GET /d ", Some("j=1; k=1; own=1; j=own; own2=1"));
    // At another origin, the request's own are dropped. Cookies know no ports.
    redirect(&mut peer, &other.url("/e"), &[]);
    let mut elsewhere = other.accept();
    expect(&mut elsewhere, "GET /e ", Some("j=1; k=1"));
    redirect(&mut elsewhere, &peers.url("/f"), &[]);
    expect(&mut peer, "GET /f ", Some("j=1; k=1"));
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn c11_interim_responses_set_nothing() {
    alone!();
    let peers = Peers::new();
    let jar = CookieJar::new();
    let client = client_with(&jar);
    let call = get(&client, peers.url("/a"));
    let mut peer = peers.accept();
    peer.expect_request("GET /a ");
    peer.send("HTTP/1.1 103 Early Hints\r\nSet-Cookie: hints=1\r\n\r\n");
    answer(&mut peer, 404, &["error=1"]);
    text(call.finish());
    assert_eq!(jar.snapshot().len(), 1);
    assert_eq!(jar.snapshot()[0].name(), "error");
}

#[test]
fn c11_an_upgrade_sets_cookies() {
    alone!();
    let peers = Peers::new();
    let jar = CookieJar::new();
    let client = client_with(&jar);
    let url = peers.url("/a");
    let call = send(&client, |client| {
        client.get(url).header("connection", "upgrade").header("upgrade", "raw")
    });
    let mut peer = peers.accept();
    expect(&mut peer, "GET /a ", None);
    peer.send(
        "HTTP/1.1 101 Switching\r\nUpgrade: raw\r\nConnection: upgrade\r\nSet-Cookie: up=1\r\n\r\n",
    );
    assert_eq!(call.finish().unwrap().status(), StatusCode::SWITCHING_PROTOCOLS);
    let call = get(&client, peers.url("/b"));
    let mut peer = peers.accept();
    expect(&mut peer, "GET /b ", Some("up=1"));
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn c11_a_status_that_is_an_error_sets_cookies() {
    alone!();
    let peers = Peers::new();
    let jar = CookieJar::new();
    let client = client_with(&jar);
    let url = peers.url("/a");
    let call = send(&client, |client| client.get(url).status_as_error(true));
    let mut peer = peers.accept();
    peer.expect_request("GET /a ");
    answer(&mut peer, 403, &["denied=1"]);
    assert_eq!(call.finish().unwrap_err().kind(), ErrorKind::Status);
    assert_eq!(jar.snapshot()[0].name(), "denied");
}

#[test]
fn c11_a_secure_cookie_is_not_sent_in_the_clear() {
    alone!();
    let peers = Peers::new();
    let jar = CookieJar::new();
    jar.set("https://secure.test/", "s=1; Secure").unwrap();
    jar.set("https://secure.test/", "p=1").unwrap();
    let client = client_with(&jar);
    let url = format!("http://secure.test:{}/a", peers.addr().port());
    let call = get(&client, url);
    let mut peer = peers.accept();
    expect(&mut peer, "GET /a ", Some("p=1"));
    answer(&mut peer, 200, &["s=stolen", "t=1; Secure"]);
    text(call.finish());
    let values: Vec<_> = jar.snapshot().iter().map(|it| it.value().into_owned()).collect();
    assert_eq!(values, ["1", "1"]);
}

/// The cookies belong to the URL's host, whatever the Host field says.
#[test]
fn c11_the_host_field_does_not_choose_the_cookies() {
    alone!();
    let peers = Peers::new();
    let jar = CookieJar::new();
    jar.set("http://other.test/", "o=1").unwrap();
    jar.set(peers.url("/"), "own=1").unwrap();
    let client = client_with(&jar);
    let url = peers.url("/a");
    let call = send(&client, |client| client.get(url).header("host", "other.test"));
    let mut peer = peers.accept();
    expect(&mut peer, "GET /a ", Some("own=1"));
    answer(&mut peer, 200, &["set=1; Domain=other.test", "set=2"]);
    text(call.finish());
    assert_eq!(jar.matching("http://other.test/").unwrap().len(), 1);
    assert_eq!(jar.matching(peers.url("/")).unwrap().len(), 2);
}

#[test]
fn c11_a_call_may_have_another_store_or_none() {
    alone!();
    let peers = Peers::new();
    let (jar, own) = (CookieJar::new(), CookieJar::new());
    jar.set(peers.url("/"), "client=1").unwrap();
    own.set(peers.url("/"), "call=1").unwrap();
    let client = client_with(&jar);
    let (url, store) = (peers.url("/a"), own.clone());
    let call = send(&client, |client| client.get(url).cookies(store));
    let mut peer = peers.accept();
    expect(&mut peer, "GET /a ", Some("call=1"));
    answer(&mut peer, 200, &["set=1"]);
    text(call.finish());
    let url = peers.url("/b");
    let call = send(&client, |client| client.get(url).no_cookies().header("cookie", "own=1"));
    expect(&mut peer, "GET /b ", Some("own=1"));
    answer(&mut peer, 200, &["nowhere=1"]);
    text(call.finish());
    assert_eq!((jar.snapshot().len(), own.snapshot().len()), (1, 2));
}

/// A store of the caller, which notes what it is given.
#[derive(Default)]
struct Noted {
    stored: Mutex<Vec<String>>,
    asked: Mutex<Vec<String>>,
}

impl CookieStore for Noted {
    fn store(&self, url: &Uri, set_cookie: &mut dyn Iterator<Item = &HeaderValue>) {
        let fields: Vec<_> = set_cookie.map(|field| field.to_str().unwrap()).collect();
        self.stored.lock().push(format!("{url} {}", fields.join(", ")));
    }

    fn cookies(&self, url: &Uri) -> Option<HeaderValue> {
        self.asked.lock().push(url.to_string());
        (url.path() == "/b").then(|| HeaderValue::from_static("x=1"))
    }
}

#[test]
fn c11_the_caller_brings_a_store() {
    alone!();
    let peers = Peers::new();
    let store = Arc::new(Noted::default());
    let client = Client::builder().cookies(Arc::clone(&store)).build();
    let call = get(&client, peers.url("/a#fragment").replace("//", "//u:p@"));
    let mut peer = peers.accept();
    expect(&mut peer, "GET /a ", None);
    redirect(&mut peer, "/b", &["a=1; Path=/", "b=2"]);
    expect(&mut peer, "GET /b ", Some("x=1"));
    peer.answer(200, "no cookies here");
    text(call.finish());
    assert_eq!(*store.asked.lock(), [peers.url("/a"), peers.url("/b")]);
    assert_eq!(*store.stored.lock(), [format!("{} a=1; Path=/, b=2", peers.url("/a"))]);
}

#[test]
fn c11_a_hops_middleware_sees_and_decides_on_the_cookies() {
    alone!();
    let peers = Peers::new();
    let jar = CookieJar::new();
    jar.set(peers.url("/"), "j=1").unwrap();
    let client = Client::builder()
        .cookies(jar.clone())
        .wrap(|request: Request, next: Next<'_>| {
            assert_eq!(request.headers()["cookie"], "own=1", "not yet added");
            next.run(request)
        })
        .wrap_hop(|mut request: Request, next: Next<'_>| {
            let cookies = request.headers()["cookie"].to_str().unwrap().to_owned();
            assert_eq!(cookies, "j=1; own=1");
            let path = request.uri().path().to_owned();
            let headers = request.headers_mut();
            match &*path {
                "/removed" => _ = headers.remove("cookie"),
                "/changed" => _ = headers.insert("cookie", HeaderValue::from_static("m=1")),
                "/added" => _ = headers.append("cookie", HeaderValue::from_static("m=1")),
                "/moved" => {
                    let elsewhere = request.uri().to_string().replace("/moved", "/x");
                    *request.uri_mut() = elsewhere.parse().unwrap();
                }
                _ => {}
            }
            next.run(request)
        })
        .build();
    jar.set(peers.url("/"), "x=1; Path=/x").unwrap();
    let mut peer = None;
    for (path, target, cookies) in [
        ("/left", "/left", Some("j=1; own=1")),
        ("/removed", "/removed", None),
        ("/changed", "/changed", Some("m=1")),
        ("/added", "/added", Some("j=1; own=1; m=1")),
        ("/moved", "/x", Some("x=1; j=1; own=1")),
    ] {
        let url = peers.url(path);
        let call = send(&client, move |client| client.get(url).header("cookie", "own=1"));
        let peer = peer.get_or_insert_with(|| peers.accept());
        expect(peer, &format!("GET {target} "), cookies);
        peer.answer(200, "ok");
        assert_eq!(text(call.finish()), "ok");
    }
}

/// As a middleware for authentication does, whose first attempt starts a session.
#[test]
fn c11_a_request_that_a_middleware_sends_again_has_the_new_cookies() {
    alone!();
    let peers = Peers::new();
    let jar = CookieJar::new();
    let client = Client::builder()
        .cookies(jar.clone())
        .wrap_hop(|request: Request, next: Next<'_>| {
            let (parts, _) = request.into_parts();
            let again = Request::from_parts(parts.clone(), "".into());
            let response = next.run(Request::from_parts(parts, "".into()))?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            drop(response); // gives its connection back
            next.run(again)
        })
        .build();
    jar.set(peers.url("/"), "j=1").unwrap();
    let call = get(&client, peers.url("/a"));
    let mut peer = peers.accept();
    expect(&mut peer, "GET /a ", Some("j=1"));
    answer(&mut peer, 401, &["session=1"]);
    expect(&mut peer, "GET /a ", Some("j=1; session=1"));
    answer(&mut peer, 200, &[]);
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn c11_a_policy_sees_and_decides_on_the_cookies() {
    alone!();
    let (one, other) = (Peers::new(), Peers::new());
    let jar = CookieJar::new();
    let client = client_with(&jar);
    let elsewhere: Uri = format!("http://away.test:{}/away", other.addr().port()).parse().unwrap();
    let policy = RedirectPolicy::custom(move |hop| {
        let mut next = hop.next().clone();
        assert_eq!(next.headers["cookie"], "set=1; own=1", "set by the redirect");
        match next.uri.path() {
            "/as-it-is" => return RedirectAction::follow(),
            "/without" => _ = next.headers.remove("cookie"),
            "/changed" => _ = next.headers.insert("cookie", HeaderValue::from_static("p=1")),
            _ => next.uri = elsewhere.clone(),
        }
        RedirectAction::follow_as(next)
    });
    let mut kept = None;
    for (to, cookies) in [
        ("/as-it-is", Some("set=1; own=1")),
        ("/without", None),
        ("/changed", Some("p=1")),
        ("/away", None),
    ] {
        let (url, policy) = (one.url("/a"), policy.clone());
        let call = send(&client, move |client| {
            client.get(url).header("cookie", "own=1").redirects(policy)
        });
        let peer = kept.get_or_insert_with(|| one.accept());
        peer.expect_request("GET /a ");
        redirect(peer, to, &["set=1"]);
        if to == "/away" {
            let mut away = other.accept();
            expect(&mut away, "GET /away ", cookies);
            answer(&mut away, 200, &["away=1"]);
        } else {
            expect(peer, &format!("GET {to} "), cookies);
            answer(peer, 200, &[]);
        }
        assert_eq!(text(call.finish()), "ok");
    }
    assert_eq!(jar.matching("http://away.test/").unwrap().len(), 1);
}

/// A login sets its cookie while a policy keeps the older ones back.
#[test]
fn c11_a_decision_about_cookies_holds_for_one_hop() {
    alone!();
    let peers = Peers::new();
    let jar = CookieJar::new();
    jar.set(peers.url("/"), "j=1").unwrap();
    let client = client_with(&jar);
    let policy = RedirectPolicy::custom(|hop| {
        let mut next = hop.next().clone();
        if next.uri.path() == "/b" {
            next.headers.remove("cookie");
        }
        RedirectAction::follow_as(next)
    });
    let url = peers.url("/a");
    let call = send(&client, |client| client.get(url).redirects(policy));
    let mut peer = peers.accept();
    expect(&mut peer, "GET /a ", Some("j=1"));
    redirect(&mut peer, "/b", &[]);
    expect(&mut peer, "GET /b ", None);
    redirect(&mut peer, "/c", &["login=1"]);
    expect(&mut peer, "GET /c ", Some("j=1; login=1"));
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn c11_a_jar_is_shared_by_threads_and_clients() {
    alone!();
    let peers = Peers::new();
    let jar = CookieJar::new();
    let served = peers.serve(|_, peer| {
        while let Some(request) = peer.next_request("GET /") {
            let name = request.head[5..].split(' ').next().unwrap().to_owned();
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nSet-Cookie: {name}=1\r\nSet-Cookie: shared=1\r\nContent-Length: 2\r\n\r\nok"
            ));
        }
    });
    let calls: Vec<_> = (0..8)
        .map(|thread| {
            let (client, url) = (client_with(&jar), served.url(""));
            crate::support::scripted_server::in_background(move || {
                for call in 0..10 {
                    text(client.get(format!("{url}/t{thread}c{call}")).send());
                }
            })
        })
        .collect();
    calls.into_iter().for_each(|call| call.finish());
    assert_eq!(jar.snapshot().len(), 81);
}

#[test]
fn c11_a_request_to_connect_has_no_cookies() {
    alone!();
    let peers = Peers::new();
    let jar = CookieJar::new();
    jar.set(peers.url("/"), "j=1").unwrap();
    let client = client_with(&jar);
    let url = peers.url("/");
    let call = send(&client, |client| client.request(hangup::http::Method::CONNECT, url));
    let mut peer = peers.accept();
    expect(&mut peer, "CONNECT ", None);
    answer(&mut peer, 403, &["proxy=1"]);
    text(call.finish());
    assert_eq!(jar.snapshot().len(), 1);
}
