//! Content types by the extension of a file.

use std::collections::HashMap;
use std::path::Path;

use http::HeaderValue;

use super::path::extension;

/// The type of a file whose extension says nothing. A browser saves it, and does not look into it for HTML.
const UNKNOWN: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The types of extensions, with those of the program before the built-in ones.
#[derive(Debug, Default)]
pub(super) struct Types {
    /// By extension, in lower case and without the dot.
    given: HashMap<String, HeaderValue>,
}

impl Types {
    pub(super) fn set(&mut self, extension: &str, content_type: HeaderValue) {
        let extension = extension.strip_prefix('.').unwrap_or(extension);
        self.given.insert(extension.to_ascii_lowercase(), content_type);
    }

    /// Returns the type of a file. Text is in UTF-8.
    pub(super) fn of(&self, path: &Path) -> HeaderValue {
        let Some(extension) = extension(path) else { return UNKNOWN };
        if let Some(given) = self.given.get(&extension) {
            return given.clone();
        }
        match mime_guess::from_ext(&extension).first_raw() {
            Some(known) => with_charset(known),
            None => UNKNOWN,
        }
    }
}

fn with_charset(kind: &'static str) -> HeaderValue {
    match kind {
        "text/html" => HeaderValue::from_static("text/html; charset=utf-8"),
        "text/css" => HeaderValue::from_static("text/css; charset=utf-8"),
        "text/javascript" | "application/javascript" => {
            HeaderValue::from_static("text/javascript; charset=utf-8")
        }
        "text/plain" => HeaderValue::from_static("text/plain; charset=utf-8"),
        _ if kind.starts_with("text/") => {
            HeaderValue::try_from(format!("{kind}; charset=utf-8")).unwrap_or(UNKNOWN)
        }
        _ => HeaderValue::from_static(kind),
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h08_types_by_extension() {
        let mut types = Types::default();
        types.set(".Foo", HeaderValue::from_static("application/foo"));
        types.set("log", HeaderValue::from_static("text/plain"));
        for (path, expected) in [
            ("a.html", "text/html; charset=utf-8"),
            ("a.HTM", "text/html; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a.csv", "text/csv; charset=utf-8"),
            ("a.md", "text/markdown; charset=utf-8"),
            ("a.json", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.webp", "image/webp"),
            ("a.avif", "image/avif"),
            ("a.woff2", "font/woff2"),
            ("a.wasm", "application/wasm"),
            ("a.mp4", "video/mp4"),
            ("a.webm", "video/webm"),
            ("a.pdf", "application/pdf"),
            ("a.tar.gz", "application/gzip"),
            ("a.unheard-of", "application/octet-stream"),
            ("html", "application/octet-stream"),
            (".html", "application/octet-stream"),
            ("a.", "application/octet-stream"),
            ("", "application/octet-stream"),
            ("a.foo", "application/foo"),
            ("a.FOO", "application/foo"),
            ("a.log", "text/plain"),
        ] {
            assert_eq!(types.of(Path::new(path)), expected, "{path}");
        }
    }
}
