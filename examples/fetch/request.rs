//! The request that a command line asks for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hangup::http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, COOKIE, EXPECT, HOST, RANGE, REFERER,
    TRANSFER_ENCODING, USER_AGENT,
};
use hangup::http::request::Parts;
use hangup::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

use crate::address::Address;
use crate::command::{Command, Data, DataKind, Job};
use crate::failure::{Failure, UPLOAD_REFUSED};
use crate::payload::{Payload, is_stdin, read_file, read_text};

/// From how many bytes on a body waits for the server's word that it is welcome.
const EXPECT_FROM: u64 = 1 << 20;

/// What all requests have in common, with the files read that the command line names.
pub(crate) struct Template<'c> {
    command: &'c Command,
    fields: Vec<Field>,
    data: Bytes,
    pub(crate) write_out: Option<String>,
}

/// A `-H` line.
enum Field {
    Set(HeaderName, HeaderValue),
    /// `Name:`, to do without a header that there would be.
    Remove(HeaderName),
}

/// One request, ready to be sent as often as need be.
pub(crate) struct Plan {
    pub(crate) method: Method,
    /// The method is the user's word, not ours.
    method_by_hand: bool,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) version: Version,
    pub(crate) payload: Payload,
    /// Waiting for a 100 was our idea, not the user's.
    pub(crate) expects: bool,
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
                Some(path) => read_text(path)?,
                None => format.clone(),
            }),
            None => None,
        };
        Ok(Self { command, fields, data: join(&command.data, command.json)?.into(), write_out })
    }

    /// The request for one URL; `from` is where an earlier download of it has ended.
    pub(crate) fn plan(&self, job: &Job, from: u64) -> Result<Plan, Failure> {
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
        let method = match &command.method {
            Some(method) => method.clone(),
            None if command.head => Method::HEAD,
            None if job.upload.is_some() => Method::PUT,
            None if posts => Method::POST,
            None => Method::GET,
        };
        let mut plan = Plan {
            method,
            method_by_hand: command.method.is_some(),
            uri: address.uri()?,
            headers: HeaderMap::new(),
            version: if command.http10 { Version::HTTP_10 } else { Version::HTTP_11 },
            payload,
            expects: false,
        };
        self.fill(&mut plan, from)?;
        Ok(plan)
    }

    /// The headers: first those that the options imply, then what the user says by hand.
    fn fill(&self, plan: &mut Plan, from: u64) -> Result<(), Failure> {
        let command = self.command;
        let json = HeaderValue::from_static("application/json");
        let headers = &mut plan.headers;
        let agent = concat!("hangup-fetch/", env!("CARGO_PKG_VERSION"));
        match command.user_agent.as_deref().unwrap_or(agent) {
            "" => {}
            agent => put(headers, USER_AGENT, agent)?,
        }
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        if let Some(user) = &command.user {
            let pair = if user.contains(':') { user.clone() } else { format!("{user}:") };
            put(headers, AUTHORIZATION, &format!("Basic {}", STANDARD.encode(pair)))?;
        }
        if let Some(referer) = &command.referer {
            put(headers, REFERER, referer)?;
        }
        match &command.range {
            Some(range) => put(headers, RANGE, &format!("bytes={range}"))?,
            None if from > 0 => put(headers, RANGE, &format!("bytes={from}-"))?,
            None => {}
        }
        match &plan.payload {
            Payload::Memory(_) if command.json => {
                headers.insert(CONTENT_TYPE, json.clone());
                headers.insert(ACCEPT, json);
            }
            Payload::Memory(_) => {
                put(headers, CONTENT_TYPE, "application/x-www-form-urlencoded")?;
            }
            Payload::File { offset: offset @ 1.., length, .. } => {
                let (last, whole) = (offset + length.saturating_sub(1), offset + length);
                put(headers, CONTENT_RANGE, &format!("bytes {offset}-{last}/{whole}"))?;
            }
            _ => {}
        }
        if plan.payload.len().is_none_or(|length| length > EXPECT_FROM)
            && plan.version == Version::HTTP_11
        {
            put(headers, EXPECT, "100-continue")?;
            plan.expects = true;
        }
        self.by_hand(plan);
        if plan.payload.len().is_none() && plan.version == Version::HTTP_10 {
            let why = "HTTP/1.0 cannot send what has no known length";
            return Err(Failure::new(UPLOAD_REFUSED, why));
        }
        Ok(())
    }

    /// The user's own lines take the place of ours; of several by one name all are sent.
    fn by_hand(&self, plan: &mut Plan) {
        for field in &self.fields {
            let (Field::Set(name, _) | Field::Remove(name)) = field;
            plan.headers.remove(name);
            plan.expects &= name != EXPECT;
        }
        for field in &self.fields {
            if let Field::Set(name, value) = field {
                plan.headers.append(name, value.clone());
            }
        }
        for name in [AUTHORIZATION, COOKIE] {
            if let Some(secret) = plan.headers.get_mut(name) {
                secret.set_sensitive(true);
            }
        }
    }
}

impl Plan {
    /// The user wants chunks, whether the length is known or not.
    pub(crate) fn is_chunked(&self) -> bool {
        self.headers.contains_key(TRANSFER_ENCODING)
    }

    /// What the user says by hand also holds for the next request after a redirect: the method, and
    /// the Host as long as it is the same one.
    pub(crate) fn insist(&self, next: &mut Parts) {
        if self.method_by_hand {
            next.method.clone_from(&self.method);
        }
        if let Some(host) = self.headers.get(HOST)
            && next.uri.authority() == self.uri.authority()
        {
            next.headers.insert(HOST, host.clone());
        }
    }
}

impl Field {
    /// A line without a colon says nothing, and is passed over.
    fn read(line: &str) -> Result<Option<Self>, Failure> {
        let bad = || Failure::new(2, format!("-H: {line:?} is no header"));
        let name = |name: &str| HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| bad());
        let Some((key, value)) = line.split_once(':') else {
            // `Name;` is how a header without a value is written.
            let Some(key) = line.trim_end().strip_suffix(';') else { return Ok(None) };
            return Ok(Some(Self::Set(name(key)?, HeaderValue::from_static(""))));
        };
        let name = name(key)?;
        Ok(Some(match value.trim() {
            "" => Self::Remove(name),
            value => Self::Set(name, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad())?),
        }))
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), Failure> {
    let value = HeaderValue::from_str(value)
        .map_err(|_| Failure::new(2, format!("{name}: {value:?} is no header's value")))?;
    headers.insert(name, value);
    Ok(())
}

/// The pieces of `-d` and its like, as they are sent.
fn join(pieces: &[Data], json: bool) -> Result<Vec<u8>, Failure> {
    let mut all = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 && !json {
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
