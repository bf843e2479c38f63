//! Compressing responses.
//!
//! | file | contents |
//! | --- | --- |
//! | `mod.rs` | the layer and its options |
//! | `accept.rs` | the choice of a coding by `Accept-Encoding` |
//! | `eligible.rs` | which responses are compressed, and the headers of those that are |
//! | `settings.rs` | the options as the filter of a response needs them |
//! | `filter.rs` | the filter of one response |
//! | `coder.rs` | the traits of the codings |
//! | `gzip.rs` `brotli.rs` `zstd.rs` | the codings |

mod accept;
mod brotli;
mod coder;
mod eligible;
mod filter;
mod gzip;
mod settings;
#[cfg(feature = "zstd")]
mod zstd;

use std::fmt;
use std::sync::Arc;

use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};

use crate::{Handler, Layer, Request, ResponseWriter, Result};
use coder::Coding;
use filter::CompressFilter;
use settings::Settings;

/// From this size on, in bytes, a body is compressed by default. A smaller one fits into a packet anyway.
const MIN_SIZE: usize = 1024;

/// The compression of responses, by gzip, Brotli and Zstandard (feature `compress`).
///
/// The client's `Accept-Encoding` chooses the coding by its weights (RFC 9110 section 12.5.3). Among codings of
/// equal weight, Zstandard comes before Brotli, and Brotli before gzip.
///
/// ```
/// use hangup::layers::Compress;
/// use hangup::{HandlerExt, Request, respond, testing};
///
/// let handler = respond(|_| Ok("hello ".repeat(1000)));
/// let handler = handler.layer(Compress::new());
///
/// let request = Request::get("/").header("accept-encoding", "gzip, br").body("")?;
/// let mut response = testing::call(&handler, request)?;
/// assert_eq!(response.headers()["content-encoding"], "br");
/// assert_eq!(response.headers()["vary"], "accept-encoding");
/// assert!(response.body_mut().read_bytes(6000)?.len() < 100);
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Which responses
///
/// A response is compressed if all of these are true:
///
/// * Its body has at least [`min_size`](Self::min_size) bytes, or the handler flushes it before its end.
/// * Its `Content-Type` is not that of data that is compressed already: see [`when`](Self::when).
/// * It has no `Content-Encoding`, no `Content-Range` and no `Cache-Control: no-transform`.
/// * Its status allows a body and is not 206.
///
/// The response to HEAD has the headers that the response to GET would have, if the handler sets
/// `Content-Length` or writes the body. `Vary: Accept-Encoding` is added to every response that could have been
/// compressed.
///
/// Compression removes `Content-Length`, `Accept-Ranges` and the digest fields, and makes a strong `ETag` weak.
/// So a client's If-None-Match still works, and a client cannot put ranges of different codings together. The
/// handler sees a weak tag in If-Match as a strong one, so that a client can change what it has got compressed.
///
/// # Flushing
///
/// When the handler flushes, the client can decode everything written so far. So event streams can be
/// compressed. Each flush costs 5 to 10 bytes.
///
/// # Memory
///
/// A response that is being compressed needs about 350 KiB for gzip, 2 MiB for Brotli and 2 MiB for
/// Zstandard at the default levels, and at most 6 MiB at others. The memory of up to 4 coders each of gzip and
/// Zstandard is kept for later responses.
///
/// # Security
///
/// A compressed body shows by its length how often a text repeats. If a page has both a secret, such as an
/// anti-forgery token, and text from the request, then an attacker who can make a victim send requests and can
/// see the encrypted lengths can guess the secret (the BREACH attack). Such pages should have `Cache-Control:
/// no-transform`, mask the secret anew in each response, or refuse cross-site requests.
#[derive(Clone)]
#[must_use = "a layer has no effect before it is put around a handler"]
pub struct Compress {
    settings: Arc<Settings>,
}

impl Default for Compress {
    fn default() -> Self {
        Self::new()
    }
}

impl Compress {
    /// Creates a layer that compresses by gzip and Brotli at the default levels.
    pub fn new() -> Self {
        let when = Arc::new(|_: StatusCode, headers: &HeaderMap| Self::is_compressible(headers));
        let settings = Settings { min_size: MIN_SIZE, when, codings: Vec::new() };
        Self { settings: Arc::new(settings) }.brotli(brotli::QUALITY).gzip(gzip::LEVEL)
    }

    /// Sets the size in bytes from which on a body is compressed. The default is 1024. A body of unknown length
    /// is held back until it has this size, ends, or is flushed. An empty body is never compressed.
    pub fn min_size(self, bytes: usize) -> Self {
        self.change(|settings| settings.min_size = bytes.max(1))
    }

    /// Sets the level of gzip: from 1, the fastest, to 9, the smallest. The default is 4.
    ///
    /// # Panics
    ///
    /// If the level is not from 1 to 9.
    pub fn gzip(self, level: u32) -> Self {
        assert!((1..=9).contains(&level), "the level of gzip is from 1 to 9, not {level}");
        self.with(Arc::new(gzip::Gzip::new(level)))
    }

    /// Sets the quality of Brotli: from 0, the fastest, to 11, the smallest. The default is 4. From 10 on it is
    /// too slow for responses that are made on request.
    ///
    /// # Panics
    ///
    /// If the quality is more than 11.
    pub fn brotli(self, quality: u32) -> Self {
        assert!(quality <= 11, "the quality of Brotli is from 0 to 11, not {quality}");
        self.with(Arc::new(brotli::Brotli::new(quality)))
    }

    /// Removes gzip.
    pub fn no_gzip(self) -> Self {
        self.without(gzip::NAME)
    }

    /// Removes Brotli.
    pub fn no_brotli(self) -> Self {
        self.without(brotli::NAME)
    }

    /// Sets the function that decides by the status and the headers which responses are compressed. The default
    /// is [`is_compressible`](Self::is_compressible). The other conditions remain.
    ///
    /// ```
    /// use hangup::layers::Compress;
    ///
    /// // Nothing that was made for one user.
    /// let layer = Compress::new().when(|_, headers| {
    ///     Compress::is_compressible(headers) && !headers.contains_key("set-cookie")
    /// });
    /// # drop(layer);
    /// ```
    pub fn when(
        self,
        when: impl Fn(StatusCode, &HeaderMap) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.change(|settings| settings.when = Arc::new(when))
    }

    /// Returns `true` if the `Content-Type` is that of data that compression makes smaller. `false` for images
    /// other than SVG, BMP and icons, for audio and video, archives, fonts in WOFF, PDF, and data of an unknown
    /// type.
    #[must_use]
    pub fn is_compressible(headers: &HeaderMap) -> bool {
        eligible::has_compressible_type(headers)
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// Adds a coding, or replaces the one of the same name.
    fn with(self, coding: Arc<dyn Coding>) -> Self {
        self.without(coding.name()).change(|settings| {
            settings.codings.push(coding);
            settings.codings.sort_by_key(|coding| coding.rank());
        })
    }

    fn without(self, name: &str) -> Self {
        self.change(|settings| settings.codings.retain(|coding| coding.name() != name))
    }
}

impl Layer for Compress {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        let codings = &self.settings.codings;
        let accepted = r.headers().get_all(ACCEPT_ENCODING);
        let chosen = accept::choose(accepted, codings.iter().map(|coding| coding.name()));
        let settings = Arc::clone(&self.settings);
        eligible::strengthen_if_match(r.headers_mut());
        match chosen {
            Some(index) => {
                let known = r.headers().get(IF_NONE_MATCH).cloned();
                w.filter(CompressFilter::new(settings, index, known));
            }
            None => w.on_head(move |status, headers| {
                if eligible::varies(&settings, status, headers) {
                    eligible::add_vary(headers);
                }
            }),
        }
        next.handle(w, r)
    }
}

impl fmt::Debug for Compress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codings: Vec<_> = self.settings.codings.iter().map(|coding| coding.name()).collect();
        f.debug_struct("Compress")
            .field("codings", &codings)
            .field("min_size", &self.settings.min_size)
            .finish_non_exhaustive()
    }
}
