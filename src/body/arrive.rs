//! A look at a short body before it is read.

use std::time::Instant;

use super::Body;
use super::ahead::AHEAD;
use super::source::Source;

impl Body {
    /// Returns the rest of the body if it is short, at most 8 KiB, and arrives whole before `until`. It can be
    /// read afterwards as if this had not been called.
    ///
    /// # Blocking
    ///
    /// At most until `until`, and only for a body from a connection that may be short. The end of the call's
    /// context ends the wait.
    pub(crate) fn peek_short(&mut self, until: Instant) -> Option<&[u8]> {
        if !self.arrives(until) {
            return None;
        }
        match (&self.source, &self.ahead) {
            (Source::Bytes(bytes), _) => Some(bytes),
            (_, Some(ahead)) if ahead.fails_later() => None,
            (_, Some(ahead)) => Some(ahead.data()),
            (_, None) => Some(&[]),
        }
    }

    /// Buffers the rest of the body if it is short and arrives before `until`. Returns `true` if it did. A
    /// failure counts as the end.
    pub(super) fn arrives(&mut self, until: Instant) -> bool {
        if self.len().is_some_and(|length| length > AHEAD as u64) {
            return false;
        }
        if self.source.is_in_memory() {
            return true;
        }
        let ahead = self.ahead.get_or_insert_default();
        while self.source.remaining() != Some(0) && !ahead.fails_later() {
            if !ahead.has_room() || !self.source.wait_ready(until) {
                return false;
            }
            match ahead.fill(|buf| self.source.read(buf)) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => ahead.fail_later(error),
            }
        }
        true
    }
}

impl Source {
    /// Waits, at most until `until`, until a read would not wait.
    fn wait_ready(&mut self, until: Instant) -> bool {
        match self {
            Self::Empty | Self::Bytes(_) => true,
            // Only what a connection delivers is worth a wait.
            Self::File(_) | Self::Reader { .. } => false,
            Self::Incoming(incoming) => incoming.wait_ready(until),
            Self::Adapted(adapter) => adapter.arrives(until),
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use std::collections::VecDeque;
    use std::io::{self, Read};

    use http::HeaderMap;

    use super::*;
    use crate::body::Incoming;
    use crate::error::{Error, ErrorKind};

    /// A piece that a connection delivers.
    #[derive(Clone, Copy)]
    enum Piece {
        Data(&'static str),
        /// The data that follows comes later than a look waits.
        Late,
        Failure,
    }
    use Piece::{Data, Failure, Late};

    /// A connection that delivers pieces.
    struct Connection {
        pieces: VecDeque<Piece>,
        remaining: Option<u64>,
    }

    impl Read for Connection {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let data = match self.pieces.pop_front() {
                None => return Ok(0),
                Some(Late) => return self.read(buf),
                Some(Failure) => return Err(Error::new(ErrorKind::Receive).into()),
                Some(Data(data)) => data,
            };
            let count = data.len().min(buf.len());
            buf[..count].copy_from_slice(&data.as_bytes()[..count]);
            if count < data.len() {
                self.pieces.push_front(Data(&data[count..]));
            }
            self.remaining = self.remaining.map(|remaining| remaining - count as u64);
            Ok(count)
        }
    }

    impl Incoming for Connection {
        fn remaining(&self) -> Option<u64> {
            self.remaining
        }

        fn take_trailers(&mut self) -> Option<HeaderMap> {
            None
        }

        fn is_ready(&mut self) -> bool {
            !matches!(self.pieces.front(), Some(Late))
        }
    }

    fn body(pieces: &[Piece], length: Option<u64>) -> Body {
        let pieces = pieces.iter().copied().collect();
        Body::incoming(Box::new(Connection { pieces, remaining: length }))
    }

    fn peeked(body: &mut Body) -> Option<String> {
        body.peek_short(Instant::now()).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    const LONG: &str = match std::str::from_utf8(&[b'x'; AHEAD]) {
        Ok(text) => text,
        Err(_) => panic!(),
    };

    #[test]
    fn c07_a_short_body_is_seen_and_can_be_read() {
        for (pieces, length, seen, whole) in [
            (&[Data("abc")][..], Some(3), Some("abc"), "abc"),
            (&[Data("abc")], None, Some("abc"), "abc"),
            (&[Data("abc"), Data("def")], Some(6), Some("abcdef"), "abcdef"),
            (&[Data("abc"), Late, Data("def")], Some(6), None, "abcdef"),
            (&[Late, Data("abc")], None, None, "abc"),
            (&[], None, Some(""), ""),
            (&[Data(LONG)], None, None, LONG),
            (&[Data(LONG)], Some(AHEAD as u64), Some(LONG), LONG),
            (&[Data("x"), Data(LONG.split_at(1).1)], None, None, LONG),
        ] {
            let mut body = body(pieces, length);
            assert_eq!(peeked(&mut body).as_deref(), seen);
            assert_eq!(peeked(&mut body).as_deref().or(seen), seen, "it can be seen twice");
            assert_eq!(body.len(), length);
            assert_eq!(body.read_text(1 << 20).unwrap(), whole);
        }
    }

    #[test]
    fn c07_a_long_body_is_not_read_ahead() {
        let length = AHEAD as u64 + 1;
        let mut body = body(&[Data(LONG), Data("y")], Some(length));
        assert_eq!(peeked(&mut body), None);
        assert!(body.ahead.is_none());
        assert_eq!(body.read_bytes(length).unwrap().len() as u64, length);
    }

    #[test]
    fn c07_a_failure_follows_the_bytes_before_it() {
        for room in [1, 2, 100] {
            let mut body = body(&[Data("ab"), Data("c"), Failure], Some(9));
            assert_eq!(peeked(&mut body), None);
            assert!(!body.may_wait());
            let (mut read, mut room) = (Vec::new(), vec![0; room]);
            let error = loop {
                match body.read(&mut room) {
                    Ok(count) => read.extend_from_slice(&room[..count]),
                    Err(error) => break Error::from(error),
                }
            };
            assert_eq!((&*read, error.kind()), (&b"abc"[..], ErrorKind::Receive));
        }
    }

    #[test]
    fn c07_an_adapted_body_is_seen_if_its_source_arrives() {
        let pieces = [Data("abc"), Data("def")];
        let mut mapped = body(&pieces, None).map_reader(|body| body.take(4));
        assert_eq!(peeked(&mut mapped).unwrap(), "abcd");
        assert_eq!(mapped.read_text(10).unwrap(), "abcd");
        let mut limited = body(&pieces, None).limited(6).inspect(|_| {});
        assert_eq!(peeked(&mut limited).unwrap(), "abcdef");
        assert_eq!(limited.read_text(10).unwrap(), "abcdef");
        let mut limited = body(&pieces, None).limited(5);
        assert_eq!(peeked(&mut limited), None);
        let mut first = [0; 5];
        limited.read_exact(&mut first).unwrap();
        assert_eq!(Error::from(limited.read(&mut first).unwrap_err()).kind(), ErrorKind::TooLarge);
        let mut late = body(&[Data("abc"), Late, Data("def")], None).map_reader(|body| body);
        assert_eq!(peeked(&mut late), None);
        assert_eq!(late.read_text(10).unwrap(), "abcdef");
        // A reader of the caller's may block.
        assert_eq!(peeked(&mut Body::from_reader(&b"abc"[..])), None);
    }

    #[test]
    fn c07_the_rest_of_a_body_is_seen() {
        let mut body = body(&[Data("abcdef"), Data("ghi")], Some(9));
        body.read_exact(&mut [0; 4]).unwrap();
        assert_eq!(peeked(&mut body).unwrap(), "efghi");
        body.read_exact(&mut [0; 2]).unwrap();
        assert_eq!(peeked(&mut body).unwrap(), "ghi");
        assert_eq!(body.read_text(10).unwrap(), "ghi");
        assert_eq!(peeked(&mut Body::from("in memory")).unwrap(), "in memory");
        assert_eq!(peeked(&mut Body::empty()).unwrap(), "");
    }
}
