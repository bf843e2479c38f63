//! Host names with addresses from the command line.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use hangup::Context;
use hangup::net::{Resolve, Resolver};

/// `--resolve HOST:PORT:ADDRESS[,ADDRESS]`; the host may be `*`.
#[derive(Clone)]
pub(crate) struct Pinned {
    host: String,
    port: u16,
    addresses: Vec<IpAddr>,
}

impl FromStr for Pinned {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.trim_start_matches('+').splitn(3, ':');
        let mut next = || parts.next().ok_or(());
        let (host, port, addresses) = (next()?, next()?, next()?);
        let address = |text: &str| text.trim_matches(['[', ']']).parse().map_err(drop);
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port: port.parse().map_err(drop)?,
            addresses: addresses.split(',').map(address).collect::<Result<_, ()>>()?,
        })
    }
}

/// Returns the addresses of `--resolve` for its names. The system resolves all others.
pub(crate) fn resolver(pinned: Vec<Pinned>) -> impl Resolve {
    let system = Resolver::system();
    move |host: &str, port: u16, context: &Context| {
        let fits = |pin: &&Pinned| (pin.host == host || pin.host == "*") && pin.port == port;
        match pinned.iter().rev().find(fits) {
            Some(pin) => {
                Ok(pin.addresses.iter().map(|address| SocketAddr::new(*address, port)).collect())
            }
            None => system.resolve(host, port, context),
        }
    }
}
