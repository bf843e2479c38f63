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

/// A request of the `http` crate, with a [`Body`] unless another type is named.
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

/// Answers requests. Every function of the right shape is one.
///
/// A server takes a function or closure in `new`, and any other handler in `with_handler`: a struct, an
/// `Arc` of one, a `Box<dyn Handler>`. There are two because the compiler infers the types of a
/// closure's parameters from a bound on `Fn` alone, never from one on a trait that closures implement:
/// `Server::new(|w, r| …)` needs the first, a struct the second.
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

/// Makes a handler of a function that returns a finished response. The result is a function as well.
pub fn respond<F>(
    function: F,
) -> impl Fn(&mut ResponseWriter, &mut Request) -> Result<()> + Send + Sync + 'static
where
    F: Fn(&mut Request) -> Result<Response> + Send + Sync + 'static,
{
    move |writer: &mut ResponseWriter, request: &mut Request| writer.send(function(request)?)
}
