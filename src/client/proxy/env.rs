//! The proxies of the environment variables, as curl reads them.

use std::ffi::OsString;

use super::Proxy;
use super::no_proxy::NoProxy;
use crate::client::url::Scheme;
use crate::error::Result;

/// The proxies that the environment names.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    http: Option<Result<Proxy>>,
    https: Option<Result<Proxy>>,
    pub(super) no_proxy: NoProxy,
}

/// `http_proxy` is read in lower case only: a CGI program has the client's header `Proxy` in `HTTP_PROXY`.
/// On Windows, where the names have no case, a CGI program does not read it at all.
const HTTP: [&str; 3] = ["http_proxy", "all_proxy", "ALL_PROXY"];
const HTTPS: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const NO_PROXY: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// True if `http_proxy` and `HTTP_PROXY` are two variables.
const NAMES_HAVE_CASE: bool = cfg!(not(windows));

impl Environment {
    /// Reads the variables by `look_up`, which returns the value of a variable.
    pub(super) fn read(look_up: impl Fn(&str) -> Option<OsString>) -> Self {
        Self::read_where(NAMES_HAVE_CASE, look_up)
    }

    /// As [`read`](Self::read), on a system where the names have case or not.
    pub(super) fn read_where(
        names_have_case: bool,
        look_up: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let first = |names: &[&'static str]| {
            // An empty variable counts as one that is not set.
            let set = |name| look_up(name).filter(|value| !value.is_empty());
            names.iter().find_map(|name| Some((*name, set(name)?)))
        };
        let proxy = |names| first(names).map(|(name, value)| parse(name, &value.to_string_lossy()));
        let http = match names_have_case || look_up("REQUEST_METHOD").is_none() {
            true => &HTTP[..],
            false => &HTTP[1..],
        };
        let no_proxy = first(&NO_PROXY).map(|(_, value)| NoProxy::parse(&value.to_string_lossy()));
        Self { http: proxy(http), https: proxy(&HTTPS), no_proxy: no_proxy.unwrap_or_default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    /// Returns the proxy for the URLs of a scheme, or why its variable is invalid.
    pub(super) fn proxy_for(&self, scheme: Scheme) -> Result<Option<&Proxy>> {
        let proxy = match scheme {
            Scheme::Http => &self.http,
            Scheme::Https => &self.https,
        };
        match proxy {
            None => Ok(None),
            Some(Ok(proxy)) => Ok(Some(proxy)),
            Some(Err(error)) => Err(error.clone()),
        }
    }
}

fn parse(name: &str, value: &str) -> Result<Proxy> {
    Proxy::parse(value, &format!("in the environment variable {name}"))
}
