//! From text, a `Uri` or a Location to a [`Url`].

use http::Uri;
use http::uri::PathAndQuery;

use super::fault::Fault;
use super::host::Authority;
use super::path::{self, Dots};
use super::{Scheme, Url, UserInfo};
use crate::error::Result;

impl Url {
    /// Reads a URL as callers give it.
    pub(in crate::client) fn parse(text: &str) -> Result<Self> {
        if let Some((scheme, host_length, port)) = plain(text) {
            if let Ok(uri) = Uri::try_from(text) {
                return Ok(Self { uri, scheme, host_length, port, zone: None, userinfo: None });
            }
        }
        Self::read(text.as_bytes()).map_err(|fault| fault.of_caller(text.as_bytes()))
    }

    /// Takes over what was parsed elsewhere. It keeps its dot segments: a caller who has a `Uri` has decided
    /// on its path.
    pub(in crate::client) fn of_uri(uri: Uri) -> Result<Self> {
        match plain_uri(&uri) {
            Some((scheme, host_length, port)) => {
                Ok(Self { uri, scheme, host_length, port, zone: None, userinfo: None })
            }
            None => {
                Self::read_uri(&uri).map_err(|fault| fault.of_caller(uri.to_string().as_bytes()))
            }
        }
    }

    fn read_uri(uri: &Uri) -> Result<Self, Fault> {
        let name = uri.scheme_str().ok_or(Fault::SchemeMissing)?;
        let scheme = Scheme::of(name.as_bytes());
        let scheme = scheme.ok_or_else(|| Fault::SchemeUnknown(name.into()))?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let authority = Authority::read(authority.as_bytes())?;
        if target != "*" {
            return Self::assemble(scheme, authority, target.as_bytes(), Dots::Kept);
        }
        // It is no path: it stands for the server as a whole (RFC 9112 section 3.2.4).
        let mut url = Self::assemble(scheme, authority, b"/", Dots::Kept)?;
        let mut parts = url.uri.into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static("*"));
        url.uri = Uri::from_parts(parts).map_err(|_| Fault::TooLong)?;
        Ok(url)
    }

    fn read(text: &[u8]) -> Result<Self, Fault> {
        let text = trimmed(text);
        let (scheme, rest) = match split_scheme(text) {
            Some((name, rest)) => (known_scheme(name, rest)?, rest),
            None if text.is_empty() => return Err(Fault::Empty),
            None => return Err(Fault::SchemeMissing),
        };
        let rest = rest.strip_prefix(b"//").ok_or(Fault::SlashesMissing)?;
        Self::read_hierarchy(scheme, rest)
    }

    /// Reads what stands behind the two slashes.
    fn read_hierarchy(scheme: Scheme, text: &[u8]) -> Result<Self, Fault> {
        let end = text.iter().position(|byte| b"/?".contains(byte)).unwrap_or(text.len());
        let authority = Authority::read(&text[..end])?;
        Self::assemble(scheme, authority, &text[end..], Dots::Removed)
    }

    fn assemble(
        scheme: Scheme,
        authority: Authority<'_>,
        target: &[u8],
        dots: Dots,
    ) -> Result<Self, Fault> {
        let Authority { userinfo, host, zone, port } = authority;
        let port = port.unwrap_or(scheme.default_port());
        let mut text = format!("{}://{host}", scheme.name());
        if port != scheme.default_port() {
            text.push_str(&format!(":{port}"));
        }
        let slash: &[u8] = if target.starts_with(b"/") { b"" } else { b"/" };
        path::push_target(&mut text, &[slash, target].concat(), dots);
        let uri = Uri::try_from(text).map_err(|_| Fault::TooLong)?;
        let userinfo = userinfo.map(|userinfo| UserInfo(userinfo.into()));
        Ok(Self { uri, scheme, host_length: host.len(), port, zone, userinfo })
    }

    /// Finds out where a Location leads from here (RFC 3986 section 5.2), as browsers do: a scheme
    /// without slashes is ignored if it is the base's. User and password stay within the origin, a zone
    /// within the host; a peer's own zones mean nothing here.
    pub(in crate::client) fn resolve(&self, location: &[u8]) -> Result<Self, Fault> {
        let text = trimmed(location);
        if text.is_empty() && trimmed_ends(location).is_empty() {
            return Err(Fault::Empty);
        }
        let mut url = self.resolve_reference(text)?;
        url.zone = None;
        url.inherit(self);
        Ok(url)
    }

    /// Takes over what a URL that follows `base` does not say: the zone of the same host, the user and
    /// password of the same origin.
    pub(in crate::client) fn inherit(&mut self, base: &Self) {
        if self.zone.is_none() && self.host() == base.host() {
            self.zone.clone_from(&base.zone);
        }
        if self.userinfo.is_none() && self.is_same_origin(base) {
            self.userinfo.clone_from(&base.userinfo);
        }
    }

    fn resolve_reference(&self, text: &[u8]) -> Result<Self, Fault> {
        let (scheme, rest) = match split_scheme(text) {
            Some((name, rest)) => {
                let scheme = known_scheme(name, rest)?;
                if scheme != self.scheme && !rest.starts_with(b"//") {
                    return Err(Fault::SlashesMissing);
                }
                (scheme, rest)
            }
            None => (self.scheme, text),
        };
        if let Some(rest) = rest.strip_prefix(b"//") {
            return Self::read_hierarchy(scheme, rest);
        }
        let base = match self.target() {
            "*" => b"/",
            target => target.as_bytes(),
        };
        let query = base.iter().position(|byte| *byte == b'?').unwrap_or(base.len());
        let folder = base[..query].iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        let kept = match rest.first() {
            None => base,
            Some(b'/') => b"",
            Some(b'?') => &base[..query],
            Some(_) => &base[..folder],
        };
        let authority = Authority {
            userinfo: None,
            host: self.authority()[..self.host_length].to_owned(),
            zone: None,
            port: Some(self.port),
        };
        Self::assemble(scheme, authority, &[kept, rest].concat(), Dots::Removed)
    }
}

/// Without the white space around it, and without its fragment.
fn trimmed(text: &[u8]) -> &[u8] {
    let text = trimmed_ends(text);
    let end = text.iter().position(|byte| *byte == b'#').unwrap_or(text.len());
    &text[..end]
}

fn trimmed_ends(mut text: &[u8]) -> &[u8] {
    while let [0..=b' ', rest @ ..] | [rest @ .., 0..=b' '] = text {
        text = rest;
    }
    text
}

/// A scheme (RFC 3986 section 3.1), and what follows its colon.
fn split_scheme(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let end = text.iter().position(|byte| !is_part(byte))?;
    let is_scheme = text[end] == b':' && text[0].is_ascii_alphabetic();
    is_scheme.then(|| (&text[..end], &text[end + 1..]))
}

/// The scheme of a URL. `localhost:80` and `user:password@host` have none, though it looks so.
fn known_scheme(name: &[u8], rest: &[u8]) -> Result<Scheme, Fault> {
    if let Some(scheme) = Scheme::of(name) {
        return Ok(scheme);
    }
    let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
    let is_port = rest[..end].iter().all(u8::is_ascii_digit) && end > 0;
    let is_password = rest.contains(&b'@') && name != b"mailto";
    let is_host = is_port || is_password || name.contains(&b'.');
    match is_host && !rest.starts_with(b"//") {
        true => Err(Fault::SchemeMissing),
        false => Err(unknown(name)),
    }
}

fn unknown(scheme: &[u8]) -> Fault {
    Fault::SchemeUnknown(String::from_utf8_lossy(scheme).into())
}

/// Reads a URL that is already in the form that is kept, as most are: its scheme, how long its host is, and
/// its port.
fn plain(text: &str) -> Option<(Scheme, usize, u16)> {
    let (scheme, rest) = match text.strip_prefix("http://") {
        Some(rest) => (Scheme::Http, rest),
        None => (Scheme::Https, text.strip_prefix("https://")?),
    };
    let end = rest.bytes().position(|byte| byte == b'/').unwrap_or(rest.len());
    let (host_length, port) = plain_authority(scheme, &rest[..end])?;
    path::is_plain(&rest.as_bytes()[end..], Dots::Removed).then_some((scheme, host_length, port))
}

/// The same of a `Uri`.
fn plain_uri(uri: &Uri) -> Option<(Scheme, usize, u16)> {
    let scheme = Scheme::of(uri.scheme_str()?.as_bytes())?;
    let (host_length, port) = plain_authority(scheme, uri.authority()?.as_str())?;
    let target = uri.path_and_query()?.as_str();
    let is_plain = target == "*" || path::is_plain(target.as_bytes(), Dots::Kept);
    is_plain.then_some((scheme, host_length, port))
}

/// The same of an authority: how long its host is, and its port.
fn plain_authority(scheme: Scheme, text: &str) -> Option<(usize, u16)> {
    let bytes = text.as_bytes();
    let is_end = |byte: &u8| !PLAIN_HOST[usize::from(*byte)];
    let length = bytes.iter().position(is_end).unwrap_or(bytes.len());
    let (host, rest) = bytes.split_at(length);
    let label = host.iter().rposition(|byte| *byte == b'.').map_or(0, |dot| dot + 1);
    let is_name = host.get(label)?.is_ascii_alphabetic();
    if !is_name && !is_plain_ipv4(host) {
        return None;
    }
    let port = match rest {
        [] => scheme.default_port(),
        [b':', digits @ ..] => plain_port(digits).filter(|port| *port != scheme.default_port())?,
        _ => return None,
    };
    Some((length, port))
}

const PLAIN_HOST: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b'-';
    while byte <= b'z' {
        plain[byte as usize] = matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
        byte += 1;
    }
    plain
};

/// Returns `true` for an IPv4 address in its usual form: four numbers without leading zeros. The standard
/// library's parser would take twice the time of all other steps.
fn is_plain_ipv4(host: &[u8]) -> bool {
    let (mut dots, mut digits, mut number) = (0, 0, 0u16);
    for byte in host {
        match byte {
            b'0'..=b'9' if digits == 0 || (number > 0 && number <= 255) => {
                number = number * 10 + u16::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && number <= 255 => (dots, digits, number) = (dots + 1, 0, 0),
            _ => return false,
        }
    }
    dots == 3 && digits > 0 && number <= 255
}

fn plain_port(digits: &[u8]) -> Option<u16> {
    let [b'1'..=b'9', ..] = digits else { return None };
    digits.iter().try_fold(0u16, |port, digit| {
        let digit = u16::from(digit.wrapping_sub(b'0'));
        port.checked_mul(10)?.checked_add(digit).filter(|_| digit <= 9)
    })
}
