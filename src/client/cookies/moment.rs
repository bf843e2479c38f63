//! Points in time, in milliseconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest lifetime of a cookie (RFC 6265bis section 5.5): 400 days.
const MAX_LIFETIME: i64 = 400 * 86_400_000;

/// The end of the year 9999. No cookie lasts longer.
const LATEST: i64 = 253_402_300_799_000;

/// A point in time: milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(i64);

impl Moment {
    /// The begin of 1970, which is past.
    pub(super) const EPOCH: Self = Self(0);

    pub(super) fn now() -> Self {
        Self::of(SystemTime::now())
    }

    pub(super) fn of(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self::of_millis(i64::try_from(after.as_millis()).unwrap_or(LATEST)),
            Err(_) => Self::EPOCH,
        }
    }

    pub(super) fn of_millis(millis: i64) -> Self {
        Self(millis.clamp(0, LATEST))
    }

    pub(super) fn of_seconds(seconds: i64) -> Self {
        Self::of_millis(seconds.saturating_mul(1000))
    }

    pub(super) fn millis(self) -> i64 {
        self.0
    }

    pub(super) fn seconds(self) -> i64 {
        self.0 / 1000
    }

    pub(super) fn after(self, seconds: i64) -> Self {
        Self::of_millis(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Shortens a lifetime that ends at `self` to the longest one from `now` on.
    pub(super) fn limited(self, now: Self) -> Self {
        self.min(Self::of_millis(now.0.saturating_add(MAX_LIFETIME)))
    }

    pub(super) fn system_time(self) -> SystemTime {
        let since = Duration::from_millis(self.0.unsigned_abs());
        UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
    }
}
