//! The cookies of `-b` and `-c`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use hangup::client::CookieJar;

use crate::options::{CookieOptions, General, Operation};
use crate::support::complain;

/// Adds the cookies of the files of `-b`. A file that does not exist is an empty one.
pub(crate) fn load(jar: &CookieJar, operation: &Operation, general: &General) {
    let options = &operation.options.cookies;
    for path in options.files.iter().filter(|path| !path.as_os_str().is_empty()) {
        let mut text = Vec::new();
        let read = match path.to_str() {
            Some("-") => io::stdin().read_to_end(&mut text),
            _ => match File::open(path) {
                Ok(mut file) => file.read_to_end(&mut text),
                Err(_) => continue,
            },
        };
        let loaded = read.map_err(Into::into).and_then(|_| jar.load_netscape(&text[..]));
        if let Err(error) = loaded {
            warn(general, path, &error);
        }
        for job in &operation.jobs {
            add_fields(jar, &text, &job.url);
        }
    }
    if options.junk_session {
        jar.remove_session_cookies();
    }
}

/// Adds the Set-Cookie fields of a file with saved heads, as if `url` had sent them.
fn add_fields(jar: &CookieJar, text: &[u8], url: &str) {
    let url = match url.contains("://") {
        true => url.to_owned(),
        false => format!("http://{url}"),
    };
    for line in String::from_utf8_lossy(text).lines() {
        if let Some((name, value)) = line.split_once(':')
            && name.trim().eq_ignore_ascii_case("set-cookie")
        {
            // A field that is no cookie of this host is none here either.
            let _ = jar.set(&*url, value.trim());
        }
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
        complain!("fetch: warning: cookies of {}: {error}", path.display());
    }
}
