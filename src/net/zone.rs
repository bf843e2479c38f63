//! IPv6 addresses with a zone, the network interface through which they are reached (RFC 4007
//! section 11): `fe80::1%eth0`, `fe80::1%2`.

#[cfg_attr(target_os = "linux", path = "zone/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "zone/other.rs")]
mod index;

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

/// Returns the address if `host` is an IPv6 address with a zone, with or without the brackets of a URL.
///
/// # Errors
///
/// `NotFound` if there is no such network interface.
pub(super) fn address(host: &str, port: u16) -> Option<io::Result<SocketAddr>> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let (ip, zone) = bare.split_once('%')?;
    let ip: Ipv6Addr = ip.parse().ok()?;
    let scope = match zone.parse() {
        Ok(number) => Ok(number),
        Err(_) => index::of_name(zone),
    };
    Some(scope.map(|scope| SocketAddrV6::new(ip, port, 0, scope).into()))
}

fn no_interface(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("network interface {name:?} not found"))
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn c01_a_zone_is_a_number_or_the_name_of_an_interface() {
        let scope = |host| match address(host, 80).unwrap().unwrap() {
            SocketAddr::V6(address) => (address.ip().to_string(), address.scope_id()),
            SocketAddr::V4(address) => panic!("{address}"),
        };
        assert_eq!(scope("fe80::1%7"), ("fe80::1".to_owned(), 7));
        assert_eq!(scope("[fe80::1%7]"), ("fe80::1".to_owned(), 7));
        let error = address("fe80::1%no-such-0", 80).unwrap().unwrap_err();
        assert!(error.to_string().contains("no-such-0"), "{error}");
        for other in ["fe80::1", "127.0.0.1%1", "example.com", "a%1"] {
            assert!(address(other, 80).is_none(), "{other}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn c01_the_loopback_interface_has_a_name() {
        let address = address("::1%lo", 80).unwrap().unwrap();
        assert!(matches!(address, SocketAddr::V6(address) if address.scope_id() > 0));
    }
}
