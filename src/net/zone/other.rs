//! Other systems: the resolver knows the interfaces that have link-local addresses.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use super::no_interface;

pub(super) fn of_name(name: &str) -> io::Result<u32> {
    let found = (format!("fe80::%{name}"), 0).to_socket_addrs().ok().and_then(|mut all| all.next());
    match found {
        Some(SocketAddr::V6(address)) if address.scope_id() > 0 => Ok(address.scope_id()),
        _ => Err(no_interface(name)),
    }
}
