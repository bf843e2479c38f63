//! A client's connections under every order of their threads: several calls that share few places,
//! dials that fail, peers that close, callers that give up.
//!
//! Nothing here has a time limit, so a caller who is forgotten is a deadlock and fails the run; and
//! in the end every place has to be free, or the run does not end.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use http::Request;

use super::{Inner, ProxyOptions, Transport, TransportOptions};
use crate::body::Body;
use crate::client::fields::DefaultFields;
use crate::client::hop::HopRequest;
use crate::client::options::CallOptions;
use crate::client::pool::Limits;
use crate::client::route::Via;
use crate::client::url::Url;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::net::{Addr, DialError, DialOptions, Dialed, Stream, memory, model::dial_by};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::explore::{Limits as Time, any, explore, perhaps};
use crate::sync::{JoinHandle, spawn};

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    spawn(name, None, body).expect("there is always room")
}

/// How the world of a run behaves.
#[derive(Clone, Copy)]
struct World {
    /// One in so many dials fails; none if 0.
    fails: usize,
    /// Peers close after a response, and announce it.
    closes: bool,
    /// Peers may hang up instead of answering.
    hangs_up: bool,
}

impl World {
    fn dial(self, context: &Context) -> std::result::Result<Dialed, DialError> {
        if let Some(ended) = context.err() {
            return Err(DialError::Cancelled(ended));
        }
        if self.fails > 0 && any(self.fails) == 0 {
            return Err(DialError::System(std::io::ErrorKind::ConnectionRefused.into()));
        }
        let (near, far) = memory::pair();
        start("peer", move || self.answer(&far));
        Ok(Dialed {
            stream: near,
            remote: Addr::Memory,
            resolved_in: Duration::ZERO,
            connected_in: Duration::ZERO,
        })
    }

    /// Responds to requests until one side closes the connection.
    fn answer(self, mut stream: &Stream) {
        let mut seen = Vec::new();
        loop {
            let mut piece = [0; 256];
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => return,
                Ok(count) => seen.extend_from_slice(&piece[..count]),
            }
            if !seen.ends_with(b"\r\n\r\n") {
                continue;
            }
            seen.clear();
            if self.hangs_up && any(4) == 0 {
                return;
            }
            let ends = self.closes && perhaps();
            let connection = if ends { "Connection: close\r\n" } else { "" };
            let answer = format!("HTTP/1.1 200 OK\r\n{connection}Content-Length: 2\r\n\r\nok");
            if stream.write_all(answer.as_bytes()).is_err() || ends {
                return;
            }
        }
    }
}

fn transport(per_host: Option<usize>, idle_per_host: usize) -> Transport {
    Transport::new(TransportOptions {
        limits: Limits { per_host, idle_per_host, idle_timeout: None, ..Limits::default() },
        dial: DialOptions::default(),
        dialer: None,
        tls_timeout: None,
        connector: None,
        via: Via::Direct,
        proxy: ProxyOptions::default(),
        response_limits: crate::h1::Limits { max_bytes: 4096, max_fields: 1000 },
        expect_timeout: Duration::from_secs(1),
    })
}

/// Makes one call, and reads its response to the end or drops it early.
fn call(transport: &Transport, context: Option<&Context>) -> Result<()> {
    let (parts, ()) = Request::new(()).into_parts();
    let url = Url::parse("http://model/").expect("a valid URL");
    let defaults = DefaultFields::default();
    let mut hop = HopRequest::new(parts, url, Body::empty(), &defaults);
    let options = CallOptions { context: context.cloned(), ..CallOptions::default() };
    let mut body = transport.round_trip(&mut hop, &options)?.into_body();
    if perhaps() {
        let mut text = String::new();
        body.read_to_string(&mut text).map_err(Error::from)?;
        assert_eq!(text, "ok");
    }
    Ok(())
}

/// Ends the client, and waits until none of its places is taken any more.
fn end(transport: Transport) {
    let inner: Arc<Inner> = Arc::clone(&transport.inner);
    drop(transport);
    loop {
        let pool = inner.pool.lock();
        if pool.places() == 0 {
            assert_eq!((pool.idle(), pool.waiting()), (0, 0));
            return;
        }
        drop(pool);
        shuttle::thread::yield_now();
    }
}

/// `callers` call at the same time, twice each.
fn all_call(transport: Transport, callers: usize, outcome: fn(Result<()>)) {
    let transport = Arc::new(transport);
    let threads: Vec<_> = (0..callers)
        .map(|_| {
            let transport = Arc::clone(&transport);
            start("caller", move || {
                for _ in 0..2 {
                    outcome(call(&transport, None));
                    transport.inner.pool.lock().places();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("it does not panic");
    }
    end(Arc::into_inner(transport).expect("the callers are gone"));
}

/// Calls that share one or two places: each gets its response.
#[test]
fn who_waits_for_a_place_gets_one() {
    explore(800, Time::Never, || {
        let world = World { fails: 0, closes: perhaps(), hangs_up: false };
        dial_by(move |context| world.dial(context));
        let transport = transport(Some(1 + any(2)), any(3));
        all_call(transport, 3, |outcome| outcome.expect("nothing goes wrong"));
    });
}

/// Dials fail and peers close: each call gets a response or an error.
#[test]
fn failures_leave_nobody_waiting() {
    explore(800, Time::Never, || {
        let world = World { fails: 2, closes: perhaps(), hangs_up: perhaps() };
        dial_by(move |context| world.dial(context));
        let transport = transport(Some(1 + any(2)), any(3));
        all_call(transport, 3, |_| {});
    });
}

/// The same without a limit: each caller has a dial, and yet may take another's connection.
#[test]
fn failures_leave_nobody_waiting_without_a_limit() {
    explore(800, Time::Never, || {
        let world = World { fails: 2, closes: true, hangs_up: false };
        dial_by(move |context| world.dial(context));
        all_call(transport(None, any(3)), 3, |_| {});
    });
}

/// Callers give up at any moment: the others go on, and what comes for those who left is not lost.
#[test]
fn who_gives_up_takes_nothing_along() {
    explore(1000, Time::Never, || {
        let world = World { fails: [0, 3][any(2)], closes: perhaps(), hangs_up: false };
        dial_by(move |context| world.dial(context));
        let limit = [None, Some(1), Some(2)][any(3)];
        let transport = Arc::new(transport(limit, 1));
        let callers = [0, 1, 2].map(|number| {
            let transport = Arc::clone(&transport);
            let context = (number > 0).then(Context::new);
            let cancels = context.clone().map(|context| start("cancels", move || context.cancel()));
            let caller = start("caller", move || {
                if let Err(error) = call(&transport, context.as_ref()) {
                    assert!(context.is_some_and(|_| error.is_cancelled()) || error.is_connect());
                }
            });
            (caller, cancels)
        });
        for (caller, cancels) in callers {
            caller.join().expect("it does not panic");
            cancels.map(|cancels| cancels.join().expect("it does not panic"));
        }
        end(Arc::into_inner(transport).expect("the callers are gone"));
    });
}

/// However connections and dials go round among the callers, there is one of them for each at most: a
/// dial that its call has left is the next one's.
#[test]
fn callers_dial_no_more_than_once_each() {
    explore(800, Time::Never, || {
        let dials = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&dials);
        let world = World { fails: 0, closes: false, hangs_up: false };
        dial_by(move |context| {
            counting.fetch_add(1, Ordering::SeqCst);
            world.dial(context)
        });
        let limit = [None, Some(2)][any(2)];
        all_call(transport(limit, 3), 3, |outcome| outcome.expect("nothing goes wrong"));
        assert!(dials.load(Ordering::SeqCst) <= limit.unwrap_or(3));
    });
}

/// The same where dials fail and peers close: a call that has joined a dial is not forgotten with it.
#[test]
fn failures_of_joined_dials_leave_no_call_waiting() {
    explore(500, Time::Never, || {
        let world = World { fails: 3, closes: perhaps(), hangs_up: false };
        dial_by(move |context| world.dial(context));
        all_call(transport([None, Some(2)][any(2)], 1 + any(2)), 4, |_| {});
    });
}
