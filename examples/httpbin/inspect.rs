//! Endpoints that send the request back.

use hangup::bytes::Bytes;
use hangup::extract::MultipartLimits;
use hangup::http::HeaderName;
use hangup::http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hangup::{Request, RequestExt, ResponseWriter, Result};
use serde_json::{Map, Value, json};

use crate::answer::{self, Answered};
use crate::fields;

/// The longest body, in bytes. Body and response are held in memory.
pub(crate) const LONGEST_BODY: u64 = 16 << 20;

/// The fields of a response that ignores the request's body.
pub(crate) const HEAD: &[&str] = &["args", "headers", "origin", "url"];

/// The fields of a response that includes the request's body.
const ALL: &[&str] = &["args", "data", "files", "form", "headers", "json", "origin", "url"];

pub(crate) fn without_body(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    Ok(answer::json(w, &facts(r, HEAD)?.into())?)
}

pub(crate) fn with_body(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    Ok(answer::json(w, &facts(r, ALL)?.into())?)
}

pub(crate) fn anything(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let mut facts = facts(r, ALL)?;
    facts.insert("method".into(), r.method().as_str().into());
    Ok(answer::json(w, &facts.into())?)
}

pub(crate) fn headers(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    Ok(answer::json(w, &facts(r, &["headers"])?.into())?)
}

pub(crate) fn ip(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    Ok(answer::json(w, &facts(r, &["origin"])?.into())?)
}

pub(crate) fn user_agent(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    Ok(answer::json(w, &json!({ "user-agent": header(r, &USER_AGENT) }))?)
}

/// Returns facts of the request by the names of the API. The body is read if one of them needs it.
pub(crate) fn facts(r: &mut Request, names: &[&str]) -> Result<Map<String, Value>> {
    let mut facts = match names.contains(&"data") {
        true => content(r)?,
        false => Map::new(),
    };
    for name in names {
        let fact = match *name {
            "args" => fields::object(args(r)),
            "headers" => all_headers(r),
            "method" => r.method().as_str().into(),
            "origin" => origin(r),
            "url" => url(r).into(),
            _ => continue, // A field of the content.
        };
        facts.insert((*name).to_owned(), fact);
    }
    facts.retain(|name, _| names.contains(&name.as_str()));
    Ok(facts)
}

/// Returns a value of the path. The names are those of the route's pattern.
pub(crate) fn value<'a>(r: &'a Request, name: &str) -> &'a str {
    r.path_value(name).unwrap_or_default()
}

/// Returns the pairs of the query.
pub(crate) fn args(r: &Request) -> Vec<(String, String)> {
    r.query().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Returns one value of the query.
pub(crate) fn arg(r: &Request, name: &str) -> Option<String> {
    let mut args = args(r).into_iter();
    args.find(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Returns a header's value. The values of a repeated header are joined.
pub(crate) fn header(r: &Request, name: &HeaderName) -> Option<String> {
    let values = r.headers().get_all(name).iter();
    let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn all_headers(r: &Request) -> Value {
    let names = r.headers().keys();
    Value::Object(names.map(|name| (canonical(name), header(r, name).into())).collect())
}

/// Returns `content-type` in its usual form, `Content-Type`.
fn canonical(name: &HeaderName) -> String {
    let mut begins = true;
    let letters = name.as_str().chars().map(|letter| {
        let upper = std::mem::replace(&mut begins, letter == '-');
        if upper { letter.to_ascii_uppercase() } else { letter }
    });
    letters.collect()
}

/// Returns the client's IP address, or null if the request did not come over TCP.
fn origin(r: &Request) -> Value {
    r.remote_socket_addr().map(|addr| addr.ip().to_canonical().to_string()).into()
}

/// Returns the complete URL of the request.
fn url(r: &Request) -> String {
    let path = r.uri().path_and_query().map_or("/", |path| path.as_str());
    format!("{}{path}", base(r))
}

/// Returns the scheme and authority of the URL.
pub(crate) fn base(r: &Request) -> String {
    let scheme = if r.is_https() { "https" } else { "http" };
    let asked = r.uri().authority().map(|authority| authority.as_str().to_owned());
    let host = asked.or_else(|| header(r, &HOST)).filter(|host| !host.is_empty());
    let own = || r.local_addr().and_then(|addr| addr.ip()).map(|addr| addr.to_string());
    format!("{scheme}://{}", host.or_else(own).unwrap_or_else(|| "localhost".to_owned()))
}

/// Returns `data`, `files`, `form` and `json` of the body.
fn content(r: &mut Request) -> Result<Map<String, Value>> {
    let content_type = header(r, &CONTENT_TYPE).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (mut form, mut files, mut data) = (Vec::new(), Vec::new(), Bytes::new());
    match kind.as_str() {
        "application/x-www-form-urlencoded" => {
            let pairs = r.form(LONGEST_BODY)?;
            form.extend(pairs.iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        "multipart/form-data" => {
            let mut parts = r.multipart(MultipartLimits::new(LONGEST_BODY))?;
            while let Some(mut part) = parts.next_part()? {
                let name = part.name().to_owned();
                let is_file = part.file_name().is_some();
                let kind = part.content_type().unwrap_or("application/octet-stream").to_owned();
                let content = part.read_bytes(LONGEST_BODY)?;
                match is_file {
                    true => files.push((name, fields::text_or_data_url(&content, &kind))),
                    false => form.push((name, String::from_utf8_lossy(&content).into_owned())),
                }
            }
        }
        _ => data = r.body_mut().read_bytes(LONGEST_BODY)?,
    }
    Ok(Map::from_iter([
        ("data".to_owned(), fields::text_or_data_url(&data, "application/octet-stream").into()),
        ("files".to_owned(), fields::object(files)),
        ("form".to_owned(), fields::object(form)),
        // The content type does not matter. A body that is not JSON gives null.
        ("json".to_owned(), serde_json::from_slice(&data).unwrap_or_default()),
    ]))
}
