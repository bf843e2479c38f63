//! The machinery of the tests: scripted peers, raw clients, and checks that run with every test.

mod carrier;
mod leaks;
pub(crate) mod logs;
mod raw_client;
pub(crate) mod scripted_server;

pub(crate) use carrier::{Over, over_each};
pub(crate) use leaks::{alone, in_own_process, threads, wait_until_ended};
pub(crate) use raw_client::{Answer, RawClient};

use std::io::ErrorKind;
use std::net::Shutdown;
use std::time::Duration;

use hangup::testing::Stream;

/// Returns `all`, or a tenth of it where [`FULL`] is not set.
///
/// For tests that repeat a race or move much data. The many rounds find rare interleavings, and CI runs
/// them.
pub(crate) fn rounds(all: usize) -> usize {
    match std::env::var_os(FULL) {
        Some(_) => all,
        None => all.div_ceil(10),
    }
}

/// The environment variable that has the tests run all of their rounds.
const FULL: &str = "HANGUP_FULL_TESTS";

/// The longest time that a test waits for an event before it fails. An event that happens takes no part of
/// it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Shuts down the sending side of a stream. The other end may be closed already.
fn end(stream: &Stream) {
    let Err(error) = stream.shutdown(Shutdown::Write) else { return };
    // TLS sends a close_notify, which a closed peer answers with a reset.
    let gone = [ErrorKind::NotConnected, ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
    assert!(stream.tls().is_some() && gone.contains(&error.kind()), "{error}");
}
