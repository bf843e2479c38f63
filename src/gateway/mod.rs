//! The common part of FastCGI and CGI: a web server stands between the client and the handler.
//!
//! The web server describes the request in variables (RFC 3875 section 4.1). The response begins with a CGI
//! header (RFC 3875 section 6).

mod head;
mod info;
mod request;

pub(crate) use head::{write_head, write_refusal};
pub(crate) use info::GatewayRequestInfo;
pub(crate) use request::read;
