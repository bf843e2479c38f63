//! Layers that most services need: limits, credentials, cross-origin rules, logs, compression.
//!
//! Each is a [`Layer`](crate::Layer) with a small builder. [`HandlerExt::layer`](crate::HandlerExt::layer)
//! puts it around a handler, a router or another layer. All of them work over HTTP, FastCGI and CGI.
//!
//! | layer | does | refuses with |
//! | --- | --- | --- |
//! | [`Timeout`] | limits the time to the response | 503 |
//! | [`BodyLimit`] | limits the size of the request's body | 413 |
//! | [`ConcurrencyLimit`] | limits the requests at once, with a queue | 503 |
//! | [`RateLimit`] | limits the rate of requests by client or key | 429 |
//! | [`BasicAuth`], [`BearerAuth`] | ask for credentials | 401 |
//! | [`Cors`] | lets scripts of other origins read responses | |
//! | [`CrossOriginProtection`] | refuses forged requests of browsers | 403 |
//! | [`TrustedProxies`] | finds the client behind proxies | |
//! | [`RequestId`] | gives each request an identifier | |
//! | [`AccessLog`] | logs a line for each request | |
//! | [`PanicPage`] | responds to a panic of the handler | 500 |
//! | [`SecurityHeaders`] | sets headers that make browsers more careful | |
//! | `Compress` (feature `compress`) | compresses responses | |
//! | [`ETag`] | computes entity tags | 304, 412 |
//!
//! # Order
//!
//! The layer that was added last is the outermost. It runs first. A request passes the layers from the
//! outside to the inside, and its response passes them back. A good order from the outermost to the
//! innermost is that of this table:
//!
//! | place | layers | reason |
//! | --- | --- | --- |
//! | 1 | `TrustedProxies` | every layer below sees the client's address |
//! | 2 | [`RequestId`], [`AccessLog`] | refusals are logged as well |
//! | 3 | [`PanicPage`], [`SecurityHeaders`] | the headers are on error responses too |
//! | 4 | `Cors` | a script can read the refusals of the layers below, and a preflight needs no credentials |
//! | 5 | `RateLimit` | a refusal costs as little as possible |
//! | 6 | `CrossOriginProtection`, `BasicAuth` or `BearerAuth` | nothing below runs for a stranger |
//! | 7 | `ConcurrencyLimit` | only requests with permission wait for their turn |
//! | 8 | `Timeout` | the time in the queue does not count |
//! | 9 | `BodyLimit` | a route may have a layer with another limit: see there |
//! | 10 | `Compress`, then [`ETag`] | they see the final body |
//!
//! A layer around a router applies to every route, and to the router's own 404 and 405. A layer around the
//! handler of a route, or around a nested router, applies to that part only.
//!
//! # Errors
//!
//! A layer that refuses a request returns an [`Error::status`](crate::Error::status). So the layers around
//! it see the refusal, and a server's [`on_error`](crate::Server::on_error) function can replace its text.
//! Headers that belong to the refusal, such as `Retry-After`, stay on the response. Only
//! `Timeout` sends its response itself, since the handler may still be running.
//!
//! # Method override
//!
//! No layer replaces the method of a request by that of a header or a form field. A web server in front,
//! and every layer that was passed before, has decided by the method on the wire. A form can be posted to a
//! separate path instead.

mod access_log;
mod basic_auth;
mod bearer_auth;
mod body_limit;
#[cfg(feature = "compress")]
mod compress;
mod concurrency;
mod cors;
mod credentials;
mod csrf;
mod etag;
mod origin;
mod panic_page;
mod rate_limit;
mod refusal;
mod request_id;
mod security_headers;
mod timeout;
mod trusted_proxies;
mod user;

pub use access_log::{AccessLog, Record};
pub use basic_auth::BasicAuth;
pub use bearer_auth::BearerAuth;
pub use body_limit::BodyLimit;
#[cfg(feature = "compress")]
pub use compress::Compress;
pub use concurrency::ConcurrencyLimit;
pub use cors::Cors;
pub use csrf::CrossOriginProtection;
pub use etag::ETag;
pub use panic_page::PanicPage;
pub use rate_limit::RateLimit;
pub use request_id::RequestId;
pub use security_headers::SecurityHeaders;
pub use timeout::Timeout;
pub use trusted_proxies::TrustedProxies;
pub use user::User;
