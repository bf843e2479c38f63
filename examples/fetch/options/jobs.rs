//! URLs with the files that they are saved to and the files that are uploaded to them.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::options::Given;
use crate::support::Usage;

/// One URL, with the file to upload and the destination of the response.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) url: String,
    pub(crate) upload: Option<PathBuf>,
    pub(crate) save: Save,
}

/// The destination of the body.
#[derive(Clone, Debug, Default)]
pub(crate) enum Save {
    #[default]
    Stdout,
    File(PathBuf),
    /// A file named after the URL.
    RemoteName,
}

/// The URLs, uploads and outputs, in the order of the command line.
#[derive(Default)]
pub(super) struct Hands {
    urls: Vec<String>,
    uploads: Vec<PathBuf>,
    saves: Vec<Save>,
    /// The destination of URLs without one.
    other: Save,
}

impl Hands {
    pub(super) fn add_url(&mut self, url: OsString) -> Result<(), Usage> {
        let url = url.into_string().map_err(|_| Usage::wrong("the URL is not UTF-8"))?;
        self.urls.push(url);
        Ok(())
    }

    /// Takes the option and returns `true` if it is one of these.
    pub(super) fn take(&mut self, given: &Given) -> Result<bool, Usage> {
        match given.name {
            "url" => self.add_url(given.text()?.into())?,
            "output" => self.saves.push(match given.path() {
                path if path.as_os_str() == "-" => Save::Stdout,
                path if path.as_os_str().is_empty() => {
                    return Err(given.bad("the file name is empty"));
                }
                path => Save::File(path),
            }),
            "remote-name" if given.on() => self.saves.push(Save::RemoteName),
            "remote-name" => self.saves.push(Save::Stdout),
            "remote-name-all" => {
                self.other = if given.on() { Save::RemoteName } else { Save::Stdout };
            }
            "upload-file" => self.uploads.push(given.path()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Assigns the n-th upload and output to the n-th URL.
    pub(super) fn deal(self) -> Result<Vec<Job>, Usage> {
        if self.urls.is_empty() {
            return Err(Usage::wrong("a URL is required (see --help)"));
        }
        let mut uploads = self.uploads.into_iter();
        let mut saves = self.saves.into_iter();
        let job = |url| Job {
            url,
            upload: uploads.next().filter(|path| !path.as_os_str().is_empty()),
            save: saves.next().unwrap_or_else(|| self.other.clone()),
        };
        Ok(self.urls.into_iter().map(job).collect())
    }
}
