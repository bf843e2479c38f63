//! The redirect step: sends a request, and those that follow its redirects.

use http::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, EXPECT,
    HOST, TRAILER,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use super::decode;
use super::hop::HopRequest;
use super::observe::{CallEvent, Trace, show};
use super::options::CallOptions;
use super::policy::{Decision, Hop, RedirectPolicy, Redirected};
use super::response::{self, ResponseExt};
use super::session;
use super::session::sources::SessionSources;
use super::url::{Scheme, Url};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};

/// The redirects of one call.
pub(super) struct Redirects<'a> {
    policy: &'a RedirectPolicy,
    context: Option<&'a Context>,
    /// The credentials and cookies of the hops, to be shown to the policy.
    sources: Option<&'a SessionSources>,
    /// The client can send to `https` URLs.
    encrypts: bool,
    /// The call, if it is observed.
    trace: Option<&'a Trace>,
    /// The redirects followed so far.
    history: Vec<Redirected>,
}

/// How a redirect changes the method (RFC 9110 section 15.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    /// The same method and body.
    Same,
    /// GET (or HEAD), without a body.
    AsGet,
}

/// A redirect that can be followed.
struct Followed {
    /// The URL of the response.
    from: Url,
    to: Url,
    repeat: Repeat,
    /// The body of the next request.
    body: Body,
}

/// The decision about a redirect that can be followed.
enum Step {
    /// It is followed. The response came from this URL.
    Followed(Url),
    /// Its response is the result of the call. The policy may have said why.
    Stopped(Option<Error>),
}

impl<'a> Redirects<'a> {
    pub(super) fn new(options: &'a CallOptions, encrypts: bool) -> Self {
        Self {
            policy: &options.redirects,
            context: options.context(),
            sources: options.session(),
            encrypts,
            trace: options.trace(),
            history: Vec::new(),
        }
    }

    /// Sends `hop` by `send`, then the requests that follow its redirects, and returns the last response.
    #[inline]
    pub(super) fn run<'h>(
        mut self,
        hop: &mut HopRequest<'h>,
        send: impl Fn(&mut HopRequest<'h>) -> Result<Response<Body>>,
    ) -> Result<Response<Body>> {
        let Some(limit) = self.policy.limit() else { return send(hop) };
        loop {
            let again = hop.body.try_clone();
            let response = send(hop)?;
            let followed = match self.next(hop, &response, again) {
                Ok(Some(followed)) => followed,
                Ok(None) => return Ok(self.finish(response, None)),
                Err(refusal) => return Ok(self.finish(response, Some(refusal))),
            };
            if self.history.len() >= limit as usize {
                return Err(self.too_many(limit, response));
            }
            match self.follow(hop, &response, followed)? {
                Step::Followed(from) => self.note(hop, response, from),
                Step::Stopped(refusal) => return Ok(self.finish(response, refusal)),
            }
        }
    }

    /// Returns the redirect that a response asks for, if there is one. `again` is the body, if it can be
    /// sent again.
    ///
    /// # Errors
    ///
    /// The reason why the redirect cannot be followed.
    fn next(
        &self,
        hop: &HopRequest<'_>,
        response: &Response<Body>,
        again: Option<Body>,
    ) -> Result<Option<Followed>> {
        let Some(repeat) = repeat(response.status(), &hop.parts.method) else { return Ok(None) };
        let from = responding_url(hop, response);
        let Some(to) = from.redirected(response.headers()).transpose()? else { return Ok(None) };
        let body = match (repeat, again) {
            (Repeat::AsGet, _) => Body::empty(),
            (Repeat::Same, Some(body)) => body,
            (Repeat::Same, None) => {
                let message = "the body cannot be sent again to follow the redirect";
                return Err(Error::message(ErrorKind::InvalidMessage, message));
            }
        };
        if to.scheme() == Scheme::Https && !self.encrypts {
            let message = "Location is https, in a build without TLS";
            return Err(Error::message(ErrorKind::InvalidRedirect, message));
        }
        self.policy.check(&from, &to)?;
        Ok(Some(Followed { from, to, repeat, body }))
    }

    /// Turns the hop into the one that follows the redirect, unless the policy stops there.
    fn follow(
        &self,
        hop: &mut HopRequest<'_>,
        response: &Response<Body>,
        followed: Followed,
    ) -> Result<Step> {
        let Followed { from, to, repeat, body } = followed;
        hop.merge_defaults();
        hop.state.follow(hop.url.is_same_origin(&to));
        turn(&mut hop.parts, &hop.url, &to, repeat);
        (hop.url, hop.body) = (to, body);
        match self.policy.is_custom() {
            true => self.consult(hop, response, from),
            false => Ok(Step::Followed(from)),
        }
    }

    /// Has the custom policy decide about the redirect, whose next request it may change.
    fn consult(
        &self,
        hop: &mut HopRequest<'_>,
        response: &Response<Body>,
        from: Url,
    ) -> Result<Step> {
        session::add(hop, self.sources);
        let shown = Hop { response, url: from.uri(), next: &hop.parts, history: &self.history };
        match self.policy.decide(&shown) {
            Decision::Follow => session::remove(hop),
            Decision::FollowAs(next) => {
                let before = std::mem::replace(&mut hop.parts, *next).headers;
                let Parts { headers, uri, .. } = &mut hop.parts;
                (hop.url, hop.state) =
                    session::rebind(headers, uri, &hop.url, &before, &hop.state)?;
                uri.clone_from(hop.url.uri());
                if let Err(refusal) = self.policy.check(&from, &hop.url) {
                    return Ok(Step::Stopped(Some(refusal)));
                }
            }
            Decision::Stop => return Ok(Step::Stopped(None)),
            Decision::Fail(error) => return Err(error),
        }
        Ok(Step::Followed(from))
    }

    /// Notes a redirect that is followed. The response is dropped, which settles its connection, most likely
    /// for the next request.
    fn note(&mut self, hop: &HopRequest<'_>, mut response: Response<Body>, from: Url) {
        show(self.trace, || {
            let (from, to, method) = (from.uri(), hop.url.uri(), &hop.parts.method);
            CallEvent::Redirected { status: response.status(), from, method, to }
        });
        let headers = std::mem::take(response.headers_mut());
        self.history.push(Redirected { status: response.status(), url: from.into_uri(), headers });
    }

    /// Returns the error of a call whose last response is one redirect too many.
    #[cold]
    fn too_many(self, limit: u32, response: Response<Body>) -> Error {
        let context = self.context;
        let mut response = self.finish(response, None);
        match decode::decode(&mut response, context) {
            Ok(()) => response::too_many_redirects(limit, response),
            Err(error) => error,
        }
    }

    /// Adds to the result of the call what this step knows of it.
    fn finish(self, mut response: Response<Body>, refusal: Option<Error>) -> Response<Body> {
        response::note_redirects(&mut response, self.history, refusal);
        response
    }
}

/// Returns the URL that has responded. A middleware may have led the hop there.
fn responding_url(hop: &HopRequest<'_>, response: &Response<Body>) -> Url {
    let elsewhere = response.url().filter(|uri| *uri != hop.url.uri());
    match elsewhere.map(|uri| Url::of_uri(uri.clone())) {
        Some(Ok(mut url)) => {
            url.inherit(&hop.url);
            url
        }
        _ => hop.url.clone(),
    }
}

/// Returns how a request of `method` is repeated after `status`; `None` if that is no redirect to follow.
fn repeat(status: StatusCode, method: &Method) -> Option<Repeat> {
    match status.as_u16() {
        // A tunnel leads to the host that was asked for, or to none.
        _ if *method == Method::CONNECT => None,
        303 if *method == Method::HEAD => Some(Repeat::Same),
        303 => Some(Repeat::AsGet),
        301 | 302 if *method == Method::POST => Some(Repeat::AsGet),
        301 | 302 | 307 | 308 => Some(Repeat::Same),
        _ => None,
    }
}

/// Turns the request for `from` into the one that follows the redirect to `to`.
fn turn(parts: &mut Parts, from: &Url, to: &Url, repeat: Repeat) {
    let headers = &mut parts.headers;
    headers.remove(HOST);
    if !from.is_same_origin(to) {
        session::remove_secrets(headers);
    }
    if repeat == Repeat::AsGet {
        parts.method = Method::GET;
        for name in [
            CONTENT_ENCODING,
            CONTENT_LANGUAGE,
            CONTENT_LENGTH,
            CONTENT_LOCATION,
            CONTENT_TYPE,
            EXPECT,
            TRAILER,
        ] {
            headers.remove(name);
        }
    }
    parts.uri = to.uri().clone();
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use http::header::{AUTHORIZATION, COOKIE};

    use super::*;

    #[test]
    fn t16_which_redirects_become_get() {
        use Repeat::{AsGet, Same};
        for (status, method, expected) in [
            (301, Method::GET, Some(Same)),
            (301, Method::POST, Some(AsGet)),
            (302, Method::POST, Some(AsGet)),
            (302, Method::PUT, Some(Same)),
            (303, Method::PUT, Some(AsGet)),
            (303, Method::HEAD, Some(Same)),
            (307, Method::POST, Some(Same)),
            (308, Method::DELETE, Some(Same)),
            (300, Method::GET, None),
            (304, Method::GET, None),
            (200, Method::GET, None),
            (307, Method::CONNECT, None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(repeat(status, &method), expected, "{status} {method}");
        }
    }

    fn request_to(uri: &str) -> http::request::Builder {
        http::Request::builder().uri(uri)
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn t16_secrets_stay_with_their_origin() {
        let from = "https://a.example/";
        let mut marked = http::HeaderValue::from_static("secret");
        marked.set_sensitive(true);
        let left = |to: &str| {
            let request = request_to(from)
                .header(AUTHORIZATION, "secret")
                .header(COOKIE, "secret")
                .header("x-token", "also")
                .header("x-token", &marked)
                .header("x-other", "kept");
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            turn(&mut parts, &url(from), &url(to), Repeat::Same);
            assert!(parts.headers.contains_key("x-other"));
            parts.headers.len()
        };
        assert_eq!(left("https://a.example/x"), 5);
        assert_eq!(left("https://A.example:443/x"), 5);
        for other in [
            "http://a.example/",
            "https://b.example/",
            "https://a.example:8443/",
            "http://a.example:443/",
            "https://a.example./",
            "https://x.a.example/",
        ] {
            assert_eq!(left(other), 1, "{other}");
        }
    }

    #[test]
    fn t16_a_get_carries_nothing_of_the_body_along() {
        let request = request_to("http://a/").method(Method::POST).header(CONTENT_TYPE, "x/y");
        let (mut parts, ()) = request.header(CONTENT_LENGTH, 5).body(()).unwrap().into_parts();
        turn(&mut parts, &url("http://a/"), &url("http://a/b"), Repeat::AsGet);
        assert_eq!(parts.method, Method::GET);
        assert!(parts.headers.is_empty());
    }
}
