//! Reading a form in parts as it arrives: `multipart/form-data` (RFC 7578).
//!
//! | file | what it holds |
//! | --- | --- |
//! | `mod.rs` | [`MultipartReader`]: the form, its buffer, and its limits |
//! | `part.rs` `head.rs` | one part, and its head |
//! | `limits.rs` | [`MultipartLimits`] |
//! | `parser.rs` `search.rs` | the format, without input and output |

mod head;
mod limits;
mod parser;
mod part;
mod search;

use std::fmt;
use std::io::{self, Read};

use http::StatusCode;

use super::fault::fault;
use super::params::{parameter, value_of};
use super::read::{content_type, unsupported};
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Request;
use crate::text::counted;
use head::PartHead;
pub use limits::MultipartLimits;
use parser::{Fault, Next, Parser};
pub use part::PartReader;

/// How much of a form is read at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// The most characters of a boundary (RFC 2046 section 5.1.1).
const MOST_BOUNDARY: usize = 70;

/// A form of the type `multipart/form-data` (RFC 7578), part by part as it arrives.
///
/// [`RequestExt::multipart`](crate::RequestExt::multipart) returns it, with the body of the request.
/// Memory does not grow with the form: 64 KiB are read at a time.
///
/// ```
/// use hangup::extract::MultipartLimits;
/// use hangup::{Request, RequestExt, ResponseWriter, Result};
/// use std::io::Write;
///
/// fn upload(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
///     let mut form = r.multipart(MultipartLimits::new(100 << 20).part_bytes(20 << 20))?;
///     while let Some(mut part) = form.next_part()? {
///         match part.safe_file_name() {
///             Some(name) => {
///                 let bytes = part.save_to(std::env::temp_dir().join(&name))?;
///                 writeln!(w, "{name}: {bytes} bytes")?;
///             }
///             None => {
///                 let text = part.read_text(1000)?;
///                 writeln!(w, "{}: {text:?}", part.name())?;
///             }
///         }
///     }
///     Ok(())
/// }
/// # let form = "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nHolidays\r\n--b--\r\n";
/// # let request = Request::post("/").header("content-type", "multipart/form-data; boundary=b");
/// # let mut response = hangup::testing::call(&upload, request.body(form)?)?;
/// # assert_eq!(response.body_mut().read_text(100)?, "title: \"Holidays\"\n");
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Format
///
/// The text before the first delimiter and behind the last one is ignored. Lines end in CRLF, or in LF
/// alone if the first delimiter does. A part of the type `multipart/mixed` is one part: RFC 7578 section 4.3
/// has deprecated lists of files in it. A `Content-Transfer-Encoding`, which section 4.7 deprecates, is not
/// decoded.
///
/// # Errors
///
/// Errors of the form are responses: 400 if it is malformed or has no end, 413 if it exceeds a limit. The
/// text names the limit and the part. They decide on the response, whatever error the handler makes of them.
/// After an error, every call returns it again.
pub struct MultipartReader {
    body: Body,
    parser: Parser,
    limits: MultipartLimits,
    /// Allocated by the first read.
    buffer: Box<[u8]>,
    /// The unread bytes in the buffer.
    start: usize,
    end: usize,
    /// How many bytes of the body were read.
    read: u64,
    /// How many parts have begun.
    parts: usize,
    /// The name of the last one.
    name: String,
    place: Place,
    failure: Option<Error>,
}

/// Where the reader is in the form.
enum Place {
    BetweenParts,
    /// In the content of a part. `left` bytes may follow within its limit.
    InPart {
        left: u64,
    },
    Ended,
}

/// Reads the body of `request` as a form.
pub(crate) fn multipart(request: &mut Request, limits: MultipartLimits) -> Result<MultipartReader> {
    const FORM: &str = "multipart/form-data";
    let given = content_type(request.headers());
    if !value_of(given).eq_ignore_ascii_case(FORM.as_bytes()) {
        return Err(unsupported(FORM, given));
    }
    let Some(boundary) = parameter(given, "boundary").filter(|it| is_boundary(it)) else {
        let text = "the Content-Type of the form has no valid boundary";
        return Err(fault(StatusCode::BAD_REQUEST, text));
    };
    let parser = Parser::new(&boundary, limits.head);
    let mut form = MultipartReader {
        body: std::mem::take(request.body_mut()),
        parser,
        limits,
        buffer: Box::default(),
        start: 0,
        end: 0,
        read: 0,
        parts: 0,
        name: String::new(),
        place: Place::BetweenParts,
        failure: None,
    };
    match form.body.len() {
        Some(length) if length > limits.total => Err(form.too_large()),
        _ => Ok(form),
    }
}

/// Returns `true` for a boundary (RFC 2046 section 5.1.1). Other visible characters are accepted as well.
fn is_boundary(text: &[u8]) -> bool {
    let is_valid = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    (1..=MOST_BOUNDARY).contains(&text.len()) && text.iter().all(is_valid) && !text.ends_with(b" ")
}

impl MultipartReader {
    /// Returns the next part. `None` at the end of the form. The unread rest of the part before it is
    /// skipped, within the same limits.
    ///
    /// # Errors
    ///
    /// A response with status 400 or 413, as the description of the type says. The errors of reading the
    /// body.
    ///
    /// # Blocking
    ///
    /// Until the head of the next part has arrived. At the end, until the body has ended.
    pub fn next_part(&mut self) -> Result<Option<PartReader<'_>>> {
        while matches!(self.place, Place::InPart { .. }) {
            let count = self.content()?.len();
            self.consume(count);
        }
        while !matches!(self.place, Place::Ended) {
            match self.advance()? {
                Some(Next::Head(block)) => {
                    let head = self.begin_part(&block)?;
                    return Ok(Some(PartReader { form: self, head }));
                }
                // The rest is ignored. It is read, so that the connection can be used again.
                Some(_) => {}
                None => self.place = Place::Ended,
            }
        }
        Ok(None)
    }

    fn begin_part(&mut self, block: &[u8]) -> Result<PartHead> {
        self.parts += 1;
        if self.parts > self.limits.parts {
            let limit = counted(self.limits.parts as u64, "part");
            return Err(
                self.fail(ErrorKind::TooLarge, format!("the form exceeds the limit of {limit}"))
            );
        }
        let head = PartHead::read(block).map_err(|error| {
            let text = format!("part {} of the form: {error}", self.parts);
            self.fail(ErrorKind::Decode, text)
        })?;
        self.name.clone_from(&head.name);
        self.place = Place::InPart { left: self.limits.part };
        Ok(head)
    }

    /// Returns some of the content of the current part. It is empty at the end of the part.
    fn content(&mut self) -> Result<&[u8]> {
        while let Place::InPart { left } = self.place {
            match self.advance()? {
                Some(Next::Content(count)) if count as u64 > left => {
                    let limit = counted(self.limits.part, "byte");
                    let text = format!("{} exceeds the limit of {limit}", self.part_label());
                    return Err(self.fail(ErrorKind::TooLarge, text));
                }
                Some(Next::Content(count)) => {
                    return Ok(&self.buffer[self.start..self.start + count]);
                }
                _ => self.place = Place::BetweenParts,
            }
        }
        Ok(&[])
    }

    /// Takes bytes that [`content`](Self::content) has returned.
    fn consume(&mut self, count: usize) {
        self.parser.content_taken(count);
        self.start += count;
        if let Place::InPart { left } = &mut self.place {
            *left -= count as u64;
        }
    }

    /// Returns the parser's next step that is not a need for more. `None` at the end of the body.
    fn advance(&mut self) -> Result<Option<Next>> {
        if let Some(error) = &self.failure {
            return Err(error.clone());
        }
        loop {
            let step = self.parser.advance(&self.buffer[self.start..self.end]);
            let (consumed, next) = step.map_err(|fault| self.malformed(fault))?;
            self.start += consumed;
            if next != Next::NeedInput {
                return Ok(Some(next));
            }
            if !self.fill()? {
                return match self.parser.may_end() {
                    true => Ok(None),
                    false => Err(self.cut_off()),
                };
            }
        }
    }

    /// Reads more of the body behind the unread bytes. Returns `false` at its end.
    fn fill(&mut self) -> Result<bool> {
        if self.buffer.is_empty() {
            self.buffer = vec![0; PIECE].into();
        }
        // The parser leaves less than a delimiter.
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let count = loop {
            match self.body.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        let count = count.map_err(|error| {
            let error = Error::from(error);
            self.failure = Some(error.clone());
            error
        })?;
        self.end += count;
        self.read += count as u64;
        match self.read > self.limits.total {
            true => Err(self.too_large()),
            false => Ok(count > 0),
        }
    }

    /// Names the current part in an error.
    fn part_label(&self) -> String {
        format!("part {} of the form (\"{}\")", self.parts, self.name.escape_debug())
    }

    #[cold]
    fn too_large(&mut self) -> Error {
        let limit = counted(self.limits.total, "byte");
        self.fail(ErrorKind::TooLarge, format!("the form exceeds the limit of {limit}"))
    }

    #[cold]
    fn malformed(&mut self, fault: Fault) -> Error {
        match fault {
            Fault::Delimiter => {
                let text =
                    format!("the delimiter behind part {} of the form is malformed", self.parts);
                self.fail(ErrorKind::Decode, text)
            }
            Fault::HeadTooLarge => {
                let limit = counted(self.limits.head as u64, "byte");
                let part = self.parts + 1;
                let text =
                    format!("the head of part {part} of the form exceeds the limit of {limit}");
                self.fail(ErrorKind::TooLarge, text)
            }
        }
    }

    #[cold]
    fn cut_off(&mut self) -> Error {
        let text = match self.parts {
            0 => "the body has no delimiter of a form".to_owned(),
            parts => format!("the form ends in part {parts}, without its last delimiter"),
        };
        self.fail(ErrorKind::Decode, text)
    }

    /// Fails by the client's fault. The error of this kind decides on the response, whatever error the
    /// handler makes of the one that this returns.
    #[cold]
    fn fail(&mut self, kind: ErrorKind, text: String) -> Error {
        let status = match kind {
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        let error = fault(status, &text);
        self.body.rejected(Error::message(kind, text));
        self.failure.insert(error).clone()
    }
}

impl fmt::Debug for MultipartReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultipartReader")
            .field("parts", &self.parts)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
