//! Which proxy a request takes.

use std::fmt;
use std::sync::Arc;

use http::Uri;

use super::Proxy;
use super::env::Environment;
use super::no_proxy::NoProxy;
use crate::client::url::Url;
use crate::error::Result;

/// The proxies that requests take. By default a client takes those of the [environment](Self::from_env).
///
/// [`ClientBuilder::proxy`](crate::client::ClientBuilder::proxy) sets the policy of a client,
/// [`RequestBuilder::proxy`](crate::client::RequestBuilder::proxy) that of one call. The policy decides once
/// for each hop of a call, so a redirect may lead to another proxy, or to none. Cloning is cheap.
///
/// Loopback addresses take a proxy like any other host. Connections to a
/// [Unix socket](crate::client::ClientBuilder::unix_socket) take none.
#[derive(Clone)]
pub struct ProxyPolicy {
    rule: Rule,
    /// Replaces the list of the environment.
    no_proxy: Option<Arc<NoProxy>>,
    /// Changes the proxies that the rule chooses.
    change: Option<Arc<Change>>,
}

#[derive(Clone)]
enum Rule {
    None,
    All(Proxy),
    Environment(Arc<Environment>),
    Custom(Arc<Choose>),
}

type Choose = dyn Fn(&Uri) -> Option<Proxy> + Send + Sync;
type Change = dyn Fn(Proxy) -> Proxy + Send + Sync;

impl ProxyPolicy {
    /// Creates a policy by which no request takes a proxy.
    #[must_use]
    pub fn none() -> Self {
        Self::of(Rule::None)
    }

    /// Creates a policy by which every request takes `proxy`.
    #[must_use]
    pub fn all(proxy: Proxy) -> Self {
        Self::of(Rule::All(proxy))
    }

    /// Creates a policy from the environment variables of this process, which are read now.
    ///
    /// | URLs | the first of these variables that is set and not empty |
    /// | --- | --- |
    /// | `http` | `http_proxy`, `all_proxy`, `ALL_PROXY` |
    /// | `https` | `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY` |
    ///
    /// The values are URLs as for [`Proxy::new`]. `no_proxy`, or `NO_PROXY`, lists the hosts that take no
    /// proxy, as [`with_no_proxy`](Self::with_no_proxy) does.
    ///
    /// `HTTP_PROXY` in upper case is ignored, as curl ignores it: in a CGI program, a client can set it by
    /// the header `Proxy`. Windows does not distinguish the two names. There, a CGI program, which is a
    /// process with the variable `REQUEST_METHOD`, ignores both.
    ///
    /// An invalid value is an error of each call that would use it. The error has the kind
    /// [`InvalidUrl`](crate::ErrorKind::InvalidUrl) or
    /// [`UnsupportedScheme`](crate::ErrorKind::UnsupportedScheme), and its text names the variable.
    #[must_use]
    pub fn from_env() -> Self {
        Self::of_environment(Environment::read(|name| std::env::var_os(name)))
    }

    fn of(rule: Rule) -> Self {
        Self { rule, no_proxy: None, change: None }
    }

    fn of_environment(environment: Environment) -> Self {
        match environment.is_empty() {
            true => Self::none(),
            false => Self::of(Rule::Environment(Arc::new(environment))),
        }
    }

    /// Creates a policy that calls `choose` with the URL of each request. `None` is no proxy.
    ///
    /// `choose` runs on the thread that called `send`. The URL has no user and no password.
    ///
    /// ```
    /// use hangup::Client;
    /// use hangup::client::{Proxy, ProxyPolicy};
    ///
    /// let proxy = Proxy::new("proxy.example:3128")?;
    /// let policy = ProxyPolicy::custom(move |url| match url.host() {
    ///     Some(host) if host.ends_with(".onion") => Some(proxy.clone()),
    ///     _ => None,
    /// });
    /// let client = Client::builder().proxy(policy).build();
    /// # let _ = client;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    #[must_use]
    pub fn custom(choose: impl Fn(&Uri) -> Option<Proxy> + Send + Sync + 'static) -> Self {
        Self::of(Rule::Custom(Arc::new(choose)))
    }

    /// Sets the hosts that take no proxy, in place of those of the environment. Commas or white space
    /// separate the entries:
    ///
    /// | entry | hosts |
    /// | --- | --- |
    /// | `*` | all |
    /// | `example.com`, `.example.com` | `example.com` and all names below it |
    /// | `*.example.com` | all names below `example.com` |
    /// | `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]` | the address |
    /// | `10.0.0.0/8`, `fd00::/8` | the addresses of the network |
    ///
    /// All but networks may be followed by a port, `example.com:8080`, and then cover that port only. Case
    /// and a dot at the end do not matter. Names are compared as they stand in the URL and are not resolved.
    /// An entry that is none of these is ignored. An empty list covers no host. curl differs in two points:
    /// it takes `*` only for a whole list, and has no `*.example.com`.
    #[must_use]
    pub fn with_no_proxy(mut self, list: impl AsRef<str>) -> Self {
        self.no_proxy = Some(Arc::new(NoProxy::parse(list.as_ref())));
        self
    }

    /// Changes each proxy of the policy by `change`, which runs whenever a request takes one. It is for
    /// options that the environment cannot set. A second call replaces the first.
    ///
    /// ```
    /// use hangup::client::{Proxy, ProxyPolicy};
    ///
    /// let policy = ProxyPolicy::from_env().with_change(|proxy| proxy.tunnel_all(true));
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn with_change(mut self, change: impl Fn(Proxy) -> Proxy + Send + Sync + 'static) -> Self {
        self.change = Some(Arc::new(change));
        self
    }

    /// Returns the proxy that a request for `url` takes.
    ///
    /// ```
    /// use hangup::client::{Proxy, ProxyPolicy};
    ///
    /// let policy = ProxyPolicy::all(Proxy::new("proxy.example:3128")?).with_no_proxy("localhost");
    /// assert!(policy.proxy_for("http://localhost:8080/")?.is_none());
    /// let proxy = policy.proxy_for("http://example.com/")?.unwrap();
    /// assert_eq!(proxy.address(), "proxy.example:3128");
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `url` is invalid, or the environment variable that names its proxy is.
    pub fn proxy_for(&self, url: impl crate::client::IntoUrl) -> Result<Option<Proxy>> {
        self.choose(&url.into_url()?)
    }

    pub(in crate::client) fn choose(&self, url: &Url) -> Result<Option<Proxy>> {
        let listed = match (&self.no_proxy, &self.rule) {
            (Some(list), _) => list.covers(url),
            (None, Rule::Environment(environment)) => environment.no_proxy.covers(url),
            (None, _) => false,
        };
        if listed {
            return Ok(None);
        }
        let chosen = match &self.rule {
            Rule::None => None,
            Rule::All(proxy) => Some(proxy.clone()),
            Rule::Environment(environment) => environment.proxy_for(url.scheme())?.cloned(),
            Rule::Custom(choose) => choose(url.uri()),
        };
        Ok(match &self.change {
            Some(change) => chosen.map(|proxy| change(proxy)),
            None => chosen,
        })
    }

    /// Returns the policy, or `None` if by it no request takes a proxy.
    pub(in crate::client) fn if_any(self) -> Option<Self> {
        match self.rule {
            Rule::None => None,
            _ => Some(self),
        }
    }
}

impl Default for ProxyPolicy {
    /// Creates a policy from the [environment](Self::from_env).
    fn default() -> Self {
        Self::from_env()
    }
}

impl From<Proxy> for ProxyPolicy {
    /// Creates a policy by which [every](Self::all) request takes the proxy.
    fn from(proxy: Proxy) -> Self {
        Self::all(proxy)
    }
}

impl fmt::Debug for ProxyPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Rule::None => f.write_str("ProxyPolicy::none()")?,
            Rule::All(proxy) => write!(f, "ProxyPolicy::all({proxy:?})")?,
            Rule::Environment(_) => f.write_str("ProxyPolicy::from_env()")?,
            Rule::Custom(_) => f.write_str("ProxyPolicy::custom(..)")?,
        }
        if self.no_proxy.is_some() {
            f.write_str(".with_no_proxy(..)")?;
        }
        match self.change {
            Some(_) => f.write_str(".with_change(..)"),
            None => Ok(()),
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
