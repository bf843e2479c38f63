//! The destination of a response body.

mod name;
pub(crate) mod progress;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hangup::http::HeaderMap;

use crate::failure::{Failure, NOT_WRITTEN};
use crate::options::{Job, Options, Resume, Save};
use crate::request::Address;

/// The names that `--no-clobber` tries.
const MOST_NAMES: u32 = 100;

/// A file or stdout. A new file is created with the first byte, so a transfer that fails earlier leaves
/// no empty file. A file to continue is opened at once.
pub(crate) struct Output {
    place: Place,
    create_dirs: bool,
    existing: Existing,
    /// The length of the existing part, which is kept.
    offset: u64,
    sink: Option<Sink>,
}

enum Place {
    Stdout,
    File(PathBuf),
}

/// The treatment of a file that exists already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Replaced,
    /// `--no-clobber`: the new file gets a number behind its name.
    Kept,
    /// `-J`: the server chooses the name, and must not choose a file that exists.
    Refused,
}

enum Sink {
    Stdout(io::Stdout),
    File(File),
}

impl Output {
    pub(crate) fn new(job: &Job, options: &Options) -> Result<Self, Failure> {
        let saving = &options.saving;
        let place = match &job.save {
            Save::Stdout => Place::Stdout,
            Save::File(path) => Place::File(in_folder(saving.output_dir.as_deref(), path)),
            Save::RemoteName => match Address::read(&job.url).file_name().and_then(name::plain) {
                Some(name) => {
                    Place::File(in_folder(saving.output_dir.as_deref(), Path::new(&name)))
                }
                None => return Err(Failure::new(NOT_WRITTEN, "-O: the URL has no file name")),
            },
        };
        let offset = match (options.request.resume, &place) {
            _ if job.upload.is_some() => 0,
            (Some(Resume::At(offset)), _) => offset,
            (Some(Resume::AtItsEnd), Place::File(path)) => {
                fs::metadata(path).map_or(0, |meta| meta.len())
            }
            (Some(Resume::AtItsEnd), Place::Stdout) | (None, _) => 0,
        };
        let existing = if saving.keeps_files { Existing::Kept } else { Existing::Replaced };
        let create_dirs = saving.create_dirs;
        let mut output = Self { place, create_dirs, existing, offset, sink: None };
        if offset > 0 {
            output.open()?;
        }
        Ok(output)
    }

    /// Uses the name in the response's Content-Disposition, if it has one (`-J`).
    pub(crate) fn name_by(&mut self, headers: &HeaderMap) {
        if let (Place::File(path), Some(name)) = (&mut self.place, name::of(headers))
            && self.sink.is_none()
        {
            path.set_file_name(name);
            if self.existing == Existing::Replaced {
                self.existing = Existing::Refused;
            }
        }
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the file, unless the body goes to stdout.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Stdout => None,
            Place::File(path) => Some(path),
        }
    }

    /// Writes and flushes, so that the reader of a pipe gets the bytes at once.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = match self.open()? {
            Sink::Stdout(stdout) => stdout.write_all(bytes).and_then(|()| stdout.flush()),
            Sink::File(file) => file.write_all(bytes),
        };
        written.map_err(Failure::not_written)
    }

    fn open(&mut self) -> Result<&mut Sink, Failure> {
        let sink = match self.sink.take() {
            Some(sink) => sink,
            None => self.create()?,
        };
        Ok(self.sink.insert(sink))
    }

    fn create(&mut self) -> Result<Sink, Failure> {
        let Place::File(path) = &mut self.place else { return Ok(Sink::Stdout(io::stdout())) };
        if self.create_dirs
            && let Some(folder) = path.parent()
        {
            fs::create_dir_all(folder).map_err(Failure::not_written)?;
        }
        let mut options = OpenOptions::new();
        match (self.offset, self.existing) {
            (1.., _) => options.append(true).create(true),
            (0, Existing::Replaced) => options.write(true).create(true).truncate(false),
            (0, Existing::Kept | Existing::Refused) => options.write(true).create_new(true),
        };
        let wanted = path.clone();
        for number in 0..MOST_NAMES {
            if number > 0 {
                *path = format!("{}.{number}", wanted.display()).into();
            }
            match options.open(&path) {
                Ok(file) => {
                    if self.offset == 0 {
                        empty(&file).map_err(Failure::not_written)?;
                    }
                    // A further attempt replaces this file, which is not the user's.
                    self.existing = Existing::Replaced;
                    return Ok(Sink::File(file));
                }
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists
                        && self.existing == Existing::Kept => {}
                Err(error) => {
                    return Err(Failure::not_written(format!("{}: {error}", path.display())));
                }
            }
        }
        Err(Failure::not_written(format!("{}: all its numbered names are taken", wanted.display())))
    }

    /// Removes what a failed attempt has written to a file. Bytes on stdout, a pipe or a device stay.
    pub(crate) fn restart(&mut self) -> Result<(), Failure> {
        let Some(Sink::File(file)) = self.sink.take() else { return Ok(()) };
        // Windows has no metadata of devices such as NUL.
        if let Some(meta) = file.metadata().ok().filter(|meta| meta.is_file()) {
            file.set_len(self.offset.min(meta.len())).map_err(Failure::not_written)?;
            // The next attempt opens the file again at its end.
            return Ok(());
        }
        self.sink = Some(Sink::File(file));
        Ok(())
    }

    /// Ends a complete response. An empty response leaves an empty file.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        self.open().map(drop)
    }

    /// Removes the file of a failed transfer (`--remove-on-error`).
    pub(crate) fn remove(&mut self) {
        if let (Some(Sink::File(_)), Place::File(path)) = (self.sink.take(), &self.place) {
            // A device cannot be removed, and need not be.
            let _ = fs::remove_file(path);
        }
    }
}

fn in_folder(folder: Option<&Path>, path: &Path) -> PathBuf {
    folder.map_or_else(|| path.to_owned(), |folder| folder.join(path))
}

/// Removes the content of a file. A device such as NUL has none, and on Windows it refuses to be truncated.
fn empty(file: &File) -> io::Result<()> {
    match file.metadata() {
        Ok(meta) if meta.is_file() && meta.len() > 0 => file.set_len(0),
        _ => Ok(()),
    }
}
