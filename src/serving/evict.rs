//! Eviction: at the limit of connections, the longest idle one makes room for a new one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::Shutdown;
use std::sync::Arc;

use super::entry::{Entry, Phase};

/// How many evicted connections may be open at the same time. One more, and the first of them is closed
/// without waiting for its client.
const MAX_LEAVING: usize = 16;

/// How many idle connections are tried. One that cannot be evicted has just received a request.
const MAX_TRIES: usize = 8;

/// Evicts an idle connection, and adds it to `leaving`. Returns `false` if none can be evicted.
///
/// It examines every connection, and so is called only when the limit is reached.
pub(super) fn evict_one(entries: &HashMap<u64, Arc<Entry>>, leaving: &mut Vec<Arc<Entry>>) -> bool {
    let ranked = entries.iter().filter_map(|(id, entry)| Some((entry.eviction_rank()?, *id)));
    let mut longest: BinaryHeap<_> = ranked.map(Reverse).collect();
    for _ in 0..MAX_TRIES {
        let Some(Reverse((_, id))) = longest.pop() else { return false };
        let entry = &entries[&id];
        if !leaving.iter().any(|other| Arc::ptr_eq(other, entry)) && ask_to_leave(entry) {
            leaving.push(Arc::clone(entry));
            // They stay in the list until their threads have released them.
            let over = leaving.len().saturating_sub(MAX_LEAVING);
            let oldest = leaving[..over].iter();
            oldest.filter(|entry| !entry.is_in_request()).for_each(|entry| entry.stream.close());
            return true;
        }
    }
    false
}

/// Returns `true` if the connection ends, at the latest with the request that is about to begin.
fn ask_to_leave(entry: &Entry) -> bool {
    if entry.is(Phase::Lingering) {
        entry.stream.close();
        return true;
    }
    if entry.stream.has_unread() {
        return false;
    }
    if entry.change(Phase::Parked, Phase::Closing) {
        // The thread has read nothing since it was parked. It wakes when the client reacts.
        let _ = entry.stream.shutdown(Shutdown::Write);
        return true;
    }
    // The thread may already hold the first bytes of a request, which it then serves.
    let leaves = entry.change(Phase::Idle, Phase::Leaving);
    if leaves {
        entry.wake();
    }
    leaves
}
