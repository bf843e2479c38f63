//! Endpoints that show, set and delete cookies.

use hangup::http::header::{COOKIE, SET_COOKIE};
use hangup::http::{HeaderValue, StatusCode};
use hangup::{Request, RequestExt, ResponseWriter};
use serde_json::{Map, Value, json};

use crate::answer::{self, Answered};
use crate::inspect::{args, value};

/// The attributes that make a client delete a cookie.
const FORGET: &str = "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0";

pub(crate) fn cookies(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let mut cookies = Map::new();
    for header in r.headers().get_all(COOKIE) {
        let header = String::from_utf8_lossy(header.as_bytes());
        for pair in header.split(';').filter(|pair| !pair.trim().is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name.trim().is_empty() {
                continue;
            }
            // Of two cookies of one name, the first has the longer path (RFC 6265 section 5.4).
            cookies.entry(name.trim()).or_insert_with(|| unquote(value.trim()).into());
        }
    }
    Ok(answer::json(w, &json!({ "cookies": Value::Object(cookies) }))?)
}

pub(crate) fn set(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    for (name, value) in args(r) {
        add(w, r, &name, &value, "")?;
    }
    Ok(answer::redirect(w, StatusCode::FOUND, "/cookies")?)
}

pub(crate) fn set_one(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    add(w, r, value(r, "name"), value(r, "value"), "")?;
    Ok(answer::redirect(w, StatusCode::FOUND, "/cookies")?)
}

pub(crate) fn delete(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    for (name, _) in args(r) {
        add(w, r, &name, "", FORGET)?;
    }
    Ok(answer::redirect(w, StatusCode::FOUND, "/cookies")?)
}

fn add(w: &mut ResponseWriter, r: &Request, name: &str, value: &str, more: &str) -> Answered {
    if name.is_empty() || !name.bytes().all(is_plain) {
        return Err(answer::bad(format!("{name:?} is not a valid cookie name")));
    }
    let secure = if r.is_https() { "; Secure" } else { "" };
    let cookie = format!("{name}={}{more}{secure}; Path=/", quote(value));
    w.headers_mut().append(SET_COOKIE, HeaderValue::try_from(cookie)?);
    Ok(())
}

/// Returns `true` for a character of a token (RFC 9110 section 5.6.2), which needs no quotes.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Quotes a value as Werkzeug does for the public httpbin. `"` and `\` follow a backslash. Characters
/// that would end the value or are not printable ASCII become octal escapes. Clients send the value back
/// unchanged.
fn quote(value: &str) -> String {
    // Allowed in a value, not in a name.
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
