//! Errors as problem documents (RFC 9457).

use hangup::http::StatusCode;
use hangup::http::header::{CONTENT_TYPE, HeaderValue};
use hangup::{Error, IntoResponse, Json, Request, Response, Result};
use serde::Serialize;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A problem document. Its type is `about:blank`: the status says everything.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The fields that are not valid.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Violation>,
}

/// A field that is not valid.
#[derive(Debug, Serialize)]
pub(crate) struct Violation {
    pub(crate) field: String,
    pub(crate) why: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<Option<String>>) -> Self {
        Self {
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// Returns the problem of a body that is well-formed and not valid.
    pub(crate) fn invalid(errors: Vec<Violation>) -> Self {
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, None) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Result<Response> {
        let mut response = Json(&self).into_response()?;
        *response.status_mut() = StatusCode::from_u16(self.status).map_err(Error::other)?;
        response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
        Ok(response)
    }
}

/// Returns the response to an error of a handler, a layer or the server. Only the text of an error that is
/// meant for the client is shown.
pub(crate) fn of_error(error: &Error, status: StatusCode, _: &Request) -> Response {
    let shown = error.status_code() == Some(status) && !status.is_server_error();
    let text = error.to_string();
    // The title has the status already.
    let text = text.strip_prefix(&format!("{status}: ")).filter(|_| shown);
    let detail = text.map(str::to_owned);
    let problem = Problem::new(status, detail).into_response();
    problem.unwrap_or_else(|_| {
        let mut plain = Response::default();
        *plain.status_mut() = status;
        plain
    })
}
