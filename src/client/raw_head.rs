//! A response's head as the server sent it, and the callbacks for heads.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};

/// A callback for the interim responses to a request.
pub(super) type OnInformational = Arc<dyn Fn(StatusCode, &HeaderMap) + Send + Sync>;

/// A callback for the heads of the responses to a request, as the server sent them.
pub(super) type OnRawHead = Arc<dyn Fn(&RawHead<'_>) + Send + Sync>;

/// The head of a response as it was received: field names in their own case, values and reason byte for
/// byte (RFC 9112 section 2.1).
///
/// [`RequestBuilder::on_raw_head`](super::RequestBuilder::on_raw_head) shows it.
#[derive(Clone, Copy, Debug)]
pub struct RawHead<'a> {
    bytes: &'a [u8],
    complete: bool,
}

impl<'a> RawHead<'a> {
    pub(super) fn complete(bytes: &'a [u8]) -> Self {
        Self { bytes, complete: true }
    }

    /// An incomplete or refused head as far as it came: its whole lines, up to an empty one.
    pub(super) fn incomplete(received: &'a [u8]) -> Self {
        let mut end = 0;
        for line in received.split_inclusive(|byte| *byte == b'\n') {
            if !line.ends_with(b"\n") {
                break;
            }
            end += line.len();
            if content(line).is_empty() {
                break;
            }
        }
        Self { bytes: &received[..end], complete: false }
    }

    /// Returns the bytes of the head, line ends and the empty line at its end included.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the lines without their ends: the status line, then the field lines. The empty line at the
    /// end is left out.
    pub fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let lines = self.bytes.split_inclusive(|byte| *byte == b'\n').map(content);
        lines.take_while(|line| !line.is_empty())
    }

    /// Returns the status, if the status line has one.
    pub fn status(&self) -> Option<StatusCode> {
        let mut words = self.lines().next()?.split(|byte| *byte == b' ').skip(1);
        StatusCode::from_bytes(words.find(|word| !word.is_empty())?).ok()
    }

    /// Returns `true` if the whole head came and could be read. Returns `false` if the connection ended
    /// within it, or if it is malformed or too large; then the head has the lines that had come.
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

/// A line without its end.
fn content(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_complete_head_keeps_its_bytes() {
        let text = b"HTTP/1.1  204 caf\xe9\r\nx-A:1\nB : 2 \r\n\r\n";
        let head = RawHead::complete(text);
        assert_eq!(head.as_bytes(), text);
        assert_eq!(head.status(), Some(StatusCode::NO_CONTENT));
        let lines: Vec<_> = head.lines().collect();
        assert_eq!(lines, [&b"HTTP/1.1  204 caf\xe9"[..], b"x-A:1", b"B : 2 "]);
        assert!(head.is_complete());
    }

    #[test]
    fn an_incomplete_head_ends_with_its_last_whole_line() {
        for (received, shown, status) in [
            ("", "", None),
            ("HTTP/1.1 20", "", None),
            ("HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n", Some(200)),
            ("HTTP/1.1 200\r\nA: b", "HTTP/1.1 200\r\n", Some(200)),
            ("HTTP/1.1 200\nA: b\n", "HTTP/1.1 200\nA: b\n", Some(200)),
            ("what is this?\r\n\r\nbody\n", "what is this?\r\n\r\n", None),
            ("HTTP/1.1 404 No\r\n: b\r\n\r\nbody", "HTTP/1.1 404 No\r\n: b\r\n\r\n", Some(404)),
            ("HTTP/1.1\r\n", "HTTP/1.1\r\n", None),
        ] {
            let head = RawHead::incomplete(received.as_bytes());
            assert_eq!(head.as_bytes(), shown.as_bytes(), "{received:?}");
            assert_eq!(head.status().map(|status| status.as_u16()), status, "{received:?}");
            assert!(!head.is_complete());
        }
    }
}
