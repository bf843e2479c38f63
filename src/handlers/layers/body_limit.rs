//! A limit on the size of requests' bodies.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;

use crate::text::counted;
use crate::{Error, Handler, Layer, Request, ResponseWriter, Result};

/// A limit on the size of requests' bodies. Larger ones are refused with 413.
///
/// A body whose `Content-Length` exceeds the limit is refused before the handler runs and before anything
/// of it is read. A client that sent `Expect: 100-continue` then gets no 100, and does not send the body. A
/// chunked body is counted as the handler reads it. The read that exceeds the limit fails with
/// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge). The client gets a 413 whatever error the handler
/// makes of that.
///
/// ```
/// use hangup::layers::BodyLimit;
/// use hangup::{Body, HandlerExt, Request, respond, testing};
///
/// let handler = respond(|r| r.body_mut().read_text(1 << 20))
///     .layer(BodyLimit::new(10));
/// let response = testing::call(&handler, Request::post("/").body("ten bytes!")?)?;
/// assert_eq!(response.status(), 200);
/// let chunks = Body::from_chunks(["eleven ", "bytes"]);
/// let response = testing::call(&handler, Request::post("/").body(chunks)?)?;
/// assert_eq!(response.status(), 413);
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// The limit counts the bytes on the wire, without chunk framing. A layer inside that decodes the body bounds
/// the decoded bytes itself.
///
/// # Several limits
///
/// Of nested limits the least counts. So an inner layer cannot raise the limit of an outer one. A route that
/// takes larger bodies has its layer beside the common one and not within it: around its own handler, while
/// the common one is around a nested router with the other routes. [`by`](Self::by) does the same with one
/// layer around everything:
///
/// ```
/// use hangup::layers::BodyLimit;
///
/// let limit = BodyLimit::by(|r| match r.uri().path() {
///     "/upload" => 1 << 30,
///     _ => 64 << 10,
/// });
/// ```
#[derive(Clone)]
pub struct BodyLimit(Limit);

#[derive(Clone)]
enum Limit {
    Fixed(u64),
    By(Arc<dyn Fn(&Request) -> u64 + Send + Sync>),
}

impl BodyLimit {
    /// Creates a limit of `bytes` for each request.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self(Limit::Fixed(bytes))
    }

    /// Creates a limit that `limit` returns for each request, in bytes.
    #[must_use]
    pub fn by(limit: impl Fn(&Request) -> u64 + Send + Sync + 'static) -> Self {
        Self(Limit::By(Arc::new(limit)))
    }
}

impl Layer for BodyLimit {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        let limit = match &self.0 {
            Limit::Fixed(bytes) => *bytes,
            Limit::By(limit) => limit(r),
        };
        match r.body().len() {
            Some(length) if length > limit => return Err(refusal(length, limit)),
            // The framing keeps a body to the length that it declares.
            Some(_) => {}
            None => {
                let body = std::mem::take(r.body_mut());
                *r.body_mut() = body.limited(limit);
            }
        }
        next.handle(w, r)
    }
}

#[cold]
fn refusal(length: u64, limit: u64) -> Error {
    let (length, limit) = (counted(length, "byte"), counted(limit, "byte"));
    let text = format!("the body has {length}, and the limit is {limit}");
    Error::status(StatusCode::PAYLOAD_TOO_LARGE, text)
}

impl fmt::Debug for BodyLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("BodyLimit");
        match &self.0 {
            Limit::Fixed(bytes) => debug.field(bytes).finish(),
            Limit::By(_) => debug.finish_non_exhaustive(),
        }
    }
}
