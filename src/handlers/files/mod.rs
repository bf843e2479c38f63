//! Serving files: a directory, one file, or files in the program itself.
//!
//! A site in four lines:
//!
//! ```no_run
//! use hangup::{Server, files::Files};
//!
//! let site = Files::new("public").not_found_page("404.html");
//! Server::with_handler(site).listen("127.0.0.1:8080")?.serve()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What a request gets
//!
//! | request | response |
//! | --- | --- |
//! | a file | 200, or 206 with the ranges that it asks for |
//! | a file that the client has | 304, by `If-None-Match` or `If-Modified-Since` |
//! | `If-Match` or `If-Unmodified-Since` with another version | 412 |
//! | only ranges behind the end | 416 |
//! | a directory without the final slash | 308 to the same URL with it |
//! | a directory | its index, its listing if that is enabled, otherwise 404 |
//! | anything else, also a link out of the directory | 404 |
//! | a file that the process may not read | 403 |
//! | a method other than GET and HEAD, for any of these | 405 |
//!
//! # Validators
//!
//! `Last-Modified` is the time of the last change. The `ETag` of a file is made of its inode number, its
//! length, and the time of its last change in nanoseconds. It is a strong validator (RFC 9110 section 8.8.1)
//! with a limit: a file that is rewritten in place, twice within one tick of the clock and with the same
//! length, keeps its tag. A file that is replaced by renaming a new one gets a new tag. Copies of a file
//! on several machines have different tags. The `ETag` of an embedded file is a hash of its content.
//!
//! On Windows, the tag has no number of the file. A file that is replaced by another of the same length and
//! the same time keeps its tag.
//!
//! # Ranges
//!
//! `Range` is honoured for GET (RFC 9110 section 14). Ranges that overlap, or are less than 256 bytes apart,
//! become one, and a response never has more bytes than the file. A field with more than 16 ranges or a
//! malformed one is ignored. So is one for an empty file.
//!
//! # Files that change
//!
//! The length is that of the moment when the file was opened. Of a file that grows, the response has that
//! part. If it shrinks, the connection is closed early, and the client sees that the body is incomplete.
//! A file that is replaced by renaming is sent as it was.
//!
//! # Speed
//!
//! On Linux, files from 32 KiB on are sent with `sendfile`: over TCP and Unix sockets, without TLS and
//! without filters. That needs a process that ignores `SIGPIPE`, as Rust programs do by default.

// In reading order:
//
// | file | contents |
// | --- | --- |
// | `mod.rs` `options.rs` | `Files` and its options |
// | `serve.rs` | from a request to a file |
// | `path.rs` | from a URL to a name; hostile names |
// | `store.rs` `open.rs` `embedded.rs` | the places of files |
// | `representation.rs` `mime.rs` `coding.rs` | bytes, validators, content types, codings |
// | `respond.rs` `conditions.rs` `range.rs` `multipart.rs` | the response |
// | `listing.rs` | the page of a directory |

mod coding;
mod conditions;
mod date;
mod embedded;
mod listing;
mod mime;
mod multipart;
mod open;
mod options;
mod path;
mod range;
mod representation;
mod respond;
mod serve;
mod store;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;

use http::HeaderValue;

use crate::{Handler, Request, ResponseWriter, Result};
use embedded::Embedded;
use options::{NotFound, Options};
use serve::Source;

/// A handler that serves files.
///
/// The path of a request's URL, percent-decoded once, names a file below the directory. The query is
/// ignored. Below [`Router::nest`](crate::router::Router::nest) the path is what the router leaves of it.
///
/// ```
/// use hangup::{Request, files::Files, testing};
///
/// let handler = Files::new(env!("CARGO_MANIFEST_DIR")).cache_control("max-age=60");
/// let request = Request::get("/Cargo.toml").header("range", "bytes=1-7").body("")?;
/// let mut response = testing::call(&handler, request)?;
/// assert_eq!(response.status(), 206);
/// assert_eq!(response.body_mut().read_text(100)?, "package");
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # What is not served
///
/// No path and no symbolic link leads out of the directory. Links within it are followed. A path with an
/// empty segment, with `.` or `..`, with an encoded slash or a NUL names no file. Neither does a name that
/// begins with a dot, unless [`hidden_files`](Self::hidden_files) is set, or a device, a FIFO or a socket.
/// On Windows, device names, alternate streams, short names and names with a backslash are refused as well.
///
/// # Blocking
///
/// Files are read on the handler's thread. Opening does not wait for the other end of a FIFO. A file system
/// on the network may block, and no time limit of the server ends that.
#[derive(Debug)]
pub struct Files {
    source: Source,
    options: Options,
}

impl Files {
    /// Creates a handler that serves the files of a directory.
    ///
    /// A relative path is relative to the working directory. The directory is opened for each request, so
    /// it may be replaced. While it is missing, the response is 500, and the server logs the reason.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self::of(Source::Directory(directory.into()))
    }

    /// Creates a handler that serves one file, whatever the URL.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::of(Source::File(path.into()))
    }

    /// Creates a handler that serves files in the program itself. A path has slashes between its names.
    ///
    /// The entity tags are hashes of the content, which are computed now. There is no `Last-Modified` unless
    /// [`modified`](Self::modified) sets it.
    ///
    /// ```
    /// use hangup::{Request, files::Files, testing};
    ///
    /// let site = Files::embedded(&[
    ///     ("index.html", b"<h1>Hello</h1>"),       // usually include_bytes!("site/index.html")
    ///     ("css/site.css", b"h1 { color: navy }"),
    /// ]);
    /// let mut response = testing::call(&site, Request::get("/").body("")?)?;
    /// assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    /// assert_eq!(response.body_mut().read_text(100)?, "<h1>Hello</h1>");
    /// # Ok::<(), hangup::Error>(())
    /// ```
    #[must_use]
    pub fn embedded(files: &[(&'static str, &'static [u8])]) -> Self {
        Self::of(Source::Embedded(Embedded::new(files)))
    }

    fn of(source: Source) -> Self {
        Self { source, options: Options::default() }
    }

    /// Sets the `Last-Modified` of all embedded files. It has no effect on other files.
    #[must_use]
    pub fn modified(mut self, modified: SystemTime) -> Self {
        if let Source::Embedded(files) = &mut self.source {
            files.modified = Some(modified);
        }
        self
    }

    /// Sets the names of files that are served for their directory, the preferred one first. The default is
    /// `index.html`. With no names, a directory has no index.
    #[must_use]
    pub fn index<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.options.index = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets whether a directory without an index is listed. The default is `false`.
    ///
    /// The page has the names, sizes and dates of the files that are served, directories first. It has no
    /// script. It shows at most 10 000 entries.
    #[must_use]
    pub fn listing(mut self, listing: bool) -> Self {
        self.options.listing = listing;
        self
    }

    /// Sets whether files and directories are served whose names begin with a dot. The default is `false`.
    /// `/.well-known` (RFC 8615) is always served.
    #[must_use]
    pub fn hidden_files(mut self, hidden: bool) -> Self {
        self.options.hidden = hidden;
        self
    }

    /// Sets whether a file beside the requested one is sent in its place, compressed in advance: the one with
    /// the additional extension `.br`, `.zst` or `.gz`. The default is `false`.
    ///
    /// `Accept-Encoding` decides (RFC 9110 section 12.5.3). If it weighs some equally, the first of the three
    /// is sent. Each has its own `ETag`, and ranges are ranges of the compressed bytes. All responses with
    /// files have `Vary: Accept-Encoding`. The program that changes a file must renew its compressed forms.
    #[must_use]
    pub fn precompressed(mut self, precompressed: bool) -> Self {
        self.options.precompressed = precompressed;
        self
    }

    /// Sets `X-Content-Type-Options: nosniff` in responses with files. The default is `false`.
    #[must_use]
    pub fn nosniff(mut self, nosniff: bool) -> Self {
        self.options.nosniff = nosniff;
        self
    }

    /// Sets the `Cache-Control` of responses with files (RFC 9111 section 5.2). By default there is none, and
    /// caches estimate how long a file is fresh.
    ///
    /// # Panics
    ///
    /// If no header can have this value.
    #[must_use]
    pub fn cache_control<V>(mut self, value: V) -> Self
    where
        V: TryInto<HeaderValue>,
        V::Error: fmt::Debug,
    {
        self.options.cache_control = Some(header_value(value));
        self
    }

    /// Sets the content type of files with this extension, in any case.
    ///
    /// Without it, a table of common extensions decides. Text has `charset=utf-8`. A file with an unknown
    /// extension, or with none, is `application/octet-stream`.
    ///
    /// # Panics
    ///
    /// If no header can have this value.
    #[must_use]
    pub fn content_type<V>(mut self, extension: &str, value: V) -> Self
    where
        V: TryInto<HeaderValue>,
        V::Error: fmt::Debug,
    {
        self.options.types.set(extension, header_value(value));
        self
    }

    /// Sets the handler for requests that name no file, whatever their method. So an application can follow
    /// its files.
    ///
    /// ```
    /// use hangup::{Request, files::Files, respond, testing};
    ///
    /// let app = respond(|r| Ok(format!("app: {}", r.uri().path())));
    /// let site = Files::new(env!("CARGO_MANIFEST_DIR")).not_found(app);
    /// let mut response = testing::call(&site, Request::post("/orders").body("")?)?;
    /// assert_eq!(response.body_mut().read_text(100)?, "app: /orders");
    /// # Ok::<(), hangup::Error>(())
    /// ```
    #[must_use]
    pub fn not_found(mut self, handler: impl Handler) -> Self {
        self.options.not_found = NotFound::Handler(Box::new(handler));
        self
    }

    /// Sets the file that is sent, with status 404, to requests that name no file. The path is relative to
    /// the directory. For a handler of [one file](Self::file) it may be any path.
    #[must_use]
    pub fn not_found_page(mut self, path: impl Into<PathBuf>) -> Self {
        self.options.not_found = NotFound::Page(path.into());
        self
    }
}

impl Handler for Files {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
        serve::serve(w, r, &self.source, &self.options)
    }
}

/// Responds with one file, as [`Files`] with its default options does. The path may lead anywhere, and the
/// method is not looked at.
///
/// Headers that were set on `w` are sent as well. A `Content-Type` among them takes precedence.
///
/// ```
/// use hangup::{Request, ResponseWriter, Result, files};
///
/// fn manual(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
///     w.set_header("content-disposition", "attachment; filename=\"manual.txt\"")?;
///     files::serve_file(w, r, "README.md")
/// }
/// # let response = hangup::testing::call(&manual, Request::get("/").body("")?)?;
/// # assert_eq!(response.status(), 200);
/// # assert!(response.headers().contains_key("etag"));
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Errors
///
/// The statuses 404 and 403 if there is no such file or it may not be read, 412 if a precondition failed,
/// 416 if no range can be satisfied, and the errors of reading and writing.
pub fn serve_file(w: &mut ResponseWriter, r: &Request, path: impl AsRef<Path>) -> Result<()> {
    static DEFAULT: LazyLock<Options> = LazyLock::new(Options::default);
    serve::serve_one(w, r, path.as_ref(), &DEFAULT)
}

fn header_value<V>(value: V) -> HeaderValue
where
    V: TryInto<HeaderValue>,
    V::Error: fmt::Debug,
{
    value.try_into().expect("a valid header value")
}
