//! Several ranges in one response (RFC 9110 section 14.6).

use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;

use http::HeaderValue;

use super::representation::Representation;
use crate::Body;

/// A body of several parts.
pub(super) struct Parts {
    pub(super) content_type: HeaderValue,
    pub(super) body: Body,
}

/// Makes a body of parts of a representation. Returns `None` if it would not be shorter than the whole.
pub(super) fn body(
    file: &Representation,
    ranges: &[Range<u64>],
    kind: &HeaderValue,
) -> Option<Parts> {
    let boundary = format!("{:016x}{:016x}", crate::random::bits(), crate::random::bits());
    let mut pieces = VecDeque::with_capacity(2 * ranges.len() + 1);
    let mut length = 0;
    for (index, range) in ranges.iter().enumerate() {
        let head = head(&boundary, index == 0, range, file.length, kind);
        length += head.len() as u64 + (range.end - range.start);
        pieces.push_back(Body::from(head));
        pieces.push_back(file.body(range.clone()));
    }
    let end = format!("\r\n--{boundary}--\r\n");
    length += end.len() as u64;
    pieces.push_back(Body::from(end));
    if length >= file.length {
        return None;
    }
    let content_type = format!("multipart/byteranges; boundary={boundary}");
    Some(Parts {
        content_type: HeaderValue::try_from(content_type).ok()?,
        body: Body::from_sized_reader(Chain(pieces), length),
    })
}

fn head(
    boundary: &str,
    is_first: bool,
    range: &Range<u64>,
    length: u64,
    kind: &HeaderValue,
) -> Vec<u8> {
    let line_break = if is_first { "" } else { "\r\n" };
    let mut head = format!("{line_break}--{boundary}\r\nContent-Type: ").into_bytes();
    head.extend_from_slice(kind.as_bytes());
    head.extend_from_slice(
        format!("\r\nContent-Range: {}\r\n\r\n", content_range(range, length)).as_bytes(),
    );
    head
}

/// Returns the value of Content-Range for a range that is not empty (RFC 9110 section 14.4).
pub(super) fn content_range(range: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", range.start, range.end - 1)
}

/// Reads one body after the other.
struct Chain(VecDeque<Body>);

impl Read for Chain {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while let Some(body) = self.0.front_mut() {
            match body.read(buf)? {
                0 if !buf.is_empty() => drop(self.0.pop_front()),
                count => return Ok(count),
            }
        }
        Ok(0)
    }
}
