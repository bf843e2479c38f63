//! The fields in which proxies say where a request came from, from the last proxy to the first.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};
use std::str;

use http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};
use http::uri::Authority;

pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The description that one proxy gives of the connection on which it received the request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hop {
    /// The address of the peer. `None` if the proxy hides it, does not know it, or the text is malformed.
    pub(super) ip: Option<IpAddr>,
    pub(super) https: Option<bool>,
    pub(super) host: Option<HeaderValue>,
}

/// Returns the elements of `X-Forwarded-For`, the last first. The other fields may have one element for
/// each of them, or one for all.
pub(super) fn x_forwarded(headers: &HeaderMap) -> impl Iterator<Item = Hop> {
    let protos = nearest(headers, X_FORWARDED_PROTO);
    let hosts = nearest(headers, X_FORWARDED_HOST);
    // Without X-Forwarded-For, the others still describe the last proxy's connection.
    let mut ips = elements(headers, X_FORWARDED_FOR).map(address).peekable();
    let none = ips.peek().is_none().then_some(None);
    ips.chain(none).zip(protos).zip(hosts).map(|((ip, proto), host)| Hop {
        ip,
        https: proto.and_then(https),
        host: host.and_then(authority),
    })
}

/// Returns the elements of a list, the last first. The first one is repeated without end.
fn nearest(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Option<&[u8]>> {
    let mut elements = elements(headers, name);
    let mut last = None;
    std::iter::from_fn(move || {
        last = elements.next().or(last);
        Some(last)
    })
}

/// Returns the elements of a list without quotes, the last first.
fn elements(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(name).into_iter().rev();
    let elements = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// Returns the elements of `Forwarded` (RFC 7239 section 4), the last first.
///
/// The field is read from its end, since the end was written by the nearest proxy. So a quote that a client
/// has left open does not swallow the elements behind it.
pub(super) fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = Hop> {
    let lines = headers.get_all(FORWARDED).into_iter().rev();
    let elements = lines.flat_map(|line| rsplit(line.as_bytes(), b','));
    elements.filter(|element| !element.is_empty()).map(|element| hop(element).unwrap_or_default())
}

/// Reads one element of `Forwarded`. `None` if it is malformed.
fn hop(element: &[u8]) -> Option<Hop> {
    let (mut node, mut proto, mut host) = (None, None, None);
    for pair in rsplit(element, b';').filter(|pair| !pair.is_empty()) {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (&pair[..equals], unquoted(&pair[equals + 1..])?);
        let slot = match name.to_ascii_lowercase().as_slice() {
            b"for" => &mut node,
            b"proto" => &mut proto,
            b"host" => &mut host,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return None;
        }
    }
    Some(Hop {
        ip: node.and_then(|node| address(&node)),
        https: proto.and_then(|proto| https(&proto)),
        host: host.and_then(|host| authority(&host)),
    })
}

/// Splits at a separator outside of quotes, from the end. The parts are trimmed.
fn rsplit(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut quoted = false;
        for (at, byte) in text.iter().enumerate().rev() {
            if *byte == b'"' && !is_escaped(text, at) {
                quoted = !quoted;
            } else if *byte == separator && !quoted {
                rest = Some(&text[..at]);
                return Some(text[at + 1..].trim_ascii());
            }
        }
        rest = None;
        Some(text.trim_ascii())
    })
}

/// Returns `true` if an odd number of backslashes precedes.
fn is_escaped(text: &[u8], at: usize) -> bool {
    text[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Returns a token, or a quoted string without its quotes. `None` for anything else.
fn unquoted(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(inner) = value.strip_prefix(b"\"") else {
        return (!value.contains(&b'"')).then_some(value.into());
    };
    let inner = inner.strip_suffix(b"\"")?;
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return None,
            b'\\' => text.push(*bytes.next()?),
            byte => text.push(*byte),
        }
    }
    Some(text.into())
}

/// Reads an IP address, which may have a port. An IPv6 address with a port stands in brackets (RFC 7239
/// section 6).
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    if let Some(rest) = text.strip_prefix('[') {
        let (ip, port) = rest.split_once(']')?;
        let port_is_valid = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return ip.parse::<Ipv6Addr>().ok().filter(|_| port_is_valid).map(IpAddr::from);
    }
    match text.split_once(':') {
        Some((ip, port)) if ip.contains('.') => {
            ip.parse().ok().filter(|ip: &IpAddr| ip.is_ipv4() && is_port(port))
        }
        _ => text.parse().ok(),
    }
    .map(|ip: IpAddr| ip.to_canonical())
}

/// Returns `true` for a number, and for a name that hides one.
fn is_port(text: &str) -> bool {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number || text.len() > 1 && text.starts_with('_')
}

fn https(scheme: &[u8]) -> Option<bool> {
    let is = |known: &[u8]| scheme.eq_ignore_ascii_case(known);
    if is(b"https") || is(b"wss") {
        Some(true)
    } else if is(b"http") || is(b"ws") {
        Some(false)
    } else {
        None
    }
}

/// Reads a host that may have a port.
fn authority(text: &[u8]) -> Option<HeaderValue> {
    let authority = Authority::try_from(text).ok()?;
    // A user's name before the host shows here as well.
    let port = authority.as_str().strip_prefix(authority.host())?;
    let is_port =
        port.is_empty() || port.strip_prefix(':').is_some_and(|it| it.parse::<u16>().is_ok());
    let is_host = !authority.host().is_empty() && is_port;
    HeaderValue::from_bytes(text).ok().filter(|_| is_host)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    /// Shows the hops as `address proto host`, with a hyphen for an unknown one.
    fn shown(hops: impl Iterator<Item = Hop>) -> Vec<String> {
        hops.map(|hop| {
            let ip = hop.ip.map_or("-".to_owned(), |ip| ip.to_string());
            let proto = hop.https.map_or("-", |https| if https { "https" } else { "http" });
            let host = hop.host.as_ref().map_or("-", |host| host.to_str().unwrap());
            format!("{ip} {proto} {host}")
        })
        .collect()
    }

    #[test]
    fn h05_forwarded_is_read_from_its_end() {
        for (lines, expected) in [
            (&[""][..], &[][..]),
            (&["for=192.0.2.1"], &["192.0.2.1 - -"]),
            (
                &["For=\"[2001:db8::1]:80\";Proto=https;HOST=a.example"],
                &["2001:db8::1 https a.example"],
            ),
            (
                &["for=1.1.1.1, for=2.2.2.2;proto=http", " FOR=\"3.3.3.3:99\" ; by=x"],
                &["3.3.3.3 - -", "2.2.2.2 http -", "1.1.1.1 - -"],
            ),
            (
                &["for=unknown, for=_hidden, for=\"_a:_b\", for=x"],
                &["- - -", "- - -", "- - -", "- - -"],
            ),
            (
                &["for=\"1.1.1.1:_port\", for=[::1], for=\"::1\", for=1.1.1.1:"],
                &["- - -", "::1 - -", "::1 - -", "1.1.1.1 - -"],
            ),
            (&["for=::ffff:1.2.3.4"], &["1.2.3.4 - -"]),
            (
                &["host=\"a.example:8080\";x=\",;=\\\"\", proto=wss"],
                &["- https -", "- - a.example:8080"],
            ),
            (
                &["host=\"a@b\", host=\"a/b\", host=\"\", host=a:x"],
                &["- - -", "- - -", "- - -", "- - -"],
            ),
            (&["host=\"a\\.b\";for=\"1\\.1.1.1\""], &["1.1.1.1 - a.b"]),
            // A quote that is left open does not reach the elements behind it.
            (&["for=\", for=1.1.1.1"], &["1.1.1.1 - -", "- - -"]),
            (&["for=\"", "for=1.1.1.1"], &["1.1.1.1 - -", "- - -"]),
            (&["for=\"x\\\", for=1.1.1.1"], &["1.1.1.1 - -", "- - -"]),
            // Malformed elements say nothing.
            (&["for=1.1.1.1;for=2.2.2.2, for, =x, for=ab"], &["- - -", "- - -", "- - -", "- - -"]),
            // With an odd quote the list has no certain elements.
            (&["for=1.1.1.1, for=a\"b"], &["- - -"]),
            (&[",, for=1.1.1.1 ,"], &["1.1.1.1 - -"]),
            (&["for=1.1.1.1;;proto=https;"], &["1.1.1.1 https -"]),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| (FORWARDED, *line)).collect();
            assert_eq!(shown(forwarded(&headers(&lines))), expected, "{lines:?}");
        }
    }

    #[test]
    fn h05_x_forwarded_fields_are_read_from_their_end() {
        let (ip, proto, host) = (X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST);
        for (lines, expected) in [
            (&[][..], &["- - -"][..]),
            (
                &[(&ip, "1.1.1.1, 2.2.2.2"), (&ip, "3.3.3.3")],
                &["3.3.3.3 - -", "2.2.2.2 - -", "1.1.1.1 - -"],
            ),
            (
                &[(&ip, "::1, [::2], [::3]:80, 4.4.4.4:80, unknown")],
                &["- - -", "4.4.4.4 - -", "::3 - -", "::2 - -", "::1 - -"],
            ),
            (
                &[(&ip, "1.1.1.1, 2.2.2.2"), (&proto, "https"), (&host, "a")],
                &["2.2.2.2 https a", "1.1.1.1 https a"],
            ),
            (
                &[(&ip, "1.1.1.1, 2.2.2.2"), (&proto, "https, http"), (&host, "a, b")],
                &["2.2.2.2 http b", "1.1.1.1 https a"],
            ),
            (&[(&ip, "1.1.1.1"), (&proto, "https, http"), (&host, "a, b")], &["1.1.1.1 http b"]),
            (&[(&proto, "HTTPS"), (&host, "a:80")], &["- https a:80"]),
            (&[(&ip, ","), (&proto, "gopher"), (&host, "a b")], &["- - -"]),
        ] {
            let lines: Vec<_> = lines.iter().map(|(name, line)| ((*name).clone(), *line)).collect();
            assert_eq!(shown(x_forwarded(&headers(&lines))), expected, "{lines:?}");
        }
    }

    #[test]
    fn h05_damaged_fields_do_no_harm() {
        let line = "for=\"[::1]:8\\0\";host=\"a\", for=1.1.1.1;proto=https";
        for at in 0..line.len() {
            for byte in "\t\"\\,;=[]:. x1".chars() {
                let damaged = format!("{}{byte}{}", &line[..at], &line[at + 1..]);
                let map = headers(&[(FORWARDED, &damaged), (X_FORWARDED_FOR, &damaged)]);
                assert!(forwarded(&map).count() <= 3, "{damaged}");
                assert!(x_forwarded(&map).count() <= 3, "{damaged}");
            }
        }
    }
}
