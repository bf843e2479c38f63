//! Opening a path directory by directory, none of which is a link.
//!
//! A path with links is resolved first. If another process changes the directories between that and the
//! walk, the walk finds a link where there was none, or nothing. It never follows one out of the root.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, canonicalize};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, open, openat, statat};
use rustix::io::Errno;

use super::Entry;

/// For reading. Does not wait for the other end of a FIFO, and makes no terminal that of the process.
pub(super) const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens a path that may lead anywhere.
pub(in crate::handlers::files) fn open_any(path: &Path) -> io::Result<File> {
    Ok(open(path, READ, Mode::empty())?.into())
}

/// Opens a path below `root`. Links are followed as long as they stay there.
pub(super) fn open_beneath(root: &Path, path: &Path) -> io::Result<File> {
    match walk(root, path) {
        Err(error) if is_link(error) => resolved(root, path),
        opened => Ok(opened?.into()),
    }
}

/// Resolves the links of a path, and opens what they lead to if that is below `root`.
pub(super) fn resolved(root: &Path, path: &Path) -> io::Result<File> {
    let root = canonicalize(root)?;
    let target = canonicalize(root.join(path))?;
    let Ok(path) = target.strip_prefix(&root) else { return Err(io::ErrorKind::NotFound.into()) };
    match walk(&root, path) {
        Err(error) if is_link(error) => Err(io::ErrorKind::NotFound.into()),
        opened => Ok(opened?.into()),
    }
}

/// Opens a path of plain names, none of which is a link.
fn walk(root: &Path, path: &Path) -> Result<OwnedFd, Errno> {
    let mut names = path.components().map(|name| name.as_os_str()).filter(|name| *name != ".");
    let Some(mut name) = names.next() else { return open(root, READ, Mode::empty()) };
    let mut directory = open(root, DIRECTORY, Mode::empty())?;
    for next in names {
        directory = openat(&directory, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
        name = next;
    }
    openat(&directory, name, READ | OFlags::NOFOLLOW, Mode::empty())
}

/// Returns `true` for the errors with which the systems refuse to follow a link.
fn is_link(error: Errno) -> bool {
    matches!(error, Errno::LOOP | Errno::MLINK | Errno::NOTDIR)
}

/// Returns `true` if what is there cannot be read as a file: a socket, a device without a driver, a link to
/// itself, a link out of the root. A name that is too long names nothing either.
pub(in crate::handlers::files) fn is_no_file(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::NXIO
                | Errno::NODEV
                | Errno::OPNOTSUPP
                | Errno::LOOP
                | Errno::XDEV
                | Errno::NAMETOOLONG
        )
    )
}

/// Returns a number that differs between two files of one file system.
pub(in crate::handlers::files) fn identity(metadata: &Metadata) -> u64 {
    metadata.ino()
}

/// Returns the entries of a directory but those that cannot be found. `follow` returns the metadata of
/// what a link leads to.
pub(super) fn entries(
    directory: File,
    follow: impl Fn(&OsStr) -> Option<Metadata>,
) -> io::Result<impl Iterator<Item = Entry>> {
    let names = Dir::read_from(&directory)?;
    Ok(names.filter_map(move |entry| {
        let entry = entry.ok()?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            return None;
        }
        self::entry(&directory, name, &follow)
    }))
}

fn entry(
    directory: &File,
    name: &OsStr,
    follow: impl Fn(&OsStr) -> Option<Metadata>,
) -> Option<Entry> {
    let found = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let kind = FileType::from_raw_mode(found.st_mode);
    if kind == FileType::Symlink {
        let metadata = follow(name)?;
        let is_served = metadata.is_dir() || metadata.is_file();
        return is_served.then(|| Entry::new(name.to_owned(), &metadata));
    }
    let is_directory = kind == FileType::Directory;
    let name: OsString = name.to_owned();
    (is_directory || kind == FileType::RegularFile).then(|| Entry {
        name,
        is_directory,
        length: u64::try_from(found.st_size).unwrap_or(0),
        modified: modified(&found),
    })
}

fn modified(found: &rustix::fs::Stat) -> Option<std::time::SystemTime> {
    let seconds = u64::try_from(found.st_mtime).ok()?;
    std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds))
}
