//! The field Retry-After (RFC 9110 section 10.2.3).

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// Returns the wait that a response asks for: in seconds, or as the date until which to wait. A date in
/// the past is a wait of zero. Returns `None` without a valid value.
pub(in crate::client) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let mut values = headers.get_all(RETRY_AFTER).iter();
    values.find_map(|value| parse(value.to_str().ok()?.trim(), now))
}

fn parse(text: &str, now: SystemTime) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that overflow are a very long wait.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    Some(http_date(text)?.duration_since(now).unwrap_or(Duration::ZERO))
}

/// Reads a date whose day of the week may be wrong: a server that computed it badly still asks for a wait.
fn http_date(text: &str) -> Option<SystemTime> {
    if let Ok(date) = httpdate::parse_http_date(text) {
        return Some(date);
    }
    let (_, date) = text.split_once(", ")?;
    let mut days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].into_iter();
    days.find_map(|day| httpdate::parse_http_date(&format!("{day}, {date}")).ok())
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn c15_retry_after_is_a_number_of_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (values, expected) in [
            (&["0"][..], Some(0)),
            (&["7"], Some(7)),
            (&[" 120 "], Some(120)),
            (&["Sun, 06 Nov 1994 08:49:47 GMT"], Some(10)),
            (&["Sunday, 06-Nov-94 08:50:37 GMT"], Some(60)),
            (&["Sun Nov  6 08:49:38 1994"], Some(1)),
            (&["Sun, 06 Nov 1994 08:49:00 GMT"], Some(0)),
            (&["Thu, 01 Jan 1970 00:00:00 GMT"], Some(0)),
            (&["Mon, 06 Nov 1994 08:49:47 GMT"], Some(10)),
            (&["Someday, 06 Nov 1994 08:49:47 GMT"], Some(10)),
            (&["Sun, 31 Feb 1994 08:49:47 GMT"], None),
            (&["99999999999999999999999"], Some(u64::MAX)),
            (&["soon", "3"], Some(3)),
            (&[], None),
            (&[""], None),
            (&["-1"], None),
            (&["1.5"], None),
            (&["+5"], None),
            (&["5, 6"], None),
            (&["Sun, 06 Nov 1994"], None),
        ] {
            let fields = values.iter().map(|value| (RETRY_AFTER, HeaderValue::from_static(value)));
            let wait = retry_after(&fields.collect(), now);
            assert_eq!(wait, expected.map(Duration::from_secs), "{values:?}");
        }
        let bytes = [(RETRY_AFTER, HeaderValue::from_bytes(b"\xff5").unwrap())];
        assert_eq!(retry_after(&bytes.into_iter().collect(), now), None);
    }
}
