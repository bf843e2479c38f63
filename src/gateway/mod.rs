//! What FastCGI and CGI have in common: a web server stands between the client and the handler, and
//! tells of the request in variables (RFC 3875 section 4.1); the answer begins with CGI's header
//! (section 6).

#[cfg(feature = "fcgi")]
mod head;
#[cfg(feature = "fcgi")]
mod origin;
#[cfg(feature = "fcgi")]
mod request;
mod variables;

#[cfg(feature = "fcgi")]
pub(crate) use head::{write_head, write_refusal};
#[cfg(feature = "fcgi")]
pub(crate) use origin::Described;
#[cfg(feature = "fcgi")]
pub(crate) use request::read;
pub use variables::{ErrorStream, Variables};
