//! A synchronous HTTP/1.1 client, server and FastCGI responder for plain threads, without an async runtime.
//!
//! *Either side may hang up.* Any thread can cancel a blocked call, a handler notices when its client has
//! gone, and a connection is reused only if no byte of an earlier exchange can be left on it.
//!
//! # A client
//!
//! ```no_run
//! use hangup::{Client, ResponseExt};
//!
//! let client = Client::new();
//! let mut response = client.get("https://example.com/items").query("page", 2).send()?;
//! assert!(response.status().is_success());
//! println!("{}", response.text()?); // at most 16 MiB; `json` reads JSON
//! # Ok::<(), hangup::Error>(())
//! ```
//!
//! Requests and responses are those of the [`http`] crate, with a [`Body`] that implements
//! [`Read`](std::io::Read). A [`Context`] ends a call at any stage, from any thread, or after a time:
//!
//! ```no_run
//! use hangup::{Client, Context};
//! use std::{fs::File, io, time::Duration};
//!
//! let call = Context::with_timeout(Duration::from_secs(5)); // any thread may call.cancel()
//! let file = File::open("big.iso")?;
//! let mut response = Client::new().put("http://example.com/iso").context(&call).body(file).send()?;
//! io::copy(response.body_mut(), &mut io::stdout())?;
//! # Ok::<(), hangup::Error>(())
//! ```
//!
//! The [`client`] module lists the rest: forms, multipart, cookies, proxies, retries, event streams.
//!
//! # A server
//!
//! ```no_run
//! use hangup::Server;
//! use std::io::Write;
//!
//! Server::new(|w, r| {
//!     writeln!(w, "hello {}", r.uri().path())?;
//!     Ok(())
//! })
//! .listen("127.0.0.1:8080")?
//! .serve()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A [`Handler`] is a function that writes to a [`ResponseWriter`], and `?` works in it. An
//! [`Error::status`] becomes the response. [`respond`] turns a function that returns its response into a
//! handler: text, [`Json`], [`Html`], or any other value that [`IntoResponse`] lists. The context of a
//! request ends when the client goes away, and works in [`select!`](crossbeam_channel::select):
//!
//! ```
//! use hangup::crossbeam_channel::{self, Receiver, select};
//! use hangup::{Request, RequestExt, ResponseWriter};
//! use std::io::Write;
//! # fn start_job() -> Receiver<String> { crossbeam_channel::never() }
//!
//! fn report(w: &mut ResponseWriter, r: &mut Request) -> hangup::Result<()> {
//!     let rows = start_job();
//!     select! {
//!         recv(rows) -> rows => w.write_all(rows?.as_bytes())?,
//!         recv(r.context().done()) -> _ => {} // the client has gone
//!     }
//!     Ok(())
//! }
//! ```
//!
//! [`HandlerExt`] puts [layers](Layer) around a handler, such as a time limit or an access log. A
//! [`Filter`] changes a response on its way to the client. [`testing::call`] runs a handler without a
//! socket:
//!
//! ```
//! use hangup::{HandlerExt, Request, respond, testing};
//!
//! let handler = respond(|r| Ok(r.uri().path().to_owned()))
//!     .layer_fn(|w, r, next| match r.uri().path() {
//!         "/private" => Err(http::StatusCode::FORBIDDEN.into()),
//!         _ => next.handle(w, r),
//!     });
//! let mut response = testing::call(&handler, Request::get("/public").body("")?)?;
//! assert_eq!(response.body_mut().read_text(100)?, "/public");
//! # Ok::<(), hangup::Error>(())
//! ```
//!
//! # Modules
//!
//! | module | contents |
//! | --- | --- |
//! | `Router` of [`router`] | a handler that chooses another by method, host and path |
//! | [`layers`] | time limits, access logs, compression, authentication, CORS and other layers |
//! | [`extract`] | the types of queries, forms, uploads and cookies, which [`RequestExt`] returns |
//! | `files` | a handler that serves a directory, one file, or embedded files (feature `files`) |
//! | [`reverse_proxy`] | a handler that forwards requests to other servers |
//! | [`events`], `websocket` | server-sent events; the server's side of the WebSocket handshake (feature `websocket`) |
//! | [`metrics`] | the numbers of a server as OpenMetrics text |
//! | [`client`] | the client's options, requests, and the facts of a response |
//! | [`server`] | the server's options, and handles to stop it |
//! | [`fcgi`], [`cgi`] | the same handlers behind a web server; FastCGI applications and CGI programs behind ours |
//! | `tls` | certificates and trust, for client and server (feature `tls`, on by default) |
//! | `signals` | contexts that end at SIGINT, SIGTERM and Ctrl-C (feature `signals`) |
//! | [`testing`] | calls of handlers without a socket, a test server, a scripted server with faults, connections in memory |
//! | [`net`] | streams whose blocked calls any thread can end, listeners, dialling |
//! | [`h1`] | the wire format: bytes to values and back, without input and output |
//!
//! # Blocking
//!
//! | blocking call | ends early when |
//! | --- | --- |
//! | [`RequestBuilder::send`](client::RequestBuilder::send), reading a response's body | its [`Context`] ends, a time limit runs out, or the connection fails |
//! | [`EventWriter::next`](events::EventWriter::next) and `forward` | the client goes away, or the channel is disconnected |
//! | the next event of an [`EventStream`](client::EventStream) or [`EventSource`](client::EventSource) | as reading a body |
//! | a handler's reads and writes | the client goes away, a time limit of the server or a deadline of the handler runs out, or the server is closed |
//! | [`Listening::serve`](server::Listening::serve) | [`ServerHandle::shutdown`](server::ServerHandle::shutdown) or [`close`](server::ServerHandle::close) is called, or the context of [`serve_until`](server::Listening::serve_until) ends |
//! | [`Context::wait`] | the context ends |
//! | reads and writes of a [`Stream`](net::Stream) | a deadline passes, which any thread can move, or [`close`](net::Stream::close) is called |
//!
//! Each call returns within milliseconds of its event. The crate cannot interrupt code of the caller: a body
//! source that blocks in `read`, or a handler that computes. Such a handler can check its
//! [context](RequestExt::context).
//!
//! # Time limits
//!
//! | client | default | server | default |
//! | --- | --- | --- | --- |
//! | [resolving and connecting](client::ClientBuilder::connect_timeout) | 30 s | [reading a head](Server::read_header_timeout) | 10 s |
//! | [the TLS handshake](client::ClientBuilder::tls_handshake_timeout) | 10 s | [the TLS handshake](Server::tls_handshake_timeout) | 10 s |
//! | [a tunnel through a proxy](client::ClientBuilder::proxy_timeout) | 30 s | | |
//! | [waiting for a connection](client::ClientBuilder::queue_timeout) | none | | |
//! | [sending](client::ClientBuilder::send_timeout) | none | [reading a whole request](Server::read_timeout) | none |
//! | [the response's head](client::ClientBuilder::response_head_timeout) | none | [sending a response](Server::write_timeout) | none |
//! | [silence within a body](client::ClientBuilder::idle_read_timeout) | none | [silence within a request's body](Server::body_idle_timeout) | 60 s |
//! | [the least speed](client::ClientBuilder::min_speed) | none | [responding](layers::Timeout) | none |
//! | [no progress while sending](client::ClientBuilder::idle_write_timeout) | none | [no progress while writing a response](Server::write_idle_timeout) | 60 s |
//! | [the whole call](client::ClientBuilder::timeout) | none | | |
//! | [an idle connection](client::ClientBuilder::idle_timeout) | 90 s | [an idle connection](Server::idle_timeout) | 120 s |
//!
//! Each limit covers the whole step. Only limits on silence restart when bytes arrive.
//! [`Error::timed_out`] returns the limit that ran out.
//!
//! # Features
//!
//! | feature | default | enables |
//! | --- | --- | --- |
//! | `client`, `server`, `fcgi` | yes | the parts of the crate |
//! | `tls` | yes | `https://` in client and server |
//! | `gzip` | yes | decoding gzip and deflate |
//! | `json` | yes | JSON bodies, by serde |
//! | `brotli`, `zstd` | no | decoding Brotli; decoding Zstandard, which needs a C compiler |
//! | `charset` | no | [text](ResponseExt::text) in encodings other than UTF-8 |
//! | `cookies` | no | `client::CookieJar` |
//! | `socks` | no | SOCKS proxies |
//! | `files` | no | `files`: serving a directory |
//! | `compress` | no | `layers::Compress`: gzip and Brotli, and Zstandard with `zstd` |
//! | `forms` | no | queries and forms by serde |
//! | `websocket` | no | `websocket`: the server's side of the handshake |
//! | `signals` | no | a server that shuts down at SIGINT, SIGTERM and Ctrl-C |
//! | `idna`, `url` | no | host names beyond ASCII; URLs as `url::Url` |
//! | `bundled-roots` | no | Mozilla's root certificates |
//!
//! # Threads
//!
//! Handlers run on the thread of their connection, FastCGI handlers on a thread of their request. Threads
//! are reused: a later request may see the values that a handler has left in thread-local variables. All
//! threads of the crate have names that begin with `hangup-`. Each ends within milliseconds of its
//! connection, or within seconds of its last use if it is kept for reuse.
//!
//! # Logging
//!
//! The crate logs through the [`log`] crate. No level prints header values, queries or bodies, except for
//! the first 16 unexpected bytes on an idle connection. Control characters in text from peers and handlers
//! are escaped, so that they cannot forge a line.
//!
//! | level | events |
//! | --- | --- |
//! | `error` | a handler or callback panicked (the panic hook prints the place and the backtrace), a thread could not be started |
//! | `warn` | a handler failed by its own fault or exceeded its time limit, a TLS connector that trusts every certificate was made, accepting failed and is retried, unexpected bytes arrived on an idle connection |
//! | `info` | [access logs](layers::AccessLog), under the target `hangup::access` |
//! | `debug` | the reason for which each connection was closed, requests that were refused or failed by their client's fault, requests that were sent again |
//!
//! With the platform's certificate store, `rustls_platform_verifier` logs each refused certificate at
//! `error` under its own target. The call returns that error as well.
//!
//! # Stability
//!
//! [`http`], [`bytes`] and [`crossbeam_channel`] are re-exported, since their types are part of this API. A
//! new incompatible version of one of them is an incompatible version of this crate. So is one of rustls,
//! whose types are in `tls` only, of serde's traits (feature `json`), and of `url` (feature `url`).

#![cfg_attr(
    not(all(feature = "client", feature = "server", feature = "fcgi")),
    allow(
        dead_code,
        unreachable_pub,
        unused_imports,
        unused_macros,
        reason = "the lower modules have code for each of them"
    )
)]
#![cfg_attr(
    not(all(feature = "client", feature = "server", feature = "fcgi", feature = "tls")),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the docs describe the crate with all features"
    )
)]

// Without them are MIPS, PowerPC and RISC-V with 32 bits, and ARMv5.
#[cfg(not(target_has_atomic = "64"))]
compile_error!("hangup needs a target with 64-bit atomics");

mod body;
#[cfg(feature = "fcgi")]
pub mod cgi;
#[cfg(feature = "client")]
pub mod client;
mod context;
#[cfg(doctest)]
mod doc_tests;
mod error;
#[cfg(any(feature = "server", feature = "fcgi"))]
pub mod extract;
#[cfg(feature = "fcgi")]
pub mod fcgi;
#[cfg(feature = "fcgi")]
mod gateway;
pub mod h1;
#[cfg(any(feature = "server", feature = "fcgi"))]
mod handler;
#[cfg(any(feature = "server", feature = "fcgi"))]
mod handlers;
mod logging;
mod message;
pub mod net;
#[cfg(any(feature = "client", feature = "server", feature = "fcgi"))]
mod random;
#[cfg(test)]
mod rounds;
#[cfg(feature = "server")]
pub mod server;
#[cfg(any(feature = "server", feature = "fcgi"))]
mod serving;
#[cfg(all(feature = "signals", any(unix, windows)))]
pub mod signals;
#[cfg(any(feature = "server", feature = "fcgi"))]
mod sniff;
mod sync;
pub mod testing;
mod text;
#[cfg(feature = "tls")]
pub mod tls;
mod unwind;

pub use body::{Body, MappedReader, Piece};
#[cfg(feature = "client")]
pub use body::{Multipart, Part};
#[cfg(feature = "client")]
pub use client::{Client, IntoUrl, ResponseExt};
pub use context::{Context, ContextError};
pub use error::{Error, ErrorKind, Result, TimeLimit};
#[cfg(all(feature = "json", any(feature = "server", feature = "fcgi")))]
pub use handler::Json;
#[cfg(any(feature = "server", feature = "fcgi"))]
pub use handler::{
    CloseNotify, ErrorStream, Filter, FilterOutput, Handler, HandlerExt, Head, Html, InterimSender,
    IntoResponse, Layer, Layered, OutcomeKind, Redirect, RequestExt, ResponseOutcome,
    ResponseWriter, SetCookie, Variables, respond,
};
#[cfg(all(feature = "files", any(feature = "server", feature = "fcgi")))]
pub use handlers::files;
#[cfg(all(feature = "files", any(feature = "server", feature = "fcgi")))]
#[doc(no_inline)]
pub use handlers::files::Files;
#[cfg(feature = "server")]
pub use handlers::metrics;
#[cfg(all(feature = "client", any(feature = "server", feature = "fcgi")))]
pub use handlers::reverse_proxy;
#[cfg(all(feature = "client", any(feature = "server", feature = "fcgi")))]
#[doc(no_inline)]
pub use handlers::reverse_proxy::ReverseProxy;
#[cfg(any(feature = "server", feature = "fcgi"))]
#[doc(no_inline)]
pub use handlers::router::Router;
#[cfg(all(feature = "websocket", any(feature = "server", feature = "fcgi")))]
pub use handlers::websocket;
#[cfg(any(feature = "server", feature = "fcgi"))]
pub use handlers::{events, layers, router};
pub use message::{Request, Response, SameSite};
pub use net::tls_info::{TlsInfo, TlsVersion};
#[cfg(feature = "server")]
pub use server::Server;

pub use {bytes, crossbeam_channel, http};
