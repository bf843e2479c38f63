//! Measuring a speed: plain data, whose clock the caller drives.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::text::counted;

/// The least period over which a speed is measured.
const LEAST_PERIOD: Duration = Duration::from_millis(1);

/// Into how many parts a period is divided. The bytes of a part count as transferred at its end.
const PARTS: u32 = 32;

/// The demand for a minimum speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) struct MinSpeed {
    bytes_per_second: u64,
    over: Duration,
}

impl MinSpeed {
    /// Returns the demand; `None` if it is for 0 bytes per second.
    pub(in crate::client) fn new(bytes_per_second: u64, over: Duration) -> Option<Self> {
        let over = over.max(LEAST_PERIOD);
        (bytes_per_second > 0).then_some(Self { bytes_per_second, over })
    }

    /// Returns the period over which the speed is measured.
    pub(super) fn over(self) -> Duration {
        self.over
    }

    /// Returns how many bytes have to be transferred in each period, at least one.
    fn bytes(self) -> u64 {
        let nanos = u128::from(self.bytes_per_second).saturating_mul(self.over.as_nanos());
        u64::try_from(nanos.div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for MinSpeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = counted(self.bytes_per_second, "byte");
        write!(f, "less than {bytes} per second for {:?}", self.over)
    }
}

/// The average speed over a sliding period.
pub(super) struct Meter {
    min: MinSpeed,
    /// The time measured so far.
    clock: Duration,
    /// The transfers of the last period, the oldest first.
    parts: VecDeque<Part>,
}

/// The bytes of a part of the period.
struct Part {
    begin: Duration,
    end: Duration,
    bytes: u64,
}

impl Meter {
    pub(super) fn new(min: MinSpeed) -> Self {
        Self { min, clock: Duration::ZERO, parts: VecDeque::new() }
    }

    /// Moves the clock.
    pub(super) fn advance(&mut self, span: Duration) {
        self.clock = self.clock.saturating_add(span);
        let Some(begin) = self.clock.checked_sub(self.min.over) else { return };
        while self.parts.front().is_some_and(|part| part.end <= begin) {
            self.parts.pop_front();
        }
    }

    /// Counts bytes that were transferred now.
    pub(super) fn record(&mut self, bytes: u64) {
        let (now, width) = (self.clock, self.min.over / PARTS);
        match self.parts.back_mut() {
            Some(part) if now - part.begin <= width => {
                part.end = now;
                part.bytes = part.bytes.saturating_add(bytes);
            }
            _ if bytes == 0 => {}
            _ => self.parts.push_back(Part { begin: now, end: now, bytes }),
        }
    }

    /// Returns how long the clock can run without a transfer until the speed is too low. Zero if it is.
    pub(super) fn left(&self) -> Duration {
        let needed = self.min.bytes();
        let mut bytes = self.parts.iter().fold(0_u64, |sum, part| sum.saturating_add(part.bytes));
        // No speed is known before the first period is over.
        let mut at = self.clock.max(self.min.over);
        for part in &self.parts {
            if bytes < needed {
                break;
            }
            at = at.max(part.end.saturating_add(self.min.over));
            bytes = bytes.saturating_sub(part.bytes);
        }
        at - self.clock
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn meter(bytes_per_second: u64, over: u64) -> Meter {
        Meter::new(MinSpeed::new(bytes_per_second, MS(over)).unwrap())
    }

    #[test]
    fn c16_a_silent_transfer_is_too_slow_after_one_period() {
        let mut meter = meter(1, 1000);
        assert_eq!(meter.left(), MS(1000));
        meter.advance(MS(999));
        assert_eq!(meter.left(), MS(1));
        meter.advance(MS(1));
        assert_eq!(meter.left(), MS(0));
    }

    #[test]
    fn c16_bytes_count_for_one_period() {
        let mut meter = meter(100, 1000);
        meter.record(100);
        assert_eq!(meter.left(), MS(1000));
        meter.advance(MS(600));
        meter.record(99);
        assert_eq!(meter.left(), MS(400), "99 bytes are not enough");
        meter.record(1);
        assert_eq!(meter.left(), MS(1000));
        meter.advance(MS(500));
        assert_eq!(meter.left(), MS(500));
    }

    #[test]
    fn c16_a_steady_trickle_is_judged_by_its_speed() {
        for (bytes, fails) in [(9, true), (10, false), (11, false)] {
            let mut meter = meter(100, 1000);
            let failed = (0..100).any(|_| {
                // Bytes that come at the last moment are in time.
                if meter.left() < MS(100) {
                    return true;
                }
                meter.advance(MS(100));
                meter.record(bytes);
                false
            });
            assert_eq!(failed, fails, "{bytes} bytes every 100 ms");
        }
    }

    #[test]
    fn c16_many_small_transfers_take_no_memory() {
        let mut meter = meter(1, 1000);
        for _ in 0..100_000 {
            meter.advance(Duration::from_micros(10));
            meter.record(1);
        }
        assert!(meter.parts.len() <= PARTS as usize + 2, "{}", meter.parts.len());
    }

    #[test]
    fn c16_extreme_demands_do_not_overflow() {
        assert_eq!(MinSpeed::new(0, MS(1000)), None);
        let mut most = Meter::new(MinSpeed::new(u64::MAX, Duration::MAX).unwrap());
        most.record(u64::MAX);
        most.record(u64::MAX);
        most.advance(Duration::MAX);
        most.advance(Duration::MAX);
        assert_eq!(most.left(), MS(0));
        let mut least = Meter::new(MinSpeed::new(1, Duration::ZERO).unwrap());
        least.record(1);
        assert_eq!(least.left(), LEAST_PERIOD);
        let text = MinSpeed::new(1000, MS(1500)).unwrap().to_string();
        assert_eq!(text, "less than 1000 bytes per second for 1.5s");
    }
}
