//! The Range header with one range of bytes.

use std::ops::RangeInclusive;

/// The range reaches beyond the end, or ends before its start.
#[derive(Debug, PartialEq)]
pub(crate) struct Unsatisfiable;

/// Returns the requested part of `size` bytes (at least 1). A header that is missing, has several
/// ranges, or is invalid selects all bytes (RFC 9110 section 14.2).
///
/// A range that ends beyond the last byte could be shortened. httpbin refuses it instead.
pub(crate) fn wanted(
    header: Option<&str>,
    size: u64,
) -> Result<RangeInclusive<u64>, Unsatisfiable> {
    let all = 0..=size - 1;
    let range = match header.and_then(ends) {
        None | Some((None, None)) => return Ok(all),
        Some((Some(first), None)) => first..=size - 1,
        // The last N bytes.
        Some((None, Some(count))) => size.saturating_sub(count)..=size - 1,
        Some((Some(first), Some(last))) => first..=last,
    };
    match range.is_empty() || *range.end() >= size {
        true => Err(Unsatisfiable),
        false => Ok(range),
    }
}

/// Returns both numbers of `bytes=FIRST-LAST`, as far as they are given.
fn ends(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, range) = header.split_once('=')?;
    let (first, last) = range.split_once('-')?;
    let known = unit.trim().eq_ignore_ascii_case("bytes");
    known.then_some(())?;
    Some((end(first.trim())?, end(last.trim())?))
}

fn end(digits: &str) -> Option<Option<u64>> {
    match digits {
        "" => Some(None),
        _ if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Some(digits.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_26_bytes() {
        for (header, expected) in [
            ("bytes=0-25", Ok(0..=25)),
            ("bytes=0-0", Ok(0..=0)),
            ("bytes=25-25", Ok(25..=25)),
            ("Bytes = 3 - 5", Ok(3..=5)),
            ("bytes=20-", Ok(20..=25)),
            ("bytes=-5", Ok(21..=25)),
            ("bytes=-26", Ok(0..=25)),
            ("bytes=-1000", Ok(0..=25)),
            ("bytes=-0", Err(Unsatisfiable)),
            ("bytes=10-5", Err(Unsatisfiable)),
            ("bytes=26-", Err(Unsatisfiable)),
            ("bytes=26-26", Err(Unsatisfiable)),
            ("bytes=0-26", Err(Unsatisfiable)),
            ("bytes=99999999999999999999-", Err(Unsatisfiable)),
            ("bytes=-99999999999999999999", Ok(0..=25)),
            // Ignored.
            ("bytes=-", Ok(0..=25)),
            ("bytes=0-1,3-4", Ok(0..=25)),
            ("bytes=+1-2", Ok(0..=25)),
            ("bytes=a-b", Ok(0..=25)),
            ("bytes", Ok(0..=25)),
            ("lines=0-1", Ok(0..=25)),
            ("", Ok(0..=25)),
        ] {
            assert_eq!(wanted(Some(header), 26), expected, "{header}");
        }
        assert_eq!(wanted(None, 26), Ok(0..=25));
        assert_eq!(wanted(Some("bytes=0-"), 1), Ok(0..=0));
    }
}
