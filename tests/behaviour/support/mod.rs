//! The machinery of the tests: scripted peers, raw clients, and checks that run with every test.

mod carrier;
mod leaks;
pub(crate) mod logs;
mod raw_client;
pub(crate) mod scripted_server;

pub(crate) use carrier::{Over, over_each};
pub(crate) use leaks::{
    alone, in_own_process, in_own_process_to_wait, in_own_process_with, threads, wait_until_ended,
};
pub(crate) use raw_client::{Answer, RawClient};

use std::io::ErrorKind;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use hangup::testing::Stream;

/// Returns `all`, or where [`FULL`] is not set a tenth of it and at most [`FEW`].
///
/// For tests that repeat a race or move much data. The many rounds find rare interleavings, and CI runs
/// them.
pub(crate) fn rounds(all: usize) -> usize {
    if all_rounds() { all } else { all.div_ceil(10).min(FEW) }
}

/// Returns `true` if [`FULL`] is set.
fn all_rounds() -> bool {
    std::env::var_os(FULL).is_some()
}

/// The most rounds of a test by default. A thousand cost a second of the suite's time.
const FEW: usize = 60;

/// The environment variable that has the tests run all of their rounds.
const FULL: &str = "HANGUP_FULL_TESTS";

/// The longest time that a test waits for an event before it fails. An event that happens takes no part of
/// it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How soon one side of a connection learns that the other has gone away. It takes under a millisecond, and with
/// twenty busy processes on each core 40 ms.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Repeats `leave`, which leaves a connection and returns how long the other side took to notice, until it has been
/// noticed at once three times.
///
/// A busy machine delays some rounds, so the test fails only after ten rounds and [`PATIENCE`].
#[track_caller]
pub(crate) fn noticed_at_once(mut leave: impl FnMut() -> Duration) {
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.iter().filter(|time| **time <= AT_ONCE).count() < 3 {
        assert!(times.len() < 10 || begun.elapsed() < PATIENCE, "{times:?}");
        times.push(leave());
    }
}

/// Returns `length` bytes of a pattern that repeats after 251 bytes, which no buffer's size is a multiple of.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    let period: Vec<u8> = (0..251).collect();
    let mut bytes = period.repeat(length.div_ceil(period.len()));
    bytes.truncate(length);
    bytes
}

/// Takes the first bytes of a buffer. Unlike `drain`, it moves them at once also without optimisation.
fn take_front(buffer: &mut Vec<u8>, count: usize) -> Vec<u8> {
    let rest = buffer.split_off(count);
    std::mem::replace(buffer, rest)
}

/// Shuts down the sending side of a stream. The other end may be closed already.
fn end(stream: &Stream) {
    let Err(error) = stream.shutdown(Shutdown::Write) else { return };
    // TLS sends a close_notify, which a closed peer answers with a reset.
    let gone = [ErrorKind::NotConnected, ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
    assert!(stream.tls().is_some() && gone.contains(&error.kind()), "{error}");
}

/// Waits until connections to `addr` are refused: the listener is closed.
///
/// The pause between two attempts lets the server find its queue empty.
pub(crate) fn until_refused(addr: SocketAddr) {
    scripted_server::eventually("the listener closes", || TcpStream::connect(addr).is_err());
}
