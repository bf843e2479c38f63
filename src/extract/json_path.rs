//! The place of a value in JSON text, such as `items[3].price`.

use std::fmt::Write as _;

/// The arrays and objects around a place.
#[derive(Default)]
struct Path(Vec<Level>);

enum Level {
    /// The number of the element.
    Array(usize),
    /// The last key, as it was written, and `true` until its value begins.
    Object { key: Vec<u8>, at_key: bool },
}

/// Returns the path of the value that ends with the valid beginning `text` of a document, or has its first
/// byte there. Returns an empty path for the document itself.
pub(super) fn path_at(text: &[u8]) -> String {
    let mut path = Path::default();
    let mut rest = text;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        match byte {
            b'"' => rest = path.string(behind),
            // A container that has just begun has no part in the path: it is the value itself.
            b'[' if !behind.is_empty() => path.0.push(Level::Array(0)),
            b'{' if !behind.is_empty() => {
                path.0.push(Level::Object { key: Vec::new(), at_key: true });
            }
            b']' | b'}' => _ = path.0.pop(),
            b',' => path.next(),
            _ => {}
        }
    }
    path.render()
}

impl Path {
    /// Reads a string whose quote was read, and returns the text behind it.
    fn string<'a>(&mut self, text: &'a [u8]) -> &'a [u8] {
        let mut end = 0;
        while end < text.len() && text[end] != b'"' {
            end += if text[end] == b'\\' { 2 } else { 1 };
        }
        let end = end.min(text.len());
        if let Some(Level::Object { key, at_key }) = self.0.last_mut() {
            if *at_key {
                *key = text[..end].to_vec();
                *at_key = false;
            }
        }
        text.get(end + 1..).unwrap_or_default()
    }

    fn next(&mut self) {
        match self.0.last_mut() {
            Some(Level::Array(number)) => *number += 1,
            Some(Level::Object { at_key, .. }) => *at_key = true,
            None => {}
        }
    }

    fn render(&self) -> String {
        let mut text = String::new();
        for level in &self.0 {
            match level {
                Level::Array(number) => _ = write!(text, "[{number}]"),
                Level::Object { key, .. } if key.is_empty() => {}
                Level::Object { key, .. } => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.push_str(&String::from_utf8_lossy(key));
                }
            }
        }
        text
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h04_the_path_of_a_place_in_json() {
        for (text, path) in [
            ("", ""),
            ("7", ""),
            ("{", ""),
            ("[", ""),
            ("[7", "[0]"),
            ("[7, {", "[1]"),
            ("[7, [8, 9", "[1][1]"),
            (r#"{"a": 7"#, "a"),
            (r#"{"a": {"#, "a"),
            (r#"{"a": {"b": 1}"#, "a"),
            (r#"{"a": {"b": 1}, "c": [{}, {"d":"x""#, "c[1].d"),
            (r#"{"a": "\"b\": [", "c\"d": 1"#, r#"c\"d"#),
            (r#"{"a": [{"b": ",:{[]}\\"}, tru"#, "a[1]"),
            (r#"{"items": [1, 2, 3, {"price": "x""#, "items[3].price"),
            (r#"{"items": [1, 2, 3, {"name": "x"}"#, "items[3]"),
            (r#"{"a": 1, "unknown""#, "unknown"),
        ] {
            assert_eq!(path_at(text.as_bytes()), path, "{text}");
        }
    }

    #[test]
    fn h04_damaged_json_has_a_path_all_the_same() {
        let text = br#"{"a\\": [{"b": ",:{[]}\"x"}, true], "c": null}"#;
        for at in 0..text.len() {
            for byte in b"\0\"\\{}[],: 1\xff" {
                let mut damaged = text.to_vec();
                damaged[at] = *byte;
                for end in 0..=text.len() {
                    let _ = path_at(&damaged[..end]);
                }
            }
        }
    }
}
