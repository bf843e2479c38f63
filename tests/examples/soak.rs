//! Ten minutes of abusive clients against `lifecycle`, beside one client that behaves.
//!
//! ```text
//! cargo build --release --examples
//! cargo test --release --test examples soak -- --ignored --nocapture
//! ```
//!
//! `HANGUP_SOAK_SECONDS` sets another duration. The well-behaved client must see no error. Afterwards the server
//! must have the threads and descriptors that it began with, and little more memory.

#![allow(clippy::print_stdout)] // The figures of a run by hand.

mod abuses;

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hangup::{Client, Result};

use super::programs::{PATIENCE, Running};
use abuses::{ABUSES, Random};

/// How many clients misbehave at the same time.
const ABUSERS: u64 = 12;

/// How much the server may have resident afterwards, in MiB: half of what was measured before buffers were
/// given back after large requests.
const MOST_RESIDENT: f64 = 40.0;

#[test]
#[ignore = "takes ten minutes: run it by hand"]
fn soak() {
    let seconds = std::env::var("HANGUP_SOAK_SECONDS").map_or(600, |text| text.parse().unwrap());
    let server = Running::lifecycle(&[]);
    let addr: SocketAddr = server.place.trim_start_matches("http://").parse().expect("an address");
    let before = settled(&server, |_| true);
    println!("before: {before:?}");

    let over = AtomicBool::new(false);
    let counts: Vec<_> = ABUSES.iter().map(|_| AtomicU64::new(0)).collect();
    let answered = thread::scope(|scope| {
        for seed in 1..=ABUSERS {
            let (over, counts) = (&over, &counts);
            scope.spawn(move || abuse(addr, Random::new(seed), over, counts));
        }
        let healthy = scope.spawn(|| behave(&server.place, &over));
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < deadline && !healthy.is_finished() {
            thread::park_timeout(Duration::from_millis(200));
        }
        over.store(true, Ordering::Relaxed);
        healthy.join().expect("the client that behaves sees no error")
    });

    for ((name, _), count) in ABUSES.iter().zip(&counts) {
        println!("{:>8} x {name}", count.load(Ordering::Relaxed));
    }
    let after = settled(&server, |after| {
        after.threads <= before.threads && after.descriptors <= before.descriptors
    });
    println!("{answered} requests of the client that behaves; after: {after:?}");
    assert!(answered > 0);
    assert!(after.resident <= MOST_RESIDENT, "{} MiB are resident", after.resident);
}

/// Misbehaves in one way after the other, chosen at random.
fn abuse(addr: SocketAddr, mut random: Random, over: &AtomicBool, counts: &[AtomicU64]) {
    while !over.load(Ordering::Relaxed) {
        let choice = random.below(ABUSES.len() as u64) as usize;
        let (_, abuse) = ABUSES[choice];
        // The server closes abusive connections: what then fails here is as it should be.
        let _ = abuse(addr, &mut random);
        counts[choice].fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends plain requests and checks each response. Returns how many there were.
fn behave(server: &str, over: &AtomicBool) -> u64 {
    let client = Client::new();
    let mut count = 0;
    while !over.load(Ordering::Relaxed) {
        if let Err(error) = exchange(&client, server, count) {
            panic!("request {count}: {error}");
        }
        count += 1;
    }
    count
}

fn exchange(client: &Client, server: &str, number: u64) -> Result<()> {
    let length = (number * 977 % 200_000) as usize;
    let (mut response, expected) = match number % 3 {
        0 => (client.get(format!("{server}/")).send()?, b"ok\n".to_vec()),
        1 => {
            let body: Vec<_> = (0..length).map(|place| (place % 253) as u8).collect();
            (client.post(format!("{server}/echo")).body(body.clone()).send()?, body)
        }
        _ => {
            let body = (0..length).map(|place| (place % 251) as u8).collect();
            (client.get(format!("{server}/bytes/{length}")).send()?, body)
        }
    };
    assert_eq!(response.status(), 200);
    assert!(response.body_mut().read_bytes(1 << 20)? == expected, "request {number}: another body");
    Ok(())
}

/// The resources that a process uses.
#[derive(Debug)]
pub(super) struct Usage {
    pub(super) threads: usize,
    pub(super) descriptors: usize,
    /// MiB
    pub(super) resident: f64,
}

impl Usage {
    pub(super) fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let number = |name: &str| -> usize {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
            line.split_whitespace().next().expect("a number").parse().expect("a number")
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").count();
        let resident = number("VmRSS:") as f64 / 1024.0;
        Self { threads: number("Threads:"), descriptors, resident }
    }
}

/// Waits until the server has no connection left and its usage satisfies `is_so`.
pub(super) fn settled(server: &Running, is_so: impl Fn(&Usage) -> bool) -> Usage {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let usage = Usage::of(server.id());
        if is_so(&usage) && usage.descriptors <= 16 {
            return usage;
        }
        assert!(Instant::now() < deadline, "still {usage:?}");
        thread::park_timeout(Duration::from_millis(20));
    }
}
