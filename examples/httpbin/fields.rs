//! Names and values, converted to JSON.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Map, Value};

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
    fn a_repeated_name_has_all_values() {
        let pairs = [("a", "1"), ("b", "2"), ("a", "3"), ("a", "")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(object(pairs), json!({"a": ["1", "3", ""], "b": "2"}));
        assert_eq!(object([]), json!({}));
    }

    #[test]
    fn what_is_no_text_becomes_a_url() {
        assert_eq!(text_or_data_url("é\0".as_bytes(), "x/y"), "é\0");
        assert_eq!(text_or_data_url(&[1, 255], "x/y"), "data:x/y;base64,Af8=");
    }
}
