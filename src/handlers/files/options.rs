//! The options of [`Files`](super::Files).

use std::fmt;
use std::path::PathBuf;

use http::HeaderValue;

use super::mime::Types;
use crate::Handler;

#[derive(Debug)]
pub(super) struct Options {
    /// Names of files that stand for their directory, in order of preference.
    pub(super) index: Vec<String>,
    pub(super) listing: bool,
    pub(super) hidden: bool,
    pub(super) precompressed: bool,
    pub(super) nosniff: bool,
    pub(super) cache_control: Option<HeaderValue>,
    pub(super) types: Types,
    pub(super) not_found: NotFound,
}

/// The response to a request for a file that is not there.
#[derive(Default)]
pub(super) enum NotFound {
    /// The error 404, as any handler returns it.
    #[default]
    Error,
    /// This file, with status 404.
    Page(PathBuf),
    /// The response of another handler.
    Handler(Box<dyn Handler>),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            index: vec!["index.html".to_owned()],
            listing: false,
            hidden: false,
            precompressed: false,
            nosniff: false,
            cache_control: None,
            types: Types::default(),
            not_found: NotFound::Error,
        }
    }
}

impl fmt::Debug for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error => f.write_str("Error"),
            Self::Page(page) => f.debug_tuple("Page").field(page).finish(),
            Self::Handler(_) => f.write_str("Handler"),
        }
    }
}
