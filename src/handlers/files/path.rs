//! From the path of a URL to the name of a file.
//!
//! The path is decoded once and split at its slashes. A path that could mean more than one file is refused,
//! and nothing is cleaned: a layer in front that looks at the same path sees the same file.

#[cfg(unix)]
#[path = "path/unix.rs"]
mod platform;
#[cfg(windows)]
#[path = "path/windows.rs"]
mod platform;

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

/// The characters of a file's name that a URL contains as they are: the unreserved ones of RFC 3986.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The only directory with a dot that is not hidden (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// The file or directory that a URL names, below the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    /// Relative, and empty for the root itself. All components are plain names.
    pub(super) path: PathBuf,
    /// The URL ends with a slash.
    pub(super) slash: bool,
}

impl Location {
    /// Returns the location that the path of a URL names. Returns `None` for one that names no file:
    ///
    /// * a segment that is empty, `.` or `..`, before or after decoding
    /// * a segment with an encoded slash, a NUL, or a name that the platform gives a special meaning
    /// * a segment that begins with a dot, unless `hidden` is set; `.well-known` at the root is allowed
    pub(super) fn of_url(path: &str, hidden: bool) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let (path, slash) = match path.strip_suffix('/') {
            _ if path.is_empty() => return Some(Self { path: PathBuf::new(), slash: true }),
            Some(path) => (path, true),
            None => (path, false),
        };
        let mut file = PathBuf::with_capacity(path.len());
        for (depth, segment) in path.split('/').enumerate() {
            let name = percent_decode(segment.as_bytes()).collect::<Vec<u8>>();
            if !is_plain(&name) || !hidden && is_hidden(&name, depth) {
                return None;
            }
            file.push(platform::file_name(name)?);
        }
        Some(Self { path: file, slash })
    }

    /// Returns the location of a file in this directory.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// Returns `true` for a name that means a file in its directory, on every platform.
fn is_plain(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0)
}

/// Returns `true` if a name at this depth below the root is hidden.
pub(super) fn is_hidden(name: &[u8], depth: usize) -> bool {
    name.starts_with(b".") && !(depth == 0 && name == WELL_KNOWN)
}

/// Encodes a file's name as a segment of a URL.
pub(super) fn encode(name: &[u8]) -> String {
    percent_encode(name, UNRESERVED).to_string()
}

/// Returns the bytes of a name: those of a URL that names it.
pub(super) use platform::name_bytes;

/// Returns the reference to a directory from a URL of it without the final slash, relative to that URL. So
/// it is right whatever prefix a router has removed, and never leads to another host.
pub(super) fn with_slash(path: &str, query: Option<&str>) -> String {
    // The segment of a valid URL needs no more encoding. `./` keeps a colon in it from ending a scheme.
    let segment = path.rsplit('/').next().unwrap_or_default();
    match query {
        Some(query) => format!("./{segment}/?{query}"),
        None => format!("./{segment}/"),
    }
}

/// Returns the extension of a file, in lower case.
pub(super) fn extension(path: &Path) -> Option<String> {
    path.extension()?.to_str().map(str::to_ascii_lowercase)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
