//! How a client reaches a listener.

use crate::net::{Addr, Target};

/// Returns the target that leads to a listener at `addr`.
pub(super) fn target_of(addr: &Addr) -> Target {
    match addr {
        Addr::Unix(Some(path)) => Target::Unix(path.clone()),
        Addr::Ip(addr) => Target::host(addr.ip().to_string(), addr.port()),
        other => panic!("no client can connect to {other}"),
    }
}
