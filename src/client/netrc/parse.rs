//! The syntax of netrc files: from bytes to entries.

use std::fmt;

/// Some editors begin a file with it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The login of one host, or of all others.
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

    /// Returns `true` if it is the entry of this host, and not the default one.
    pub(super) fn is_for(&self, host: &str) -> bool {
        self.host.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(host.as_bytes()))
    }
}

/// A fault of a file, and the line on which it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    line: usize,
    kind: FaultKind,
}

#[derive(Debug, PartialEq, Eq)]
enum FaultKind {
    /// A quoted word does not end on its line.
    Unterminated,
    /// The word after this keyword is a comment, or a keyword that may begin another entry.
    NoValue(&'static str),
    /// An entry has this keyword twice, so the second one may belong to another machine.
    Repeated(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match self.kind {
            FaultKind::Unterminated => f.write_str("quoted word has no end"),
            FaultKind::NoValue(keyword) => {
                write!(f, "{keyword} has no value, or one that must be in quotes")
            }
            FaultKind::Repeated(keyword) => write!(f, "second {keyword} in one entry"),
        }
    }
}

const MACHINE: &str = "machine";
const ACCOUNT: &str = "account";
const LOGIN: &str = "login";
const PASSWORD: &str = "password";

const KEYWORDS: [&str; 6] = [MACHINE, "default", LOGIN, PASSWORD, ACCOUNT, "macdef"];

/// Reads the entries of a file, in their order.
pub(super) fn entries(text: &[u8]) -> Result<Vec<Entry>, Fault> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut words = Words { rest: text, line: 1 };
    let mut entries: Vec<Entry> = Vec::new();
    while let Some(word) = words.keyword()? {
        let line = words.line;
        match KEYWORDS.into_iter().find(|keyword| is(&word, keyword)) {
            Some(MACHINE) => {
                let Some(host) = words.value(MACHINE)? else { break };
                entries.push(Entry { host: Some(host.into()), ..Entry::default() });
            }
            Some("default") => entries.push(Entry::default()),
            Some("macdef") => words.skip_macro(),
            Some(ACCOUNT) => _ = words.value(ACCOUNT)?,
            Some(keyword) => {
                let Some(value) = words.value(keyword)? else { break };
                // Before the first entry, it belongs to none.
                let Some(entry) = entries.last_mut() else { continue };
                let place = if keyword == LOGIN { &mut entry.login } else { &mut entry.password };
                if place.replace(value.into()).is_some() {
                    return Err(Fault { line, kind: FaultKind::Repeated(keyword) });
                }
            }
            None => {}
        }
    }
    Ok(entries)
}

fn is(word: &[u8], keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword.as_bytes())
}

/// The words that are left of a file.
struct Words<'a> {
    rest: &'a [u8],
    line: usize,
}

impl Words<'_> {
    /// Returns the next word where a keyword is expected, without its quotes; `None` at the end of the file.
    /// Comments are skipped.
    fn keyword(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        loop {
            self.skip_blanks();
            match self.rest.first() {
                None => return Ok(None),
                Some(b'#') => self.skip_line(),
                Some(b'"') => return self.quoted().map(Some),
                Some(_) => return Ok(Some(self.plain())),
            }
        }
    }

    /// Returns the word after `keyword`, without its quotes; `None` at the end of the file.
    ///
    /// A value may begin with `#`. Without quotes it is not `machine`, and on a later line neither a keyword
    /// nor a comment: it could be missing, and the next word could begin the entry of another machine.
    fn value(&mut self, keyword: &'static str) -> Result<Option<Vec<u8>>, Fault> {
        let line = self.line;
        self.skip_blanks();
        match self.rest.first() {
            None => return Ok(None),
            Some(b'"') => return self.quoted().map(Some),
            Some(_) => {}
        }
        let word = self.plain();
        let is_later = self.line > line;
        let is_missing = is(&word, MACHINE)
            || is_later
                && (word.starts_with(b"#") || KEYWORDS.iter().any(|keyword| is(&word, keyword)));
        match is_missing {
            true => Err(Fault { line, kind: FaultKind::NoValue(keyword) }),
            false => Ok(Some(word)),
        }
    }

    fn skip_blanks(&mut self) {
        while self.rest.first().is_some_and(|byte| is_blank(*byte)) {
            self.take();
        }
    }

    fn plain(&mut self) -> Vec<u8> {
        let end = self.rest.iter().position(|byte| is_blank(*byte)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_vec()
    }

    /// A quoted word ends on its line.
    fn quoted(&mut self) -> Result<Vec<u8>, Fault> {
        let line = self.line;
        let unterminated = || Fault { line, kind: FaultKind::Unterminated };
        self.take();
        let mut word = Vec::new();
        loop {
            match self.take() {
                None | Some(b'\n') => return Err(unterminated()),
                Some(b'"') => return Ok(word),
                Some(b'\\') => match self.take() {
                    None | Some(b'\n') => return Err(unterminated()),
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
