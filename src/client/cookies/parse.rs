//! The syntax of the Set-Cookie field (RFC 6265bis section 5.6): from bytes to a name, a value and
//! attributes.

use super::date;
use crate::message::SameSite;

/// The most bytes of a name and a value together (RFC 6265bis section 5.6).
pub(super) const MAX_PAIR: usize = 4096;

/// The most bytes of an attribute's value. A longer one is ignored.
const MAX_ATTRIBUTE: usize = 1024;

/// A Set-Cookie field, as it was parsed. Nothing is judged yet but its syntax and size.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SetCookie<'a> {
    /// May be empty.
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    /// The lifetime in seconds. It may be negative.
    pub(super) max_age: Option<i64>,
    /// The end of the lifetime, in seconds since 1970.
    pub(super) expires: Option<i64>,
    /// May be empty, and may begin with a dot.
    pub(super) domain: Option<&'a [u8]>,
    /// Begins with a slash.
    pub(super) path: Option<&'a [u8]>,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) same_site: Option<SameSite>,
}

/// The reason why a field is no cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Empty,
    Control,
    TooLarge,
}

impl<'a> SetCookie<'a> {
    pub(super) fn parse(field: &'a [u8]) -> Result<Self, Fault> {
        if field.iter().any(|byte| is_control(*byte)) {
            return Err(Fault::Control);
        }
        let mut parts = field.split(|byte| *byte == b';');
        let pair = parts.next().unwrap_or_default();
        let (name, value) = split(pair).unwrap_or((b"", trimmed(pair)));
        check_pair(name, value)?;
        let mut this = Self { name, value, ..Self::default() };
        for attribute in parts {
            let (name, value) = split(attribute).unwrap_or((trimmed(attribute), b""));
            if value.len() <= MAX_ATTRIBUTE {
                this.apply(name, value);
            }
        }
        Ok(this)
    }

    /// Applies an attribute. The last of a name counts.
    fn apply(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("expires") {
            self.expires = date::parse(value).or(self.expires);
        } else if is("max-age") {
            self.max_age = max_age(value).or(self.max_age);
        } else if is("domain") {
            self.domain = Some(value);
        } else if is("path") {
            self.path = value.starts_with(b"/").then_some(value);
        } else if is("secure") {
            self.secure = true;
        } else if is("httponly") {
            self.http_only = true;
        } else if is("samesite") {
            self.same_site = same_site(value);
        }
    }
}

/// Checks the size of a name and a value.
pub(super) fn check_pair(name: &[u8], value: &[u8]) -> Result<(), Fault> {
    match name.len() + value.len() {
        0 => Err(Fault::Empty),
        1..=MAX_PAIR => Ok(()),
        _ => Err(Fault::TooLarge),
    }
}

/// Returns `true` for a control character. Tabs are allowed.
pub(super) fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// Splits at the first `=`.
fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == b'=')?;
    Some((trimmed(&text[..at]), trimmed(&text[at + 1..])))
}

/// Removes spaces and tabs at both ends.
pub(super) fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Reads a number of seconds, of any length.
fn max_age(value: &[u8]) -> Option<i64> {
    let (digits, sign) = match value {
        [b'-', digits @ ..] => (digits, -1),
        digits => (digits, 1),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0i64, |number, digit| {
        number.saturating_mul(10).saturating_add(i64::from(digit - b'0'))
    });
    Some(sign * number)
}

pub(super) fn same_site(value: &[u8]) -> Option<SameSite> {
    let is = |known: &str| value.eq_ignore_ascii_case(known.as_bytes());
    if is("strict") {
        Some(SameSite::Strict)
    } else if is("lax") {
        Some(SameSite::Lax)
    } else if is("none") {
        Some(SameSite::None)
    } else {
        None
    }
}
