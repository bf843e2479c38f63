//! Middlewares around a call and around a hop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hangup::client::{Middleware, Next};
use hangup::http::{HeaderValue, Uri};
use hangup::{Body, Client, ErrorKind, Request, Response, ResponseExt, Result, TimeLimit};
use parking_lot::Mutex;

use crate::client::{get, send, text};
use crate::support::alone;
use crate::support::scripted_server::{Peer, Peers};

fn redirect(peer: &mut Peer, to: &str) {
    peer.send(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"));
}

/// Writes a line for each request that passes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn named(&self, name: &'static str) -> impl Middleware + use<> {
        let log = self.clone();
        move |request: Request, next: Next<'_>| {
            let line = format!("{name} {} {}", request.method(), request.uri().path());
            log.0.lock().push(line);
            let response = next.run(request)?;
            log.0.lock().push(format!("{name} {}", response.status().as_u16()));
            Ok(response)
        }
    }

    fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// Adds a header, and removes a default header.
struct Header;

impl Middleware for Header {
    fn handle(&self, mut request: Request, next: Next<'_>) -> Result<Response> {
        let headers = request.headers_mut();
        assert_eq!(headers["user-agent"], "seams/1.0");
        headers.insert("x-api-key", HeaderValue::from_static("k1"));
        headers.remove("accept");
        next.run(request)
    }
}

/// Sends a request again, once, after a 503.
struct Retry;

impl Middleware for Retry {
    fn handle(&self, request: Request, next: Next<'_>) -> Result<Response> {
        let (parts, body) = request.into_parts();
        let again = body.try_clone();
        let response = next.run(Request::from_parts(parts.clone(), body))?;
        match again {
            Some(body) if response.status() == 503 => next.run(Request::from_parts(parts, body)),
            _ => Ok(response),
        }
    }
}

#[test]
fn middlewares_run_in_the_order_in_which_they_were_added() {
    alone!();
    let peers = Peers::new();
    let log = Log::default();
    let client = Client::builder()
        .wrap_hop(log.named("hop 1"))
        .wrap(log.named("call 1"))
        .wrap(log.named("call 2"))
        .wrap_hop(log.named("hop 2"))
        .build();
    let call = get(&client, peers.url("/a"));
    let mut peer = peers.accept();
    peer.expect_request("GET /a");
    redirect(&mut peer, "/b");
    peer.expect_request("GET /b");
    peer.answer(200, "ok");
    let response = call.finish().unwrap();
    assert_eq!((response.redirects(), response.history().len()), (1, 1));
    assert_eq!(text(Ok(response)), "ok");
    let expected = "call 1 GET /a, call 2 GET /a, hop 1 GET /a, hop 2 GET /a, hop 2 302, hop 1 302, \
                    hop 1 GET /b, hop 2 GET /b, hop 2 200, hop 1 200, call 2 200, call 1 200";
    assert_eq!(log.lines().join(", "), expected);
}

#[test]
fn a_middleware_changes_headers() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().user_agent("seams/1.0").wrap(Header).build();
    let call = get(&client, peers.url("/a"));
    let mut peer = peers.accept();
    let request = peer.expect_request("GET /a");
    assert_eq!(request.field("x-api-key"), Some("k1"));
    assert_eq!(request.field("user-agent"), Some("seams/1.0"));
    assert_eq!(request.field("accept"), None);
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

#[test]
fn a_middleware_sends_a_request_again() {
    alone!();
    let peers = Peers::new();
    let client = Client::builder().wrap(Retry).build();
    let url = peers.url("/a");
    let call = send(&client, move |client| client.post(url).body("text"));
    let mut peer = peers.accept();
    for status in [503, 200] {
        assert_eq!(peer.expect_request("POST /a").body, b"text");
        peer.answer(status, "ok");
    }
    assert_eq!(text(call.finish()), "ok");
    peers.expect_no_more();
}

#[test]
fn a_middleware_changes_url_and_body() {
    alone!();
    let peers = Peers::new();
    let elsewhere: Uri = peers.url("/elsewhere").parse().unwrap();
    let client = Client::builder()
        .wrap(move |request: Request, next: Next<'_>| {
            let mut request = request.map(|body| Body::from_reader(std::io::Read::take(body, 2)));
            *request.uri_mut() = elsewhere.clone();
            next.run(request)
        })
        .build();
    let call = send(&client, |client| client.put("http://unknown.invalid/").body("text"));
    let mut peer = peers.accept();
    assert_eq!(peer.expect_request("PUT /elsewhere").body, b"te");
    // A relative redirect is resolved against the URL that has responded.
    redirect(&mut peer, "there");
    let response = call.finish().unwrap();
    assert!(response.redirect_error().is_some(), "a reader cannot be sent again");
    assert_eq!(response.redirect_url().unwrap(), *peers.url("/there"));
}

#[test]
fn a_middleware_responds_by_itself() {
    alone!();
    let client = Client::builder()
        .wrap(|_: Request, _: Next<'_>| Ok(Response::new("cached".into())))
        .build();
    let mut response = client.get("http://unknown.invalid/").send().unwrap();
    assert_eq!(response.body_mut().read_text(100).unwrap(), "cached");
    assert!(response.url().is_none() && response.history().is_empty());
}

/// A middleware that waits is held to the limit of the call.
#[test]
fn the_limit_of_a_call_covers_its_middlewares() {
    alone!();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let client = Client::builder()
        .timeout(Duration::from_millis(20))
        .wrap(move |request: Request, next: Next<'_>| {
            counted.fetch_add(1, Ordering::Relaxed);
            let options = next.options();
            assert_eq!(options.timeout(), Some(Duration::from_millis(20)));
            let _ = options.context().expect("a limit has a context").wait();
            next.run(request)
        })
        .build();
    let error = client.get("http://127.0.0.1:1/").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Call));
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

/// A hop's middleware sees the credentials of its URL. Those that it leaves as they are stay with their
/// origin when it leads the request elsewhere.
#[test]
fn credentials_stay_with_their_origin_whatever_a_middleware_does() {
    alone!();
    let (one, other) = (Peers::new(), Peers::new());
    let elsewhere: Uri = other.url("/b").parse().unwrap();
    let client = Client::builder()
        .wrap_hop(move |mut request: Request, next: Next<'_>| {
            assert_eq!(request.headers()["authorization"], "Basic dTpw");
            if request.uri().path() == "/b" {
                *request.uri_mut() = elsewhere.clone();
            }
            next.run(request)
        })
        .build();
    let url = |path: &str| one.url(path).replace("//", "//u:p@");
    let call = get(&client, url("/a"));
    let mut peer = one.accept();
    assert_eq!(peer.expect_request("GET /a").field("authorization"), Some("Basic dTpw"));
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    let (to, cookie) = (url("/b"), "a=b");
    let call = send(&client, move |client| client.get(to).header("cookie", cookie));
    let mut peer = other.accept();
    let request = peer.expect_request("GET /b");
    assert_eq!((request.field("authorization"), request.field("cookie")), (None, None));
    peer.answer(200, "ok");
    let response = call.finish().unwrap();
    assert_eq!(response.url().unwrap(), &*other.url("/b"));
    assert_eq!(text(Ok(response)), "ok");
}

/// A secret that one middleware adds stays with the origin that it was added for when the next one leads
/// the request elsewhere.
#[test]
fn credentials_of_one_middleware_do_not_follow_another_to_a_new_origin() {
    alone!();
    let other = Peers::new();
    let elsewhere: Uri = other.url("/b").parse().unwrap();
    let client = Client::builder()
        .wrap(|mut request: Request, next: Next<'_>| {
            let value = HeaderValue::from_static("Bearer secret");
            request.headers_mut().insert("authorization", value);
            next.run(request)
        })
        .wrap(move |mut request: Request, next: Next<'_>| {
            *request.uri_mut() = elsewhere.clone();
            next.run(request)
        })
        .build();
    let call = get(&client, "http://127.0.0.1:1/a".to_owned());
    let mut peer = other.accept();
    assert_eq!(peer.expect_request("GET /b").field("authorization"), None);
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

/// A middleware that responds by itself does not do so for a call that has ended.
#[test]
fn a_call_that_has_ended_reaches_no_further_middleware() {
    alone!();
    let client = Client::builder()
        .timeout(Duration::from_millis(20))
        .wrap(|request: Request, next: Next<'_>| {
            let _ = next.options().context().expect("a limit has a context").wait();
            next.run(request)
        })
        .wrap(|_: Request, _: Next<'_>| Ok(Response::new("cached".into())))
        .build();
    let error = client.get("http://127.0.0.1:1/").send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Call));
}
