//! Tables of the kinds that RFC 6265bis and the public tests of browsers have. Every row is a jar: the fields of
//! responses, and the Cookie field of a later request.

mod domains;
mod files;
mod lifetimes;
mod limits;
mod names;
mod order;
mod paths;
mod prefixes;
mod random;
mod secure;

use super::moment::Moment;
use super::scope::Origin;
use super::store::{Refusal, State};

/// 2026-01-02 03:04:05 UTC. No test asks the clock.
const NOW: i64 = 1_767_323_045;

fn at(seconds: i64) -> Moment {
    Moment::of_seconds(NOW + seconds)
}

/// Stores the cookie of a response from `url`.
fn set_at(
    state: &mut State,
    url: &str,
    field: impl AsRef<[u8]>,
    time: Moment,
) -> Result<(), Refusal> {
    state.set(field.as_ref(), Origin::of(&url.parse().unwrap()), time)
}

fn set(state: &mut State, url: &str, field: impl AsRef<[u8]>) -> Result<(), Refusal> {
    set_at(state, url, field, at(0))
}

/// Returns the Cookie field of a request for `url`.
fn sent_at(state: &mut State, url: &str, time: Moment) -> String {
    let mut text = Vec::new();
    for cookie in state.matching(Origin::of(&url.parse().unwrap()), time) {
        if !text.is_empty() {
            text.extend_from_slice(b"; ");
        }
        cookie.write(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn sent(state: &mut State, url: &str) -> String {
    sent_at(state, url, at(0))
}

/// A response from one URL, a request for another, and the Cookie field that it has.
type Row = (&'static str, &'static [&'static str], &'static str, &'static str);

fn check(rows: &[Row]) {
    for (from, fields, to, expected) in rows {
        let mut state = State::default();
        for field in *fields {
            let _ = set(&mut state, from, field);
        }
        assert_eq!(sent(&mut state, to), *expected, "{from} {fields:?} {to}");
    }
}

/// Checks the Cookie field of a request to the server that has set the cookies.
fn check_back(rows: &[(&'static [&'static str], &'static str)]) {
    for (fields, expected) in rows {
        check(&[("http://a.example/", fields, "http://a.example/", expected)]);
    }
}
