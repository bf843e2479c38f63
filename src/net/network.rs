//! Networks: addresses that begin with the same bits.

use std::error::Error as StdError;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::error::Error;

/// The IP addresses that begin with the same bits, such as `10.0.0.0/8` or `2001:db8::/32` (RFC 4632).
///
/// ```
/// use hangup::net::Network;
///
/// let network: Network = "10.0.0.0/8".parse()?;
/// assert!(network.contains("10.1.2.3".parse()?));
/// assert!(!network.contains("11.0.0.1".parse()?));
///
/// let one: Network = "::1".parse()?; // one address is a network as well
/// assert_eq!(one.to_string(), "::1/128");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An IPv6 address that maps an IPv4 one (`::ffff:10.1.2.3`, RFC 4291 section 2.5.5.2), as a socket for both
/// families reports it, counts as the IPv4 address. So does a network of such addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    /// Invariant: at most the number of the address's bits.
    bits: u8,
}

impl Network {
    /// Returns the addresses whose first `bits` are those of `address`. The other bits of `address` are
    /// ignored. `None` if an address has fewer bits.
    #[must_use]
    pub fn new(address: IpAddr, bits: u8) -> Option<Self> {
        if bits > width(address) {
            return None;
        }
        let canonical = address.to_canonical();
        Some(match bits.checked_sub(MAPPED_PREFIX) {
            Some(bits) if canonical != address => Self { address: canonical, bits },
            _ => Self { address, bits },
        })
    }

    /// Returns `true` if `address` is one of the network's.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let equal_bits = match (address.to_canonical(), self.address) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                (one.to_bits() ^ other.to_bits()).leading_zeros()
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => {
                (one.to_bits() ^ other.to_bits()).leading_zeros()
            }
            _ => return false,
        };
        equal_bits >= u32::from(self.bits)
    }
}

/// The number of bits that all mapped IPv4 addresses have in common.
const MAPPED_PREFIX: u8 = 96;

/// Returns the number of an address's bits.
fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// One address is the network of this address only.
impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, bits: width(address) }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `ADDRESS/BITS`, or one address. An IPv6 address may be in brackets.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let bare = address.strip_prefix('[').and_then(|address| address.strip_suffix(']'));
        let address: IpAddr = match bare {
            Some(bare) => bare.parse().map(IpAddr::V6),
            None => address.parse(),
        }
        .map_err(|_| NetworkError(text.into()))?;
        let bits = match bits {
            None => width(address),
            // `parse` allows a sign.
            Some(bits) if !bits.bytes().all(|digit| digit.is_ascii_digit()) => {
                return Err(NetworkError(text.into()));
            }
            Some(bits) => bits.parse().map_err(|_| NetworkError(text.into()))?,
        };
        Self::new(address, bits).ok_or_else(|| NetworkError(text.into()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// A text that is not a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkError(Box<str>);

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a network such as 10.0.0.0/8 or ::1: {:?}", self.0)
    }
}

impl StdError for NetworkError {}

impl From<NetworkError> for Error {
    fn from(error: NetworkError) -> Self {
        Self::other(error)
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_the_addresses_with_its_bits() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3/8", "10.0.0.0", "9.255.255.255"),
            ("192.168.1.128/25", "192.168.1.255", "192.168.1.127"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("127.0.0.1/32", "::ffff:127.0.0.1", "::ffff:127.0.0.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "ffff::1", "1.2.3.4"),
            ("::/0", "::", "::ffff:1.2.3.4"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "a00::"),
            ("::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.0"),
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"),
            ("2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"),
            ("[::1]", "::1", "::2"),
            ("::1/128", "::1", "::"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{network} {outside}");
            assert_eq!(network.to_string().parse(), Ok(network));
        }
    }

    #[test]
    fn other_texts_are_not_networks() {
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "/8",
            "10.0.0.0/33",
            "::1/129",
            "10.0.0/8",
            "10.0.0.0/+8",
            "a/8",
            "10.0.0.0/8/8",
            "[10.0.0.0]/8",
            "[::1",
            "::1]",
            " 10.0.0.0/8",
            "10.0.0.0/256",
            "10.0.0.0:80",
            "example.com",
        ] {
            let error = text.parse::<Network>().unwrap_err();
            assert!(error.to_string().ends_with(&format!("{text:?}")), "{error}");
        }
    }
}
