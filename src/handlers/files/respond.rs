//! From a representation to a response: preconditions, ranges, header fields.

use std::ops::Range;
use std::time::SystemTime;

use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LAST_MODIFIED, LOCATION, RANGE, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::conditions::{self, Validators, Verdict};
use super::date;
use super::listing;
use super::multipart;
use super::options::Options;
use super::range::{self, Selection};
use super::representation::Representation;
use crate::{Body, Error, Request, ResponseWriter, Result};

const BYTES: HeaderValue = HeaderValue::from_static("bytes");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// A file with what its response says about it.
pub(super) struct Found {
    pub(super) file: Representation,
    pub(super) content_type: HeaderValue,
    /// The coding that the file is in, if it was compressed in advance.
    pub(super) coding: Option<&'static str>,
}

/// Responds with a file, or with the part that the request asks for.
///
/// # Errors
///
/// The status 412 if a precondition failed, 416 if no range can be satisfied, and the errors of writing.
pub(super) fn file(
    w: &mut ResponseWriter,
    r: &Request,
    found: Found,
    options: &Options,
) -> Result<()> {
    let last_modified =
        found.file.modified.and_then(|modified| date::validator(modified, SystemTime::now()));
    let etag = Some(found.file.etag.as_str());
    let verdict = conditions::evaluate(r.method(), r.headers(), Validators { etag, last_modified });
    if verdict == Verdict::Failed {
        return Err(StatusCode::PRECONDITION_FAILED.into());
    }
    let mut headers = std::mem::take(w.headers_mut());
    add_validators(&mut headers, &found.file.etag, last_modified);
    add_policies(&mut headers, options);
    let selection = match verdict {
        Verdict::NotModified => return send(w, StatusCode::NOT_MODIFIED, headers, Body::empty()),
        Verdict::Proceed { ranges: true } => selection(r.headers(), found.file.length),
        _ => Selection::Whole,
    };
    headers.insert(ACCEPT_RANGES, BYTES);
    if let Some(coding) = found.coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    match selection {
        Selection::Whole => whole(w, StatusCode::OK, headers, &found),
        Selection::Unsatisfiable => Err(unsatisfiable(found.file.length)),
        Selection::Parts(parts) => match &parts[..] {
            [range] => one_range(w, headers, &found, range),
            ranges => several_ranges(w, headers, &found, ranges),
        },
    }
}

/// Selects the bytes that the Range field asks for. A field that stands twice is malformed.
fn selection(headers: &HeaderMap, length: u64) -> Selection {
    let mut fields = headers.get_all(RANGE).iter();
    match (fields.next(), fields.next()) {
        (Some(field), None) => range::select(field.as_bytes(), length),
        _ => Selection::Whole,
    }
}

fn add_validators(headers: &mut HeaderMap, etag: &str, last_modified: Option<SystemTime>) {
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(ETAG, etag);
    }
    if let Some(modified) = last_modified {
        if let Ok(modified) = HeaderValue::try_from(date::format(modified)) {
            headers.insert(LAST_MODIFIED, modified);
        }
    }
}

/// Adds the fields that the options ask for.
fn add_policies(headers: &mut HeaderMap, options: &Options) {
    if let Some(value) = &options.cache_control {
        headers.insert(CACHE_CONTROL, value.clone());
    }
    if options.precompressed {
        headers.append(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
    }
    if options.nosniff {
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
}

fn whole(
    w: &mut ResponseWriter,
    status: StatusCode,
    mut headers: HeaderMap,
    found: &Found,
) -> Result<()> {
    headers.entry(CONTENT_TYPE).or_insert_with(|| found.content_type.clone());
    send(w, status, headers, found.file.body(0..found.file.length))
}

fn one_range(
    w: &mut ResponseWriter,
    mut headers: HeaderMap,
    found: &Found,
    range: &Range<u64>,
) -> Result<()> {
    let content_range = multipart::content_range(range, found.file.length);
    headers.insert(CONTENT_RANGE, HeaderValue::try_from(content_range)?);
    headers.entry(CONTENT_TYPE).or_insert_with(|| found.content_type.clone());
    send(w, StatusCode::PARTIAL_CONTENT, headers, found.file.body(range.clone()))
}

fn several_ranges(
    w: &mut ResponseWriter,
    mut headers: HeaderMap,
    found: &Found,
    ranges: &[Range<u64>],
) -> Result<()> {
    let kind = headers.remove(CONTENT_TYPE).unwrap_or_else(|| found.content_type.clone());
    match multipart::body(&found.file, ranges, &kind) {
        Some(parts) => {
            headers.insert(CONTENT_TYPE, parts.content_type);
            send(w, StatusCode::PARTIAL_CONTENT, headers, parts.body)
        }
        None => {
            headers.insert(CONTENT_TYPE, kind);
            whole(w, StatusCode::OK, headers, found)
        }
    }
}

/// Returns the response if no range has a byte of the file (RFC 9110 section 15.5.17).
fn unsatisfiable(length: u64) -> Error {
    let error = Error::status(StatusCode::RANGE_NOT_SATISFIABLE, "");
    match HeaderValue::try_from(format!("bytes */{length}")) {
        Ok(value) => error.with_header(CONTENT_RANGE, value).with_header(ACCEPT_RANGES, BYTES),
        Err(invalid) => invalid.into(),
    }
}

/// Responds with a page in place of a file that is not there. It has no validators: they are the page's,
/// not those of the file that was asked for.
pub(super) fn missing(w: &mut ResponseWriter, page: &Found, options: &Options) -> Result<()> {
    let mut headers = std::mem::take(w.headers_mut());
    if options.nosniff {
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    whole(w, StatusCode::NOT_FOUND, headers, page)
}

/// Returns the response to a method that files do not have.
pub(super) fn method_not_allowed() -> Error {
    Error::status(StatusCode::METHOD_NOT_ALLOWED, "")
        .with_header(ALLOW, HeaderValue::from_static("GET, HEAD"))
}

/// Redirects to a directory with its final slash.
pub(super) fn redirect(w: &mut ResponseWriter, location: String) -> Result<()> {
    let mut headers = std::mem::take(w.headers_mut());
    headers.insert(LOCATION, HeaderValue::try_from(location)?);
    send(w, StatusCode::PERMANENT_REDIRECT, headers, Body::empty())
}

/// Responds with the page of a directory.
pub(super) fn page(w: &mut ResponseWriter, page: String) -> Result<()> {
    let mut headers = std::mem::take(w.headers_mut());
    headers.insert(CONTENT_TYPE, HTML);
    let policy = HeaderValue::from_static(listing::SECURITY_POLICY);
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    send(w, StatusCode::OK, headers, Body::from(page))
}

/// Sends a response. `headers` are those that outer layers have set, and ours.
fn send(w: &mut ResponseWriter, status: StatusCode, headers: HeaderMap, body: Body) -> Result<()> {
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    w.send(response)
}
