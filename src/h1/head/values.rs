//! The heads, and the limits on them.

use http::{HeaderMap, Method, StatusCode, Uri, Version};

/// Limits on the size of a head.
///
/// ```
/// use hangup::h1::Limits;
///
/// const LIMITS: Limits = Limits::new().with_max_bytes(64 * 1024);
/// assert_eq!(LIMITS.max_fields, 1000); // the default
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the start line, the fields and the empty line together. The default is 1 MiB: more than any
    /// cookie jar needs, and small enough to hold for every connection that is sending a head.
    pub max_bytes: usize,
    /// Field lines. The default is 1000: some servers send hundreds of `Set-Cookie`, while hundreds of
    /// thousands of empty fields are an attack on the header map. A map holds at most 24576 different
    /// names, whatever this limit is.
    pub max_fields: usize,
}

impl Limits {
    /// Creates the default limits.
    #[must_use]
    pub const fn new() -> Self {
        Self { max_bytes: 1 << 20, max_fields: 1000 }
    }

    /// Sets [`max_bytes`](Self::max_bytes).
    #[must_use]
    pub const fn with_max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// Sets [`max_fields`](Self::max_fields).
    #[must_use]
    pub const fn with_max_fields(self, max_fields: usize) -> Self {
        Self { max_fields, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// The start line and the fields of a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method. It is case-sensitive.
    pub method: Method,
    /// The target: a path, an absolute URI, host and port (CONNECT) or `*` (OPTIONS). See
    /// [the rule](crate::h1#request-targets) for its characters.
    pub target: Uri,
    /// HTTP/1.0 or HTTP/1.1. A later minor version is read as HTTP/1.1.
    pub version: Version,
    /// The fields. The authority of a target in absolute form has replaced Host.
    pub headers: HeaderMap,
}

/// The start line and the fields of a response.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ResponseHead {
    /// HTTP/1.0 or HTTP/1.1. A later minor version is read as HTTP/1.1.
    pub version: Version,
    /// The status.
    pub status: StatusCode,
    /// The reason phrase, if it is not the standard one of this status.
    pub reason: Option<Box<str>>,
    /// The fields.
    pub headers: HeaderMap,
}
