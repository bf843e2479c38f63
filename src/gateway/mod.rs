//! The common part of FastCGI and CGI: a web server stands between the client and the handler.
//!
//! The web server describes the request in variables (RFC 3875 section 4.1). The response begins with a CGI
//! header (RFC 3875 section 6).
//!
//! | file | side | content |
//! | --- | --- | --- |
//! | `request.rs` `info.rs` | program | the request that the variables describe |
//! | `head.rs` | program | the head of a response |
//! | `script_path.rs` | web server | finding the script in a path |
//! | `variables.rs` | web server | the variables that describe a request |
//! | `whole_body.rs` | web server | bodies of unknown length |
//! | `program_head.rs` | web server | reading the head of a response |
//! | `content.rs` | web server | the body behind it |
//! | `local_redirect.rs` | web server | responses that name another path |
//! | `error_lines.rs` | web server | a program's error output |

mod content;
mod error_lines;
mod head;
mod info;
mod local_redirect;
mod program_head;
mod request;
mod script_path;
mod variables;
mod whole_body;

pub(crate) use content::Content;
pub(crate) use error_lines::{ErrorHook, ErrorLines};
pub(crate) use head::{write_head, write_refusal};
pub(crate) use info::GatewayRequestInfo;
pub(crate) use local_redirect::{IsLocalRedirect, LocalRedirects};
pub(crate) use program_head::{ProgramHead, ProgramHeadReader, program_response};
pub(crate) use request::read;
pub(crate) use script_path::{ScriptPath, ScriptRules};
pub(crate) use variables::Description;
pub(crate) use whole_body::buffer_unsized_body;
