//! Content codings of files that were compressed in advance, and the choice among them by
//! `Accept-Encoding` (RFC 9110 section 12.5.3).

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// A coding and the extension of files in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coding {
    pub(super) name: &'static str,
    pub(super) extension: &'static str,
}

/// The codings, the smallest results first.
const CODINGS: [Coding; 3] = [
    Coding { name: "br", extension: "br" },
    Coding { name: "zstd", extension: "zst" },
    Coding { name: "gzip", extension: "gz" },
];

/// The highest weight, in thousandths.
const FULL: u16 = 1000;

/// Returns the codings that a client prefers to the file as it is, the best first.
pub(super) fn preferred(headers: &HeaderMap) -> impl Iterator<Item = Coding> {
    let mut weighted = CODINGS.map(|coding| (weight(headers, coding.name).unwrap_or(0), coding));
    // A client that does not mention the identity accepts it, but prefers what it asks for.
    let identity = explicit_weight(headers, "identity").unwrap_or(1).max(1);
    weighted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let accepted = weighted.into_iter().filter(move |(weight, _)| *weight >= identity);
    accepted.map(|(_, coding)| coding)
}

/// Returns the weight of a coding, which may be that of `*`.
fn weight(headers: &HeaderMap, name: &str) -> Option<u16> {
    explicit_weight(headers, name).or_else(|| explicit_weight(headers, "*"))
}

/// Returns the weight of a coding that the client names.
fn explicit_weight(headers: &HeaderMap, name: &str) -> Option<u16> {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut members = values.flat_map(|value| value.split(',')).filter_map(parse);
    members.find(|(coding, _)| is_same(coding, name)).map(|(_, weight)| weight)
}

/// Compares names of codings. `x-gzip` is an old name of gzip (RFC 9110 section 8.4.1.3).
fn is_same(asked: &str, name: &str) -> bool {
    asked.eq_ignore_ascii_case(name) || name == "gzip" && asked.eq_ignore_ascii_case("x-gzip")
}

/// Parses `coding;q=0.5`. Returns `None` for a malformed one.
fn parse(member: &str) -> Option<(&str, u16)> {
    let (coding, parameter) = match member.split_once(';') {
        None => return Some((member.trim(), FULL)),
        Some((coding, parameter)) => (coding.trim(), parameter.trim()),
    };
    let value = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?;
    Some((coding, thousandths(value)?))
}

/// Parses a weight of at most three decimals (RFC 9110 section 12.4.2).
fn thousandths(value: &str) -> Option<u16> {
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    let is_number = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let decimals = format!("{decimals:0<3}").parse().ok().filter(|_| is_number)?;
    match (whole, decimals) {
        ("0", decimals) => Some(decimals),
        ("1", 0) => Some(FULL),
        _ => None,
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn h08_codings_by_weight() {
        for (fields, expected) in [
            (&[][..], ""),
            (&[""], ""),
            (&["br"], "br"),
            (&["gzip"], "gzip"),
            (&["GZip"], "gzip"),
            (&["x-gzip"], "gzip"),
            (&["gzip, deflate, br, zstd"], "br zstd gzip"),
            (&["gzip", "br"], "br gzip"),
            (&["gzip;q=1.0, br;q=0.5"], "gzip br"),
            (&["gzip; q=0.9 , br ; q=0.901"], "br gzip"),
            (&["gzip;Q=0.2,zstd;q=0.3"], "zstd gzip"),
            (&["br;q=0, gzip"], "gzip"),
            (&["br;q=0.000, gzip;q=0.001"], "gzip"),
            (&["*"], "br zstd gzip"),
            (&["*;q=0"], ""),
            (&["*;q=0.5, gzip"], "gzip br zstd"),
            (&["*, br;q=0"], "zstd gzip"),
            (&["identity"], ""),
            (&["identity, br"], "br"),
            (&["identity;q=0.5, br;q=0.4, gzip;q=0.6"], "gzip"),
            (&["identity;q=0, gzip"], "gzip"),
            (&["deflate"], ""),
            (&["br;q=2"], ""),
            (&["br;q=0.1234"], ""),
            (&["br;q=x, gzip"], "gzip"),
            (&["br;q="], ""),
            (&["br;v=1"], ""),
            (&[",, br,"], "br"),
        ] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(ACCEPT_ENCODING, HeaderValue::from_static(field));
            }
            let names: Vec<_> = preferred(&headers).map(|coding| coding.name).collect();
            assert_eq!(names.join(" "), expected, "{fields:?}");
        }
    }
}
