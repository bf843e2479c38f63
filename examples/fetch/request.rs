//! The request that a command line asks for.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hangup::Body;
use hangup::http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, COOKIE, EXPECT, HOST, RANGE, REFERER,
    TRANSFER_ENCODING, USER_AGENT,
};
use hangup::http::request::Parts;
use hangup::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

use crate::address::Address;
use crate::command::{Command, Data, DataKind, Job, Resume};
use crate::failure::{Failure, NOT_READ, UPLOAD_REFUSED};
use crate::progress::Progress;

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

/// What a request sends.
pub(crate) enum Payload {
    None,
    Memory(Bytes),
    /// A file, from `offset` on, which has a known length.
    File {
        path: PathBuf,
        offset: u64,
        length: u64,
    },
    /// A pipe or a device.
    Pipe(PathBuf),
    Stdin,
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

    /// The body, once more, as far as it can be had. What is sent of a file is counted by `sent`.
    pub(crate) fn body(&self, sent: &Arc<Progress>) -> Body {
        let chunked = self.headers.contains_key(TRANSFER_ENCODING);
        let counted = |reader, sent: &Arc<Progress>| Counted { reader, sent: Arc::clone(sent) };
        match &self.payload {
            Payload::None => Body::empty(),
            Payload::Memory(bytes) if chunked => Body::from_reader(io::Cursor::new(bytes.clone())),
            Payload::Memory(bytes) => bytes.clone().into(),
            Payload::Stdin => Body::from_reader(counted(Box::new(io::stdin()), sent)),
            Payload::Pipe(path) => {
                let (path, sent) = (path.clone(), Arc::clone(sent));
                Body::replayable(None, move || {
                    Ok(Body::from_reader(counted(Box::new(File::open(&path)?), &sent)))
                })
            }
            Payload::File { path, offset, length } => {
                let (path, offset, sent) = (path.clone(), *offset, Arc::clone(sent));
                Body::replayable((!chunked).then_some(*length), move || {
                    let mut file = File::open(&path)?;
                    file.seek(SeekFrom::Start(offset))?;
                    sent.restart();
                    Ok(Body::from_reader(counted(Box::new(file), &sent)))
                })
            }
        }
    }
}

impl Payload {
    fn of(path: &Path, resume: Option<Resume>) -> Result<Self, Failure> {
        if is_stdin(path) {
            return Ok(Self::Stdin);
        }
        let meta = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        // Found out now, not when half of the request has been sent.
        if !meta.is_file() {
            return Ok(Self::Pipe(path.to_owned()));
        }
        File::open(path).map_err(|error| unreadable(path, &error))?;
        let offset = match resume {
            Some(Resume::At(offset)) => offset.min(meta.len()),
            Some(Resume::AtItsEnd) | None => 0,
        };
        Ok(Self::File { path: path.to_owned(), offset, length: meta.len() - offset })
    }

    pub(crate) fn len(&self) -> Option<u64> {
        match self {
            Self::None => Some(0),
            Self::Memory(bytes) => Some(bytes.len() as u64),
            Self::File { length, .. } => Some(*length),
            Self::Pipe(_) | Self::Stdin => None,
        }
    }

    /// How much of it has been sent. What lies in memory is not counted on its way.
    pub(crate) fn sent(&self, counted: &Progress, answered: bool) -> u64 {
        match self {
            Self::None => 0,
            Self::Memory(bytes) if answered => bytes.len() as u64,
            Self::Memory(_) => 0,
            Self::File { .. } | Self::Pipe(_) | Self::Stdin => counted.done(),
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

/// Reads a file that the command line names; `-` is stdin.
fn read_file(path: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = match path {
        "-" => io::stdin().read_to_end(&mut bytes),
        path => File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.map_err(|error| unreadable(Path::new(path), &error))?;
    Ok(bytes)
}

fn read_text(path: &str) -> Result<String, Failure> {
    String::from_utf8(read_file(path)?)
        .map_err(|error| Failure::new(NOT_READ, format!("{path}: {error}")))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(NOT_READ, format!("cannot read {}: {error}", path.display()))
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Counts what is read from a file while it is sent.
struct Counted {
    reader: Box<dyn Read + Send>,
    sent: Arc<Progress>,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buf)?;
        self.sent.add(count);
        Ok(count)
    }
}
