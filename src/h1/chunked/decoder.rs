//! Chunks as they come.
//!
//! ```text
//!            ┌───────────── CRLF ──────────────┐
//!            ▼                                 │
//! ──────▶ Size ──▶ Extension ──▶ SizeEnd ──▶ Data ──▶ DataEnd
//!            ├────────▶ Blanks ─────▲ │
//!                                     │ size 0
//!                                     ▼
//!               TrailerLine ◀──▶ LineStart ──▶ LastEnd ──▶ the end
//! ```

use bytes::Bytes;
use http::HeaderMap;

use super::trailers;
use crate::h1::body::{BodyError, BodyLimits};
use crate::h1::fields;
use crate::h1::side::Side;

/// A `u64` has no more of them, and neither has any size that is meant honestly.
const MAX_SIZE_DIGITS: u8 = 16;

/// Takes the framing of a chunked body byte by byte; the payload it only counts.
#[derive(Debug, Clone)]
pub(in crate::h1) struct ChunkDecoder {
    side: Side,
    state: State,
    limits: BodyLimits,
    /// Bytes of extensions that no payload has made up for.
    extension_debt: usize,
    trailers: TrailerLines,
}

/// What comes next; see [`Next`](crate::h1::Next).
#[derive(Debug)]
pub(in crate::h1) enum Step {
    Payload(u64),
    NeedInput,
    End(Option<HeaderMap>),
}

#[derive(Debug, Clone, Copy)]
enum State {
    Size {
        digits: u8,
        size: u64,
    },
    /// Blanks behind a size, of which an extension's `;` may follow. They count as extensions.
    Blanks {
        len: usize,
        size: u64,
    },
    Extension {
        len: usize,
        size: u64,
    },
    /// The CR of a size line was seen.
    SizeEnd {
        size: u64,
    },
    /// Invariant: `left` is not zero.
    Data {
        left: u64,
    },
    /// The payload was taken; CR comes next.
    DataCr,
    /// Then LF.
    DataLf,
    /// The last chunk was seen; here starts a trailer, or the empty line.
    LineStart,
    TrailerLine,
    /// The CR of the empty line was seen.
    LastEnd,
    Ended,
}

const NEXT_SIZE: State = State::Size { digits: 0, size: 0 };

impl ChunkDecoder {
    pub(in crate::h1) fn new(side: Side, limits: BodyLimits) -> Self {
        ChunkDecoder {
            side,
            state: NEXT_SIZE,
            limits,
            extension_debt: 0,
            trailers: TrailerLines::default(),
        }
    }

    /// Consumes framing until payload, the end of the body or that of the input.
    pub(in crate::h1) fn advance(&mut self, input: &[u8]) -> Result<(usize, Step), BodyError> {
        let mut consumed = 0;
        loop {
            match self.state {
                State::Data { left } => return Ok((consumed, Step::Payload(left))),
                State::Ended => {
                    let trailers = std::mem::take(&mut self.trailers).parse(self.side)?;
                    return Ok((consumed, Step::End(trailers)));
                }
                _ => {}
            }
            let Some(byte) = input.get(consumed) else {
                return Ok((consumed, Step::NeedInput));
            };
            consumed += 1;
            self.state = self.after(*byte)?;
        }
    }

    pub(in crate::h1) fn payload_taken(&mut self, n: u64) {
        let left = if let State::Data { left } = self.state { left } else { 0 };
        debug_assert!(n <= left, "Invariant: no more is taken than was offered");
        if n > 0 {
            self.state = match left.saturating_sub(n) {
                0 => State::DataCr,
                left => State::Data { left },
            };
        }
    }

    /// The state after one byte of framing.
    fn after(&mut self, byte: u8) -> Result<State, BodyError> {
        match (self.state, byte) {
            (State::Size { digits, size }, _) => self.after_size_byte(digits, size, byte),
            (State::SizeEnd { size }, b'\n') => Ok(self.after_size(size)),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(NEXT_SIZE),
            (State::LineStart, b'\r') => Ok(State::LastEnd),
            (State::LastEnd, b'\n') => Ok(State::Ended),
            _ => self.after_rare_byte(byte),
        }
    }

    /// The state after a byte of an extension or a trailer, or one that may be an error.
    #[cold]
    fn after_rare_byte(&mut self, byte: u8) -> Result<State, BodyError> {
        let lenient = self.is_lenient();
        match (self.state, byte) {
            (State::Blanks { len, size }, _) => self.after_blank(len, size, byte),
            (State::Extension { size, .. }, b'\r') => Ok(State::SizeEnd { size }),
            (State::Extension { size, .. }, b'\n') if lenient => Ok(self.after_size(size)),
            (State::Extension { .. }, b'\n') => Err(BodyError::LineEnd),
            (State::Extension { len, size }, _) => self.after_extension_byte(len, size, byte),
            (State::DataCr, b'\n') if lenient => Ok(NEXT_SIZE),
            (State::LineStart, b'\n') if lenient => Ok(State::Ended),
            (State::LineStart | State::TrailerLine, _) => {
                let complete = self.trailers.take(self.side, byte, &self.limits)?;
                Ok(if complete { State::LineStart } else { State::TrailerLine })
            }
            _ => Err(BodyError::LineEnd),
        }
    }

    /// Whether LF alone ends a line, and blanks may stand between a size and the end of its line.
    fn is_lenient(&self) -> bool {
        self.side == Side::Response
    }

    /// The state behind a size's line.
    fn after_size(&mut self, size: u64) -> State {
        if size == 0 {
            return State::LineStart;
        }
        self.pay_for_extensions(size);
        State::Data { left: size }
    }

    /// No sign and no `0x`.
    fn after_size_byte(&mut self, digits: u8, size: u64, byte: u8) -> Result<State, BodyError> {
        match (char::from(byte).to_digit(16), byte) {
            (Some(digit), _) if digits < MAX_SIZE_DIGITS => {
                Ok(State::Size { digits: digits + 1, size: size << 4 | u64::from(digit) })
            }
            (None, b'\r') if digits > 0 => Ok(State::SizeEnd { size }),
            (None, b';') if digits > 0 => self.after_extension_byte(0, size, byte),
            (None, b' ' | b'\t') if digits > 0 => self.after_blank(0, size, byte),
            (None, b'\n') if digits > 0 && self.is_lenient() => Ok(self.after_size(size)),
            (None, b'\n') => Err(BodyError::LineEnd),
            _ => Err(BodyError::ChunkSize),
        }
    }

    /// Blanks may stand before an extension (RFC 9112 section 7.1.1), and in a response also before
    /// the line's end.
    fn after_blank(&mut self, len: usize, size: u64, byte: u8) -> Result<State, BodyError> {
        match byte {
            b' ' | b'\t' => {
                self.count_extension_byte(len)?;
                Ok(State::Blanks { len: len + 1, size })
            }
            b';' => self.after_extension_byte(len, size, byte),
            b'\r' if self.is_lenient() => Ok(State::SizeEnd { size }),
            b'\n' if self.is_lenient() => Ok(self.after_size(size)),
            _ => Err(BodyError::ChunkSize),
        }
    }

    fn after_extension_byte(
        &mut self,
        len: usize,
        size: u64,
        byte: u8,
    ) -> Result<State, BodyError> {
        if byte.is_ascii_control() && byte != b'\t' {
            return Err(BodyError::ChunkExtension);
        }
        self.count_extension_byte(len)?;
        Ok(State::Extension { len: len + 1, size })
    }

    /// Counts one more byte of a chunk's extensions, of which there are `len`.
    fn count_extension_byte(&mut self, len: usize) -> Result<(), BodyError> {
        if len >= self.limits.extension_bytes {
            return Err(BodyError::ExtensionTooLarge { limit: self.limits.extension_bytes });
        }
        if self.extension_debt >= self.limits.extension_debt {
            return Err(BodyError::TooManyExtensions { limit: self.limits.extension_debt });
        }
        self.extension_debt += 1;
        Ok(())
    }

    fn pay_for_extensions(&mut self, payload: u64) {
        let payload = usize::try_from(payload).unwrap_or(usize::MAX);
        self.extension_debt = self.extension_debt.saturating_sub(payload);
    }
}

/// The lines behind the last chunk, as they come. It allocates nothing if there are none.
#[derive(Debug, Clone, Default)]
struct TrailerLines {
    block: Vec<u8>,
    count: usize,
}

impl TrailerLines {
    /// Takes one byte; tells whether it completes a line.
    fn take(&mut self, side: Side, byte: u8, limits: &BodyLimits) -> Result<bool, BodyError> {
        if self.block.len() >= limits.trailer_bytes {
            return Err(BodyError::TrailersTooLarge { limit: limits.trailer_bytes });
        }
        if byte != b'\n' {
            self.block.push(byte);
            return Ok(false);
        }
        if side == Side::Request && self.block.last() != Some(&b'\r') {
            return Err(BodyError::LineEnd);
        }
        self.block.push(byte);
        self.count += 1;
        if self.count > limits.trailer_fields {
            return Err(BodyError::TooManyTrailers { limit: limits.trailer_fields });
        }
        Ok(true)
    }

    /// Forbidden trailers are dropped. In a request, those about the message are an error: an
    /// intermediary may have believed them.
    fn parse(mut self, side: Side) -> Result<Option<HeaderMap>, BodyError> {
        if self.count == 0 {
            return Ok(None);
        }
        self.block.extend_from_slice(b"\r\n");
        let mut received = HeaderMap::new();
        fields::parse(side, &self.block, &Bytes::copy_from_slice, self.count, &mut received)
            .map_err(BodyError::Trailer)?;
        if side == Side::Request
            && let Some(name) = received.keys().find(|name| trailers::is_about_the_message(name))
        {
            return Err(BodyError::ForbiddenTrailer(name.clone()));
        }
        Ok(Some(without_forbidden(received)))
    }
}

fn without_forbidden(received: HeaderMap) -> HeaderMap {
    if !received.keys().any(trailers::is_forbidden_trailer) {
        return received;
    }
    let mut kept = HeaderMap::with_capacity(received.len());
    for (name, value) in &received {
        if !trailers::is_forbidden_trailer(name) {
            kept.append(name, value.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h1::splits::{self, Decoded};
    use crate::h1::{BodyDecoder, Framing};

    const LIMITS: BodyLimits =
        BodyLimits { extension_bytes: 8, extension_debt: 20, trailer_bytes: 30, trailer_fields: 3 };

    fn decode(input: &[u8]) -> Result<Decoded, BodyError> {
        splits::body(|| BodyDecoder::request(Framing::Chunked, LIMITS), input).map_err(|(e, _)| e)
    }

    fn decode_response(input: &[u8]) -> Result<Decoded, BodyError> {
        splits::body(|| BodyDecoder::response(Framing::Chunked, LIMITS), input).map_err(|(e, _)| e)
    }

    #[track_caller]
    fn refused(input: &[u8]) -> BodyError {
        match decode(input) {
            Err(error) => error,
            Ok(decoded) => panic!("{:?} came to {decoded:?}", input.escape_ascii().to_string()),
        }
    }

    #[test]
    fn chunks_and_their_payload() {
        for (input, payload) in [
            ("0\r\n\r\n", ""),
            ("1\r\na\r\n0\r\n\r\n", "a"),
            ("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"),
            ("003\r\nabc\r\n000\r\n\r\n", "abc"),
            ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
            ("9\r\n\r\n0\r\n\r\n12\r\n0\r\n\r\n", "\r\n0\r\n\r\n12"),
            ("1;a=b\r\nx\r\n0;c\r\n\r\n", "x"),
            ("1;a=\"\tb\"\r\nx\r\n0\r\n\r\n", "x"),
            ("1 ; a=b\r\nx\r\n0\r\n\r\n", "x"),
            ("1\t;a\r\nx\r\n0 ;a\r\n\r\n", "x"),
            ("1 ;a = b\r\nx\r\n0;a =b\r\n\r\n", "x"),
            ("1 ; a ; b\r\nx\r\n0\r\n\r\n", "x"),
        ] {
            let decoded = decode(input.as_bytes()).expect(input);
            assert_eq!(decoded.payload, payload.as_bytes(), "{input:?}");
            assert_eq!(decoded.trailers, None, "{input:?}");
            assert!(decoded.ended, "{input:?}");
        }
    }

    #[test]
    fn bytes_behind_the_last_chunk_are_left_untouched() {
        let decoded = decode(b"1\r\na\r\n0\r\n\r\n\r\nGET / HTTP/1.1\r\n").unwrap();
        assert_eq!(decoded.rest, b"\r\nGET / HTTP/1.1\r\n");
    }

    #[test]
    fn sizes_that_are_no_hexadecimal_numbers() {
        for input in [
            "\r\n",
            ";a\r\n",
            "+1\r\na",
            "-1\r\na",
            "0x1\r\na",
            " 1\r\na",
            "1 \r\na",
            "1\t\r\na",
            "1 \na",
            "1 a\r\n",
            "1 \t1;a\r\n",
            "1 \0;a\r\n",
            "1_0\r\na",
            "g\r\n",
            "1,\r\na",
            "\"1\"\r\na",
            "1\0\r\na",
            "\u{ff11}\r\na",
        ] {
            assert_eq!(refused(input.as_bytes()), BodyError::ChunkSize, "{input:?}");
        }
    }

    #[test]
    fn the_largest_size_and_one_digit_more() {
        let decoder = || BodyDecoder::request(Framing::Chunked, LIMITS);
        let next = decoder().advance(b"ffffffffffffffff\r\n").unwrap();
        assert_eq!(next, (18, crate::h1::Next::Payload(u64::MAX)));
        assert_eq!(refused(b"10000000000000000\r\n"), BodyError::ChunkSize);
        assert_eq!(refused(b"00000000000000001\r\na"), BodyError::ChunkSize);
    }

    #[test]
    fn line_ends_are_crlf_and_nothing_else() {
        for input in [
            "1\na\r\n0\r\n\r\n",
            "1\ra\r\n0\r\n\r\n",
            "1;a\n",
            "1;a\rb",
            "1\r\na\n0\r\n\r\n",
            "1\r\na\r0\r\n\r\n",
            "1\r\nab\r\n",
            "1\r\na0\r\n\r\n",
            "0\n\r\n",
            "0\r\n\n",
            "0\r\n\r\r",
            "0\r\nA: b\n\r\n",
            "0\r\nA: b\r\n\n",
        ] {
            assert_eq!(refused(input.as_bytes()), BodyError::LineEnd, "{input:?}");
        }
    }

    #[test]
    fn control_characters_in_extensions_are_refused() {
        for input in ["1;\0\r\n", "1;a=\x01\r\n", "1;\x7f\r\n"] {
            assert_eq!(refused(input.as_bytes()), BodyError::ChunkExtension, "{input:?}");
        }
    }

    #[test]
    fn extensions_of_one_chunk_as_long_as_allowed_and_one_byte_more() {
        assert!(decode(b"1;234567\r\na\r\n0\r\n\r\n").is_ok());
        assert!(decode(b"1;2345678\r\na\r\n0\r\n\r\n").is_ok());
        assert_eq!(refused(b"1;23456789\r\na"), BodyError::ExtensionTooLarge { limit: 8 });
    }

    #[test]
    fn tiny_chunks_with_extensions_cannot_go_on_for_ever() {
        // Each chunk adds four bytes to the debt and pays one back: 20 is reached in the sixth,
        // and the seventh goes beyond.
        let chunk = "1;abc\r\nx\r\n";
        assert!(decode(format!("{}0\r\n\r\n", chunk.repeat(6)).as_bytes()).is_ok());
        let error = refused(chunk.repeat(7).as_bytes());
        assert_eq!(error, BodyError::TooManyExtensions { limit: 20 });
    }

    #[test]
    fn extensions_that_the_payload_makes_up_for_are_never_too_many() {
        let chunk = "8;1234567\r\n01234567\r\n";
        let decoded = decode(format!("{}0\r\n\r\n", chunk.repeat(20)).as_bytes()).unwrap();
        assert_eq!(decoded.payload.len(), 160);
    }

    #[test]
    fn trailers_are_collected() {
        let decoded = decode(b"1\r\na\r\n0\r\nA: 1\r\nB:2\r\na: 3\r\n\r\nrest").unwrap();
        let trailers = decoded.trailers.unwrap();
        assert_eq!(trailers.len(), 3);
        assert_eq!(trailers.get_all("a").iter().collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!(trailers["b"], "2");
        assert_eq!(decoded.rest, b"rest");
    }

    #[test]
    fn trailers_as_many_as_allowed_and_one_more() {
        assert!(decode(b"0\r\nA:\r\nB:\r\nC:\r\n\r\n").is_ok());
        let error = refused(b"0\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n");
        assert_eq!(error, BodyError::TooManyTrailers { limit: 3 });
        assert_eq!(error.status(), 431);
    }

    #[test]
    fn trailers_as_large_as_allowed_and_one_byte_more() {
        assert!(decode(b"0\r\nA: 3456789012345678901234567\r\n\r\n").is_ok());
        let error = refused(b"0\r\nA: 34567890123456789012345678\r\n\r\n");
        assert_eq!(error, BodyError::TrailersTooLarge { limit: 30 });
        let endless = [&b"0\r\n"[..], &[b'a'; 31]].concat();
        assert_eq!(refused(&endless), BodyError::TrailersTooLarge { limit: 30 });
    }

    #[test]
    fn trailers_that_are_no_fields() {
        for input in
            ["0\r\nA\r\n\r\n", "0\r\nA : b\r\n\r\n", "0\r\n A: b\r\n\r\n", "0\r\nA: b\rc\r\n\r\n"]
        {
            assert!(matches!(refused(input.as_bytes()), BodyError::Trailer(_)), "{input:?}");
        }
    }

    #[test]
    fn trailers_about_framing_or_routing_are_refused() {
        for name in ["content-length", "transfer-encoding", "host", "trailer", "connection", "te"] {
            let error = refused(format!("0\r\n{name}: 1\r\n\r\n").as_bytes());
            let name = http::HeaderName::from_static(name);
            assert_eq!(error, BodyError::ForbiddenTrailer(name));
        }
    }

    #[test]
    fn other_forbidden_trailers_are_dropped() {
        let decoded = decode(b"0\r\nSet-Cookie: a=b\r\nX: y\r\n\r\n").unwrap();
        let trailers = decoded.trailers.unwrap();
        assert_eq!((trailers.len(), &trailers["x"]), (1, &http::HeaderValue::from_static("y")));
    }
    /// Each is taken from a response, and refused in a request.
    const FORGIVEN: &[(&str, &str)] = &[
        ("1\na\r\n0\r\n\r\n", "a"),
        ("1\r\na\n0\r\n\r\n", "a"),
        ("1\na\n0\n\n", "a"),
        ("1;a=b\na\n0;c\n\n", "a"),
        ("1\r\na\r\n0\n\r\n", "a"),
        ("1\r\na\r\n0\r\n\n", "a"),
        ("1 \r\na\r\n0\r\n\r\n", "a"),
        ("1\t \r\na\r\n0  \r\n\r\n", "a"),
        ("1 \na\n0 \n\n", "a"),
        ("1 \na\n0\nA: b\n\n", "a"),
        ("0\r\nA: b\n\r\n", ""),
        ("0\r\nA: b\r\n\n", ""),
        ("0\r\nA : b\r\n\r\n", ""),
        ("0\r\nA: b\r\n c\r\n\r\n", ""),
        ("0\r\nHost: a\r\nA: b\r\n\r\n", ""),
        ("0\r\nContent-Length: 5\r\n\r\n", ""),
        ("0\nContent-Length : 5\nTE: a\n\n", ""),
    ];

    #[test]
    fn responses_are_read_leniently_and_requests_are_not() {
        for (input, payload) in FORGIVEN {
            let behind = format!("{input}behind");
            let decoded = decode_response(behind.as_bytes()).expect(input);
            assert_eq!(decoded.payload, payload.as_bytes(), "{input:?}");
            assert_eq!(decoded.rest, b"behind", "{input:?}");
            let trailers = decoded.trailers.unwrap_or_default();
            assert_eq!(trailers.contains_key("a"), input.contains('A'), "{input:?}");
            assert!(trailers.keys().all(|name| name == "a"), "{input:?}: {trailers:?}");
            refused(behind.as_bytes());
        }
    }

    #[test]
    fn what_no_response_may_have() {
        for input in [
            "\n",
            " 1\na\n",
            "1 a\n",
            "1 1\na",
            "1\ra\r\n",
            "1;\0\n",
            "1\nab\n",
            "1\na\r0\n",
            "0\n\r\r",
            "0x1\na\n",
            "0\nA\n\n",
            "0\n A: b\n\n",
            "0\nA: b\rc\n\n",
        ] {
            let verdict = decode_response(input.as_bytes());
            assert!(verdict.is_err(), "{input:?} came to {verdict:?}");
        }
    }

    #[test]
    fn blanks_count_as_extensions() {
        for decode in [decode, decode_response] {
            assert!(decode(b"1       ;\r\na\r\n0\r\n\r\n").is_ok());
            let error = decode(b"1        ;\r\na").unwrap_err();
            assert_eq!(error, BodyError::ExtensionTooLarge { limit: 8 });
            let error = decode("1   ;\r\nx\r\n".repeat(7).as_bytes()).unwrap_err();
            assert_eq!(error, BodyError::TooManyExtensions { limit: 20 });
        }
        let error = decode_response(b"1         ").unwrap_err();
        assert_eq!(error, BodyError::ExtensionTooLarge { limit: 8 });
    }

    #[test]
    fn a_damaged_body_has_one_verdict_however_it_is_cut() {
        let bodies = ["1;a=b\r\nx\r\n0\r\nA: b\r\n\r\nrest", "2 ; a\nxy\n0\nA : b\nHost: h\n\n"];
        for text in bodies.into_iter().flat_map(splits::damaged) {
            // `splits` compares the cuts.
            let (strict, lenient) = (decode(&text), decode_response(&text));
            assert!(strict.is_err() || strict == lenient, "{}", text.escape_ascii());
        }
    }
}
