//! Local redirects: a program names the path whose response the client gets (RFC 3875 section 6.2.2).

use std::fmt;
use std::sync::Arc;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, TRANSFER_ENCODING};
use http::{Method, StatusCode};

use crate::body::Body;
use crate::error::Result;
use crate::h1;
use crate::handler::{Handler, Request, RequestExt, Response, ResponseWriter};
use crate::logging as log;

/// The most local redirects of one request.
const MAX_REDIRECTS: u8 = 10;

/// The handler of local redirects.
#[derive(Clone)]
pub(crate) struct LocalRedirects(Arc<dyn Handler>);

/// Marks a response that is a local redirect.
#[derive(Clone, Copy)]
pub(crate) struct IsLocalRedirect;

/// Counts the local redirects of a request.
#[derive(Clone, Copy, Default)]
struct Count(u8);

impl LocalRedirects {
    pub(crate) fn new(handler: impl Handler) -> Self {
        Self(Arc::new(handler))
    }

    /// Responds with the path that `redirect` names, as to a GET without a body.
    pub(crate) fn follow(
        &self,
        redirect: Response,
        response: &mut ResponseWriter,
        request: &mut Request,
    ) -> Result<()> {
        let location = redirect.headers().get(LOCATION).cloned();
        // Frees the program before the next one runs.
        drop(redirect);
        let target = location.and_then(|path| h1::parse_target(&Method::GET, path.as_bytes()));
        let count = request.extensions_mut().get_or_insert_default::<Count>();
        count.0 += 1;
        let (Some(target), false) = (target, count.0 > MAX_REDIRECTS) else {
            log::warn!("local redirect refused: an invalid path, or more than {MAX_REDIRECTS}");
            return Err(StatusCode::BAD_GATEWAY.into());
        };
        request.set_original_uri(target.clone());
        *request.uri_mut() = target;
        if *request.method() != Method::HEAD {
            *request.method_mut() = Method::GET;
        }
        *request.body_mut() = Body::empty();
        for name in [CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING] {
            request.headers_mut().remove(name);
        }
        self.0.handle(response, request)
    }
}

impl fmt::Debug for LocalRedirects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalRedirects")
    }
}
