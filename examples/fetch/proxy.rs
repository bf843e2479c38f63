//! The proxy of `-x` and of the environment.

use hangup::ErrorKind;
use hangup::client::{Proxy, ProxyPolicy};

use crate::failure::{Failure, NOT_CONNECTED, PROXY_NOT_RESOLVED};
use crate::options::{Network, ProxyChoice};
use crate::tls;

/// Returns the proxies that an operation's requests take.
pub(crate) fn policy(network: &Network) -> Result<ProxyPolicy, Failure> {
    let policy = match &network.proxy {
        ProxyChoice::None => return Ok(ProxyPolicy::none()),
        ProxyChoice::Environment if network.is_plain() => ProxyPolicy::from_env(),
        ProxyChoice::Environment => from_env(network.clone())?,
        ProxyChoice::Url(url) => {
            let proxy = Proxy::new(url).map_err(|error| match error.kind() {
                ErrorKind::UnsupportedScheme => Failure::new(NOT_CONNECTED, error),
                _ => Failure::new(PROXY_NOT_RESOLVED, error),
            })?;
            let all = ProxyPolicy::all(configured(proxy, network)?);
            // NO_PROXY of the environment also concerns the proxy of the command line.
            match network.no_proxy.clone().or_else(no_proxy_of_env) {
                Some(list) => return Ok(all.with_no_proxy(list)),
                None => all,
            }
        }
    };
    Ok(match &network.no_proxy {
        Some(list) => policy.with_no_proxy(list),
        None => policy,
    })
}

/// Returns the proxies of the environment, with the options of the command line.
fn from_env(network: Network) -> Result<ProxyPolicy, Failure> {
    // The files of the options are read once, so that their errors are reported.
    tls::proxy_connector(&network)?;
    Ok(ProxyPolicy::from_env()
        .with_change(move |proxy| configured(proxy.clone(), &network).unwrap_or(proxy)))
}

fn configured(proxy: Proxy, network: &Network) -> Result<Proxy, Failure> {
    let mut proxy = proxy.tunnel_all(network.tunnel);
    if let Some(login) = &network.proxy_user {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        proxy = proxy.basic_auth(user, password);
    }
    tls::secure_proxy(proxy, network)
}

fn no_proxy_of_env() -> Option<String> {
    let value = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    value("no_proxy").or_else(|| value("NO_PROXY"))
}

impl Network {
    /// Returns `true` if no option changes the proxies of the environment.
    fn is_plain(&self) -> bool {
        !self.tunnel
            && self.proxy_user.is_none()
            && !self.proxy_insecure
            && self.proxy_roots.is_none()
    }
}
