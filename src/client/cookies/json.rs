//! Cookies as JSON, without loss.

use std::io::{Read, Write};

use serde_json::{Map, Value, json};

use super::cookie::{Cookie, Hosts};
use super::jar::CookieJar;
use super::loaded::LoadedCookies;
use super::moment::Moment;
use super::netscape::read_limited;
use super::parse::same_site;
use crate::error::{Error, ErrorKind, Result};
use crate::message::SameSite;

/// The version of the format.
const VERSION: u64 = 1;

impl CookieJar {
    /// Adds the cookies that [`save_json`](Self::save_json) has written. At most 32 MiB are read.
    ///
    /// An entry that is no cookie is skipped: the result counts them.
    ///
    /// # Errors
    ///
    /// Reading fails ([`ErrorKind::Io`]), or the text is not JSON of this format
    /// ([`ErrorKind::InvalidFile`]). Then the jar is as it was.
    pub fn load_json(&self, reader: impl Read) -> Result<LoadedCookies> {
        let text = read_limited(reader)?;
        let document: Value = serde_json::from_slice(&text)
            .map_err(|error| invalid(&format!("not JSON, line {}", error.line())))?;
        if document["version"] != VERSION {
            return Err(invalid("version missing or unknown"));
        }
        let entries = document["cookies"].as_array().ok_or_else(|| invalid("cookies missing"))?;
        let now = Moment::now();
        Ok(self.with_state(|state| {
            let mut loaded = LoadedCookies::default();
            for entry in entries {
                let cookie = entry.as_object().and_then(read);
                let is_expired = cookie.as_ref().is_some_and(|cookie| cookie.is_expired(now));
                match cookie.map(|cookie| state.insert(cookie, now)) {
                    Some(Ok(())) => loaded.stored += usize::from(!is_expired),
                    Some(Err(_)) | None => loaded.skipped += 1,
                }
            }
            loaded
        }))
    }

    /// Writes the cookies as JSON: all that the jar holds of them, session cookies included.
    ///
    /// It is an object with `version`, 1, and `cookies`, an array in the order of their creation. Each has
    /// `name`, `value`, `domain`, `host_only`, `path`, `secure`, `http_only`, `same_site` and `expires`
    /// (both may be `null`), `created` and `accessed`. Times are milliseconds since 1970. A name, value or path
    /// that is not UTF-8 is an array of its bytes.
    ///
    /// The text contains secrets. Create its file so that only its user can read it.
    ///
    /// # Errors
    ///
    /// Writing fails ([`ErrorKind::Io`]).
    pub fn save_json(&self, mut writer: impl Write) -> Result<()> {
        let cookies: Vec<Value> = self.snapshot().iter().map(written).collect();
        let document = json!({ "version": VERSION, "cookies": cookies });
        writer.write_all(format!("{document:#}\n").as_bytes())?;
        Ok(writer.flush()?)
    }
}

fn invalid(fault: &str) -> Error {
    Error::message(ErrorKind::InvalidFile, format!("cookies: {fault}"))
}

fn written(cookie: &Cookie) -> Value {
    json!({
        "name": bytes(&cookie.name),
        "value": bytes(&cookie.value),
        "domain": cookie.domain,
        "host_only": cookie.hosts == Hosts::One,
        "path": bytes(&cookie.path),
        "secure": cookie.secure,
        "http_only": cookie.http_only,
        "same_site": cookie.same_site.map(|same_site| match same_site {
            SameSite::Strict => "strict",
            SameSite::Lax => "lax",
            SameSite::None => "none",
        }),
        "expires": cookie.expires.map(Moment::millis),
        "created": cookie.created.millis(),
        "accessed": cookie.accessed.millis(),
    })
}

fn bytes(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| json!(bytes), |text| json!(text))
}

/// Reads an entry. Returns `None` if a part is missing or of another type.
fn read(entry: &Map<String, Value>) -> Option<Cookie> {
    let flag = |name: &str| entry.get(name)?.as_bool();
    let time = |name: &str| entry.get(name)?.as_i64().map(Moment::of_millis);
    let optional = |name: &str| entry.get(name).filter(|value| !value.is_null());
    let hosts = if flag("host_only")? { Hosts::One } else { Hosts::AllBelow };
    let same_site = match optional("same_site") {
        Some(text) => Some(same_site(text.as_str()?.as_bytes())?),
        None => None,
    };
    let expires = match optional("expires") {
        Some(_) => Some(time("expires")?),
        None => None,
    };
    Some(Cookie {
        name: read_bytes(entry.get("name")?)?,
        value: read_bytes(entry.get("value")?)?,
        domain: entry.get("domain")?.as_str()?.to_owned(),
        hosts,
        path: read_bytes(entry.get("path")?)?,
        secure: flag("secure")?,
        http_only: flag("http_only")?,
        same_site,
        expires,
        created: time("created")?,
        accessed: time("accessed")?,
    })
}

fn read_bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Array(numbers) => {
            numbers.iter().map(|number| u8::try_from(number.as_u64()?).ok()).collect()
        }
        _ => None,
    }
}
