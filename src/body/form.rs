//! Pairs in the form `application/x-www-form-urlencoded`: bodies of forms, and queries of URLs.

use std::fmt::{self, Display, Write as _};

use http::HeaderValue;

use super::Body;
use crate::error::{Error, ErrorKind, Result};

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

impl Body {
    /// Creates the body of a form (WHATWG URL section 5.2): names and values as
    /// `application/x-www-form-urlencoded`, in UTF-8. The content type is set.
    ///
    /// ```
    /// use hangup::Body;
    ///
    /// let mut body = Body::form([("name", "Anna & Co"), ("city", "Köln")]);
    /// assert_eq!(body.content_type().unwrap(), "application/x-www-form-urlencoded");
    /// assert_eq!(body.read_text(100)?, "name=Anna+%26+Co&city=K%C3%B6ln");
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if a value's `Display` returns an error, as [`ToString`] does.
    #[must_use]
    pub fn form<I, K, V>(pairs: I) -> Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<str>,
        V: Display,
    {
        Self::try_form(pairs).expect("a `Display` implementation returned an error")
    }

    /// As [`form`](Self::form).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidMessage`] if a value's `Display` fails.
    pub(crate) fn try_form<I, K, V>(pairs: I) -> Result<Self>
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<str>,
        V: Display,
    {
        let mut text = String::new();
        for (name, value) in pairs {
            push_pair(&mut text, name.as_ref(), &value)?;
        }
        Ok(Self::from(text).with_content_type(CONTENT_TYPE))
    }
}

/// Appends a pair to a form or a query, with a `&` before it unless `out` is empty or ends in one.
///
/// # Errors
///
/// [`ErrorKind::InvalidMessage`] if the value's `Display` fails.
pub(crate) fn push_pair(out: &mut String, name: &str, value: &dyn Display) -> Result<()> {
    if !out.is_empty() && !out.ends_with('&') {
        out.push('&');
    }
    push_encoded(out, name);
    out.push('=');
    write!(Encoding(out), "{value}").map_err(|_| {
        let message = format!("the value of {name:?} cannot be written as text");
        Error::message(ErrorKind::InvalidMessage, message)
    })
}

/// Encodes all that is written to it.
struct Encoding<'a>(&'a mut String);

impl fmt::Write for Encoding<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push_encoded(self.0, text);
        Ok(())
    }
}

/// Appends text in which all bytes are escaped but letters, digits and `*-._`. A space becomes `+`.
fn push_encoded(out: &mut String, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.push(char::from(DIGITS[usize::from(byte >> 4)]));
                out.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    fn encoded(pairs: &[(&str, &str)]) -> String {
        Body::form(pairs.iter().copied()).read_text(1 << 20).unwrap()
    }

    #[test]
    fn c03_pairs_are_encoded_as_browsers_encode_forms() {
        for (pairs, expected) in [
            (&[][..], ""),
            (&[("a", "b")], "a=b"),
            (&[("a", "b"), ("a", "c"), ("d", "")], "a=b&a=c&d="),
            (&[("", "")], "="),
            (&[("", ""), ("", "")], "=&="),
            (&[("a b", "c d")], "a+b=c+d"),
            (&[("a", "1&b=2")], "a=1%26b%3D2"),
            (&[("a&", "b")], "a%26=b"),
            (&[("a+b", "50%")], "a%2Bb=50%25"),
            (&[("é", "日本 €")], "%C3%A9=%E6%97%A5%E6%9C%AC+%E2%82%AC"),
            (&[("x", "\r\n\t\0\u{7f}")], "x=%0D%0A%09%00%7F"),
            (&[("*-._", "~!'()/?:@$,;")], "*-._=%7E%21%27%28%29%2F%3F%3A%40%24%2C%3B"),
        ] {
            assert_eq!(encoded(pairs), expected);
        }
    }

    #[test]
    fn c03_every_byte_is_decoded_to_itself() {
        let all: String = (0..=0x2ff).filter_map(char::from_u32).collect();
        let text = encoded(&[(&all, &all)]);
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
        let (name, value) = text.split_once('=').unwrap();
        assert_eq!((decoded(name), decoded(value)), (all.clone(), all));
    }

    fn decoded(text: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, others @ ..] = rest {
            rest = others;
            match first {
                b'+' => bytes.push(b' '),
                b'%' => {
                    let digits = std::str::from_utf8(&others[..2]).unwrap();
                    bytes.push(u8::from_str_radix(digits, 16).unwrap());
                    rest = &others[2..];
                }
                byte => bytes.push(*byte),
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    struct Faulty;

    impl Display for Faulty {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }

    #[test]
    fn c03_a_value_that_cannot_be_displayed_is_an_error() {
        let error = Body::try_form([("n", Faulty)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"invalid message: the value of "n" cannot be written as text"#
        );
    }
}
