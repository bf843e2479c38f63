//! T16: redirects.

use hangup::client::{RedirectAction, RedirectPolicy, RequestBuilder};
use hangup::http::header::{AUTHORIZATION, COOKIE};
use hangup::http::{HeaderValue, Method};
use hangup::{Body, Client, ErrorKind, ResponseExt};

use super::{get, send, text};
use crate::support::scripted_server::{Peer, Peers};
use crate::support::{Over, alone, over_each};

over_each![
    t16_a_response_with_an_unusable_location_is_returned,
    t16_an_error_of_too_many_redirects_holds_the_last_response,
];

fn redirect(peer: &mut Peer, status: u16, to: impl AsRef<[u8]>) {
    let mut answer = format!("HTTP/1.1 {status} Elsewhere\r\nLocation: ").into_bytes();
    answer.extend_from_slice(to.as_ref());
    answer.extend_from_slice(b"\r\nContent-Length: 4\r\n\r\nmove");
    peer.send(answer);
}

#[test]
fn t16_each_status_changes_method_and_body_as_it_should() {
    alone!();
    for (status, method, then, with_body) in [
        (301, Method::GET, "GET", false),
        (301, Method::POST, "GET", false),
        (302, Method::POST, "GET", false),
        (302, Method::PUT, "PUT", true),
        (303, Method::POST, "GET", false),
        (303, Method::PUT, "GET", false),
        (303, Method::DELETE, "GET", false),
        (307, Method::POST, "POST", true),
        (308, Method::PUT, "PUT", true),
    ] {
        let peers = Peers::new();
        let client = Client::new();
        let url = peers.url("/a");
        let has_body = method != Method::GET;
        let call = send(&client, move |client| match has_body {
            true => client.request(method, url).header("content-type", "text/plain").body("text"),
            false => client.request(method, url),
        });
        let mut peer = peers.accept();
        peer.expect_request("");
        redirect(&mut peer, status, "/b");
        // On the same connection: the redirect's body has been drained.
        let followed = peer.expect_request(&format!("{then} /b "));
        assert_eq!(followed.body, if with_body { &b"text"[..] } else { b"" }, "{status}");
        assert_eq!(followed.field("content-type").is_some(), with_body, "{status}");
        assert_eq!(followed.field("content-length").is_some(), with_body, "{status}");
        peer.answer(200, "there");
        let response = call.finish().unwrap();
        assert_eq!(response.redirects(), 1);
        assert_eq!(response.url().unwrap().path(), "/b");
        assert_eq!(text(Ok(response)), "there");
        peers.expect_no_more();
    }
}

#[test]
fn t16_a_redirected_head_request_stays_head() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let url = peers.url("/a");
    let call = send(&client, move |client| client.head(url));
    let mut peer = peers.accept();
    peer.expect_request("HEAD /a");
    peer.send("HTTP/1.1 303 See Other\r\nLocation: /b\r\nContent-Length: 4\r\n\r\n");
    peer.expect_request("HEAD /b");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(text(call.finish()), "");
}

#[test]
fn t16_a_body_that_cannot_be_sent_again_leaves_the_redirect_to_the_caller() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let url = peers.url("/a");
    let call = send(&client, move |client| client.post(url).body(Body::from_chunks(["once"])));
    let mut peer = peers.accept();
    peer.expect_request("POST /a");
    redirect(&mut peer, 307, "/b");
    let response = call.finish().unwrap();
    assert_eq!((response.status().as_u16(), response.redirects()), (307, 0));
    assert_eq!(response.redirect_error().unwrap().kind(), ErrorKind::InvalidMessage);
    assert_eq!(text(Ok(response)), "move");

    let url = peers.url("/a");
    let body = Body::replayable(None, || Ok(Body::from("again")));
    let call = send(&client, move |client| client.post(url).body(body));
    assert_eq!(peer.expect_request("POST /a").body, b"again");
    redirect(&mut peer, 307, "/b");
    assert_eq!(peer.expect_request("POST /b").body, b"again");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn t16_credentials_stay_with_their_host() {
    alone!();
    stay_with_their_host(&Client::new(), |client, url| {
        client.get(url.replace("http://", "http://user:secret@")).header("cookie", "a=b")
    });
}

/// Default headers are as secret as those of one request.
#[test]
fn t16_credentials_that_are_defaults_stay_with_their_host() {
    alone!();
    let client = Client::builder()
        .default_header(AUTHORIZATION, HeaderValue::from_static("Basic dXNlcjpzZWNyZXQ="))
        .default_header(COOKIE, HeaderValue::from_static("a=b"))
        .build();
    stay_with_their_host(&client, |client, url| client.get(url));
}

fn stay_with_their_host(client: &Client, request: fn(&Client, String) -> RequestBuilder) {
    let (one, other) = (Peers::new(), Peers::new());
    let url = one.url("/a");
    let call = send(client, move |client| request(client, url));
    let mut peer = one.accept();
    let request = peer.expect_request("GET /a");
    assert!(request.field("authorization").is_some() && request.field("cookie").is_some());
    assert!(!request.head.contains("secret"), "{}", request.head);
    redirect(&mut peer, 302, "/b");
    let request = peer.expect_request("GET /b");
    assert!(request.field("authorization").is_some() && request.field("cookie").is_some());
    redirect(&mut peer, 302, other.url("/c"));
    let mut elsewhere = other.accept();
    let request = elsewhere.expect_request("GET /c");
    assert!(request.field("authorization").is_none() && request.field("cookie").is_none());
    assert_eq!(request.field("host").unwrap(), other.addr().to_string());
    // Nor do they come back with the next redirect.
    redirect(&mut elsewhere, 302, one.url("/d"));
    let request = peer.expect_request("GET /d");
    assert!(request.field("authorization").is_none() && request.field("cookie").is_none());
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn t16_the_eleventh_redirect_is_an_error() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let call = get(&client, peers.url("/0"));
    let mut peer = peers.accept();
    for number in 0..=10 {
        peer.expect_request(&format!("GET /{number} "));
        redirect(&mut peer, 302, format!("/{}", number + 1));
    }
    assert_eq!(call.finish().unwrap_err().kind(), ErrorKind::TooManyRedirects);
    // A loop is nothing else.
    let url = peers.url("/loop");
    let call = send(&client, move |client| client.get(url).redirects(RedirectPolicy::limited(2)));
    for _ in 0..3 {
        peer.expect_request("GET /loop");
        redirect(&mut peer, 302, "/loop");
    }
    assert_eq!(call.finish().unwrap_err().kind(), ErrorKind::TooManyRedirects);
    assert_eq!(client.idle_connections(), 1);
}

#[test]
fn t16_a_relative_location_resolves_against_the_requested_url() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let call = get(&client, peers.url("/a/b?c=d"));
    let mut peer = peers.accept();
    peer.expect_request("GET /a/b?c=d ");
    redirect(&mut peer, 302, "e?f=g#h");
    peer.expect_request("GET /a/e?f=g ");
    redirect(&mut peer, 302, "../i j");
    peer.expect_request("GET /i%20j ");
    redirect(&mut peer, 302, format!("//{}/k", peers.addr()));
    peer.expect_request("GET /k ");
    peer.answer(200, "ok");
    let response = call.finish().unwrap();
    assert_eq!(response.redirects(), 3);
    assert_eq!(text(Ok(response)), "ok");
}

#[test]
fn t16_a_response_that_is_no_followable_redirect_is_returned() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    for answer in [
        "HTTP/1.1 302 Found\r\nContent-Length: 4\r\n\r\nmove",
        "HTTP/1.1 300 Multiple Choices\r\nLocation: /b\r\nContent-Length: 4\r\n\r\nmove",
        "HTTP/1.1 200 OK\r\nLocation: /b\r\nContent-Length: 4\r\n\r\nmove",
    ] {
        let call = get(&client, peers.url("/a"));
        let mut peer = peers.accept();
        peer.expect_request("GET /a");
        peer.send(answer);
        assert_eq!(text(call.finish()), "move");
        client.close_idle_connections();
        peer.expect_closed();
    }
    let url = peers.url("/a");
    let call = send(&client, move |client| client.get(url).redirects(RedirectPolicy::none()));
    let mut peer = peers.accept();
    peer.expect_request("GET /a");
    redirect(&mut peer, 302, "b?c[]#d");
    let response = call.finish().unwrap();
    assert!(response.redirect_error().is_none());
    assert_eq!(response.redirect_url().unwrap().to_string(), peers.url("/b?c[]"));
    assert_eq!(text(Ok(response)), "move");
}

fn t16_a_response_with_an_unusable_location_is_returned(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for (location, part) in [
        (&b""[..], "empty"),
        (b"mailto:joe@example.org", "mailto"),
        (b"ftp://127.0.0.1/", "ftp"),
        (b"javascript:alert(1)", "javascript"),
        (b"http://[half", "IPv6"),
        (b"http://", "host"),
        // The reason depends on the feature `idna`.
        (b"http://b\xfccher.example/", "host"),
        (b"http://127.0.0.1:port/", "port"),
        (b"http://user:secret@127.0.0.1:99999/", "port"),
    ] {
        let call = get(&client, peers.url("/a"));
        let mut peer = peers.accept();
        peer.expect_request("GET /a");
        redirect(&mut peer, 302, location);
        let response = call.finish().unwrap();
        assert_eq!((response.status().as_u16(), response.redirects()), (302, 0));
        let why = response.redirect_error().expect("a reason");
        let shown = String::from_utf8_lossy(location);
        assert_eq!(why.kind(), ErrorKind::InvalidRedirect, "{shown}");
        assert!(why.is_peer_fault() && !why.is_caller_fault());
        assert!(response.redirect_url().is_none(), "{shown}");
        let text_of_it = why.to_string();
        assert!(text_of_it.contains(part) && !text_of_it.contains("secret"), "{text_of_it}");
        assert_eq!(text(Ok(response)), "move");
        assert_eq!(client.idle_connections(), 1);
        client.close_idle_connections();
        peer.expect_closed();
    }
}

/// A URL that the client had sent was once rejected by the strict grammar of the RFC.
#[test]
fn t16_a_location_resolves_against_a_url_with_odd_characters() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let odd = "/b?a[]=1&b={|^\\}'%";
    let absolute = peers.url("/plain");
    for (location, target) in [
        (&b"/plain"[..], "/plain"),
        (absolute.as_bytes(), "/plain"),
        (b"?c[]=2", "/b?c[]=2"),
        (b"/l?a[]=1", "/l?a[]=1"),
        (b"/caf\xe9?\xff", "/caf%E9?%FF"),
        (b"/caf\xc3\xa9 %C3%A9%zz", "/caf%C3%A9%20%C3%A9%zz"),
    ] {
        let call = get(&client, peers.url(odd));
        let mut peer = peers.accept();
        peer.expect_request(&format!("GET {odd} "));
        redirect(&mut peer, 302, location);
        peer.expect_request(&format!("GET {target} "));
        peer.answer(200, "ok");
        let response = call.finish().unwrap();
        assert_eq!(response.url().unwrap().to_string(), peers.url(target));
        assert_eq!(text(Ok(response)), "ok");
        client.close_idle_connections();
        peer.expect_closed();
    }
}

fn t16_an_error_of_too_many_redirects_holds_the_last_response(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let url = peers.url("/a");
    let call = send(&client, move |client| client.get(url).redirects(RedirectPolicy::limited(1)));
    let mut peer = peers.accept();
    peer.expect_request("GET /a");
    redirect(&mut peer, 302, "/b");
    peer.expect_request("GET /b");
    redirect(&mut peer, 307, "/c");
    let error = call.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyRedirects);
    let response = error.clone().take_response().expect("the last response");
    assert_eq!((response.status().as_u16(), response.redirects()), (307, 1));
    assert_eq!(response.url().unwrap().to_string(), peers.url("/b"));
    assert_eq!(response.headers()["location"], "/c");
    assert_eq!(text(Ok(response)), "move");
    assert!(error.take_response().is_none());
    assert_eq!(client.idle_connections(), 1);
    peers.expect_no_more();
}

fn basic(pair: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(pair))
}

/// Credentials in a URL apply to its request and to later ones of the same origin.
#[test]
fn t16_credentials_in_the_url_are_sent() {
    alone!();
    let peers = Peers::new();
    let client = Client::new();
    let of = |userinfo: &str, path: &str| peers.url(path).replace("//", &format!("//{userinfo}@"));
    let call = get(&client, of("a:1", "/0"));
    let mut peer = peers.accept();
    let mut location = String::new();
    for (number, (then, sent)) in [
        (of("b:2", "/1"), "a:1"),
        ("/2".to_owned(), "b:2"),
        (peers.url("/3"), "b:2"),
        (of("c", "/4"), "b:2"),
        (String::new(), "c:"),
    ]
    .into_iter()
    .enumerate()
    {
        let request = peer.expect_request(&format!("GET /{number} "));
        assert_eq!(request.field("authorization"), Some(&*basic(sent)), "{number}: {location}");
        if then.is_empty() {
            peer.answer(200, "ok");
        } else {
            redirect(&mut peer, 302, &then);
        }
        location = then;
    }
    let response = call.finish().unwrap();
    assert_eq!(response.url().unwrap().to_string(), peers.url("/4"));
    assert_eq!(text(Ok(response)), "ok");
}

#[test]
fn t16_an_authorization_header_overrides_credentials_in_the_url() {
    alone!();
    let (one, other) = (Peers::new(), Peers::new());
    let client = Client::new();
    let url = one.url("/a").replace("//", "//u:p@");
    let call = send(&client, move |client| client.get(url).bearer_auth("token"));
    let mut peer = one.accept();
    assert_eq!(peer.expect_request("GET /a").field("authorization"), Some("Bearer token"));
    redirect(&mut peer, 302, one.url("/b").replace("//", "//v:q@"));
    assert_eq!(peer.expect_request("GET /b").field("authorization"), Some("Bearer token"));
    redirect(&mut peer, 302, other.url("/c").replace("//", "//v:q@"));
    let mut elsewhere = other.accept();
    let request = elsewhere.expect_request("GET /c");
    assert_eq!(request.field("authorization"), Some(&*basic("v:q")));
    elsewhere.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn t16_sensitive_headers_stay_with_their_origin() {
    alone!();
    let (one, other) = (Peers::new(), Peers::new());
    let mut marked = HeaderValue::from_static("secret");
    marked.set_sensitive(true);
    let client = Client::builder().default_header("X-Default", marked.clone()).build();
    let url = one.url("/a");
    let call = send(&client, move |client| {
        client.get(url).header("X-Token", marked).header("X-Other", "kept")
    });
    let mut peer = one.accept();
    let request = peer.expect_request("GET /a");
    assert!(request.field("x-token").is_some() && request.field("x-default").is_some());
    redirect(&mut peer, 302, "/b");
    let request = peer.expect_request("GET /b");
    assert!(request.field("x-token").is_some() && request.field("x-default").is_some());
    redirect(&mut peer, 302, other.url("/c"));
    let mut elsewhere = other.accept();
    let request = elsewhere.expect_request("GET /c");
    assert!(request.field("x-token").is_none() && request.field("x-default").is_none());
    assert_eq!(request.field("x-other"), Some("kept"));
    elsewhere.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn t16_a_policy_sees_the_next_request_and_can_lead_elsewhere() {
    alone!();
    let (one, other) = (Peers::new(), Peers::new());
    let client = Client::new();
    let (url, elsewhere) = (one.url("/a"), other.url("/x%20y").replace("//", "//v:q@"));
    let (seen, shown) = std::sync::mpsc::channel();
    let call = send(&client, move |client| {
        let url = url.replace("//", "//u:p@");
        client.get(url).header("cookie", "a=b").redirects(RedirectPolicy::custom(move |hop| {
            assert_eq!(hop.response().url(), Some(hop.url()));
            let mut next = hop.next().clone();
            let authorization = next.headers["authorization"].to_str().unwrap().to_owned();
            seen.send((hop.url().to_string(), next.uri.to_string(), authorization)).unwrap();
            next.uri = elsewhere.parse().unwrap();
            RedirectAction::follow_as(next)
        }))
    });
    let mut peer = one.accept();
    peer.expect_request("GET /a");
    redirect(&mut peer, 302, "/b");
    let mut led = other.accept();
    let request = led.expect_request("GET /x%20y ");
    assert_eq!(shown.recv().unwrap(), (one.url("/a"), one.url("/b"), basic("u:p")));
    assert_eq!(request.field("authorization"), Some(&*basic("v:q")));
    assert_eq!(request.field("host").unwrap(), other.addr().to_string());
    assert_eq!(request.field("cookie"), None);
    led.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

/// A policy that changed the query once lost the credentials. One that set new credentials lost those at
/// the next hop.
#[test]
fn t16_a_policy_within_the_origin_leaves_the_credentials_as_they_are() {
    alone!();
    let peers = Peers::new();
    for own in [None, Some("Bearer mine")] {
        let client = Client::new();
        let url = peers.url("/a").replace("//", "//u:p@");
        let policy = RedirectPolicy::custom(move |hop| {
            let mut next = hop.next().clone();
            match own {
                Some(own) if next.uri.path() == "/b" => {
                    next.headers.insert("authorization", own.parse().unwrap());
                }
                Some(_) => return RedirectAction::follow(),
                None => next.uri = format!("{}?x=1", next.uri).parse().unwrap(),
            }
            RedirectAction::follow_as(next)
        });
        let call = send(&client, move |client| client.get(url).redirects(policy));
        let query = if own.is_some() { "" } else { "?x=1" };
        let expected = own.map_or_else(|| basic("u:p"), str::to_owned);
        let mut peer = peers.accept();
        peer.expect_request("GET /a");
        redirect(&mut peer, 302, "/b");
        for (path, to) in [("/b", Some("/c")), ("/c", None)] {
            let request = peer.expect_request(&format!("GET {path}{query} "));
            assert_eq!(request.field("authorization"), Some(&*expected), "{path}");
            match to {
                Some(to) => redirect(&mut peer, 302, to),
                None => peer.answer(200, "ok"),
            };
        }
        assert_eq!(text(call.finish()), "ok");
    }
}
