//! Requests and responses: the `http` crate's, with a [`Body`].

use crate::body::Body;

/// A request of the `http` crate, with a [`Body`] unless another type is named.
///
/// Its target, `uri()`, follows [one rule](crate::h1#request-targets) over HTTP, FastCGI and CGI. If the
/// target is in absolute form, its authority has replaced Host. A handler never sees `OPTIONS *`, which
/// asks about the server as a whole: it is answered with 204.
///
/// ```
/// let request = hangup::Request::builder().uri("http://example.com/").body("text".into())?;
/// # let _: hangup::Request = request;
/// # Ok::<(), hangup::Error>(())
/// ```
pub type Request<B = Body> = http::Request<B>;

/// A response of the `http` crate, with a [`Body`] unless another type is named.
///
/// ```
/// let response = hangup::Response::builder().status(201).body("made".into())?;
/// # let _: hangup::Response = response;
/// # Ok::<(), hangup::Error>(())
/// ```
pub type Response<B = Body> = http::Response<B>;
