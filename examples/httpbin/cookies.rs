//! Cookies: set, sent back, forgotten.

use hangup::http::header::{COOKIE, SET_COOKIE};
use hangup::http::{HeaderValue, StatusCode};
use hangup::{Request, RequestExt, ResponseWriter};
use serde_json::{Map, Value, json};

use crate::answer::{self, Answered, Refusal};
use crate::inspect::args;

/// What has a cookie's client forget it.
const FORGET: &str = "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0";

pub(crate) fn cookies(w: &mut ResponseWriter, r: &mut Request, _: &[String]) -> Answered {
    let mut cookies = Map::new();
    for header in r.headers().get_all(COOKIE) {
        let header = String::from_utf8_lossy(header.as_bytes());
        for pair in header.split(';').filter(|pair| !pair.trim().is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name.trim().is_empty() {
                continue;
            }
            // Of two of one name, the first is that of the longer path (RFC 6265 section 5.4).
            cookies.entry(name.trim()).or_insert_with(|| unquote(value.trim()).into());
        }
    }
    Ok(answer::json(w, &json!({ "cookies": Value::Object(cookies) }))?)
}

pub(crate) fn set(w: &mut ResponseWriter, r: &mut Request, _: &[String]) -> Answered {
    for (name, value) in args(r) {
        add(w, r, &name, &value, "")?;
    }
    Ok(answer::redirect(w, StatusCode::FOUND, "/cookies")?)
}

pub(crate) fn set_one(w: &mut ResponseWriter, r: &mut Request, path: &[String]) -> Answered {
    add(w, r, &path[0], &path[1], "")?;
    Ok(answer::redirect(w, StatusCode::FOUND, "/cookies")?)
}

pub(crate) fn delete(w: &mut ResponseWriter, r: &mut Request, _: &[String]) -> Answered {
    for (name, _) in args(r) {
        add(w, r, &name, "", FORGET)?;
    }
    Ok(answer::redirect(w, StatusCode::FOUND, "/cookies")?)
}

fn add(w: &mut ResponseWriter, r: &Request, name: &str, value: &str, more: &str) -> Answered {
    if name.is_empty() || !name.bytes().all(is_plain) {
        return Err(Refusal::bad(format!("no cookie can be named {name:?}")));
    }
    let secure = if r.is_https() { "; Secure" } else { "" };
    let cookie = format!("{name}={}{more}{secure}; Path=/", quote(value));
    w.headers_mut().append(SET_COOKIE, HeaderValue::try_from(cookie)?);
    Ok(())
}

/// Whether it can stand in a cookie as it is: the characters of a token (RFC 9110 section 5.6.2).
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Puts a value that cannot stand by itself between quotes, as Werkzeug does for the public httpbin: `"`
/// and `\` behind a backslash, and in octal whatever would end the value or is no printable ASCII.
/// Clients send it back as it is.
fn quote(value: &str) -> String {
    // No trouble in a value, if in a name.
    let may_stay = |byte| is_plain(byte) || b"()/:<=>?@[]{}".contains(&byte);
    if value.bytes().all(may_stay) {
        return value.to_owned();
    }
    let escaped = value.bytes().map(|byte| match byte {
        b' ' => " ".to_owned(),
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        _ if may_stay(byte) => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

fn unquote(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(mut rest) = inner.map(str::as_bytes) else {
        return value.to_owned();
    };
    let mut bytes = Vec::new();
    while let Some((first, behind)) = rest.split_first() {
        let (byte, read) = match (first, behind) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..]) => {
                ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), 4)
            }
            (b'\\', [other, ..]) => (*other, 2),
            _ => (*first, 1),
        };
        bytes.push(byte);
        rest = &rest[read..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
