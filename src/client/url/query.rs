//! Appending to the query of a URL.

use std::fmt::Display;

use http::Uri;

use super::Url;
use super::fault::Fault;
use crate::body::push_pair;
use crate::error::Result;

impl Url {
    /// Appends pairs to the query, form-urlencoded.
    ///
    /// # Errors
    ///
    /// The URL becomes too long, or is the server as a whole (`*`), or a value cannot be displayed. The URL
    /// is as before then.
    pub(in crate::client) fn append_query<I, K, V>(&mut self, pairs: I) -> Result<()>
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<str>,
        V: Display,
    {
        let mut query = self.uri.query().unwrap_or_default().to_owned();
        let length = query.len();
        for (name, value) in pairs {
            push_pair(&mut query, name.as_ref(), &value)?;
        }
        if query.len() == length {
            return Ok(());
        }
        let fault = |fault: Fault| fault.of_caller(self.uri.to_string().as_bytes());
        if self.target() == "*" {
            return Err(fault(Fault::NoPlaceForQuery));
        }
        let (authority, path) = (self.authority(), self.uri.path());
        let text = format!("{}://{authority}{path}?{query}", self.scheme.name());
        self.uri = Uri::try_from(text).map_err(|_| fault(Fault::TooLong))?;
        Ok(())
    }
}
