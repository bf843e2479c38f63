//! What a web server tells of a request beyond its head.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

/// The variables with which a web server described a request, from FastCGI's parameters or a CGI
/// program's environment: `SCRIPT_NAME`, `DOCUMENT_ROOT`, `REMOTE_USER`, and whatever it is configured
/// to pass on. See [`RequestExt::variables`](crate::RequestExt::variables). Cheap to clone.
#[derive(Clone)]
pub struct Variables(Arc<[Variable]>);

/// A variable's name and value.
type Variable = (Box<[u8]>, Box<[u8]>);

impl Variables {
    /// The value of `name` as text; `None` if there is none, or it is not UTF-8. Names are compared as
    /// they are, and the first of several counts.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_bytes(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The value of `name` as it came.
    #[must_use]
    pub fn get_bytes(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(other, _)| *other == name.as_bytes()).map(|(_, value)| value)
    }

    /// All of them, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value of `name`, unless it is empty, which stands for none (RFC 3875 section 4.1).
    pub(crate) fn present(&self, name: &str) -> Option<&[u8]> {
        self.get_bytes(name).filter(|value| !value.is_empty())
    }

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
    /// Shows the names alone: values may be credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.iter().map(|(name, _)| String::from_utf8_lossy(name));
        f.debug_list().entries(names).finish()
    }
}

/// Where a handler's words to the web server's error log go: FastCGI's error stream, or a CGI program's
/// standard error. See [`RequestExt::error_stream`](crate::RequestExt::error_stream). Cheap to clone.
///
/// Each write goes out as it is, and blocks as a write of the answer does. After the handler has
/// returned it fails.
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
