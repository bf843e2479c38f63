//! The interface between a client and its cookies.

use std::sync::Arc;

use http::{HeaderValue, Uri};

/// A store of cookies, shared by the calls of a client.
///
/// The client passes it the `Set-Cookie` fields of every response, responses that redirect and errors
/// included, and asks it for the cookies of every request. `CookieJar` is the store of this crate, with the
/// feature `cookies`.
///
/// Calls on several threads use a store at the same time.
///
/// ```
/// use hangup::Client;
/// use hangup::client::CookieStore;
/// use hangup::http::{HeaderValue, Uri};
///
/// /// Sends one cookie to one host, and ignores those of responses.
/// struct Fixed(HeaderValue);
///
/// impl CookieStore for Fixed {
///     fn store(&self, _: &Uri, _: &mut dyn Iterator<Item = &HeaderValue>) {}
///
///     fn cookies(&self, url: &Uri) -> Option<HeaderValue> {
///         (url.host() == Some("example.com")).then(|| self.0.clone())
///     }
/// }
///
/// let client = Client::builder().cookies(Fixed(HeaderValue::from_static("a=b"))).build();
/// # let _ = client;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store of cookies",
    note = "`CookieJar` is one, with the feature `cookies`; clones share their cookies"
)]
pub trait CookieStore: Send + Sync {
    /// Stores the cookies of a response to a request for `url`: the values of its `Set-Cookie` fields, in
    /// their order. The URL has neither user and password nor a fragment. Its host is in lower case.
    ///
    /// Runs on the thread that called `send`. It is not called for a response without the field, nor for
    /// a 1xx other than 101, nor for a response to CONNECT.
    fn store(&self, url: &Uri, set_cookie: &mut dyn Iterator<Item = &HeaderValue>);

    /// Returns the value of the `Cookie` field of a request for `url`; `None` if there are no cookies for it.
    ///
    /// Runs on the thread that called `send`.
    fn cookies(&self, url: &Uri) -> Option<HeaderValue>;
}

impl<S: CookieStore + ?Sized> CookieStore for Arc<S> {
    fn store(&self, url: &Uri, set_cookie: &mut dyn Iterator<Item = &HeaderValue>) {
        (**self).store(url, set_cookie);
    }

    fn cookies(&self, url: &Uri) -> Option<HeaderValue> {
        (**self).cookies(url)
    }
}
