//! The values that a handler may return as its response.

use std::borrow::Cow;
use std::fs::File;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::body::Body;
use crate::error::{Error, Result};
use crate::message::Response;

/// The media type of text: it is never taken for HTML.
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// A value that is a response, or from which one is made.
///
/// [`respond`](crate::respond) and [`Router::respond`](crate::Router::respond) take functions that return
/// such a value. [`ResponseWriter::send`](crate::ResponseWriter::send) sends one.
///
/// | value | response |
/// | --- | --- |
/// | [`http::Response`] with a body that converts into a [`Body`] | itself |
/// | `&'static str`, `String`, `Cow<'static, str>` | 200 with `text/plain; charset=utf-8` |
/// | `Bytes`, `Vec<u8>`, `&'static [u8]`, arrays of bytes, [`Body`], [`File`] | 200 with the type that the first bytes look like |
/// | `()` | 200 without a body |
/// | [`StatusCode`] | that status without a body |
/// | `Json`, [`Html`](crate::Html), [`Redirect`](crate::Redirect) | as they describe |
/// | `(StatusCode, T)` | `T` with that status |
/// | `(headers, T)`, `(StatusCode, headers, T)` | `T` with these headers, which replace those of `T`: a [`HeaderMap`], or an array of names and values |
/// | `Option<T>` | `T`, or the error 404 |
/// | `Result<T, E>` | `T`, or the error |
///
/// An error reaches the server as one that the handler returned: see [`Handler`](crate::Handler).
///
/// # Examples
///
/// ```
/// use hangup::{Html, IntoResponse, Request, respond, testing};
/// use http::StatusCode;
///
/// let handler = respond(|r| match r.uri().path() {
///     "/" => Html("<h1>hello</h1>").into_response(),
///     "/made" => (StatusCode::CREATED, [("location", "/made/1")], "made").into_response(),
///     _ => StatusCode::GONE.into_response(),
/// });
/// let mut response = testing::call(&handler, Request::get("/made").body("")?)?;
/// assert_eq!((response.status(), &response.headers()["location"]), (StatusCode::CREATED, &"/made/1".parse()?));
/// assert_eq!(response.body_mut().read_text(100)?, "made");
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// A type of the program:
///
/// ```
/// use hangup::{IntoResponse, Response, Result, respond};
///
/// struct Csv(String);
///
/// impl IntoResponse for Csv {
///     fn into_response(self) -> Result<Response> {
///         ([("content-type", "text/csv")], self.0).into_response()
///     }
/// }
///
/// let handler = respond(|_| Ok(Csv("a,b\n1,2\n".into())));
/// # let response = hangup::testing::call(&handler, hangup::Request::new(()))?;
/// # assert_eq!(response.headers()["content-type"], "text/csv");
/// # Ok::<(), hangup::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a response",
    note = "text, bytes, `Json(value)`, `Html(text)`, `Redirect`, `StatusCode`, `http::Response` and others are: see `IntoResponse`",
    note = "a value that implements `serde::Serialize` is sent as `Json(value)`; handlers are functions that block, not `async`"
)]
pub trait IntoResponse {
    /// Converts the value into a response.
    ///
    /// # Errors
    ///
    /// The value is an error, is missing, or cannot be sent, such as a header with a line break.
    fn into_response(self) -> Result<Response>;
}

impl<B: Into<Body>> IntoResponse for http::Response<B> {
    #[inline]
    fn into_response(self) -> Result<Response> {
        Ok(self.map(Into::into))
    }
}

/// Implements the trait for values that convert into a body.
macro_rules! bodies {
    ($($(#[$of:ident])? $value:ty $([const $n:ident])?),+ $(,)?) => {$(
        impl $(<const $n: usize>)? IntoResponse for $value {
            #[inline]
            fn into_response(self) -> Result<Response> {
                Ok(Response::new(self.into()))
            }
        }
    )+};
}

bodies!(
    Body,
    Bytes,
    Vec<u8>,
    Box<[u8]>,
    &'static [u8],
    [u8; N] [const N],
    &'static [u8; N] [const N],
    File,
    (),
);

/// Implements the trait for text.
macro_rules! texts {
    ($($text:ty),+ $(,)?) => {$(
        impl IntoResponse for $text {
            #[inline]
            fn into_response(self) -> Result<Response> {
                Ok(Response::new(Body::from(self).with_content_type(PLAIN)))
            }
        }
    )+};
}

texts!(&'static str, String, Cow<'static, str>);

impl IntoResponse for StatusCode {
    fn into_response(self) -> Result<Response> {
        (self, ()).into_response()
    }
}

impl<T: IntoResponse> IntoResponse for Option<T> {
    fn into_response(self) -> Result<Response> {
        self.ok_or(StatusCode::NOT_FOUND)?.into_response()
    }
}

impl<T: IntoResponse, E: Into<Error>> IntoResponse for Result<T, E> {
    #[inline]
    fn into_response(self) -> Result<Response> {
        self.map_err(Into::into)?.into_response()
    }
}

impl<T: IntoResponse> IntoResponse for (StatusCode, T) {
    fn into_response(self) -> Result<Response> {
        let mut response = self.1.into_response()?;
        *response.status_mut() = self.0;
        Ok(response)
    }
}

impl<T: IntoResponse> IntoResponse for (HeaderMap, T) {
    fn into_response(self) -> Result<Response> {
        let mut response = self.1.into_response()?;
        match response.headers().is_empty() {
            true => *response.headers_mut() = self.0,
            false => response.headers_mut().extend(self.0),
        }
        Ok(response)
    }
}

impl<K, V, T, const N: usize> IntoResponse for ([(K, V); N], T)
where
    K: TryInto<HeaderName, Error: Into<http::Error>>,
    V: TryInto<HeaderValue, Error: Into<http::Error>>,
    T: IntoResponse,
{
    fn into_response(self) -> Result<Response> {
        let mut headers = HeaderMap::new();
        for (name, value) in self.0 {
            let name = name.try_into().map_err(|error| Error::from(error.into()))?;
            let value = value.try_into().map_err(|_| Error::header_value(&name))?;
            headers.append(name, value);
        }
        (headers, self.1).into_response()
    }
}

impl<T: IntoResponse> IntoResponse for (StatusCode, HeaderMap, T) {
    fn into_response(self) -> Result<Response> {
        (self.0, (self.1, self.2)).into_response()
    }
}

impl<K, V, T, const N: usize> IntoResponse for (StatusCode, [(K, V); N], T)
where
    ([(K, V); N], T): IntoResponse,
{
    fn into_response(self) -> Result<Response> {
        (self.0, (self.1, self.2)).into_response()
    }
}
