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

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use std::fmt;

    use super::*;
    use crate::error::ErrorKind;

    fn appended(url: &str, pairs: &[(&str, &str)]) -> Url {
        let mut url = Url::parse(url).unwrap();
        url.append_query(pairs.iter().copied()).unwrap();
        url
    }

    #[test]
    fn c02_pairs_are_appended_to_the_query_that_is_there() {
        for (url, pairs, expected) in [
            ("http://a", &[("b", "c")][..], "http://a/?b=c"),
            ("http://a/", &[("b", "c"), ("b", "d")], "http://a/?b=c&b=d"),
            ("http://a?x=1", &[("b", "c")], "http://a/?x=1&b=c"),
            ("http://a/?", &[("b", "c")], "http://a/?b=c"),
            ("http://a/?&", &[("b", "c")], "http://a/?&b=c"),
            ("http://a/?x=1&", &[("b", "c")], "http://a/?x=1&b=c"),
            ("http://a/?x=1&&", &[("b", "c")], "http://a/?x=1&&b=c"),
            ("http://a/?x", &[("b", "c")], "http://a/?x&b=c"),
            ("http://a/?x=1#y?z=2", &[("b", "c")], "http://a/?x=1&b=c"),
            ("http://a#y", &[("b", "c")], "http://a/?b=c"),
            ("http://a/?x=%20+ü[]{}'%", &[("b", "c")], "http://a/?x=%20+%C3%BC[]{}'%&b=c"),
            ("http://a/?x=1?y", &[("b?", "/")], "http://a/?x=1?y&b%3F=%2F"),
            ("http://a/p/%3F;q", &[("ü b", "&=#+%")], "http://a/p/%3F;q?%C3%BC+b=%26%3D%23%2B%25"),
            ("http://a/", &[("", "")], "http://a/?="),
            ("http://a/", &[("b", ""), ("", "c")], "http://a/?b=&=c"),
            ("http://a/", &[], "http://a/"),
            ("http://a/?", &[], "http://a/?"),
            ("http://a/?x&", &[], "http://a/?x&"),
            ("https://u:p@A:8443/p", &[("b", "c")], "https://a:8443/p?b=c"),
            ("http://[fe80::1%25eth0]:81/?x", &[("b", "c")], "http://[fe80::1]:81/?x&b=c"),
        ] {
            let read = appended(url, pairs);
            assert_eq!(read.uri().to_string(), expected, "{url}");
            let before = Url::parse(url).unwrap();
            assert_eq!(read.credentials(), before.credentials());
            assert_eq!(
                (read.host(), read.port(), read.zone()),
                (before.host(), before.port(), before.zone())
            );
            // It is in the form that is kept.
            assert_eq!(Url::parse(expected).unwrap().uri(), read.uri());
        }
    }

    #[test]
    fn c02_a_value_is_anything_that_is_displayed() {
        let mut url = Url::parse("http://a/").unwrap();
        url.append_query([("n", 7)]).unwrap();
        url.append_query([("f", 1.5)]).unwrap();
        url.append_query(vec![(String::from("b"), true)]).unwrap();
        url.append_query([("c", format_args!("{} {}", 'x', 'ü'))]).unwrap();
        assert_eq!(url.uri(), "http://a/?n=7&f=1.5&b=true&c=x+%C3%BC");
    }

    /// Writes something before it fails.
    struct Faulty;

    impl fmt::Display for Faulty {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("x").and(Err(fmt::Error))
        }
    }

    #[test]
    fn c02_a_query_that_cannot_be_appended_leaves_the_url() {
        let mut url = Url::parse("http://user:secret@a/?x").unwrap();
        let error = url.append_query([("b", "c".repeat(70_000))]).unwrap_err();
        assert_eq!(error.to_string(), r#"invalid URL "http://a/?x": it is too long"#);
        let error = url.append_query([("b", Faulty)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMessage);
        assert_eq!(url.uri(), "http://a/?x");

        let star = Uri::builder().scheme("http").authority("a").path_and_query("*");
        let mut url = Url::of_uri(star.build().unwrap()).unwrap();
        let error = url.append_query([("b", "c")]).unwrap_err();
        assert!(error.to_string().ends_with(r#""*" cannot have a query"#), "{error}");
    }
}
