//! The request target (RFC 9112 section 3.2) and the Host field.

use std::net::Ipv6Addr;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Uri, Version};

use super::error::Fault;

/// The longest target that [`Uri`] can hold. It stores offsets as `u16`, and the largest one means "none".
const MAX_TARGET: usize = u16::MAX as usize - 1;

/// Parses one of the four forms of a target. The allowed form depends on the method.
pub(super) fn parse(method: &Method, target: Bytes) -> Result<Uri, Fault> {
    check_bytes(&target)?;
    if *method == Method::CONNECT {
        return authority_form(target);
    }
    match &target[..] {
        b"*" if *method == Method::OPTIONS => uri(target),
        b"*" => Err(Fault::Target("`*` with a method other than OPTIONS")),
        [b'/', ..] => uri(target),
        _ => absolute_form(target),
    }
}

/// Refuses the bytes that must be percent-encoded, in the path and the query alike (see
/// [the module](crate::h1#request-targets)). [`Uri`] treats the two differently, accepts bytes beyond ASCII,
/// and drops a fragment without an error.
fn check_bytes(target: &[u8]) -> Result<(), Fault> {
    if target.len() > MAX_TARGET {
        return Err(Fault::TargetTooLong { limit: MAX_TARGET });
    }
    // Without an early exit, so that the compiler vectorises the loop.
    let stray =
        |byte: &u8| !byte.is_ascii_graphic() || matches!(byte, b'"' | b'#' | b'<' | b'>' | b'`');
    if !target.iter().fold(false, |seen, byte| seen | stray(byte)) {
        return Ok(());
    }
    match target.iter().find(|byte| stray(byte)) {
        None => Ok(()),
        Some(b'#') => Err(Fault::Target("fragment not allowed")),
        Some(_) => Err(Fault::Target("byte that must be percent-encoded")),
    }
}

fn uri(target: Bytes) -> Result<Uri, Fault> {
    Uri::from_maybe_shared(target).map_err(|_| Fault::Target("not a valid URI"))
}

/// Parses the target of CONNECT: a host and a port. There is no default port (RFC 9110 section 9.3.6).
fn authority_form(target: Bytes) -> Result<Uri, Fault> {
    match split_authority(&target) {
        Some((_, Some(port))) if !port.is_empty() => uri(target),
        _ => Err(Fault::Target("CONNECT without a host and a port")),
    }
}

/// Parses a target in absolute form. User information is an error (RFC 9110 section 4.2.4): an authority with
/// an `@` is not a host and port.
fn absolute_form(target: Bytes) -> Result<Uri, Fault> {
    let uri = uri(target)?;
    let authority = match (uri.scheme_str(), uri.authority()) {
        // `Uri` accepts an empty scheme.
        (Some(scheme), Some(authority)) if !scheme.is_empty() => authority,
        _ => return Err(Fault::Target("neither a path nor an absolute URI")),
    };
    match split_authority(authority.as_str().as_bytes()) {
        Some(_) => Ok(uri),
        None => Err(Fault::Target("authority is not a host with an optional port")),
    }
}

/// Checks the number of Host fields, `count`: at most one, and exactly one in HTTP/1.1 (RFC 9112 section
/// 3.2). Host may be empty: clients send that if the target has no authority.
pub(super) fn check_host(version: Version, count: usize, headers: &HeaderMap) -> Result<(), Fault> {
    let host = match (count, version) {
        (0, Version::HTTP_10) => return Ok(()),
        (0, _) => return Err(Fault::Host("missing")),
        (1, _) => headers.get(HOST).map_or(&b""[..], |host| host.as_bytes()),
        _ => return Err(Fault::Host("given more than once")),
    };
    if host.is_empty() || split_authority(host).is_some() {
        return Ok(());
    }
    Err(Fault::Host("not a host with an optional port"))
}

/// Replaces Host with the authority of a target in absolute form (RFC 9112 section 3.2.2), so that handlers
/// see the same in both.
pub(crate) fn prefer_authority(target: &Uri, headers: &mut HeaderMap) {
    if target.scheme().is_some() {
        if let Some(authority) = target.authority() {
            if let Ok(host) = HeaderValue::try_from(authority.as_str()) {
                headers.insert(HOST, host);
            }
        }
    }
}

/// Splits `host [":" port]` (RFC 3986 section 3.2), if the text has that form.
fn split_authority(authority: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let stands_for_itself = |byte: &u8| IN_NAME[usize::from(*byte)];
    let plain = authority.iter().take_while(|byte| stands_for_itself(byte)).count();
    let host_end = match authority.get(plain) {
        None | Some(b':') => plain,
        Some(b'[') => authority.iter().position(|byte| *byte == b']')? + 1,
        Some(_) => authority.iter().position(|byte| *byte == b':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(host_end);
    let port = match rest {
        [] => None,
        [b':', port @ ..] if is_port(port) => Some(port),
        _ => return None,
    };
    let good = if host_end == plain { !host.is_empty() } else { is_host(host) };
    good.then_some((host, port))
}

/// Returns `true` for a valid port. An empty port means the scheme's default.
fn is_port(port: &[u8]) -> bool {
    let number = port.iter().try_fold(0_u16, |number, byte| {
        let digit = byte.is_ascii_digit().then_some(u16::from(byte & 0x0F))?;
        number.checked_mul(10)?.checked_add(digit)
    });
    number.is_some()
}

fn is_host(host: &[u8]) -> bool {
    if let [b'[', inner @ .., b']'] = host {
        return std::str::from_utf8(inner).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok());
    }
    !host.is_empty() && is_registered_name(host)
}

/// Returns `true` for a `reg-name` of RFC 3986 section 3.2.2: unreserved, sub-delims, percent-encoded.
fn is_registered_name(mut name: &[u8]) -> bool {
    loop {
        name = match name {
            [] => return true,
            [byte, rest @ ..] if IN_NAME[usize::from(*byte)] => rest,
            [b'%', a, b, rest @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => rest,
            _ => return false,
        };
    }
}

/// The bytes that are allowed literally in a name: unreserved, sub-delims. A table, since each request's Host
/// is checked with it.
const IN_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"-._~!$&'()*+,;=";
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h1::splits;
    use crate::h1::{HeadError, HeadScanner, Limits};

    #[test]
    fn every_form_with_its_method() {
        for (method, target) in [
            (Method::GET, "/"),
            (Method::GET, "/a//b?c=d&e={f}"),
            (Method::GET, "/a[]{}|\\^'%?[]{}|\\^'%?"),
            (Method::GET, "//not-a-host/path"),
            (Method::GET, "http://example.com/a?b"),
            (Method::GET, "http://example.com:8080"),
            (Method::GET, "https://[::1]:443/"),
            (Method::OPTIONS, "*"),
            (Method::OPTIONS, "/"),
            (Method::CONNECT, "example.com:443"),
            (Method::CONNECT, "[2001:db8::1]:443"),
        ] {
            let uri = parse(&method, target.into()).expect(target);
            assert_eq!(in_a_head(&method, target).as_ref(), Ok(&uri));
            let text = uri.to_string();
            assert!(text == target || text == format!("{target}/"), "{target} became {text}");
        }
    }

    #[test]
    fn targets_that_are_none() {
        for (method, target) in [
            (Method::GET, ""),
            (Method::GET, "*"),
            (Method::GET, "path"),
            (Method::GET, "example.com:80"),
            (Method::GET, "/a#fragment"),
            (Method::GET, "/caf\u{e9}"),
            (Method::GET, "/a\tb"),
            (Method::GET, "/a\u{7f}"),
            (Method::GET, "http:///path"),
            (Method::GET, "http://user@example.com/"),
            (Method::GET, "http://user:word@example.com/"),
            (Method::GET, "http://a:99999/"),
            (Method::GET, "://a/"),
            (Method::POST, "*"),
            (Method::CONNECT, "/"),
            (Method::CONNECT, "*"),
            (Method::CONNECT, "example.com"),
            (Method::CONNECT, "example.com:"),
            (Method::CONNECT, "example.com:https"),
            (Method::CONNECT, "example.com:443/"),
            (Method::CONNECT, "http://example.com:443"),
            (Method::CONNECT, "user@example.com:443"),
        ] {
            let fault = parse(&method, target.into()).expect_err(target);
            assert!(matches!(fault, Fault::Target(_)), "{method} {target}: {fault:?}");
            assert_eq!(in_a_head(&method, target).unwrap_err().status(), 400, "{method} {target}");
        }
    }

    /// Returns the target of a request that has it, however the request is cut.
    fn in_a_head(method: &Method, target: &str) -> Result<Uri, HeadError> {
        let text = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        let scanned =
            splits::head(text.as_bytes(), |scanner, buf| scanner.request(buf, &Limits::default()));
        scanned.map(|(head, _)| head.target)
    }

    #[test]
    fn path_and_query_may_hold_the_same_bytes() {
        for byte in 0..=u8::MAX {
            let allowed = byte.is_ascii_graphic() && !b"\"#<>`".contains(&byte);
            for (before, after) in
                [("/a", "b"), ("/?a", "b"), ("http://h/a", ""), ("http://h/?", "")]
            {
                let target = [before.as_bytes(), &[byte], after.as_bytes()].concat();
                let read = parse(&Method::GET, target.into());
                assert_eq!(read.is_ok(), allowed, "{before:?} {byte:#x}");
            }
        }
    }

    #[test]
    fn the_authority_of_an_absolute_target_replaces_host() {
        for (line, host) in [
            ("GET http://a.test:81/ HTTP/1.1\r\nHost: b.test", Some("a.test:81")),
            ("GET http://a.test/ HTTP/1.1\r\nHost:", Some("a.test")),
            ("GET http://a.test HTTP/1.0", Some("a.test")),
            ("OPTIONS http://[::1]:8080 HTTP/1.1\r\nHost: a", Some("[::1]:8080")),
            ("GET / HTTP/1.1\r\nHost: b.test", Some("b.test")),
            ("GET //a.test/ HTTP/1.1\r\nHost: b.test", Some("b.test")),
            ("GET / HTTP/1.0", None),
            ("CONNECT a.test:443 HTTP/1.1\r\nHost: b.test", Some("b.test")),
        ] {
            let text = format!("{line}\r\nA: b\r\n\r\n");
            let scan =
                |scanner: &mut HeadScanner, buf: &[u8]| scanner.request(buf, &Limits::default());
            let (head, _) = splits::head(text.as_bytes(), scan).expect(line);
            let hosts: Vec<_> = head.headers.get_all(HOST).iter().collect();
            assert_eq!(hosts, host.into_iter().collect::<Vec<_>>(), "{line}");
        }
        // A bad Host stays an error.
        for host in ["", "\r\nHost: a b", "\r\nHost: a\r\nHost: b"] {
            let text = format!("GET http://a.test/ HTTP/1.1{host}\r\n\r\n");
            let found = HeadScanner::default().request(text.as_bytes(), &Limits::default());
            assert_eq!(found.unwrap_err().status(), 400, "{host:?}");
        }
    }

    #[test]
    fn the_longest_target_and_one_byte_more() {
        let mut target = vec![b'/'; MAX_TARGET];
        assert_eq!(parse(&Method::GET, target.clone().into()).unwrap().path().len(), MAX_TARGET);
        target.push(b'/');
        let fault = parse(&Method::GET, target.into()).unwrap_err();
        assert_eq!(fault, Fault::TargetTooLong { limit: MAX_TARGET });
    }

    fn hosts(values: &[&[u8]]) -> HeaderMap {
        values.iter().map(|v| (HOST, HeaderValue::from_bytes(v).unwrap())).collect()
    }

    #[test]
    fn hosts_that_are_hosts() {
        for host in [
            "",
            "a",
            "example.com",
            "example.com:80",
            "example.com:",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:80",
            "a_b.test",
            "%41.test",
            "xn--caf-dma.test:65535",
        ] {
            let headers = hosts(&[host.as_bytes()]);
            assert_eq!(check_host(Version::HTTP_11, 1, &headers), Ok(()), "{host}");
        }
    }

    #[test]
    fn hosts_that_are_not() {
        for host in [
            "a b",
            "a/b",
            "user@a",
            "a?b",
            "a#b",
            "a\\b",
            "a:b",
            "a:80:80",
            "a:65536",
            "a:+1",
            ":80",
            "[::1",
            "[::1]a",
            "[]",
            "[a]",
            "::1",
            "http://a",
            "caf\u{e9}",
            "%4",
            "%zz",
            "a, b",
            "a\tb",
            "\"a\"",
            "<a>",
        ] {
            let headers = hosts(&[host.as_bytes()]);
            assert!(check_host(Version::HTTP_11, 1, &headers).is_err(), "{host}");
            assert!(check_host(Version::HTTP_10, 1, &headers).is_err(), "{host}");
        }
    }

    #[test]
    fn exactly_one_host_in_http_11_and_at_most_one_in_http_10() {
        for (version, values, good) in [
            (Version::HTTP_11, &[][..], false),
            (Version::HTTP_11, &[&b"a"[..]][..], true),
            (Version::HTTP_11, &[&b"a"[..], b"a"][..], false),
            (Version::HTTP_10, &[][..], true),
            (Version::HTTP_10, &[&b"a"[..]][..], true),
            (Version::HTTP_10, &[&b"a"[..], b"a"][..], false),
        ] {
            let verdict = check_host(version, values.len(), &hosts(values));
            assert_eq!(verdict.is_ok(), good, "{version:?} {values:?}");
        }
    }
}
