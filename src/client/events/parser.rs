//! The format of event streams (the WHATWG's HTML Standard, section 9.2.6), without input and output.

use std::mem;
use std::time::Duration;

/// The mark that may begin a stream.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The most bytes of an id: 4 KiB. Each event and each reconnection repeats it, and servers accept few request
/// heads of more than 8 KiB.
const MAX_ID: usize = 4 << 10;

/// One event of an event stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerEvent {
    /// The name of the event, from its `event` field. `message` if it has none.
    pub name: String,
    /// The lines of the `data` fields, joined by `\n`.
    pub data: String,
    /// The id that was last set, by this event or an earlier one. Empty if there is none. An id of more than
    /// 4 KiB is ignored, as is one with a NUL.
    pub id: String,
}

/// The most bytes that a part of a stream may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) line: usize,
    pub(super) event: usize,
}

/// A part of a stream is larger than its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooLarge {
    Line,
    Event,
}

/// The state of reading a stream.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// The begin of a line whose end has not come.
    partial: Vec<u8>,
    position: Position,
    name: String,
    /// The data of the event, with a `\n` after each line.
    data: String,
    /// The id as the fields set it. The end of an event makes it the last event id.
    id: String,
    last_event_id: String,
    retry: Option<Duration>,
}

/// The place of a parser in its stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Position {
    /// No line has ended. The first may begin with a byte order mark.
    #[default]
    FirstLine,
    Line,
    /// The last line ended with a CR. An LF would belong to the same line end.
    AfterCr,
}

impl Parser {
    /// Creates the parser of a stream that continues another. Its events have that id until they set one.
    pub(super) fn continuing(last_event_id: &str) -> Self {
        let (id, last_event_id) = (last_event_id.to_owned(), last_event_id.to_owned());
        Self { id, last_event_id, ..Self::default() }
    }

    /// Reads `input` up to the end of an event, or to its own end. Returns the number of bytes it has read,
    /// and the event.
    pub(super) fn advance(
        &mut self,
        input: &[u8],
        limits: Limits,
    ) -> Result<(usize, Option<ServerEvent>), TooLarge> {
        let mut used = 0;
        if self.position == Position::AfterCr && !input.is_empty() {
            self.position = Position::Line;
            used = usize::from(input[0] == b'\n');
        }
        while let Some(length) = line_length(&input[used..]) {
            let (line, rest) = input[used..].split_at(length);
            let event = self.end_line(line, limits)?;
            used += length + 1;
            match rest {
                [b'\r', b'\n', ..] => used += 1,
                [b'\r'] => self.position = Position::AfterCr,
                _ => {}
            }
            if event.is_some() {
                return Ok((used, event));
            }
        }
        self.keep(&input[used..], limits)?;
        Ok((input.len(), None))
    }

    /// Returns the last event id, which a reconnecting client sends.
    pub(super) fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Returns the time to wait before a reconnection, if the stream has set one.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    fn keep(&mut self, begin: &[u8], limits: Limits) -> Result<(), TooLarge> {
        if self.partial.len() + begin.len() > limits.line {
            return Err(TooLarge::Line);
        }
        self.partial.extend_from_slice(begin);
        Ok(())
    }

    fn end_line(&mut self, rest: &[u8], limits: Limits) -> Result<Option<ServerEvent>, TooLarge> {
        if self.partial.is_empty() {
            if rest.len() > limits.line {
                return Err(TooLarge::Line);
            }
            return self.line(rest, limits);
        }
        self.keep(rest, limits)?;
        let mut line = mem::take(&mut self.partial);
        let event = self.line(&line, limits);
        line.clear();
        self.partial = line;
        event
    }

    fn line(&mut self, mut line: &[u8], limits: Limits) -> Result<Option<ServerEvent>, TooLarge> {
        if self.position == Position::FirstLine {
            self.position = Position::Line;
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.end_event());
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = match colon {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        self.field(name, value, limits)
    }

    /// Takes over a field. A comment is a field without a name, which is ignored as every unknown field is.
    fn field(
        &mut self,
        name: &[u8],
        value: &[u8],
        limits: Limits,
    ) -> Result<Option<ServerEvent>, TooLarge> {
        match name {
            b"data" => {
                self.data.push_str(&String::from_utf8_lossy(value));
                self.data.push('\n');
            }
            b"event" => self.name = String::from_utf8_lossy(value).into_owned(),
            b"id" if !value.contains(&0) => {
                let id = String::from_utf8_lossy(value);
                if id.len() <= MAX_ID {
                    self.id = id.into_owned();
                }
            }
            b"retry" => self.retry = milliseconds(value).or(self.retry),
            _ => {}
        }
        match self.data.len() + self.name.len() + self.id.len() > limits.event {
            true => Err(TooLarge::Event),
            false => Ok(None),
        }
    }

    /// Returns the event that an empty line ends. Without data there is none.
    fn end_event(&mut self) -> Option<ServerEvent> {
        self.last_event_id.clone_from(&self.id);
        let (mut name, mut data) = (mem::take(&mut self.name), mem::take(&mut self.data));
        data.pop()?;
        if name.is_empty() {
            name.push_str("message");
        }
        Some(ServerEvent { name, data, id: self.last_event_id.clone() })
    }
}

fn line_length(input: &[u8]) -> Option<usize> {
    input.iter().position(|byte| matches!(byte, b'\n' | b'\r'))
}

/// Reads a number of only digits. One that does not fit becomes the largest.
fn milliseconds(value: &[u8]) -> Option<Duration> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(value).ok()?.parse().unwrap_or(u64::MAX);
    Some(Duration::from_millis(number))
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { line: 100, event: 200 };

    /// The events of a stream, then its last event id and its retry.
    type Outcome = (Vec<(String, String, String)>, String, Option<u64>);

    fn parse(pieces: &[&[u8]]) -> Result<Outcome, TooLarge> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for piece in pieces {
            let mut input = *piece;
            loop {
                let (used, event) = parser.advance(input, LIMITS)?;
                input = &input[used..];
                match event {
                    Some(event) => events.push((event.name, event.data, event.id)),
                    None => break assert!(input.is_empty(), "left over: {input:?}"),
                }
            }
        }
        let retry = parser.retry().map(|retry| retry.as_millis() as u64);
        Ok((events, parser.last_event_id().to_owned(), retry))
    }

    /// Parses a stream in one piece, and checks that every way to cut it into two or three, and byte by byte,
    /// gives the same.
    fn parsed(stream: &[u8]) -> Result<Outcome, TooLarge> {
        let whole = parse(&[stream]);
        // All pairs of cuts of a short stream, and the single cuts of a long one.
        let least = if stream.len() > 80 { stream.len() } else { 0 };
        for first in 0..=stream.len() {
            for second in first.max(least)..=stream.len() {
                let pieces = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(parse(&pieces), whole, "in pieces {pieces:?}");
            }
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(parse(&bytes), whole, "byte by byte");
        whole
    }

    fn events(stream: impl AsRef<[u8]>) -> Vec<(String, String, String)> {
        parsed(stream.as_ref()).expect("a stream within its limits").0
    }

    fn datas(stream: impl AsRef<[u8]>) -> Vec<String> {
        events(stream).into_iter().map(|(_, data, _)| data).collect()
    }

    #[test]
    fn c21_fields_make_an_event() {
        let (events, last_event_id, retry) =
            parsed(b"event: add\ndata: 73857293\nid: 7\nretry: 250\n\ndata: next\n\n").unwrap();
        let expected = [("add", "73857293", "7"), ("message", "next", "7")];
        let expected = expected.map(|(n, d, i)| (n.to_owned(), d.to_owned(), i.to_owned()));
        assert_eq!(events, expected);
        assert_eq!((last_event_id.as_str(), retry), ("7", Some(250)));
    }

    #[test]
    fn c21_every_line_end_ends_a_line() {
        for end in ["\n", "\r", "\r\n"] {
            let stream = format!("data: a{end}data: b{end}{end}data: c{end}{end}");
            assert_eq!(datas(&stream), ["a\nb", "c"], "{end:?}");
        }
        // The line end of a CRLF is one, the line ends of an LFCR are two.
        assert_eq!(datas("data: a\r\ndata: b\n\rdata: c\r\rdata: d\n\n"), ["a\nb", "c", "d"]);
    }

    #[test]
    fn c21_only_a_leading_byte_order_mark_is_dropped() {
        assert_eq!(datas("\u{feff}data: a\n\n"), ["a"]);
        assert_eq!(datas("\u{feff}data: a\r\r"), ["a"]);
        assert_eq!(datas("\u{feff}\u{feff}data: a\n\ndata: b\n\n"), ["b"]);
        assert_eq!(datas("\n\u{feff}data: a\n\ndata: b\n\n"), ["b"]);
        assert_eq!(datas("\u{feff}\r\rdata: a\n\n"), ["a"]);
    }

    #[test]
    fn c21_data_keeps_its_lines_and_loses_one_space() {
        for (stream, expected) in [
            ("data\n\n", &[""][..]),
            ("data\ndata\n\n", &["\n"]),
            ("data:\n\n", &[""]),
            ("data:test\n\ndata: test\n\n", &["test", "test"]),
            ("data:  two\n\n", &[" two"]),
            ("data: YHOO\ndata: +2\ndata: 10\n\n", &["YHOO\n+2\n10"]),
            ("data: a:b: c\n\n", &["a:b: c"]),
            ("data:\ta\n\n", &["\ta"]),
            ("data : no\n\n", &[]),
            ("Data: no\n\n", &[]),
            (" data: no\n\n", &[]),
            (": a comment\n:\n\n", &[]),
            ("nothing\n\n", &[]),
            ("\n\n\n", &[]),
            ("event: only\n\ndata: a\n\n", &["a"]),
            // The end of the stream drops an event that no empty line has ended.
            ("data: a\n\ndata: b\n", &["a"]),
            ("data: a\n\ndata: b", &["a"]),
            ("data: a\n", &[]),
        ] {
            assert_eq!(datas(stream), expected, "{stream:?}");
        }
    }

    #[test]
    fn c21_names_apply_to_one_event_and_ids_to_all_that_follow() {
        let told = |stream: &str| {
            let (events, id, _) = parsed(stream.as_bytes()).unwrap();
            let events: Vec<_> =
                events.iter().map(|(name, _, id)| format!("{name}/{id}")).collect();
            (events.join(" "), id)
        };
        for (stream, expected, last) in [
            ("event: a\ndata: 1\n\ndata: 2\n\n", "a/ message/", ""),
            ("event: a\nevent: b\ndata: 1\n\n", "b/", ""),
            ("event: a\nevent\ndata: 1\n\n", "message/", ""),
            ("event: a\n\ndata: 1\n\n", "message/", ""),
            ("id: 1\ndata: 1\n\ndata: 2\n\n", "message/1 message/1", "1"),
            ("id: 1\ndata: 1\n\nid\ndata: 2\n\n", "message/1 message/", ""),
            ("id: 1\ndata: 1\n\nid: 2\0\ndata: 2\n\n", "message/1 message/1", "1"),
            ("id: 1\ndata: 1\n\nid: 2\n\n", "message/1", "2"),
            // Only the end of an event makes its id the last one.
            ("id: 1\ndata: 1\n\nid: 2\ndata: 2\n", "message/1", "1"),
        ] {
            assert_eq!(told(stream), (expected.to_owned(), last.to_owned()), "{stream:?}");
        }
    }

    #[test]
    fn c21_an_id_that_is_too_long_is_ignored() {
        let limits = Limits { line: 8 << 20, event: 16 << 20 };
        let invalid = MAX_ID / '\u{fffd}'.len_utf8();
        for (id, expected) in [
            (vec![b'x'; MAX_ID], MAX_ID),
            (vec![b'x'; MAX_ID + 1], 1),
            (vec![b'x'; 5 << 20], 1),
            (vec![0xff; invalid], 3 * invalid),
            (vec![0xff; invalid + 1], 1),
        ] {
            let stream = [b"id: 1\ndata: 1\n\nid: ", &*id, b"\ndata: 2\n\n"].concat();
            let mut parser = Parser::default();
            let (used, _) = parser.advance(&stream, limits).unwrap();
            let (_, event) = parser.advance(&stream[used..], limits).unwrap();
            let event = event.expect("an event");
            assert_eq!((&*event.data, event.id.len()), ("2", expected), "{} bytes", id.len());
            assert_eq!(parser.last_event_id(), event.id);
        }
    }

    #[test]
    fn c21_retry_is_a_number_of_only_digits() {
        for (field, expected) in [
            ("retry: 0", Some(0)),
            ("retry:1500", Some(1500)),
            ("retry: 0010", Some(10)),
            ("retry", None),
            ("retry:", None),
            ("retry:  1", None),
            ("retry: 1 ", None),
            ("retry: +1", None),
            ("retry: -1", None),
            ("retry: 1.5", None),
            ("retry: 1s", None),
            ("retry: \u{661}", None),
            ("retry: 5\nretry: x", Some(5)),
            ("retry: 5\nretry: 6", Some(6)),
            ("retry: 99999999999999999999999999", Some(u64::MAX)),
        ] {
            let (_, _, retry) = parsed(format!("{field}\n").as_bytes()).unwrap();
            assert_eq!(retry, expected, "{field}");
        }
    }

    #[test]
    fn c21_bytes_that_are_not_utf_8_are_replaced() {
        assert_eq!(datas(b"data: \xff\xe2\x82\ndata: \xe2\x82\xac\n\n"), ["\u{fffd}\u{fffd}\n€"]);
        assert_eq!(events(b"event: \xc3\ndata\n\n")[0].0, "\u{fffd}");
    }

    #[test]
    fn c21_a_line_and_an_event_have_limits() {
        let line = |length: usize| format!("data: {}\n\n", "x".repeat(length - 6));
        assert_eq!(datas(line(100))[0].len(), 94);
        assert_eq!(parsed(line(101).as_bytes()), Err(TooLarge::Line));
        assert_eq!(parsed(&b"x".repeat(101)), Err(TooLarge::Line));
        assert_eq!(parsed(format!(":{}", "x".repeat(100)).as_bytes()), Err(TooLarge::Line));
        let lines = |count: usize| format!("{}\n", "data: 123456789\n".repeat(count));
        assert_eq!(datas(lines(20))[0].len(), 199);
        assert_eq!(parsed(lines(21).as_bytes()), Err(TooLarge::Event));
        // The limit is that of one event.
        assert_eq!(datas(lines(20).repeat(2)).len(), 2);
    }
}
