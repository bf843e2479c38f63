//! Patterns: `[METHOD ][HOST]/[PATH]`.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;

use super::error::PatternError;
use super::host;
use super::path;

/// A pattern, as a program registers it.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// The whole pattern, as it was written.
    pub(super) text: Box<str>,
    /// `None` matches every method.
    pub(super) method: Option<Method>,
    /// In lower case, without a port. `None` matches every host.
    pub(super) host: Option<Box<str>>,
    /// The part of `text` that is the path.
    path: Box<str>,
    /// Invariant: not empty. [`End`](Segment::End) and [`Rest`](Segment::Rest) are the last if they are
    /// there.
    pub(super) segments: Vec<Segment>,
}

/// A part of a pattern's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// One segment, percent-decoded.
    Literal(Box<[u8]>),
    /// `{name}`: one segment, whatever it is.
    Wild(Box<str>),
    /// `{name...}`, or without a name the slash at the end: all segments from here on, or none.
    Rest(Option<Box<str>>),
    /// `{$}`: a slash at the end of the path.
    End,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let fail = |at, why: &str| Err(PatternError::invalid(text, at, why));
        if text.is_empty() {
            return fail(0, "it is empty");
        }
        let (method, start) = match text.find([' ', '\t']) {
            Some(end) => {
                let after = &text[end..];
                let blanks = after.len() - after.trim_start_matches([' ', '\t']).len();
                (Some(parse_method(text, end)?), end + blanks)
            }
            None => (None, 0),
        };
        let Some(slash) = text[start..].find('/').map(|length| start + length) else {
            return fail(start, "the path is missing, which begins with a slash");
        };
        let host = match &text[start..slash] {
            "" => None,
            name => match host::parse(name) {
                Ok(host) => Some(host),
                Err(why) => return fail(start, why),
            },
        };
        let is_connect = method == Some(Method::CONNECT);
        let segments = PathParser { text, at: slash, segments: Vec::new() }.parse()?;
        if !is_connect && !path::is_clean(&text.as_bytes()[slash..]) {
            let why =
                "the path has an empty segment, \".\" or \"..\", and so it matches no request";
            return fail(slash, why);
        }
        Ok(Self { text: text.into(), method, host, path: text[slash..].into(), segments })
    }

    /// Parses the prefix of a nested handler. Returns the pattern of the paths below it, and before that the
    /// pattern of the prefix alone, if it has no slash at the end.
    pub(super) fn parse_prefix(text: &str) -> Result<(Option<Self>, Self), PatternError> {
        let fail = |at, why: &str| Err(PatternError::invalid(text, at, why));
        let mut pattern = Self::parse(text)?;
        if pattern.method.is_some() {
            return fail(0, "a prefix has no method");
        }
        let last = text.rfind('/').map_or(0, |slash| slash + 1);
        match pattern.segments.last() {
            Some(Segment::Rest(None)) => return Ok((None, pattern)),
            Some(Segment::End) => return fail(last, "{$} in a prefix"),
            Some(Segment::Rest(Some(_))) => return fail(last, "a wildcard with dots in a prefix"),
            Some(Segment::Literal(_) | Segment::Wild(_)) | None => {}
        }
        let exact = pattern.clone();
        pattern.segments.push(Segment::Rest(None));
        Ok((Some(exact), pattern))
    }

    /// Returns the names of the wildcards, in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        names(&self.segments)
    }

    /// Returns the pattern, as it looks below the prefix of a nested router.
    pub(super) fn below(&self, prefix: &Prefix) -> String {
        let mut whole = String::new();
        if let Some(method) = &self.method {
            whole.extend([method.as_str(), " "]);
        }
        whole.push_str(prefix.host.as_deref().or(self.host.as_deref()).unwrap_or_default());
        whole.extend([&*prefix.path, &*self.path]);
        whole
    }

    /// Returns the prefix that this pattern is for a nested router, below the prefix of another.
    pub(super) fn to_prefix(&self, outer: Option<&Prefix>) -> Prefix {
        let own = self.path.strip_suffix('/').unwrap_or(&self.path);
        let above = outer.map_or("", |outer| &outer.path);
        let host = outer.and_then(|outer| outer.host.clone()).or_else(|| self.host.clone());
        Prefix { host, path: [above, own].concat().into() }
    }
}

/// The prefix of nested routers: the patterns, without a slash at the end.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefix {
    host: Option<Box<str>>,
    path: Box<str>,
}

fn names(segments: &[Segment]) -> impl Iterator<Item = &str> {
    segments.iter().filter_map(|segment| match segment {
        Segment::Wild(name) | Segment::Rest(Some(name)) => Some(&**name),
        _ => None,
    })
}

/// Parses the method of `text`, which ends at `end`.
fn parse_method(text: &str, end: usize) -> Result<Method, PatternError> {
    let name = &text[..end];
    let fail = |why: String| Err(PatternError::invalid(text, 0, why));
    let Ok(method) = Method::from_bytes(name.as_bytes()) else {
        return fail(format!("{name:?} is not a method"));
    };
    let upper = Method::from_bytes(name.to_ascii_uppercase().as_bytes()).unwrap_or_default();
    // Methods are case-sensitive (RFC 9110 section 9.1). The known ones are in upper case.
    match method != upper && KNOWN.contains(&upper) {
        true => fail(format!("the method {name:?} is not in upper case")),
        false => Ok(method),
    }
}

const KNOWN: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::CONNECT,
    Method::OPTIONS,
    Method::TRACE,
    Method::PATCH,
];

/// Splits the path of a pattern.
struct PathParser<'a> {
    text: &'a str,
    /// The slash before the next segment.
    at: usize,
    segments: Vec<Segment>,
}

impl PathParser<'_> {
    fn parse(mut self) -> Result<Vec<Segment>, PatternError> {
        while self.at < self.text.len() {
            let start = self.at + 1;
            let length = self.text[start..].find('/').unwrap_or(self.text.len() - start);
            let segment = match &self.text[start..start + length] {
                "" if start == self.text.len() => Segment::Rest(None),
                written => self.segment(written, start)?,
            };
            self.segments.push(segment);
            self.at = start + length;
        }
        Ok(self.segments)
    }

    fn segment(&self, written: &str, start: usize) -> Result<Segment, PatternError> {
        let fail = |at: usize, why: &str| Err(PatternError::invalid(self.text, start + at, why));
        let Some(open) = written.find('{') else { return self.literal(written, start) };
        if open > 0 {
            return fail(open, "a wildcard is a whole segment");
        }
        let Some(name) = written[1..].strip_suffix('}') else {
            let why = match written.find('}') {
                Some(_) => "a wildcard is a whole segment",
                None => "the wildcard has no closing brace",
            };
            return fail(0, why);
        };
        let is_last = start + written.len() == self.text.len();
        let (name, is_rest) = match name.strip_suffix("...") {
            Some(name) => (name, true),
            None => (name, false),
        };
        match name {
            "$" if is_rest => fail(0, "{$} has no dots"),
            "$" if !is_last => fail(0, "{$} is not at the end"),
            "$" => Ok(Segment::End),
            "" => fail(0, "the wildcard has no name"),
            _ if is_rest && !is_last => fail(0, "a wildcard with dots is not at the end"),
            _ if !is_identifier(name) => fail(1, "the wildcard's name is not an identifier"),
            _ if names(&self.segments).any(|other| other == name) => {
                fail(1, "two wildcards have the same name")
            }
            _ if is_rest => Ok(Segment::Rest(Some(name.into()))),
            _ => Ok(Segment::Wild(name.into())),
        }
    }

    fn literal(&self, written: &str, start: usize) -> Result<Segment, PatternError> {
        let fail = |at: usize, why: &str| Err(PatternError::invalid(self.text, start + at, why));
        if let Some(at) = written.find('}') {
            return fail(at, "a closing brace without an opening one");
        }
        if let Some(at) = written.find(['?', '#']) {
            return fail(at, "a pattern has no query and no fragment");
        }
        if let Some(at) = written.find(|found: char| found.is_whitespace() || found.is_control()) {
            return fail(at, "a blank or a control character is not percent-encoded");
        }
        if let Some(at) = path::invalid_encoding(written.as_bytes()) {
            return fail(at, "invalid percent-encoding");
        }
        Ok(Segment::Literal(Cow::from(percent_decode_str(written)).into()))
    }
}

fn is_identifier(name: &str) -> bool {
    let begins = |first: char| first == '_' || first.is_alphabetic();
    name.starts_with(begins) && name.chars().all(|each| begins(each) || each.is_numeric())
}
