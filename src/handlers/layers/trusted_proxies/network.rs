//! Networks of IP addresses (RFC 4632, RFC 4291 section 2.3).

use std::net::IpAddr;

use crate::{Error, Result};

/// An address and the number of leading bits that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Reads `10.0.0.0/8`, `fd00::/8`, or a single address. Bits behind the prefix are ignored.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let invalid = |fault: &str| Error::from(format!("invalid network {text:?}: {fault}"));
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| invalid("not an IP address"))?;
        let most = bits(address).1;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = match prefix {
            None => most,
            Some(prefix) => {
                prefix.parse().ok().filter(|length| digits(prefix) && *length <= most).ok_or_else(
                    || invalid(&format!("the prefix is not a number from 0 to {most}")),
                )?
            }
        };
        match address.to_canonical() {
            canonical if canonical != address && prefix >= 96 => {
                Ok(Self { address: canonical, prefix: prefix - 96 })
            }
            _ => Ok(Self { address, prefix }),
        }
    }

    pub(super) fn contains(&self, ip: IpAddr) -> bool {
        let (network, length) = bits(self.address);
        let (ip, other_length) = bits(ip.to_canonical());
        let ignored = length - self.prefix;
        length == other_length && (network ^ ip).checked_shr(ignored).unwrap_or(0) == 0
    }
}

/// Returns the bits of an address, and their number.
fn bits(ip: IpAddr) -> (u128, u32) {
    match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h05_a_network_contains_the_addresses_with_its_prefix() {
        for (network, inside, outside) in [
            (
                "10.0.0.0/8",
                &["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"][..],
                &["9.255.255.255", "11.0.0.0", "::10.0.0.1", "a00::"][..],
            ),
            ("10.1.2.3/8", &["10.0.0.0"], &["11.0.0.0"]),
            ("192.0.2.1", &["192.0.2.1"], &["192.0.2.0", "192.0.2.2"]),
            ("192.0.2.128/25", &["192.0.2.128", "192.0.2.255"], &["192.0.2.127"]),
            ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::", "::1"]),
            ("::/0", &["::", "ffff::"], &["1.2.3.4", "::ffff:1.2.3.4"]),
            ("::1", &["::1"], &["::2", "127.0.0.1"]),
            ("fd00::/7", &["fc00::", "fdff:ffff::1"], &["fe00::"]),
            ("2001:db8::/33", &["2001:db8:7fff::"], &["2001:db8:8000::"]),
            ("::ffff:10.0.0.0/104", &["10.9.9.9"], &["11.0.0.0", "::1"]),
        ] {
            let network = Network::parse(network).unwrap();
            for (addresses, expected) in [(inside, true), (outside, false)] {
                for address in addresses {
                    let found = network.contains(address.parse().unwrap());
                    assert_eq!(found, expected, "{address} in {network:?}");
                }
            }
        }
    }

    #[test]
    fn h05_an_invalid_network_is_an_error_that_says_why() {
        for (network, fault) in [
            ("", "not an IP address"),
            ("localhost", "not an IP address"),
            ("10.0.0/8", "not an IP address"),
            ("10.0.0.0/8 ", "the prefix is not a number from 0 to 32"),
            ("10.0.0.0/33", "the prefix is not a number from 0 to 32"),
            ("10.0.0.0/+8", "the prefix is not a number from 0 to 32"),
            ("10.0.0.0/", "the prefix is not a number from 0 to 32"),
            ("10.0.0.0/255.0.0.0", "the prefix is not a number from 0 to 32"),
            ("::/129", "the prefix is not a number from 0 to 128"),
            ("[::1]", "not an IP address"),
        ] {
            let error = Network::parse(network).unwrap_err();
            let expected = format!("invalid network {network:?}: {fault}");
            assert_eq!(error.to_string(), expected);
        }
    }
}
