//! A call: a request, and those that follow its redirects.

use std::time::Instant;

use http::header::{AUTHORIZATION, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, Uri};

use super::Shared;
use super::conn::Patience;
use super::fields::{DefaultFields, transfer_encoding};
use super::redirect::{self, RedirectPolicy, Repeat};
use super::response::{Facts, response, too_many_redirects, without_body};
use super::transport::Exchanged;
use super::url::{Scheme, Url};
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::net::tls::Connector;

pub(super) type OnRedirect<'a> = Box<dyn FnMut(&http::Response<Body>, &mut Parts) + Send + 'a>;

/// A call that is being made.
pub(super) struct Call<'a> {
    pub(super) shared: &'a Shared,
    /// The request as it is sent next. Its URI counts only where a callback sees it: `url` is sent.
    pub(super) parts: Parts,
    pub(super) url: Url,
    pub(super) patience: Patience,
    pub(super) redirects: RedirectPolicy,
    pub(super) connector: Option<&'a Connector>,
    pub(super) on_redirect: Option<OnRedirect<'a>>,
    pub(super) progress: Progress<'a>,
}

/// How far a call has come.
pub(super) struct Progress<'a> {
    begun: Instant,
    /// How many redirects were followed.
    followed: u32,
    /// The client's default fields, until a redirect has merged them into the request's own: secrets among
    /// them must not go to another origin either.
    defaults: Option<&'a DefaultFields>,
    authorization: Authorization,
}

/// Where the request's Authorization field comes from, if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Authorization {
    Caller,
    Url,
}

/// The next step after a response.
enum Next {
    /// It is the result. The error says why the redirect that it asks for is not followed.
    Return(Option<Error>),
    Follow(Url, Repeat),
}

impl<'a> Progress<'a> {
    pub(super) fn begin(defaults: &'a DefaultFields) -> Self {
        let begun = Instant::now();
        let defaults = Some(defaults);
        Self { begun, followed: 0, defaults, authorization: Authorization::Caller }
    }

    fn facts(&self, exchanged: &Exchanged, url: Uri) -> Facts {
        Facts::new(exchanged, url, self.followed, self.begun)
    }
}

impl Call<'_> {
    /// Sends the request, follows the redirects, and returns the last response.
    pub(super) fn make(mut self, mut body: Body) -> Result<http::Response<Body>> {
        self.authorize();
        loop {
            let again = match self.redirects {
                RedirectPolicy::Follow(_) => body.try_clone(),
                RedirectPolicy::Stop => None,
            };
            let exchanged = self.exchange(body)?;
            let (to, repeat) = match self.next(&exchanged, again.as_ref()) {
                Next::Follow(to, repeat) => (to, repeat),
                Next::Return(refused) => {
                    let facts = self.progress.facts(&exchanged, self.url.into_uri());
                    return Ok(response(exchanged.answer, facts.refused(refused)));
                }
            };
            if let RedirectPolicy::Follow(most) = self.redirects
                && self.progress.followed >= most
            {
                let facts = self.progress.facts(&exchanged, self.url.into_uri());
                return Err(too_many_redirects(most, response(exchanged.answer, facts)));
            }
            self.follow(&exchanged, to, repeat)?;
            // Settles the connection, most likely for the next request.
            drop(exchanged);
            body = match repeat {
                Repeat::AsGet => Body::empty(),
                Repeat::Same => again.unwrap_or_default(),
            };
        }
    }

    fn exchange(&self, body: Body) -> Result<Exchanged> {
        if self.parts.headers.contains_key(TRANSFER_ENCODING) {
            return Err(transfer_encoding());
        }
        let Self { shared, parts, url, patience, connector, progress, .. } = self;
        let none = DefaultFields::default();
        let defaults = progress.defaults.unwrap_or(&none);
        shared.transport.round_trip(parts, url, defaults, body, patience, *connector)
    }

    /// Decides what to do about a response. `again` is the body if it can be sent again.
    fn next(&self, exchanged: &Exchanged, again: Option<&Body>) -> Next {
        let head = &exchanged.answer.head;
        let repeat = match (self.redirects, redirect::repeat(head.status, &self.parts.method)) {
            (RedirectPolicy::Follow(_), Some(repeat)) => repeat,
            _ => return Next::Return(None),
        };
        let to = match redirect::location(&self.url, &head.headers) {
            None => return Next::Return(None),
            Some(Err(error)) => return Next::Return(Some(error)),
            Some(Ok(to)) => to,
        };
        let refusal = if repeat == Repeat::Same && again.is_none() {
            let message = "the body cannot be sent again to follow the redirect";
            Error::message(ErrorKind::InvalidMessage, message)
        } else if to.scheme() == Scheme::Https && self.connector.is_none() {
            let message = "Location is https, in a build without TLS";
            Error::message(ErrorKind::InvalidRedirect, message)
        } else {
            return Next::Follow(to, repeat);
        };
        Next::Return(Some(refusal))
    }

    /// Turns the request into the one that follows the redirect to `to`.
    fn follow(&mut self, exchanged: &Exchanged, to: Url, repeat: Repeat) -> Result<()> {
        let facts = self.progress.facts(exchanged, self.url.uri().clone());
        if let Some(defaults) = self.progress.defaults.take() {
            defaults.merge_into(&mut self.parts.headers);
        }
        self.deauthorize();
        redirect::follow(&mut self.parts, &self.url, &to, repeat);
        self.url = to;
        self.authorize();
        self.progress.followed += 1;
        let Some(mut callback) = self.on_redirect.take() else { return Ok(()) };
        let before = self.parts.headers.clone();
        callback(&without_body(exchanged, facts), &mut self.parts);
        self.on_redirect = Some(callback);
        if self.parts.headers.get(AUTHORIZATION) != before.get(AUTHORIZATION) {
            self.progress.authorization = Authorization::Caller;
        }
        if self.parts.uri != *self.url.uri() {
            self.divert(&before)?;
        }
        Ok(())
    }

    /// The callback has changed where the redirect leads. It saw the fields `before`.
    fn divert(&mut self, before: &HeaderMap) -> Result<()> {
        let mut to = Url::of_uri(self.parts.uri.clone())?;
        to.inherit(&self.url);
        let headers = &mut self.parts.headers;
        if !self.url.is_same_origin(&to) {
            redirect::remove_unchanged_secrets(headers, before);
        }
        self.deauthorize();
        self.parts.uri = to.uri().clone();
        self.url = to;
        self.authorize();
        Ok(())
    }

    /// Identifies by the user and password in the URL, unless the request does so by itself.
    fn authorize(&mut self) {
        let Some(value) = self.url.credentials() else { return };
        let by_default = self.progress.defaults.is_some_and(|fields| fields.sets(&AUTHORIZATION));
        if !by_default && !self.parts.headers.contains_key(AUTHORIZATION) {
            self.parts.headers.insert(AUTHORIZATION, value);
            self.progress.authorization = Authorization::Url;
        }
    }

    /// Takes back what `authorize` did.
    fn deauthorize(&mut self) {
        if self.progress.authorization == Authorization::Url {
            self.parts.headers.remove(AUTHORIZATION);
            self.progress.authorization = Authorization::Caller;
        }
    }
}
