//! Room for a new connection where the limit is reached: the connection that has been idle longest
//! leaves.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Shutdown;
use std::sync::Arc;

use super::conn_guard::{Entry, Phase};
use super::registry::State;

/// How many connections may be leaving at the same time. Beyond that the first of them is closed
/// without waiting for its client.
const MAX_LEAVING: usize = 16;

/// How many idle connections are tried. A request has just arrived on each that does not leave.
const MAX_TRIES: usize = 8;

/// Asks an idle connection to leave. Returns `false` if none is idle.
///
/// Called only when the limit is reached, since it looks at every connection.
pub(super) fn make(state: &mut State) -> bool {
    let idle = state.entries.iter().filter_map(|(id, entry)| Some((entry.idleness()?, *id)));
    let mut longest: BinaryHeap<_> = idle.map(Reverse).collect();
    for _ in 0..MAX_TRIES {
        let Some(Reverse((_, id))) = longest.pop() else { return false };
        let entry = Arc::clone(&state.entries[&id]);
        if !state.leaving.iter().any(|other| Arc::ptr_eq(other, &entry)) && ask_to_leave(&entry) {
            state.leaving.push(entry);
            // They stay in the list until their threads have left.
            let over = state.leaving.len().saturating_sub(MAX_LEAVING);
            let oldest = state.leaving[..over].iter();
            oldest.filter(|entry| !entry.is_in_request()).for_each(|entry| entry.stream.close());
            return true;
        }
    }
    false
}

/// Returns `true` if the connection leaves.
fn ask_to_leave(entry: &Entry) -> bool {
    if entry.is(Phase::Lingering) {
        entry.stream.close();
        return true;
    }
    if entry.stream.has_unread() {
        return false;
    }
    if entry.change(Phase::Parked, Phase::Closing) {
        // Its thread has taken nothing since it was parked. It wakes when the client reacts.
        let _ = entry.stream.shutdown(Shutdown::Write);
        return true;
    }
    // Its thread may already hold the first bytes of a request, which it then serves.
    let leaves = entry.change(Phase::Idle, Phase::Leaving);
    if leaves {
        entry.wake();
    }
    leaves
}
