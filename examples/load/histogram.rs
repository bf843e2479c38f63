//! Latencies in a table of fixed size.

use std::time::Duration;

/// The steps in each power of two. A latency is known to one part in 64.
const STEPS: u64 = 64;

/// The number of slots for all times of 64 bits in nanoseconds.
const SLOTS: usize = 60 * STEPS as usize;

/// A log-linear histogram: steps of one nanosecond first, then of two, of four…
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; SLOTS], total: 0, longest: Duration::ZERO }
    }
}

impl Histogram {
    pub(crate) fn add(&mut self, latency: Duration) {
        self.counts[slot(latency.as_nanos() as u64)] += 1;
        self.total += 1;
        self.longest = self.longest.max(latency);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (count, others) in self.counts.iter_mut().zip(&other.counts) {
            *count += others;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    /// Returns the latency that this fraction of all (0.99, say) does not exceed.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let rank = (part * self.total as f64).ceil() as u64;
        let mut passed = 0;
        let reached = self.counts.iter().position(|count| {
            passed += count;
            passed >= rank.max(1)
        });
        match reached {
            Some(slot) => Duration::from_nanos(upper_end(slot)).min(self.longest),
            None => self.longest,
        }
    }
}

/// Returns the slot of a latency in nanoseconds.
fn slot(nanos: u64) -> usize {
    if nanos < STEPS {
        return nanos as usize;
    }
    // The bits below the leading seven are dropped.
    let shift = nanos.ilog2() - STEPS.ilog2();
    (u64::from(shift) * STEPS + (nanos >> shift)) as usize
}

/// Returns the longest latency of a slot, in nanoseconds.
fn upper_end(slot: usize) -> u64 {
    let slot = slot as u64;
    if slot < STEPS {
        return slot;
    }
    let shift = slot / STEPS - 1;
    let step = slot - shift * STEPS;
    (step << shift) + ((1 << shift) - 1)
}
