//! Token buckets by key, in bounded memory.
//!
//! A bucket is one time: when it will be full. Each request moves that time by the time of a token. A request
//! is refused if the time would then be more than a whole bucket ahead.
//!
//! Keys lie in two tables. New and used ones are in `recent`. When that has half of the keys, it becomes
//! `older`, and what was `older` is dropped. So a key costs one look-up, and eviction costs nothing.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// How fast a bucket fills, and its size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// The time of one token.
    token: Duration,
    /// The time that fills an empty bucket.
    bucket: Duration,
}

impl Rate {
    pub(super) fn new(rate: f64, burst: u32) -> Self {
        assert!(rate > 0.0 && rate.is_finite(), "a rate of {rate} requests a second");
        assert!(burst > 0, "a burst of 0 would refuse every request");
        let token = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
        Self { token, bucket: token.saturating_mul(burst) }
    }
}

/// The buckets of all keys.
pub(super) struct Buckets<K> {
    /// When each bucket will be full.
    recent: HashMap<K, Duration>,
    older: HashMap<K, Duration>,
    /// How many keys each of the tables has at most.
    most: usize,
}

impl<K: Hash + Eq> Buckets<K> {
    pub(super) fn new(keys: usize) -> Self {
        Self { recent: HashMap::new(), older: HashMap::new(), most: (keys / 2).max(1) }
    }

    /// Takes a token of `key` at `now`, or returns the time after which there is one.
    pub(super) fn take(&mut self, key: K, rate: Rate, now: Duration) -> Result<(), Duration> {
        let full = self.bucket(key);
        let after = (*full).max(now).saturating_add(rate.token);
        let most = now.saturating_add(rate.bucket);
        match after.checked_sub(most).filter(|wait| !wait.is_zero()) {
            None => {
                *full = after;
                Ok(())
            }
            Some(wait) => Err(wait),
        }
    }

    /// Returns the bucket of `key`: a full one if it has none.
    fn bucket(&mut self, key: K) -> &mut Duration {
        if self.recent.len() >= self.most && !self.recent.contains_key(&key) {
            // `key` may be among those of which the bucket is kept.
            let before = self.older.remove(&key);
            std::mem::swap(&mut self.recent, &mut self.older);
            self.recent.clear();
            return self.recent.entry(key).or_insert(before.unwrap_or_default());
        }
        let older = &mut self.older;
        let before = if older.is_empty() { None } else { older.remove(&key) };
        self.recent.entry(key).or_insert_with(|| before.unwrap_or_default())
    }

    #[cfg(all(test, not(hangup_shuttle)))]
    fn len(&self) -> usize {
        self.recent.len() + self.older.len()
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn h09_a_bucket_empties_and_fills() {
        let mut buckets = Buckets::new(10);
        let rate = Rate::new(10.0, 3);
        for (at, wait) in [
            (0, None),
            (0, None),
            (0, None),
            (0, Some(100)),
            (1, Some(99)),
            (99, Some(1)),
            (100, None),
            (100, Some(100)),
            // A refusal costs nothing.
            (200, None),
            (10_000, None),
            (10_000, None),
            (10_000, None),
            (10_000, Some(100)),
            // The clock went back.
            (9_000, Some(1100)),
        ] {
            assert_eq!(
                buckets.take("key", rate, ms(at)),
                wait.map_or(Ok(()), |wait| Err(ms(wait)))
            );
        }
    }

    #[test]
    fn h09_extreme_rates_do_not_overflow() {
        let mut buckets = Buckets::new(2);
        for rate in [Rate::new(f64::MIN_POSITIVE, u32::MAX), Rate::new(1e-300, 1)] {
            assert!(buckets.take("slow", rate, ms(0)).is_ok());
        }
        let fast = Rate::new(f64::MAX, 1);
        assert!((0..1000).all(|_| buckets.take("fast", fast, ms(0)).is_ok()));
    }

    #[test]
    fn h09_memory_is_bounded_and_a_used_key_stays() {
        let mut buckets = Buckets::new(100);
        let rate = Rate::new(0.001, 1);
        assert!(buckets.take(0, rate, ms(0)).is_ok());
        for other in 1..10_000 {
            assert!(buckets.take(other, rate, ms(0)).is_ok());
            assert!(buckets.take(0, rate, ms(0)).is_err(), "it was evicted after {other}");
            assert!(buckets.len() <= 100);
        }
        // This one has not been seen for long.
        assert!(buckets.take(1, rate, ms(0)).is_ok());
        let mut few = Buckets::new(0);
        assert!((0..100).all(|key| few.take(key, rate, ms(0)).is_ok() && few.len() <= 2));
    }
}
