//! The output of `-v` on stderr: request and response heads, and facts of TLS.

use std::io::{Write, stderr};

use hangup::http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use hangup::http::{HeaderMap, HeaderValue, Uri};
use hangup::{Response, ResponseExt, TlsInfo, h1};

use crate::command::Command;
use crate::request::Plan;

impl Command {
    pub(crate) fn show_request(&self, plan: &Plan) {
        if self.verbose {
            let mut headers = plan.headers();
            match plan.payload.len() {
                _ if plan.is_chunked() => {}
                Some(0) => {}
                Some(length) => {
                    headers.insert(CONTENT_LENGTH, length.into());
                }
                None => {
                    let chunked = HeaderValue::from_static("chunked");
                    headers.insert(TRANSFER_ENCODING, chunked);
                }
            }
            let line = format!("{} {} {:?}", plan.method, target(&plan.uri), plan.version);
            show_request_head(&line, &with_host(&plan.uri, headers));
        }
    }
}

pub(crate) fn show_connection(response: &Response) {
    let kind = if response.is_connection_reused() { "used before" } else { "new" };
    if let (Some(local), Some(remote)) = (response.local_addr(), response.remote_addr()) {
        eprintln!("* connection from {local} to {remote}, {kind}");
    }
    if let Some(tls) = response.tls().filter(|_| !response.is_connection_reused()) {
        show_handshake(tls);
    }
}

/// Shows a head as it was received.
pub(crate) fn show_raw(head: &[u8]) {
    let mut shown = Vec::new();
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let line = line.trim_ascii_end();
        shown.extend_from_slice(if line.is_empty() { b"<" } else { b"< " });
        shown.extend_from_slice(line);
        shown.push(b'\n');
    }
    // The transfer continues if stderr is closed.
    let _ = stderr().write_all(&shown);
}

fn show_request_head(line: &str, headers: &HeaderMap) {
    let mut fields = Vec::new();
    for (name, value) in headers {
        let shown = if value.is_sensitive() { b"(hidden)" } else { value.as_bytes() };
        h1::write_field(&mut fields, name, shown);
    }
    let fields = String::from_utf8_lossy(&fields);
    let fields: String = fields.lines().map(|field| format!("> {field}\n")).collect();
    eprintln!("> {line}\n{fields}>");
}

/// Uses curl's words, because users search for them.
fn show_handshake(tls: &TlsInfo) {
    if tls.is_resumed() {
        eprintln!("* SSL re-using session ID");
    }
    eprintln!("* SSL connection using {} / {}", tls.version(), tls.cipher_suite());
    match tls.alpn() {
        Some(protocol) => eprintln!("* ALPN: server accepted {protocol}"),
        None => eprintln!("* ALPN: server did not agree on a protocol. Uses default."),
    }
}

fn target(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}

/// The Host field comes first, as on the wire.
fn with_host(uri: &Uri, others: HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Ok(host) = HeaderValue::from_str(host) {
        headers.insert(HOST, host);
    }
    headers.extend(others);
    headers
}
