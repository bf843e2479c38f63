//! Types that users can give as a URL.

use std::borrow::Cow;

use http::Uri;

use super::Url;
use crate::error::Result;

/// A value that can be read as a URL: `&str`, [`String`] and their kin, an [`http::Uri`](Uri), or
/// the `Url` of the crate `url` (feature `url`).
///
/// Text is read as browsers read it:
///
/// * White space around the URL and its fragment are dropped.
/// * Scheme and host are put into lower case, a port that is the scheme's own is dropped, and an IP
///   address gets its usual form: `0x7f.1` is `127.0.0.1`.
/// * `.` and `..` in the path are resolved, as browsers and curl do before they send.
/// * Characters that cannot be sent are percent-encoded as UTF-8: spaces, `"`, `<`, `>`, backquotes,
///   controls, and everything beyond ASCII. All others go out as they stand, among them
///   `[ ] { } | ^ \ '` and a `%` that begins no escape. Existing percent-encoding stays.
/// * User and password become Basic credentials (RFC 7617), unless the request has an `Authorization`
///   header. Neither is ever part of an error or of [`ResponseExt::url`](super::super::ResponseExt::url).
/// * An IPv6 address may have a zone: `http://[fe80::1%25eth0]/`. The zone selects the network
///   interface, by its name or its number, and is not sent.
///
/// A `Uri` is read by the same rules, but keeps its dot segments: it can name a path that text cannot. The
/// `Url` of the crate `url` is read as its text.
///
/// A host beyond ASCII gets its `xn--` form with the feature `idna`, and is an error without it. `send` reports an invalid URL, with the kind
/// [`InvalidUrl`](crate::ErrorKind::InvalidUrl) or
/// [`UnsupportedScheme`](crate::ErrorKind::UnsupportedScheme).
///
/// ```no_run
/// # let client = hangup::Client::new();
/// let response = client.get("http://user:secret@Example.com:80/a b?q=[1]#top").send()?;
/// // The request line was `GET /a%20b?q=[1] HTTP/1.1`.
/// # use hangup::ResponseExt;
/// assert_eq!(response.url().unwrap(), "http://example.com/a%20b?q=[1]");
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// The trait is sealed: other crates cannot implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a URL",
    note = "URLs are text, such as `&str` and `String`, or a `Uri`; a `url::Url` needs the feature `url`"
)]
pub trait IntoUrl: sealed::Sealed {}

pub(in crate::client) mod sealed {
    use super::{Result, Url};

    pub trait Sealed {
        fn into_url(self) -> Result<Url>;
    }
}

macro_rules! from_text {
    ($($text:ty),+ $(,)?) => {$(
        impl IntoUrl for $text {}

        impl sealed::Sealed for $text {
            fn into_url(self) -> Result<Url> {
                Url::parse(&self)
            }
        }
    )+};
}

from_text!(&str, &&str, String, &String, Box<str>, Cow<'_, str>, &Cow<'_, str>);

impl IntoUrl for Uri {}

impl sealed::Sealed for Uri {
    fn into_url(self) -> Result<Url> {
        Url::of_uri(self)
    }
}

impl IntoUrl for &Uri {}

impl sealed::Sealed for &Uri {
    fn into_url(self) -> Result<Url> {
        Url::of_uri(self.clone())
    }
}
