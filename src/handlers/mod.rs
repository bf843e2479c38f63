//! Handlers and layers that a service is built of.
//!
//! They use what the crate's users can use as well, and the tidy test holds them to it. So a user can write
//! the same, and they work over HTTP, FastCGI and CGI alike.
//!
//! | module | contents |
//! | --- | --- |
//! | `router` | a handler that chooses another by method, host and path |
//! | `files` | a handler that serves a directory or embedded files |
//! | `reverse_proxy` | a handler that forwards requests to other servers |
//! | `layers` | time limits, access logs, compression and other layers |
//! | `events` | responses of server-sent events |
//! | `websocket` | the server's side of the WebSocket handshake |
//! | `metrics` | the numbers of a server as OpenMetrics text |

pub mod events;
#[cfg(feature = "files")]
pub mod files;
pub mod layers;
#[cfg(feature = "server")]
pub mod metrics;
#[cfg(feature = "client")]
pub mod reverse_proxy;
pub mod router;
#[cfg(feature = "websocket")]
pub mod websocket;
