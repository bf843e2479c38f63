//! The query and the form of a request.

use std::fmt::Display;

use super::request::RequestBuilder;
use crate::body::Body;

impl RequestBuilder {
    /// Appends a pair to the URL's query, encoded as forms are: UTF-8, a space as `+`.
    ///
    /// The query that the URL has stays as it is. Each call appends another pair, also one of the same name.
    ///
    /// ```no_run
    /// # let client = hangup::Client::new();
    /// let search = client.get("https://example.com/search?lang=de");
    /// let response = search.query("q", "a & b").query("page", 2).send()?;
    /// // The request line is `GET /search?lang=de&q=a+%26+b&page=2 HTTP/1.1`.
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn query(self, name: impl AsRef<str>, value: impl Display) -> Self {
        self.query_pairs([(name, value)])
    }

    /// Appends pairs to the URL's query, each as [`query`](Self::query) does.
    ///
    /// ```no_run
    /// # let client = hangup::Client::new();
    /// let filter = [("state", "open"), ("label", "bug"), ("label", "client")];
    /// let response = client.get("https://example.com/issues").query_pairs(filter).send()?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn query_pairs<I, K, V>(mut self, pairs: I) -> Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<str>,
        V: Display,
    {
        if let Ok(url) = &mut self.url {
            if let Err(error) = url.append_query(pairs) {
                self.fail(error);
            }
        }
        self
    }

    /// Sets the body to a form of these pairs, `application/x-www-form-urlencoded`.
    ///
    /// The request gets that Content-Type unless it has one, whether it was set before or after.
    ///
    /// ```no_run
    /// # let client = hangup::Client::new();
    /// let login = [("user", "anna"), ("password", "secret")];
    /// let response = client.post("https://example.com/login").form(login).send()?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn form<I, K, V>(mut self, pairs: I) -> Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<str>,
        V: Display,
    {
        match Body::try_form(pairs) {
            Ok(body) => self.body = body,
            Err(error) => self.fail(error),
        }
        self
    }
}
