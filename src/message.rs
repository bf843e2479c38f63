//! Requests and responses: the `http` crate's, with a [`Body`].

mod same_site;

use crate::body::Body;

pub use same_site::SameSite;

/// A request: [`http::Request`] with a [`Body`], unless another type is named.
///
/// [`RequestExt`](crate::RequestExt) adds methods for what a received request carries beyond the fields
/// of the `http` crate: its [context](crate::RequestExt::context), the client's address, the result of
/// the TLS handshake.
///
/// The request target, `uri()`, follows [one rule](crate::h1#request-targets) over HTTP, FastCGI and CGI.
/// If the target is in absolute form, its authority replaces the Host header. A handler never sees
/// `OPTIONS *`, which asks about the server as a whole (RFC 9110 section 9.3.7). The server responds to it
/// with 204.
///
/// ```
/// let request = hangup::Request::builder().uri("http://example.com/").body("text".into())?;
/// # let _: hangup::Request = request;
/// # Ok::<(), hangup::Error>(())
/// ```
pub type Request<B = Body> = http::Request<B>;

/// A response: [`http::Response`] with a [`Body`], unless another type is named.
///
/// ```
/// let response = hangup::Response::builder().status(201).body("made".into())?;
/// # let _: hangup::Response = response;
/// # Ok::<(), hangup::Error>(())
/// ```
pub type Response<B = Body> = http::Response<B>;
