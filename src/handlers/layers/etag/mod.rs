//! Entity tags of responses, and the conditions of requests that they answer.
//!
//! | file | contents |
//! | --- | --- |
//! | `mod.rs` | the layer and its options |
//! | `conditions.rs` | If-Match and If-None-Match |
//! | `filter.rs` | the filter of one response |
//! | `hash.rs` | the hash of a body |

mod conditions;
mod filter;
mod hash;

use http::Method;

use crate::{Handler, Layer, Request, ResponseWriter, Result};
use conditions::Conditions;
use filter::ETagFilter;

/// Up to this size, in bytes, a body is held back by default.
const LIMIT: usize = 256 * 1024;

/// An `ETag` for responses that have none, and the 304 that saves sending a body again (RFC 9110 section 13).
///
/// The tag is a hash of the body, so the layer holds the body back until it is complete. The handler still does
/// all of its work: a handler that knows a cheaper validator, such as a version, sets `ETag` itself. The layer
/// then only checks the conditions.
///
/// ```
/// use hangup::layers::ETag;
/// use hangup::{HandlerExt, Request, respond, testing};
///
/// let handler = respond(|_| Ok("hello")).layer(ETag::new());
/// let response = testing::call(&handler, Request::new(()))?;
/// let tag = &response.headers()["etag"];
///
/// let request = Request::get("/").header("if-none-match", tag).body("")?;
/// assert_eq!(testing::call(&handler, request)?.status(), 304);
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Which responses
///
/// A tag is computed for a response to GET with status 200, if all of these are true:
///
/// * Its body has at most [`limit`](Self::limit) bytes, and the handler does not flush it before its end.
/// * It has neither `ETag` nor `Cache-Control: no-store`.
///
/// A response to HEAD has no computed tag, since its body is not there to be hashed.
///
/// For a response to GET or HEAD with status 200 and a tag, `If-Match` is answered with 412 if no tag is
/// the same, and `If-None-Match` with 304 if one is. Conditions of other methods are up to the handler,
/// which has to check them before it changes anything.
///
/// # Compression
///
/// Put `Compress` around this layer: `handler.layer(ETag::new()).layer(Compress::new())`.
/// Then the tag is that of the body before compression, a 304 saves the compression too, and
/// `Compress` makes the tag weak. In the other order each coding has its own strong tag, but every
/// body is compressed before a 304 is sent.
///
/// # Security
///
/// The hash has 128 bits (FNV-1a) and is not cryptographic. A user who chooses the whole body of a resource can
/// make two bodies with the same tag.
#[derive(Clone, Debug)]
#[must_use = "a layer has no effect before it is put around a handler"]
pub struct ETag {
    limit: usize,
    weak: bool,
}

impl Default for ETag {
    fn default() -> Self {
        Self::new()
    }
}

impl ETag {
    /// Creates a layer that makes strong tags.
    pub fn new() -> Self {
        Self { limit: LIMIT, weak: false }
    }

    /// Sets the largest body that gets a tag, in bytes. The default is 256 KiB. A response needs that much memory
    /// while it is made.
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Makes weak tags, for bodies that mean the same if their bytes are. A weak tag allows no ranges.
    pub fn weak(mut self) -> Self {
        self.weak = true;
        self
    }
}

impl Layer for ETag {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        if [Method::GET, Method::HEAD].contains(r.method()) {
            let conditions = Conditions::of(r.headers());
            w.filter(ETagFilter::new(conditions, self.limit, self.weak));
        }
        next.handle(w, r)
    }
}
