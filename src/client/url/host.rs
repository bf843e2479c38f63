//! The part between `//` and the path: user and password, host, zone, port.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use percent_encoding::percent_decode;

use super::fault::Fault;
use super::idna;

/// Characters of a host beside letters and digits (RFC 3986 section 3.2.2).
const MARKS: &[u8] = b"-._~!$&'()*+,;=";

/// The parts of an authority.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::client) struct Authority<'u> {
    /// As it stands; `None` if there is neither user nor password.
    pub(in crate::client) userinfo: Option<&'u [u8]>,
    /// In lower case, an IPv6 address in its brackets.
    pub(in crate::client) host: String,
    pub(in crate::client) zone: Option<Arc<str>>,
    /// `None` if there is none, or an empty one (RFC 3986 section 3.2.3).
    pub(in crate::client) port: Option<u16>,
}

impl<'u> Authority<'u> {
    pub(in crate::client) fn read(text: &'u [u8]) -> Result<Self, Fault> {
        // Browsers take it for a slash, others do not: whose host it is must not depend on that.
        if text.contains(&b'\\') {
            return Err(Fault::HostCharacter('\\'));
        }
        let (userinfo, rest) = match text.iter().rposition(|byte| *byte == b'@') {
            Some(at) => (Some(&text[..at]), &text[at + 1..]),
            None => (None, text),
        };
        let userinfo = userinfo.filter(|userinfo| !matches!(*userinfo, b"" | b":"));
        let (host, zone, port) = match rest.strip_prefix(b"[") {
            Some(rest) => read_bracketed(rest)?,
            None => read_named(rest)?,
        };
        Ok(Self { userinfo, host, zone, port: read_port(port)? })
    }
}

type HostZonePort<'u> = (String, Option<Arc<str>>, &'u [u8]);

/// A name or an IPv4 address, and the port behind it.
fn read_named(text: &[u8]) -> Result<HostZonePort<'_>, Fault> {
    let colon = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
    let (host, port) = (&text[..colon], text.get(colon + 1..).unwrap_or(b""));
    if port.contains(&b':') {
        return Err(Fault::HostNotInBrackets);
    }
    let host = read_name(&Cow::from(percent_decode(host)))?;
    if host.is_empty() {
        return Err(Fault::HostMissing);
    }
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || MARKS.contains(byte);
    if let Some(other) = host.bytes().find(|byte| !allowed(byte)) {
        return Err(Fault::HostCharacter(char::from(other)));
    }
    if host.bytes().all(|byte| byte == b'.') {
        return Err(Fault::HostMissing);
    }
    match ends_in_a_number(&host) {
        true => Ok((read_ipv4(&host).ok_or(Fault::HostNotIpv4)?.to_string(), None, port)),
        false => Ok((host, None, port)),
    }
}

/// A name in lower case, and in ASCII.
fn read_name(name: &[u8]) -> Result<String, Fault> {
    match std::str::from_utf8(name) {
        Ok(text) if text.is_ascii() => Ok(text.to_ascii_lowercase()),
        _ => idna::to_ascii(name).ok_or(Fault::HostBeyondAscii),
    }
}

/// An IPv6 address behind its opening bracket, and the port behind it.
fn read_bracketed(text: &[u8]) -> Result<HostZonePort<'_>, Fault> {
    let end = text.iter().position(|byte| *byte == b']').ok_or(Fault::HostNotIpv6)?;
    let (inside, behind) = (&text[..end], &text[end + 1..]);
    let port = match behind {
        b"" => b"",
        [b':', port @ ..] => port,
        _ => return Err(Fault::HostNotIpv6),
    };
    let inside = std::str::from_utf8(inside).map_err(|_| Fault::HostNotIpv6)?;
    let (address, zone) = match inside.split_once('%') {
        Some((address, zone)) => (address, Some(read_zone(zone)?)),
        None => (inside, None),
    };
    let address: Ipv6Addr = address.parse().map_err(|_| Fault::HostNotIpv6)?;
    Ok((format!("[{address}]"), zone, port))
}

/// A zone behind its `%`, which RFC 6874 has written as `%25`; people write it either way.
fn read_zone(text: &str) -> Result<Arc<str>, Fault> {
    let encoded = text.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(text);
    let zone = percent_encoding::percent_decode_str(encoded).decode_utf8();
    let zone = zone.map_err(|_| Fault::ZoneMisplaced)?;
    let allowed = |byte: u8| byte.is_ascii_graphic() && !b"%/[]".contains(&byte);
    match !zone.is_empty() && zone.bytes().all(allowed) {
        true => Ok(Arc::from(&*zone)),
        false => Err(Fault::ZoneMisplaced),
    }
}

fn read_port(text: &[u8]) -> Result<Option<u16>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let mut port: u16 = 0;
    for digit in text {
        if !digit.is_ascii_digit() {
            return Err(Fault::PortNotANumber);
        }
        let digit = u16::from(digit - b'0');
        port = port
            .checked_mul(10)
            .and_then(|port| port.checked_add(digit))
            .ok_or(Fault::PortOutOfRange)?;
    }
    Ok(Some(port))
}

/// Returns `true` if a host can only be an IPv4 address: no top-level domain is a number.
fn ends_in_a_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal || read_number(last).is_some()
}

/// An IPv4 address in any of the forms that `inet_aton` takes, and so browsers and curl: octal and
/// hexadecimal numbers, the last of which fills all places that are left.
fn read_ipv4(host: &str) -> Option<Ipv4Addr> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let numbers: Vec<u32> = host.split('.').map(read_number).collect::<Option<_>>()?;
    let (last, others) = numbers.split_last()?;
    if others.len() > 3 || others.iter().any(|number| *number > 255) {
        return None;
    }
    let left = 8 * (4 - others.len() as u32);
    if u64::from(*last) >= 1 << left {
        return None;
    }
    let places = others.iter().zip([24, 16, 8]);
    let address = places.fold(*last, |address, (number, shift)| address | number << shift);
    Some(Ipv4Addr::from_bits(address))
}

/// A number as C writes it. `0x` alone is 0, as it is to browsers.
fn read_number(text: &str) -> Option<u32> {
    let (digits, radix) = match (text.strip_prefix("0x"), text.strip_prefix('0')) {
        (Some(""), _) => return Some(0),
        (Some(digits), _) => (digits, 16),
        (None, Some(digits)) if !digits.is_empty() => (digits, 8),
        _ => (text, 10),
    };
    // A sign is no digit.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_number { u32::from_str_radix(digits, radix).ok() } else { None }
}
