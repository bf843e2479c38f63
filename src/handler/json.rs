//! Responses in JSON (RFC 8259).

use serde_core::Serialize;

use super::into_response::IntoResponse;
use crate::body::Body;
use crate::error::Result;
use crate::message::Response;

/// A response in JSON: `Json(value)`. Needs the feature `json`.
///
/// ```
/// use hangup::{Json, respond};
///
/// #[derive(serde::Serialize)]
/// struct Item {
///     id: u64,
/// }
///
/// let handler = respond(|_| Ok(Json(Item { id: 7 })));
/// # let mut response = hangup::testing::call(&handler, hangup::Request::new(()))?;
/// # assert_eq!(response.headers()["content-type"], "application/json");
/// # assert_eq!(response.body_mut().read_text(100)?, r#"{"id":7}"#);
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// A value that JSON cannot hold is an error, as in [`Body::json`]. The client then gets a 500.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Result<Response> {
        Body::json(&self.0).map(Response::new)
    }
}
