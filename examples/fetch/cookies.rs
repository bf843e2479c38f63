//! The cookies of `-b` and `-c`.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use hangup::client::CookieJar;

use crate::options::{CookieOptions, General};

/// Adds the cookies of the files of `-b`. A file that does not exist is an empty one.
pub(crate) fn load(jar: &CookieJar, options: &CookieOptions, general: &General) {
    for path in options.files.iter().filter(|path| !path.as_os_str().is_empty()) {
        let loaded = match path.to_str() {
            Some("-") => jar.load_netscape(io::stdin()),
            _ => match File::open(path) {
                Ok(file) => jar.load_netscape(file),
                Err(_) => continue,
            },
        };
        if let Err(error) = loaded {
            warn(general, path, &error);
        }
    }
    if options.junk_session {
        jar.remove_session_cookies();
    }
}

/// Writes the file of `-c`, or stdout.
pub(crate) fn save(jar: &CookieJar, options: &CookieOptions, general: &General) {
    let Some(path) = &options.jar else { return };
    let mut text = Vec::new();
    let written = jar.save_netscape(&mut text).and_then(|()| match path.to_str() {
        Some("-") => Ok(io::stdout().write_all(&text)?),
        _ => Ok(private_file(path)?.write_all(&text)?),
    });
    if let Err(error) = written {
        warn(general, path, &error);
    }
}

/// Creates a file that others cannot read, unless it exists already.
#[cfg(unix)]
fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> io::Result<File> {
    File::create(path)
}

fn warn(general: &General, path: &Path, error: &hangup::Error) {
    if general.shows_errors() {
        eprintln!("fetch: warning: cookies of {}: {error}", path.display());
    }
}
