//! The origins whose pages may connect (RFC 6455 section 10.2).

use http::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use http::uri::{Authority, Scheme};
use http::{StatusCode, Uri};

use super::handshake::only;
use crate::{Error, Request, RequestExt, Result};

/// How the browser sees the page and the server: `same-origin`, `same-site`, `cross-site` or `none`. Pages
/// cannot set it. Browsers send it to trustworthy origins only.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origins that may connect.
#[derive(Clone, Debug)]
pub(super) enum Origins {
    /// The same origin, and these.
    Only(Vec<Origin>),
    Any,
}

impl Default for Origins {
    fn default() -> Self {
        Self::Only(Vec::new())
    }
}

impl Origins {
    /// Adds origins.
    pub(super) fn allow<I>(&mut self, origins: I)
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let Self::Only(allowed) = self else { return };
        for origin in origins {
            let text = origin.as_ref();
            let origin = Origin::parse(text);
            allowed.push(origin.unwrap_or_else(|| panic!("{text:?} is not an origin")));
        }
    }

    /// Returns an error of the status 403 if the page that made the request may not connect.
    pub(super) fn check(&self, request: &Request) -> Result<()> {
        let Self::Only(allowed) = self else { return Ok(()) };
        let headers = request.headers();
        if !headers.contains_key(ORIGIN) || is_same_by_browser(headers) {
            return Ok(());
        }
        let origin = only(headers, &ORIGIN).and_then(|origin| Origin::parse(origin.to_str().ok()?));
        match origin {
            Some(origin) if origin.is_of(request) || allowed.contains(&origin) => Ok(()),
            _ => Err(Error::status(StatusCode::FORBIDDEN, "pages of this origin may not connect")),
        }
    }
}

/// Returns `true` if the browser says that page and server are of one origin.
fn is_same_by_browser(headers: &HeaderMap) -> bool {
    only(headers, &SEC_FETCH_SITE).is_some_and(|site| site == "same-origin")
}

/// An origin (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: Scheme,
    /// In lower case.
    host: String,
    /// `None` for an unknown scheme without a port.
    port: Option<u16>,
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = Scheme::try_from(scheme.to_ascii_lowercase().as_str()).ok()?;
        Self::new(scheme, authority)
    }

    fn new(scheme: Scheme, authority: &str) -> Option<Self> {
        let authority: Authority = authority.parse().ok()?;
        let default = match scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        let port = authority.port_u16().or(default);
        // The parser accepts user names, and ports that are no numbers.
        let is_plain = !authority.as_str().contains('@')
            && (authority.port().is_some() || authority.as_str() == authority.host());
        let host = authority.host().to_ascii_lowercase();
        (is_plain && !host.is_empty()).then_some(Self { scheme, host, port })
    }

    /// Returns `true` if it is the origin of `request` itself. A request without TLS may have come to a
    /// proxy over HTTPS, so then both schemes are accepted.
    fn is_of(&self, request: &Request) -> bool {
        let is_web =
            self.scheme == Scheme::HTTPS || (self.scheme == Scheme::HTTP && !request.is_https());
        let host = authority(request).and_then(|host| Self::new(self.scheme.clone(), host));
        is_web && host.is_some_and(|host| host == *self)
    }
}

/// Returns the authority of the request: that of its target, or of its Host field.
fn authority(request: &Request) -> Option<&str> {
    let of_target = Uri::authority(request.uri()).map(Authority::as_str);
    of_target.or_else(|| {
        only(request.headers(), &HOST).and_then(|host: &HeaderValue| host.to_str().ok())
    })
}
