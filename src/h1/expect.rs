//! Expectations of a request before it sends its body (RFC 9110 section 10.1.1).

use std::fmt;

use http::HeaderMap;
use http::header::EXPECT;

use super::list::elements;

/// The error of an expectation other than `100-continue`. The response to it is 417.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnknownExpectation;

impl std::error::Error for UnknownExpectation {}

impl fmt::Display for UnknownExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expectation other than 100-continue")
    }
}

/// Returns `true` if the client waits for a 100 (Continue) before it sends the body.
///
/// All Expect lines form one list. Empty members are ignored, and `100-continue` may be repeated.
pub(crate) fn expects_continue(headers: &HeaderMap) -> Result<bool, UnknownExpectation> {
    let members = headers.get_all(EXPECT).iter().flat_map(elements);
    let mut members = members.filter(|member| !member.is_empty()).peekable();
    let any = members.peek().is_some();
    match members.all(|member| member.eq_ignore_ascii_case(b"100-continue")) {
        true => Ok(any),
        false => Err(UnknownExpectation),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn expectations_are_one_list_over_all_lines() {
        const NONE: Result<bool, UnknownExpectation> = Ok(false);
        const CONTINUE: Result<bool, UnknownExpectation> = Ok(true);
        const UNKNOWN: Result<bool, UnknownExpectation> = Err(UnknownExpectation);
        for (lines, verdict) in [
            (&[][..], NONE),
            (&[""], NONE),
            (&[" , ,\t"], NONE),
            (&["", ","], NONE),
            (&["100-continue"], CONTINUE),
            (&["100-Continue"], CONTINUE),
            (&["100-continue, 100-CONTINUE"], CONTINUE),
            (&["100-continue", "100-continue"], CONTINUE),
            (&[",", "100-continue ,"], CONTINUE),
            (&["", "100-continue"], CONTINUE),
            (&["100-continue", "x"], UNKNOWN),
            (&["100-continue, x"], UNKNOWN),
            (&["x", "100-continue"], UNKNOWN),
            (&[",x"], UNKNOWN),
            (&["100-continue;a=b"], UNKNOWN),
            (&["100-continue=1"], UNKNOWN),
            (&["\"100-continue\""], UNKNOWN),
            (&["100 continue"], UNKNOWN),
            (&["100-continued"], UNKNOWN),
            (&["\u{e9}"], UNKNOWN),
        ] {
            let value = |line: &&str| (EXPECT, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            let headers: HeaderMap = lines.iter().map(value).collect();
            assert_eq!(expects_continue(&headers), verdict, "{lines:?}");
        }
    }
}
