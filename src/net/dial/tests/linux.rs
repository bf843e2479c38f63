//! The connects that the system has begun, from its table of sockets.

use std::fs;
use std::net::TcpListener;
use std::thread;

use super::*;

/// Returns the number of the system's sockets that have sent a SYN to `address` without a reply.
fn connects_in_progress(address: SocketAddr) -> usize {
    let asking = format!(":{:04X} 02 ", address.port());
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().filter(|line| line.contains(&asking)).count()
}

#[test]
fn the_other_family_is_tried_after_the_fallback_delay() {
    // Skipped on a machine without IPv6.
    let Ok(listener) = TcpListener::bind((V6, 0)) else { return };
    let hole = BlackHole::new(V4);
    let answering = listener.local_addr().unwrap();
    let options = resolving_to(&[hole.address, answering]);
    let dialed = dial(&host(), &options, &Context::new()).unwrap();
    assert_eq!(dialed.remote, Addr::Ip(answering));
    assert!(dialed.connected_in >= options.fallback_delay);
    assert_eq!(connects_in_progress(hole.address), 0, "the other attempt is closed");
}

#[test]
fn a_context_wakes_a_dial_that_waits_for_connects() {
    let hole = BlackHole::new(V4);
    let options = resolving_to(&[hole.address]);
    let context = Context::new();
    thread::scope(|scope| {
        let dialing = scope.spawn(|| dial(&host(), &options, &context));
        // Once the system has begun the connect, the dial waits, or is about to.
        while connects_in_progress(hole.address) == 0 {
            thread::yield_now();
        }
        context.cancel();
        assert!(matches!(dialing.join().unwrap(), Err(DialError::Cancelled(_))));
        assert_eq!(connects_in_progress(hole.address), 0, "no socket is left behind");
    });
}
