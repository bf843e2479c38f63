//! URLs of the crate `url`.

use super::Url;
use super::into::{IntoUrl, sealed};
use crate::error::Result;

impl IntoUrl for ::url::Url {}

impl sealed::Sealed for ::url::Url {
    fn into_url(self) -> Result<Url> {
        Url::parse(self.as_str())
    }
}

impl IntoUrl for &::url::Url {}

impl sealed::Sealed for &::url::Url {
    fn into_url(self) -> Result<Url> {
        Url::parse(self.as_str())
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::super::into::sealed::Sealed;
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn c01_a_url_of_the_url_crate_is_read_as_its_text() {
        for text in [
            "http://a",
            "HTTP://User:P%40ss@Example.COM:8080/a/../b c?d=ü#e",
            "https://[::1]:443/x?",
            "http://0x7f.1/",
            "http://a/b?c=[1]{2}|^'",
            "http://a/%zz%",
            "http://a\\b",
        ] {
            let url: ::url::Url = text.parse().unwrap();
            let read = (&url).into_url().unwrap();
            assert_eq!(read, Url::parse(url.as_str()).unwrap(), "{text}");
            assert_eq!(read, url.into_url().unwrap(), "{text}");
        }
        let url: ::url::Url = "http://user:pass@a:81/b#c".parse().unwrap();
        let read = url.into_url().unwrap();
        assert_eq!(read.uri(), "http://a:81/b");
        assert!(read.credentials().is_some());
    }

    #[test]
    fn c01_a_url_of_the_url_crate_may_have_a_scheme_that_is_not_supported() {
        for text in ["ftp://user:secret@a/", "file:///etc/hosts", "unix:/run/x", "mailto:joe@a"] {
            let url: ::url::Url = text.parse().unwrap();
            let error = url.into_url().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnsupportedScheme, "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
