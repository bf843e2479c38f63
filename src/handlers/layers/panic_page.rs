//! A response to a request whose handler panicked.

use std::any::Any;
use std::fmt;

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};

use crate::logging as log;
use crate::{Error, Handler, Layer, Request, Response, ResponseWriter, Result, unwind};

/// A 500 page for a request whose handler panicked.
///
/// Without this layer the server closes the connection without a response, as after every failure in the middle
/// of one. With it, the client gets a page if nothing was sent yet. Otherwise the connection is closed.
///
/// The panic is logged at `error` with the request and the panic's message. The process's panic hook prints the
/// place. [`PanicPage::has_panicked`] returns `true` for the request from then on, and an
/// [`AccessLog`](super::AccessLog) outside of this layer logs it as panicked.
///
/// ```
/// use hangup::layers::PanicPage;
/// use hangup::{HandlerExt, Request, respond, testing};
///
/// let handler = respond(|_| -> hangup::Result<hangup::Response> { panic!("a bug") });
/// let handler = handler.layer(PanicPage::html("<h1>Something went wrong</h1>"));
/// let mut response = testing::call(&handler, Request::new(()))?;
/// assert_eq!(response.status(), 500);
/// assert_eq!(response.body_mut().read_text(100)?, "<h1>Something went wrong</h1>");
/// # Ok::<(), hangup::Error>(())
/// ```
#[must_use = "a layer has no effect before it is put around a handler"]
pub struct PanicPage {
    page: Box<Page>,
}

type Page = dyn Fn(&Request) -> Response + Send + Sync;

/// The extension of a request whose handler panicked.
#[derive(Clone)]
struct Panicked;

impl Default for PanicPage {
    fn default() -> Self {
        Self::new()
    }
}

impl PanicPage {
    /// Creates a layer that responds with one line of text.
    pub fn new() -> Self {
        Self::with(|_| {
            let body = format!("{}\n", StatusCode::INTERNAL_SERVER_ERROR);
            page(body, "text/plain; charset=utf-8")
        })
    }

    /// Creates a layer that responds with an HTML page.
    pub fn html(html: impl Into<String>) -> Self {
        let html = html.into();
        Self::with(move |_| page(html.clone(), "text/html; charset=utf-8"))
    }

    /// Creates a layer that calls `page` for the response. Its status is 500 unless the function sets
    /// another status than 200.
    pub fn with(page: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self { page: Box::new(page) }
    }

    /// Returns `true` if a handler of this request panicked inside of this layer.
    #[must_use]
    pub fn has_panicked(request: &Request) -> bool {
        request.extensions().get::<Panicked>().is_some()
    }
}

fn page(body: String, kind: &'static str) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

impl Layer for PanicPage {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        let mut text = None;
        let call = || next.handle(w, r);
        if let Some(outcome) = unwind::contain(call, |payload| text = Some(message(payload))) {
            return outcome;
        }
        let text = text.unwrap_or_default();
        log::error!("handler of {} {} panicked: {text}", r.method(), r.uri().path());
        r.extensions_mut().insert(Panicked);
        if w.is_head_sent() {
            let message = format!("the handler panicked: {text}");
            return Err(Error::other(message));
        }
        let mut response = (self.page)(r);
        if response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        // The headers of the failed handler belong to another response, such as its Cache-Control.
        w.headers_mut().clear();
        w.trailers_mut().clear();
        w.send(response)
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("(payload is not a string)")
        .to_owned()
}

impl fmt::Debug for PanicPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PanicPage").finish_non_exhaustive()
    }
}
