//! Passwords by host, from a netrc file.

mod parse;

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use self::parse::Entry;
use crate::error::{Error, ErrorKind, Result};

/// The names of the file in the home directory, in the order in which they are tried.
#[cfg(not(windows))]
const FILE_NAMES: &[&str] = &[".netrc"];
#[cfg(windows)]
const FILE_NAMES: &[&str] = &[".netrc", "_netrc"];

/// The environment variable that names another file.
const VARIABLE: &str = "NETRC";

/// The most bytes of a file. Real ones have some kilobytes, and a device would never end.
const MAX_FILE: u64 = 1 << 20;

/// Passwords by host, as in the file `~/.netrc` that curl, ftp and git read.
///
/// [`ClientBuilder::netrc`](super::ClientBuilder::netrc) uses them for every request of a client.
///
/// ```
/// use hangup::client::Netrc;
///
/// let netrc = Netrc::parse(
///     "machine example.com login joe password \"open sesame\" # a comment
///      default login anonymous password guest",
/// )?;
/// # let _ = netrc;
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Format
///
/// Words are separated by white space and line ends:
///
/// | words | meaning |
/// | --- | --- |
/// | `machine HOST` | begins the entry of a host; letters of any case are equal |
/// | `default` | begins an entry for all other hosts |
/// | `login NAME`, `password WORD` | the user and the password of the entry |
/// | `account WORD` | ignored |
/// | `macdef NAME` | ignored, with the lines up to the next empty one |
/// | `#` in place of a keyword | a comment up to the end of the line |
///
/// A word in double quotes may contain white space, and the escapes `\n`, `\r` and `\t`. A backslash in
/// quotes before another character stands for that character. Unknown words are ignored.
///
/// A value may begin with `#`, and it may be on the line after its keyword. There it must be in quotes if it is a
/// keyword or begins with `#`. The value `machine` must always be in quotes.
///
/// The first entry of a host that has a password is used. `default` is for the hosts that have no entry,
/// wherever it is in the file. A host has no port: the entry is for all of them.
pub struct Netrc {
    entries: Vec<Entry>,
}

/// The login of a host.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Login<'a> {
    pub(super) user: &'a [u8],
    pub(super) password: &'a [u8],
}

impl Netrc {
    /// Reads the user's file: the one that the environment variable `NETRC` names, else `.netrc` in the home
    /// directory. On Windows, `_netrc` is tried as well. Without a file there are no passwords.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), except for a file that does not exist.
    ///
    /// # Blocking
    ///
    /// Blocks while the file is read.
    pub fn from_home() -> Result<Self> {
        for path in candidates(env::var_os(VARIABLE), env::home_dir()) {
            match read_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                bytes => return Self::of_file(&path, bytes),
            }
        }
        Ok(Self { entries: Vec::new() })
    }

    /// Reads a file of at most 1 MiB.
    ///
    /// # Errors
    ///
    /// The file cannot be read ([`ErrorKind::Io`]), or [`parse`](Self::parse) refuses its text
    /// ([`ErrorKind::InvalidFile`]). The error names the path and shows nothing of the content.
    ///
    /// # Blocking
    ///
    /// Blocks while the file is read.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::of_file(path, read_file(path))
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidFile`] if a quoted word has no end, a keyword has no value, or an entry has two
    /// logins or two passwords. The error names the line and shows nothing of the content.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self> {
        match parse::entries(text.as_ref()) {
            Ok(entries) => Ok(Self { entries }),
            Err(fault) => Err(Error::message(ErrorKind::InvalidFile, format!("netrc: {fault}"))),
        }
    }

    fn of_file(path: &Path, bytes: io::Result<Vec<u8>>) -> Result<Self> {
        let bytes = bytes.map_err(|error| {
            let message = format!("cannot read netrc file {}", path.display());
            Error::explained(ErrorKind::Io, message, error)
        })?;
        let entries = parse::entries(&bytes).map_err(|fault| {
            let message = format!("netrc file {}: {fault}", path.display());
            Error::message(ErrorKind::InvalidFile, message)
        })?;
        Ok(Self { entries })
    }

    /// Returns the login for `host` by its own entries, or by the default one if it has none. With a user,
    /// only an entry of that login counts.
    pub(super) fn find(&self, host: &str, user: Option<&[u8]>) -> Option<Login<'_>> {
        match self.entries.iter().any(|entry| entry.is_for(host)) {
            true => self.find_machine(host, user),
            false => login(self.entries.iter().filter(|entry| entry.is_default()), user),
        }
    }

    /// Returns the login for `host` by its own entries.
    pub(super) fn find_machine(&self, host: &str, user: Option<&[u8]>) -> Option<Login<'_>> {
        login(self.entries.iter().filter(|entry| entry.is_for(host)), user)
    }
}

/// Returns the login of the first entry with a password, else of the first with a user.
fn login<'a>(
    entries: impl Iterator<Item = &'a Entry> + Clone,
    user: Option<&[u8]>,
) -> Option<Login<'a>> {
    let entries = entries.filter(|entry| user.is_none() || entry.login.as_deref() == user);
    let entry = entries
        .clone()
        .find(|entry| entry.password.is_some())
        .or_else(|| entries.clone().find(|entry| entry.login.is_some()))?;
    Some(Login {
        user: entry.login.as_deref().unwrap_or_default(),
        password: entry.password.as_deref().unwrap_or_default(),
    })
}

/// Returns the files of the user that may exist, in the order in which they are tried.
fn candidates(variable: Option<OsString>, home: Option<PathBuf>) -> Vec<PathBuf> {
    if let Some(path) = variable.filter(|path| !path.is_empty()) {
        return vec![path.into()];
    }
    let home = home.filter(|home| !home.as_os_str().is_empty());
    home.iter().flat_map(|home| FILE_NAMES.iter().map(|name| home.join(name))).collect()
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MAX_FILE {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 1 MiB")),
        false => Ok(bytes),
    }
}

impl fmt::Debug for Netrc {
    /// Shows the number of entries, and no names or passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Netrc").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
