//! `RateLimit`.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hangup::layers::RateLimit;
use hangup::{HandlerExt, RequestExt};

use super::{call, handled, header, request};

/// A clock that a test moves.
struct Clock {
    begun: Instant,
    /// The milliseconds since then.
    passed: Arc<AtomicU64>,
}

impl Clock {
    fn new() -> Self {
        Self { begun: Instant::now(), passed: Arc::default() }
    }

    fn advance(&self, ms: u64) {
        self.passed.fetch_add(ms, Ordering::SeqCst);
    }

    fn function(&self) -> impl Fn() -> Instant + Send + Sync + 'static {
        let (begun, passed) = (self.begun, Arc::clone(&self.passed));
        move || begun + Duration::from_millis(passed.load(Ordering::SeqCst))
    }
}

#[test]
fn h09_a_key_has_its_rate_and_its_burst() {
    let clock = Clock::new();
    let limit =
        RateLimit::by(0.5, 2, |r| r.headers().get("x-key").cloned()).clock(clock.function());
    let handler = handled.layer(limit);
    let get = |key: &str| {
        let response = call(&handler, request("GET", &[("x-key", key)]));
        (response.status().as_u16(), header(&response, "retry-after"))
    };
    let (ok, wait) = ((200, String::new()), |seconds: &str| (429, seconds.to_owned()));
    assert_eq!((get("a"), get("a"), get("a")), (ok.clone(), ok.clone(), wait("2")));
    assert_eq!((get("b"), get("b"), get("b")), (ok.clone(), ok.clone(), wait("2")));
    clock.advance(999);
    assert_eq!(get("a"), wait("2"));
    clock.advance(1);
    assert_eq!(get("a"), wait("1"));
    clock.advance(999);
    assert_eq!(get("a"), wait("1"));
    clock.advance(1);
    assert_eq!((get("a"), get("a")), (ok.clone(), wait("2")));
    clock.advance(1_000_000);
    assert_eq!((get("a"), get("a"), get("a")), (ok.clone(), ok.clone(), wait("2")));
    // Without a key there is no limit.
    assert!((0..10).all(|_| call(&handler, request("GET", &[])).status() == 200));
}

#[test]
fn h09_a_client_is_an_address_or_a_network() {
    let clock = Clock::new();
    let handler = handled.layer(RateLimit::new(1.0, 1).clock(clock.function()));
    let get = |ip: &str| {
        let mut request = request("GET", &[]);
        request.set_client_ip(ip.parse::<IpAddr>().unwrap());
        call(&handler, request).status().as_u16()
    };
    for (ip, status) in [
        ("192.0.2.1", 200),
        ("192.0.2.1", 429),
        ("::ffff:192.0.2.1", 429),
        ("192.0.2.2", 200),
        ("2001:db8::1", 200),
        ("2001:db8::2", 429),
        ("2001:db8:0:0:ffff:ffff:ffff:ffff", 429),
        ("2001:db8:0:1::1", 200),
        ("::1", 200),
        ("::2", 429),
    ] {
        assert_eq!(get(ip), status, "{ip}");
    }
    // A request without an address is not limited.
    assert!((0..10).all(|_| call(&handler, request("GET", &[])).status() == 200));
}

#[test]
fn h09_clones_share_the_buckets() {
    let clock = Clock::new();
    let limit = RateLimit::by(1.0, 1, |_| Some(())).clock(clock.function());
    let (one, other) = (handled.layer(limit.clone()), handled.layer(limit));
    assert_eq!(call(&one, request("GET", &[])).status(), 200);
    assert_eq!(call(&other, request("GET", &[])).status(), 429);
}

#[test]
fn h09_many_keys_evict_the_oldest_only() {
    let clock = Clock::new();
    let limit = RateLimit::by(1.0, 1, |r| r.headers().get("x-key").cloned())
        .max_keys(4)
        .clock(clock.function());
    let handler = handled.layer(limit);
    let get = |key: &str| call(&handler, request("GET", &[("x-key", key)])).status().as_u16();
    for (key, status) in [
        ("a", 200),
        ("a", 429),
        ("b", 200),
        ("c", 200),
        ("a", 429),
        ("d", 200),
        ("a", 429),
        ("b", 200),
    ] {
        assert_eq!(get(key), status, "{key}");
    }
}

#[test]
fn h09_impossible_rates_are_refused() {
    for (rate, burst) in [(0.0, 1), (-1.0, 1), (f64::NAN, 1), (f64::INFINITY, 1), (1.0, 0)] {
        let made = std::panic::catch_unwind(|| RateLimit::new(rate, burst));
        assert!(made.is_err(), "{rate} {burst}");
    }
}
