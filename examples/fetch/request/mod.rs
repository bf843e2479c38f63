//! The request that a command line describes.
//!
//! | file | contents |
//! | --- | --- |
//! | `address.rs` | the URL |
//! | `fields.rs` | the headers |
//! | `data.rs`, `form.rs` | the bodies of `-d` and `-F` |
//! | `payload.rs`, `metered.rs` | any body, and the rate at which it is sent |
//! | `redirect.rs` | the request that follows a redirect |
//! | `range.rs` | ranges of files |

mod address;
mod data;
mod fields;
mod form;
pub(crate) mod metered;
pub(crate) mod payload;
pub(crate) mod range;
pub(crate) mod redirect;

use bytes::Bytes;
use hangup::http::header::TRANSFER_ENCODING;
use hangup::http::{HeaderMap, Method, Uri, Version};

pub(crate) use address::Address;

use crate::failure::Failure;
use crate::options::{Job, Options};
use crate::report::Report;
use fields::Field;
use form::Form;
use payload::{Payload, is_stdin, read_text};

/// The common part of an operation's requests, with the files of the command line.
pub(crate) struct Template<'c> {
    options: &'c Options,
    fields: Vec<Field>,
    data: Bytes,
    form: Option<Form>,
    query: Vec<u8>,
    pub(crate) write_out: Option<String>,
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
    /// `true` if the user chose the Content-Type, which then also stays without a body.
    pub(crate) type_by_hand: bool,
}

/// The kinds of requests. Redirects change the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Get,
    /// `-I`
    Head,
    /// `-d`, `-F` and similar options
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
    pub(crate) fn new(options: &'c Options) -> Result<Self, Failure> {
        let request = &options.request;
        let write_out = match &options.saving.write_out {
            Some(format) => Some(match format.strip_prefix('@') {
                Some(path) => read_text(path)?.replace(['\r', '\n'], ""),
                None => format.clone(),
            }),
            None => None,
        };
        Ok(Self {
            options,
            fields: Field::read_all(&request.headers)?,
            data: data::join(&request.data)?.into(),
            form: (!request.form.is_empty()).then(|| Form::read(&request.form)).transpose()?,
            query: data::join(&request.query)?,
            write_out,
        })
    }

    /// Creates the request for one URL. `from` is the end of an earlier download.
    pub(crate) fn plan(&self, job: &Job, from: u64, report: &mut Report) -> Result<Plan, Failure> {
        let request = &self.options.request;
        let address = self.address(job);
        let payload = self.payload(job)?;
        let kind = match () {
            () if request.head => Kind::Head,
            () if job.upload.is_some() => Kind::Put,
            () if request.posts_data() || self.form.is_some() => Kind::Post,
            () => Kind::Get,
        };
        let mut plan = Plan {
            kind,
            method: request.method.clone().unwrap_or(kind.method()),
            method_by_hand: request.method.is_some(),
            uri: address.uri()?,
            first: address.clone(),
            address,
            fields: HeaderMap::new(),
            version: if request.http10 { Version::HTTP_10 } else { Version::HTTP_11 },
            payload,
            type_by_hand: request.json || self.fields.iter().any(Field::sets_type),
        };
        report.asks(&plan);
        fields::fill(&mut plan, self.options, &self.fields, from)?;
        Ok(plan)
    }

    /// Returns the URL with the data of `-G`, `--url-query` and `-T`.
    fn address(&self, job: &Job) -> Address {
        let request = &self.options.request;
        let mut address = match request.path_as_is {
            true => Address::read_as_is(&job.url),
            false => Address::read(&job.url),
        };
        if request.get && !request.data.is_empty() {
            address.add_query(&String::from_utf8_lossy(&self.data));
        } else {
            address.add_query(&String::from_utf8_lossy(&self.query));
        }
        if let Some(path) = job.upload.as_deref().filter(|path| !is_stdin(path)) {
            address.add_file_name(path.file_name());
        }
        address
    }

    fn payload(&self, job: &Job) -> Result<Payload, Failure> {
        match (&job.upload, &self.form) {
            (Some(path), _) => Payload::of(path, self.options.request.resume),
            (None, Some(form)) => Ok(Payload::Form(form.clone())),
            (None, None) if self.options.request.posts_data() => {
                Ok(Payload::Memory(self.data.clone()))
            }
            (None, None) => Ok(Payload::None),
        }
    }
}

impl Plan {
    /// Returns `true` if the user asks for chunks, whether the length is known or not.
    pub(crate) fn is_chunked(&self) -> bool {
        self.fields.contains_key(TRANSFER_ENCODING)
    }
}
