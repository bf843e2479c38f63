//! Dates in UTC.

use std::fmt::Display;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::text::displayed;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// A moment in the calendar.
struct Date {
    year: u64,
    /// From 1.
    month: usize,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    millisecond: u32,
}

/// Displays `06/Nov/2026:08:49:37 +0000`.
pub(super) fn of_common_log(time: SystemTime) -> impl Display {
    let Date { year, month, day, hour, minute, second, .. } = Date::new(time);
    let month = MONTHS[month - 1];
    displayed(move |f| {
        write!(f, "{day:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000")
    })
}

/// Displays `2026-11-06T08:49:37.123Z` (RFC 3339).
pub(super) fn rfc_3339(time: SystemTime) -> impl Display {
    let Date { year, month, day, hour, minute, second, millisecond } = Date::new(time);
    displayed(move |f| {
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z"
        )
    })
}

impl Date {
    /// A time before 1970 counts as 1970.
    fn new(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (days, seconds) =
            (since.as_secs() / SECONDS_PER_DAY, since.as_secs() % SECONDS_PER_DAY);
        let (year, month, day) = civil(days);
        Self {
            year,
            month,
            day,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            millisecond: since.subsec_millis(),
        }
    }
}

/// Returns year, month and day of a number of days since 1970.
fn civil(days: u64) -> (u64, usize, u64) {
    // Years that begin in March have the leap day at their end. 0000-03-01 is 719468 days before 1970.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month as usize, day)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn h09_dates_are_those_of_the_calendar() {
        for (seconds, common, rfc) in [
            (0, "01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00.250Z"),
            (784_111_777, "06/Nov/1994:08:49:37 +0000", "1994-11-06T08:49:37.250Z"),
            (951_782_400, "29/Feb/2000:00:00:00 +0000", "2000-02-29T00:00:00.250Z"),
            (4_107_542_399, "28/Feb/2100:23:59:59 +0000", "2100-02-28T23:59:59.250Z"),
            (4_107_542_400, "01/Mar/2100:00:00:00 +0000", "2100-03-01T00:00:00.250Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(250);
            assert_eq!(of_common_log(time).to_string(), common);
            assert_eq!(rfc_3339(time).to_string(), rfc);
        }
    }

    /// `httpdate` is another implementation.
    #[test]
    fn h09_every_day_has_its_date() {
        for day in 0..100_000 {
            let time = UNIX_EPOCH + Duration::from_secs(day * SECONDS_PER_DAY + day % 86_400);
            let other = httpdate::fmt_http_date(time);
            let (day, month, year, clock) =
                (&other[5..7], &other[8..11], &other[12..16], &other[17..25]);
            let expected = format!("{day}/{month}/{year}:{clock} +0000");
            assert_eq!(of_common_log(time).to_string(), expected);
        }
    }
}
