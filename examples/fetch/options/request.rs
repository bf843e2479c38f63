//! The options of the request, and of redirects.

use std::path::PathBuf;

use hangup::http::Method;

use crate::options::Given;
use crate::options::data::{Data, DataKind, FormField, FormKind};
use crate::request::range;
use crate::support::Usage;
use crate::support::complain;

/// The number of redirects that are followed, unless `--max-redirs` sets it.
const MAX_REDIRECTS: u32 = 50;

/// The options of a request.
pub(crate) struct Request {
    pub(crate) method: Option<Method>,
    pub(crate) headers: Vec<String>,
    pub(crate) data: Vec<Data>,
    pub(crate) json: bool,
    pub(crate) form: Vec<FormField>,
    pub(crate) query: Vec<Data>,
    pub(crate) get: bool,
    pub(crate) head: bool,
    pub(crate) user: Option<String>,
    pub(crate) bearer: Option<String>,
    pub(crate) netrc: Option<NetrcFile>,
    pub(crate) user_agent: Option<String>,
    pub(crate) referer: Option<String>,
    /// `;auto`: each redirect has the previous URL as its Referer.
    pub(crate) refers: bool,
    pub(crate) range: Option<String>,
    pub(crate) resume: Option<Resume>,
    pub(crate) http10: bool,
    pub(crate) compressed: bool,
    pub(crate) path_as_is: bool,
    pub(crate) location: bool,
    /// `--location-trusted`: credentials also go to other hosts.
    pub(crate) trusted: bool,
    /// The statuses at which a POST stays a POST.
    pub(crate) posts_again: Vec<u16>,
    pub(crate) max_redirects: u32,
}

/// The position at which `-C` continues a transfer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Resume {
    At(u64),
    /// The end of the output file.
    AtItsEnd,
}

/// The file that names the credentials of hosts.
#[derive(Clone, Debug)]
pub(crate) enum NetrcFile {
    /// `~/.netrc`, which may be missing.
    Home,
    File(PathBuf),
}

/// The cookies to send, and the file that keeps them.
#[derive(Default)]
pub(crate) struct CookieOptions {
    /// `-b NAME=VALUE`
    pub(crate) sent: Vec<String>,
    /// `-b FILE`
    pub(crate) files: Vec<PathBuf>,
    /// `-c FILE`
    pub(crate) jar: Option<PathBuf>,
    /// `-j`: session cookies of the files are ignored.
    pub(crate) junk_session: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            method: None,
            headers: Vec::new(),
            data: Vec::new(),
            json: false,
            form: Vec::new(),
            query: Vec::new(),
            get: false,
            head: false,
            user: None,
            bearer: None,
            netrc: None,
            user_agent: None,
            referer: None,
            refers: false,
            range: None,
            resume: None,
            http10: false,
            compressed: false,
            path_as_is: false,
            location: false,
            trusted: false,
            posts_again: Vec::new(),
            max_redirects: MAX_REDIRECTS,
        }
    }
}

impl Request {
    /// Takes the option and returns `true` if it is one of these.
    pub(super) fn take(&mut self, given: &Given) -> Result<bool, Usage> {
        match given.name {
            "request" => {
                let method = Method::from_bytes(given.text()?.as_bytes());
                self.method = Some(method.map_err(|_| given.bad("not a valid method"))?);
            }
            "header" => self.headers.push(given.text()?),
            "user-agent" => self.user_agent = Some(given.text()?),
            "referer" => {
                let referer = given.text()?;
                self.refers = referer.ends_with(";auto");
                self.referer = Some(referer.trim_end_matches(";auto").to_owned());
            }
            "user" => self.user = Some(given.text()?),
            "oauth2-bearer" => self.bearer = Some(given.text()?),
            "netrc" | "netrc-optional" => self.netrc = given.on().then_some(NetrcFile::Home),
            "netrc-file" => self.netrc = Some(NetrcFile::File(given.path())),
            "range" => self.range = Some(completed(given)?),
            "continue-at" => self.resume = Some(resume(given)?),
            "max-redirs" => self.max_redirects = redirects(given)?,
            _ => return Ok(self.take_switch(given) || self.take_data(given)?),
        }
        Ok(true)
    }

    fn take_switch(&mut self, given: &Given) -> bool {
        match given.name {
            "get" => self.get = given.on(),
            "head" => self.head = given.on(),
            "http1.0" => self.http10 = true,
            "http1.1" => self.http10 = false,
            "compressed" => self.compressed = given.on(),
            "path-as-is" => self.path_as_is = given.on(),
            "location" => self.location = given.on(),
            "location-trusted" => (self.location, self.trusted) = (given.on(), given.on()),
            "post301" => self.posts_again.push(301),
            "post302" => self.posts_again.push(302),
            "post303" => self.posts_again.push(303),
            // Basic is the only scheme, and `[` has no meaning in a URL.
            "basic" | "globoff" => {}
            _ => return false,
        }
        true
    }

    fn take_data(&mut self, given: &Given) -> Result<bool, Usage> {
        let kind = match given.name {
            "data" | "data-ascii" => DataKind::Text,
            "data-binary" => DataKind::Binary,
            "data-raw" => DataKind::Raw,
            "data-urlencode" => DataKind::Encoded,
            "json" => DataKind::Json,
            "url-query" => {
                self.query.push(Data { text: given.text()?, kind: DataKind::Query });
                return Ok(true);
            }
            "form" => {
                self.form.push(FormField::read(&given.text()?, FormKind::Parsed, given)?);
                return Ok(true);
            }
            "form-string" => {
                self.form.push(FormField::read(&given.text()?, FormKind::Verbatim, given)?);
                return Ok(true);
            }
            _ => return Ok(false),
        };
        self.json |= kind == DataKind::Json;
        self.data.push(Data { text: given.text()?, kind });
        Ok(true)
    }

    /// Returns the User-Agent, unless `-A ''` removes it.
    pub(crate) fn agent(&self) -> Option<&str> {
        let own = concat!("hangup-fetch/", env!("CARGO_PKG_VERSION"));
        Some(self.user_agent.as_deref().unwrap_or(own)).filter(|agent| !agent.is_empty())
    }

    /// Returns `true` if `-d` or a similar option makes the request a POST.
    pub(crate) fn posts_data(&self) -> bool {
        !self.data.is_empty() && !self.get
    }

    /// Refuses options that ask for several requests at once.
    pub(super) fn check(&self, uploads: bool) -> Result<(), Usage> {
        let kinds = [uploads, self.posts_data(), !self.form.is_empty(), self.head];
        match kinds.into_iter().filter(|kind| *kind).count() > 1 {
            true => Err(Usage::wrong("-I, -d, -F and -T exclude each other")),
            false => Ok(()),
        }
    }
}

impl CookieOptions {
    /// Takes the option and returns `true` if it is one of these.
    pub(super) fn take(&mut self, given: &Given) -> bool {
        match given.name {
            "cookie" => match given.text() {
                Ok(text) if text.contains('=') => self.sent.push(text),
                _ => self.files.push(given.path()),
            },
            "cookie-jar" => self.jar = Some(given.path()),
            "junk-session-cookies" => self.junk_session = given.on(),
            _ => return false,
        }
        true
    }

    /// Returns `true` if cookies of responses are kept.
    pub(crate) fn are_kept(&self) -> bool {
        !self.files.is_empty() || self.jar.is_some()
    }
}

/// Reads the argument of `-r`.
fn completed(given: &Given) -> Result<String, Usage> {
    let range = given.text()?;
    let completed = range::completed(&range).map_err(|why| given.bad(why))?;
    if completed != range {
        complain!("fetch: -r {range}: using {completed}");
    }
    Ok(completed)
}

/// Reads the argument of `-C`: an offset, or `-` for the end of the file.
fn resume(given: &Given) -> Result<Resume, Usage> {
    match given.text()?.as_str() {
        "-" => Ok(Resume::AtItsEnd),
        offset => match offset.parse() {
            Ok(offset) => Ok(Resume::At(offset)),
            Err(_) => Err(given.bad("expected an offset or `-`")),
        },
    }
}

/// Reads the argument of `--max-redirs`. -1 is no limit.
fn redirects(given: &Given) -> Result<u32, Usage> {
    let most: i64 = given.number()?;
    match most < -1 {
        true => Err(given.bad("the number is less than -1")),
        false => Ok(u32::try_from(most).unwrap_or(u32::MAX)),
    }
}
