//! The body of a request, and the files that the command line names.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use hangup::Body;

use crate::failure::{Failure, NOT_READ};
use crate::options::Resume;
use crate::output::progress::Progress;
use crate::request::form::Form;
use crate::request::metered::{Meter, Metered};

/// The body of a request.
#[derive(Clone)]
pub(crate) enum Payload {
    None,
    Memory(Bytes),
    Form(Form),
    /// A file of known length, from `offset` on.
    File {
        path: PathBuf,
        offset: u64,
        length: u64,
    },
    /// A pipe or a device.
    Pipe(PathBuf),
    Stdin,
}

impl Payload {
    /// Opens the file of `-T`.
    pub(crate) fn of(path: &Path, resume: Option<Resume>) -> Result<Self, Failure> {
        if is_stdin(path) {
            return Ok(Self::Stdin);
        }
        let meta = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        // An unreadable file fails now, not in the middle of the request.
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
            Self::Form(form) => form.len(),
            Self::File { length, .. } => Some(*length),
            Self::Pipe(_) | Self::Stdin => None,
        }
    }

    /// Returns `true` if the body cannot be sent again once part of it has been sent.
    pub(crate) fn is_read_once(&self) -> bool {
        matches!(self, Self::Pipe(_) | Self::Stdin)
    }

    /// Returns the number of bytes sent. A body in memory counts as a whole.
    pub(crate) fn sent(&self, counted: &Progress, answered: bool) -> u64 {
        match self {
            Self::None => 0,
            Self::Memory(bytes) if answered => bytes.len() as u64,
            _ => counted.done(),
        }
    }

    /// Returns the body again, if that is possible.
    pub(crate) fn body(&self, chunked: bool, meter: &Meter) -> Result<Body, Failure> {
        Ok(match self {
            Self::None => Body::empty(),
            Self::Memory(bytes) if chunked => Body::from_reader(io::Cursor::new(bytes.clone())),
            Self::Memory(bytes) if meter.pace.is_none() => {
                meter.tracer.data_out(bytes);
                bytes.clone().into()
            }
            Self::Memory(bytes) => {
                let (bytes, meter) = (bytes.clone(), meter.clone());
                Body::replayable(Some(bytes.len() as u64), move || {
                    let reader = io::Cursor::new(bytes.clone());
                    Ok(Body::from_reader(Metered::new(reader, &meter)))
                })
            }
            Self::Form(form) => form.body(chunked, meter),
            Self::Stdin => Body::from_reader(Metered::new(io::stdin(), meter)),
            Self::Pipe(path) => {
                let pipe = File::open(path).map_err(|error| unreadable(path, &error))?;
                Body::from_reader(Metered::new(pipe, meter))
            }
            Self::File { path, offset, length } => {
                let (path, offset, meter) = (path.clone(), *offset, meter.clone());
                Body::replayable((!chunked).then_some(*length), move || {
                    let mut file = File::open(&path)?;
                    file.seek(SeekFrom::Start(offset))?;
                    meter.progress.restart();
                    Ok(Body::from_reader(Metered::new(file, &meter)))
                })
            }
        })
    }
}

/// Reads a file that the command line names. `-` is stdin.
pub(crate) fn read_file(path: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = match path {
        "-" => io::stdin().read_to_end(&mut bytes),
        path => File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.map_err(|error| unreadable(Path::new(path), &error))?;
    Ok(bytes)
}

pub(crate) fn read_text(path: &str) -> Result<String, Failure> {
    String::from_utf8(read_file(path)?)
        .map_err(|error| Failure::new(NOT_READ, format!("{path}: {error}")))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(NOT_READ, format!("cannot read {}: {error}", path.display()))
}

pub(crate) fn is_stdin(path: &Path) -> bool {
    matches!(path.to_str(), Some("-" | "."))
}
