//! Stands in for `socks` when that feature is off. Its types have no values.

use std::convert::Infallible;
use std::net::IpAddr;

use super::Credentials;
use super::error::ProxyFailure;
use super::negotiate::{Negotiation, Tunnel};
use super::refusal::Refusal;

/// A type without values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) struct Version(Infallible);

impl Version {
    /// Returns `None`.
    pub(super) fn of(_scheme: &str) -> Option<Self> {
        None
    }

    pub(super) fn name(self) -> &'static str {
        match self.0 {}
    }

    pub(in crate::client) fn resolves_at_proxy(self) -> bool {
        match self.0 {}
    }

    pub(in crate::client) fn knows_ipv6(self) -> bool {
        match self.0 {}
    }
}

#[allow(dead_code, reason = "only a handshake reads its fields")]
pub(in crate::client) enum Host {
    Ip(IpAddr),
    Name(String),
}

/// A type without values.
pub(in crate::client) struct Handshake(Infallible);

impl Handshake {
    pub(in crate::client) fn new(
        version: Version,
        _credentials: Option<&Credentials>,
        _host: Host,
        _port: u16,
    ) -> Result<Self, Refusal> {
        match version.0 {}
    }
}

impl Negotiation for Handshake {
    const FAILURE: ProxyFailure = ProxyFailure::Socks;

    fn advance(&mut self, _input: &[u8], _out: &mut Vec<u8>) -> Result<(usize, Tunnel), Refusal> {
        match self.0 {}
    }
}
