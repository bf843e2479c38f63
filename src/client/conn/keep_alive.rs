//! The limits of a connection that its peer announces: `Keep-Alive: timeout=N, max=M`.
//!
//! The field is in no current standard (RFC 2068 section 19.7.1 was the last), but Apache, nginx, Node
//! and others send it. Parameters that cannot be parsed are ignored.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// The number of field names up to which they are compared one by one.
const FEW: usize = 8;

/// How long before the peer's timeout a connection leaves the pool, so that no request crosses the
/// closing. Half of the timeout if that is less.
const MARGIN: Duration = Duration::from_secs(1);

/// The announcement of one response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct KeepAlive {
    /// How long the connection may be idle, less [`MARGIN`].
    pub(super) idle: Option<Duration>,
    /// How many more requests the connection may carry.
    pub(super) left: Option<u64>,
}

impl KeepAlive {
    /// Returns the announcement in these fields, or `None` if there is none.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        if !is_in(headers) {
            return None;
        }
        Some(Self::read(headers)).filter(|announced| *announced != Self::default())
    }

    fn read(headers: &HeaderMap) -> Self {
        let mut announced = Self::default();
        let values = headers.get_all(&KEEP_ALIVE).into_iter();
        let parameters =
            values.flat_map(|value| value.as_bytes().split(|byte| b",;".contains(byte)));
        for (name, number) in parameters.filter_map(parameter) {
            if name.eq_ignore_ascii_case(b"timeout") {
                let limit = Duration::from_secs(number);
                announced.idle = Some(limit - MARGIN.min(limit / 2));
            } else if name.eq_ignore_ascii_case(b"max") {
                announced.left = Some(number);
            }
        }
        announced
    }
}

/// Returns `true` if the field is present. This runs for every response, and comparing a few names costs
/// less than hashing.
fn is_in(headers: &HeaderMap) -> bool {
    match headers.keys_len() <= FEW {
        true => headers.keys().any(|name| *name == KEEP_ALIVE),
        false => headers.contains_key(&KEEP_ALIVE),
    }
}

/// Returns a parameter's name, and the number at the beginning of its value.
fn parameter(text: &[u8]) -> Option<(&[u8], u64)> {
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (text[..equals].trim_ascii(), text[equals + 1..].trim_ascii());
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    let end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    let digits = std::str::from_utf8(&value[..end]).ok()?;
    Some((name, digits.parse().ok()?))
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(values: &[&'static str]) -> Option<(Option<Duration>, Option<u64>)> {
        let fields = values.iter().map(|value| (KEEP_ALIVE, HeaderValue::from_static(value)));
        KeepAlive::of(&fields.collect()).map(|announced| (announced.idle, announced.left))
    }

    #[test]
    fn t10_keep_alive_parameters_are_parsed() {
        let ms = |number| Some(Duration::from_millis(number));
        for (values, announced) in [
            (&["timeout=5, max=100"][..], (ms(4000), Some(100))),
            (&["timeout=5", "max=100"], (ms(4000), Some(100))),
            (&["max=0"], (None, Some(0))),
            (&["timeout=2"], (ms(1000), None)),
            (&["timeout=1"], (ms(500), None)),
            (&["timeout=0"], (ms(0), None)),
            (&["Timeout = \"5\" ;MAX= 7"], (ms(4000), Some(7))),
            (&["timeout=5.5, max=3x"], (ms(4000), Some(3))),
            (&["other, timeout=3,"], (ms(2000), None)),
            (&["timeout=18446744073709551615"], (Some(Duration::from_secs(u64::MAX - 1)), None)),
        ] {
            assert_eq!(of(values), Some(announced), "{values:?}");
        }
        for nothing in [
            &[][..],
            &[""],
            &["300"],
            &["timeout"],
            &["timeout=", "max=-1"],
            &["max=1e9999999"],
            &["timeout=99999999999999999999"],
        ] {
            let expected = if nothing == ["max=1e9999999"] { Some((None, Some(1))) } else { None };
            assert_eq!(of(nothing), expected, "{nothing:?}");
        }
    }
}
