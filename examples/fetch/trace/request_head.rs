//! The head of a request as it is sent.

use hangup::h1;
use hangup::http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use hangup::http::{HeaderMap, HeaderValue, Uri};

use crate::request::payload::Payload;
use crate::request::{Kind, Plan};

impl Plan {
    /// Returns the request's head. Secrets are hidden.
    pub(crate) fn head(&self, trusted: bool) -> Vec<u8> {
        let mut headers = self.headers(trusted);
        match self.payload.len() {
            _ if self.is_chunked() => {}
            Some(0) if matches!(self.kind, Kind::Get | Kind::Head) => {}
            Some(length) => {
                headers.insert(CONTENT_LENGTH, length.into());
            }
            None if matches!(self.payload, Payload::None) => {}
            None => {
                headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
        }
        let target = self.uri.path_and_query().map_or("/", |target| target.as_str());
        let mut head = format!("{} {target} {:?}\r\n", self.method, self.version).into_bytes();
        for (name, value) in &with_host(&self.uri, headers) {
            let shown = if value.is_sensitive() { b"(hidden)" } else { value.as_bytes() };
            h1::write_field(&mut head, name, shown);
        }
        head.extend_from_slice(b"\r\n");
        head
    }
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
