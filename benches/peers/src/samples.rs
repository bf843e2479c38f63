//! Typical messages, with which the wire format is measured.

/// The request of a load generator.
pub const SMALL_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

/// The request of a browser.
pub const BROWSER_REQUEST: &[u8] = b"GET /articles/2024/either-side?page=2 HTTP/1.1\r\n\
    Host: www.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://www.example.com/articles/\r\n\
    Connection: keep-alive\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    If-None-Match: \"5d41402abc4b2a76\"\r\n\
    Cache-Control: max-age=0\r\n\r\n";

/// The response of a server.
pub const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Server: example\r\n\
    Content-Type: text/html; charset=utf-8\r\n\
    Content-Length: 2\r\n\
    ETag: \"5d41402abc4b2a76\"\r\n\
    Cache-Control: no-cache\r\n\r\n";

/// Returns a body of N chunks of 1 KiB each.
pub fn chunked_body(chunks: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..chunks {
        hangup::h1::chunked::write_chunk(&mut body, &[b'x'; 1024]);
    }
    body.extend_from_slice(b"0\r\n\r\n");
    body
}

/// Decodes a whole body, as a server would, and returns the length of its content.
pub fn decode(mut input: &[u8]) -> u64 {
    use hangup::h1::{BodyDecoder, BodyLimits, Framing, Next};
    let mut decoder = BodyDecoder::response(Framing::Chunked, BodyLimits::default());
    let mut length = 0;
    loop {
        let (framing, next) = decoder.advance(input).expect("it is well-formed");
        input = &input[framing..];
        match next {
            Next::End => return length,
            Next::Payload(most) => {
                let here = input.len().min(usize::try_from(most).unwrap_or(usize::MAX));
                input = &input[here..];
                decoder.payload_taken(here as u64);
                length += here as u64;
            }
            _ => panic!("it is whole"),
        }
    }
}
