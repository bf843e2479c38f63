//! Endpoints for caches, and for headers that the client chooses.

use std::time::SystemTime;

use hangup::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, TRANSFER_ENCODING,
};
use hangup::http::{HeaderName, HeaderValue, StatusCode};
use hangup::{Request, ResponseWriter};
use serde_json::Value;

use crate::answer::{self, Answered, whole_number};
use crate::fields;
use crate::inspect::{args, header, value, without_body};
use crate::random::Random;
use crate::statuses::answer_with;

/// Responds 304 to a conditional request. The resource never changes.
pub(crate) fn cache(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    if [IF_MODIFIED_SINCE, IF_NONE_MATCH].iter().any(|name| r.headers().contains_key(name)) {
        return answer_with(w, StatusCode::NOT_MODIFIED);
    }
    w.set_header(LAST_MODIFIED, httpdate::fmt_http_date(SystemTime::now()))?;
    w.set_header(ETAG, Random::new().uuid().replace('-', ""))?;
    without_body(w, r)
}

pub(crate) fn cache_for(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let seconds = whole_number(value(r, "seconds"))?;
    w.set_header(CACHE_CONTROL, format!("public, max-age={seconds}"))?;
    without_body(w, r)
}

/// Sends the tag exactly as the path has it, without the quotes that RFC 9110 requires. The API is
/// defined this way.
pub(crate) fn etag(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let listed = |name| header(r, &name).map(|list| lists(&list, value(r, "tag")));
    match (listed(IF_NONE_MATCH), listed(IF_MATCH)) {
        (Some(true), _) => {
            answer::set(w, ETAG, value(r, "tag"))?;
            answer_with(w, StatusCode::NOT_MODIFIED)
        }
        (None, Some(false)) => answer_with(w, StatusCode::PRECONDITION_FAILED),
        _ => {
            answer::set(w, ETAG, value(r, "tag"))?;
            without_body(w, r)
        }
    }
}

/// Returns `true` if the list of entity tags has this one. Tags may be weak or unquoted.
fn lists(list: &str, tag: &str) -> bool {
    let mut tags = list.split(',').map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'));
    tags.any(|listed| listed == tag || listed == "*")
}

/// Sets the query's pairs as headers and responds with all headers of the response.
pub(crate) fn response_headers(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let mut pairs = args(r);
    pairs.retain(|(name, _)| !is_ours(name));
    if !pairs.iter().any(|(name, _)| CONTENT_TYPE == name.as_str()) {
        pairs.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    for (name, value) in &pairs {
        let wrong = || answer::bad(format!("{name}: {value:?} is not a valid header"));
        let header = HeaderName::try_from(name.as_str()).map_err(|_| wrong())?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong())?;
        w.headers_mut().append(header, value);
    }
    let body = with_length(fields::object(pairs));
    let kind = w.headers()[CONTENT_TYPE].clone();
    answer::whole(w, "application/json", body.as_bytes())?;
    w.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(())
}

/// Returns `true` for headers that frame the body, which a query must not set.
fn is_ours(name: &str) -> bool {
    [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|ours| *ours == *name)
}

/// Returns the object as text, with the text's length as one of its fields.
fn with_length(mut object: Value) -> String {
    let mut length = 0;
    loop {
        object["Content-Length"] = length.to_string().into();
        let text = answer::pretty(&object);
        // More digits make the text longer, so the loop ends.
        if text.len() == length {
            return text;
        }
        length = text.len();
    }
}
