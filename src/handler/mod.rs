//! What answers a request, whichever way the request came.
//!
//! A [`Handler`] is a plain function: it reads a [`Request`], writes to a [`ResponseWriter`], and
//! may fail with `?`. [`respond`] makes one of a function that returns a finished [`Response`].
//! What a request carries beyond the `http` crate's fields is reached through [`RequestExt`].
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

mod request;
mod response;
mod sink;

use std::sync::Arc;

pub use request::{CloseNotify, RequestExt};
pub(crate) use request::{Origin, clear_extensions, put_origin};
pub use response::ResponseWriter;
pub(crate) use sink::{Ending, Head, Length, Sink};

use crate::body::Body;
use crate::error::Result;

/// A request with a body of ours.
///
/// Its target, `uri()`, follows [one rule](crate::h1#request-targets) over HTTP, FastCGI and CGI. If the
/// target is in absolute form, its authority has replaced Host. A handler never sees `OPTIONS *`, which
/// asks about the server as a whole: it is answered with 204.
pub type Request = http::Request<Body>;

/// A response with a body of ours.
pub type Response = http::Response<Body>;

/// Answers requests. Every function of the right shape is one.
///
/// Handlers of different connections run at the same time, each on its connection's thread. Threads are
/// used again, so a later connection may meet what a handler has left in a thread-local.
///
/// A handler that returns an error has it logged; the client gets a 500 if nothing has been sent
/// yet, and otherwise sees its connection break off, so that it never takes half an answer for a
/// whole one. The same happens, without the 500, to the connection of a handler that panics; other
/// connections go on.
pub trait Handler: Send + Sync + 'static {
    /// Answers `request` through `response`.
    ///
    /// # Errors
    ///
    /// Any: see above for what becomes of it.
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

/// A handler out of a function that returns a finished response.
pub fn respond<F>(function: F) -> impl Handler
where
    F: Fn(&mut Request) -> Result<Response> + Send + Sync + 'static,
{
    move |writer: &mut ResponseWriter, request: &mut Request| writer.send(function(request)?)
}
