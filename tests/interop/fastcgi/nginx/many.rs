//! Thousands of requests, over connections that are used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use hangup::net::Listener;
use hangup::{Handler, fcgi};

use super::Nginx;
use crate::fastcgi::{App, LARGE, answer, body, client, get, post};
use crate::process::Folder;

/// How many connections a client of these has at once.
const AT_ONCE: usize = 8;

/// Mostly small bodies, of every length up to some thousand bytes; a few that fill buffers.
fn length(number: usize) -> usize {
    match number {
        _ if number % 2000 == 1999 => LARGE,
        _ if number % 200 == 199 => 90_000 + number,
        _ if number % 3 == 0 => 0,
        _ => number * 7919 % 3000,
    }
}

/// Has `count` bodies echoed, several at once.
fn echo(nginx: &Nginx, count: usize) {
    thread::scope(|scope| {
        for first in 0..AT_ONCE {
            scope.spawn(move || {
                let (client, url) = (client(), nginx.url("/echo"));
                for number in (first..count).step_by(AT_ONCE) {
                    let sent = body(number, length(number));
                    assert!(post(&client, &url, sent.clone()) == sent, "{number}");
                }
            });
        }
    });
    assert_eq!(nginx.complaints(), [""; 0]);
}

#[test]
#[ignore = "needs nginx"]
fn ten_thousand_requests_over_a_unix_socket() {
    let folder = Folder::new();
    let app = App::unix(&folder, answer::route);
    echo(&super::before(&app.place), 10_000);
}

#[test]
#[ignore = "needs nginx"]
fn ten_thousand_requests_over_tcp() {
    let app = App::tcp(answer::route);
    echo(&super::before(&app.place), 10_000);
}

#[test]
#[ignore = "needs nginx"]
fn connections_are_used_again() {
    let counting = Counting::start(answer::route);
    let nginx = super::before(&counting.place);
    echo(&nginx, 1000);
    let opened = counting.opened();
    assert!((1..=AT_ONCE).contains(&opened), "{opened} connections for 1000 requests");
    // Nor does a handler that panics, or complains, cost one.
    let client = client();
    for _ in 0..20 {
        get(&client, &nginx.url("/panic"), hangup::http::StatusCode::INTERNAL_SERVER_ERROR);
        get(&client, &nginx.url("/log"), hangup::http::StatusCode::OK);
    }
    assert_eq!(counting.opened(), opened);
}

/// Serves each connection by itself, so that they can be counted.
struct Counting {
    listener: Arc<Listener>,
    place: String,
    opened: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Counting {
    fn start(handler: impl Handler + Copy) -> Self {
        let listener = Arc::new(Listener::bind_tcp("127.0.0.1:0").expect("a free port"));
        let place = listener.local_addr().expect("its address").to_string();
        let opened = Arc::new(AtomicUsize::new(0));
        let (accepting, counted) = (Arc::clone(&listener), Arc::clone(&opened));
        let thread = thread::spawn(move || {
            let mut connections = Vec::new();
            while let Ok(Some((stream, _))) = accepting.accept() {
                counted.fetch_add(1, Ordering::Relaxed);
                connections.push(fcgi::Server::with_handler(handler).serve_stream(stream));
            }
            connections.iter().for_each(hangup::server::ServerHandle::close);
        });
        Self { listener, place, opened, thread: Some(thread) }
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.listener.close();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
