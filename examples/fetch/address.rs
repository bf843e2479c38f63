//! The URL as it is meant, and the names that the user resolves by hand.

use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use hangup::http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::failure::{Failure, MALFORMED_URL};

/// What is left of a file's name when it becomes part of a URL.
const FILE_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is encoded of a URL besides what is not ASCII. A space is not: it is the user's mistake.
const STRAY: &AsciiSet = &AsciiSet::EMPTY.add(b'<').add(b'>').add(b'`');

/// A URL in its parts, each as it will be sent.
pub(crate) struct Address {
    /// Scheme and authority: `http://host:80`.
    origin: String,
    path: String,
    query: Option<String>,
}

impl Address {
    /// Reads a URL as people type it: without its scheme, with `..`, in Unicode.
    pub(crate) fn read(typed: &str) -> Self {
        let url = match typed.contains("://") {
            true => typed.to_owned(),
            false => format!("http://{typed}"),
        };
        let url = utf8_percent_encode(url.split('#').next().unwrap_or_default(), STRAY).to_string();
        let (rest, query) = match url.split_once('?') {
            Some((rest, query)) => (rest, Some(query.to_owned())),
            None => (url.as_str(), None),
        };
        let host = rest.find("://").map_or(0, |at| at + 3);
        let path = rest[host..].find('/').map_or(rest.len(), |at| host + at);
        Self { origin: rest[..path].to_owned(), path: without_dots(&rest[path..]), query }
    }

    /// Puts data behind what the query has already.
    pub(crate) fn add_query(&mut self, data: &str) {
        match &mut self.query {
            Some(query) if !query.is_empty() => query.extend(["&", data]),
            query => *query = Some(data.to_owned()),
        }
    }

    /// A URL that names a folder gets the name of the file that is uploaded.
    pub(crate) fn add_file_name(&mut self, file: Option<&OsStr>) {
        if let Some(name) = file.and_then(OsStr::to_str).filter(|_| self.path.ends_with('/')) {
            self.path.extend(utf8_percent_encode(name, FILE_NAME));
        }
    }

    /// What the URL calls the file, if it does.
    pub(crate) fn file_name(&self) -> Option<&str> {
        self.path.rsplit('/').next().filter(|name| !name.is_empty())
    }

    pub(crate) fn uri(&self) -> Result<Uri, Failure> {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let url = format!("{}{}{query}", self.origin, self.path);
        url.parse().map_err(|error| Failure::new(MALFORMED_URL, format!("{url}: {error}")))
    }
}

/// The path without `.` and `..` (RFC 3986 section 5.2.4).
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

/// `--resolve HOST:PORT:ADDRESS[,ADDRESS]`; the host may be `*`.
#[derive(Clone)]
pub(crate) struct Pinned {
    host: String,
    port: u16,
    addresses: Vec<IpAddr>,
}

impl FromStr for Pinned {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.trim_start_matches('+').splitn(3, ':');
        let mut next = || parts.next().ok_or(());
        let (host, port, addresses) = (next()?, next()?, next()?);
        let address = |text: &str| text.trim_matches(['[', ']']).parse().map_err(drop);
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port: port.parse().map_err(drop)?,
            addresses: addresses.split(',').map(address).collect::<Result<_, ()>>()?,
        })
    }
}

/// Resolves what is pinned by hand, and the rest as the system does.
pub(crate) fn resolver(
    pinned: Vec<Pinned>,
) -> impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync {
    move |host, port| {
        let fits = |pin: &&Pinned| (pin.host == host || pin.host == "*") && pin.port == port;
        match pinned.iter().rev().find(fits) {
            Some(pin) => {
                Ok(pin.addresses.iter().map(|address| SocketAddr::new(*address, port)).collect())
            }
            None => (host, port).to_socket_addrs().map(Iterator::collect),
        }
    }
}
