//! Values that a handler reads from a request: its query, its form, its cookies.
//!
//! [`RequestExt`](crate::RequestExt) returns them. Wrong input is the client's fault: the errors are
//! responses with the status 400, 413, 415 or 422, whose text names the field and the fault.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `path.rs` | values that a router took from the path |
//! | `pairs.rs` `de.rs` | the pairs of a query or a form, also by serde |
//! | `cookies.rs` | cookies |
//! | `read.rs` `json.rs` `json_path.rs` | the whole body as text, as a form, as JSON |
//! | `multipart/` | the body as a form of files, part by part |
//! | `params.rs` | the parameters of fields such as Content-Type |
//! | `fault.rs` | the errors that wrong input becomes |

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
