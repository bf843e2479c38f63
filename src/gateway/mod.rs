//! What FastCGI and CGI have in common: a web server stands between the client and the handler, and
//! tells of the request in variables (RFC 3875 section 4.1); the answer begins with CGI's header
//! (section 6).

mod head;
mod info;
mod request;

pub(crate) use head::{write_head, write_refusal};
pub(crate) use info::GatewayRequestInfo;
pub(crate) use request::read;
