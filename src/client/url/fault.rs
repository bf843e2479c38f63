//! Errors of URLs, and their texts.

use std::borrow::Cow;
use std::fmt;

use super::idna;
use crate::error::{Error, ErrorKind};

/// How many characters of a URL an error quotes.
const MOST_QUOTED: usize = 300;

/// The part of a URL that is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) enum Fault {
    Empty,
    SchemeMissing,
    SchemeUnknown(Box<str>),
    SlashesMissing,
    HostMissing,
    HostCharacter(char),
    HostBeyondAscii,
    HostNotIpv4,
    HostNotIpv6,
    HostNotInBrackets,
    ZoneMisplaced,
    PortNotANumber,
    PortOutOfRange,
    NoPlaceForQuery,
    TooLong,
}

impl Fault {
    /// The error of a caller whose URL this is.
    pub(super) fn of_caller(self, url: &[u8]) -> Error {
        let url = quoted(url);
        match self {
            Self::SchemeUnknown(scheme) => {
                let message = format!("{scheme:?} in {url}");
                Error::message(ErrorKind::UnsupportedScheme, message)
            }
            _ => Error::message(ErrorKind::InvalidUrl, format!("{url}: {self}")),
        }
    }

    /// The error of a proxy's URL. `role` says where the URL stands.
    pub(in crate::client) fn of_proxy(self, url: &str, role: &str) -> Error {
        let url = quoted(url.as_bytes());
        match self {
            Self::SchemeUnknown(scheme) => {
                let message = format!("{scheme:?} in {url} {role}");
                Error::message(ErrorKind::UnsupportedScheme, message)
            }
            _ => Error::message(ErrorKind::InvalidUrl, format!("{url} {role}: {self}")),
        }
    }

    /// The error of a peer that redirects to this.
    pub(in crate::client) fn of_location(&self, location: &[u8]) -> Error {
        let message = format!("Location {}: {self}", quoted(location));
        Error::message(ErrorKind::InvalidRedirect, message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::SchemeMissing => "scheme missing",
            Self::SchemeUnknown(scheme) => return write!(f, "unsupported scheme {scheme:?}"),
            Self::SlashesMissing => "\"//\" missing after the scheme",
            Self::HostMissing => "host missing",
            Self::HostCharacter(character) => {
                return write!(f, "host contains {character:?}");
            }
            Self::HostBeyondAscii => idna::FAULT,
            Self::HostNotIpv4 => "host ends in a number but is no IPv4 address",
            Self::HostNotIpv6 => "host in brackets is no IPv6 address",
            Self::HostNotInBrackets => "host with colons is not in brackets",
            Self::ZoneMisplaced => "IPv6 zone is empty or contains a forbidden character",
            Self::PortNotANumber => "port is not a number",
            Self::PortOutOfRange => "port out of range",
            Self::NoPlaceForQuery => "\"*\" cannot have a query",
            Self::TooLong => "it is too long",
        })
    }
}

/// The URL as an error shows it: in quotes, bounded, without user and password.
fn quoted(url: &[u8]) -> String {
    let text = String::from_utf8_lossy(url);
    let shown = without_userinfo(text.trim_matches(|c: char| c <= ' '));
    match shown.char_indices().nth(MOST_QUOTED) {
        Some((end, _)) => format!("{:?}...", &shown[..end]),
        None => format!("{shown:?}"),
    }
}

/// Hides everything from the scheme to the last `@`. A URL that is wrong may have its `/`, `?` or `#`
/// within the password, so these end nothing here.
fn without_userinfo(url: &str) -> Cow<'_, str> {
    let Some(at) = url.rfind('@') else { return url.into() };
    let scheme = match url.find("://") {
        Some(end) if is_scheme(&url[..end]) => end + 3,
        _ if url.starts_with("mailto:") => "mailto:".len(),
        _ if url.starts_with("//") => 2,
        _ => 0,
    };
    match scheme <= at {
        true => format!("{}***{}", &url[..scheme], &url[at..]).into(),
        false => url.into(),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}
