//! Linux: any socket can look up the number of an interface.

use std::io;

use rustix::net::netdevice::name_to_index;
use socket2::{Domain, Socket, Type};

use super::no_interface;

pub(super) fn of_name(name: &str) -> io::Result<u32> {
    let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
    name_to_index(&socket, name).map_err(|_| no_interface(name))
}
