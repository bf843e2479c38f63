//! Reading credentials from a request, and asking for them.

use std::hint::black_box;

use http::header::{AUTHORIZATION, HeaderValue};

use crate::Request;

/// Returns the credentials of a request in the scheme `scheme` (RFC 9110 section 11.4), without white space
/// around them. `None` if there are none of the scheme, or several.
pub(super) fn of_scheme<'r>(request: &'r Request, scheme: &str) -> Option<&'r str> {
    let mut values = request.headers().get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let value = value.to_str().ok()?;
    let (name, credentials) = value.split_once(' ').unwrap_or((value, ""));
    name.eq_ignore_ascii_case(scheme).then(|| credentials.trim_matches(' '))
}

/// Returns a challenge of `scheme` (RFC 9110 section 11.6.1) with a realm and other parameters.
///
/// # Panics
///
/// If the realm contains control characters.
pub(super) fn challenge(scheme: &str, realm: &str, parameters: &str) -> HeaderValue {
    let mut value = format!("{scheme} realm=\"");
    for character in realm.chars() {
        if let '"' | '\\' = character {
            value.push('\\');
        }
        value.push(character);
    }
    value.push('"');
    value.push_str(parameters);
    match HeaderValue::try_from(&value) {
        Ok(value) => value,
        Err(_) => panic!("realm {realm:?} contains a control character"),
    }
}

/// Compares a given secret with the expected one. The time depends on the length of `given` only.
pub(super) fn is_equal(given: &[u8], expected: &[u8]) -> bool {
    let mut difference = given.len() ^ expected.len();
    // The cycle through the expected bytes needs one.
    let expected = if expected.is_empty() { &[0][..] } else { expected };
    for (given, expected) in given.iter().zip(expected.iter().cycle()) {
        difference |= usize::from(black_box(given ^ expected));
    }
    black_box(difference) == 0
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h09_secrets_are_equal_only_to_themselves() {
        let secrets = ["", "\0", "a", "b", "aa", "ab", "aaa", "aba", "abab", "longer secret"];
        for given in secrets {
            for expected in secrets {
                let equal = is_equal(given.as_bytes(), expected.as_bytes());
                assert_eq!(equal, given == expected, "{given:?} {expected:?}");
            }
        }
    }

    #[test]
    fn h09_a_realm_is_quoted() {
        let value = challenge("Basic", r#"a "b\c" ü"#, ", charset=\"UTF-8\"");
        let expected = "Basic realm=\"a \\\"b\\\\c\\\" ü\", charset=\"UTF-8\"";
        assert_eq!(value.as_bytes(), expected.as_bytes());
    }
}
