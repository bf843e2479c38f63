//! URLs as users and servers write them.

use std::ffi::OsStr;
use std::fmt;

use hangup::http::Uri;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};

use crate::failure::{Failure, MALFORMED_URL, UNSUPPORTED_SCHEME};

/// The characters of a file name that are encoded in a URL.
const FILE_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The ASCII characters that are encoded in a typed URL. A space is an error instead.
const STRAY: &AsciiSet = &AsciiSet::EMPTY.add(b'"').add(b'<').add(b'>').add(b'`');

/// A URL in its parts. [`Display`](fmt::Display) shows it as written.
#[derive(Clone)]
pub(crate) struct Address {
    /// The scheme and authority: `http://user@host:80`.
    origin: String,
    path: String,
    query: Option<String>,
    fragment: Option<String>,
}

impl Address {
    /// Parses a URL as users type it: without a scheme, with `..`, in Unicode.
    pub(crate) fn read(typed: &str) -> Self {
        let as_is = Self::read_as_is(typed);
        Self { path: without_dots(&as_is.path), ..as_is }
    }

    /// Parses a URL as users type it, and keeps `..` in its path.
    pub(crate) fn read_as_is(typed: &str) -> Self {
        let (scheme, rest) = match scheme(typed) {
            Some((scheme, rest)) if rest.starts_with('/') => {
                let slashes = rest.bytes().take(3).take_while(|byte| *byte == b'/').count();
                (scheme, &rest[slashes..])
            }
            _ => ("http", typed),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let origin = format!("{scheme}://{}", &rest[..end]);
        let (target, fragment) = cut(&rest[end..], '#');
        let (path, query) = cut(target, '?');
        let slash = if path.starts_with('/') { "" } else { "/" };
        Self { origin, path: format!("{slash}{path}"), query, fragment }
    }

    /// Returns the same origin with another path, query and fragment.
    fn with(self, target: &str) -> Self {
        let (rest, fragment) = cut(target, '#');
        let (path, query) = cut(rest, '?');
        Self { path: without_dots(path), query, fragment, ..self }
    }

    /// Resolves a `Location` (RFC 3986 section 5.2).
    pub(crate) fn join(&self, location: &[u8]) -> Result<Self, Failure> {
        let text = percent_encode(location, CONTROLS).to_string();
        let text = text.as_str();
        let target = match scheme(text) {
            Some((name, rest)) if rest.starts_with("//") => {
                check_scheme(name, text)?;
                return Ok(Self::read(text).without_spaces());
            }
            Some((name, _)) => {
                check_scheme(name, text)?;
                return Err(Failure::new(MALFORMED_URL, format!("Location {text:?}: no host")));
            }
            None if text.starts_with("//") => {
                let scheme = self.origin.split("//").next().unwrap_or_default();
                return Ok(Self::read(&format!("{scheme}{text}")).without_spaces());
            }
            None => match text.as_bytes().first() {
                Some(b'/') => text.to_owned(),
                Some(b'?') => format!("{}{text}", self.path),
                Some(b'#') => {
                    let query = self.query.as_ref().map(|query| format!("?{query}"));
                    format!("{}{}{text}", self.path, query.unwrap_or_default())
                }
                _ => {
                    let folder = self.path.rfind('/').map_or(0, |at| at + 1);
                    format!("{}{text}", &self.path[..folder])
                }
            },
        };
        Ok(self.clone().with(&target).without_spaces())
    }

    /// Encodes spaces in a server's URL. In a user's URL they are an error.
    fn without_spaces(mut self) -> Self {
        self.path = self.path.replace(' ', "%20");
        self.query = self.query.map(|query| query.replace(' ', "+"));
        self
    }

    /// Appends data to the query.
    pub(crate) fn add_query(&mut self, data: &str) {
        match &mut self.query {
            _ if data.is_empty() => {}
            Some(query) if !query.is_empty() => query.extend(["&", data]),
            query => *query = Some(data.to_owned()),
        }
    }

    /// Appends the name of the uploaded file to a URL that ends in a slash.
    pub(crate) fn add_file_name(&mut self, file: Option<&OsStr>) {
        if let Some(name) = file.and_then(OsStr::to_str).filter(|_| self.path.ends_with('/')) {
            self.path.extend(utf8_percent_encode(name, FILE_NAME));
        }
    }

    /// Returns the file name in the URL, if it has one.
    pub(crate) fn file_name(&self) -> Option<&str> {
        self.path.rsplit('/').next().filter(|name| !name.is_empty())
    }

    /// Returns the URL for a Referer, without credentials and fragment.
    pub(crate) fn referer(&self) -> String {
        let (scheme, _, host) = self.origin_parts();
        format!("{}", Self { origin: format!("{scheme}//{host}"), fragment: None, ..self.clone() })
    }

    /// Returns `true` if both have the same scheme, host and port.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        let place = |address: &Self| {
            let (scheme, _, host) = address.origin_parts();
            let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
            let port = if scheme == "https:" { ":443" } else { ":80" };
            let host = host.strip_suffix(port).unwrap_or(&host).to_owned();
            (scheme, host)
        };
        place(self) == place(other)
    }

    /// Copies user and password of another URL of the same origin, unless this URL has its own.
    pub(crate) fn inherit_user(&mut self, other: &Self) {
        if self.is_same_place(other) && self.origin_parts().1.is_none() {
            self.origin.clone_from(&other.origin);
        }
    }

    /// Returns the scheme, the user and password, the host and the port.
    fn origin_parts(&self) -> (&str, Option<&str>, &str) {
        let (scheme, authority) = self.origin.split_once("//").unwrap_or(("", &self.origin));
        match authority.rsplit_once('@') {
            Some((user, host)) => (scheme, Some(user), host),
            None => (scheme, None, authority),
        }
    }

    pub(crate) fn uri(&self) -> Result<Uri, Failure> {
        let written = Self { fragment: None, ..self.clone() }.to_string();
        let encoded = utf8_percent_encode(&written, STRAY).to_string();
        encoded.parse().map_err(|error| Failure::new(MALFORMED_URL, format!("{written}: {error}")))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)?;
        if let Some(query) = &self.query {
            write!(f, "?{query}")?;
        }
        if let Some(fragment) = &self.fragment {
            write!(f, "#{fragment}")?;
        }
        Ok(())
    }
}

/// Splits `scheme:rest`.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(':')?;
    let letters = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let known = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    (letters && name.chars().all(known)).then_some((name, rest))
}

fn check_scheme(name: &str, location: &str) -> Result<(), Failure> {
    match name.to_ascii_lowercase().as_str() {
        "http" | "https" => Ok(()),
        _ => Err(Failure::new(UNSUPPORTED_SCHEME, format!("redirected to {location}"))),
    }
}

/// Returns the text before a mark, and the text after it if the mark is there.
fn cut(text: &str, mark: char) -> (&str, Option<String>) {
    match text.split_once(mark) {
        Some((before, behind)) => (before, Some(behind.to_owned())),
        None => (text, None),
    }
}

/// Removes `.` and `..` from a path (RFC 3986 section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
            }
            _ => kept.push(segment),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}
