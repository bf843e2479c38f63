//! C17: middlewares of one call, and their order with those of the client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use hangup::client::{Middleware, Next};
use hangup::http::header::COOKIE;
use hangup::{Client, Context, Request, Response, Result};
use parking_lot::Mutex;

use super::{send, text};
use crate::support::scripted_server::Peers;
use crate::support::{PATIENCE, alone};

/// Records the way in and the way out.
struct Named(&'static str, Arc<Mutex<Vec<String>>>);

impl Middleware for Named {
    fn handle(&self, request: Request, next: Next<'_>) -> Result<Response> {
        self.1.lock().push(format!("{} {}", self.0, request.uri().path()));
        let response = next.run(request);
        self.1.lock().push(format!("/{}", self.0));
        response
    }
}

#[test]
fn c17_a_calls_middlewares_run_inside_of_the_clients_in_the_order_added() {
    alone!();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let named = |name| Named(name, Arc::clone(&seen));
    let client = Client::builder()
        .wrap(named("client1"))
        .wrap(named("client2"))
        .wrap_hop(named("client-hop"))
        .build();
    let served = Peers::new().serve(|_, peer| {
        while let Some(received) = peer.next_request("GET /") {
            match received.head.starts_with("GET /from") {
                true => peer.send("HTTP/1.1 302 F\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n"),
                false => peer.answer(200, "ok"),
            }
        }
    });
    let request = client
        .get(served.url("/from"))
        .wrap(named("call1"))
        .wrap(named("call2"))
        .wrap_hop(named("call-hop1"))
        .wrap_hop(named("call-hop2"));
    assert_eq!(text(request.send()), "ok");
    let hop = |path| {
        ["client-hop", "call-hop1", "call-hop2"]
            .map(|name| format!("{name} {path}"))
            .into_iter()
            .chain(["/call-hop2", "/call-hop1", "/client-hop"].map(str::to_owned))
    };
    let expected: Vec<String> = ["client1", "client2", "call1", "call2"]
        .map(|name| format!("{name} /from"))
        .into_iter()
        .chain(hop("/from"))
        .chain(hop("/to"))
        .chain(["/call2", "/call1", "/client2", "/client1"].map(str::to_owned))
        .collect();
    assert_eq!(*seen.lock(), expected);
    seen.lock().clear();
    assert_eq!(text(client.get(served.url("/other")).send()), "ok");
    assert!(!seen.lock().iter().any(|name| name.contains("call")), "it was for one call");
    drop(client);
}

/// A middleware that waits on the call's context ends with it, and so does the call.
#[test]
fn c17_cancel_ends_a_middleware_that_waits() {
    alone!();
    let client = Client::new();
    for of_hop in [false, true] {
        let (entering, entered) = bounded(1);
        let waiting = move |_: Request, next: Next<'_>| -> Result<Response> {
            entering.send(()).unwrap();
            Err(next.options().context().expect("the call has one").wait().into())
        };
        let context = Context::new();
        let of_call = context.clone();
        let call = send(&client, move |client| {
            let request = client.get("http://127.0.0.1:1/").context(&of_call);
            if of_hop { request.wrap_hop(waiting) } else { request.wrap(waiting) }
        });
        entered.recv_timeout(PATIENCE).unwrap();
        let cancelled = Instant::now();
        context.cancel_with("enough");
        let error = call.finish().unwrap_err();
        assert!(error.is_cancelled() && error.to_string().contains("enough"), "{error}");
        assert!(cancelled.elapsed() < Duration::from_secs(2));
    }
}

/// A call's own middleware that leads the request to another origin leaves the client's secrets behind.
#[test]
fn c17_a_calls_middleware_takes_no_secret_to_another_origin() {
    alone!();
    let first = Peers::new();
    let other = Peers::new();
    let client = Client::builder()
        .wrap(|mut request: Request, next: Next<'_>| {
            request.headers_mut().insert(COOKIE, "session=1".parse().unwrap());
            next.run(request)
        })
        .build();
    let to = other.url("/elsewhere");
    let url = first.url("/").replace("http://", "http://user:pass@");
    let call = send(&client, move |client| {
        client.get(url).wrap(move |mut request: Request, next: Next<'_>| {
            *request.uri_mut() = to.parse().unwrap();
            next.run(request)
        })
    });
    let mut peer = other.accept();
    let received = peer.expect_request("GET /elsewhere");
    assert_eq!((received.field("cookie"), received.field("authorization")), (None, None));
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    first.expect_no_more();
}
