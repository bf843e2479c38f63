//! Files in the program itself.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Bound;
use std::path::Path;
use std::time::SystemTime;

use super::open::Entry;
use super::path::name_bytes;
use super::representation::Representation;

/// Files by their path, with slashes between its names and none around it.
#[derive(Debug)]
pub(super) struct Embedded {
    files: BTreeMap<&'static [u8], File>,
    pub(super) modified: Option<SystemTime>,
}

#[derive(Debug)]
struct File {
    bytes: &'static [u8],
    /// With its quotes.
    etag: String,
}

impl Embedded {
    pub(super) fn new(files: &[(&'static str, &'static [u8])]) -> Self {
        let files = files.iter().map(|(path, bytes)| {
            let etag = format!("\"{:032x}\"", hash(bytes));
            (path.trim_matches('/').as_bytes(), File { bytes, etag })
        });
        Self { files: files.collect(), modified: None }
    }

    pub(super) fn file(&self, path: &Path) -> Option<Representation> {
        let file = self.files.get(&key(path)[..])?;
        Some(Representation::of_bytes(file.bytes, file.etag.clone(), self.modified))
    }

    /// Returns `true` if there are files below `path`.
    pub(super) fn is_directory(&self, path: &Path) -> bool {
        self.below(&prefix(path)).next().is_some()
    }

    /// Returns the files and directories of a directory.
    pub(super) fn entries(&self, path: &Path) -> Vec<Entry> {
        let prefix = prefix(path);
        let mut entries: Vec<Entry> = Vec::new();
        for (path, file) in self.below(&prefix) {
            let rest = String::from_utf8_lossy(&path[prefix.len()..]);
            let (name, is_directory) = match rest.split_once('/') {
                Some((directory, _)) => (OsString::from(directory), true),
                None => (OsString::from(&*rest), false),
            };
            // The paths are in order, so those of one directory follow each other.
            if entries.last().is_some_and(|last| last.is_directory && last.name == name) {
                continue;
            }
            let length = file.bytes.len() as u64;
            entries.push(Entry { name, is_directory, length, modified: self.modified });
        }
        entries
    }

    fn below<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a File)> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let files = self.files.range::<[u8], _>(from).map(|(path, file)| (*path, file));
        files.take_while(move |(path, _)| path.starts_with(prefix))
    }
}

/// Joins the names of a path with slashes.
fn key(path: &Path) -> Vec<u8> {
    let names: Vec<_> = path.iter().map(name_bytes).collect();
    names.join(&b'/')
}

/// Returns the beginning of the paths of all files in a directory.
fn prefix(directory: &Path) -> Vec<u8> {
    let mut key = key(directory);
    if !key.is_empty() {
        key.push(b'/');
    }
    key
}

/// Returns the 128-bit FNV-1a hash. It is the same in each build. The files are the program's own, so
/// no attacker can make two collide.
fn hash(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h08_the_hash_is_fnv_1a() {
        assert_eq!(hash(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(hash(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(hash(b"foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }

    #[test]
    fn h08_embedded_directories_are_those_of_the_paths() {
        let files =
            Embedded::new(&[("a/b/c", b"1"), ("/a/b/d", b"22"), ("a.x", b""), ("a/e", b"")]);
        let names = |path: &str| {
            let entries = files.entries(Path::new(path)).into_iter();
            entries
                .map(|entry| (entry.name.into_string().unwrap(), entry.is_directory))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(""), [("a.x".to_owned(), false), ("a".to_owned(), true)]);
        assert_eq!(names("a"), [("b".to_owned(), true), ("e".to_owned(), false)]);
        assert_eq!(names("a/b"), [("c".to_owned(), false), ("d".to_owned(), false)]);
        assert!(files.is_directory(Path::new("a/b")) && !files.is_directory(Path::new("a/b/c")));
        assert!(files.file(Path::new("a/b")).is_none());
        assert_eq!(files.file(Path::new("a/b/d")).unwrap().length, 2);
    }
}
