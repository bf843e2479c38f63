//! Host names with addresses from the command line, and the family of addresses.

use std::net::SocketAddr;

use hangup::Context;
use hangup::net::{Resolve, Resolver};

use crate::options::{Family, Network};

/// Returns a resolver for `--resolve`, `-4` and `-6`. The system resolves all other names.
pub(crate) fn resolver(network: &Network) -> Option<impl Resolve + use<>> {
    let (pinned, family) = (network.resolve.clone(), network.family);
    if pinned.is_empty() && family == Family::Any {
        return None;
    }
    let system = Resolver::system();
    Some(move |host: &str, port: u16, context: &Context| {
        let fits = |pin: &&crate::options::Pinned| {
            (pin.host == host || pin.host == "*") && pin.port == port
        };
        let found = match pinned.iter().rev().find(fits) {
            Some(pin) => {
                pin.addresses.iter().map(|address| SocketAddr::new(*address, port)).collect()
            }
            None => system.resolve(host, port, context)?,
        };
        Ok(found.into_iter().filter(|addr: &SocketAddr| family.has(addr)).collect())
    })
}

impl Family {
    fn has(self, addr: &SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => addr.is_ipv4(),
            Self::V6 => addr.is_ipv6(),
        }
    }
}
