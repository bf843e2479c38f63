//! The places that files come from.

use std::io;
use std::path::Path;

use super::embedded::Embedded;
use super::open::{Entry, Opened, Root, open};
use super::representation::Representation;

/// A place of files, as one request sees it.
pub(super) enum Store<'a> {
    Directory(Root<'a>),
    Embedded(&'a Embedded),
    /// The whole file system, for paths that the program has chosen.
    Anywhere,
}

/// The outcome of a search.
pub(super) enum Item {
    File(Representation),
    Directory,
    Missing,
    Forbidden,
}

impl Store<'_> {
    pub(super) fn find(&self, path: &Path) -> io::Result<Item> {
        match self {
            Self::Directory(root) => root.find(path).map(Item::from),
            Self::Embedded(files) => Ok(match files.file(path) {
                Some(file) => Item::File(file),
                None if files.is_directory(path) => Item::Directory,
                None => Item::Missing,
            }),
            Self::Anywhere => open(path).map(Item::from),
        }
    }

    /// Returns at most `most` entries of a directory.
    pub(super) fn entries(&self, path: &Path, most: usize) -> io::Result<Vec<Entry>> {
        match self {
            Self::Directory(root) => Ok(root.entries(path)?.take(most).collect()),
            Self::Embedded(files) => Ok(files.entries(path).into_iter().take(most).collect()),
            Self::Anywhere => Ok(Vec::new()),
        }
    }
}

impl From<Opened> for Item {
    fn from(opened: Opened) -> Self {
        match opened {
            Opened::File(file, metadata) => Self::File(Representation::of_file(file, &metadata)),
            Opened::Directory => Self::Directory,
            Opened::Missing => Self::Missing,
            Opened::Forbidden => Self::Forbidden,
        }
    }
}
