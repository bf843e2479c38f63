//! Handlers and layers, called without a socket.
//!
//! A test calls a handler with `testing::call`, which takes microseconds. A behaviour that needs a
//! connection, such as a client that goes away, is tested in `tests/behaviour/`.

mod access_log;
mod answers;
#[cfg(unix)]
mod cgi;
#[cfg(windows)]
mod cgi_windows;
mod compress;
mod cookies;
mod etag;
mod events;
mod fcgi;
mod files;
mod form;
mod forwarded;
mod hooks;
mod json_body;
mod layers;
mod multipart;
mod query;
mod reverse_proxy;
mod router;
mod websocket;
mod wrappers;
