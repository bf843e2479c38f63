//! The file format of Netscape, curl and wget: a line a cookie, seven fields separated by tabs.
//!
//! ```text
//! domain  below?  path  secure?  end  name  value
//! ```

use std::io::{Read, Write};

use super::cookie::{Cookie, Hosts};
use super::jar::CookieJar;
use super::loaded::LoadedCookies;
use super::moment::Moment;
use super::parse::SetCookie;
use crate::error::{Error, ErrorKind, Result};

/// The first lines of a file. Other programs look for the first one.
const HEADER: &[u8] = b"# Netscape HTTP Cookie File\n# https://curl.se/docs/http-cookies.html\n\n";

/// Marks the line of a cookie with the attribute HttpOnly. To other programs it is a comment.
const HTTP_ONLY: &[u8] = b"#HttpOnly_";

/// Begins a line that is a response's field, which curl reads as well.
const SET_COOKIE: &[u8] = b"set-cookie:";

/// The most bytes of a file: more than twice those of a full jar.
pub(super) const MAX_FILE: u64 = 32 << 20;

impl CookieJar {
    /// Adds the cookies of a file in the format of Netscape, which curl and wget write.
    ///
    /// Comments and empty lines are skipped, and so are lines that are no cookie: the result counts them. A
    /// line `Set-Cookie: ...` is read as well, if the field has a domain. At most 32 MiB are read.
    ///
    /// # Errors
    ///
    /// Reading fails ([`ErrorKind::Io`]), or the file is too large ([`ErrorKind::InvalidFile`]). Then the jar is
    /// as it was.
    pub fn load_netscape(&self, reader: impl Read) -> Result<LoadedCookies> {
        let text = read_limited(reader)?;
        let now = Moment::now();
        Ok(self.with_state(|state| {
            let mut loaded = LoadedCookies::default();
            for line in text.split(|byte| *byte == b'\n') {
                match line_of(line, now) {
                    Line::Nothing => {}
                    Line::Broken => loaded.skipped += 1,
                    Line::Cookie(cookie) => {
                        let is_expired = cookie.is_expired(now);
                        match state.insert(*cookie, now) {
                            Ok(()) => loaded.stored += usize::from(!is_expired),
                            Err(_) => loaded.skipped += 1,
                        }
                    }
                }
            }
            loaded
        }))
    }

    /// Writes the cookies as a file in the format of Netscape, which curl and wget read. It has session
    /// cookies as well.
    ///
    /// The format knows no `SameSite`, no time of creation, and ends in whole seconds. Cookies that it cannot
    /// hold are left out: those without a name, and those that contain a tab. `save_json`, with the feature
    /// `json`, writes all.
    ///
    /// The file contains secrets. Create it so that only its user can read it.
    ///
    /// # Errors
    ///
    /// Writing fails ([`ErrorKind::Io`]).
    pub fn save_netscape(&self, mut writer: impl Write) -> Result<()> {
        let mut text = HEADER.to_vec();
        for cookie in self.snapshot().iter().filter(|cookie| is_representable(cookie)) {
            write_line(&mut text, cookie);
        }
        writer.write_all(&text)?;
        Ok(writer.flush()?)
    }
}

/// Reads a file to its end.
pub(super) fn read_limited(reader: impl Read) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    reader.take(MAX_FILE + 1).read_to_end(&mut text)?;
    match text.len() as u64 > MAX_FILE {
        true => Err(Error::message(ErrorKind::InvalidFile, "cookies: more than 32 MiB")),
        false => Ok(text),
    }
}

enum Line {
    /// A comment, or nothing.
    Nothing,
    Broken,
    Cookie(Box<Cookie>),
}

fn line_of(line: &[u8], now: Moment) -> Line {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (line, http_only) = match line.strip_prefix(HTTP_ONLY) {
        Some(rest) => (rest, true),
        None => (line, false),
    };
    if line.trim_ascii().is_empty() || line.starts_with(b"#") {
        return Line::Nothing;
    }
    let begins =
        |prefix: &[u8]| line.get(..prefix.len())?.eq_ignore_ascii_case(prefix).then_some(());
    let cookie = match begins(SET_COOKIE) {
        Some(()) => of_field(&line[SET_COOKIE.len()..], now),
        None => of_fields(line, http_only, now),
    };
    cookie.map_or(Line::Broken, |cookie| Line::Cookie(Box::new(cookie)))
}

/// Reads a line of seven fields. As curl does, takes an empty value for a missing one, and `/` for a path that
/// is missing or has no slash at its begin.
fn of_fields(line: &[u8], http_only: bool, now: Moment) -> Option<Cookie> {
    let mut fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
    if fields.len() != 7 {
        fields.retain(|field| !field.is_empty());
        if matches!(fields.get(2), Some(&b"TRUE" | &b"FALSE")) {
            fields.insert(2, b"/");
        }
        if fields.len() == 6 {
            fields.push(b"");
        }
    }
    let [domain, below, path, secure, end, name, value] = fields[..] else { return None };
    let hosts = if is_true(below)? { Hosts::AllBelow } else { Hosts::One };
    let expires = Some(end_of(end)?).filter(|end| *end != 0).map(Moment::of_seconds);
    Some(Cookie {
        name: name.to_vec(),
        value: value.to_vec(),
        domain: std::str::from_utf8(domain).ok()?.to_owned(),
        hosts,
        path: if path.starts_with(b"/") { path.to_vec() } else { b"/".to_vec() },
        secure: is_true(secure)?,
        http_only,
        same_site: None,
        expires,
        created: now,
        accessed: now,
    })
}

/// Reads the value of a Set-Cookie field. Since no host has sent it, it needs a domain.
fn of_field(field: &[u8], now: Moment) -> Option<Cookie> {
    let set = SetCookie::parse(field).ok()?;
    let domain = set.domain.filter(|domain| !domain.is_empty())?;
    let expires = match (set.max_age, set.expires) {
        (Some(seconds), _) => Some(now.after(seconds)),
        (None, seconds) => seconds.map(Moment::of_seconds),
    };
    Some(Cookie {
        name: set.name.to_vec(),
        value: set.value.to_vec(),
        domain: std::str::from_utf8(domain).ok()?.to_owned(),
        hosts: Hosts::AllBelow,
        path: set.path.unwrap_or(b"/").to_vec(),
        secure: set.secure,
        http_only: set.http_only,
        same_site: set.same_site,
        expires,
        created: now,
        accessed: now,
    })
}

fn is_true(field: &[u8]) -> Option<bool> {
    match field {
        _ if field.eq_ignore_ascii_case(b"TRUE") => Some(true),
        _ if field.eq_ignore_ascii_case(b"FALSE") => Some(false),
        _ => None,
    }
}

/// Reads the end in seconds. Some programs write fractions, which are dropped.
fn end_of(field: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(field).ok()?;
    let whole = text.split('.').next().unwrap_or_default();
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match whole.starts_with('-') {
        true => Some(1),
        false => Some(digits.parse().unwrap_or(i64::MAX)),
    }
}

fn is_representable(cookie: &Cookie) -> bool {
    let has_tab = |bytes: &[u8]| bytes.contains(&b'\t');
    !cookie.name.is_empty()
        && !has_tab(&cookie.name)
        && !has_tab(&cookie.value)
        && !has_tab(&cookie.path)
}

fn write_line(out: &mut Vec<u8>, cookie: &Cookie) {
    let flag = |is_set: bool| if is_set { b"TRUE".as_slice() } else { b"FALSE" };
    // 0 stands for a session.
    let end = cookie.expires.map_or(0, |end| end.seconds().max(1)).to_string();
    let below = cookie.hosts == Hosts::AllBelow;
    if cookie.http_only {
        out.extend_from_slice(HTTP_ONLY);
    }
    if below {
        out.push(b'.');
    }
    let fields = [
        cookie.domain.as_bytes(),
        flag(below),
        &cookie.path,
        flag(cookie.secure),
        end.as_bytes(),
        &cookie.name,
        &cookie.value,
    ];
    out.extend_from_slice(&fields.join(&b'\t'));
    out.push(b'\n');
}
