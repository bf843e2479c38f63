//! The record of what happens on the connections of a script.

use super::received::Received;
use crate::sync::Mutex;

/// The requests of all connections, and a count of what has happened.
#[derive(Default)]
pub(super) struct Journal(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    requests: Vec<Received>,
    progress: u64,
}

impl Journal {
    /// Keeps a request that was received whole.
    pub(super) fn keep(&self, request: &Received) {
        self.0.lock().requests.push(request.clone());
    }

    pub(super) fn requests(&self) -> Vec<Received> {
        self.0.lock().requests.clone()
    }

    /// Counts an event.
    pub(super) fn advance(&self) {
        self.0.lock().progress += 1;
    }

    /// Returns the number of events, to notice a script that does not go on.
    pub(super) fn progress(&self) -> u64 {
        self.0.lock().progress
    }
}
