//! The multipart form of `-F`.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use hangup::http::{HeaderName, HeaderValue};
use hangup::{Body, Multipart, Part};
use parking_lot::Mutex;

use crate::failure::{Failure, NOT_READ};
use crate::options::data::{FormContent, FormField, FormSource};
use crate::request::metered::Meter;
use crate::request::payload::read_file;

/// A form that can be sent several times.
#[derive(Clone)]
pub(crate) struct Form {
    fields: Arc<Vec<Field>>,
    length: Option<u64>,
}

struct Field {
    name: String,
    content: Content,
    file_name: Option<String>,
    content_type: Option<HeaderValue>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

enum Content {
    Bytes(Bytes),
    File(String),
}

impl Form {
    /// Reads stdin and the files that are sent as text, and looks for the others.
    pub(super) fn read(fields: &[FormField]) -> Result<Self, Failure> {
        let mut all = Vec::new();
        for field in fields {
            for content in &field.content {
                all.push(Field::read(field, content)?);
            }
        }
        let mut form = Self { fields: Arc::new(all), length: None };
        form.length = form.multipart().0.len();
        Ok(form)
    }

    pub(super) fn len(&self) -> Option<u64> {
        self.length
    }

    /// Returns the body, which counts and shows its bytes as they are sent.
    pub(super) fn body(&self, chunked: bool, meter: &Meter) -> Body {
        let (body, content_type) = self.multipart();
        let pace = meter.pace.clone().map(Mutex::new);
        let (progress, tracer) = (Arc::clone(&meter.progress), Arc::clone(&meter.tracer));
        let body = body.inspect(move |piece| {
            if piece.end == piece.bytes.len() as u64 {
                progress.restart();
            }
            progress.add(piece.bytes.len());
            tracer.data_out(piece.bytes);
            if let Some(pace) = &pace {
                // The call itself reports its end.
                let _ = pace.lock().spend(piece.bytes.len());
            }
        });
        match chunked {
            // A reader has no length.
            true => Body::from_reader(body).with_content_type(content_type),
            false => body,
        }
    }

    fn multipart(&self) -> (Body, HeaderValue) {
        let add = |form: Multipart, field: &Field| form.part(field.name.as_str(), field.part());
        let form = self.fields.iter().fold(Multipart::new(), add);
        let content_type = form.content_type();
        (form.into(), content_type)
    }
}

impl Field {
    fn read(field: &FormField, content: &FormContent) -> Result<Self, Failure> {
        let (source, file) = match &content.source {
            FormSource::Text(text) => (Content::Bytes(text.clone().into()), None),
            FormSource::FileAsText(path) => (Content::Bytes(read_file(path)?.into()), None),
            FormSource::File(path) if path == "-" => {
                (Content::Bytes(read_file(path)?.into()), Some("-"))
            }
            FormSource::File(path) => {
                let readable = fs::metadata(path).and_then(|_| File::open(path));
                readable.map_err(|error| Failure::new(NOT_READ, format!("{path}: {error}")))?;
                let name = Path::new(path).file_name().and_then(|name| name.to_str());
                (Content::File(path.clone()), name)
            }
        };
        let file_name = content.file_name.clone().or(file.map(str::to_owned));
        let content_type = match (&content.content_type, &source) {
            (Some(given), _) => Some(given.as_str()),
            (None, Content::File(path)) => Some(type_of(file_name.as_deref().unwrap_or(path))),
            (None, Content::Bytes(_)) => None,
        };
        let bad = |text: &str| Failure::new(2, format!("-F: {text:?} is not a valid header"));
        let content_type = match content_type {
            Some(text) => Some(HeaderValue::from_str(text).map_err(|_| bad(text))?),
            None => None,
        };
        let header = |line: &String| {
            let (name, value) = line.split_once(':').ok_or_else(|| bad(line))?;
            let name = name.trim().parse().map_err(|_| bad(line))?;
            Ok((name, HeaderValue::from_str(value.trim()).map_err(|_| bad(line))?))
        };
        let headers = field.headers.iter().map(header).collect::<Result<_, Failure>>()?;
        Ok(Self { name: field.name.clone(), content: source, file_name, content_type, headers })
    }

    fn part(&self) -> Part {
        let mut part = match &self.content {
            Content::Bytes(bytes) => Part::bytes(bytes.clone()),
            Content::File(path) => Part::file(path),
        };
        if let Some(name) = &self.file_name {
            part = part.file_name(name);
        }
        if let Some(content_type) = &self.content_type {
            part = part.content_type(content_type.clone());
        }
        let add = |part: Part, (name, value): &(HeaderName, HeaderValue)| {
            part.header(name.clone(), value.clone())
        };
        self.headers.iter().fold(part, add)
    }
}

/// Returns the content type of a file by its extension: curl's short list.
fn type_of(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "gif" => "image/gif",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain",
        "htm" | "html" => "text/html",
        "pdf" => "application/pdf",
        "xml" => "application/xml",
        _ => "application/octet-stream",
    }
}
