//! Expires and Max-Age.

use super::*;
use crate::client::cookies::date;

const URL: &str = "http://a.example/";

/// 400 days, in seconds.
const LONGEST: i64 = 400 * 86_400;

/// Checks the end of each cookie, in seconds from now: `None` for a session, 0 for a cookie that is not kept.
fn check_ends(rows: &[(&str, Option<i64>)]) {
    for (field, end) in rows.iter().copied() {
        let mut state = State::default();
        set(&mut state, URL, field).unwrap();
        let kept = state.all(at(0));
        let expected = end.map(|end| at(end).system_time());
        match end {
            Some(0) => assert!(kept.is_empty(), "{field}"),
            _ => assert_eq!(kept[0].expires(), expected, "{field}"),
        }
        if let Some(end @ 1..) = end {
            assert_eq!(sent_at(&mut state, URL, at(end - 1)), "a=b", "{field}");
            assert_eq!(sent_at(&mut state, URL, at(end)), "", "{field}");
            assert!(state.all(at(end)).is_empty(), "{field}");
        }
    }
}

#[test]
fn c11_a_max_age_ends_a_lifetime() {
    check_ends(&[
        ("a=b", None),
        ("a=b; Max-Age=1", Some(1)),
        ("a=b; max-age=60", Some(60)),
        ("a=b; Max-Age=0060", Some(60)),
        ("a=b; Max-Age= 60 ", Some(60)),
        ("a=b; Max-Age=0", Some(0)),
        ("a=b; Max-Age=-0", Some(0)),
        ("a=b; Max-Age=-1", Some(0)),
        ("a=b; Max-Age=-99999999999999999999999999", Some(0)),
        ("a=b; Max-Age=34560000", Some(LONGEST)),
        ("a=b; Max-Age=34560001", Some(LONGEST)),
        ("a=b; Max-Age=9223372036854775807", Some(LONGEST)),
        ("a=b; Max-Age=99999999999999999999999999", Some(LONGEST)),
        // No number.
        ("a=b; Max-Age", None),
        ("a=b; Max-Age=", None),
        ("a=b; Max-Age=-", None),
        ("a=b; Max-Age=+1", None),
        ("a=b; Max-Age=1.5", None),
        ("a=b; Max-Age=1,2", None),
        ("a=b; Max-Age=--1", None),
        ("a=b; Max-Age=\"1\"", None),
        ("a=b; Max-Age=1s", None),
        ("a=b; Max-Age=0x10", None),
        // The last one that is a number counts.
        ("a=b; Max-Age=1; Max-Age=2", Some(2)),
        ("a=b; Max-Age=1; Max-Age=x", Some(1)),
        ("a=b; Max-Age=60; Max-Age=0", Some(0)),
    ]);
}

#[test]
fn c11_a_date_ends_a_lifetime() {
    check_ends(&[
        ("a=b; Expires=Fri, 02 Jan 2026 03:04:06 GMT", Some(1)),
        ("a=b; expires=Friday, 02-Jan-26 03:05:05 GMT", Some(60)),
        ("a=b; Expires=Fri, 02 Jan 2026 03:04:05 GMT", Some(0)),
        ("a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("a=b; Expires=Thu, 01 Jan 1601 00:00:00 GMT", Some(0)),
        ("a=b; Expires=Fri, 31 Dec 9999 23:59:59 GMT", Some(LONGEST)),
        ("a=b; Expires=0", None),
        ("a=b; Expires=-1", None),
        ("a=b; Expires=", None),
        ("a=b; Expires=tomorrow", None),
        ("a=b; Expires=\"Fri, 02 Jan 2026 03:04:06 GMT\"", Some(1)),
        ("a=b; Expires=Fri, 02 Jan 2026 03:04:06 GMT; Expires=never", Some(1)),
        // Max-Age counts more, in either order.
        ("a=b; Max-Age=5; Expires=Thu, 01 Jan 1970 00:00:00 GMT", Some(5)),
        ("a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=5", Some(5)),
        ("a=b; Expires=Fri, 31 Dec 9999 23:59:59 GMT; Max-Age=0", Some(0)),
        ("a=b; Max-Age=x; Expires=Fri, 02 Jan 2026 03:04:06 GMT", Some(1)),
    ]);
}

#[test]
fn c11_an_expired_cookie_removes_its_predecessor() {
    for (first, then, expected) in [
        ("a=b", "a=; Max-Age=0", ""),
        ("a=b", "a=c; Expires=Thu, 01 Jan 1970 00:00:00 GMT", ""),
        ("a=b", "c=; Max-Age=0", "a=b"),
        ("a=b; Path=/", "a=; Max-Age=0; Path=/x", "a=b"),
        ("a=b; Domain=a.example", "a=; Max-Age=0", "a=b"),
        ("a=b; Max-Age=5", "a=c", "a=c"),
        ("a=b", "a=c; Max-Age=5", "a=c"),
    ] {
        let mut state = State::default();
        set(&mut state, URL, first).unwrap();
        set(&mut state, URL, then).unwrap();
        assert_eq!(sent(&mut state, URL), expected, "{first}, {then}");
    }
}

#[test]
fn c11_an_expired_cookie_counts_as_removed() {
    let mut state = State::default();
    set(&mut state, URL, "a=1; Max-Age=5").unwrap();
    set_at(&mut state, URL, "b=1", at(1)).unwrap();
    set_at(&mut state, URL, "c=1; Max-Age=5", at(1)).unwrap();
    let short = state.all(at(1)).pop().unwrap();
    // The successor is a new cookie, and so comes after the others.
    set_at(&mut state, URL, "a=2", at(5)).unwrap();
    assert_eq!(sent_at(&mut state, URL, at(5)), "b=1; c=1; a=2");
    assert!(!state.remove(&short, at(6)), "{short:?}");
    set_at(&mut state, URL, "c=1; Max-Age=5", at(6)).unwrap();
    assert!(state.remove(&short, at(6)) && !state.remove(&short, at(6)));
    assert_eq!(sent_at(&mut state, URL, at(6)), "b=1; a=2");
}

#[test]
fn c11_dates_are_read_as_servers_write_them() {
    for (text, expected) in [
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
        ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
        ("6 nov 1994 8:49:37", Some(784_111_777)),
        ("1994 6 nov 8:49:37", Some(784_111_777)),
        ("08:49:37 06 NOVEMBER 1994 UTC", Some(784_111_777)),
        ("06_Nov_1994;08:49:37", Some(784_111_777)),
        ("06 Nov 1994 08:49:37 +0100", Some(784_111_777)),
        ("06 Nov 1994 08:49:37.123", Some(784_111_777)),
        ("06 Nov 1994 08:49:37Z", Some(784_111_777)),
        ("6th Nov 1994 08:49:37", Some(784_111_777)),
        ("06 Nov 1994ad 08:49:37", Some(784_111_777)),
        ("06 Nov 1994 8:9:7", Some(784_109_347)),
        ("06 Nov 1994 00:00:00 12:34:56", Some(784_080_000)),
        // Years of two digits.
        ("01 Jan 70 00:00:00", Some(0)),
        ("01 Jan 69 00:00:00", Some(3_124_224_000)),
        ("01 Jan 00 00:00:00", Some(946_684_800)),
        ("31 Dec 99 23:59:59", Some(946_684_799)),
        ("01 Jan 100 00:00:00", None),
        ("01 Jan 1600 00:00:00", None),
        ("01 Jan 1601 00:00:00", Some(-11_644_473_600)),
        ("31 Dec 9999 23:59:59", Some(253_402_300_799)),
        ("01 Jan 10000 00:00:00", None),
        // Days of a month.
        ("29 Feb 2024 00:00:00", Some(1_709_164_800)),
        ("29 Feb 2023 00:00:00", None),
        ("29 Feb 2000 00:00:00", Some(951_782_400)),
        ("29 Feb 1900 00:00:00", None),
        ("31 Apr 2024 00:00:00", None),
        ("32 Jan 2024 00:00:00", None),
        ("00 Jan 2024 00:00:00", None),
        ("031 Jan 2024 00:00:00", None),
        // Times.
        ("01 Jan 2024 23:59:59", Some(1_704_153_599)),
        ("01 Jan 2024 24:00:00", None),
        ("01 Jan 2024 00:60:00", None),
        ("01 Jan 2024 00:00:60", None),
        ("01 Jan 2024 00:00", None),
        ("01 Jan 2024 000:00:00", None),
        ("01 Jan 2024 00:00:000", None),
        ("01 Jan 2024 0a:00:00", None),
        // Parts missing.
        ("", None),
        ("Jan 2024 00:00:00", None),
        ("01 2024 00:00:00", None),
        ("01 Jan 00:00:00", None),
        ("01 Foo 2024 00:00:00", None),
        ("01 Ja 2024 00:00:00", None),
        ("GMT", None),
    ] {
        assert_eq!(date::parse(text.as_bytes()), expected, "{text}");
    }
}

/// The standard library's calendar is not public, so `httpdate` is the second opinion.
#[test]
fn c11_every_day_is_the_day_after_the_one_before() {
    for day in (0..200_000).step_by(7) {
        let seconds = day * 86_400 + day % 86_400;
        let time = Moment::of_seconds(seconds).system_time();
        let text = httpdate::fmt_http_date(time);
        assert_eq!(date::parse(text.as_bytes()), Some(seconds), "{text}");
    }
}
