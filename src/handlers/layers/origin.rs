//! Origins as browsers write them.

/// Returns `origin` if it is a serialized origin (RFC 6454 section 6.2): scheme, host, and a port if it is not
/// the scheme's default.
///
/// # Panics
///
/// If it is not, since no browser would ever send it.
pub(super) fn checked(origin: &str) -> &str {
    match fault(origin) {
        None => origin,
        Some(fault) => panic!("invalid origin {origin:?}: {fault}"),
    }
}

/// Returns the host and the port of an origin.
pub(super) fn authority(origin: &str) -> Option<&str> {
    origin.split_once("://").map(|(_, authority)| authority).filter(|host| !host.is_empty())
}

fn fault(origin: &str) -> Option<&'static str> {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return Some("scheme missing");
    };
    let is_in_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    if !scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        || !scheme.bytes().all(is_in_scheme)
    {
        return Some("scheme invalid");
    }
    if origin.contains(|character: char| character.is_ascii_uppercase()) {
        return Some("browsers send it in lower case");
    }
    if authority.contains(['/', '?', '#']) {
        return Some("an origin has no path, query or fragment");
    }
    // A colon within brackets belongs to an IPv6 address.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if host.is_empty() {
        return Some("host missing");
    }
    if !host.bytes().all(|byte| byte.is_ascii_graphic() && !b"@*\\\"<>^`{|}".contains(&byte)) {
        return Some("host invalid");
    }
    match (scheme, port) {
        (_, None) => None,
        ("http", Some("80")) | ("https", Some("443")) => Some("browsers omit the default port"),
        (_, Some(port)) => port.parse::<u16>().err().map(|_| "port invalid"),
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h09_origins_that_no_browser_sends_are_refused() {
        for (origin, expected) in [
            ("https://example.com", None),
            ("http://localhost:8080", None),
            ("https://[::1]", None),
            ("https://[::1]:8443", None),
            ("https://192.0.2.1", None),
            ("chrome-extension://abcdefgh", None),
            ("http://example.com:443", None),
            ("example.com", Some("scheme missing")),
            ("null", Some("scheme missing")),
            ("*", Some("scheme missing")),
            ("", Some("scheme missing")),
            ("://example.com", Some("scheme invalid")),
            ("1http://example.com", Some("scheme invalid")),
            ("ht tp://example.com", Some("scheme invalid")),
            ("https://", Some("host missing")),
            ("https://:8443", Some("host missing")),
            ("https://example.com/", Some("an origin has no path, query or fragment")),
            ("https://example.com?a", Some("an origin has no path, query or fragment")),
            ("https://example.com#a", Some("an origin has no path, query or fragment")),
            ("https://Example.com", Some("browsers send it in lower case")),
            ("HTTPS://example.com", Some("browsers send it in lower case")),
            ("https://*.example.com", Some("host invalid")),
            ("https://me@example.com", Some("host invalid")),
            ("https://exa mple.com", Some("host invalid")),
            ("https://größe.example", Some("host invalid")),
            ("https://example.com:443", Some("browsers omit the default port")),
            ("http://example.com:80", Some("browsers omit the default port")),
            ("https://example.com:", Some("port invalid")),
            ("https://example.com:http", Some("port invalid")),
            ("https://example.com:99999", Some("port invalid")),
        ] {
            assert_eq!(fault(origin), expected, "{origin}");
        }
    }
}
