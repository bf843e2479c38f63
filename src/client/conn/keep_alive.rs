//! How long a connection may be kept, as its peer announces it: `Keep-Alive: timeout=N, max=M`.
//!
//! The field has no standard any more (RFC 2068 section 19.7.1 was the last), but Apache, nginx, Node and
//! others send it. What cannot be read is passed over.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Up to how many names are compared one after the other.
const FEW: usize = 8;

/// By how much a connection leaves the pool before the peer closes it, so that no request crosses the
/// end. Half of the time if that is less.
const MARGIN: Duration = Duration::from_secs(1);

/// The announcement of one response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct KeepAlive {
    /// How long the connection may be idle, [`MARGIN`] already taken off.
    pub(super) idle: Option<Duration>,
    /// How many more requests the connection may carry.
    pub(super) left: Option<u64>,
}

impl KeepAlive {
    /// Returns what the response with these fields announces; `None` if it announces nothing.
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

/// Whether the field is there. Each response is asked, so the name is not hashed where a look at the few
/// names costs less.
fn is_in(headers: &HeaderMap) -> bool {
    match headers.keys_len() <= FEW {
        true => headers.keys().any(|name| *name == KEEP_ALIVE),
        false => headers.contains_key(&KEEP_ALIVE),
    }
}

/// A parameter's name, and the number that its value begins with.
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
    fn t10_what_keep_alive_announces() {
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
