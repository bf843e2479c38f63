//! The choice of a content coding by `Accept-Encoding` (RFC 9110 section 12.5.3).

use http::HeaderValue;

/// A weight in thousandths.
type Weight = u16;

/// Returns the index of the coding in `offered` with the highest weight. The first of several wins.
///
/// Returns `None` if the client accepts none of them, or prefers an unencoded response. A request without the
/// field accepts any coding, but its client may not expect one.
pub(super) fn choose<'a, 'n>(
    accepted: impl IntoIterator<Item = &'a HeaderValue>,
    offered: impl Iterator<Item = &'n str>,
) -> Option<usize> {
    let accepted = Accepted::parse(accepted);
    let mut best = None;
    for (index, name) in offered.enumerate() {
        let weight = accepted.weight(name);
        if weight > best.map_or(0, |(weight, _)| weight) {
            best = Some((weight, index));
        }
    }
    let (weight, index) = best?;
    (weight >= accepted.listed("identity").unwrap_or(0)).then_some(index)
}

/// The elements of the field. There are few, so they are searched one by one.
struct Accepted<'a>(Vec<(&'a str, Weight)>);

impl<'a> Accepted<'a> {
    /// An element that is malformed is ignored.
    fn parse(values: impl IntoIterator<Item = &'a HeaderValue>) -> Self {
        let texts = values.into_iter().filter_map(|value| value.to_str().ok());
        Self(texts.flat_map(|text| text.split(',')).filter_map(element).collect())
    }

    fn weight(&self, name: &str) -> Weight {
        self.listed(name).or_else(|| self.listed("*")).unwrap_or(0)
    }

    fn listed(&self, name: &str) -> Option<Weight> {
        let found = self.0.iter().find(|(listed, _)| canonical(listed).eq_ignore_ascii_case(name));
        found.map(|(_, weight)| *weight)
    }
}

/// Returns the name that we use (RFC 9110 section 8.4.1.3).
fn canonical(name: &str) -> &str {
    if name.eq_ignore_ascii_case("x-gzip") { "gzip" } else { name }
}

fn element(text: &str) -> Option<(&str, Weight)> {
    let (name, parameters) = match text.split_once(';') {
        Some((name, parameters)) => (name.trim(), Some(parameters)),
        None => (text.trim(), None),
    };
    let weight = match parameters {
        None => 1000,
        Some(parameters) => {
            let (key, value) = parameters.split_once('=')?;
            let is_weight = key.trim().eq_ignore_ascii_case("q");
            is_weight.then(|| thousandths(value.trim()))??
        }
    };
    (!name.is_empty()).then_some((name, weight))
}

/// Parses a weight (RFC 9110 section 12.4.2).
fn thousandths(text: &str) -> Option<Weight> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(*b"000").take(3);
    let fraction = digits.fold(0, |sum, digit| sum * 10 + Weight::from(digit - b'0'));
    match (whole, fraction) {
        ("0", fraction) => Some(fraction),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h09_the_weights_choose_the_coding() {
        for (fields, expected) in [
            (&[][..], None),
            (&[""], None),
            (&["gzip"], Some("gzip")),
            (&["x-gzip"], Some("gzip")),
            (&["GZIP"], Some("gzip")),
            (&["deflate, compress"], None),
            (&["gzip, deflate, br, zstd"], Some("zstd")),
            (&["gzip, deflate, br"], Some("br")),
            (&["gzip", "br"], Some("br")),
            (&["gzip;q=1.0, br;q=0.9"], Some("gzip")),
            (&["br;q=0.001"], Some("br")),
            (&["gzip;q=0"], None),
            (&["gzip;q=0.000"], None),
            (&["*"], Some("zstd")),
            (&["*;q=0"], None),
            (&["zstd;q=0, *"], Some("br")),
            (&["*;q=0.5, gzip;q=0.6"], Some("gzip")),
            (&["br;q=0, *;q=0, gzip"], Some("gzip")),
            (&["identity;q=0"], None),
            (&["identity;q=0, gzip;q=0.1"], Some("gzip")),
            (&["identity, gzip;q=0.5"], None),
            (&["identity;q=0.5, gzip;q=0.5"], Some("gzip")),
            (&["identity;q=0.5, *"], Some("zstd")),
            (&[" gzip ; Q=0.5 , , br ; q = 0.4"], Some("gzip")),
            (&["gzip;q=2, br;q=0.3"], Some("br")),
            (&["gzip;q=1.001, br;q=-1, zstd;q=0.1234"], None),
            (&["gzip;q=, br;level=3, zstd;q"], None),
            (&["gzip;q=0.5;x=1"], None),
            (&[";q=1, gzip;q=1."], Some("gzip")),
        ] {
            let values: Vec<_> = fields.iter().map(|field| field.parse().unwrap()).collect();
            let names = ["zstd", "br", "gzip"];
            let chosen = choose(&values, names.into_iter()).map(|index| names[index]);
            assert_eq!(chosen, expected, "{fields:?}");
        }
    }
}
