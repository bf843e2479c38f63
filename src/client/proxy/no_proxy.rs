//! The hosts that no proxy is used for.

use std::net::IpAddr;

use crate::client::url::Url;
use crate::net::Network;

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
    Net(Network),
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
        if text.contains('/') {
            return Some(Self { hosts: Hosts::Net(text.parse().ok()?), port: None });
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
        if let Ok(network) = host.parse() {
            return Some(Self::Net(network));
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

    /// Returns `true` if `host` is one of these. `address` is its address, if it is one.
    fn contain(&self, host: &str, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::All, _) => true,
            (Self::Net(network), Some(address)) => network.contains(address),
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

/// Returns `true` if `host` is a name below `domain`.
fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|labels| labels.ends_with('.'))
}
