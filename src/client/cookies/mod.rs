//! The cookie jar (RFC 6265bis), with the feature `cookies`.
//!
//! ```text
//!   Set-Cookie ──> parse ──> State::set ──> the jar     store.rs evict.rs scope.rs suffix.rs
//!   a request's URL ──> State::matching ──> Cookie      store.rs scope.rs
//!   files <──> netscape.rs json.rs                      every cookie through State::insert
//! ```
//!
//! | file | contents |
//! | --- | --- |
//! | `jar.rs` | [`CookieJar`], the shared handle |
//! | `cookie.rs` | [`Cookie`]: one cookie, as users see it |
//! | `store.rs` `evict.rs` | the storage model and its limits; both take the time as a parameter |
//! | `scope.rs` | where a cookie came from, and where it is sent |
//! | `suffix.rs` `punycode.rs` | the public suffixes, also of names beyond ASCII |
//! | `parse.rs` `date.rs` | the syntax of Set-Cookie; they import nothing of the client |
//! | `moment.rs` | points in time |
//! | `netscape.rs` `json.rs` `loaded.rs` | the file formats |

mod cookie;
mod date;
mod evict;
mod jar;
#[cfg(feature = "json")]
mod json;
mod loaded;
mod moment;
mod netscape;
mod parse;
mod punycode;
mod scope;
mod store;
mod suffix;
#[cfg(all(test, not(hangup_shuttle)))]
mod tests;

pub use crate::message::SameSite;
pub use cookie::Cookie;
pub use jar::CookieJar;
pub use loaded::LoadedCookies;
