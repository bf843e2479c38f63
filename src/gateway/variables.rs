//! The variables that describe a request to a program (RFC 3875 section 4.1).

use std::net::SocketAddr;
use std::path::Path;

use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderName, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::uri::Authority;
use http::{HeaderMap, Version};

use super::script_path::{ScriptPath, under};
use crate::handler::{Request, RequestExt};

/// The headers that a program does not get as `HTTP_` variables: those with a separate variable, those of
/// the client's connection, and `Proxy`, whose variable programs take for their own proxy.
const NOT_PASSED_ON: [HeaderName; 12] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONNECTION,
    EXPECT,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authorization"),
];

/// The facts of a request beside its head.
pub(crate) struct Description<'a> {
    pub(crate) request: &'a Request,
    pub(crate) script: &'a ScriptPath,
    pub(crate) root: Option<&'a Path>,
    /// The length of the body, if it is known.
    pub(crate) length: Option<u64>,
    /// Variables that replace others of the same name.
    pub(crate) fixed: &'a [(String, String)],
}

impl Description<'_> {
    /// Passes each variable to `put`, the name first.
    pub(crate) fn write(&self, mut put: impl FnMut(&[u8], &[u8])) {
        let mut unless_fixed = |name: &str, value: &[u8]| {
            if !self.fixed.iter().any(|(fixed, _)| fixed == name) {
                put(name.as_bytes(), value);
            }
        };
        self.write_request(&mut unless_fixed);
        self.write_script(&mut unless_fixed);
        self.write_connection(&mut unless_fixed);
        self.write_headers(&mut unless_fixed);
        for (name, value) in self.fixed {
            put(name.as_bytes(), value.as_bytes());
        }
    }

    fn write_request(&self, put: &mut impl FnMut(&str, &[u8])) {
        let request = self.request;
        put("GATEWAY_INTERFACE", b"CGI/1.1");
        put("SERVER_SOFTWARE", concat!("hangup/", env!("CARGO_PKG_VERSION")).as_bytes());
        put("SERVER_PROTOCOL", protocol(request.version()));
        put("REQUEST_METHOD", request.method().as_str().as_bytes());
        let uri = request.uri();
        let target = request.original_uri().path_and_query().map_or("/", |target| target.as_str());
        put("REQUEST_URI", target.as_bytes());
        put("QUERY_STRING", uri.query().unwrap_or_default().as_bytes());
        let has_length = request.headers().contains_key(CONTENT_LENGTH);
        if let Some(length) = self.length.filter(|length| *length > 0 || has_length) {
            put("CONTENT_LENGTH", itoa::Buffer::new().format(length).as_bytes());
        }
        let body_type = request.body().content_type();
        if let Some(kind) = request.headers().get(CONTENT_TYPE).or(body_type) {
            put("CONTENT_TYPE", kind.as_bytes());
        }
        // PHP's CGI program refuses to run without it.
        put("REDIRECT_STATUS", b"200");
    }

    fn write_script(&self, put: &mut impl FnMut(&str, &[u8])) {
        let ScriptPath { script_name, path_info, script_filename } = self.script;
        put("SCRIPT_NAME", script_name);
        put("DOCUMENT_URI", &[&script_name[..], path_info].concat());
        if !path_info.is_empty() {
            put("PATH_INFO", path_info);
        }
        if let Some(file) = script_filename {
            put("SCRIPT_FILENAME", file.as_encoded_bytes());
        }
        let Some(root) = self.root else { return };
        put("DOCUMENT_ROOT", root.as_os_str().as_encoded_bytes());
        if let Some(file) = under(root, path_info).ok().filter(|_| !path_info.is_empty()) {
            put("PATH_TRANSLATED", file.as_encoded_bytes());
        }
    }

    fn write_connection(&self, put: &mut impl FnMut(&str, &[u8])) {
        let request = self.request;
        let (https, scheme) =
            (request.is_https(), if request.is_https() { "https" } else { "http" });
        if https {
            put("HTTPS", b"on");
        }
        put("REQUEST_SCHEME", scheme.as_bytes());
        write_client(put, request);
        let local = request.local_addr().and_then(|addr| addr.ip());
        let authority = authority(request);
        let port = local.map(|local| local.port());
        let port = port.or(authority.as_ref().and_then(Authority::port_u16));
        let port = port.unwrap_or(if https { 443 } else { 80 });
        put("SERVER_PORT", itoa::Buffer::new().format(port).as_bytes());
        if let Some(local) = local {
            put("SERVER_ADDR", local.ip().to_canonical().to_string().as_bytes());
        }
        let name = match (&authority, local) {
            (Some(authority), _) => authority.host().to_owned(),
            (None, Some(SocketAddr::V6(local))) => format!("[{}]", local.ip()),
            (None, Some(SocketAddr::V4(local))) => local.ip().to_string(),
            (None, None) => "localhost".to_owned(),
        };
        put("SERVER_NAME", name.as_bytes());
    }

    fn write_headers(&self, put: &mut impl FnMut(&str, &[u8])) {
        let headers = self.request.headers();
        let (mut variable, mut joined) = (String::new(), Vec::new());
        for name in headers.keys() {
            // Its variable would be that of the name with a hyphen.
            if name.as_str().contains('_') || NOT_PASSED_ON.contains(name) {
                continue;
            }
            variable.clear();
            variable.push_str("HTTP_");
            variable.extend(name.as_str().chars().map(|character| match character {
                '-' => '_',
                other => other.to_ascii_uppercase(),
            }));
            put(&variable, value(headers, name, &mut joined));
        }
    }
}

/// Returns the value of a header. Several lines are joined (RFC 9110 section 5.3).
fn value<'a>(headers: &'a HeaderMap, name: &HeaderName, joined: &'a mut Vec<u8>) -> &'a [u8] {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map_or(&b""[..], |value| value.as_bytes());
    let Some(second) = values.next() else { return first };
    // RFC 6265 section 5.4: cookies are separated by semicolons.
    let separator: &[u8] = if *name == COOKIE { b"; " } else { b", " };
    joined.clear();
    joined.extend_from_slice(first);
    for value in std::iter::once(second).chain(values) {
        joined.extend_from_slice(separator);
        joined.extend_from_slice(value.as_bytes());
    }
    joined
}

/// Returns the host and port that the client asked for.
fn authority(request: &Request) -> Option<Authority> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| host.parse::<Authority>().ok());
    host.or_else(|| request.uri().authority().cloned()).filter(|host| !host.as_str().contains('@'))
}

fn protocol(version: Version) -> &'static [u8] {
    match version {
        Version::HTTP_09 => b"HTTP/0.9",
        Version::HTTP_10 => b"HTTP/1.0",
        Version::HTTP_2 => b"HTTP/2.0",
        Version::HTTP_3 => b"HTTP/3.0",
        _ => b"HTTP/1.1",
    }
}

/// Writes the address of the client. One that a proxy has named has no port. A client on a Unix socket has no
/// address, and RFC 3875 section 4.1.8 requires the variable.
fn write_client(put: &mut impl FnMut(&str, &[u8]), request: &Request) {
    let peer = request.remote_socket_addr();
    let client = request.client_ip().map(|client| client.to_canonical());
    let address = client.map_or_else(|| "unix:".to_owned(), |client| client.to_string());
    put("REMOTE_ADDR", address.as_bytes());
    if let Some(peer) = peer.filter(|peer| Some(peer.ip().to_canonical()) == client) {
        put("REMOTE_PORT", itoa::Buffer::new().format(peer.port()).as_bytes());
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    /// Returns the variables of a request as lines.
    fn describe(request: &Request, script: &ScriptPath, fixed: &[(&str, &str)]) -> Vec<String> {
        let fixed: Vec<_> =
            fixed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let root = Some(Path::new("/srv"));
        let length = request.body().len();
        let mut lines = Vec::new();
        Description { request, script, root, length, fixed: &fixed }.write(|name, value| {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            lines.push(format!("{}={}", text(name), text(value)));
        });
        lines.sort();
        lines
    }

    fn script(name: &str, info: &str) -> ScriptPath {
        ScriptPath {
            script_name: name.into(),
            path_info: info.into(),
            script_filename: Some(format!("/srv{name}").into()),
        }
    }

    #[test]
    fn h12_a_request_becomes_the_variables_of_rfc_3875() {
        let request = http::Request::post("/a.php/b%20c?d=%20&e")
            .header("host", "example.org:8080")
            .header("content-type", "text/plain")
            .header("content-length", "99")
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .header("accept", "x/y")
            .header("accept", "z/*")
            .header("x-thing", "1")
            .header("x_thing", "spoofed")
            .header("proxy", "http://evil.test/")
            .header("connection", "keep-alive")
            .header("transfer-encoding", "chunked")
            .header("authorization", "Basic eDp5")
            .body("hello".into())
            .unwrap();
        let lines = describe(&request, &script("/a.php", "/b c"), &[("SERVER_SOFTWARE", "it")]);
        let expected = [
            "CONTENT_LENGTH=5",
            "CONTENT_TYPE=text/plain",
            "DOCUMENT_ROOT=/srv",
            "DOCUMENT_URI=/a.php/b c",
            "GATEWAY_INTERFACE=CGI/1.1",
            "HTTP_ACCEPT=x/y, z/*",
            "HTTP_AUTHORIZATION=Basic eDp5",
            "HTTP_COOKIE=a=1; b=2",
            "HTTP_HOST=example.org:8080",
            "HTTP_X_THING=1",
            "PATH_INFO=/b c",
            "PATH_TRANSLATED=/srv/b c",
            "QUERY_STRING=d=%20&e",
            "REDIRECT_STATUS=200",
            "REMOTE_ADDR=unix:",
            "REQUEST_METHOD=POST",
            "REQUEST_SCHEME=http",
            "REQUEST_URI=/a.php/b%20c?d=%20&e",
            "SCRIPT_FILENAME=/srv/a.php",
            "SCRIPT_NAME=/a.php",
            "SERVER_NAME=example.org",
            "SERVER_PORT=8080",
            "SERVER_PROTOCOL=HTTP/1.1",
            "SERVER_SOFTWARE=it",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn h12_a_name_and_a_port_are_always_there() {
        for (target, host, name, port) in [
            ("/", None, "localhost", "80"),
            ("/", Some("a.test"), "a.test", "80"),
            ("/", Some("[::1]:81"), "[::1]", "81"),
            ("/", Some("not a host"), "localhost", "80"),
            ("/", Some("user@a.test"), "localhost", "80"),
            ("http://b.test:82/c?d", None, "b.test", "82"),
        ] {
            let mut request = http::Request::get(target);
            if let Some(host) = host {
                request = request.header("host", host);
            }
            let lines = describe(&request.body("".into()).unwrap(), &script("", ""), &[]);
            let has = |line: String| assert!(lines.contains(&line), "{line}: {lines:?}");
            has(format!("SERVER_NAME={name}"));
            has(format!("SERVER_PORT={port}"));
            assert!(!lines.iter().any(|line| line.starts_with("CONTENT_LENGTH")));
            assert!(!lines.iter().any(|line| line.contains("http://")), "{lines:?}");
        }
    }
}
