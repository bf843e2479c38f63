//! The PROXY protocol, by which a load balancer passes on the client's address (versions 1 and 2 of
//! HAProxy's specification).
//!
//! ```text
//!   version 1   PROXY TCP4 203.0.113.7 192.0.2.1 51000 443 CRLF
//!   version 2   signature (12) | version, command | family | length (2) | addresses | TLVs
//! ```
//!
//! The header stands before everything else on the connection, also before TLS. Exactly its bytes are read,
//! so that the rest is left to TLS or to HTTP.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::stream::Stream;

/// The beginning of a header of version 2.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The beginning of a header of version 1.
const LINE: &[u8; 6] = b"PROXY ";

/// The longest line of version 1, in bytes.
const MAX_LINE: usize = 107;

/// The longest rest of a header of version 2, in bytes: addresses, a client certificate's name, and more.
/// The specification allows 65535. No proxy comes near.
const MAX_REST: usize = 4096;

/// The type of the TLV that says if the client spoke TLS with the proxy, and the flag that says yes.
const TLV_SSL: u8 = 0x20;
const CLIENT_SSL: u8 = 0x01;

/// What a PROXY header says about the client's connection to the proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proxied {
    /// The addresses of the client and of the proxy. `None` if the proxy itself has made the connection, as
    /// for a health check, or does not know them.
    pub(crate) addresses: Option<(SocketAddr, SocketAddr)>,
    /// The client spoke TLS with the proxy.
    pub(crate) tls: bool,
}

/// Reads the header at the beginning of a connection.
///
/// # Errors
///
/// `InvalidData` if there is none, or it is malformed. Otherwise that of reading.
///
/// # Blocking
///
/// Until the header has arrived. The read deadline ends it.
pub(crate) fn read_header(mut stream: &Stream) -> io::Result<Proxied> {
    let mut begin = [0; SIGNATURE.len()];
    // Anything else is noticed at its first byte, without a wait for more.
    stream.read_exact(&mut begin[..1])?;
    if begin[0] != SIGNATURE[0] && begin[0] != LINE[0] {
        return Err(malformed("no PROXY header"));
    }
    stream.read_exact(&mut begin[1..])?;
    if begin == *SIGNATURE {
        read_binary(stream)
    } else if begin.starts_with(LINE) {
        read_line(stream, &begin)
    } else {
        Err(malformed("no PROXY header"))
    }
}

/// Reads the rest of a line that begins with `begin`, byte by byte.
fn read_line(mut stream: &Stream, begin: &[u8]) -> io::Result<Proxied> {
    let mut line = begin.to_vec();
    while !line.ends_with(b"\n") {
        if line.len() == MAX_LINE {
            return Err(malformed("a PROXY line of more than 107 bytes"));
        }
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    parse_line(&line).ok_or_else(|| malformed("a malformed PROXY line"))
}

fn parse_line(line: &[u8]) -> Option<Proxied> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix("\r\n")?;
    let mut words = line.split(' ').skip(1);
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(Proxied::default());
    }
    let addresses = [words.next()?, words.next()?].map(|word| match family {
        "TCP4" => word.parse().map(IpAddr::V4).ok(),
        "TCP6" => word.parse().map(IpAddr::V6).ok(),
        _ => None,
    });
    let ports = [words.next()?, words.next()?].map(port);
    if words.next().is_some() {
        return None;
    }
    let [source, destination] = addresses;
    let [from, to] = ports;
    let source = SocketAddr::new(source?, from?);
    let destination = SocketAddr::new(destination?, to?);
    Some(Proxied { addresses: Some((source, destination)), tls: false })
}

/// Parses a port without leading zeros or a sign, as the specification has it.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if plain && !leading_zero { text.parse().ok() } else { None }
}

fn read_binary(mut stream: &Stream) -> io::Result<Proxied> {
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    let [command, family, high, low] = head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > MAX_REST {
        return Err(malformed("a PROXY header of more than 4096 bytes"));
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest)?;
    parse_binary(command, family, &rest).ok_or_else(|| malformed("a malformed PROXY header"))
}

fn parse_binary(command: u8, family: u8, rest: &[u8]) -> Option<Proxied> {
    match command {
        // LOCAL: the proxy's own connection. The rest is ignored.
        0x20 => return Some(Proxied::default()),
        0x21 => {}
        _ => return None,
    }
    let (addresses, tlvs) = match family {
        0x11 => {
            let (block, tlvs) = rest.split_first_chunk::<12>()?;
            let [a, b, c, d, e, f, g, h, ports @ ..] = *block;
            let ips = [Ipv4Addr::new(a, b, c, d), Ipv4Addr::new(e, f, g, h)];
            (Some(pair(ips.map(IpAddr::V4), ports)), tlvs)
        }
        0x21 => {
            let (source, rest) = rest.split_first_chunk::<16>()?;
            let (destination, rest) = rest.split_first_chunk::<16>()?;
            let (ports, tlvs) = rest.split_first_chunk::<4>()?;
            let ips = [Ipv6Addr::from(*source), Ipv6Addr::from(*destination)];
            (Some(pair(ips.map(IpAddr::V6), *ports)), tlvs)
        }
        // Unix sockets, which have no address that a server could use.
        0x31 | 0x32 => (None, rest.get(216..)?),
        // Unspecified, or datagrams. The length of the addresses is unknown.
        0x00 | 0x12 | 0x22 => (None, &[][..]),
        _ => return None,
    };
    Some(Proxied { addresses, tls: client_spoke_tls(tlvs)? })
}

fn pair(ips: [IpAddr; 2], [a, b, c, d]: [u8; 4]) -> (SocketAddr, SocketAddr) {
    let [source, destination] = ips;
    let from = SocketAddr::new(source, u16::from_be_bytes([a, b]));
    (from, SocketAddr::new(destination, u16::from_be_bytes([c, d])))
}

/// Returns `None` if the TLVs are malformed.
fn client_spoke_tls(mut tlvs: &[u8]) -> Option<bool> {
    let mut tls = false;
    while !tlvs.is_empty() {
        let ([kind, high, low], rest) = tlvs.split_first_chunk::<3>()?;
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, rest) = rest.split_at_checked(length)?;
        if *kind == TLV_SSL {
            tls |= value.first()? & CLIENT_SSL != 0;
        }
        tlvs = rest;
    }
    Some(tls)
}

fn malformed(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::net::memory;

    /// Reads `header` and returns what it says, and the bytes behind it.
    fn read(header: &[u8]) -> io::Result<(Proxied, Vec<u8>)> {
        let (near, far) = memory::pair();
        (&far).write_all(header)?;
        drop(far);
        let proxied = read_header(&near)?;
        let mut rest = Vec::new();
        (&near).read_to_end(&mut rest)?;
        Ok((proxied, rest))
    }

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    fn addresses(source: &str, destination: &str) -> Option<(SocketAddr, SocketAddr)> {
        Some((source.parse().unwrap(), destination.parse().unwrap()))
    }

    const V4: [u8; 12] = [203, 0, 113, 7, 192, 0, 2, 1, 0xc7, 0x38, 0x01, 0xbb];

    #[test]
    fn h14_a_line_has_the_addresses() {
        for (line, expected) in [
            (
                "PROXY TCP4 203.0.113.7 192.0.2.1 51000 443\r\n",
                addresses("203.0.113.7:51000", "192.0.2.1:443"),
            ),
            ("PROXY TCP6 2001:db8::7 ::1 1 65535\r\n", addresses("[2001:db8::7]:1", "[::1]:65535")),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN ffff::1 some thing else\r\n", None),
        ] {
            let (proxied, rest) = read(format!("{line}GET / HTTP/1.1\r\n").as_bytes()).unwrap();
            assert_eq!(proxied, Proxied { addresses: expected, tls: false }, "{line}");
            assert_eq!(rest, b"GET / HTTP/1.1\r\n", "{line}");
        }
    }

    #[test]
    fn h14_a_malformed_line_is_an_error() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
        assert_eq!(long.len(), MAX_LINE + 1);
        for line in [
            "PROXY TCP4 203.0.113.7 192.0.2.1 51000\r\n",
            "PROXY TCP4 203.0.113.7 192.0.2.1 51000 443 1\r\n",
            "PROXY TCP4 203.0.113.7 192.0.2.1 51000 443\n",
            "PROXY TCP4  203.0.113.7 192.0.2.1 51000 443\r\n",
            "PROXY TCP4 203.0.113.7 192.0.2.1 051 443\r\n",
            "PROXY TCP4 203.0.113.7 192.0.2.1 +51 443\r\n",
            "PROXY TCP4 203.0.113.7 192.0.2.1 65536 443\r\n",
            "PROXY TCP4 ::1 ::1 51000 443\r\n",
            "PROXY TCP6 203.0.113.7 192.0.2.1 51000 443\r\n",
            "PROXY UDP4 203.0.113.7 192.0.2.1 51000 443\r\n",
            "PROXY tcp4 203.0.113.7 192.0.2.1 51000 443\r\n",
            "PROXY \u{e9}\r\nGET / HTTP/1.1\r\n",
            "proxy UNKNOWN\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "PUT / HTTP/1.1\r\n\r\n",
            &long,
        ] {
            let error = read(line.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{line:?}: {error}");
        }
        assert!(read(&long.as_bytes()[1..]).is_err());
    }

    #[test]
    fn h14_a_binary_header_has_the_addresses() {
        let v6 = [&[0x20; 16][..], &[0x30; 16], &[0, 80, 0, 81]].concat();
        let unix = [b'x'; 216];
        let tls = [&V4[..], &[0x04, 0, 1, 9], &[TLV_SSL, 0, 5, CLIENT_SSL, 0, 0, 0, 0]].concat();
        let plain = [&V4[..], &[TLV_SSL, 0, 5, 0, 0, 0, 0, 0]].concat();
        let v4_addresses = addresses("203.0.113.7:51000", "192.0.2.1:443");
        let v6_addresses = addresses(
            "[2020:2020:2020:2020:2020:2020:2020:2020]:80",
            "[3030:3030:3030:3030:3030:3030:3030:3030]:81",
        );
        for (command, family, rest, expected, is_tls) in [
            (0x21, 0x11, &V4[..], v4_addresses, false),
            (0x21, 0x21, &v6, v6_addresses, false),
            (0x21, 0x11, &tls, v4_addresses, true),
            (0x21, 0x11, &plain, v4_addresses, false),
            (0x21, 0x31, &unix, None, false),
            (0x21, 0x00, b"anything", None, false),
            (0x20, 0x11, &V4, None, false),
            (0x20, 0x00, b"", None, false),
        ] {
            let header = [binary(command, family, rest), b"\x16\x03\x01".to_vec()].concat();
            let (proxied, behind) = read(&header).unwrap();
            assert_eq!(proxied, Proxied { addresses: expected, tls: is_tls }, "{header:02x?}");
            assert_eq!(behind, b"\x16\x03\x01");
        }
    }

    #[test]
    fn h14_a_malformed_binary_header_is_an_error() {
        let tlv = |tlv: &[u8]| [&V4[..], tlv].concat();
        for (command, family, rest) in [
            (0x11, 0x11, V4.to_vec()),
            (0x22, 0x11, V4.to_vec()),
            (0x21, 0x11, V4[..11].to_vec()),
            (0x21, 0x21, V4.to_vec()),
            (0x21, 0x31, V4.to_vec()),
            (0x21, 0x41, V4.to_vec()),
            (0x21, 0x11, tlv(&[TLV_SSL])),
            (0x21, 0x11, tlv(&[TLV_SSL, 0, 0])),
            (0x21, 0x11, tlv(&[0x04, 0, 2, 1])),
            (0x21, 0x11, vec![0; MAX_REST + 1]),
        ] {
            let error = read(&binary(command, family, &rest)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{command:x} {family:x}: {error}");
        }
    }

    /// No cut of a header is read as a whole one.
    #[test]
    fn h14_a_header_that_is_cut_off_is_an_error() {
        let line = b"PROXY TCP4 203.0.113.7 192.0.2.1 51000 443\r\n".to_vec();
        for header in [line, binary(0x21, 0x11, &V4)] {
            for end in 0..header.len() {
                let error = read(&header[..end]).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{end}: {error}");
            }
            assert!(read(&header).is_ok());
        }
    }
}
