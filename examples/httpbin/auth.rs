//! Endpoints that require credentials.

use base64::prelude::{BASE64_STANDARD, Engine};
use hangup::http::header::{AUTHORIZATION, CONTENT_LENGTH, WWW_AUTHENTICATE};
use hangup::http::{HeaderValue, StatusCode};
use hangup::{Request, ResponseWriter};
use serde_json::json;

use crate::answer::{self, Answered};
use crate::inspect::{header, value};
use crate::statuses::answer_with;

pub(crate) fn basic(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    basic_or(StatusCode::UNAUTHORIZED, w, r)
}

/// Responds 404 without credentials, so the client does not learn that it needs any.
pub(crate) fn hidden(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    basic_or(StatusCode::NOT_FOUND, w, r)
}

fn basic_or(refused: StatusCode, w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let user = value(r, "user");
    let expected = format!("{user}:{}", value(r, "password"));
    if credentials(r).is_none_or(|credentials| credentials != expected.as_bytes()) {
        return answer_with(w, refused);
    }
    Ok(answer::json(w, &json!({ "authenticated": true, "user": user }))?)
}

/// Returns `user:password` of Basic authentication (RFC 7617).
fn credentials(r: &Request) -> Option<Vec<u8>> {
    let header = header(r, &AUTHORIZATION)?;
    let (scheme, encoded) = header.split_once(' ')?;
    let is_basic = scheme.eq_ignore_ascii_case("basic");
    is_basic.then(|| BASE64_STANDARD.decode(encoded.trim()).ok()).flatten()
}

pub(crate) fn bearer(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let header = header(r, &AUTHORIZATION).unwrap_or_default();
    let Some(token) = header.strip_prefix("Bearer ") else {
        w.set_status(StatusCode::UNAUTHORIZED).headers_mut().extend([
            (WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            (CONTENT_LENGTH, 0.into()),
        ]);
        return Ok(());
    };
    Ok(answer::json(w, &json!({ "authenticated": true, "token": token }))?)
}
