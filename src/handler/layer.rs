//! Layers, which are handlers around handlers.

use std::fmt;
use std::sync::Arc;

use super::{Handler, Request, ResponseWriter};
use crate::error::Result;

/// Runs code before, after, or instead of a handler.
///
/// A layer calls `next` once, several times, or not at all. Before the call it can change the request, set
/// headers, add a [`Filter`](crate::Filter) or narrow the request's context with
/// [`RequestExt::set_context`](crate::RequestExt::set_context). After it, the layer sees the handler's
/// error, and can change the head as long as it was not sent.
///
/// The part of a response that `next` has left in the writer's buffer is sent after the layer has
/// returned. A layer that must see the finished response adds a filter.
///
/// Every function of the right shape is a layer. [`HandlerExt`] puts a layer around a handler.
///
/// # Examples
///
/// ```
/// use hangup::{Handler, HandlerExt, Layer, Request, ResponseWriter, Result, Server};
/// use std::io::Write;
///
/// struct Header(&'static str, &'static str);
///
/// impl Layer for Header {
///     fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
///         w.set_header(self.0, self.1)?;
///         next.handle(w, r)
///     }
/// }
///
/// fn hello(w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
///     Ok(w.write_all(b"hello")?)
/// }
///
/// let server = Server::with_handler(hello.layer(Header("x-served-by", "hangup")));
/// # drop(server);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer",
    note = "a layer is a function `fn(&mut ResponseWriter, &mut Request, &dyn Handler) -> hangup::Result<()>`, or a type that implements `Layer`",
    note = "closures without written-out types are given to `layer_fn`"
)]
pub trait Layer: Send + Sync + 'static {
    /// Responds to `request` through `response`, usually by a call of `next`.
    ///
    /// # Errors
    ///
    /// The error of `next`, or one of the layer's. The server responds to it as to a handler's.
    fn handle(
        &self,
        response: &mut ResponseWriter<'_>,
        request: &mut Request,
        next: &dyn Handler,
    ) -> Result<()>;
}

impl<F> Layer for F
where
    F: Fn(&mut ResponseWriter<'_>, &mut Request, &dyn Handler) -> Result<()>
        + Send
        + Sync
        + 'static,
{
    fn handle(
        &self,
        response: &mut ResponseWriter<'_>,
        request: &mut Request,
        next: &dyn Handler,
    ) -> Result<()> {
        self(response, request, next)
    }
}

impl<L: Layer + ?Sized> Layer for Arc<L> {
    fn handle(
        &self,
        response: &mut ResponseWriter<'_>,
        request: &mut Request,
        next: &dyn Handler,
    ) -> Result<()> {
        (**self).handle(response, request, next)
    }
}

impl Layer for Box<dyn Layer> {
    fn handle(
        &self,
        response: &mut ResponseWriter<'_>,
        request: &mut Request,
        next: &dyn Handler,
    ) -> Result<()> {
        (**self).handle(response, request, next)
    }
}

/// Puts layers around a handler. Every [`Handler`] has these methods.
///
/// # Order
///
/// The layer that was added last is the outermost: it runs first, and sees the result last.
///
/// ```
/// use hangup::{HandlerExt, Request, respond, testing};
///
/// let handler = respond(|_| Ok("hello"))
///     .layer_fn(|w, r, next| {
///         w.set_header("x-inner", "runs second")?;
///         next.handle(w, r)
///     })
///     .layer_fn(|w, r, next| match r.uri().path() {
///         "/secret" => Err(http::StatusCode::FORBIDDEN.into()), // `next` never runs
///         _ => next.handle(w, r),
///     });
/// let request = Request::builder().uri("/secret").body("")?;
/// assert_eq!(testing::call(&handler, request)?.status(), 403);
/// # Ok::<(), hangup::Error>(())
/// ```
pub trait HandlerExt: Handler + Sized + sealed::Sealed {
    /// Puts `layer` around this handler.
    ///
    /// The compiler infers no parameter types for a closure here. They are written out, or the closure is
    /// given to [`layer_fn`](Self::layer_fn).
    fn layer<L: Layer>(self, layer: L) -> Layered<L, Self> {
        Layered { layer, handler: self }
    }

    /// Puts a function or closure around this handler: `handler.layer_fn(|w, r, next| next.handle(w, r))`.
    fn layer_fn<F>(self, layer: F) -> Layered<F, Self>
    where
        F: Fn(&mut ResponseWriter<'_>, &mut Request, &dyn Handler) -> Result<()>
            + Send
            + Sync
            + 'static,
    {
        self.layer(layer)
    }
}

impl<H: Handler> HandlerExt for H {}

mod sealed {
    pub trait Sealed {}
    impl<H: super::Handler> Sealed for H {}
}

/// A handler with a layer around it, made by [`HandlerExt`].
#[derive(Clone)]
pub struct Layered<L, H> {
    layer: L,
    handler: H,
}

impl<L: Layer, H: Handler> Handler for Layered<L, H> {
    fn handle(&self, response: &mut ResponseWriter<'_>, request: &mut Request) -> Result<()> {
        self.layer.handle(response, request, &self.handler)
    }
}

impl<L, H> fmt::Debug for Layered<L, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layered").finish_non_exhaustive()
    }
}
