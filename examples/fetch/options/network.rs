//! The way to the server: addresses and proxies.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::options::Given;
use crate::support::Usage;

#[derive(Clone, Default)]
pub(crate) struct Network {
    pub(crate) unix_socket: Option<PathBuf>,
    pub(crate) resolve: Vec<Pinned>,
    pub(crate) family: Family,
    pub(crate) proxy: ProxyChoice,
    pub(crate) proxy_user: Option<String>,
    pub(crate) no_proxy: Option<String>,
    /// `-p`: a CONNECT for every URL.
    pub(crate) tunnel: bool,
    pub(crate) proxy_insecure: bool,
    pub(crate) proxy_roots: Option<PathBuf>,
}

/// `--resolve HOST:PORT:ADDRESS[,ADDRESS]`; the host may be `*`.
#[derive(Clone)]
pub(crate) struct Pinned {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) addresses: Vec<IpAddr>,
}

/// The addresses that are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Family {
    #[default]
    Any,
    V4,
    V6,
}

/// The proxy.
#[derive(Clone, Debug, Default)]
pub(crate) enum ProxyChoice {
    /// The proxies of the environment.
    #[default]
    Environment,
    /// `-x ''`
    None,
    /// A URL whose scheme may be missing.
    Url(String),
}

impl Network {
    /// Takes the option and returns `true` if it is one of these.
    pub(super) fn take(&mut self, given: &Given) -> Result<bool, Usage> {
        match given.name {
            "unix-socket" => self.unix_socket = Some(given.path()),
            "resolve" => self.pin(given)?,
            "ipv4" => self.family = Family::V4,
            "ipv6" => self.family = Family::V6,
            "proxy" => {
                let url = given.text()?;
                let none = url.is_empty();
                self.proxy = if none { ProxyChoice::None } else { ProxyChoice::Url(url) };
            }
            "socks5" => self.proxy = ProxyChoice::Url(format!("socks5://{}", given.text()?)),
            "socks5-hostname" => {
                self.proxy = ProxyChoice::Url(format!("socks5h://{}", given.text()?));
            }
            "proxy-user" => self.proxy_user = Some(given.text()?),
            "noproxy" => self.no_proxy = Some(given.text()?),
            "proxytunnel" => self.tunnel = given.on(),
            "proxy-insecure" => self.proxy_insecure = given.on(),
            "proxy-cacert" => self.proxy_roots = Some(given.path()),
            // Basic is the only scheme.
            "proxy-basic" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Adds an entry of `--resolve`. `-HOST:PORT` removes one.
    fn pin(&mut self, given: &Given) -> Result<(), Usage> {
        let text = given.text()?;
        let bad = || given.bad("not HOST:PORT:ADDRESS");
        match text.strip_prefix('-') {
            Some(removed) => {
                let (host, port) = removed.split_once(':').ok_or_else(bad)?;
                let port: u16 = port.parse().map_err(|_| bad())?;
                self.resolve.retain(|pin| !(pin.host == host && pin.port == port));
            }
            None => self.resolve.push(text.parse().map_err(|()| bad())?),
        }
        Ok(())
    }
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
