//! Written heads: each is one message, and reads as it was written.

#![no_main]

use hangup::h1::{self, BodyDecoder, BodyLimits, Framing, HeadScanner, Limits, Next, chunked};
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut words = input.split(|byte| *byte == 0xFE);
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let status = words.next().unwrap_or_default();
    let reason = words.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        let name = HeaderName::from_bytes(name);
        let value = HeaderValue::from_bytes(value.trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers.remove(HOST);
    if let (Ok(method), Ok(target)) = (Method::from_bytes(method), std::str::from_utf8(target)) {
        request(&method, target, &headers);
    }
    if let (Ok(status), Ok(reason)) = (StatusCode::from_bytes(status), std::str::from_utf8(reason))
    {
        response(status, reason, &headers);
    }
    body(input, &headers);
});

fn request(method: &Method, target: &str, headers: &HeaderMap) {
    let mut out = Vec::new();
    // HTTP/1.0, since an HTTP/1.1 request would need a Host.
    if h1::write_request_head(&mut out, method, target, Version::HTTP_10, headers).is_err() {
        assert!(out.is_empty());
        return;
    }
    match HeadScanner::default().request(&out, &Limits::default()) {
        Ok(found) => {
            let (mut head, consumed) = found.expect("a whole head was written");
            assert_eq!(consumed, out.len());
            // The authority of a target in absolute form becomes the Host field.
            if let Some(host) = head.headers.remove(HOST) {
                let host = host.to_str().expect("a valid authority");
                assert!(target.contains(&format!("://{host}")), "{host:?} is not in {target:?}");
            }
            assert_eq!((&head.method, &head.headers), (method, headers));
        }
        // The writer accepts targets that the reader refuses. Every other error is a bug.
        Err(error) => assert!(error.to_string().starts_with("request target"), "{error}"),
    }
}

fn response(status: StatusCode, reason: &str, headers: &HeaderMap) {
    let mut out = Vec::new();
    let version = Version::HTTP_11;
    if h1::write_response_head(&mut out, version, status, Some(reason), headers).is_err() {
        assert!(out.is_empty());
        return;
    }
    let found = HeadScanner::default().response(&out, &Limits::default()).expect("a valid head");
    let (head, consumed) = found.expect("a whole head was written");
    assert_eq!(consumed, out.len());
    assert_eq!((head.status, &head.headers), (status, headers));
    // The reader removes spaces between the status and the reason.
    let reason = reason.trim_start_matches(' ');
    assert_eq!(head.reason.as_deref().or(status.canonical_reason()), Some(reason));
}

fn body(data: &[u8], trailers: &HeaderMap) {
    let mut out = Vec::new();
    for piece in data.chunks(7) {
        chunked::write_chunk(&mut out, piece);
    }
    if chunked::write_end(&mut out, Some(trailers)).is_err() {
        chunked::write_end(&mut out, None).expect("no trailers, nothing forbidden");
    }
    let limits = BodyLimits::new().with_trailers(1 << 20, 10_000);
    let mut decoder = BodyDecoder::request(Framing::Chunked, limits);
    let mut payload = Vec::new();
    let mut input = &out[..];
    loop {
        let (consumed, next) = decoder.advance(input).expect("a valid body");
        input = &input[consumed..];
        match next {
            Next::Payload(n) => {
                let (taken, rest) = input.split_at(n as usize);
                payload.extend_from_slice(taken);
                input = rest;
                decoder.payload_taken(n);
            }
            Next::End => break,
            _ => panic!("the body is whole"),
        }
    }
    assert_eq!((payload.as_slice(), input), (data, &b""[..]));
}
