//! Names of files on Windows: Unicode without the names that mean something else.

use std::ffi::{OsStr, OsString};

use crate::text::windows::is_ordinary;

/// Returns the name of a file, or `None` if no file can have it.
pub(super) fn file_name(name: Vec<u8>) -> Option<OsString> {
    let name = String::from_utf8(name).ok()?;
    is_ordinary(&name).then(|| name.into())
}

/// Returns the bytes of a name. A name that is not Unicode is not listed.
pub(in crate::handlers::files) fn name_bytes(name: &OsStr) -> &[u8] {
    name.to_str().map_or(b"", str::as_bytes)
}
