//! Values that a handler reads from a request: its query, its form, its cookies.
//!
//! | method of [`RequestExt`](crate::RequestExt) | reads |
//! | --- | --- |
//! | [`query`](crate::RequestExt::query) | the query as [`Pairs`] |
//! | `query_as` | the query by serde |
//! | [`form`](crate::RequestExt::form) | a small form as [`Pairs`] |
//! | `form_as` | a small form by serde |
//! | [`multipart`](crate::RequestExt::multipart) | a form with files, part by part |
//! | `json` | JSON by serde |
//! | [`text`](crate::RequestExt::text) | text in its charset |
//! | [`cookies`](crate::RequestExt::cookies) | the [`Cookies`] |
//! | [`path_value`](crate::RequestExt::path_value) | a value that a router took from the path |
//!
//! # Errors
//!
//! Wrong input is the client's fault. The errors are responses, as those of
//! [`Error::status`](crate::Error::status), whose text names the field and the fault. The text has at most 300
//! bytes and no control characters.
//!
//! | status | cause |
//! | --- | --- |
//! | 400 | malformed input, or a value of the query or the path that does not have its type |
//! | 413 | more bytes or parts than the limit |
//! | 415 | a Content-Type or a charset that is not supported |
//! | 422 | a form or JSON that does not have the type that is asked for |
//!
//! # Examples
//!
//! A page that takes files, within limits. A file that is too large is answered with 413, and with a text that
//! names the limit.
//!
//! ```no_run
//! use hangup::extract::MultipartLimits;
//! use hangup::{Html, Request, RequestExt, ResponseWriter, Result, Server};
//! use std::io::Write;
//!
//! const PAGE: &str = r#"<!doctype html><form method="post" enctype="multipart/form-data">
//! <input type="file" name="file" multiple required> <button>Upload</button></form>"#;
//! const LIMITS: MultipartLimits = MultipartLimits::new(1 << 30).part_bytes(256 << 20).parts(20);
//!
//! fn upload(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
//!     if r.method() != "POST" {
//!         return w.send(Html(PAGE));
//!     }
//!     let mut form = r.multipart(LIMITS)?;
//!     while let Some(mut part) = form.next_part()? {
//!         let Some(name) = part.safe_file_name() else { continue };
//!         let bytes = part.save_to(format!("uploads/{name}"))?;
//!         writeln!(w, "{name}: {bytes} bytes")?;
//!     }
//!     Ok(())
//! }
//!
//! fn main() -> std::io::Result<()> {
//!     Server::new(upload).listen("127.0.0.1:8080")?.serve()
//! }
//! ```

mod cookies;
#[cfg(any(feature = "forms", feature = "json"))]
mod de;
mod fault;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "json")]
mod json_path;
mod multipart;
mod pairs;
mod params;
mod path;
mod read;

pub use cookies::Cookies;
#[cfg(any(feature = "forms", feature = "json"))]
pub(crate) use de::{form_as, query_as};
#[cfg(feature = "json")]
pub(crate) use json::json;
pub(crate) use multipart::multipart;
pub use multipart::{MultipartLimits, MultipartReader, PartReader};
pub use pairs::Pairs;
pub(crate) use pairs::Source;
pub(crate) use path::PathValues;
pub(crate) use read::{form, text};
