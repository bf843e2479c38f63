//! What `-v` shows on stderr: heads as they are sent and received, and what TLS agreed on.

use hangup::http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use hangup::http::request::Parts;
use hangup::http::{HeaderMap, HeaderValue, Uri};
use hangup::{Response, ResponseExt, TlsInfo, h1};

use crate::command::Command;
use crate::request::Plan;

impl Command {
    pub(crate) fn show_request(&self, plan: &Plan) {
        if self.verbose {
            let mut headers = plan.headers.clone();
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
            show_head('>', &line, &with_host(&plan.uri, headers));
        }
    }

    pub(crate) fn show_next(&self, next: &Parts) {
        if self.verbose {
            let line = format!("{} {} {:?}", next.method, target(&next.uri), next.version);
            show_head('>', &line, &with_host(&next.uri, next.headers.clone()));
        }
    }

    pub(crate) fn show_response(&self, response: &Response) {
        if self.verbose {
            let kind = if response.is_connection_reused() { "used before" } else { "new" };
            if let (Some(local), Some(remote)) = (response.local_addr(), response.remote_addr()) {
                eprintln!("* connection from {local} to {remote}, {kind}");
            }
            if let Some(tls) = response.tls().filter(|_| !response.is_connection_reused()) {
                show_handshake(tls);
            }
            let status = response.status();
            let reason = response.reason().or(status.canonical_reason()).unwrap_or_default();
            let line = format!("{:?} {} {reason}", response.version(), status.as_str());
            show_head('<', &line, response.headers());
        }
    }
}

pub(crate) fn show_head(mark: char, line: &str, headers: &HeaderMap) {
    let mut fields = Vec::new();
    for (name, value) in headers {
        let shown = if value.is_sensitive() { b"(hidden)" } else { value.as_bytes() };
        h1::write_field(&mut fields, name, shown);
    }
    let fields = String::from_utf8_lossy(&fields);
    let fields: String = fields.lines().map(|field| format!("{mark} {field}\n")).collect();
    eprintln!("{mark} {line}\n{fields}{mark}");
}

/// In curl's words, for the sake of those who search for them.
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

/// The Host field goes first, as it does on the wire.
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
