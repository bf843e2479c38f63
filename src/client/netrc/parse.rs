//! The syntax of netrc files: from bytes to entries.

use std::fmt;

/// Some editors begin a file with it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The login of one host, or of all.
#[derive(Default)]
pub(super) struct Entry {
    /// `None` for the default entry.
    host: Option<Box<[u8]>>,
    pub(super) login: Option<Box<[u8]>>,
    pub(super) password: Option<Box<[u8]>>,
}

impl Entry {
    pub(super) fn is_default(&self) -> bool {
        self.host.is_none()
    }

    pub(super) fn is_for(&self, host: &str) -> bool {
        self.host.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(host.as_bytes()))
    }
}

/// A quoted word without its end. Holds the line on which it begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unterminated(usize);

impl fmt::Display for Unterminated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: quoted word has no end", self.0)
    }
}

/// Reads the entries of a file, in their order.
pub(super) fn entries(text: &[u8]) -> Result<Vec<Entry>, Unterminated> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut words = Words { rest: text, line: 1 };
    let mut entries: Vec<Entry> = Vec::new();
    while let Some(word) = words.next()? {
        let is = |keyword: &[u8]| word.eq_ignore_ascii_case(keyword);
        if is(b"machine") {
            let Some(host) = words.next()? else { break };
            entries.push(Entry { host: Some(host.into()), ..Entry::default() });
        } else if is(b"default") {
            entries.push(Entry::default());
        } else if is(b"macdef") {
            words.skip_macro();
        } else if is(b"account") {
            words.next()?;
        } else if is(b"login") || is(b"password") {
            let Some(value) = words.next()? else { break };
            // Before the first entry, it belongs to none.
            let Some(entry) = entries.last_mut() else { continue };
            let place = if is(b"login") { &mut entry.login } else { &mut entry.password };
            *place = Some(value.into());
        }
    }
    Ok(entries)
}

/// The words that are left of a file.
struct Words<'a> {
    rest: &'a [u8],
    line: usize,
}

impl Words<'_> {
    /// Returns the next word, without its quotes; `None` at the end of the file.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Unterminated> {
        loop {
            match self.rest.first() {
                None => return Ok(None),
                Some(b'#') => self.skip_line(),
                Some(b'"') => return self.quoted().map(Some),
                Some(byte) if is_blank(*byte) => _ = self.take(),
                Some(_) => return Ok(Some(self.plain())),
            }
        }
    }

    fn plain(&mut self) -> Vec<u8> {
        let end = self.rest.iter().position(|byte| is_blank(*byte)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_vec()
    }

    /// A quoted word ends on its line.
    fn quoted(&mut self) -> Result<Vec<u8>, Unterminated> {
        let line = self.line;
        self.take();
        let mut word = Vec::new();
        loop {
            match self.take() {
                None | Some(b'\n') => return Err(Unterminated(line)),
                Some(b'"') => return Ok(word),
                Some(b'\\') => match self.take() {
                    None | Some(b'\n') => return Err(Unterminated(line)),
                    Some(b'n') => word.push(b'\n'),
                    Some(b'r') => word.push(b'\r'),
                    Some(b't') => word.push(b'\t'),
                    Some(other) => word.push(other),
                },
                Some(byte) => word.push(byte),
            }
        }
    }

    /// Skips a macro: the rest of its line, and all lines up to an empty one.
    fn skip_macro(&mut self) {
        self.skip_line();
        while !matches!(self.rest, [] | [b'\n', ..] | [b'\r', b'\n', ..]) {
            self.skip_line();
        }
    }

    fn skip_line(&mut self) {
        while !matches!(self.take(), None | Some(b'\n')) {}
    }

    fn take(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.line += usize::from(*byte == b'\n');
        Some(*byte)
    }
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}
