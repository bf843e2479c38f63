//! The view that models have of a pool.

use std::hash::Hash;

use super::Pool;

impl<K: Eq + Hash, C> Pool<K, C> {
    /// How many places are taken, over all hosts. For each: no more than the limit, and no call waits
    /// without a dial while a place is free, or a dial is spare.
    pub(in crate::client) fn places(&self) -> usize {
        let limit = self.limits.per_host.unwrap_or(usize::MAX);
        for host in self.hosts.values() {
            assert!(host.open <= limit);
            let without = host.waiting.iter().any(super::host::Waiting::is_without_dial);
            assert!(!without || (host.open == limit && host.spare.is_empty()));
        }
        assert_eq!(self.idle, self.hosts.values().map(|host| host.idle.len()).sum::<usize>());
        self.hosts.values().map(|host| host.open).sum()
    }
}
