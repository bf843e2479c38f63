//! Handlers, which respond to requests over HTTP, FastCGI and CGI alike.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `mod.rs` | `Handler`, and the types of requests and responses |
//! | `request.rs` | what a request carries beyond its head and body |
//! | `received.rs` | where that is kept: the request's extension |
//! | `response.rs` | the response as its handler writes it |
//! | `filter.rs` | filters between a handler and the wire |
//! | `layer.rs` | layers around a handler |
//! | `outcome.rs` | how a response has ended |
//! | `gateway.rs` | what a web server passes to a handler, over FastCGI and CGI |
//! | `into_response.rs` | the values that a handler may return |
//! | `html.rs` `json.rs` `redirect.rs` | such values |
//! | `set_cookie.rs` | cookies that a response sets |
//! | `interim.rs` | interim responses from any thread |
//! | `sink.rs` | the wire below a response, which each protocol implements |

mod filter;
mod gateway;
mod html;
mod interim;
mod into_response;
#[cfg(feature = "json")]
mod json;
mod layer;
mod outcome;
mod received;
mod redirect;
mod request;
mod response;
mod set_cookie;
mod sink;

use std::sync::Arc;

pub use filter::{Filter, FilterOutput, Head};
pub use gateway::{ErrorStream, Variables};
pub use html::Html;
pub use interim::InterimSender;
pub(crate) use interim::SendInterim;
pub use into_response::IntoResponse;
#[cfg(feature = "json")]
pub use json::Json;
pub use layer::{HandlerExt, Layer, Layered};
pub use outcome::{OutcomeKind, ResponseOutcome};
pub use received::CloseNotify;
pub(crate) use received::{RequestInfo, clear_extensions, is_client_gone, set_info};
pub use redirect::Redirect;
pub use request::RequestExt;
pub(crate) use response::ResponseState;
pub use response::ResponseWriter;
pub use set_cookie::SetCookie;
pub(crate) use sink::{FinalHead, Length, ResponseEnd, Sink};

use crate::error::Result;
pub(crate) use crate::message::{Request, Response};

/// Responds to requests. Every function of the right shape is a handler.
///
/// ```
/// use hangup::{Request, ResponseWriter, Result, respond};
/// use std::io::Write;
///
/// fn greet(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
///     writeln!(w, "hello {}", r.uri().path())?;
///     Ok(())
/// }
/// # fn takes(_: impl hangup::Handler) {}
/// # takes(greet);
/// # takes(
/// respond(|r| Ok(format!("hello {}", r.uri().path())))
/// # );
/// ```
///
/// The same handler serves HTTP ([`Server`](crate::Server)), FastCGI ([`fcgi`](crate::fcgi)) and CGI
/// ([`cgi`](crate::cgi)). [`respond`] makes a handler of a function that returns a finished response,
/// such as text. [`HandlerExt`] puts [layers](Layer) around a handler.
/// [`testing::call`](crate::testing::call) runs it without a socket.
///
/// A server takes a function or closure in `new`, and any other handler in `with_handler`: a struct, an
/// `Arc` of one, a `Box<dyn Handler>`. There are two methods because the compiler infers the parameter types
/// of a closure from a bound on `Fn` only, not from one on a trait that closures implement.
///
/// # Threads
///
/// Handlers of different connections run at the same time, each on its connection's thread. Threads are
/// reused, so a later request may see the values that a handler has left in thread-local variables.
///
/// # Errors of handlers
///
/// If nothing was sent yet, an error that a handler returns becomes a response:
///
/// | cause | response | log level |
/// | --- | --- | --- |
/// | the request's own body is malformed | 400 | `debug` |
/// | it is larger than a limit, such as that of [`Body::read_bytes`](crate::Body::read_bytes) | 413 | `debug` |
/// | it arrived too slowly | 408 | `debug` |
/// | its trailers are too large | 431 | `debug` |
/// | the client has gone away | none | `debug` |
/// | the error was made by [`Error::status`](crate::Error::status) | that status and text | `warn` from 500, otherwise `debug` |
/// | any other | 500, without the error's text | `warn` |
///
/// If the request's body has failed, that failure decides, whatever error the handler returns. If the
/// handler's own call to another server fails, that counts as any other error. A server's
/// [`on_error`](crate::Server::on_error) function may replace the response.
///
/// If a part of the response was already sent, the server breaks off the connection. A client never takes
/// half a response for a complete one. The same happens if a handler panics. Other connections are not
/// affected.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    note = "a handler is a function `fn(&mut ResponseWriter, &mut Request) -> hangup::Result<()>`, or a type that implements `Handler`",
    note = "`hangup::respond` makes a handler of a function that returns its response"
)]
pub trait Handler: Send + Sync + 'static {
    /// Responds to `request` through `response`.
    ///
    /// # Errors
    ///
    /// Any error. The description of the trait says how the server responds to it.
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

/// Makes a handler of a function that returns its response: text, [`Json`](crate::Json), an
/// [`http::Response`], or any other value that [`IntoResponse`] lists. The value cannot borrow from the
/// request. The handler is a function as well.
///
/// ```
/// use hangup::{Server, respond};
///
/// let server = Server::new(respond(|r| {
///     let text = r.body_mut().read_text(1 << 20)?;
///     Ok(text.to_uppercase())
/// }));
/// # drop(server);
/// ```
pub fn respond<F, T>(
    function: F,
) -> impl Fn(&mut ResponseWriter, &mut Request) -> Result<()> + Send + Sync + 'static
where
    F: Fn(&mut Request) -> Result<T> + Send + Sync + 'static,
    T: IntoResponse + 'static,
{
    move |writer: &mut ResponseWriter, request: &mut Request| writer.send(function(request)?)
}
