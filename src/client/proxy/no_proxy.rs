//! The hosts that no proxy is used for.

use std::net::IpAddr;

use crate::client::url::Url;

/// A list of hosts, as in the environment variable `NO_PROXY`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NoProxy(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    /// `None` for every port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// A name and the names below it. In lower case, without a dot at either end.
    Domain(String),
    /// The names below a name.
    Subdomains(String),
    /// Addresses whose first bits are these.
    Net {
        address: IpAddr,
        bits: u32,
    },
}

impl NoProxy {
    /// Reads a list. Entries that are invalid match nothing.
    pub(super) fn parse(list: &str) -> Self {
        let entries = list.split(|c: char| c == ',' || c.is_whitespace());
        Self(entries.filter_map(Entry::parse).collect())
    }

    /// Returns `true` if `url` is for a host of the list.
    pub(super) fn covers(&self, url: &Url) -> bool {
        !self.0.is_empty() && self.matches(url.host(), url.port())
    }

    fn matches(&self, host: &str, port: u16) -> bool {
        let address: Option<IpAddr> = host.parse().ok();
        let host = host.strip_suffix('.').unwrap_or(host);
        self.0.iter().any(|entry| {
            entry.port.is_none_or(|only| only == port) && entry.hosts.contain(host, address)
        })
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if let Some((address, bits)) = text.split_once('/') {
            return Some(Self { hosts: Hosts::net(address, bits)?, port: None });
        }
        let (host, port) = split_port(text)?;
        Some(Self { hosts: Hosts::parse(host)?, port })
    }
}

impl Hosts {
    fn parse(host: &str) -> Option<Self> {
        if host == "*" {
            return Some(Self::All);
        }
        if let Some(address) = ip(host) {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            return Some(Self::Net { address, bits });
        }
        let (name, below) = match host.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (host.strip_prefix('.').unwrap_or(host), false),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        // As the host of a URL: in lower case, and beyond ASCII as `idna` has it.
        let url = Url::parse(&format!("http://{name}/")).ok()?;
        let name = url.host().to_owned();
        Some(if below { Self::Subdomains(name) } else { Self::Domain(name) })
    }

    fn net(address: &str, bits: &str) -> Option<Self> {
        let address = ip(address)?;
        let bits = bits.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        (bits <= most).then_some(Self::Net { address, bits })
    }

    /// Returns `true` if `host` is one of these. `address` is its address, if it is one.
    fn contain(&self, host: &str, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::All, _) => true,
            (Self::Net { address: net, bits }, Some(address)) => begins(address, *net, *bits),
            (Self::Domain(name), None) => host == name || is_below(host, name),
            (Self::Subdomains(name), None) => is_below(host, name),
            _ => false,
        }
    }
}

/// Separates the port from a host. An IPv6 address with a port is in brackets.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let is_ipv6 = text.matches(':').count() > 1;
    match text.rsplit_once(':') {
        Some((host, port)) if host.ends_with(']') || !is_ipv6 => {
            Some((host, Some(port.parse().ok()?)))
        }
        _ => (!text.is_empty()).then_some((text, None)),
    }
}

/// Returns the address that `text` is, with or without brackets.
fn ip(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    bare.unwrap_or(text).parse().ok()
}

/// Returns `true` if `host` is a name below `domain`.
fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|labels| labels.ends_with('.'))
}

/// Returns `true` if the first `bits` of both are equal.
fn begins(address: IpAddr, net: IpAddr, bits: u32) -> bool {
    match (address, net) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (one.to_bits() ^ other.to_bits()).leading_zeros() >= bits
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            (one.to_bits() ^ other.to_bits()).leading_zeros() >= bits
        }
        _ => false,
    }
}
