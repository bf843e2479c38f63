//! Reading a request from the variables that describe it (RFC 3875 section 4.1).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use http::{HeaderMap, Method, Uri, Version};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use crate::body::Body;
use crate::h1;
use crate::handler::{Request, Variables};
use crate::net::Addr;

/// The characters that are encoded in a path that the web server has decoded. A request target must not
/// contain them (see [`h1`](crate::h1#request-targets)), or they would change its meaning.
const STRAY: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'`').add(b'%').add(b'?');

/// The values of the variables beyond the request's head.
pub(crate) struct RequestMeta {
    /// The client's address.
    pub(crate) remote: Addr,
    /// The web server's address.
    pub(crate) local: Addr,
    /// The client speaks HTTPS with the web server.
    pub(crate) https: bool,
    /// The length of the body. `None` if the web server does not pass it on.
    pub(crate) content_length: Option<u64>,
}

/// The variables do not describe a request.
#[derive(Debug)]
pub(crate) struct InvalidVariables(&'static str);

/// Returns the request that the variables describe, without its body.
pub(crate) fn read(variables: &Variables) -> Result<(Request, RequestMeta), InvalidVariables> {
    let method =
        variables.present("REQUEST_METHOD").ok_or(InvalidVariables("REQUEST_METHOD missing"))?;
    let mut request = Request::new(Body::empty());
    *request.method_mut() =
        Method::from_bytes(method).map_err(|_| InvalidVariables("REQUEST_METHOD invalid"))?;
    *request.uri_mut() = target(request.method(), variables)?;
    *request.version_mut() = version(variables);
    let content_length = content_length(variables)?;
    let mut headers = headers(variables, content_length)?;
    h1::prefer_authority(request.uri(), &mut headers);
    *request.headers_mut() = headers;
    let meta = RequestMeta {
        remote: address(variables, "REMOTE_ADDR", "REMOTE_PORT"),
        local: address(variables, "SERVER_ADDR", "SERVER_PORT"),
        https: is_https(variables),
        content_length,
    };
    Ok((request, meta))
}

/// Returns the request target as the client sent it, if the web server passes it on. Otherwise it is
/// rebuilt from its parts (RFC 3875 section 3.3).
fn target(method: &Method, variables: &Variables) -> Result<Uri, InvalidVariables> {
    let bad = InvalidVariables("request target malformed");
    if let Some(target) = variables.present("REQUEST_URI") {
        return h1::parse_target(method, target).ok_or(bad);
    }
    let mut target = String::new();
    for part in ["SCRIPT_NAME", "PATH_INFO"] {
        target.extend(percent_encode(variables.get_bytes(part).unwrap_or_default(), STRAY));
    }
    if !target.starts_with('/') {
        target.insert(0, '/');
    }
    let mut target = target.into_bytes();
    if let Some(query) = variables.present("QUERY_STRING") {
        target.push(b'?');
        target.extend_from_slice(query);
    }
    h1::parse_target(method, &target).ok_or(bad)
}

fn version(variables: &Variables) -> Version {
    match variables.get_bytes("SERVER_PROTOCOL") {
        Some(b"HTTP/1.0") => Version::HTTP_10,
        Some(b"HTTP/2.0" | b"HTTP/2") => Version::HTTP_2,
        Some(b"HTTP/3.0" | b"HTTP/3") => Version::HTTP_3,
        _ => Version::HTTP_11,
    }
}

fn content_length(variables: &Variables) -> Result<Option<u64>, InvalidVariables> {
    let Some(length) = variables.present("CONTENT_LENGTH") else { return Ok(None) };
    let digits = length.iter().all(u8::is_ascii_digit);
    let length = std::str::from_utf8(length).ok().filter(|_| digits).and_then(|it| it.parse().ok());
    length.map(Some).ok_or(InvalidVariables("CONTENT_LENGTH invalid"))
}

/// Returns the headers. Content-Type and Content-Length have separate variables, the names of others begin
/// with `HTTP_`.
fn headers(variables: &Variables, length: Option<u64>) -> Result<HeaderMap, InvalidVariables> {
    let mut headers = HeaderMap::new();
    for (name, value) in variables.iter() {
        let Some(name) = name.strip_prefix(b"HTTP_") else { continue };
        let name: Vec<u8> =
            name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
        // `from_bytes` converts it to lower case.
        let name =
            HeaderName::from_bytes(&name).map_err(|_| InvalidVariables("header name invalid"))?;
        let value =
            HeaderValue::from_bytes(value).map_err(|_| InvalidVariables("header value invalid"))?;
        headers.append(name, value);
    }
    if let Some(value) = variables.present("CONTENT_TYPE") {
        let value =
            HeaderValue::from_bytes(value).map_err(|_| InvalidVariables("CONTENT_TYPE invalid"))?;
        headers.insert(CONTENT_TYPE, value);
    }
    // Some web servers also set HTTP_CONTENT_LENGTH, which was not checked.
    headers.remove(CONTENT_LENGTH);
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length.into());
        // The web server has removed the coding. Both headers together allow request smuggling.
        headers.remove(TRANSFER_ENCODING);
    }
    if !headers.contains_key(HOST) {
        if let Some(host) = host(variables) {
            headers.insert(HOST, host);
        }
    }
    Ok(headers)
}

fn host(variables: &Variables) -> Option<HeaderValue> {
    let name = variables.text("SERVER_NAME")?;
    let usual = if is_https(variables) { "443" } else { "80" };
    let host = match variables.text("SERVER_PORT").filter(|port| *port != usual) {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    };
    HeaderValue::try_from(host).ok()
}

fn address(variables: &Variables, ip: &str, port: &str) -> Addr {
    let ip = variables.text(ip).map(|ip| ip.trim_start_matches('[').trim_end_matches(']'));
    match ip.and_then(|ip| ip.parse::<IpAddr>().ok()) {
        Some(ip) => {
            let port = variables.text(port).and_then(|port| port.parse().ok()).unwrap_or(0);
            SocketAddr::new(ip, port).into()
        }
        None => Addr::Unknown,
    }
}

/// Returns `true` if the client uses HTTPS. `HTTPS` is not part of RFC 3875, but every web server sets it.
fn is_https(variables: &Variables) -> bool {
    let set = variables.text("HTTPS").is_some_and(|value| !value.eq_ignore_ascii_case("off"));
    set || variables.get("REQUEST_SCHEME") == Some("https")
}

impl fmt::Display for InvalidVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "web server's variables do not describe a request: {}", self.0)
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    fn read_pairs(pairs: &[(&str, &str)]) -> Result<(Request, RequestMeta), InvalidVariables> {
        let pairs =
            pairs.iter().map(|(name, value)| (name.as_bytes().into(), value.as_bytes().into()));
        read(&pairs.collect())
    }

    #[test]
    fn variables_become_the_request_that_the_client_sent() {
        let (request, meta) = read_pairs(&[
            ("REQUEST_METHOD", "POST"),
            ("REQUEST_URI", "/a%20b?c=d"),
            ("SERVER_PROTOCOL", "HTTP/1.0"),
            ("CONTENT_TYPE", "text/plain"),
            ("CONTENT_LENGTH", "12"),
            ("HTTP_CONTENT_LENGTH", "13"),
            ("HTTP_HOST", "example.org"),
            ("HTTP_X_FORWARDED_FOR", "a, b"),
            ("REMOTE_ADDR", "192.0.2.1"),
            ("REMOTE_PORT", "1234"),
            ("SERVER_ADDR", "::1"),
            ("SERVER_PORT", "443"),
            ("HTTPS", "on"),
        ])
        .unwrap();
        assert_eq!((request.method(), request.version()), (&Method::POST, Version::HTTP_10));
        assert_eq!(request.uri(), "/a%20b?c=d");
        let field = |name: &str| request.headers()[name].to_str().unwrap();
        assert_eq!((field("content-type"), field("content-length")), ("text/plain", "12"));
        assert_eq!((field("host"), field("x-forwarded-for")), ("example.org", "a, b"));
        assert_eq!(meta.remote.to_string(), "192.0.2.1:1234");
        assert_eq!(meta.local.to_string(), "[::1]:443");
        assert!(meta.https && meta.content_length == Some(12));
    }

    #[test]
    fn f01_a_body_has_one_framing() {
        let both = [("HTTP_TRANSFER_ENCODING", "chunked"), ("REQUEST_METHOD", "POST")];
        let (request, _) = read_pairs(&[&both[..], &[("CONTENT_LENGTH", "12")]].concat()).unwrap();
        assert_eq!(request.headers()[CONTENT_LENGTH], "12");
        assert!(!request.headers().contains_key(TRANSFER_ENCODING));
        let (request, _) = read_pairs(&[&both[..], &[("CONTENT_LENGTH", "")]].concat()).unwrap();
        assert_eq!(request.headers()[TRANSFER_ENCODING], "chunked");
    }

    #[test]
    fn a_target_that_is_not_passed_on_is_rebuilt() {
        let method = ("REQUEST_METHOD", "GET");
        for (pairs, target, host) in [
            (
                vec![("SCRIPT_NAME", "/app"), ("PATH_INFO", "/a b?"), ("QUERY_STRING", "c=%20")],
                "/app/a%20b%3F?c=%20",
                None,
            ),
            (vec![("PATH_INFO", "/a`<>\"\u{e9}[]^|")], "/a%60%3C%3E%22%C3%A9[]^|", None),
            (vec![("SERVER_NAME", "a"), ("SERVER_PORT", "80")], "/", Some("a")),
            (
                vec![("SERVER_NAME", "a"), ("SERVER_PORT", "8080"), ("HTTPS", "off")],
                "/",
                Some("a:8080"),
            ),
        ] {
            let (request, meta) = read_pairs(&[&[method], &pairs[..]].concat()).unwrap();
            assert_eq!(request.uri(), target);
            let host = host.map(HeaderValue::from_static);
            assert_eq!(request.headers().get(HOST), host.as_ref());
            assert!(!meta.https && meta.remote == Addr::Unknown);
        }
    }

    #[test]
    fn a_target_may_hold_what_it_may_hold_over_http() {
        for byte in 0..=u8::MAX {
            let allowed = byte.is_ascii_graphic() && !b"\"#<>`".contains(&byte);
            for (name, before) in
                [("REQUEST_URI", "/a"), ("REQUEST_URI", "/?a"), ("QUERY_STRING", "a")]
            {
                let value = [before.as_bytes(), &[byte], b"b"].concat();
                let pairs = [(&b"REQUEST_METHOD"[..], &b"GET"[..]), (name.as_bytes(), &value)];
                let pairs = pairs.map(|(name, value)| (name.into(), value.into()));
                let verdict = read(&pairs.into_iter().collect());
                assert_eq!(verdict.is_ok(), allowed, "{name} {before:?} {byte:#x}");
            }
        }
        for target in ["path", "http://u@a/", "/a#b", "*", "http:///"] {
            let pairs = [("REQUEST_METHOD", "GET"), ("REQUEST_URI", target)];
            assert!(read_pairs(&pairs).is_err(), "{target}");
        }
    }

    #[test]
    fn the_authority_of_an_absolute_target_replaces_host() {
        let (request, _) = read_pairs(&[
            ("REQUEST_METHOD", "GET"),
            ("REQUEST_URI", "http://a.test:81/b"),
            ("HTTP_HOST", "c.test"),
        ])
        .unwrap();
        assert_eq!(request.uri(), "http://a.test:81/b");
        assert_eq!(request.headers()[HOST], "a.test:81");
    }

    #[test]
    fn an_ipv4_client_of_a_dual_stack_web_server_has_an_ipv4_address() {
        let (_, meta) = read_pairs(&[
            ("REQUEST_METHOD", "GET"),
            ("REMOTE_ADDR", "::ffff:192.0.2.1"),
            ("REMOTE_PORT", "1234"),
            ("SERVER_ADDR", "::ffff:192.0.2.2"),
            ("SERVER_PORT", "80"),
        ])
        .unwrap();
        assert_eq!(meta.remote.to_string(), "192.0.2.1:1234");
        assert_eq!(meta.local.to_string(), "192.0.2.2:80");
    }

    #[test]
    fn the_error_of_invalid_variables_names_the_reason() {
        for (pairs, why) in [
            (vec![], "REQUEST_METHOD"),
            (vec![("REQUEST_METHOD", "G T")], "REQUEST_METHOD"),
            (vec![("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/a b")], "target"),
            (vec![("REQUEST_METHOD", "GET"), ("CONTENT_LENGTH", "+1")], "CONTENT_LENGTH"),
            (vec![("REQUEST_METHOD", "GET"), ("HTTP_A", "a\nb")], "value"),
            (vec![("REQUEST_METHOD", "GET"), ("HTTP_", "a")], "name"),
        ] {
            let error = read_pairs(&pairs).err().expect(why);
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
