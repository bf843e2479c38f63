use super::super::negotiate::tests::{negotiated, splits};
use super::*;

fn credentials(user: &str, password: &str) -> Credentials {
    Credentials { user: user.into(), password: password.into() }
}

fn name(text: &str) -> Host {
    Host::Name(text.to_owned())
}

fn ip(text: &str) -> Host {
    Host::Ip(text.parse().unwrap())
}

fn handshake(version: Version, host: Host) -> Handshake {
    Handshake::new(version, None, host, 443).unwrap()
}

fn with_password(host: Host) -> Handshake {
    Handshake::new(Version::V5h, Some(&credentials("user", "pass")), host, 443).unwrap()
}

const ORIGIN: &[u8] = b"\x05\x00 bytes of the origin";

#[test]
fn c13_socks_5_without_authentication() {
    let hello = b"\x05\x01\x00";
    for (host, address) in [
        (name("host.test"), &b"\x03\x09host.test"[..]),
        (ip("192.0.2.1"), b"\x01\xc0\x00\x02\x01"),
        (ip("2001:db8::1"), b"\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
    ] {
        let sent = [hello, &b"\x05\x01\x00"[..], address, b"\x01\xbb"].concat();
        // The proxy may name its address in any form.
        for bound in [
            &b"\x01\0\0\0\0\0\0"[..],
            b"\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x1f\x90",
            b"\x03\x05proxy\x1f\x90",
            b"\x03\x00\x1f\x90",
        ] {
            let received = [b"\x05\x00\x05\x00\x00", bound].concat();
            splits(|| handshake(Version::V5h, host.clone()), &received, ORIGIN, &sent);
        }
    }
}

#[test]
fn c13_socks_5_with_a_password() {
    let received = b"\x05\x02\x01\x00\x05\x00\x00\x01\0\0\0\0\0\0";
    let sent = b"\x05\x02\x00\x02\x01\x04user\x04pass\x05\x01\x00\x03\x01h\x01\xbb";
    splits(|| with_password(name("h")), received, ORIGIN, sent);
    // The proxy asks for none.
    let received = b"\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0";
    let sent = b"\x05\x02\x00\x02\x05\x01\x00\x03\x01h\x01\xbb";
    splits(|| with_password(name("h")), received, ORIGIN, sent);
}

#[test]
fn c13_socks_4_and_4a() {
    let received = b"\x00\x5a\x00\x00\x00\x00\x00\x00";
    let sent = b"\x04\x01\x01\xbb\xc0\x00\x02\x01\x00";
    splits(|| handshake(Version::V4, ip("192.0.2.1")), received, ORIGIN, sent);
    let user = credentials("me", "unused");
    let with_user = || Handshake::new(Version::V4a, Some(&user), name("host"), 443).unwrap();
    let sent = b"\x04\x01\x01\xbb\x00\x00\x00\x01me\x00host\x00";
    splits(with_user, received, ORIGIN, sent);
}

#[test]
fn c13_a_socks_refusal_has_a_reason() {
    let open = |replies: &[u8]| {
        let refusal = negotiated(handshake(Version::V5h, name("h")), &[replies]).1.unwrap_err();
        let of_address = matches!(replies, [5, 0, 5, 1 | 3 | 4 | 5 | 6 | 8, ..]);
        assert_eq!(refusal.reason == Reason::Address, of_address);
        refusal.text
    };
    for (code, reason) in [
        (1, "general failure"),
        (2, "not allowed by the proxy's rules"),
        (3, "network unreachable"),
        (4, "host unreachable"),
        (5, "connection refused by the host"),
        (6, "TTL expired"),
        (7, "command not supported"),
        (8, "address type not supported"),
        (9, "unknown code 9"),
        (255, "unknown code 255"),
    ] {
        let expected = format!("SOCKS connection to h:443 refused: {reason}");
        assert_eq!(open(&[5, 0, 5, code]), expected);
        assert_eq!(open(&[5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0]), expected);
    }
    assert_eq!(open(&[5, 0xff]), "SOCKS proxy demands authentication");
    assert_eq!(open(&[5, 2]), "SOCKS proxy chose method 2, which was not offered");
    assert_eq!(open(&[5, 0, 5, 0, 0, 9]), "SOCKS reply has an address of unknown type 9");
    assert_eq!(open(b"HTTP/1.1 400 Bad\r\n"), "not a SOCKS proxy: it sent \"HTTP/1.1 400 Bad\"");
    assert_eq!(open(&[4]), "not a SOCKS proxy: it sent \"\\x04\"");

    let refused = |replies: &[u8]| negotiated(with_password(name("h")), &[replies]).1.unwrap_err();
    let text = "SOCKS proxy refused the user or the password";
    assert_eq!(refused(&[5, 2, 1, 1]).text, text);
    let text = "SOCKS proxy accepts neither a password nor no authentication";
    assert_eq!(refused(&[5, 0xff]).text, text);

    let refused = |code| {
        let handshake = handshake(Version::V4, ip("192.0.2.1"));
        negotiated(handshake, &[&[0, code, 0, 0, 0, 0, 0, 0]]).1.unwrap_err().text
    };
    assert_eq!(refused(91), "SOCKS connection to 192.0.2.1:443 refused: rejected or failed");
    assert_eq!(refused(7), "SOCKS connection to 192.0.2.1:443 refused: unknown code 7");
}

#[test]
fn c13_a_value_that_socks_cannot_carry_is_an_error() {
    let long = "x".repeat(LONGEST + 1);
    let text = |version, credentials: Option<&Credentials>, host| {
        Handshake::new(version, credentials, host, 80).err().map(|refusal| refusal.text)
    };
    let exceeds = |what| Some(format!("SOCKS {what} of 256 bytes exceeds the limit of 255 bytes"));
    assert_eq!(text(Version::V5h, None, name(&long)), exceeds("host name"));
    assert_eq!(text(Version::V5h, None, name(&long[1..])), None);
    let (user, password) = (credentials(&long, "p"), credentials("u", &long));
    assert_eq!(text(Version::V5, Some(&user), ip("::1")), exceeds("user"));
    assert_eq!(text(Version::V5, Some(&password), ip("::1")), exceeds("password"));
    let most = credentials(&long[1..], &long[1..]);
    assert_eq!(text(Version::V5, Some(&most), ip("::1")), None);
    // SOCKS 4 has no password.
    assert_eq!(text(Version::V4, Some(&password), ip("192.0.2.1")), None);
    let zero = credentials("a\0b", "");
    let expected = Some("SOCKS user contains a zero byte".to_owned());
    assert_eq!(text(Version::V4a, Some(&zero), name("h")), expected);
    let expected = Some("SOCKS 4 cannot connect to an IPv6 address".to_owned());
    assert_eq!(text(Version::V4a, None, ip("::1")), expected);
}
