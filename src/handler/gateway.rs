//! Data that a web server passes to a handler beside the request's head and body, over FastCGI and CGI.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

/// The variables that describe a request over FastCGI (its parameters) or CGI (the environment).
///
/// Among them are `SCRIPT_NAME`, `DOCUMENT_ROOT`, `REMOTE_USER`, and others that the web server is
/// configured to pass on. [`RequestExt::variables`](crate::RequestExt::variables) returns them. Cloning is
/// cheap.
#[derive(Clone)]
pub struct Variables(Arc<[Variable]>);

/// A variable's name and value.
type Variable = (Box<[u8]>, Box<[u8]>);

impl Variables {
    /// Returns the value of `name` as text, or `None` if it is missing or not UTF-8. Names are
    /// case-sensitive. Of several values, the first counts.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_bytes(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Returns the bytes of the value of `name`.
    #[must_use]
    pub fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(other, _)| *other == name.as_bytes()).map(|(_, value)| value)
    }

    /// Returns all names and values, in the order in which they arrived.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Returns the value of `name`, or `None` if it is empty, which is the same (RFC 3875 section 4.1).
    pub(crate) fn present(&self, name: &str) -> Option<&[u8]> {
        self.get_bytes(name).filter(|value| !value.is_empty())
    }

    /// Returns the value of `name` as text, or `None` if it is empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }
}

impl FromIterator<Variable> for Variables {
    fn from_iter<I: IntoIterator<Item = Variable>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl fmt::Debug for Variables {
    /// Shows only the names, since values may be credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.iter().map(|(name, _)| String::from_utf8_lossy(name));
        f.debug_list().entries(names).finish()
    }
}

/// A writer for the web server's error log: FastCGI's error stream, or a CGI program's standard error.
///
/// [`RequestExt::error_stream`](crate::RequestExt::error_stream) returns it. Cloning is cheap. Each write
/// is sent at once, and blocks as a write of the response does. Over FastCGI, writes fail after the handler
/// has returned.
#[derive(Clone)]
pub struct ErrorStream(Arc<Writer>);

type Writer = dyn Fn(&[u8]) -> io::Result<()> + Send + Sync;

impl ErrorStream {
    pub(crate) fn new(write: impl Fn(&[u8]) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }
}

impl Write for ErrorStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (self.0)(buf).map(|()| buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for ErrorStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorStream").finish_non_exhaustive()
    }
}
