//! The records of a response, decoded as they arrive. This file does no input or output.
//!
//! A record is not buffered whole: its content is passed on piece by piece.

use crate::fcgi::record::{self, HEADER, MANAGEMENT, Malformed, kind};

/// The id of every request. A connection has one request at a time.
pub(super) const REQUEST_ID: u16 = 1;

/// Decodes the records of one response.
#[derive(Default)]
pub(super) struct Decoder {
    state: State,
    /// The bytes of padding that follow the current content.
    padding: usize,
    stdout_ended: bool,
}

#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Header,
    Stdout(usize),
    Stderr(usize),
    /// Content that is not used.
    Skip(usize),
    Ended(End),
}

/// The step that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More bytes are needed.
    NeedInput,
    /// This many bytes of output follow.
    Stdout(usize),
    /// This many bytes of error output follow.
    Stderr(usize),
    /// The response has ended.
    End(End),
}

/// The content of an END_REQUEST record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The exit status of the application.
    pub(super) exit: u32,
    /// The protocol status: see [`record::Status`].
    pub(super) status: u8,
}

impl Decoder {
    /// Returns `true` if the application has ended its output.
    pub(super) fn is_stdout_ended(&self) -> bool {
        self.stdout_ended || matches!(self.state, State::Ended(_))
    }

    /// Returns the next step, and the number of bytes of `input` that it used.
    pub(super) fn advance(&mut self, input: &[u8]) -> Result<(usize, Next), Malformed> {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            match self.state {
                State::Stdout(0) | State::Stderr(0) => {
                    self.state = State::Skip(std::mem::take(&mut self.padding));
                }
                State::Stdout(left) => return Ok((used, Next::Stdout(left))),
                State::Stderr(left) => return Ok((used, Next::Stderr(left))),
                State::Skip(0) => self.state = State::Header,
                State::Skip(_) | State::Header if rest.is_empty() => {
                    return Ok((used, Next::NeedInput));
                }
                State::Skip(left) => {
                    let count = left.min(rest.len());
                    self.state = State::Skip(left - count);
                    used += count;
                }
                State::Header => match self.header(rest)? {
                    0 => return Ok((used, Next::NeedInput)),
                    count => used += count,
                },
                State::Ended(end) => return Ok((used, Next::End(end))),
            }
        }
    }

    /// Notes that `count` bytes of the content were taken from the input.
    pub(super) fn taken(&mut self, count: usize) {
        match &mut self.state {
            State::Stdout(left) | State::Stderr(left) => *left -= count,
            _ => debug_assert_eq!(count, 0, "only content is taken"),
        }
    }

    /// Reads a header, or a whole END_REQUEST. Returns its length, or 0 if it is incomplete.
    fn header(&mut self, input: &[u8]) -> Result<usize, Malformed> {
        record::check_version(input)?;
        let Some(&[_, kind, id_high, id_low, length_high, length_low, padding, _]) =
            input.first_chunk::<HEADER>()
        else {
            return Ok(0);
        };
        let id = u16::from_be_bytes([id_high, id_low]);
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        let padding = usize::from(padding);
        match (id, kind) {
            (MANAGEMENT, _) => self.state = State::Skip(length + padding),
            (REQUEST_ID, kind::STDOUT) if self.stdout_ended && length > 0 => {
                return Err(Malformed::AfterEnd(kind));
            }
            (REQUEST_ID, kind::STDOUT) => {
                self.stdout_ended |= length == 0;
                (self.state, self.padding) = (State::Stdout(length), padding);
            }
            (REQUEST_ID, kind::STDERR) => {
                (self.state, self.padding) = (State::Stderr(length), padding);
            }
            (REQUEST_ID, kind::END_REQUEST) => return self.end_request(input),
            (REQUEST_ID, _) => return Err(Malformed::UnexpectedKind(kind)),
            _ => return Err(Malformed::UnexpectedId(id)),
        }
        Ok(HEADER)
    }

    fn end_request(&mut self, input: &[u8]) -> Result<usize, Malformed> {
        let Some((record, used)) = record::parse(input)? else { return Ok(0) };
        let [a, b, c, d, status, _, _, _] = *record.content else {
            return Err(Malformed::Content(kind::END_REQUEST));
        };
        self.state = State::Ended(End { exit: u32::from_be_bytes([a, b, c, d]), status });
        Ok(used)
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;
    use crate::fcgi::record::{Status, end_request, header};

    fn padded(kind: u8, id: u16, content: &[u8], padding: u8) -> Vec<u8> {
        let mut head = header(kind, id, content.len());
        head[6] = padding;
        [&head[..], content, &vec![0xaa; usize::from(padding)]].concat()
    }

    /// Decodes `pieces`, which arrive one after the other. Returns output, error output and the end.
    fn decode(pieces: &[&[u8]]) -> Result<(Vec<u8>, Vec<u8>, Option<End>), Malformed> {
        let (mut decoder, mut input) = (Decoder::default(), Vec::new());
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        for piece in pieces {
            input.extend_from_slice(piece);
            loop {
                let (used, next) = decoder.advance(&input)?;
                input.drain(..used);
                let (left, to) = match next {
                    Next::NeedInput => break,
                    Next::End(end) => return Ok((out, errors, Some(end))),
                    Next::Stdout(left) => (left, &mut out),
                    Next::Stderr(left) => (left, &mut errors),
                };
                let count = left.min(input.len());
                if count == 0 {
                    break;
                }
                to.extend(input.drain(..count));
                decoder.taken(count);
            }
        }
        Ok((out, errors, None))
    }

    #[test]
    fn h12_records_are_decoded_at_every_split() {
        let response = [
            padded(kind::STDOUT, 1, b"hello ", 2),
            padded(kind::GET_VALUES_RESULT, 0, b"ignored", 1),
            padded(kind::STDERR, 1, b"oh", 0),
            padded(kind::STDERR, 1, b"", 3),
            padded(kind::STDOUT, 1, b"world", 255),
            padded(kind::STDOUT, 1, b"", 8),
            padded(kind::END_REQUEST, 1, &[0, 0, 1, 2, 0, 0, 0, 0], 8),
        ]
        .concat();
        let expected =
            (b"hello world".to_vec(), b"oh".to_vec(), Some(End { exit: 258, status: 0 }));
        for first in 0..=response.len() {
            for second in [first, (first + 1).min(response.len()), response.len()] {
                let (a, b) = (&response[..first], &response[first..second]);
                assert_eq!(decode(&[a, b, &response[second..]]).as_ref(), Ok(&expected), "{first}");
            }
        }
        let bytes: Vec<&[u8]> = response.chunks(1).collect();
        assert_eq!(decode(&bytes), Ok(expected));
    }

    #[test]
    fn h12_malformed_records_are_refused() {
        let end = end_request(1, 0, Status::Complete);
        for (bytes, fault) in [
            (vec![2], Malformed::Version(2)),
            (b"HTTP/1.1 200 OK\r\n".to_vec(), Malformed::Version(b'H')),
            (padded(kind::STDOUT, 2, b"a", 0), Malformed::UnexpectedId(2)),
            (padded(kind::END_REQUEST, 0x0100, &[0; 8], 0), Malformed::UnexpectedId(256)),
            (padded(kind::STDIN, 1, b"a", 0), Malformed::UnexpectedKind(kind::STDIN)),
            (padded(kind::BEGIN_REQUEST, 1, &[0; 8], 0), Malformed::UnexpectedKind(1)),
            (padded(99, 1, b"", 0), Malformed::UnexpectedKind(99)),
            (padded(kind::END_REQUEST, 1, &[0; 7], 0), Malformed::Content(kind::END_REQUEST)),
            (padded(kind::END_REQUEST, 1, b"", 1), Malformed::Content(kind::END_REQUEST)),
            (
                [padded(kind::STDOUT, 1, b"", 0), padded(kind::STDOUT, 1, b"a", 0)].concat(),
                Malformed::AfterEnd(kind::STDOUT),
            ),
        ] {
            for at in 0..bytes.len() {
                assert_eq!(decode(&[&bytes[..at], &bytes[at..]]), Err(fault), "{bytes:?} {at}");
            }
        }
        assert_eq!(decode(&[&end[..15]]), Ok((vec![], vec![], None)));
    }
}
