//! Dates of HTTP (RFC 9110 section 5.6.7): whole seconds from 1970 to 9999.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The first second of the year 10000, which no date can express.
const END: Duration = Duration::from_secs(253_402_300_800);

/// Parses a date in any of the three formats.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

/// Formats a date that [`whole_seconds`] has returned.
pub(super) fn format(moment: SystemTime) -> String {
    httpdate::fmt_http_date(moment)
}

/// Returns the time of a file's last change as a validator, in whole seconds.
///
/// Returns `None` for a time that cannot be one: the start of 1970, which archives without times have,
/// times that no date can express, and times after `now` (RFC 9110 section 8.8.2.1).
pub(super) fn validator(modified: SystemTime, now: SystemTime) -> Option<SystemTime> {
    whole_seconds(modified).filter(|seconds| *seconds > UNIX_EPOCH && *seconds <= now)
}

/// Cuts a time to whole seconds. Returns `None` if no date can express it.
pub(super) fn whole_seconds(moment: SystemTime) -> Option<SystemTime> {
    let since = moment.duration_since(UNIX_EPOCH).ok().filter(|since| *since < END)?;
    Some(UNIX_EPOCH + Duration::from_secs(since.as_secs()))
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h08_times_that_no_date_expresses_are_no_validators() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let now = at(1_800_000_000);
        let half = Duration::from_millis(500);
        for (modified, expected) in [
            (at(1), Some(at(1))),
            (at(1_700_000_000) + half, Some(at(1_700_000_000))),
            (now, Some(now)),
            (now + half, Some(now)),
            (now + Duration::from_secs(1), None),
            (UNIX_EPOCH, None),
            (UNIX_EPOCH - half, None),
            (UNIX_EPOCH + END, None),
        ] {
            assert_eq!(validator(modified, now), expected, "{modified:?}");
        }
        assert_eq!(whole_seconds(UNIX_EPOCH + END), None);
        let last = whole_seconds(UNIX_EPOCH + END - half).unwrap();
        assert_eq!(format(last), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
