//! Which redirects a call follows.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Response, StatusCode, Uri};

use super::url::{Scheme, Url};
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};

/// How many redirects a call follows unless its policy says otherwise.
const DEFAULT_LIMIT: u32 = 10;

/// The redirects that a call follows: by default up to 10.
///
/// [`ClientBuilder::redirects`](super::ClientBuilder::redirects) sets the policy of a client,
/// [`RequestBuilder::redirects`](super::RequestBuilder::redirects) that of one call. Cloning is cheap.
///
/// The method follows RFC 9110 section 15.4: a 303 repeats the request as GET (or HEAD), 301 and 302
/// turn a POST into a GET, and 307 and 308 repeat the request as it was. Credentials never go to another
/// origin, whatever the policy is.
#[derive(Clone)]
pub struct RedirectPolicy(Rule);

#[derive(Clone)]
enum Rule {
    Never,
    Follow { limit: u32, schemes: Schemes, hosts: Hosts, decide: Option<Arc<Decide>> },
}

/// The schemes that redirects may lead to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Schemes {
    Any,
    /// `https`, and `http` from `http`.
    NeverWeaker,
}

/// The hosts that redirects may lead to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hosts {
    Any,
    Same,
}

type Decide = dyn Fn(&Hop<'_>) -> RedirectAction + Send + Sync;

impl RedirectPolicy {
    /// Creates a policy that follows at most `limit` redirects. Beyond, the call fails with
    /// [`ErrorKind::TooManyRedirects`](crate::ErrorKind::TooManyRedirects).
    #[must_use]
    pub fn limited(limit: u32) -> Self {
        Self(Rule::Follow { limit, schemes: Schemes::Any, hosts: Hosts::Any, decide: None })
    }

    /// Creates a policy that follows no redirect: the redirecting response is the result of the call.
    #[must_use]
    pub fn none() -> Self {
        Self(Rule::Never)
    }

    /// Creates a policy that follows at most 10 redirects, and none from `https` to `http`.
    ///
    /// A redirect that it refuses is the result of the call, and
    /// [`redirect_error`](super::ResponseExt::redirect_error) names the reason.
    ///
    /// ```
    /// use hangup::Client;
    /// use hangup::client::RedirectPolicy;
    ///
    /// let policy = RedirectPolicy::https_only().with_same_host().with_limit(3);
    /// let client = Client::builder().redirects(policy).build();
    /// # let _ = client;
    /// ```
    #[must_use]
    pub fn https_only() -> Self {
        Self::default().with_https_only()
    }

    /// Creates a policy that follows at most 10 redirects, and none to another host. The port and the scheme
    /// may change.
    ///
    /// A redirect that it refuses is the result of the call, and
    /// [`redirect_error`](super::ResponseExt::redirect_error) names the reason.
    #[must_use]
    pub fn same_host() -> Self {
        Self::default().with_same_host()
    }

    /// Creates a policy that calls `decide` for each redirect before it is followed. At most 10 are
    /// followed; [`with_limit`](Self::with_limit) sets another limit. A redirect beyond the limit fails the
    /// call without a call of `decide`.
    ///
    /// `decide` runs on the thread that called `send`, and only for redirects that can be followed: the
    /// URL is valid, and the body can be sent again if it has to be.
    ///
    /// ```no_run
    /// use hangup::Client;
    /// use hangup::client::{RedirectAction, RedirectPolicy};
    ///
    /// let only_get = RedirectPolicy::custom(|hop| match hop.next().method.as_str() {
    ///     "GET" => RedirectAction::follow(),
    ///     _ => RedirectAction::stop(),
    /// });
    /// let client = Client::builder().redirects(only_get).build();
    /// # let _ = client;
    /// ```
    #[must_use]
    pub fn custom(decide: impl Fn(&Hop<'_>) -> RedirectAction + Send + Sync + 'static) -> Self {
        let Self(mut rule) = Self::default();
        if let Rule::Follow { decide: current, .. } = &mut rule {
            *current = Some(Arc::new(decide));
        }
        Self(rule)
    }

    /// Sets how many redirects are followed. Has no effect on a policy that follows none.
    #[must_use]
    pub fn with_limit(mut self, limit: u32) -> Self {
        if let Rule::Follow { limit: current, .. } = &mut self.0 {
            *current = limit;
        }
        self
    }

    /// Refuses redirects from `https` to `http`, as [`https_only`](Self::https_only) does. A custom policy is
    /// not asked about them. Has no effect on a policy that follows none.
    #[must_use]
    pub fn with_https_only(mut self) -> Self {
        if let Rule::Follow { schemes, .. } = &mut self.0 {
            *schemes = Schemes::NeverWeaker;
        }
        self
    }

    /// Refuses redirects to another host, as [`same_host`](Self::same_host) does. A custom policy is not
    /// asked about them. Has no effect on a policy that follows none.
    #[must_use]
    pub fn with_same_host(mut self) -> Self {
        if let Rule::Follow { hosts, .. } = &mut self.0 {
            *hosts = Hosts::Same;
        }
        self
    }

    /// Checks that a redirect leads to a scheme and a host that are allowed.
    ///
    /// # Errors
    ///
    /// The reason why it is not followed.
    pub(super) fn check(&self, from: &Url, to: &Url) -> Result<()> {
        let Rule::Follow { schemes, hosts, .. } = self.0 else { return Ok(()) };
        let is_weaker = from.scheme() == Scheme::Https && to.scheme() == Scheme::Http;
        let rule = match (schemes, hosts) {
            (Schemes::NeverWeaker, _) if is_weaker => "from https to http",
            (_, Hosts::Same) if from.host() != to.host() => "to another host",
            _ => return Ok(()),
        };
        let to = to.authority();
        let message = format!("the policy forbids redirects {rule}: {to}");
        Err(Error::message(ErrorKind::InvalidRedirect, message))
    }

    /// Returns how many redirects are followed; `None` if the policy looks at none.
    pub(super) fn limit(&self) -> Option<u32> {
        match self.0 {
            Rule::Never => None,
            Rule::Follow { limit, .. } => Some(limit),
        }
    }

    /// Returns `true` if [`decide`](Self::decide) looks at the redirect.
    pub(super) fn is_custom(&self) -> bool {
        matches!(self.0, Rule::Follow { decide: Some(_), .. })
    }

    pub(super) fn decide(&self, hop: &Hop<'_>) -> Decision {
        match &self.0 {
            Rule::Never => Decision::Stop,
            Rule::Follow { decide: None, .. } => Decision::Follow,
            Rule::Follow { decide: Some(decide), .. } => decide(hop).0,
        }
    }
}

impl Default for RedirectPolicy {
    /// Creates a policy that follows at most 10 redirects.
    fn default() -> Self {
        Self::limited(DEFAULT_LIMIT)
    }
}

impl fmt::Debug for RedirectPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Rule::Never => f.write_str("RedirectPolicy::none()"),
            Rule::Follow { limit, schemes, hosts, decide } => {
                match decide {
                    None => write!(f, "RedirectPolicy::limited({limit})")?,
                    Some(_) => write!(f, "RedirectPolicy::custom(..).with_limit({limit})")?,
                }
                if *schemes == Schemes::NeverWeaker {
                    f.write_str(".with_https_only()")?;
                }
                if *hosts == Hosts::Same {
                    f.write_str(".with_same_host()")?;
                }
                Ok(())
            }
        }
    }
}

/// A redirect that a [custom policy](RedirectPolicy::custom) decides on.
pub struct Hop<'a> {
    pub(super) response: &'a Response<Body>,
    pub(super) url: &'a Uri,
    pub(super) next: &'a Parts,
    pub(super) history: &'a [Redirected],
}

impl<'a> Hop<'a> {
    /// Returns the redirecting response. Its body has not been read.
    pub fn response(&self) -> &'a Response<Body> {
        self.response
    }

    /// Returns the URL of the redirecting response.
    pub fn url(&self) -> &'a Uri {
        self.url
    }

    /// Returns the head of the next request as it will be sent: its method, its URL, and its headers,
    /// among them the client's default headers, and the credentials and cookies of the URL.
    pub fn next(&self) -> &'a Parts {
        self.next
    }

    /// Returns the redirects that this call has followed before this one, in their order.
    pub fn history(&self) -> &'a [Redirected] {
        self.history
    }
}

impl fmt::Debug for Hop<'_> {
    /// Omits the headers, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hop")
            .field("status", &self.response.status())
            .field("url", &self.url)
            .field("next", &self.next.uri)
            .finish_non_exhaustive()
    }
}

/// The decision of a [custom policy](RedirectPolicy::custom) about a redirect.
pub struct RedirectAction(Decision);

pub(super) enum Decision {
    Follow,
    FollowAs(Box<Parts>),
    Stop,
    Fail(Error),
}

impl RedirectAction {
    /// Follows the redirect.
    #[must_use]
    pub fn follow() -> Self {
        Self(Decision::Follow)
    }

    /// Follows the redirect with a changed request: a clone of [`Hop::next`].
    ///
    /// The URI is read as one that a caller gives: its user and password become the request's
    /// credentials. The limits on [schemes](RedirectPolicy::https_only) and
    /// [hosts](RedirectPolicy::same_host) hold for it as well. Within the origin, the credentials of the redirect stay. If the URI has another
    /// origin than [`Hop::next`], those credentials are removed that are as they were: the headers
    /// `Authorization`, `Cookie` and `Proxy-Authorization`, and all whose value is [marked as
    /// sensitive](http::HeaderValue::set_sensitive). A URI that is invalid fails the call.
    ///
    /// ```
    /// use hangup::client::{RedirectAction, RedirectPolicy};
    /// use hangup::http::HeaderValue;
    ///
    /// let policy = RedirectPolicy::custom(|hop| {
    ///     let mut next = hop.next().clone();
    ///     next.headers.insert("x-redirected", HeaderValue::from_static("yes"));
    ///     RedirectAction::follow_as(next)
    /// });
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn follow_as(next: Parts) -> Self {
        Self(Decision::FollowAs(Box::new(next)))
    }

    /// Ends the call with the redirecting response as its result.
    #[must_use]
    pub fn stop() -> Self {
        Self(Decision::Stop)
    }

    /// Fails the call with this error.
    #[must_use]
    pub fn fail(error: Error) -> Self {
        Self(Decision::Fail(error))
    }
}

impl fmt::Debug for RedirectAction {
    /// Omits the headers, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Decision::Follow => f.write_str("RedirectAction::follow()"),
            Decision::FollowAs(next) => {
                write!(f, "RedirectAction::follow_as({} {})", next.method, next.uri)
            }
            Decision::Stop => f.write_str("RedirectAction::stop()"),
            Decision::Fail(error) => write!(f, "RedirectAction::fail({error:?})"),
        }
    }
}

/// A redirect that a call has followed: the head of the response that redirected.
/// [`ResponseExt::history`](super::ResponseExt::history) returns those of a call.
#[derive(Clone)]
pub struct Redirected {
    pub(super) status: StatusCode,
    pub(super) url: Uri,
    pub(super) headers: HeaderMap,
}

impl Redirected {
    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the URL of the response's request, without user, password and fragment.
    #[must_use]
    pub fn url(&self) -> &Uri {
        &self.url
    }

    /// Returns the headers of the response.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

impl fmt::Debug for Redirected {
    /// Omits the headers, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redirected")
            .field("status", &self.status)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_policy_prints_as_it_is_made() {
        for (policy, expected) in [
            (RedirectPolicy::default(), "RedirectPolicy::limited(10)"),
            (RedirectPolicy::none().with_limit(3), "RedirectPolicy::none()"),
            (
                RedirectPolicy::custom(|_| RedirectAction::stop()).with_limit(3),
                "RedirectPolicy::custom(..).with_limit(3)",
            ),
            (
                RedirectPolicy::same_host().with_https_only(),
                "RedirectPolicy::limited(10).with_https_only().with_same_host()",
            ),
        ] {
            assert_eq!(format!("{policy:?}"), expected);
        }
    }
}
