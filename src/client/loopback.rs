//! Hosts that are this machine.

use std::net::IpAddr;

/// Returns `true` for the name `localhost` and for loopback addresses. Data for them never
/// leaves the machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}
