//! The machinery behind the tests, so that the tests can be scripts.

mod carrier;
mod leaks;
mod raw_client;
pub(crate) mod scripted_server;

pub(crate) use carrier::{Over, over_each};
pub(crate) use leaks::alone;
pub(crate) use raw_client::{Answer, RawClient};

use std::time::Duration;

/// How long a test waits for what must happen before it fails. Never the time that it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
