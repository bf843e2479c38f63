//! Conversions into a [`Body`].

use std::borrow::Cow;
use std::fs::File;

use bytes::Bytes;

use super::Body;
use super::file::FileSource;
use super::source::Source;

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::of(Source::Bytes(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl From<()> for Body {
    fn from((): ()) -> Self {
        Self::empty()
    }
}

impl From<Cow<'static, str>> for Body {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl From<&String> for Body {
    /// Copies the text.
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<&Vec<u8>> for Body {
    /// Copies the bytes.
    fn from(bytes: &Vec<u8>) -> Self {
        bytes.clone().into()
    }
}

impl<const N: usize> From<[u8; N]> for Body {
    fn from(bytes: [u8; N]) -> Self {
        Vec::from(bytes).into()
    }
}

impl<const N: usize> From<&'static [u8; N]> for Body {
    fn from(bytes: &'static [u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl From<Box<[u8]>> for Body {
    fn from(bytes: Box<[u8]>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<File> for Body {
    /// Creates a body of the rest of the file, from its current position on.
    ///
    /// The length of a regular file is taken now, and later changes do not alter it. Bytes that are appended
    /// are not read. A file that was truncated is an error
    /// ([`ErrorKind::BodySource`](crate::ErrorKind::BodySource)), so that no peer takes the short body for
    /// a whole one. Such a body can be sent again, after a redirect or on another connection: it reads at
    /// offsets, and the file's position stays.
    ///
    /// A pipe, a device, or a file of unknown length (those below `/proc`) is read to its end, in chunks,
    /// and can be sent once.
    fn from(file: File) -> Self {
        match FileSource::of(file) {
            Ok(source) => Self::of(Source::File(source)),
            Err(file) => Self::from_reader(file),
        }
    }
}
