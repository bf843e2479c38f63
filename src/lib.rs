//! Synchronous HTTP/1.1 for blocking code: a client, a server and a FastCGI responder on plain threads.
//!
//! *Either side may hang up*: a blocking call can always be given up, a peer that goes away is always
//! noticed, and a connection is only ever reused when it is clean.
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
//! A [`Handler`] is a function that writes to a [`ResponseWriter`], and `?` works in it. [`respond`]
//! makes a handler of a function that returns a finished [`Response`]. An [`Error::status`] is an error
//! that the client gets as the response. [`RequestExt`] has the request's context, which ends when the
//! client goes away:
//!
//! ```
//! use crossbeam_channel::{Receiver, select};
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
//! let handler = respond(|r| Ok(http::Response::new(r.uri().path().to_owned().into())))
//!     .layer_fn(|w, r, next| match r.uri().path() {
//!         "/private" => Err(http::StatusCode::FORBIDDEN.into()),
//!         _ => next.handle(w, r),
//!     });
//! let mut response = testing::call(&handler, Request::get("/public").body("")?)?;
//! assert_eq!(response.body_mut().read_text(100)?, "/public");
//! # Ok::<(), hangup::Error>(())
//! ```
//!
//! # A client
//!
//! ```no_run
//! use hangup::{Client, Context};
//! use std::{fs::File, io, time::Duration};
//!
//! let client = Client::new();
//! let call = Context::with_timeout(Duration::from_secs(5)); // any thread may call.cancel()
//! let file = File::open("big.iso")?;
//! let mut response = client.put("http://example.com/iso").context(&call).body(file).send()?;
//! io::copy(response.body_mut(), &mut io::stdout())?;
//! # Ok::<(), hangup::Error>(())
//! ```
//!
//! # What blocks, and what unblocks it
//!
//! | a call that blocks | ends early when |
//! | --- | --- |
//! | [`RequestBuilder::send`](client::RequestBuilder::send), reading a response's body | its [`Context`] ends; one of its time limits runs out; the connection fails |
//! | a handler's reads and writes | the client goes away; the server's time limits, or the handler's own deadlines, run out; the server is closed |
//! | [`Listening::serve`](server::Listening::serve) | [`ServerHandle::shutdown`](server::ServerHandle::shutdown) or [`close`](server::ServerHandle::close) is called; with [`serve_until`](server::Listening::serve_until), its context ends |
//! | [`Context::wait`] | the context ends |
//! | a [`Stream`](net::Stream)'s reads and writes | its deadlines, which any thread can move; its [`close`](net::Stream::close) |
//!
//! Each of these happens within milliseconds, from any thread. This crate cannot end a call of the
//! user's: a body source that blocks in its `read`, or a handler that computes. Such a handler can look
//! at its [context](RequestExt::context).
//!
//! # Time limits
//!
//! | client | default | server | default |
//! | --- | --- | --- | --- |
//! | [resolving and connecting](client::ClientBuilder::connect_timeout) | 30 s | [reading a head](Server::read_header_timeout) | 10 s |
//! | [the TLS handshake](client::ClientBuilder::tls_handshake_timeout) | 10 s | [the TLS handshake](Server::tls_handshake_timeout) | 10 s |
//! | [sending](client::ClientBuilder::send_timeout) | none | [reading a whole request](Server::read_timeout) | none |
//! | [the response's head](client::ClientBuilder::response_head_timeout) | none | [sending a response](Server::write_timeout) | none |
//! | [silence within a body](client::ClientBuilder::idle_read_timeout) | none | [idling](Server::idle_timeout) | 120 s |
//! | [the whole call](client::ClientBuilder::timeout) | none | [silence within a request's body](Server::body_idle_timeout) | 60 s |
//! | [an idle connection](client::ClientBuilder::idle_timeout) | 90 s | [no progress while writing a response](Server::write_idle_timeout) | 60 s |
//!
//! Each limit covers the whole step. Only limits on silence restart when bytes arrive. The error of a
//! limit that ran out names it: [`Error::timed_out`].
//!
//! # Threads
//!
//! A server connection has a thread (`hangup-conn`), and a second one (`hangup-watch`) once one of its
//! handlers has asked for its context. A client connection has a thread that reads (`hangup-read`), and
//! a second one (`hangup-write`) once it has streamed a request body. Each ends within milliseconds of
//! its connection; but while a server accepts, a connection's first thread stays for a second, to be handed
//! the next connection. So what a handler leaves in a thread-local variable may be met by a later request,
//! on the same connection or on another. A FastCGI connection has a thread (`hangup-fcgi`), and each of its
//! requests that is being handled another (`hangup-handler`). Dialling takes a thread for its time
//! (`hangup-dial`, `hangup-resolve`). One thread (`hangup-timer`) serves all who wait on [`Context::done`]
//! of a context with a deadline.
//!
//! # Logging
//!
//! This crate logs through the [`log`] crate. No level prints header values, queries, or bodies, except
//! for the first 16 unexpected bytes on an idle connection. Control characters in the texts of others (a
//! handler's error, a peer's bytes) are escaped, so that they cannot forge a line.
//!
//! | level | events |
//! | --- | --- |
//! | `error` | a handler or callback panicked (the panic hook prints the place and the backtrace); no thread could be started |
//! | `warn` | a handler failed by its own fault; a TLS connector that trusts anybody was made; accepting failed and is tried again; bytes came that answer nothing |
//! | `debug` | why each connection was closed, requests that were refused or failed by their client's fault, requests that were sent again |
//!
//! The crate that verifies certificates against the platform's roots logs each one it refuses at `error`,
//! beside the error that the call returns. Its target is `rustls_platform_verifier`.
//!
//! # More modules
//!
//! * [`h1`]: the wire format, bytes to values and back, without input or output.
//! * [`net`]: streams whose blocked calls any thread can end; listeners; dialling.
//! * [`fcgi`], [`cgi`]: the same handlers under any web server.
//! * `tls` (feature `tls`, on by default): TLS over any stream, certificates, trust.
//! * [`testing`]: calls of handlers without a socket, a test server on a free port, connections in memory.

mod body;
pub mod cgi;
pub mod client;
mod context;
#[cfg(doctest)]
mod doc_tests;
mod error;
pub mod fcgi;
mod gateway;
pub mod h1;
mod handler;
mod logging;
pub mod net;
pub mod server;
mod serving;
mod sniff;
mod sync;
pub mod testing;
mod text;
#[cfg(feature = "tls")]
pub mod tls;
mod unwind;

pub use body::{Body, MappedReader, Piece};
pub use client::{Client, IntoUrl, ResponseExt};
pub use context::{Context, ContextError};
pub use error::{Error, ErrorKind, Result, TimeLimit};
pub use handler::{CloseNotify, Handler, Request, RequestExt, Response, ResponseWriter, respond};
pub use handler::{ErrorStream, Variables};
pub use handler::{Filter, FilterOutput, HandlerExt, Head, Layer, Layered};
pub use net::tls_info::{TlsInfo, TlsVersion};
pub use server::Server;

pub use {bytes, crossbeam_channel, http};
