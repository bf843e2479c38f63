//! The wait between two attempts.

use std::time::Duration;

/// The wait after the first attempt by default.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait by default.
const LONGEST: Duration = Duration::from_secs(30);

/// The random part of a wait. It keeps clients that failed at the same moment from returning at the same
/// moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Jitter {
    /// The wait is not random.
    None,
    /// Half of the wait is fixed, and the other half is random.
    #[default]
    Equal,
    /// The whole wait is random, from zero on.
    Full,
}

/// Waits that double up to a limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    pub(super) first: Duration,
    pub(super) longest: Duration,
    pub(super) jitter: Jitter,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: FIRST, longest: LONGEST, jitter: Jitter::default() }
    }
}

impl Backoff {
    /// Returns the wait after attempt `number`, which counts from 1. `random` is at least 0 and less
    /// than 1.
    pub(super) fn after(&self, number: u32, random: f64) -> Duration {
        let doubled =
            2_u32.checked_pow(number - 1).and_then(|factor| self.first.checked_mul(factor));
        let wait = doubled.unwrap_or(Duration::MAX).min(self.longest);
        match self.jitter {
            Jitter::None => wait,
            Jitter::Equal => wait - (wait / 2).mul_f64(random),
            Jitter::Full => wait.mul_f64(random),
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    fn waits(jitter: Jitter, random: f64) -> Vec<u64> {
        let backoff = Backoff {
            first: Duration::from_millis(100),
            longest: Duration::from_millis(1000),
            jitter,
        };
        let numbers = [1, 2, 3, 4, 5, 6, 33, 4_000_000_000];
        numbers.map(|number| backoff.after(number, random).as_millis() as u64).to_vec()
    }

    #[test]
    fn c15_waits_double_up_to_the_longest() {
        assert_eq!(waits(Jitter::None, 0.5), [100, 200, 400, 800, 1000, 1000, 1000, 1000]);
    }

    #[test]
    fn c15_jitter_makes_waits_shorter_never_longer() {
        assert_eq!(waits(Jitter::Equal, 0.0), [100, 200, 400, 800, 1000, 1000, 1000, 1000]);
        assert_eq!(waits(Jitter::Equal, 0.5), [75, 150, 300, 600, 750, 750, 750, 750]);
        assert_eq!(waits(Jitter::Full, 0.0), [0; 8]);
        assert_eq!(waits(Jitter::Full, 0.5), [50, 100, 200, 400, 500, 500, 500, 500]);
    }

    #[test]
    fn c15_no_wait_overflows() {
        for (first, longest) in [
            (Duration::MAX, Duration::MAX),
            (Duration::ZERO, Duration::MAX),
            (Duration::MAX, Duration::ZERO),
        ] {
            for jitter in [Jitter::None, Jitter::Equal, Jitter::Full] {
                for number in [1, 2, 100] {
                    let wait = Backoff { first, longest, jitter }.after(number, 0.999_999);
                    assert!(wait <= longest);
                }
            }
        }
    }
}
