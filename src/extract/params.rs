//! The syntax of fields such as Content-Type: a value, and parameters behind it (RFC 9110 section 5.6.6).

use std::borrow::Cow;

/// Returns the value before the parameters.
pub(super) fn value_of(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == b';').unwrap_or(field.len());
    field[..end].trim_ascii()
}

/// Returns the value of the first parameter called `name`, without its quotes.
pub(super) fn parameter<'a>(field: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
    parameters(field)
        .find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| value)
}

/// Returns the names and values of the parameters. A parameter without `=` is left out.
fn parameters(field: &[u8]) -> impl Iterator<Item = (&[u8], Cow<'_, [u8]>)> {
    let start = field.iter().position(|byte| *byte == b';').unwrap_or(field.len());
    let mut rest = &field[start..];
    std::iter::from_fn(move || {
        while let [b';' | b' ' | b'\t', behind @ ..] = rest {
            rest = behind;
        }
        let end = rest.iter().position(|byte| b"=;".contains(byte))?;
        let name = rest[..end].trim_ascii();
        if rest[end] == b';' {
            rest = &rest[end..];
            return Some(None);
        }
        let (value, behind) = split_value(rest[end + 1..].trim_ascii_start());
        rest = behind;
        Some(Some((name, value)))
    })
    .flatten()
}

/// Returns the value at the beginning of `text`, and the text from the next semicolon.
fn split_value(text: &[u8]) -> (Cow<'_, [u8]>, &[u8]) {
    let until_semicolon =
        |text: &[u8]| text.iter().position(|byte| *byte == b';').unwrap_or(text.len());
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = until_semicolon(text);
        return (text[..end].trim_ascii().into(), &text[end..]);
    };
    let mut value = Vec::new();
    let mut rest = quoted;
    loop {
        match rest {
            // Some browsers sent the paths of Windows without escapes. So only these two are escaped.
            [b'\\', byte @ (b'"' | b'\\'), behind @ ..] => {
                value.push(*byte);
                rest = behind;
            }
            [b'"', behind @ ..] => {
                let end = until_semicolon(behind);
                return (value.into(), &behind[end..]);
            }
            [byte, behind @ ..] => {
                value.push(*byte);
                rest = behind;
            }
            [] => return (value.into(), rest),
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h04_the_parameters_of_a_field() {
        for (field, expected) in [
            ("", &[][..]),
            ("a/b", &[]),
            ("a/b;", &[]),
            ("a/b; x", &[]),
            ("a/b; x; y=1", &[("y", "1")]),
            ("a/b;x=1;Y=2", &[("x", "1"), ("Y", "2")]),
            ("a/b ; x = 1 ;; y=\"2\" ", &[("x", "1"), ("y", "2")]),
            ("f; n=\"a;b=c\"; m=d", &[("n", "a;b=c"), ("m", "d")]),
            ("f; n=\"a\\\"b\\\\c\"; m=d", &[("n", "a\"b\\c"), ("m", "d")]),
            ("f; n=\"C:\\dir\\a.txt\"", &[("n", "C:\\dir\\a.txt")]),
            ("f; n=\"open; m=d", &[("n", "open; m=d")]),
            ("f; n=\"a\"b; m=d", &[("n", "a"), ("m", "d")]),
            ("f; n=; m=", &[("n", ""), ("m", "")]),
            ("f; n='a b'", &[("n", "'a b'")]),
            ("f; =x; m=d", &[("", "x"), ("m", "d")]),
            ("f; n=\"\\", &[("n", "\\")]),
        ] {
            let found: Vec<_> = parameters(field.as_bytes())
                .map(|(name, value)| {
                    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                    (text(name), text(&value))
                })
                .collect();
            let found: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            assert_eq!(found, expected, "{field:?}");
        }
        assert_eq!(value_of(b" text/html ; a=b"), b"text/html");
        assert_eq!(parameter(b"a; X=1; x=2", "x").as_deref(), Some(&b"1"[..]));
    }
}
