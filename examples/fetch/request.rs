//! The request that a command line describes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hangup::http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, COOKIE, EXPECT, RANGE,
    REFERER, TRANSFER_ENCODING, USER_AGENT,
};
use hangup::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

use crate::address::Address;
use crate::command::{Command, Data, DataKind, Job};
use crate::failure::{BAD_REQUEST, BODY_CUT_SHORT, Failure, UPLOAD_REFUSED};
use crate::payload::{Payload, is_stdin, read_file, read_text};
use crate::report::Report;

/// The size from which a body waits for a 100 (Continue).
const EXPECT_FROM: u64 = 1 << 20;

/// The common part of all requests, with the files of the command line.
pub(crate) struct Template<'c> {
    command: &'c Command,
    fields: Vec<Field>,
    data: Bytes,
    pub(crate) write_out: Option<String>,
}

/// A `-H` line.
enum Field {
    Set(HeaderName, HeaderValue),
    /// `Name:` removes a default header.
    Remove(HeaderName),
}

/// One request, which can be sent several times.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) method: Method,
    /// `true` if `-X` set the method, which then overrides the kind.
    pub(crate) method_by_hand: bool,
    pub(crate) address: Address,
    /// The URL of the first request, before redirects.
    pub(crate) first: Address,
    pub(crate) uri: Uri,
    /// All headers for the first URL's host. [`headers`](Self::headers) returns those to send.
    pub(crate) fields: HeaderMap,
    pub(crate) version: Version,
    pub(crate) payload: Payload,
}

/// The kinds of requests. Redirects change the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Get,
    /// `-I`
    Head,
    /// `-d` and similar options
    Post,
    /// `-T`
    Put,
}

impl Kind {
    pub(crate) fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Head => Method::HEAD,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
        }
    }
}

impl<'c> Template<'c> {
    pub(crate) fn new(command: &'c Command) -> Result<Self, Failure> {
        let mut fields = Vec::new();
        for line in &command.headers {
            match line.strip_prefix('@') {
                None => fields.extend(Field::read(line)?),
                Some(path) => {
                    for line in read_text(path)?.lines() {
                        fields.extend(Field::read(line)?);
                    }
                }
            }
        }
        let write_out = match &command.write_out {
            Some(format) => Some(match format.strip_prefix('@') {
                Some(path) => read_text(path)?.replace(['\r', '\n'], ""),
                None => format.clone(),
            }),
            None => None,
        };
        Ok(Self { command, fields, data: join(&command.data)?.into(), write_out })
    }

    /// Creates the request for one URL. `from` is the end of an earlier download.
    pub(crate) fn plan(&self, job: &Job, from: u64, report: &mut Report) -> Result<Plan, Failure> {
        let command = self.command;
        let mut address = Address::read(&job.url);
        let posts = !command.data.is_empty() && !command.get;
        if !command.data.is_empty() && command.get {
            address.add_query(&String::from_utf8_lossy(&self.data));
        }
        let payload = match &job.upload {
            Some(path) => {
                address.add_file_name(
                    Some(path).filter(|path| !is_stdin(path)).and_then(|path| path.file_name()),
                );
                Payload::of(path, command.resume)?
            }
            None if posts => Payload::Memory(self.data.clone()),
            None => Payload::None,
        };
        let kind = match () {
            () if command.head => Kind::Head,
            () if job.upload.is_some() => Kind::Put,
            () if posts => Kind::Post,
            () => Kind::Get,
        };
        let mut plan = Plan {
            kind,
            method: command.method.clone().unwrap_or(kind.method()),
            method_by_hand: command.method.is_some(),
            uri: address.uri()?,
            first: address.clone(),
            address,
            fields: HeaderMap::new(),
            version: if command.http10 { Version::HTTP_10 } else { Version::HTTP_11 },
            payload,
        };
        report.asks(&plan);
        self.fill(&mut plan, from)?;
        Ok(plan)
    }

    /// Returns the headers: those that the options imply, then the user's `-H` lines.
    fn fill(&self, plan: &mut Plan, from: u64) -> Result<(), Failure> {
        let command = self.command;
        let headers = &mut plan.fields;
        let agent = concat!("hangup-fetch/", env!("CARGO_PKG_VERSION"));
        match command.user_agent.as_deref().unwrap_or(agent) {
            "" => {}
            agent => put(headers, USER_AGENT, agent)?,
        }
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        if command.compressed {
            put(headers, ACCEPT_ENCODING, "deflate, gzip")?;
        }
        if let Some(user) = &command.user {
            let pair = if user.contains(':') { user.clone() } else { format!("{user}:") };
            put(headers, AUTHORIZATION, &format!("Basic {}", STANDARD.encode(pair)))?;
        }
        if let Some(referer) = command.referer.as_deref().filter(|referer| !referer.is_empty()) {
            put(headers, REFERER, referer)?;
        }
        if let Payload::Memory(_) = &plan.payload {
            put(headers, CONTENT_TYPE, "application/x-www-form-urlencoded")?;
        }
        if command.json {
            let json = HeaderValue::from_static("application/json");
            headers.insert(CONTENT_TYPE, json.clone());
            headers.insert(ACCEPT, json);
        }
        self.add_range(plan, from)?;
        if plan.payload.len().is_none_or(|length| length > EXPECT_FROM)
            && plan.version == Version::HTTP_11
        {
            put(&mut plan.fields, EXPECT, "100-continue")?;
        }
        self.by_hand(plan);
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

    /// Requests a range of the URL, or declares the range of a partial upload.
    fn add_range(&self, plan: &mut Plan, from: u64) -> Result<(), Failure> {
        let command = self.command;
        let range = match (command.resume, &command.range) {
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
            Payload::File { offset, length, .. } if command.resume.is_some() => {
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
    fn by_hand(&self, plan: &mut Plan) {
        for field in &self.fields {
            let (Field::Set(name, _) | Field::Remove(name)) = field;
            plan.fields.remove(name);
        }
        for field in &self.fields {
            if let Field::Set(name, value) = field {
                plan.fields.append(name, value.clone());
            }
        }
        for name in [AUTHORIZATION, COOKIE] {
            if let Some(secret) = plan.fields.get_mut(name) {
                secret.set_sensitive(true);
            }
        }
    }
}

impl Plan {
    /// Returns `true` if the user asks for chunks, whether the length is known or not.
    pub(crate) fn is_chunked(&self) -> bool {
        self.fields.contains_key(TRANSFER_ENCODING)
    }
}

impl Field {
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

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), Failure> {
    let value = HeaderValue::from_str(value)
        .map_err(|_| Failure::new(2, format!("{name}: {value:?} is not a valid header value")))?;
    headers.insert(name, value);
    Ok(())
}

/// Joins the pieces of `-d` and similar options.
fn join(pieces: &[Data]) -> Result<Vec<u8>, Failure> {
    let mut all = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 && piece.kind != DataKind::Json {
            all.push(b'&');
        }
        let file = piece.text.strip_prefix('@').filter(|_| piece.kind != DataKind::Raw);
        match file.map(read_file).transpose()? {
            None => all.extend_from_slice(piece.text.as_bytes()),
            Some(bytes) if piece.kind == DataKind::Text => {
                all.extend(bytes.into_iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
            }
            Some(bytes) => all.extend(bytes),
        }
    }
    Ok(all)
}
