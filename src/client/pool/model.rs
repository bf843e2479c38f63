//! What models may know of a pool.

use std::hash::Hash;

use super::Pool;

impl<K: Eq + Hash, C> Pool<K, C> {
    /// How many places are taken, over all hosts. For each: no more than the limit, and nobody waits
    /// while a place is free but for a dial.
    pub(in crate::client) fn places(&self) -> usize {
        let limit = self.limits.per_host.unwrap_or(usize::MAX);
        for host in self.hosts.values() {
            assert!(host.open <= limit);
            let mut waiting = host.waiting.iter().filter(|waiting| waiting.want.is_open());
            assert!(waiting.all(|waiting| waiting.dialled) || host.open == limit);
        }
        assert_eq!(self.idle, self.hosts.values().map(|host| host.idle.len()).sum::<usize>());
        self.hosts.values().map(|host| host.open).sum()
    }
}
