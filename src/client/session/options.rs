//! The options of a client and of a call that concern its session.

use std::sync::Arc;

use crate::client::builder::ClientBuilder;
use crate::client::cookie_store::CookieStore;
use crate::client::netrc::Netrc;
use crate::client::request::RequestBuilder;

impl ClientBuilder {
    /// Sets the store of the client's cookies. Without one, `Set-Cookie` fields are not interpreted.
    ///
    /// Each response's cookies are stored, those of redirects and errors included. Each request has the
    /// cookies of its URL: a redirect gets those of its target. If the request has a `Cookie` field
    /// itself, the cookies of the store are put in front of it, in the same field. A cookie
    /// of the request stays with its origin, as [`RequestBuilder::send`] describes.
    ///
    /// `CookieJar`, with the feature `cookies`, is a store by RFC 6265bis. Its clones share their cookies.
    ///
    /// ```
    /// # #[cfg(feature = "cookies")] {
    /// use hangup::Client;
    /// use hangup::client::CookieJar;
    ///
    /// let jar = CookieJar::new();
    /// let client = Client::builder().cookies(jar.clone()).build();
    /// // ... requests ...
    /// for cookie in jar.snapshot() {
    ///     println!("{}: {}", cookie.domain(), cookie.name());
    /// }
    /// # let _ = client;
    /// # }
    /// ```
    pub fn cookies(mut self, store: impl CookieStore + 'static) -> Self {
        self.defaults.options.extras_mut().session.cookies = Some(Arc::new(store));
        self
    }

    /// Sets the passwords by host, for requests without an `Authorization` header and without a password in
    /// their URL. None by default.
    ///
    /// They are sent as Basic credentials (RFC 7617), without waiting for a 401. A user in the URL
    /// selects the entry of that login.
    ///
    /// The entry is looked up anew for each hop. After a redirect to another origin, only an entry of the
    /// new host is used, never the default entry, and only over `https` or to this machine. Otherwise a
    /// server could choose the hosts that get a password, and have it sent in the clear.
    ///
    /// ```no_run
    /// use hangup::Client;
    /// use hangup::client::Netrc;
    ///
    /// let client = Client::builder().netrc(Netrc::from_home()?).build();
    /// let response = client.get("https://example.com/").send()?;
    /// # let _ = response;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn netrc(mut self, netrc: Netrc) -> Self {
        self.defaults.options.extras_mut().session.netrc = Some(Arc::new(netrc));
        self
    }
}

impl RequestBuilder {
    /// Sets the store of this call's cookies, overriding the [client's](ClientBuilder::cookies).
    pub fn cookies(mut self, store: impl CookieStore + 'static) -> Self {
        self.options.extras_mut().session.cookies = Some(Arc::new(store));
        self
    }

    /// Sends this call without the cookies of the [client's store](ClientBuilder::cookies), and stores none.
    pub fn no_cookies(mut self) -> Self {
        self.options.extras_mut().session.cookies = None;
        self
    }

    /// Sets the passwords by host for this call, overriding the [client's](ClientBuilder::netrc). `None`
    /// uses none.
    pub fn netrc(mut self, netrc: impl Into<Option<Netrc>>) -> Self {
        self.options.extras_mut().session.netrc = netrc.into().map(Arc::new);
        self
    }
}
