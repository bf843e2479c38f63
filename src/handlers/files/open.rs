//! Opening files below a root, so that no path and no link leads out of it.
//!
//! | file | system |
//! | --- | --- |
//! | `open/linux.rs` | Linux: the kernel resolves the path below the root (`openat2`) |
//! | `open/unix.rs` | other Unix systems |
//! | `open/walk.rs` | all Unix systems: opening directory by directory, without links |
//! | `open/portable.rs` | other systems: comparing canonical paths |
//!
//! The root is opened for each request. So a root that is replaced, or that is a link to another version,
//! is followed, and one request sees one root.

#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "open/linux.rs"]
mod platform;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
#[path = "open/unix.rs"]
mod platform;
#[cfg(not(unix))]
#[path = "open/portable.rs"]
mod platform;
#[cfg(all(unix, test))]
#[allow(dead_code, reason = "the tests use a part of it")]
mod portable;
#[cfg(unix)]
mod walk;

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

pub(super) use platform::{Root, identity, open_any};

/// The outcome of opening a path.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one at a time; macOS has the largest metadata")]
pub(super) enum Opened {
    File(File, Metadata),
    Directory,
    /// There is nothing, or nothing that is served: a device, a FIFO, a link that leads out of the root.
    Missing,
    /// The process may not read it.
    Forbidden,
}

impl Opened {
    /// Sorts the outcome of the system's call.
    ///
    /// # Errors
    ///
    /// A failure that does not concern the path, such as a lack of descriptors.
    pub(super) fn from_result(opened: io::Result<File>) -> io::Result<Self> {
        let file = match opened {
            Ok(file) => file,
            Err(error) if is_missing(&error) => return Ok(Self::Missing),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Ok(Self::Forbidden);
            }
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        Ok(match metadata.is_file() {
            true => Self::File(file, metadata),
            false if metadata.is_dir() => Self::Directory,
            false => Self::Missing,
        })
    }
}

fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, NotADirectory, NotFound};
    let kinds = [InvalidInput, NotADirectory, NotFound];
    kinds.contains(&error.kind()) || platform::is_no_file(error)
}

/// An entry of a directory.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) is_directory: bool,
    pub(super) length: u64,
    pub(super) modified: Option<SystemTime>,
}

impl Entry {
    pub(super) fn new(name: OsString, metadata: &Metadata) -> Self {
        let (is_directory, length) = (metadata.is_dir(), metadata.len());
        Self { name, is_directory, length, modified: metadata.modified().ok() }
    }
}

/// Opens a path that the program has chosen, and that may lead anywhere.
pub(super) fn open(path: &Path) -> io::Result<Opened> {
    Opened::from_result(open_any(path))
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
