//! The headers of a request: those that the options imply, and the user's `-H` lines.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hangup::http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, COOKIE, EXPECT, RANGE, REFERER,
    TRANSFER_ENCODING, USER_AGENT,
};
use hangup::http::{HeaderMap, HeaderName, HeaderValue, Version};

use crate::failure::{BAD_REQUEST, BODY_CUT_SHORT, Failure, UPLOAD_REFUSED};
use crate::options::Options;
use crate::request::payload::{Payload, read_text};
use crate::request::{Kind, Plan};

/// The size from which the body of a POST waits for a 100 (Continue).
const EXPECT_FROM: u64 = 1 << 20;

/// A `-H` line.
pub(super) enum Field {
    Set(HeaderName, HeaderValue),
    /// `Name:` removes a default header.
    Remove(HeaderName),
}

impl Field {
    /// Reads all `-H` lines, and the files that they name.
    pub(super) fn read_all(lines: &[String]) -> Result<Vec<Self>, Failure> {
        let mut fields = Vec::new();
        for line in lines {
            match line.strip_prefix('@') {
                None => fields.extend(Self::read(line)?),
                Some(path) => {
                    for line in read_text(path)?.lines() {
                        fields.extend(Self::read(line)?);
                    }
                }
            }
        }
        Ok(fields)
    }

    /// Returns `true` if the line sets the Content-Type.
    pub(super) fn sets_type(&self) -> bool {
        matches!(self, Self::Set(name, _) if name == CONTENT_TYPE)
    }

    /// Parses `Name: value`, `Name:` (remove) and `Name;` (empty). Any other line is ignored.
    fn read(line: &str) -> Result<Option<Self>, Failure> {
        let bad = || Failure::new(2, format!("-H: {line:?} is not a valid header"));
        let Some((name, value)) = line.split_once([':', ';']) else { return Ok(None) };
        let empty = line.ends_with(';') && !line.contains(':');
        let colon = line[name.len()..].starts_with(':');
        if name.is_empty() || !(colon || value.trim().is_empty()) {
            return Ok(None);
        }
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| bad())?;
        Ok(Some(match value.trim() {
            "" if !empty => Self::Remove(name),
            value => Self::Set(name, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad())?),
        }))
    }
}

/// Sets the headers of a request. `from` is the end of an earlier download.
pub(super) fn fill(
    plan: &mut Plan,
    options: &Options,
    lines: &[Field],
    from: u64,
) -> Result<(), Failure> {
    add_implied(plan, options)?;
    add_range(plan, options, from)?;
    if expects(plan) {
        put(&mut plan.fields, EXPECT, "100-continue")?;
    }
    add_lines(&mut plan.fields, lines);
    for name in [AUTHORIZATION, COOKIE] {
        if let Some(secret) = plan.fields.get_mut(name) {
            secret.set_sensitive(true);
        }
    }
    check(plan)
}

fn add_implied(plan: &mut Plan, options: &Options) -> Result<(), Failure> {
    let (request, headers) = (&options.request, &mut plan.fields);
    if let Some(agent) = request.agent() {
        put(headers, USER_AGENT, agent)?;
    }
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if let Some(user) = &request.user {
        let pair = if user.contains(':') { user.clone() } else { format!("{user}:") };
        put(headers, AUTHORIZATION, &format!("Basic {}", STANDARD.encode(pair)))?;
    } else if let Some(token) = &request.bearer {
        put(headers, AUTHORIZATION, &format!("Bearer {token}"))?;
    }
    if let Some(referer) = request.referer.as_deref().filter(|referer| !referer.is_empty()) {
        put(headers, REFERER, referer)?;
    }
    if !options.cookies.sent.is_empty() {
        put(headers, COOKIE, &options.cookies.sent.join(";"))?;
    }
    if let Payload::Memory(_) = &plan.payload {
        put(headers, CONTENT_TYPE, "application/x-www-form-urlencoded")?;
    }
    if request.json {
        let json = HeaderValue::from_static("application/json");
        headers.insert(CONTENT_TYPE, json.clone());
        headers.insert(ACCEPT, json);
    }
    Ok(())
}

/// Returns `true` if the body waits for a 100 (Continue).
fn expects(plan: &Plan) -> bool {
    let length = plan.payload.len();
    let expects = match plan.kind {
        Kind::Put => length != Some(0),
        Kind::Post => length.is_none_or(|length| length > EXPECT_FROM),
        Kind::Get | Kind::Head => false,
    };
    expects && plan.version == Version::HTTP_11
}

/// Requests a range of the URL, or declares the range of a partial upload.
fn add_range(plan: &mut Plan, options: &Options, from: u64) -> Result<(), Failure> {
    let resume = options.request.resume;
    let range = match (resume, &options.request.range) {
        (Some(_), _) if from > 0 => format!("{from}-"),
        (None, Some(range)) => range.clone(),
        _ => String::new(),
    };
    let headers = &mut plan.fields;
    match &plan.payload {
        Payload::None if range.is_empty() => Ok(()),
        Payload::None => put(headers, RANGE, &format!("bytes={range}")),
        Payload::File { offset: 1.., length: 0, .. } => {
            Err(Failure::new(BODY_CUT_SHORT, "the file is already uploaded"))
        }
        Payload::File { offset, length, .. } if resume.is_some() => {
            let whole = offset + length;
            put(headers, CONTENT_RANGE, &format!("bytes {offset}-{}/{whole}", whole.max(1) - 1))
        }
        payload => match payload.len().filter(|_| !range.is_empty()) {
            Some(length) => put(headers, CONTENT_RANGE, &format!("bytes {range}/{length}")),
            None => Ok(()),
        },
    }
}

/// Replaces default headers by the user's lines. Several lines of one name are all sent.
fn add_lines(headers: &mut HeaderMap, lines: &[Field]) {
    for field in lines {
        let (Field::Set(name, _) | Field::Remove(name)) = field;
        headers.remove(name);
    }
    for field in lines {
        if let Field::Set(name, value) = field {
            headers.append(name, value.clone());
        }
    }
}

/// Refuses requests that cannot be sent.
fn check(plan: &Plan) -> Result<(), Failure> {
    if let Some(coding) = plan.fields.get(TRANSFER_ENCODING)
        && !coding.as_bytes().eq_ignore_ascii_case(b"chunked")
    {
        let why = format!("a body cannot be sent with Transfer-Encoding {coding:?}");
        return Err(Failure::new(BAD_REQUEST, why));
    }
    if plan.payload.len().is_none() && plan.version == Version::HTTP_10 {
        let why = "HTTP/1.0 cannot send a body of unknown length";
        return Err(Failure::new(UPLOAD_REFUSED, why));
    }
    Ok(())
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), Failure> {
    let value = HeaderValue::from_str(value)
        .map_err(|_| Failure::new(2, format!("{name}: {value:?} is not a valid header value")))?;
    headers.insert(name, value);
    Ok(())
}
