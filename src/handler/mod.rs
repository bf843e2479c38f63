//! Handlers, which respond to requests over HTTP, FastCGI and CGI alike.
//!
//! A [`Handler`] is a plain function: it reads a [`Request`], writes to a [`ResponseWriter`], and
//! may fail with `?`. [`respond`] makes a handler of a function that returns a finished [`Response`].
//! [`RequestExt`] gives access to what a request carries beyond the `http` crate's fields.
//!
//! ```
//! use hangup::{Request, ResponseWriter, Result, respond};
//! use std::io::Write;
//!
//! fn greet(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
//!     writeln!(w, "hello {}", r.uri().path())?;
//!     Ok(())
//! }
//! # fn takes(_: impl hangup::Handler) {}
//! # takes(greet);
//! # takes(
//! respond(|r| Ok(hangup::Response::new(format!("hello {}", r.uri().path()).into())))
//! # );
//! ```

mod filter;
mod gateway;
mod layer;
mod request;
mod response;
mod sink;

use std::sync::Arc;

pub use filter::{Filter, FilterOutput, Head};
pub use gateway::{ErrorStream, Variables};
pub use layer::{HandlerExt, Layer, Layered};
pub use request::{CloseNotify, RequestExt};
pub(crate) use request::{RequestInfo, clear_extensions, set_info};
pub(crate) use response::ResponseState;
pub use response::ResponseWriter;
pub(crate) use sink::{FinalHead, Length, ResponseEnd, Sink};

use crate::error::Result;
pub(crate) use crate::message::{Request, Response};

/// Responds to requests. Every function of the right shape is a handler.
///
/// A server takes a function or closure in `new`, and any other handler in `with_handler`: a struct, an
/// `Arc` of one, a `Box<dyn Handler>`. There are two because the compiler infers the types of a
/// closure's parameters from a bound on `Fn` alone, never from one on a trait that closures implement:
/// `Server::new(|w, r| …)` needs the first, a struct the second.
///
/// Handlers of different connections run at the same time, each on its connection's thread. Threads are
/// reused, so a later request may see the values that a handler has left in thread-local variables.
///
/// An error that a handler returns is answered by whose fault it is, if nothing has been sent yet:
///
/// | fault | answer | logged at |
/// | --- | --- | --- |
/// | the request's own body is malformed | 400 | `debug` |
/// | it is larger than a limit, that of [`Body::read_bytes`] say | 413 | `debug` |
/// | it came too slowly | 408 | `debug` |
/// | its trailers are too large | 431 | `debug` |
/// | the client has gone | none | `debug` |
/// | the error was made by [`Error::status`](crate::Error::status) | that status and text | `warn` from 500 on, else `debug` |
/// | any other | 500, without the error's text | `warn` |
///
/// If the request's body has failed, that decides, whatever error the handler made of it. A failed call
/// of the handler's to another server is the handler's fault. A server's `on_error` hook may write the
/// answer.
///
/// If something has been sent already, the connection breaks off, so that the client never takes half an
/// answer for a whole one. The same happens to the connection of a handler that panics. Other
/// connections go on.
pub trait Handler: Send + Sync + 'static {
    /// Responds to `request` through `response`.
    ///
    /// # Errors
    ///
    /// Any error of the handler's. The trait's description says how the server responds to it.
    fn handle(&self, response: &mut ResponseWriter, request: &mut Request) -> Result<()>;
}

impl<F> Handler for F
where
    F: Fn(&mut ResponseWriter, &mut Request) -> Result<()> + Send + Sync + 'static,
{
    fn handle(&self, response: &mut ResponseWriter, request: &mut Request) -> Result<()> {
        self(response, request)
    }
}

impl<H: Handler + ?Sized> Handler for Arc<H> {
    fn handle(&self, response: &mut ResponseWriter, request: &mut Request) -> Result<()> {
        (**self).handle(response, request)
    }
}

impl Handler for Box<dyn Handler> {
    fn handle(&self, response: &mut ResponseWriter, request: &mut Request) -> Result<()> {
        (**self).handle(response, request)
    }
}

/// Makes a handler of a function that returns a finished response. The result is a function as well.
pub fn respond<F>(
    function: F,
) -> impl Fn(&mut ResponseWriter, &mut Request) -> Result<()> + Send + Sync + 'static
where
    F: Fn(&mut Request) -> Result<Response> + Send + Sync + 'static,
{
    move |writer: &mut ResponseWriter, request: &mut Request| writer.send(function(request)?)
}
