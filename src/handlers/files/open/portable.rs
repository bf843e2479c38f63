//! Systems without directory descriptors: canonical paths are compared.
//!
//! Another process that replaces a directory by a link between the comparison and the opening can lead a
//! request out of the root.

use std::fs::{File, Metadata, canonicalize, read_dir};
use std::io;
use std::path::{Path, PathBuf};

use super::{Entry, Opened};

/// A directory, out of which no path leads.
#[derive(Debug)]
pub(in crate::handlers::files) struct Root<'a> {
    path: &'a Path,
}

impl<'a> Root<'a> {
    pub(in crate::handlers::files) fn open(path: &'a Path) -> io::Result<Self> {
        std::fs::metadata(path)?;
        Ok(Self { path })
    }

    /// Opens a path below the root.
    pub(in crate::handlers::files) fn find(&self, path: &Path) -> io::Result<Opened> {
        match self.resolved(path) {
            // Not every system opens directories.
            Ok(target) if target.is_dir() => Ok(Opened::Directory),
            target => Opened::from_result(target.and_then(|target| open_any(&target))),
        }
    }

    /// Returns the entries of a directory below the root.
    pub(in crate::handlers::files) fn entries(
        &self,
        path: &Path,
    ) -> io::Result<impl Iterator<Item = Entry>> {
        let entries = read_dir(self.resolved(path)?)?;
        Ok(entries.filter_map(move |entry| {
            let name = entry.ok()?.file_name();
            let metadata = self.resolved(&path.join(&name)).ok()?.metadata().ok()?;
            let is_served = metadata.is_dir() || metadata.is_file();
            is_served.then(|| Entry::new(name, &metadata))
        }))
    }

    fn resolved(&self, path: &Path) -> io::Result<PathBuf> {
        let target = canonicalize(self.path.join(path))?;
        match target.starts_with(canonicalize(self.path)?) {
            true => Ok(target),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Opens a file by a path that may lead anywhere.
pub(in crate::handlers::files) fn open_any(path: &Path) -> io::Result<File> {
    match std::fs::metadata(path)?.is_file() {
        true => File::open(path),
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Returns `true` for Windows' errors of a name that no file can have.
pub(in crate::handlers::files) fn is_no_file(error: &io::Error) -> bool {
    const INVALID_NAME: i32 = 123;
    const FILENAME_EXCED_RANGE: i32 = 206;
    matches!(error.raw_os_error(), Some(INVALID_NAME | FILENAME_EXCED_RANGE))
}

/// Returns 0: these systems have no stable number of a file.
pub(in crate::handlers::files) fn identity(_metadata: &Metadata) -> u64 {
    0
}
