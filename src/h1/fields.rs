//! Field lines (RFC 9112 section 5) of a head, and of the trailers after a chunked body.

use std::fmt;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use httparse::{EMPTY_HEADER, Header, Status};

use super::side::Side;

/// The error of a malformed field line: its number, its name as received, and the fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    number: usize,
    name: Box<str>,
    fault: &'static str,
}

impl FieldError {
    #[cold]
    pub(super) fn new(number: usize, name: &[u8], fault: &'static str) -> Self {
        /// Enough characters to recognise a field in a log line.
        const SHOWN: usize = 48;
        let shown = &name[..name.len().min(SHOWN)];
        FieldError { number, name: shown.escape_ascii().to_string().into(), fault }
    }
}

impl std::error::Error for FieldError {}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FieldError { number, name, fault } = self;
        match &**name {
            "" => write!(f, "field {number}: {fault}"),
            name => write!(f, "field {number} (`{name}`): {fault}"),
        }
    }
}

/// Properties of a message, noted while its fields are read. Most requests have no field about the message
/// but Host, and need not be searched for one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Noted {
    /// The number of Host fields.
    pub(super) hosts: usize,
    /// `true` if there is a field about the body's length, the connection, or an expectation.
    pub(super) framed: bool,
}

impl Noted {
    fn note(&mut self, name: &HeaderName) {
        self.hosts += usize::from(*name == HOST);
        self.framed |= [CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING].contains(name);
    }
}

/// The fault of a line that continues the previous one.
pub(super) const FOLDED: &str = "line folding";

/// Blocks of at most this many fields are parsed into a list on the stack. Browsers send fewer fields, and
/// the list is small enough for the stack.
const SLOTS_ON_STACK: usize = 16;

/// Returns room for the fields of nearly every head.
pub(super) fn slots<'b>() -> [Header<'b>; SLOTS_ON_STACK] {
    [EMPTY_HEADER; SLOTS_ON_STACK]
}

/// Parses the block of field lines at the start of unchecked `input`, if it is whole and valid. Returns its
/// length and the fields.
pub(super) fn read_whole<'s, 'b>(
    input: &'b [u8],
    slots: &'s mut [Header<'b>],
) -> Option<(usize, &'s [Header<'b>])> {
    let Ok(Status::Complete((end, fields))) = httparse::parse_headers(input, slots) else {
        return None;
    };
    // The parser accepts a lone LF as a line end. A line ends where the next one starts, and the last one
    // before the empty line.
    let ends_in_crlf = |end: usize| input[..end].ends_with(b"\r\n");
    let start = |field: &Header<'_>| field.name.as_ptr().addr() - input.as_ptr().addr();
    let last = if fields.is_empty() { &b"\r\n"[..] } else { b"\r\n\r\n" };
    let good = input[..end].ends_with(last) && fields.iter().skip(1).map(start).all(ends_in_crlf);
    good.then_some((end, fields))
}

/// Parses a block of `count` lines, followed by an empty line, into `headers`, which is empty.
///
/// The values share the block, so that a message costs one allocation however many fields it has.
/// The caller has refused line ends and folds that are not allowed for `side`.
pub(super) fn parse(
    side: Side,
    block: &[u8],
    share: Share<'_>,
    count: usize,
    headers: &mut HeaderMap,
) -> Result<Noted, FieldError> {
    match parse_strictly(block, share, count, headers) {
        Err(_) if side == Side::Response => {
            headers.clear();
            parse_strictly(&tidy(block), &Bytes::copy_from_slice, count, headers)
        }
        verdict => verdict,
    }
}

/// Parses the field lines of a part of a form, with the empty line behind them. They are read leniently, as
/// those of a response.
pub(crate) fn parse_fields(block: &[u8]) -> Result<HeaderMap, FieldError> {
    let mut headers = HeaderMap::new();
    let count = block.iter().filter(|byte| **byte == b'\n').count();
    parse(Side::Response, block, &Bytes::copy_from_slice, count, &mut headers)?;
    Ok(headers)
}

/// Makes a field's value from a part of the block.
pub(super) type Share<'a> = &'a dyn Fn(&[u8]) -> Bytes;

fn parse_strictly(
    block: &[u8],
    share: Share<'_>,
    count: usize,
    headers: &mut HeaderMap,
) -> Result<Noted, FieldError> {
    if count <= SLOTS_ON_STACK {
        parse_by(&mut slots(), block, share, headers)
    } else {
        parse_by(&mut vec![EMPTY_HEADER; count], block, share, headers)
    }
}

fn parse_by<'b>(
    slots: &mut [Header<'b>],
    block: &'b [u8],
    share: Share<'_>,
    headers: &mut HeaderMap,
) -> Result<Noted, FieldError> {
    let Ok(Status::Complete((end, fields))) = httparse::parse_headers(block, slots) else {
        return Err(explain(block));
    };
    debug_assert_eq!(end, block.len(), "Invariant: the only empty line is the last one");
    collect(fields, share, headers)
}

/// Puts `fields` into `headers`, which is empty. `share` makes their values.
pub(super) fn collect(
    fields: &[Header<'_>],
    share: impl Fn(&[u8]) -> Bytes,
    headers: &mut HeaderMap,
) -> Result<Noted, FieldError> {
    let mut noted = Noted::default();
    headers
        .try_reserve(fields.len())
        .map_err(|_| FieldError::new(fields.len(), b"", "more fields than a map can hold"))?;
    for (index, field) in fields.iter().enumerate() {
        let refuse = |fault| FieldError::new(index + 1, field.name.as_bytes(), fault);
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| refuse("the name is too long"))?;
        let value =
            HeaderValue::from_maybe_shared(share(field.value)).map_err(|_| refuse(BAD_VALUE))?;
        noted.note(&name);
        headers.try_append(name, value).map_err(|_| refuse("more fields than a map can hold"))?;
    }
    Ok(noted)
}

const BAD_VALUE: &str = "control character in the value";

/// Finds the malformed line, since the parser does not report it.
#[cold]
fn explain(block: &[u8]) -> FieldError {
    block
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .enumerate()
        .find_map(|(index, line)| {
            let (name, fault) = fault_of(line)?;
            Some(FieldError::new(index + 1, name, fault))
        })
        .unwrap_or_else(|| FieldError::new(0, b"", "malformed"))
}

/// Returns the name on a line and the fault of the line, if it has one.
fn fault_of(line: &[u8]) -> Option<(&[u8], &'static str)> {
    if line.is_empty() {
        return None;
    }
    if is_blank(line[0]) {
        return Some((b"", FOLDED));
    }
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return Some((line, "no colon"));
    };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    // RFC 9112 section 5.1: some recipients take it as part of the name, others do not.
    if name.last().is_some_and(|byte| is_blank(*byte)) {
        return Some((name, "space before the colon"));
    }
    if HeaderName::from_bytes(name).is_err() {
        return Some((name, "the name is not a token"));
    }
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Some((name, BAD_VALUE));
    }
    None
}

/// Normalises lines that are allowed in a response only. A folded line is joined to the previous one with
/// blanks (RFC 9112 section 5.2), and blanks before a colon are removed (section 5.1).
fn tidy(block: &[u8]) -> Bytes {
    let mut tidied = Vec::with_capacity(block.len());
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        match line {
            [first, rest @ ..] if is_blank(*first) && !tidied.is_empty() => {
                let ending = if tidied.ends_with(b"\r\n") { 2 } else { 1 };
                let end = tidied.len() - ending;
                tidied[end..].fill(b' ');
                tidied.push(b' ');
                tidied.extend_from_slice(rest);
            }
            _ => {
                let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
                let (name, rest) = line.split_at(colon);
                let name_end =
                    name.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |at| at + 1);
                tidied.extend_from_slice(&name[..name_end]);
                tidied.extend_from_slice(rest);
            }
        }
    }
    tidied.into()
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_all(block: &Bytes, count: usize) -> Result<HeaderMap, FieldError> {
        let mut headers = HeaderMap::new();
        parse(Side::Request, block, &Bytes::copy_from_slice, count, &mut headers).map(|_| headers)
    }

    fn parse_text(text: &'static [u8]) -> Result<HeaderMap, FieldError> {
        let count = text.iter().filter(|b| **b == b'\n').count() - 1;
        parse_all(&Bytes::from_static(text), count)
    }

    #[test]
    fn names_values_and_order() {
        let headers =
            parse_text(b"A: 1\r\nb:2  \r\nC:\r\na: \t 3 4\t\r\nx-\xc3: y\r\n\r\n").unwrap_err();
        assert_eq!(headers.to_string(), "field 5 (`x-\\xc3`): the name is not a token");

        let headers = parse_text(b"A: 1\r\nb:2  \r\nC:\r\na: \t 3 4\t\r\nd: \xe9\r\n\r\n").unwrap();
        assert_eq!(headers.len(), 5);
        assert_eq!(headers.get_all("a").iter().collect::<Vec<_>>(), ["1", "3 4"]);
        assert_eq!(headers["b"], "2");
        assert_eq!(headers["c"], "");
        assert_eq!(headers["d"].as_bytes(), b"\xe9");
    }

    #[test]
    fn an_error_names_the_fault_of_a_line() {
        for (block, message) in [
            (&b"a: b\r\nc : d\r\n\r\n"[..], "field 2 (`c `): space before the colon"),
            (b"a\t: b\r\n\r\n", "field 1 (`a\\t`): space before the colon"),
            (b"a\r\n\r\n", "field 1 (`a`): no colon"),
            (b": b\r\n\r\n", "field 1: the name is not a token"),
            (b"a b: c\r\n\r\n", "field 1 (`a b`): the name is not a token"),
            (b"a\0: c\r\n\r\n", "field 1 (`a\\x00`): the name is not a token"),
            (b"a: b\0\r\n\r\n", "field 1 (`a`): control character in the value"),
            (b"a: \x7f\r\n\r\n", "field 1 (`a`): control character in the value"),
            (b"a: b\rc\r\n\r\n", "field 1 (`a`): control character in the value"),
            (b"a: \rc\r\n\r\n", "field 1 (`a`): control character in the value"),
            (b"a: b\r\r\n\r\n", "field 1 (`a`): control character in the value"),
            (b"a: b\r\n c\r\n\r\n", "field 2: line folding"),
        ] {
            let error = parse_text(block).expect_err(message);
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn a_long_name_is_shown_in_part() {
        let error = FieldError::new(1, &[b'n'; 100_000], "no colon");
        assert!(error.to_string().len() < 100);
    }

    #[test]
    fn more_fields_than_the_stack_has_room_for() {
        for count in [SLOTS_ON_STACK, SLOTS_ON_STACK + 1, 10 * SLOTS_ON_STACK] {
            let mut block: String = (0..count).map(|i| format!("f{i}: {i}\r\n")).collect();
            block.push_str("\r\n");
            let headers = parse_all(&block.into(), count).unwrap();
            assert_eq!(headers.len(), count);
            assert_eq!(headers[&format!("f{}", count - 1)], (count - 1).to_string());
        }
    }

    #[test]
    fn more_fields_than_a_map_can_hold_are_an_error_not_a_panic() {
        let count = 40_000;
        let mut block: String = (0..count).map(|i| format!("f{i}:\r\n")).collect();
        block.push_str("\r\n");
        assert!(parse_all(&block.into(), count).is_err());
    }

    #[test]
    fn folds_become_blanks() {
        for (folded, value) in [
            ("a: b\r\n c\r\n\r\n", "b   c"),
            ("a: b\r\n\t\r\n\tc\r\n\r\n", "b      c"),
            ("a:\r\n b\r\n\r\n", "b"),
        ] {
            let block = tidy(folded.as_bytes());
            assert_eq!(block.len(), folded.len());
            assert_eq!(parse_all(&block, 3).unwrap()["a"], value, "{folded:?}");
        }
    }
    #[test]
    fn blanks_before_a_colon_are_removed_in_responses_only() {
        for (block, name, value) in [
            (&b"a : b\r\n\r\n"[..], "a", "b"),
            (b"a \t : b\n\n", "a", "b"),
            (b"c:d\r\na :b : c\r\n d : e\r\n\r\n", "a", "b : c   d : e"),
        ] {
            let bytes = Bytes::from_static(block);
            let mut headers = HeaderMap::new();
            parse(Side::Response, &bytes, &Bytes::copy_from_slice, 3, &mut headers).unwrap();
            assert_eq!(headers[name], value, "{block:?}");
            assert!(parse_all(&bytes, 3).is_err(), "{block:?}");
        }
        for block in
            [&b" : b\r\n\r\n"[..], b"a b : c\r\n\r\n", b" a: b\r\n\r\n", b"a \r\n : b\r\n\r\n"]
        {
            let mut headers = HeaderMap::new();
            let verdict = parse(Side::Response, block, &Bytes::copy_from_slice, 2, &mut headers);
            assert!(verdict.is_err(), "{block:?} came to {headers:?}");
        }
    }
}
