//! C17: middlewares of one call, and their order with those of the client.

use std::sync::{Arc, Mutex};

use hangup::client::{Middleware, Next};
use hangup::{Client, Request, Response, Result};

use super::text;
use crate::support::alone;
use crate::support::scripted_server::Peers;

/// Records the way in and the way out.
struct Named(&'static str, Arc<Mutex<Vec<String>>>);

impl Middleware for Named {
    fn handle(&self, request: Request, next: Next<'_>) -> Result<Response> {
        self.1.lock().unwrap().push(format!("{} {}", self.0, request.uri().path()));
        let response = next.run(request);
        self.1.lock().unwrap().push(format!("/{}", self.0));
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
    assert_eq!(*seen.lock().unwrap(), expected);
    seen.lock().unwrap().clear();
    assert_eq!(text(client.get(served.url("/other")).send()), "ok");
    assert!(!seen.lock().unwrap().iter().any(|name| name.contains("call")), "it was for one call");
    drop(client);
}
