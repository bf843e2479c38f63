//! The format of `multipart` bodies (RFC 2046 section 5.1): bytes to parts. No input or output.
//!
//! ```text
//! preamble                                                       ignored
//! CRLF --boundary padding CRLF      State::Delimiter
//! header fields CRLF CRLF           State::Head                  Next::Head
//! content                           State::Content               Next::Content
//! CRLF --boundary padding CRLF      State::Delimiter             Next::PartEnd
//! …
//! CRLF --boundary-- padding CRLF    State::LastDelimiter         Next::PartEnd, Next::End
//! epilogue                          State::Epilogue              ignored
//! ```
//!
//! A form whose first delimiter ends in a line feed alone has such delimiters throughout, as Go reads it.
//! A line that begins with a delimiter and goes on with other text belongs to the content: another boundary
//! may begin with this one.

use std::mem;

use super::search::Needle;

/// Reads parts from bytes that arrive in any pieces.
pub(super) struct Parser {
    needle: Needle,
    state: State,
    /// Lines end in CRLF, not in LF alone. The first delimiter decides.
    crlf: bool,
    /// The most bytes of the head of a part.
    most_head: usize,
}

enum State {
    /// Before everything, where the first delimiter needs no line end before it.
    Start,
    Preamble,
    /// Behind `--boundary`.
    Delimiter(Line),
    Head(Head),
    Content(Content),
    /// Behind `--boundary--`.
    LastDelimiter(Line),
    Epilogue,
}

/// The rest of the line of a delimiter.
#[derive(Clone, Copy, Default)]
struct Line {
    is_first: bool,
    padding: usize,
    /// A CR was read.
    returned: bool,
}

#[derive(Default)]
struct Head {
    text: Vec<u8>,
    /// The length of the current line, without its end.
    line: usize,
}

#[derive(Default)]
struct Content {
    /// Some of the content was taken, so that a delimiter needs a line end before it.
    begun: bool,
    /// How many bytes of the input are content, as it is known.
    clean: usize,
}

/// The next step of the parser.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The rest of the input is needed with more behind it.
    NeedInput,
    /// The head of a part: field lines and an empty line.
    Head(Vec<u8>),
    /// This many bytes of the input are content. The caller takes some with [`Parser::content_taken`].
    Content(usize),
    /// The part has ended.
    PartEnd,
    /// The last part has ended. The rest of the body is ignored.
    End,
}

/// A body that is no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The text on the line of a delimiter is no padding.
    Delimiter,
    /// The head of a part is longer than the limit.
    HeadTooLarge,
}

/// How many blanks may follow a delimiter (RFC 2046 section 5.1.1). Gateways add them, no client does.
const MOST_PADDING: usize = 1000;

/// The bytes behind `--boundary`.
enum Behind {
    /// A delimiter.
    Part,
    /// The last delimiter.
    End,
    /// Content that looks like a delimiter.
    Content,
    Unknown,
}

impl Behind {
    fn of(text: &[u8]) -> Self {
        match text {
            [b' ' | b'\t' | b'\r' | b'\n', ..] => Self::Part,
            [b'-', b'-', ..] => Self::End,
            [] | [b'-'] => Self::Unknown,
            _ => Self::Content,
        }
    }
}

impl Parser {
    /// `boundary` has at most 70 characters.
    pub(super) fn new(boundary: &[u8], most_head: usize) -> Self {
        Self { needle: Needle::new(boundary), state: State::Start, crlf: true, most_head }
    }

    /// Returns how many bytes of `input` were read, and the next step. `input` begins with the bytes that
    /// the previous call has left.
    pub(super) fn advance(&mut self, input: &[u8]) -> Result<(usize, Next), Fault> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let (consumed, next) = match &mut self.state {
                State::Start => self.start(rest),
                State::Preamble => self.preamble(rest),
                State::Delimiter(_) | State::LastDelimiter(_) => self.delimiter_line(rest)?,
                State::Head(_) => self.head(rest)?,
                State::Content(_) => self.content(rest),
                State::Epilogue => (rest.len(), Some(Next::NeedInput)),
            };
            at += consumed;
            if let Some(next) = next {
                return Ok((at, next));
            }
        }
    }

    /// Notes that the caller has taken `count` bytes of the content from its input.
    pub(super) fn content_taken(&mut self, count: usize) {
        if let State::Content(content) = &mut self.state {
            content.begun |= count > 0;
            content.clean -= count;
        }
    }

    /// Returns `true` if the body may end here.
    pub(super) fn may_end(&self) -> bool {
        matches!(self.state, State::LastDelimiter(_) | State::Epilogue)
    }

    fn start(&mut self, input: &[u8]) -> (usize, Option<Next>) {
        let delimiter = self.needle.after_line_feed();
        let length = delimiter.len();
        if let Some(behind) = input.strip_prefix(delimiter) {
            match Behind::of(behind) {
                Behind::Unknown => return (0, Some(Next::NeedInput)),
                Behind::Content => {}
                kind => return (self.delimited(kind, length, true), None),
            }
        } else if delimiter.starts_with(input) {
            return (0, Some(Next::NeedInput));
        }
        self.state = State::Preamble;
        (0, None)
    }

    fn preamble(&mut self, input: &[u8]) -> (usize, Option<Next>) {
        let mut from = 0;
        while let Some(at) = self.needle.find(&input[from..]) {
            let end = from + at + self.needle.len();
            match Behind::of(&input[end..]) {
                Behind::Unknown => return (from + at, Some(Next::NeedInput)),
                Behind::Content => from += at + 1,
                kind => return (self.delimited(kind, end, true), None),
            }
        }
        let ignored = input.len() - self.needle.overlap(&input[from..]);
        (ignored, Some(Next::NeedInput))
    }

    /// Enters the line of a delimiter whose boundary ends at `end`. Returns how much of the input was read.
    fn delimited(&mut self, kind: Behind, end: usize, is_first: bool) -> usize {
        let line = Line { is_first, ..Line::default() };
        match kind {
            Behind::End => {
                self.state = State::LastDelimiter(line);
                end + 2
            }
            _ => {
                self.state = State::Delimiter(line);
                end
            }
        }
    }

    fn delimiter_line(&mut self, input: &[u8]) -> Result<(usize, Option<Next>), Fault> {
        let (line, is_last) = match &mut self.state {
            State::Delimiter(line) => (line, false),
            State::LastDelimiter(line) => (line, true),
            _ => unreachable!("the caller is on the line of a delimiter"),
        };
        for (at, byte) in input.iter().enumerate() {
            match byte {
                b' ' | b'\t' if !line.returned && line.padding < MOST_PADDING => line.padding += 1,
                b'\r' if !line.returned => line.returned = true,
                b'\n' if is_last => {
                    self.state = State::Epilogue;
                    return Ok((at + 1, Some(Next::End)));
                }
                b'\n' if line.is_first || line.returned == self.crlf => {
                    self.crlf = line.returned;
                    self.state = State::Head(Head::default());
                    return Ok((at + 1, None));
                }
                _ => return Err(Fault::Delimiter),
            }
        }
        Ok((input.len(), Some(Next::NeedInput)))
    }

    fn head(&mut self, input: &[u8]) -> Result<(usize, Option<Next>), Fault> {
        let State::Head(head) = &mut self.state else { unreachable!("the caller is in a head") };
        let mut at = 0;
        while at < input.len() {
            let end = input[at..].iter().position(|byte| *byte == b'\n');
            let next = end.map_or(input.len(), |end| at + end + 1);
            head.text.extend_from_slice(&input[at..next]);
            if head.text.len() > self.most_head {
                return Err(Fault::HeadTooLarge);
            }
            head.line += next - at;
            at = next;
            if end.is_some() {
                let is_empty = head.line == 1 || head.line == 2 && head.text.ends_with(b"\r\n");
                head.line = 0;
                if is_empty {
                    let text = mem::take(&mut head.text);
                    self.state = State::Content(Content::default());
                    return Ok((at, Some(Next::Head(text))));
                }
            }
        }
        Ok((at, Some(Next::NeedInput)))
    }

    fn content(&mut self, input: &[u8]) -> (usize, Option<Next>) {
        let State::Content(content) = &self.state else { unreachable!("the caller is in a part") };
        let (begun, mut from) = (content.begun, content.clean);
        if !begun && from == 0 {
            // A part without content may lack the line end (as Go and others read it).
            let delimiter = self.needle.after_line_feed();
            match input.strip_prefix(delimiter).map(Behind::of) {
                None if delimiter.starts_with(input) => return (0, Some(Next::NeedInput)),
                None | Some(Behind::Content) => {}
                Some(Behind::Unknown) => return (0, Some(Next::NeedInput)),
                Some(kind) => {
                    let end = delimiter.len();
                    return (self.delimited(kind, end, false), Some(Next::PartEnd));
                }
            }
        }
        while let Some(at) = self.needle.find(&input[from..]) {
            let (at, end) = (from + at, from + at + self.needle.len());
            let start = self.line_end_start(input, at);
            match start.map_or(Behind::Content, |_| Behind::of(&input[end..])) {
                Behind::Content => from = at + 1,
                kind => {
                    let start = start.unwrap_or(at);
                    if start > 0 {
                        return self.clean(start);
                    }
                    if matches!(kind, Behind::Unknown) {
                        return (0, Some(Next::NeedInput));
                    }
                    return (self.delimited(kind, end, false), Some(Next::PartEnd));
                }
            }
        }
        let rest = &input[from..];
        let mut held = self.needle.overlap(rest);
        if self.crlf && rest[..rest.len() - held].ends_with(b"\r") {
            held += 1;
        }
        self.clean(input.len() - held)
    }

    /// Returns where the line end with this line feed starts. `None` if its CR is missing.
    fn line_end_start(&self, input: &[u8], line_feed: usize) -> Option<usize> {
        match self.crlf {
            false => Some(line_feed),
            true => input[..line_feed].ends_with(b"\r").then(|| line_feed - 1),
        }
    }

    /// Notes that `count` bytes of the input are content.
    fn clean(&mut self, count: usize) -> (usize, Option<Next>) {
        if let State::Content(content) = &mut self.state {
            content.clean = count;
        }
        (0, Some(if count > 0 { Next::Content(count) } else { Next::NeedInput }))
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
