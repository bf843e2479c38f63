//! Names and values: parsed from a query or a form, and converted to JSON.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine};
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

/// Parses `application/x-www-form-urlencoded`, the format of forms and queries.
pub(crate) fn decode(encoded: &[u8]) -> Vec<(String, String)> {
    let pairs = encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    let parts = pairs.map(|pair| match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (pair, &[][..]),
    });
    parts.map(|(name, value)| (word(name), word(value))).collect()
}

fn word(encoded: &[u8]) -> String {
    let spaced: Vec<u8> =
        encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}

/// Returns an object of the pairs. A repeated name gets an array.
pub(crate) fn object(pairs: impl IntoIterator<Item = (String, String)>) -> Value {
    let mut grouped: BTreeMap<_, Vec<Value>> = BTreeMap::new();
    for (name, value) in pairs {
        grouped.entry(name).or_default().push(value.into());
    }
    let fields = grouped.into_iter().map(|(name, mut values)| match values.len() {
        1 => (name, values.remove(0)),
        _ => (name, values.into()),
    });
    Value::Object(fields.collect::<Map<_, _>>())
}

/// Returns bytes as a JSON string: as text if they are UTF-8, otherwise as a `data:` URL.
pub(crate) fn text_or_data_url(bytes: &[u8], content_type: &str) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("data:{content_type};base64,{}", BASE64_STANDARD.encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pairs_are_taken_apart() {
        for (encoded, expected) in [
            ("", json!({})),
            ("&&", json!({})),
            ("a=1&b=2", json!({"a": "1", "b": "2"})),
            ("a=1&b=2&a=3&a", json!({"a": ["1", "3", ""], "b": "2"})),
            ("a=b=c", json!({"a": "b=c"})),
            ("=x", json!({"": "x"})),
            ("a+b=c%2Bd+%26%3D", json!({"a b": "c+d &="})),
            ("%C3%A9=%E2%82%AC", json!({"é": "€"})),
            ("a=%zz%2&b=%", json!({"a": "%zz%2", "b": "%"})),
            ("a=%FF", json!({"a": "\u{fffd}"})),
        ] {
            assert_eq!(object(decode(encoded.as_bytes())), expected, "{encoded}");
        }
    }

    #[test]
    fn what_is_no_text_becomes_a_url() {
        assert_eq!(text_or_data_url("é\0".as_bytes(), "x/y"), "é\0");
        assert_eq!(text_or_data_url(&[1, 255], "x/y"), "data:x/y;base64,Af8=");
    }
}
